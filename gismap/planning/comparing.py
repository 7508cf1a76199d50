"""What a plan changes, against the boundaries that it was drawn on or against another plan: units, people and things.

The difference is of people and things that change hands, not of pieces of overlaid polygons.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson
import shapely
from sqlalchemy import Connection

from gismap.boundaries.plan_sheet import Sheet, row_of
from gismap.boundaries.plans import Plan, base_day, find_plan, newest_revision
from gismap.boundaries.values import UnitDraft
from gismap.elements.handover import Handed, handover
from gismap.geometry.defects import NOISE_M2
from gismap.geometry.ground import measure
from gismap.staff.counting import posts_in

COUNTS = {"buildings": "buildings", "key_places": "places", "service_stations": "stations", "supplies": "supplies"}


@dataclass(frozen=True, slots=True)
class Change:
    """A unit before and after; None: it is not there."""

    key: str
    before: UnitDraft | None
    after: UnitDraft | None

    @property
    def unit(self) -> UnitDraft:
        """The unit as it will be, or as it was when it ends."""
        unit = self.after or self.before
        assert unit is not None
        return unit

    def kinds(self) -> list[str]:
        """What happens to it: created, retired, or what of it changes; nothing when only its vertices do."""
        if self.before is None:
            return ["created"]
        if self.after is None:
            return ["retired"]
        old, new = self.before, self.after
        same = {
            "renamed": old.name == new.name,
            "renumbered": (old.code, old.division_code) == (new.code, new.division_code),
            "moved": old.parent == new.parent,
            "reshaped": _same_land(old.geom, new.geom),
            "typed": (old.kind, old.zone_type, old.governance_mode) == (new.kind, new.zone_type, new.governance_mode),
        }
        return [kind for kind, is_same in same.items() if not is_same]


def changes_of(connection: Connection, plan_id: str, today: date, other_id: str | None = None) -> list[Change]:
    """What changes from the boundaries that the plan was drawn on, or from another plan, to the plan.

    Raises:
        NotFoundError: there is no such plan.
    """
    plan = find_plan(connection, plan_id)
    other = None if other_id is None else find_plan(connection, other_id)
    keys = sorted(_touched(plan) | (_touched(other) if other else set()))
    after = _state(connection, plan, keys, today)
    if other is not None:
        before = _state(connection, other, keys, today)
    else:
        before = dict(Sheet(connection, plan_id, base_day(connection, plan, today)).published(keys))
    found = [Change(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]
    return [change for change in found if change.kinds()]


def difference(connection: Connection, plan_id: str, today: date, other_id: str | None = None) -> dict[str, Any]:
    """The changes in numbers: each unit before and after, and what goes from which grid to which."""
    changes = changes_of(connection, plan_id, today, other_id)
    told = describe_changes(connection, changes, today)
    plan = find_plan(connection, plan_id)
    return {
        "plan": plan_id,
        "compared_with": other_id or "published",
        "base_revision": plan.base_revision,
        "base_moved": newest_revision(connection) != plan.base_revision,
        **told,
    }


def describe_changes(connection: Connection, changes: Sequence[Change], today: date) -> dict[str, Any]:
    """`units` with area, households, buildings, places and posts before and after; `moves` from grid to grid."""
    before = {c.key: c.before.geom for c in changes if c.before is not None and c.before.geom is not None}
    after = {c.key: c.after.geom for c in changes if c.after is not None and c.after.geom is not None}
    handed = handover(connection, before, after, today)
    posts = posts_in(connection, [c.key for c in changes], today)
    names = {c.key: {"unit": c.key, "code": c.unit.code, "name": c.unit.name} for c in changes}
    sums = {False: _sums((each.before, each) for each in handed), True: _sums((each.after, each) for each in handed)}
    areas = {False: _areas(before), True: _areas(after)}

    def side(change: Change, is_after: bool) -> dict[str, Any] | None:
        unit = change.after if is_after else change.before
        if unit is None:
            return None
        told = {"name": unit.name, "code": unit.code, "parent": unit.parent, "posts": posts.get(unit.key, 0)}
        if unit.geom is None:
            return told
        return told | {"area_m2": round(areas[is_after][unit.key], 1)} | sums[is_after][unit.key]

    units = [
        {**names[c.key], "level": c.unit.level, "change": c.kinds(), "before": side(c, False), "after": side(c, True)}
        for c in changes
    ]
    moves = [
        {
            "from": names.get(each.before or ""),
            "to": names.get(each.after or ""),
            "layer": each.layer,
            "things": each.things,
            "households": each.households,
        }
        for each in handed
        if each.before != each.after
    ]
    return {"units": units, "moves": moves}


def parts_by_unit(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """Each unit's own part of the changes: of the units right below it, before or after, and of itself if it has any.

    Among them are units that the plan makes, in whose name nobody can say anything yet.
    """
    parts: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        concerned = {unit.parent for unit in (change.before, change.after) if unit is not None}
        if change.before is not None and change.before.geom is None:
            concerned.add(change.key)
        for unit in concerned:
            if unit is not None:
                parts[unit].append(change)
    return dict(parts)


def digest_of(part: Sequence[Change]) -> str:
    """SHA-256 of what a part says: it is another when anything in it is."""
    rows = [[c.key, c.before and row_of(c.before), c.after and row_of(c.after)] for c in part]
    return hashlib.sha256(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _touched(plan: Plan) -> set[str]:
    return {unit.key for unit in plan.units} | set(plan.retired)


def _state(connection: Connection, plan: Plan, keys: Sequence[str], today: date) -> dict[str, UnitDraft]:
    """The units of these keys as they stand in a plan."""
    own = {unit.key: unit for unit in plan.units}
    published = Sheet(connection, plan.plan_id, base_day(connection, plan, today)).published(keys)
    return {**{key: unit for key, unit in published.items() if key not in plan.retired}, **own}


def _same_land(old: shapely.Geometry | None, new: shapely.Geometry | None) -> bool:
    if old is None or new is None:
        return old is new
    if shapely.equals_exact(old, new):
        return True
    (area,), _ = measure(np.array([shapely.symmetric_difference(old, new)], dtype=object))
    return bool(area <= NOISE_M2)


def _sums(owned: Iterable[tuple[str | None, Handed]]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(["households", *COUNTS.values()], 0))
    for key, each in owned:
        if key is not None:
            sums[key]["households"] += each.households
            sums[key][COUNTS[each.layer]] += each.things
    return sums


def _areas(shapes: Mapping[str, shapely.Geometry]) -> dict[str, float]:
    areas, _ = measure(np.array(list(shapes.values()), dtype=object))
    return dict(zip(shapes, map(float, areas), strict=True))
