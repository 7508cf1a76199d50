"""Find what keeps polygons from covering the land exactly once; mending them is not here.

All geometry is in degrees (EPSG:4490). Overlays are made in degrees, on the very coordinates that are stored, and only
their pieces are measured in metres, so that an exactly shared border stays exactly shared.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gismap.geometry.ground import Shapes, measure
from gismap.geometry.shapes import find_invalidity

NOISE_M2 = 1e-4
"""Pieces under a square centimetre are rounding of coordinates, not land."""

_TOUCH_DEGREES = 1e-9  # a tenth of a millimetre: borders of a hole may be rounded in the union


class DefectType(StrEnum):
    """What can be wrong with a coverage."""

    INVALID = "invalid"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    CONTAINED = "contained"
    OVERLAP = "overlap"
    GAP = "gap"
    OUTSIDE = "outside"
    UNCOVERED = "uncovered"


class Remedy(StrEnum):
    """What a planner would do about a defect."""

    REDRAW = "redraw"
    REMOVE_UNIT = "remove_unit"
    CUT_FROM_OUTER = "cut_from_outer"
    GIVE_TO_ONE = "give_to_one"
    FILL = "fill"
    TRIM = "trim"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing wrong, measured on the ground and located.

    `units` are the ids involved (of a contained pair the inner one first); `width_m` is 2A/P, `length_m` half the
    perimeter; `at` is a point (lon, lat) in the largest part of `geometry`, None where there is no place.
    """

    type: DefectType
    units: tuple[str, ...]
    remedy: Remedy
    area_m2: float = 0.0
    width_m: float = 0.0
    length_m: float = 0.0
    at: tuple[float, float] | None = None
    geometry: shapely.Geometry | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The defect as reports and problems write it."""
        return {
            "type": self.type.value,
            "units": list(self.units),
            "area_m2": round(self.area_m2, 4),
            "width_m": round(self.width_m, 6),
            "length_m": round(self.length_m, 3),
            "at": None if self.at is None else [round(number, 8) for number in self.at],
            "remedy": self.remedy.value,
        }


def find_defects(
    ids: Sequence[str], polygons: Sequence[shapely.Geometry | None], outline: shapely.Geometry | None = None
) -> list[Defect]:
    """Everything that keeps units from covering the land once, ordered by type, largest first.

    Every hole of the union is a gap, unless the outline has it too. Exactly seamless input costs one pass of GEOS'
    coverage check and a union; only units that the check flags are overlaid.

    Args:
        ids: one name per unit.
        polygons: Polygon or MultiPolygon per unit, degrees.
        outline: what the units must cover, no more and no less; None when that is not known.
    """
    coverage = Coverage(ids, polygons, outline)
    return [defect for detect in DETECTORS for defect in sorted(detect(coverage), key=lambda found: -found.area_m2)]


class Coverage:
    """Units under check, with what several detectors need computed once.

    `shapes` are the usable areas: an invalid polygon stands in mended, so that its neighbours are still checked;
    what has no area is empty.
    """

    def __init__(
        self, ids: Sequence[str], polygons: Sequence[shapely.Geometry | None], outline: shapely.Geometry | None
    ) -> None:
        if len(ids) != len(polygons):
            raise ValueError(f"{len(ids)} ids for {len(polygons)} polygons")
        self.ids = list(ids)
        self.given = np.array(polygons, dtype=object)
        self.outline = None if outline is None else _area_of(outline)
        self.unsound = ~(shapely.is_valid(self.given) & np.isin(shapely.get_type_id(self.given), (3, 6)))
        self.shapes = shapely.force_2d(self.given)
        for index in np.flatnonzero(self.unsound):
            self.shapes[index] = _area_of(self.given[index])
        self.present = np.flatnonzero(~shapely.is_empty(self.shapes))

    @cached_property
    def tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    @cached_property
    def suspects(self) -> NDArray[np.intp]:
        """Units with a border that is not exactly shared, or that lie within another: all others are proven sound."""
        flagged = shapely.coverage_invalid_edges(self.shapes[self.present])
        return np.asarray(self.present[~shapely.is_empty(flagged)])

    @cached_property
    def union(self) -> shapely.Geometry:
        sound = np.setdiff1d(self.present, self.suspects)
        joined = _multipolygon(shapely.coverage_union_all(self.shapes[sound]))
        return shapely.union_all([joined, *self.shapes[self.suspects]]) if self.suspects.size else joined

    @cached_property
    def overlaps(self) -> list[tuple[int, int, shapely.Geometry]]:
        """Pairs of units (by index, ascending) with the area they share, degrees; noise left out."""
        left, right = self.tree.query(self.shapes[self.suspects], predicate="intersects")
        pairs = np.unique(np.sort(np.column_stack([self.suspects[left], right]), axis=1), axis=0)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        shared = shapely.intersection(self.shapes[pairs[:, 0]], self.shapes[pairs[:, 1]])
        areas, _ = measure(shared)
        kept = np.flatnonzero(areas > NOISE_M2)
        return [(int(pairs[k, 0]), int(pairs[k, 1]), _area_of(shared[k])) for k in kept]

    @cached_property
    def holes(self) -> Shapes:
        """Enclosed land that no unit covers and, when there is an outline, that the outline wants covered."""
        parts = shapely.get_parts(self.union)
        lands = np.array([shapely.Polygon(ring) for part in parts for ring in part.interiors], dtype=object)
        around, islands = shapely.STRtree(parts).query(lands, predicate="contains")
        for index in np.unique(around):
            inside = shapely.polygons(shapely.get_exterior_ring(parts[islands[around == index]]))
            lands[index] = shapely.difference(lands[index], shapely.union_all(inside))
        return _pieces(lands if self.outline is None else shapely.intersection(lands, self.outline))

    def beside(self, piece: shapely.Geometry) -> tuple[str, ...]:
        """The units that border on a piece of land."""
        return self.named(self.tree.query(piece, predicate="dwithin", distance=_TOUCH_DEGREES))

    def named(self, indices: Iterable[int]) -> tuple[str, ...]:
        return tuple(self.ids[index] for index in sorted(indices))


def detect_invalid(coverage: Coverage) -> Iterator[Defect]:
    """Rings that cross, non-finite coordinates, geometry that is no polygon."""
    for index in np.flatnonzero(coverage.unsound):
        shape = coverage.given[index]
        if shape is None or shape.is_empty:
            continue
        invalidity = find_invalidity(shape)
        reason = invalidity.reason if invalidity is not None else f"is a {shape.geom_type}"
        at = invalidity.at if invalidity is not None else None
        yield Defect(DefectType.INVALID, (coverage.ids[index],), Remedy.REDRAW, at=at, geometry=shape, reason=reason)


def detect_empty(coverage: Coverage) -> Iterator[Defect]:
    """Units without any land."""
    for index in np.flatnonzero(shapely.is_missing(coverage.given) | shapely.is_empty(coverage.given)):
        yield Defect(DefectType.EMPTY, (coverage.ids[index],), Remedy.REDRAW)


def detect_overlaps(coverage: Coverage) -> Iterator[Defect]:
    """Land that two units claim: one defect per pair, however many pieces; named by how they lie."""
    for first, second, shared in coverage.overlaps:
        a, b = coverage.shapes[first], coverage.shapes[second]
        first_inside, second_inside = shapely.covers(b, a), shapely.covers(a, b)
        if first_inside and second_inside:
            yield _measured(DefectType.DUPLICATE, coverage.named([first, second]), Remedy.REMOVE_UNIT, shared)
        elif first_inside or second_inside:
            inner, outer = (first, second) if first_inside else (second, first)
            units = (coverage.ids[inner], coverage.ids[outer])
            yield _measured(DefectType.CONTAINED, units, Remedy.CUT_FROM_OUTER, shared)
        else:
            yield _measured(DefectType.OVERLAP, coverage.named([first, second]), Remedy.GIVE_TO_ONE, shared)


def detect_gaps(coverage: Coverage) -> Iterator[Defect]:
    """Land enclosed by units that none of them covers."""
    for hole in coverage.holes:
        yield _measured(DefectType.GAP, coverage.beside(hole), Remedy.FILL, hole)


def detect_outside(coverage: Coverage) -> Iterator[Defect]:
    """Land covered beyond the outline."""
    if coverage.outline is None:
        return
    for piece in _pieces(shapely.difference(coverage.union, coverage.outline)):
        near = coverage.tree.query(piece, predicate="intersects")
        areas, _ = measure(shapely.intersection(coverage.shapes[near], piece))
        yield _measured(DefectType.OUTSIDE, coverage.named(near[areas > NOISE_M2]), Remedy.TRIM, piece)


def detect_uncovered(coverage: Coverage) -> Iterator[Defect]:
    """Land of the outline that no unit covers and that is not enclosed by units (which would be a gap)."""
    if coverage.outline is None:
        return
    missing = shapely.difference(coverage.outline, coverage.union)
    if coverage.holes.size:
        missing = shapely.difference(missing, shapely.union_all(coverage.holes))
    for piece in _pieces(missing):
        yield _measured(DefectType.UNCOVERED, coverage.beside(piece), Remedy.EXTEND, piece)


DETECTORS: tuple[Callable[[Coverage], Iterable[Defect]], ...] = (
    detect_invalid,
    detect_empty,
    detect_overlaps,
    detect_gaps,
    detect_outside,
    detect_uncovered,
)
"""Each finds defects of its own types; a new type is a function here."""


def _measured(kind: DefectType, units: tuple[str, ...], remedy: Remedy, land: shapely.Geometry) -> Defect:
    (area,), (perimeter,) = measure(np.array([land]))
    parts = shapely.get_parts(land)
    inner = shapely.point_on_surface(parts[int(np.argmax(shapely.area(parts)))])
    return Defect(
        kind, units, remedy, float(area), float(2 * area / perimeter), float(perimeter / 2), (inner.x, inner.y), land
    )


def _pieces(land: shapely.Geometry | Shapes) -> Shapes:
    """The connected polygons of some land that are more than noise."""
    parts = shapely.get_parts(shapely.get_parts(land))
    parts = parts[shapely.get_type_id(parts) == 3]
    areas, _ = measure(parts)
    return np.asarray(parts[areas > NOISE_M2])


def _area_of(shape: shapely.Geometry | None) -> shapely.Geometry:
    """The polygons of any geometry as one valid geometry, empty when it has none or its coordinates are not finite."""
    if shape is None or not np.isfinite(shapely.get_coordinates(shape)).all():
        return shapely.MultiPolygon()
    return _multipolygon(shapely.make_valid(shapely.force_2d(shape)))


def _multipolygon(shape: shapely.Geometry) -> shapely.MultiPolygon:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.multipolygons(parts[shapely.get_type_id(parts) == 3])
