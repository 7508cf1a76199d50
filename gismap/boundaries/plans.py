"""Plans: drafts of boundaries that are kept apart from what is published, and the whole hierarchy that they would make.

Only what a plan adds, changes or ends is stored. Units that are published are known by their identity, which is their
key, too. How plans are edited is in `plan_sheet` and `plan_edits`; publishing them is `gismap.planning`'s business.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from random import SystemRandom
from typing import Any

import shapely
from sqlalchemy import Connection, Row, text

from gismap.boundaries.revisions import StandingUnits
from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.geometry.codes import new_unit_id
from gismap.store.copying import copy_rows, ewkb

UNIT_COLUMNS = (
    "plan_id key parent unit_id code division_code name level kind zone_type governance_mode geom retired"
).split()


@dataclass(frozen=True, slots=True)
class Plan:
    """A stored plan; `units` refer to each other by key and to published units by identity.

    `retired` are published units that end with it; `path` is that of the unit that it is about, empty for the district.
    """

    plan_id: str
    title: str
    author: str
    base_revision: int | None
    created_at: datetime
    published_as: int | None
    units: Sequence[UnitDraft]
    retired: frozenset[str]
    path: str
    needs_signoff: bool


def save_plan(
    connection: Connection,
    title: str,
    author: str,
    units: Sequence[UnitDraft] = (),
    *,
    retired: Collection[UnitDraft] = (),
    path: str = "",
    needs_signoff: bool = False,
) -> str:
    """Store a plan on the newest revision and return its identity, such as `p7k2m0q`."""
    plan_id = "p" + new_unit_id(SystemRandom())[1:]
    connection.execute(
        text("""
            INSERT INTO plan (plan_id, title, author, base_revision, path, needs_signoff)
            VALUES (:plan_id, :title, :author, (SELECT max(number) FROM revision WHERE withdrawn_at IS NULL),
                    :path, :needs_signoff)
        """),
        {"plan_id": plan_id, "title": title, "author": author, "path": path, "needs_signoff": needs_signoff},
    )
    rows = [*units, *(replace(unit, geom=None) for unit in retired)]
    if not rows:
        return plan_id  # an empty draft, which the service may make; it cannot COPY below policies
    geom = ewkb([unit.geom for unit in rows])
    copy_rows(
        connection,
        "plan_unit",
        UNIT_COLUMNS,
        (
            (
                plan_id, unit.key, unit.parent, unit.unit_id, unit.code, unit.division_code, unit.name, unit.level,
                unit.kind, unit.zone_type, unit.governance_mode, geom[i], i >= len(units),
            )
            for i, unit in enumerate(rows)
        ),
    )  # fmt: skip
    return plan_id


def find_plan(connection: Connection, plan_id: str) -> Plan:
    """The plan of that identity.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(text("SELECT * FROM plan WHERE plan_id = :plan_id"), {"plan_id": plan_id}).first()
    if row is None:
        raise NotFoundError(f"there is no plan {plan_id!r}; `gismap plan list` shows them", field="plan")
    units = connection.execute(
        text("SELECT *, ST_AsBinary(geom) AS wkb FROM plan_unit WHERE plan_id = :plan_id ORDER BY level, key"),
        {"plan_id": plan_id},
    ).all()
    return Plan(
        row.plan_id, row.title, row.author, row.base_revision, row.created_at, row.published_as,
        [draft_of(unit, unit.key, unit.unit_id, unit.wkb) for unit in units if not unit.retired],
        frozenset(unit.unit_id for unit in units if unit.retired),
        row.path, row.needs_signoff,
    )  # fmt: skip


def find_header(connection: Connection, plan_id: str) -> Row[Any]:
    """The plan without its units, which may be thousands.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(
        text("""
            SELECT plan_id, title, author, base_revision, created_at, published_as, path, needs_signoff,
                   CASE WHEN lock_until > now() THEN lock_holder END AS edited_by, lock_until
            FROM plan WHERE plan_id = :plan_id
        """),
        {"plan_id": plan_id},
    ).first()
    if row is None:
        raise NotFoundError(f"there is no plan {plan_id!r}; `gismap plan list` shows them", field="plan")
    return row


def list_plans(connection: Connection) -> Sequence[Row[Any]]:
    """All plans, the newest first, with how many leaves each draws."""
    return connection.execute(
        text("""
            SELECT p.plan_id, p.title, p.author, p.base_revision, p.created_at, p.published_as, p.needs_signoff,
                   p.base_revision IS DISTINCT FROM (SELECT max(number) FROM revision WHERE withdrawn_at IS NULL)
                       AND p.published_as IS NULL AS base_moved,
                   CASE WHEN p.lock_until > now() THEN p.lock_holder END AS edited_by, count(u.geom) AS leaves
            FROM plan p LEFT JOIN plan_unit u USING (plan_id)
            GROUP BY p.plan_id ORDER BY p.created_at DESC
        """)
    ).all()


def mark_published(connection: Connection, plan_id: str, revision: int) -> None:
    """Record that a plan became a revision.

    Raises:
        ConflictError: it already was published.
    """
    marked = connection.execute(
        text("UPDATE plan SET published_as = :revision WHERE plan_id = :plan_id AND published_as IS NULL"),
        {"plan_id": plan_id, "revision": revision},
    )
    if not marked.rowcount:
        raise ConflictError(f"plan {plan_id} is already published", field="plan")


def base_day(connection: Connection, plan: Plan | Row[Any], today: date) -> date:
    """A day on which what the plan is based on stands: its changes are changes of the boundaries of that day."""
    day: date | None = connection.execute(
        text("SELECT effective_from FROM revision WHERE number = :number"), {"number": plan.base_revision}
    ).scalar()
    return day or today


def newest_revision(connection: Connection) -> int | None:
    """The number of the newest revision, in force or not; None when nothing is published."""
    number: int | None = connection.execute(
        text("SELECT max(number) FROM revision WHERE withdrawn_at IS NULL")
    ).scalar()
    return number


def check_base(connection: Connection, plan: Plan) -> None:
    """Refuse to go on with a plan whose base is not the newest revision any more.

    Raises:
        ConflictError: it has moved.
    """
    newest = newest_revision(connection)
    if newest != plan.base_revision:
        raise ConflictError(
            f"plan {plan.plan_id} was drawn on revision {plan.base_revision or 'none'}, and the newest is "
            f"{newest or 'none'} now: rebase it first, nothing is overwritten",
            field="base_revision",
        )


def check_new_codes(connection: Connection, plan: Plan) -> None:
    """Refuse codes that ever were another unit's: a code is never used again.

    Raises:
        BadInputError: names the first of them.
    """
    codes = {unit.code: unit.unit_id for unit in plan.units if unit.code is not None}
    row = connection.execute(
        text("""
            SELECT g.code, g.name FROM grid g
            JOIN unnest(CAST(:codes AS text[]), CAST(:units AS text[])) AS wanted (code, unit_id) USING (code)
            WHERE g.unit_id IS DISTINCT FROM wanted.unit_id
              AND (wanted.unit_id IS NOT NULL OR NOT upper_inf(g.valid))
            ORDER BY g.code LIMIT 1
        """),
        {"codes": list(codes), "units": list(codes.values())},
    ).first()
    if row is not None:
        raise BadInputError(f"code {row.code} is or was that of {row.name}: a code is never used again", field="code")


def merged(
    standing: StandingUnits, units: Sequence[UnitDraft], retired: Collection[str] = frozenset()
) -> list[UnitDraft]:
    """The whole hierarchy that stands once a plan is in force: what is published, with the plan's units over it.

    A published leaf that gets children in the plan is drawn by them from then on; what is retired is left out.
    """
    continued = {unit.unit_id for unit in units if unit.unit_id is not None} | set(retired)
    parents = {unit.parent for unit in units}
    kept = [
        draft_of(row, row.unit_id, row.unit_id, row.wkb if row.is_leaf else None)
        for row in standing.values()
        if row.unit_id not in continued
    ]
    return [replace(unit, geom=None) if unit.key in parents else unit for unit in kept] + list(units)


def draft_of(row: Row[Any], key: str, unit_id: str | None, wkb: bytes | None) -> UnitDraft:
    """The draft that a row of a plan or of published units says."""
    return UnitDraft(
        key=key,
        name=row.name,
        level=row.level,
        parent=row.parent,
        code=row.code,
        division_code=row.division_code,
        kind=GridKind(row.kind),
        zone_type=row.zone_type and ZoneType(row.zone_type),
        governance_mode=row.governance_mode,
        geom=None if wkb is None else shapely.from_wkb(bytes(wkb)),
        unit_id=unit_id,
    )
