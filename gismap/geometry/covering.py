"""A layer of units under check, with what several checks need computed once; what is a defect is not known here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from gismap.geometry.defects import JITTER_M, NOISE_M2, Defect, DefectType, Remedy
from gismap.geometry.ground import DEGREES, Floats, Ground, Ints, Shapes
from gismap.geometry.joining import JoinedLand, join
from gismap.geometry.near import near_misses

_TOUCH_M = 1e-4  # a tenth of a millimetre: borders of a hole may be rounded in the union
_HAIR_M = 1e-4
_CHANNEL_RATIO = 3
"""How many times longer than the reach a channel is; shorter ones are corners where two units meet at the edge."""
_ALLOWED_SHARE = 0.99
"""A hole is allowed when so much of it is: water and enclaves are seldom drawn from the same points."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of a coverage.

    `outlines` are what the units must cover, no more and no less, by name. Holes wider than `gap_width_m` were meant,
    and are enclaves. Open channels are looked for up to `near_m`. Holes that `allowed` polygons cover, or that hold one
    of its points, are no defects. All shapes are in the layer's own frame.
    """

    outlines: Mapping[str, shapely.Geometry] = field(default_factory=dict)
    gap_width_m: float = float("inf")
    near_m: float = 0.0
    allowed: Sequence[shapely.Geometry] | Shapes = ()
    ground: Ground = DEGREES


class Coverage:
    """Units under check, with what several detectors need computed once.

    `shapes` are the usable areas, seen from the `origin`: an invalid polygon stands in mended, so that its neighbours
    are still checked; what has no area is empty. `broken` gives the reason of units, by index, whose shape was no good
    when it was read.
    """

    def __init__(
        self,
        ids: Sequence[str],
        polygons: Sequence[shapely.Geometry | None] | Shapes,
        terms: Terms | None = None,
        broken: Mapping[int, str] | None = None,
    ) -> None:
        if len(ids) != len(polygons):
            raise ValueError(f"{len(ids)} ids for {len(polygons)} polygons")
        self.ids = list(ids)
        self.terms = terms or Terms()
        self.ground = self.terms.ground
        self.given = objects_of(polygons)
        self.unsound = ~(shapely.is_valid(self.given) & np.isin(shapely.get_type_id(self.given), (3, 6)))
        self.unsound |= ~are_finite(self.given)
        self.broken = dict(broken or {})
        self.shapes = shapely.force_2d(self.given)
        for index in np.flatnonzero(self.unsound):
            self.shapes[index] = area_of(self.given[index])
        self.present = np.flatnonzero(~shapely.is_empty(self.shapes))
        self.origin = origin_of(self.shapes, self.ground)
        self.shapes = shifted(self.shapes, -self.origin)
        outlines = objects_of([area_of(shape) for shape in self.terms.outlines.values()])
        self.outlines = dict(zip(self.terms.outlines, shifted(outlines, -self.origin), strict=True))

    @cached_property
    def tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    @cached_property
    def flagged(self) -> Shapes:
        """Per present unit, the borders that are not exactly shared, that lie within another or beside a channel."""
        reach = self.ground.step(self.terms.near_m)
        return np.asarray(shapely.coverage_invalid_edges(self.shapes[self.present], gap_width=reach))

    @cached_property
    def suspects(self) -> NDArray[np.intp]:
        """Units with such a border: all others are proven sound."""
        return np.asarray(self.present[~shapely.is_empty(self.flagged)])

    @cached_property
    def land(self) -> JoinedLand:
        """What is covered, by anyone, with its holes."""
        sound = np.setdiff1d(self.present, self.suspects)
        land = join(self.shapes[sound], self.shapes[self.suspects], self.more_than_noise)
        return JoinedLand(land.filled, self._uncovered(land.holes))

    def _uncovered(self, holes: Shapes) -> Shapes:
        """What of some places no unit covers: joining thousands of units rounds borders, and leaves places to doubt."""
        left = holes.copy()
        hole, unit = self.tree.query(holes, predicate="intersects")
        hair = self.widths(holes)[0] < _HAIR_M  # cut by one unit after the other, such a one would be rounded away
        for index in np.flatnonzero(hair):
            left[index] = shapely.difference(left[index], shapely.union_all(self.shapes[unit[hole == index]]))
        hole, unit = hole[~hair[hole]], unit[~hair[hole]]
        rank = np.arange(len(hole)) - np.searchsorted(hole, hole)  # the first unit of every hole, then the second, …
        for nth in range(int(rank.max(initial=-1)) + 1):
            at = rank == nth
            left[hole[at]] = shapely.difference(left[hole[at]], self.shapes[unit[at]])
        found = self.pieces(left)
        first, second = shapely.STRtree(found).query(found, predicate="intersects")
        first, second = first[first < second], second[first < second]
        for one, other in zip(first.tolist(), second.tolist(), strict=True):  # the same place from two groups of units
            found[other] = shapely.difference(found[other], found[one])
        return self.pieces(found)

    @cached_property
    def whole_outline(self) -> shapely.Geometry | None:
        """All that must be covered."""
        if len(self.outlines) == 1:
            return next(iter(self.outlines.values()))
        return shapely.union_all(list(self.outlines.values())) if self.outlines else None

    @property
    def area_m2(self) -> float:
        """The land that is covered, once or more."""
        filled, _ = self.ground.measure(self.land.filled)
        holes, _ = self.ground.measure(self.land.holes)
        return float(filled.sum() - holes.sum())

    @cached_property
    def overlaps(self) -> list[tuple[int, int, Shapes]]:
        """Pairs of units (by index, ascending) with the pieces of land that both claim; noise left out."""
        left, right = self.tree.query(self.shapes[self.suspects], predicate="intersects")
        pairs = np.unique(np.sort(np.column_stack([self.suspects[left], right]), axis=1), axis=0)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        shared = shapely.intersection(self.shapes[pairs[:, 0]], self.shapes[pairs[:, 1]])
        pieces, owner = parts_of(shared)
        kept = self.ground.measure(pieces)[0] > NOISE_M2
        pieces, owner = pieces[kept], owner[kept]
        if not pieces.size:
            return []
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        return [
            (int(pairs[owner[at], 0]), int(pairs[owner[at], 1]), some)
            for at, some in zip(starts, np.split(pieces, starts[1:]), strict=True)
        ]

    @cached_property
    def channels(self) -> list[tuple[int, int, Shapes]]:
        """Pairs of units with the open channels between them, which no hole shows."""
        if not self.terms.near_m or not self.suspects.size:
            return []
        borders = self.flagged[~shapely.is_empty(self.flagged)]
        found = []
        for first, second, land in near_misses(
            self.shapes, self.suspects, borders, self.land.filled, self.ground, self.terms.near_m
        ):
            pieces = self.pieces(land)
            width, length = self.widths(pieces)  # what is narrower than jitter comes of the rounded corners of closing
            pieces = pieces[(width >= JITTER_M) & (length >= _CHANNEL_RATIO * self.terms.near_m)]
            if self.whole_outline is not None and pieces.size:
                pieces = self.pieces(shapely.intersection(pieces, self.whole_outline))
            if pieces.size:
                found.append((first, second, pieces))
        return found

    @cached_property
    def beyond(self) -> Shapes:
        """Pieces of land covered beyond the outline."""
        if self.whole_outline is None:
            return np.empty(0, dtype=object)
        return self.pieces(shapely.difference(self.land.whole, self.whole_outline))

    @cached_property
    def missing(self) -> Shapes:
        """Pieces of the outline that no unit covers and no hole of the land is."""
        if self.whole_outline is None:
            return np.empty(0, dtype=object)
        missing = shapely.difference(self.whole_outline, shapely.multipolygons(self.land.filled))
        return self.not_allowed(self.pieces(missing))

    @cached_property
    def home(self) -> dict[int, str]:
        """The outline that each unit has most of its land in; a unit outside of all has none."""
        best: dict[int, tuple[float, str]] = {}
        for name, outline in self.outlines.items():
            shapely.prepare(outline)
            near = self.tree.query(outline, predicate="intersects")
            whole = shapely.covers(outline, self.shapes[near])
            inside = np.where(whole, shapely.area(self.shapes[near]), 0.0)
            inside[~whole] = shapely.area(shapely.intersection(self.shapes[near[~whole]], outline))
            for unit, area in zip(near.tolist(), inside.tolist(), strict=True):
                best[unit] = max(best.get(unit, (0.0, "")), (area, name))
        return {unit: name for unit, (_, name) in best.items()}

    @cached_property
    def holes(self) -> Shapes:
        """Enclosed land that no unit covers, that is not allowed and, given an outline, that should be covered."""
        lands = self.land.holes
        if self.whole_outline is not None:
            lands = self.pieces(shapely.intersection(lands, self.whole_outline))
        return self.not_allowed(lands)

    def not_allowed(self, lands: Shapes) -> Shapes:
        """Pieces of land without those, or those parts, that may stay uncovered."""
        if not len(self.terms.allowed) or not lands.size:
            return lands
        allowed = shifted(objects_of(self.terms.allowed), -self.origin)
        is_point = np.isin(shapely.get_type_id(allowed), (0, 4))
        pinned, _ = shapely.STRtree(allowed[is_point]).query(lands, predicate="contains").tolist() or ([], [])
        areas = shapely.union_all([area_of(shape) for shape in allowed[~is_point]])
        left = shapely.difference(lands, areas)
        free = shapely.area(left) <= (1 - _ALLOWED_SHARE) * shapely.area(lands)
        free[pinned] = True
        return self.pieces(left[~free])

    def more_than_noise(self, pieces: Shapes) -> Shapes:
        return np.asarray(pieces[self.ground.measure(pieces)[0] > NOISE_M2]) if pieces.size else pieces

    def pieces(self, land: shapely.Geometry | Shapes) -> Shapes:
        """The connected polygons of some land that are more than noise."""
        return self.more_than_noise(parts_of(np.atleast_1d(np.asarray(land, dtype=object)))[0])

    def beside(self, piece: shapely.Geometry) -> NDArray[np.intp]:
        """The units that border on a piece of land."""
        near = self.tree.query(piece, predicate="dwithin", distance=self.ground.step(_TOUCH_M))
        return np.sort(near)

    def named(self, indices: Iterable[int]) -> tuple[str, ...]:
        return tuple(self.ids[index] for index in sorted(indices))

    def described(self, kind: DefectType, units: tuple[str, ...], remedy: Remedy, land: Shapes) -> Defect:
        """A defect with its measures; `land` are its pieces."""
        areas, perimeters = self.ground.measure(land)
        area, perimeter = float(areas.sum()), float(perimeters.sum())
        largest = land[int(np.argmax(areas))]
        shape = largest if len(land) == 1 else shapely.multipolygons(land)
        shape = shifted(objects_of([shape]), self.origin)[0]
        width = 2 * area / perimeter if perimeter else 0.0
        at = self.place_in(largest)
        return Defect(kind, units, remedy, area, width, perimeter / 2, at, shape, pieces=len(land))

    def place_in(self, shape: shapely.Geometry) -> tuple[float, float] | None:
        """Longitude and latitude of a point in a shape that is seen from the origin."""
        inner = shapely.point_on_surface(shape)
        return self.ground.lonlat(inner.x + self.origin[0], inner.y + self.origin[1])

    def widths(self, pieces: Shapes) -> tuple[Floats, Floats]:
        """Widths (2A/P) and lengths (P/2) in metres."""
        areas, perimeters = self.ground.measure(pieces)
        return 2 * areas / np.maximum(perimeters, 1e-12), perimeters / 2


def origin_of(shapes: Shapes, ground: Ground) -> Floats:
    """A whole-numbered place near a layer in a plane, from which it is overlaid.

    Eastings of 8 digits leave few for what is less than a millimetre, and overlays snap the more the larger numbers
    are. Taking a whole number away and adding it again is exact: nothing moves, and equal vertices stay equal. Degrees
    stay as they are, since their measures depend on where they are.
    """
    if ground.is_in_degrees or shapely.is_empty(shapes).all():
        return np.zeros(2)
    return np.asarray(np.floor(shapely.total_bounds(shapes)[:2]))


def shifted(shapes: Shapes, by: Floats) -> Shapes:
    """Shapes moved by a number of units east and north."""
    return shapes if not by.any() else np.asarray(shapely.transform(shapes, lambda xy: xy + by))


def objects_of(shapes: Sequence[shapely.Geometry | None] | Shapes) -> Shapes:
    """Shapes as an array."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = list(shapes)
    return array


def are_finite(shapes: Shapes) -> NDArray[np.bool_]:
    """Which shapes have finite coordinates only; missing and empty ones do."""
    positions, owner = shapely.get_coordinates(shapes, return_index=True)
    bad = ~(np.abs(positions) < 1e15).all(axis=1)  # beyond, areas have no digits left; false for NaN
    return np.asarray(np.bincount(owner[bad], minlength=len(shapes)) == 0)


def parts_of(shapes: Shapes) -> tuple[Shapes, Ints]:
    """The polygons that shapes consist of, and whose each is."""
    once, first = shapely.get_parts(shapes, return_index=True)
    twice, second = shapely.get_parts(once, return_index=True)  # of collections
    owner = first[second]
    polygons = (shapely.get_type_id(twice) == 3) & ~shapely.is_empty(twice)
    return np.asarray(twice[polygons]), np.asarray(owner[polygons])


def area_of(shape: shapely.Geometry | None) -> shapely.Geometry:
    """The polygons of any geometry as one valid geometry, empty when it has none or its coordinates are not finite."""
    if shape is None or not are_finite(np.array([shape]))[0]:
        return shapely.MultiPolygon()
    if shape.geom_type not in {"Polygon", "MultiPolygon"} or not shape.is_valid:
        shape = shapely.make_valid(shape)
    return shapely.multipolygons(parts_of(np.array([shapely.force_2d(shape)]))[0])
