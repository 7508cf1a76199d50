"""What a revision states of a unit: frozen when it is published, and proved anew from what is stored.

How a certificate looks on paper is in `certificate_page`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, Row, text

from gismap.access.values import Territory
from gismap.boundaries.service import find_unit
from gismap.errors import ForbiddenError, NotFoundError
from gismap.geometry.coverage import find_defects
from gismap.geometry.defects import NOISE_M2, WORTH_KNOWING, Defect, DefectType
from gismap.geometry.ground import measure
from gismap.handover import queries
from gismap.store.copying import copy_rows

LISTED = 200
"""Exceptions and defects that a certificate lists one by one; it counts all."""

GAPS = (DefectType.GAP, DefectType.ENCLAVE)
OVERLAPS = (DefectType.OVERLAP, DefectType.CONTAINED, DefectType.DUPLICATE)

COUNTED = ("buildings", "places", "households")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A unit (None: the whole district) on the first day of a revision: what was stated then, and what is found now."""

    revision: int
    effective_from: date
    published_at: str
    author: str
    reason: str
    unit: dict[str, Any] | None
    stated: dict[str, Any] | None  # None for revisions that are older than certificates of units
    found: dict[str, Any]
    defects: list[dict[str, Any]]
    exceptions: list[dict[str, Any]]
    checks: dict[str, bool]
    shapes: Sequence[tuple[str, shapely.Geometry]] = field(default=(), repr=False)
    """The grids by name, for the map."""
    children: Sequence[tuple[str, shapely.Geometry]] = field(default=(), repr=False)
    """The units right below, where they are no grids."""

    @property
    def holds(self) -> bool:
        """Whether all that is certified was found to be so."""
        return all(self.checks.values())

    def as_dict(self) -> dict[str, Any]:
        """The certificate for machines."""
        return {
            "revision": self.revision,
            "effective_from": self.effective_from.isoformat(),
            "published_at": self.published_at,
            "author": self.author,
            "reason": self.reason,
            "unit": self.unit,
            "holds": self.holds,
            "checks": self.checks,
            "stated": self.stated,
            "found": self.found,
            "defects": self.defects[:LISTED],
            "exceptions": self.exceptions[:LISTED],
        }


# ── at publication ─────────────────────────────────────────────────────────────────────────────────────────────────


def freeze(connection: Connection, number: int, day: date) -> None:
    """State, for every unit and the district, what stands on the first day of a revision that was just stored."""
    units = connection.execute(text(queries.UNITS), {"day": day, "low": "", "high": "~"}).all()
    things = {row.path: row for row in connection.execute(text(queries.THINGS_BY_LEAF), {"day": day})}
    stated: dict[str, _Stated] = defaultdict(_Stated)
    for unit in sorted(units, key=_name):
        for path in _paths_above(unit.path):
            stated[path].add(unit, things.get(unit.path))
    if "" in things:
        stated[""].unassigned(things[""])
    identities = {unit.path: unit.unit_id for unit in units} | {"": ""}
    rows = [(number, identities[path], path, one.as_dict()) for path, one in stated.items()]
    copy_rows(connection, "certificate", ("revision", "unit_id", "path", "stated"), rows)


class _Stated:
    """Adds up the units at and below one path; they come in the order of their names."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._numbers = dict.fromkeys(("units", "leaves", *COUNTED, "in_no_grid"), 0)
        self._area_m2 = 0.0

    def add(self, unit: Row[Any], things: Row[Any] | None) -> None:
        self._numbers["units"] += 1
        if unit.is_leaf:
            self._numbers["leaves"] += 1
            self._area_m2 += unit.area_m2
            _digest_leaf(self._digest, unit)
        if things is not None:
            for name in COUNTED:
                self._numbers[name] += int(getattr(things, name))

    def unassigned(self, things: Row[Any]) -> None:
        self._numbers["in_no_grid"] = int(things.buildings + things.places)
        for name in COUNTED:
            self._numbers[name] += int(getattr(things, name))

    def as_dict(self) -> dict[str, Any]:
        return {**self._numbers, "area_m2": round(self._area_m2, 1), "digest": self._digest.hexdigest()}


# ── afterwards ─────────────────────────────────────────────────────────────────────────────────────────────────────


def certificate(
    connection: Connection, number: int, unit: str | None = None, territories: Sequence[Territory] = ()
) -> Certificate:
    """Certify a unit (a code or identity), or the whole district, on the first day of a revision; all is checked anew.

    `territories` are the ranges of paths that the asker may see (none: the whole district); without a unit the first of
    them is certified.

    Raises:
        NotFoundError: there is no such revision, or no such unit on its day.
        ForbiddenError: the unit does not lie inside the territory.
    """
    row = connection.execute(text(queries.REVISION), {"number": number}).first()
    if row is None:
        raise NotFoundError(f"there is no revision {number}, or it was withdrawn", field="revision")
    path = _path(connection, unit, row.effective_from, territories)
    return _certify(connection, row, path)


def digest(connection: Connection, number: int, unit: str | None = None) -> str:
    """The digest over the grids of a revision, or of a unit, as they are stored.

    Raises:
        NotFoundError: there is no such revision, or no such unit on its day.
    """
    row = connection.execute(text(queries.REVISION), {"number": number}).first()
    if row is None:
        raise NotFoundError(f"there is no revision {number}, or it was withdrawn", field="revision")
    path = _path(connection, unit, row.effective_from, ())
    units = connection.execute(text(queries.UNITS), {"day": row.effective_from, "low": path, "high": path + "~"})
    return _digest_of(unit for unit in units if unit.is_leaf)


def _path(connection: Connection, unit: str | None, day: date, territories: Sequence[Territory]) -> str:
    if unit is None:
        return territories[0][0] if territories else ""
    found = find_unit(connection, unit, day)
    if territories and not any(low <= found.path < high for low, high in territories):
        raise ForbiddenError(f"{found.name} lies outside of your territory, or reaches beyond it", field="unit")
    return found.path


def _certify(connection: Connection, revision: Row[Any], path: str) -> Certificate:
    day = revision.effective_from
    units = connection.execute(text(queries.UNITS), {"day": day, "low": path, "high": path + "~"}).all()
    if not units:
        raise NotFoundError(f"there are no units of yours on {day}", field="unit")
    leaves = [unit for unit in units if unit.is_leaf]
    shapes = list(shapely.from_wkb([bytes(leaf.wkb) for leaf in leaves]))
    defects = _defects(connection, [_name(leaf) for leaf in leaves], shapes, path, day)
    things = connection.execute(text(queries.THINGS), {"day": day, "path": path, "path_end": path + "~"}).one()
    stated = connection.execute(text(queries.STATED), {"number": revision.number, "path": path}).scalar()
    found = _found(units, leaves, things.counts or [], defects)
    found["outline_m2"] = round(_outline_m2(connection, shapes, path, day), 4)
    top = next((unit for unit in units if unit.path == path), None)
    exceptions = [*(things.exceptions or []), *_doors(connection, path, day)]
    return Certificate(
        revision.number, day, revision.published_at, revision.author, revision.reason,
        None if top is None else {"unit": top.unit_id, "code": top.code, "name": top.name, "level": top.level},
        stated, found, [defect.as_dict() for defect in defects], exceptions,
        _checks(found, stated, path == "", revision.certificate),
        [(leaf.name, shape) for leaf, shape in zip(leaves, shapes, strict=True)],
        _children(units, leaves, shapes, path),
    )  # fmt: skip


def _found(
    units: Sequence[Row[Any]], leaves: Sequence[Row[Any]], counts: Sequence[dict[str, Any]], defects: Sequence[Defect]
) -> dict[str, Any]:
    def number(**wanted: object) -> int:
        return sum(row["number"] for row in counts if all(row[name] == value for name, value in wanted.items()))

    gaps = [defect for defect in defects if defect.type in GAPS]
    overlaps = [defect for defect in defects if defect.type in OVERLAPS]
    return {
        "units": len(units),
        "leaves": len(leaves),
        "area_m2": round(sum(leaf.area_m2 for leaf in leaves), 1),
        "gaps": len(gaps),
        "overlaps": len(overlaps),
        "other_defects": len(defects) - len(gaps) - len(overlaps),
        "gap_m2": round(sum(defect.area_m2 for defect in gaps), 4),
        "overlap_m2": round(sum(defect.area_m2 for defect in overlaps), 4),
        "buildings": number(is_building=True),
        "places": number(is_building=False),
        "households": sum(row["households"] for row in counts),
        "buildings_of_unknown_households": sum(row["unknown"] for row in counts),
        "assigned_once": number() - number(standing="in_no_grid") - number(standing="astray"),
        "in_no_grid": number(standing="in_no_grid"),
        "digest": _digest_of(leaves),
    }


def _checks(
    found: dict[str, Any], stated: dict[str, Any] | None, is_district: bool, of_revision: dict[str, Any]
) -> dict[str, bool]:
    published = stated["digest"] if stated else of_revision["digest"] if is_district else found["digest"]
    return {
        "no_gap": found["gaps"] == 0,
        "no_overlap": found["overlaps"] == 0,
        "no_other_defect": found["other_defects"] == 0,
        "fills_its_outline": found["outline_m2"] <= NOISE_M2,
        "digest_as_published": found["digest"] == published,
        "everything_assigned_once": found["assigned_once"] == found["buildings"] + found["places"],
    }


def _doors(connection: Connection, path: str, day: date) -> list[dict[str, Any]]:
    rows = connection.execute(text(queries.DOORS), {"day": day, "path": path, "path_end": path + "~"}).mappings()
    return [{**row, "layer": "buildings", "why": "door"} for row in rows]


def _defects(
    connection: Connection, names: Sequence[str], shapes: Sequence[shapely.Geometry], path: str, day: date
) -> list[Defect]:
    """What is wrong with these grids, among themselves and at their borders with others."""
    values = {"path": path, "path_end": path + "~", "day": day}
    others = connection.execute(text(queries.NEIGHBOURS), values).all() if path else []
    around = list(shapely.from_wkb([bytes(other.wkb) for other in others]))
    mine = set(names)
    found = find_defects([*names, *map(_name, others)], [*shapes, *around])
    return [one for one in found if one.type not in WORTH_KNOWING and mine.intersection(one.units)]


def _outline_m2(connection: Connection, shapes: Sequence[shapely.Geometry], path: str, day: date) -> float:
    """How much the grids differ from the polygon that is stored for them all, and from an outline by authority."""
    rows = connection.execute(text(queries.OUTLINES), {"path": path, "day": day}).scalars().all()
    land = shapely.union_all(np.array(shapes, dtype=object))
    outlines = shapely.from_wkb([bytes(wkb) for wkb in rows])
    astray = np.array([shapely.symmetric_difference(land, outline) for outline in outlines], dtype=object)
    areas, _ = measure(astray)
    return float(areas.max(initial=0.0))


def _children(
    units: Sequence[Row[Any]], leaves: Sequence[Row[Any]], shapes: Sequence[shapely.Geometry], path: str
) -> list[tuple[str, shapely.Geometry]]:
    """The units right below the topmost ones at a path, by name, with the land of their grids."""
    tops = {path} if path else {unit.path for unit in units if unit.path.count("/") == 1}
    below = {
        unit.path: unit for unit in units
        if not unit.is_leaf and unit.path not in tops and unit.path[: unit.path.rstrip("/").rfind("/") + 1] in tops
    }  # fmt: skip
    land: dict[str, list[shapely.Geometry]] = defaultdict(list)
    for leaf, shape in zip(leaves, shapes, strict=True):
        land[next((above for above in _paths_above(leaf.path) if above in below), "")].append(shape)
    return [(unit.name, shapely.union_all(land[key])) for key, unit in below.items() if land[key]]


def _paths_above(path: str) -> list[str]:
    """The unit itself, all above it and the district: `ga/gb/` lies in `ga/gb/`, `ga/` and ''."""
    segments = path.rstrip("/").split("/")
    return ["".join(f"{segment}/" for segment in segments[:depth]) for depth in range(len(segments) + 1)]


def _name(unit: Row[Any]) -> str:
    return str(unit.code or unit.unit_id)


def _digest_of(leaves: Iterable[Row[Any]]) -> str:
    whole = hashlib.sha256()
    for leaf in sorted(leaves, key=_name):
        _digest_leaf(whole, leaf)
    return whole.hexdigest()


def _digest_leaf(whole: Any, leaf: Row[Any]) -> None:
    whole.update(_name(leaf).encode() + b"\0" + bytes(leaf.wkb))
