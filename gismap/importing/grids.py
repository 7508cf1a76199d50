"""Reads a file of grids, with or without the units above them, into the hierarchy to publish; publishing is elsewhere.

The file gives all leaves below the parents that it names: standing leaves there that it lacks are retired, all other
units stand as they do.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shapely import MultiPolygon
from sqlalchemy import Connection

from gismap.boundaries.plans import draft_of, merged, save_plan
from gismap.boundaries.revisions import StandingUnits, newest_units, standing_units
from gismap.boundaries.service import district_bounds
from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.importing.drafting import CleanTable
from gismap.importing.forms import SHAPE
from gismap.importing.grid_form import ABOVE, GRIDS
from gismap.importing.preparing import Order, Surroundings, in_order, understand
from gismap.importing.values import Rejection
from gismap.publishing import Publication, publish


def import_grids(
    connection: Connection,
    order: Order,
    *,
    effective_from: date,
    today: date,
    author: str,
    reason: str,
    far_km: float,
) -> tuple[Publication | None, list[Rejection], list[str]]:
    """Publish the file's grids, beside what stands, as the boundaries from a day on.

    Returns the publication (None where a row is rejected: nothing is published then), rejections and notes.

    Raises:
        BadInputError: the file cannot be used, or the units are no hierarchy.
        CoverageError: the result is not seamless.
        ConflictError: the day is past or taken.
    """
    standing = standing_units(connection, effective_from)
    around = Surroundings(GRIDS, None, district_bounds(connection, effective_from), {}, effective_from, far_km)
    understood = understand(order, around, persons=False)
    units, wrong = grid_drafts(understood.table, standing)
    rejections = in_order(understood.rejections + wrong)
    if rejections:
        return None, rejections, understood.notes
    whole = merged(_without_replaced(standing, units), units)
    publication = publish(connection, whole, effective_from=effective_from, today=today, author=author, reason=reason)
    return publication, [], understood.notes


def plan_grids(
    connection: Connection, order: Order, title: str, *, author: str, today: date, far_km: float
) -> tuple[str | None, list[Rejection], list[str]]:
    """Save the file's grids as a plan on the newest boundaries; standing leaves below the same parents end with it.

    Returns the plan (None where a row is rejected: nothing is saved then), rejections and notes.

    Raises:
        BadInputError: the file cannot be used.
    """
    standing = newest_units(connection, today)
    around = Surroundings(GRIDS, None, district_bounds(connection, today), {}, today, far_km)
    understood = understand(order, around, persons=False)
    units, wrong = grid_drafts(understood.table, standing)
    rejections = in_order(understood.rejections + wrong)
    if rejections:
        return None, rejections, understood.notes
    kept = _without_replaced(standing, units)
    retired = [draft_of(row, key, key, None) for key, row in standing.items() if key not in kept]
    return save_plan(connection, title, author, units, retired=retired), [], understood.notes


def grid_drafts(table: CleanTable, standing: StandingUnits) -> tuple[list[UnitDraft], list[Rejection]]:
    """The file's units, those that stand already by their identity; and rows whose parent is unknown."""
    known = _Names(standing)
    names = [field.name for field in GRIDS.fields if field.name != SHAPE.name]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*map(table.value, names), strict=True)]
    above = _units_above(rows, known)
    keys = [known.add(row["code"], row["name"]) for row in rows]
    units, rejections = list(above.values()), []
    for row, number, key, geom in zip(rows, table.rows, keys, table.geom, strict=True):
        level = row["level"] or (4 if geom is not None else None)
        parent = row["parent"] or _lowest_above(row)
        if level is None:
            rejections.append(Rejection(int(number), "level", "is empty, and must not be where there is no shape"))
        elif parent is None and level > 2:
            rejections.append(Rejection(int(number), "parent", "is empty: name the unit above"))
        elif parent is not None and known.key_of(parent) is None:
            rejections.append(Rejection(int(number), "parent", f"there is no unit {parent!r}, here or published"))
        else:
            units.append(_unit(row, key, level, known.key_of(parent) if parent else None, geom, standing))
    return units, rejections


class _Names:
    """Finds units of the file and standing ones by code, identity or name; keys of standing ones are identities."""

    def __init__(self, standing: StandingUnits) -> None:
        self._by_name: dict[str, str] = {}
        for row in standing.values():
            for name in (row.name, row.unit_id, row.code):
                if name is not None:
                    self._by_name[name] = row.unit_id

    def add(self, code: str | None, name: str) -> str:
        """The key of a unit of the file; codes tell units apart, names those without a code."""
        own = code or name
        key = self._by_name.setdefault(own, own)
        self._by_name.setdefault(name, key)
        return key

    def key_of(self, name: str) -> str | None:
        return self._by_name.get(name)


def _units_above(rows: Sequence[Mapping[str, Any]], known: _Names) -> dict[str, UnitDraft]:
    """Units that columns of the leaves name, each once, topmost first; those that stand already stay as they are."""
    units: dict[str, UnitDraft] = {}
    for level, name, _ in ABOVE:
        for row in rows:
            code, title = row[f"{name}_code"], row[f"{name}_name"]
            own = code or title
            if own is not None and known.key_of(own) is None:
                above = _lowest_above(row, below=level)
                parent = known.key_of(above) if above else None
                key = known.add(code, title or own)
                units[key] = UnitDraft(key, title or own, level, parent, code=code)
    return units


def _lowest_above(row: Mapping[str, Any], below: int = 4) -> str | None:
    """What the columns of levels call the unit right above a row."""
    given = [row[f"{name}_code"] or row[f"{name}_name"] for level, name, _ in ABOVE if level < below]
    return next((own for own in reversed(given) if own is not None), None)


def _unit(
    row: Mapping[str, Any], key: str, level: int, parent: str | None, geom: Any, standing: StandingUnits
) -> UnitDraft:
    if geom is not None and geom.geom_type == "Polygon":
        geom = MultiPolygon([geom])
    return UnitDraft(
        key=key,
        name=row["name"],
        level=level,
        parent=parent,
        code=row["code"],
        division_code=row["division_code"],
        kind=GridKind(row["kind"] or "general"),
        zone_type=ZoneType(row["zone_type"]) if row["zone_type"] else None,
        governance_mode=row["governance_mode"],
        geom=geom,
        unit_id=key if key in standing else None,
    )


def _without_replaced(standing: StandingUnits, units: Sequence[UnitDraft]) -> StandingUnits:
    """What stands, but for leaves below the parents of the file's leaves that the file does not have."""
    continued = {unit.unit_id for unit in units}
    parents = {unit.parent for unit in units if unit.geom is not None}
    return {
        unit_id: row
        for unit_id, row in standing.items()
        if not (row.is_leaf and row.parent in parents and unit_id not in continued)
    }
