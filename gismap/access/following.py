"""Grants follow the boundaries: what was granted in a unit that ends is granted in what took over its land, no more.

How land is divided is `gismap.geometry.succession`'s business, when boundaries change is the publication's.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from gismap.access import queries
from gismap.access.sessions import refresh_scopes
from gismap.geometry.succession import SLIVER_SHARE, Succession
from gismap.store import audit


@dataclass(frozen=True, slots=True)
class Lapse:
    """What a grant held in its unit and nobody was granted again; `now_in` names the units that have that land."""

    grant: int
    username: str
    role: str
    unit: str
    share: float
    now_in: Sequence[str]

    def __str__(self) -> str:
        where = "、".join(self.now_in) or "no unit any more"
        why = "whose other land was not granted; " if self.now_in else ""
        return (
            f"grant {self.grant} ({self.username}: {self.role} in {self.unit}) was not followed for "
            f"{self.share:.0%} of the land, now in {where}, {why}grant anew where it is right"
        )


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of grants: how many were followed, what lapsed, and which grants were ended (with the ends that they
    had before) and made, so that it can be set back.
    """

    followed: int
    lapses: Sequence[Lapse]
    ended: Mapping[int, datetime]
    made: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Heirloom:
    """A grant to be made in place of others."""

    grants: Sequence[Row[Any]]
    unit: str
    starts_at: datetime
    ends_at: datetime


def follow_grants(
    connection: Connection,
    succession: Succession,
    retired: Collection[str],
    *,
    moment: datetime,
    today: date,
    actor: str,
) -> Followed:
    """End all grants in retired units at `moment`, and grant the same, from then to their old ends, in their heirs.

    Who was granted several units that became one is granted that one, for as long as all of them were.
    """
    values = {"units": list(retired), "moment": moment}
    ending = connection.execute(text(queries.GRANTS_IN), values).all()
    if not ending:
        return Followed(0, [], {}, [])
    kept = connection.execute(text(queries.GRANTS_BESIDE), values).all()
    connection.execute(text(queries.END_GRANTS), {"grants": [g.grant_id for g in ending], "moment": moment})
    by_holder: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for grant in ending:
        by_holder[grant.account_id, grant.role].append(grant)
    followed, lapses, numbers = 0, [], []
    for holder, grants in by_holder.items():
        heirlooms = _heirlooms(succession, grants, moment)
        made = [(heirloom, _make(connection, heirloom, actor)) for heirloom in heirlooms]
        numbers += [number for _, number in made]
        beside = [grant for grant in kept if (grant.account_id, grant.role) == holder]
        for grant in grants:
            mine = [(heirloom.unit, number) for heirloom, number in made if grant in heirloom.grants]
            followed += bool(mine)
            lapse = _lapse(succession, grant, [unit for unit, _ in mine], beside, moment)
            _enter(connection, actor, grant, mine, lapse)
            lapses += [lapse] if lapse else []
    refresh_scopes(connection, today, sorted({grant.account_id for grant in ending}))
    return Followed(followed, lapses, {grant.grant_id: grant.ends_at for grant in ending}, numbers)


def _heirlooms(succession: Succession, grants: Sequence[Row[Any]], moment: datetime) -> list[_Heirloom]:
    """What is granted in place of one holder's grants of one role."""
    found, partial = [], []
    for grant in grants:
        heirs = succession.heirs([grant.unit_id])
        found += [_Heirloom([grant], heir, max(grant.starts_at, moment), grant.ends_at) for heir in heirs]
        if succession.elsewhere(grant.unit_id, heirs)[0] > SLIVER_SHARE:
            partial.append(grant)
    units = {grant.unit_id for grant in partial}
    starts_at = max((moment, *(grant.starts_at for grant in partial)))
    ends_at = min((grant.ends_at for grant in partial), default=moment)
    if len(units) > 1 and starts_at < ends_at:
        known = {heirloom.unit for heirloom in found}
        joint = [heir for heir in succession.heirs(units) if heir not in known]
        found += [_Heirloom(partial, heir, starts_at, ends_at) for heir in joint]
    return found


def _make(connection: Connection, heirloom: _Heirloom, actor: str) -> int:
    first = heirloom.grants[0]
    values = {"account_id": first.account_id, "role": first.role, "unit_id": heirloom.unit, "granted_by": actor}
    times = {"starts_at": heirloom.starts_at, "ends_at": heirloom.ends_at}
    number: int = connection.execute(text(queries.ADD_GRANT), values | times).scalar_one()
    return number


def _lapse(
    succession: Succession, grant: Row[Any], heirs: Sequence[str], beside: Sequence[Row[Any]], moment: datetime
) -> Lapse | None:
    """What of the grant's land its holder is not granted any more, not by another grant of the role either."""
    begins = max(grant.starts_at, moment)
    lasting = [one for one in beside if one.starts_at <= begins and one.ends_at >= grant.ends_at]
    if any(one.unit_id is None for one in lasting):
        return None
    share, holders = succession.elsewhere(grant.unit_id, [*heirs, *(one.unit_id for one in lasting)])
    if share <= SLIVER_SHARE:
        return None
    names = [succession.new[holder].name for holder in holders]
    return Lapse(grant.grant_id, grant.username, grant.role, succession.old[grant.unit_id].name, share, names)


def _enter(
    connection: Connection, actor: str, grant: Row[Any], made: Sequence[tuple[str, int]], lapse: Lapse | None
) -> None:
    detail: dict[str, Any] = {"grant": grant.grant_id, "role": grant.role, "unit": grant.unit_id}
    subject = f"account {grant.account_id}"
    if made:
        grants = [{"grant": number, "unit": unit} for unit, number in made]
        audit.append(connection, actor=actor, action="follow grant", subject=subject, detail={**detail, "by": grants})
    if lapse:
        lost = {"share": round(lapse.share, 4), "now_in": list(lapse.now_in), "reason": str(lapse)}
        audit.append(connection, actor=actor, action="grant lapses", subject=subject, detail=detail | lost)
