"""Mends coverages with a ledger of every area that changed hands; what a person must decide is left as it was.

The cleaning itself is GEOS' (borders snapped, noded and shared; overlaps given to the longest border). Here is what it
does not do: it may lose a unit, split one, or give away land that matters, without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gismap.geometry.coverage import defects_of
from gismap.geometry.covering import Coverage, Terms, area_of, objects_of, origin_of, parts_of, shifted
from gismap.geometry.defects import JITTER_M, WORTH_KNOWING, Defect
from gismap.geometry.ground import DEGREES, Ground, Ints, Shapes

MOST_SHARE = 0.01
"""A unit that gains and loses more of its land than this is for a person to decide."""

_SAME_AREA = 1e-6
_WORTH_TELLING_M2 = 1e-6


Bools = NDArray[np.bool_]


class Why(StrEnum):
    """Why land changed hands."""

    OVERLAP = "overlap"
    GAP = "gap"
    BORDER = "border"


class Doubt(StrEnum):
    """Why a unit was left as it was."""

    LOST = "lost"
    MULTIPART = "multipart"
    MOVED = "moved"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Move:
    """Land that went from a unit to another, in all its pieces; None is nobody."""

    source: str | None
    target: str | None
    area_m2: float
    why: Why
    pieces: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "from": self.source,
            "to": self.target,
            "area_m2": round(self.area_m2, 6),
            "why": self.why.value,
            "pieces": self.pieces,
        }


@dataclass(frozen=True, slots=True)
class Held:
    """A unit that was left as it was (or, where that was accepted, was not), and what would have become of it."""

    unit: str
    doubt: Doubt
    before_m2: float
    after_m2: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "units": [self.unit],
            "type": self.doubt.value,
            "before_m2": round(self.before_m2, 4),
            "after_m2": round(self.after_m2, 4),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A unit's area before and after."""

    unit: str
    before_m2: float
    after_m2: float


@dataclass(frozen=True, slots=True)
class Repaired:
    """A mended layer and the account of it; `left` are defects that are still there."""

    shapes: Shapes
    moves: list[Move]
    changed: list[Change]
    lost: list[str]
    held: list[Held]
    left: list[Defect] = field(default_factory=list)

    @property
    def moved_m2(self) -> float:
        return sum(move.area_m2 for move in self.moves)

    def as_dict(self) -> dict[str, Any]:
        """The ledger as documented."""
        return {
            "moved_m2": round(self.moved_m2, 6),
            "lost": self.lost,
            "changed": [
                {"unit": each.unit, "before_m2": round(each.before_m2, 6), "after_m2": round(each.after_m2, 6)}
                for each in self.changed
            ],
            "moves": [move.as_dict() for move in self.moves],
            "decisions": [each.as_dict() for each in self.held] + [each.as_dict() for each in self.left],
        }


def repair(
    ids: Sequence[str],
    shapes: Sequence[shapely.Geometry | None] | Shapes,
    gap_width_m: float,
    *,
    ground: Ground = DEGREES,
    accept: bool = False,
) -> Repaired:
    """Mend a coverage: share borders, resolve overlaps, fill holes up to a width (2A/P).

    What would lose a unit, make one multi-part or move more than `MOST_SHARE` of it is not done, unless `accept`; it is
    listed either way. Mending a mended layer changes nothing.
    """
    given = objects_of(shapes)
    origin = origin_of(objects_of([area_of(shape) for shape in given]), ground)
    work = _Work(list(ids), shifted(given, -origin), ground, accept)
    work.clean()
    work.fill(gap_width_m)
    result, kept = work.result()
    result = shifted(result, origin)
    result[kept] = given[kept]
    moves, changed = _account(work.ids, work.before, work.after, ground)
    empty = shapely.is_empty(work.after) & ~shapely.is_empty(work.before)
    lost = [work.ids[index] for index in np.flatnonzero(empty)]
    left = defects_of(Coverage(ids, result, Terms(ground=ground, near_m=min(gap_width_m, 1.0))))
    told = [defect for defect in left if defect.type not in WORTH_KNOWING]
    return Repaired(result, moves, changed, lost, work.told, told)


class _Work:
    """A layer that is being mended: `before` are the usable areas as they came, `after` as they are now."""

    def __init__(self, ids: list[str], given: Shapes, ground: Ground, accept: bool) -> None:
        self.ids, self.given, self.ground, self.accept = ids, given, ground, accept
        self.before = np.array([area_of(shape) for shape in given], dtype=object)
        self.after = self.before.copy()
        self.told: list[Held] = []
        self.held = np.zeros(len(ids), dtype=bool)
        self.usable = ~shapely.is_empty(self.before)
        self._doubt_shapes()

    def _doubt_shapes(self) -> None:
        """Hold shapes whose mending is a matter of opinion, such as bow-ties; one that only touches itself is not."""
        for index in np.flatnonzero(~shapely.is_valid(self.given) & self.usable):
            flat, mended = self.given[index], self.before[index]
            areal = flat.geom_type in {"Polygon", "MultiPolygon"}
            same = areal and abs(flat.area - mended.area) <= _SAME_AREA * mended.area
            if not same or _lumps(mended) > shapely.get_num_geometries(flat):
                self._hold([index], Doubt.SHAPE, np.array([flat.area if areal else 0.0]), np.array([mended.area]))

    def _hold(self, indices: Any, doubt: Doubt, before: Any, after: Any) -> None:
        in_m2 = self.ground.measure(self.before)[0][indices]
        for index, unit_m2, was, becomes in zip(indices, in_m2, before, after, strict=True):
            share = becomes / was if was else 0.0
            self.told.append(Held(self.ids[index], doubt, float(unit_m2), float(unit_m2 * share)))
            self.held[index] = not self.accept

    def clean(self) -> None:
        """Clean all units that are not held; hold those that would suffer, and clean the others again."""
        while True:
            active = np.flatnonzero(self.usable & ~self.held)
            cleaned = self._cleaned(active)
            suffering = self._suffering(active, cleaned)
            if self.accept or not suffering:
                self.after[active] = cleaned
                for doubt, indices in suffering.items() if self.accept else ():
                    self._tell(doubt, active, indices, cleaned)
                return
            for doubt, indices in suffering.items():
                self._tell(doubt, active, indices, cleaned)

    def _tell(self, doubt: Doubt, active: Ints, indices: Ints, cleaned: Shapes) -> None:
        units = active[indices]
        self._hold(units, doubt, shapely.area(self.before[units]), shapely.area(cleaned[indices]))

    def _cleaned(self, active: Ints) -> Shapes:
        """The units with shared borders; untouched where all is well."""
        shapes = self.before[active]
        if not len(shapes) or _is_sound(shapes):
            return shapes
        shapes = _without_inner(shapes, self.ground)
        cleaned = np.array([area_of(shape) for shape in shapely.coverage_clean(shapes)], dtype=object)
        _gather(cleaned, self.before[active], self.ground)
        same = shapely.equals_exact(cleaned, self.before[active], normalize=True)
        cleaned[same] = self.before[active][same]
        return cleaned

    def _suffering(self, active: Ints, cleaned: Shapes) -> dict[Doubt, Ints]:
        """Units that cleaning would lose, split or change too much; each for the gravest reason."""
        before = self.before[active]
        changed = np.flatnonzero(~shapely.equals_exact(cleaned, before))
        lost = changed[shapely.is_empty(cleaned[changed])]
        rest = np.setdiff1d(changed, lost)
        several = shapely.get_num_geometries(cleaned[rest]) > shapely.get_num_geometries(before[rest])
        split, rest = rest[several], rest[~several]
        shift = shapely.area(shapely.symmetric_difference(cleaned[rest], before[rest]))
        moved = rest[shift > MOST_SHARE * shapely.area(before[rest])]
        found = {Doubt.LOST: lost, Doubt.MULTIPART: split, Doubt.MOVED: moved}
        return {doubt: indices for doubt, indices in found.items() if len(indices)}

    def fill(self, width_m: float) -> None:
        """Give holes no wider than this to the neighbour with the longest border on them, if it can bear it."""
        active = np.flatnonzero(self.usable & ~self.held & ~shapely.is_empty(self.after))
        if not active.size:
            return
        holes = self._holes(active)
        areas, perimeters = self.ground.measure(holes)
        narrow = holes[2 * areas <= width_m * perimeters]
        tree = shapely.STRtree(self.after[active])
        taken: dict[int, list[shapely.Geometry]] = {}
        for hole in narrow:
            near = active[tree.query(hole, predicate="dwithin", distance=self.ground.step(1e-6))]
            border = shapely.length(shapely.intersection(shapely.boundary(self.after[near]), shapely.boundary(hole)))
            if border.size and border.max() > 0:
                taken.setdefault(int(near[int(np.argmax(border))]), []).append(hole)
        for unit, lands in taken.items():
            grown = area_of(shapely.union_all([self.after[unit], *lands]))
            bearable = (
                shapely.symmetric_difference(grown, self.before[unit]).area <= MOST_SHARE * self.before[unit].area
            )
            if self.accept or (bearable and _lumps(grown) <= _lumps(self.before[unit])):
                self.after[unit] = grown

    def _holes(self, active: Ints) -> Shapes:
        """What the units enclose and nobody has."""
        land = shapely.get_parts(shapely.coverage_union_all(self.after[active]))
        rings = [ring for part in land for ring in getattr(part, "interiors", ())]
        holes = np.asarray(shapely.polygons(rings)) if rings else np.empty(0, dtype=object)
        others = self.after.copy()
        others[np.flatnonzero(self.held)] = self.before[np.flatnonzero(self.held)]
        tree = shapely.STRtree(others)
        for index, hole in enumerate(holes):
            inside = tree.query(hole, predicate="intersects")
            inside = inside[shapely.relate_pattern(others[inside], hole, "T********")] if inside.size else inside
            if inside.size:
                holes[index] = shapely.difference(hole, shapely.union_all(others[inside]))
        return parts_of(holes)[0] if holes.size else holes

    def result(self) -> tuple[Shapes, Bools]:
        """The mended units, and which of all were left exactly as they came."""
        result = self.after.copy()
        flat = shapely.force_2d(self.given)
        single = (shapely.get_type_id(result) == 6) & (shapely.get_num_geometries(result) == 1)
        single &= shapely.get_type_id(self.given) == 3
        result[single] = shapely.get_geometry(result[single], 0)
        areal = np.isin(shapely.get_type_id(flat), (3, 6)) & shapely.is_valid(flat)
        kept = ~self.usable | self.held
        kept[areal] |= shapely.equals_exact(
            self.after[areal], np.array([area_of(s) for s in flat[areal]], dtype=object)
        )
        return result, np.asarray(kept)


def _is_sound(shapes: Shapes) -> bool:
    return bool(shapely.is_valid(shapes).all() and shapely.coverage_is_valid(shapes))


def _lumps(shape: shapely.Geometry) -> int:
    """Parts of a shape, counting those that touch as one."""
    parts = shapely.get_parts(shape)
    if len(parts) < 2:
        return len(parts)
    one, other = shapely.STRtree(parts).query(parts, predicate="intersects")
    lump = np.arange(len(parts))
    for _ in range(len(parts)):
        lowest = lump.copy()
        np.minimum.at(lowest, one, lump[other])
        if (lowest == lump).all():
            break
        lump = lowest
    return len(np.unique(lump))


def _gather(cleaned: Shapes, before: Shapes, ground: Ground) -> None:
    """Give splinters, which cleaning cuts off where borders cross at a hair's breadth, to the neighbour beside them."""
    split = np.flatnonzero(shapely.get_num_geometries(cleaned) > shapely.get_num_geometries(before))
    if not split.size:
        return
    tree = shapely.STRtree(cleaned)
    for unit in split.tolist():
        parts = shapely.get_parts(cleaned[unit])
        areas, perimeters = ground.measure(parts)
        for k in np.argsort(areas)[: len(parts) - shapely.get_num_geometries(before[unit])]:
            near = tree.query(parts[k], predicate="intersects")
            near = near[near != unit]
            outer = shapely.boundary(parts[k])
            border = shapely.length(shapely.intersection(shapely.boundary(cleaned[near]), outer))
            if 2 * areas[k] < JITTER_M * perimeters[k] and border.size and border.max() > 0:
                taker = int(near[int(np.argmax(border))])
                cleaned[taker] = area_of(shapely.union_all([cleaned[taker], parts[k]]))
                cleaned[unit] = area_of(shapely.difference(cleaned[unit], parts[k]))


def _without_inner(shapes: Shapes, ground: Ground) -> Shapes:
    """Units with those cut out that lie whole within them: cleaning would give the inner one away."""
    inside, around = shapely.STRtree(shapes).query(shapes, predicate="within")
    apart = inside != around
    cut = shapes.copy()
    for outer in np.unique(around[apart]):
        inner = [k for k in inside[apart & (around == outer)] if not shapely.equals(shapes[k], shapes[outer])]
        if inner:
            left = area_of(shapely.difference(cut[outer], shapely.union_all(shapes[inner])))
            if ground.measure(np.array([left]))[0][0] > 0:
                cut[outer] = left
    return cut


def _account(ids: Sequence[str], before: Shapes, after: Shapes, ground: Ground) -> tuple[list[Move], list[Change]]:
    """Who gave what to whom, from overlays of both states of the units that changed."""
    changed = np.flatnonzero(~shapely.equals_exact(before, after))
    if not changed.size:
        return [], []
    found: dict[tuple[str | None, str | None, Why], list[float]] = {}
    given = shapely.difference(before[changed], after[changed])
    gained = shapely.difference(after[changed], before[changed])
    tree = shapely.STRtree(after[changed])
    giver, taker = tree.query(given, predicate="intersects")
    other = giver != taker
    giver, taker = giver[other], taker[other]
    pieces = shapely.intersection(given[giver], after[changed][taker])
    areas = ground.measure(pieces)[0]
    doubled = ground.measure(shapely.intersection(pieces, before[changed][taker]))[0]
    for k in range(len(pieces)):
        for why, area in ((Why.OVERLAP, float(doubled[k])), (Why.BORDER, float(areas[k] - doubled[k]))):
            if area > _WORTH_TELLING_M2:
                found.setdefault((ids[changed[giver[k]]], ids[changed[taker[k]]], why), []).append(area)
    names = [ids[index] for index in changed.tolist()]
    for name, free in zip(names, _less(gained, before, ground), strict=True):
        if free > _WORTH_TELLING_M2:
            found.setdefault((None, name, Why.GAP), []).append(free)
    for name, dropped in zip(names, _less(given, after, ground), strict=True):
        if dropped > _WORTH_TELLING_M2:
            found.setdefault((name, None, Why.BORDER), []).append(dropped)
    moves = [Move(source, target, sum(some), why, len(some)) for (source, target, why), some in found.items()]
    was, becomes = ground.measure(before[changed])[0], ground.measure(after[changed])[0]
    changes = [Change(name, float(a), float(b)) for name, a, b in zip(names, was, becomes, strict=True)]
    return sorted(moves, key=lambda move: -move.area_m2), changes


def _less(pieces: Shapes, units: Shapes, ground: Ground) -> list[float]:
    """Areas in m² of pieces without what units have of them."""
    piece, unit = shapely.STRtree(units).query(pieces, predicate="intersects")
    common = ground.measure(shapely.intersection(pieces[piece], units[unit]))[0]
    taken = np.bincount(piece, weights=common, minlength=len(pieces))
    areas = ground.measure(pieces)[0]
    left = np.maximum(areas - taken, 0.0)
    for index in np.flatnonzero(taken > areas + _WORTH_TELLING_M2):  # units that overlap each other count once
        rest = shapely.difference(pieces[index], shapely.union_all(units[unit[piece == index]]))
        left[index] = ground.measure(np.array([rest]))[0][0]
    return [float(area) for area in left]
