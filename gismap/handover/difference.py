"""What changes hands between two revisions, or from today to a plan: a list per pair of grids, old and new.

Things are counted by their anchors, so that slivers of redrawn borders count nothing. Of persons in care only what is
published of a whole grid is told; there is no arithmetic with it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import orjson
import shapely
from sqlalchemy import Connection, Row, text

from gismap.access.values import Territory
from gismap.boundaries.plans import base_day, find_plan, merged
from gismap.boundaries.revisions import standing_units
from gismap.boundaries.values import UnitDraft
from gismap.elements.care_counts import FEW, WITHHELD
from gismap.elements.suppression import THRESHOLD
from gismap.errors import BadInputError, NotFoundError
from gismap.geometry.ground import measure
from gismap.geometry.overlay import moved_land
from gismap.handover import queries
from gismap.handover.values import LAYERS, ChangedUnit, Difference, Leaf, Leaves, Pair, Shown


def between_revisions(connection: Connection, a: int, b: int, territories: Sequence[Territory] = ()) -> Difference:
    """What changes hands from revision `a` to the later revision `b`, as far as it concerns the territories.

    Raises:
        NotFoundError: there is no such revision.
        BadInputError: `b` is not later than `a`.
    """
    day_a, day_b = _day_of(connection, a), _day_of(connection, b)
    if day_a >= day_b:
        raise BadInputError(f"revision {b} is not later than {a}: name the earlier one first", field="b")
    rows = connection.execute(text(queries.CHANGED_LEAVES), {"before": day_a, "after": day_b}).all()
    before = {row.unit_id: _leaf(row) for row in rows if row.stood}
    after = {row.unit_id: _leaf(row) for row in rows if row.stands}
    changed = connection.execute(text(queries.CHANGED_UNITS), {"before": day_a, "after": day_b}).all()
    titles = (f"{a}", f"{b}")
    units = [_unit_changed(row) for row in changed if _concerns(territories, row.old_path, row.new_path)]
    return _difference(connection, titles, (day_a, day_b), before, after, units, territories)


def of_plan(connection: Connection, plan_id: str, today: date) -> Difference:
    """What would change hands were a plan in force, from the boundaries that it was drawn on.

    Raises:
        NotFoundError: there is no such plan.
    """
    plan = find_plan(connection, plan_id)
    day = max(base_day(connection, plan, today), today)
    standing = standing_units(connection, day)
    drafts = {draft.key: draft for draft in merged(standing, plan.units, plan.retired)}
    before = {
        row.unit_id: Leaf(row.unit_id, row.code, row.name, row.path, shapely.from_wkb(bytes(row.wkb)))
        for row in standing.values()
        if row.is_leaf
    }
    # a unit of a plan has no path of its own yet: that of the nearest unit above that stands
    after = {
        key: Leaf(key, draft.code, draft.name, _path(draft, drafts, standing), draft.geom)
        for key, draft in drafts.items()
        if draft.geom is not None
    }
    before, after = _around_changes(before, after)
    changed = {unit.key for unit in plan.units} | set(plan.retired)
    units = [_unit_planned(key, standing.get(key), drafts.get(key)) for key in sorted(changed)]
    return _difference(connection, (f"{plan.base_revision or '—'}", plan.title), (day, day), before, after, units, ())


def _difference(
    connection: Connection,
    titles: tuple[str, str],
    days: tuple[date, date],
    before: dict[str, Leaf],
    after: dict[str, Leaf],
    units: Sequence[ChangedUnit],
    territories: Sequence[Territory],
) -> Difference:
    land = moved_land({k: leaf.geom for k, leaf in before.items()}, {k: leaf.geom for k, leaf in after.items()})
    eve = days[1] - timedelta(days=1) if days[0] < days[1] else days[1]
    things = _things(connection, before, after, days, eve)
    before = before | _named(connection, {row.old_key for row in things} - before.keys(), eve)
    after = after | _named(connection, {row.new_key for row in things} - after.keys(), days[1])
    by_land = {(one.before, one.after): one for one in land}
    by_thing: dict[tuple[str | None, str | None], list[Shown]] = defaultdict(list)
    for row in things:
        by_thing[row.old_key, row.new_key].append(_thing(row))
    keys = sorted(by_land.keys() | by_thing.keys(), key=lambda pair: _order(before, after, pair))
    care = _Care(connection, [key for key, _ in keys if key is not None], days[1])
    pairs = []
    for old, new in keys:
        one, leaf, then = by_land.get((old, new)), before.get(old or ""), after.get(new or "")
        if not _concerns(territories, *(side.path for side in (leaf, then) if side is not None)):
            continue
        # a grid that ends, with all its land and things in one other
        whole = old is not None and old not in after and sum(start == old for start, _ in keys) == 1
        area, geom = (one.area_m2, one.geom) if one else (0.0, None)
        pairs.append(Pair(leaf, then, area, geom, by_thing[old, new], care.of(old, is_whole=whole)))
    concerned = {leaf.key for pair in pairs for leaf in (pair.before, pair.after) if leaf is not None}
    posts = _posts(connection, concerned, before, after, eve)
    told = [unit.with_land(pairs) for unit in units]
    told = [unit for unit in told if unit["change"]]  # another only has a vertex more
    return Difference(titles, days, told, pairs, posts, before, after)


# ── sides ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _day_of(connection: Connection, number: int) -> date:
    day: date | None = connection.execute(text(queries.DAY_OF), {"number": number}).scalar()
    if day is None:
        raise NotFoundError(f"there is no revision {number}, or it was withdrawn", field="revision")
    return day


def _leaf(row: Row[Any]) -> Leaf:
    return Leaf(row.unit_id, row.code, row.name, row.path, shapely.from_wkb(bytes(row.wkb)))


def _path(draft: UnitDraft, drafts: Mapping[str, UnitDraft], standing: Mapping[str, Row[Any]]) -> str:
    key: str | None = draft.key
    while key is not None and key not in standing:
        key = drafts[key].parent
    return standing[key].path if key is not None else ""


def _around_changes(before: Leaves, after: Leaves) -> tuple[dict[str, Leaf], dict[str, Leaf]]:
    """The leaves that change, and those beside them, which may own what lies on a border with them."""

    def changes(leaf: Leaf, others: Leaves) -> bool:
        other = others.get(leaf.key)
        return other is None or not shapely.equals_exact(leaf.geom, other.geom)

    changed = [leaf.geom for leaf in before.values() if changes(leaf, after)]
    changed += [leaf.geom for leaf in after.values() if changes(leaf, before)]
    tree = shapely.STRtree(changed)
    sides = []
    for side in (before, after):
        near = np.unique(tree.query([leaf.geom for leaf in side.values()])[0])
        leaves = list(side.values())
        sides.append({leaves[i].key: leaves[i] for i in near})
    return sides[0], sides[1]


def _unit_changed(row: Row[Any]) -> ChangedUnit:
    """A unit that has another version: what of it changed."""
    sides = [
        None if unit is None else {"code": code, "name": name, "area_m2": round(area, 1), "is_leaf": is_leaf}
        for unit, code, name, area, is_leaf in (
            (row.old_unit, row.old_code, row.old_name, row.old_area_m2, row.old_leaf),
            (row.new_unit, row.new_code, row.new_name, row.new_area_m2, row.new_leaf),
        )
    ]
    kinds = _kinds(row.old_unit, row.new_unit, row.old_name == row.new_name, row.old_code == row.new_code,
                   row.old_path == row.new_path)  # fmt: skip
    unit = {"unit": row.new_unit or row.old_unit, "level": row.level, "change": kinds}
    return ChangedUnit(unit | {"before": sides[0], "after": sides[1]}, row.old_path, row.new_path)


def _unit_planned(key: str, row: Row[Any] | None, draft: UnitDraft | None) -> ChangedUnit:
    def side(unit: Any, geom: shapely.Geometry | None, is_leaf: bool) -> Shown | None:
        if unit is None:
            return None
        area = None if geom is None else round(float(measure(np.array([geom], dtype=object))[0][0]), 1)
        return {"code": unit.code, "name": unit.name, "area_m2": area, "is_leaf": is_leaf}

    old = None if row is None else shapely.from_wkb(bytes(row.wkb))
    new = draft and draft.geom
    kinds = _kinds(row, draft, bool(row and draft and row.name == draft.name),
                   bool(row and draft and row.code == draft.code),
                   bool(row and draft and row.parent == draft.parent))  # fmt: skip
    level = draft.level if draft is not None else row.level if row is not None else None
    sides = side(row, old, bool(row and row.is_leaf)), side(draft, new, new is not None)
    told = {"unit": key, "level": level, "change": kinds, "before": sides[0], "after": sides[1]}
    return ChangedUnit(told, row and row.path, row and row.path)


def _kinds(old: object, new: object, same_name: bool, same_code: bool, same_place: bool) -> list[str]:
    if old is None:
        return ["created"]
    if new is None:
        return ["retired"]
    same = {"renamed": same_name, "renumbered": same_code, "moved": same_place}
    return [kind for kind, is_same in same.items() if not is_same]


# ── what changes hands ─────────────────────────────────────────────────────────────────────────────────────────────


def _things(
    connection: Connection, before: Leaves, after: Leaves, days: tuple[date, date], eve: date
) -> Sequence[Row[Any]]:
    """Things that have another owner after than before, with both."""
    shapes = []
    for is_new, side in ((False, before), (True, after)):
        ranked = sorted(side.values(), key=lambda leaf: (leaf.code is None, leaf.code or "", leaf.key))
        for rank, leaf in enumerate(ranked):
            wkb = shapely.to_wkb(shapely.set_srid(leaf.geom, 4490), hex=True, include_srid=True)
            shapes.append({"is_new": is_new, "key": leaf.key, "rank": rank, "geom": wkb})
    if not shapes:
        return []
    values = {
        "shapes": orjson.dumps(shapes).decode(),
        "before": days[0],
        "eve": eve,
        "after": days[1],
        "layers": list(LAYERS),
    }
    return connection.execute(text(queries.THINGS_MOVED), values).all()


def _named(connection: Connection, keys: set[Any], day: date) -> dict[str, Leaf]:
    """Grids by identity, of which nothing but a ruling tells."""
    units = sorted(key for key in keys if key is not None)
    if not units:
        return {}
    return {
        row.unit_id: _leaf(row) for row in connection.execute(text(queries.LEAVES_NAMED), {"units": units, "day": day})
    }


def _thing(row: Row[Any]) -> Shown:
    return {
        "element_id": row.element_id,
        "layer": row.layer,
        "category": row.category,
        "name": row.name,
        "address": row.address,
        "households": row.households,
    }


def _order(before: Leaves, after: Leaves, pair: tuple[str | None, str | None]) -> tuple[str, str, str, str]:
    old, new = before.get(pair[0] or ""), after.get(pair[1] or "")
    return (old and old.code) or "~", (new and new.code) or "~", pair[0] or "", pair[1] or ""


class _Care:
    """What may be told of persons in care: what was published of a whole grid, as it was published.

    Land that is only a part of a grid is a free shape: with no whole unit in it, nothing can be told of it but that.
    Were it told, the part could be subtracted from the whole.
    """

    def __init__(self, connection: Connection, units: Iterable[str], day: date) -> None:
        self._counts: dict[str, Shown] = defaultdict(dict)
        self._month: str | None = None
        for row in connection.execute(text(queries.CARE), {"units": sorted(set(units)), "day": day}):
            self._month = f"{row.month:%Y-%m}"
            shown = row.shown if (row.shown or 0) >= THRESHOLD else WITHHELD
            self._counts[row.unit][row.category or "total"] = shown

    def of(self, unit: str | None, *, is_whole: bool) -> Shown:
        if is_whole and unit is not None:
            return {"month": self._month, "counts": self._counts.get(unit, {})}
        return {"month": self._month, "counts": {"total": FEW}}


def _posts(connection: Connection, units: Iterable[str], before: Leaves, after: Leaves, day: date) -> list[Shown]:
    """Who has a post in the grids concerned on a day before the change, masked, and what becomes of the post."""
    values = {"units": sorted(set(units)), "day": day}
    posts = []
    for row in connection.execute(text(queries.POSTS), values).mappings():
        leaf = before.get(row["unit"])
        if leaf is not None:
            fate = "stays" if row["unit"] in after else "ends"
            posts.append({**row, "code": leaf.code, "grid": leaf.name, "fate": fate})
    return posts


def _concerns(territories: Sequence[Territory], *paths: str | None) -> bool:
    """Whether one of these paths lies in the territories (none: the whole district)."""
    return not territories or any(
        path is not None and low <= path < high for path in paths for low, high in territories
    )
