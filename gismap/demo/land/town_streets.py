"""The streets of a built-up area: through streets on a bent, uneven lattice, and lanes that divide what they enclose.

Made in metres of a sheet, as courses; blocks come from noding them, and their names from elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import numpy as np
import shapely

from gismap.demo.land.lines import Course, Swell, bend, densify, ring_of
from gismap.geometry.ground import Floats

_STEP_M = 70.0
_MIN_STUB_M = 60.0


@dataclass(frozen=True, slots=True)
class Town:
    """A built-up area to be: where it lies, and how closely it is built, from its centre (0) to its rim (1)."""

    name: str  # prefix of the keys of its streets
    outline: shapely.Polygon  # metres
    centre: tuple[float, float]
    spacing_m: tuple[float, float]  # between through streets
    block_ha: tuple[float, float]
    bearing_deg: float = 0.0
    main_street: str = "primary"
    names: Iterator[str] = field(default_factory=lambda: iter(()))  # of its streets, without 路 and 街; may run out

    def reach(self) -> float:
        """From the centre to the farthest point."""
        return float(np.hypot(*(ring_of(self.outline) - self.centre).T).max())

    def remoteness(self, xy: Floats) -> Floats:
        """0 at the centre, 1 at the farthest point."""
        return np.asarray(np.minimum(np.hypot(*(xy - self.centre).T) / self.reach(), 1.0))


def lay_streets(town: Town, rng: Random, extra: tuple[Course, ...] = ()) -> list[Course]:
    """The through streets and, inside of what they and `extra` enclose, the streets and lanes down to blocks."""
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    through = [part for course in _lattice(town, rng) for part in _inside(course, town.outline)]
    lines = [shapely.linestrings(course.xy) for course in (*through, *extra)] + [town.outline.exterior]
    noded = shapely.get_parts(shapely.union_all(lines))
    cells = shapely.get_parts(shapely.polygonize(noded))
    inside = shapely.contains_properly(town.outline, shapely.point_on_surface(cells))
    divided = [course for cell in cells[inside] for course in _divide(town, cell, rng, noise)]
    return [*through, *divided]


def _lattice(town: Town, rng: Random) -> list[Course]:
    """Streets in two directions, closer at the centre; spans between crossings are sometimes missing."""
    swell = Swell(rng, (9_000.0, 3_500.0, 1_600.0), 0.8)
    turn = np.radians(town.bearing_deg)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    offsets = [_offsets(town, rng) for _ in range(2)]
    courses = []
    for direction in range(2):
        across, along = offsets[direction], offsets[1 - direction]
        for number, offset in across:
            kind = _kind(number, town.main_street)
            gaps = 0.0 if kind in {"trunk", "primary"} else 0.10 if kind == "secondary" else 0.22
            base = next(town.names, None)
            for run, half in _runs([mark for _, mark in along], gaps, rng):
                marks = np.array([[offset, mark] if direction == 0 else [mark, offset] for mark in run])
                flat = densify(marks, _STEP_M)
                suffix = ("南北", "西东")[direction][half] + "路" if number % 2 == 0 else ("路", "街")[direction]
                street = f"{town.name}/{direction}/{number}/{half if number % 2 == 0 else ''}"
                xy = swell(flat @ axes) + town.centre - swell(np.zeros((1, 2)))[0]
                courses.append(Course(kind, xy, street, base and base + suffix))
    return courses


def _offsets(town: Town, rng: Random) -> list[tuple[int, float]]:
    """Numbered distances of parallel streets from the centre, beyond the reach on both sides."""
    inner, outer = town.spacing_m
    reach = 1.25 * town.reach()
    marks = [(0, 0.0)]
    for sign in (-1, 1):
        at, number = 0.0, 0
        while at < reach:
            at += (inner + (outer - inner) * min(at / reach, 1.0)) * rng.uniform(0.7, 1.35)
            number += sign
            marks.append((number, sign * at))
    return sorted(marks)


def _kind(number: int, main_street: str) -> str:
    if number == 0:
        return main_street
    if number % 4 == 0:
        return "primary"
    return "secondary" if number % 2 == 0 else "tertiary"


def _runs(marks: list[float], gaps: float, rng: Random) -> Iterator[tuple[list[float], int]]:
    """Stretches of a street over the crossings at `marks`, and on which side of the centre (0 or 1) each lies.

    A span is missing with probability `gaps`; the crossing at the centre ends a stretch.
    """
    run = [marks[0]]
    for mark in marks[1:]:
        missing = rng.random() < gaps
        if not missing:
            run.append(mark)
        if missing or mark in {0.0, marks[-1]}:
            if len(run) > 1:
                yield run, int(run[-1] > 0)
            run = [mark]


def _inside(course: Course, outline: shapely.Polygon) -> Iterator[Course]:
    clipped = shapely.get_parts(shapely.intersection(shapely.linestrings(course.xy), outline))
    for part in clipped:
        if part.geom_type == "LineString" and part.length > _MIN_STUB_M:
            yield Course(course.kind, shapely.get_coordinates(part), course.street, course.name)


def _divide(town: Town, cell: shapely.Polygon, rng: Random, noise: np.random.Generator) -> list[Course]:
    """Cut a cell between through streets, across its longer side, until its parts are blocks."""
    middle = shapely.get_coordinates(shapely.point_on_surface(cell))
    inner, outer = town.block_ha
    target = 1e4 * (inner + (outer - inner) * float(town.remoteness(middle)[0]) ** 1.5) * rng.uniform(0.75, 1.3)
    whole, waiting = cell.area, [ring_of(cell)]
    courses: list[Course] = []
    while waiting:
        ring = waiting.pop()
        block = shapely.Polygon(ring)
        if block.area < target * rng.uniform(1.15, 1.9):
            continue
        cut = _cut_across(block, rng, noise)
        if cut is None:
            continue
        large = block.area > 0.45 * whole and block.area > 6 * target
        kind = "tertiary" if large else "residential" if block.area > 2.6 * target else "lane"
        base = next(town.names, None) if kind == "tertiary" else None
        key = f"{town.name}/c{middle[0, 0]:.0f},{middle[0, 1]:.0f}/{len(courses)}"
        courses.append(Course(kind, cut, key, base and base + rng.choice("街路巷")))
        waiting += _halves(ring, cut)
    return courses


def _cut_across(block: shapely.Polygon, rng: Random, noise: np.random.Generator) -> Floats | None:
    """A slightly bent line across the longer side of a block, or None if the block's shape allows none."""
    box = shapely.get_coordinates(shapely.oriented_envelope(block))[:4]
    sides = np.diff(box[:3], axis=0)
    long = int(np.hypot(*sides[1]) > np.hypot(*sides[0]))
    along = sides[long] / np.hypot(*sides[long])
    middle = shapely.get_coordinates(block.centroid)[0]
    foot = middle + sides[long] * rng.uniform(-0.13, 0.13)
    turn = np.radians(rng.gauss(0, 5))
    across = np.array([-along[1], along[0]]) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    reach = np.hypot(*sides.sum(axis=0))
    chord = shapely.intersection(shapely.linestrings([foot - reach * across, foot + reach * across]), block)
    parts = [part for part in shapely.get_parts(chord) if part.geom_type == "LineString"]
    if not parts:
        return None
    straight = shapely.get_coordinates(max(parts, key=lambda part: part.length))[[0, -1]]
    bow = rng.choice((0.0, 0.0, rng.uniform(-0.10, 0.10)))
    sideways = np.array([[-1, 1]]) * (straight[1] - straight[0])[::-1]
    curved = bend(np.vstack([straight[:1], straight.mean(axis=0) + bow * sideways, straight[1:]]), noise, 60.0, 0.025)
    clear = curved.copy()  # of the block's border, on which its ends lie but for rounding
    clear[[0, -1]] += 1e-3 * (curved[[1, -2]] - curved[[0, -1]])
    return curved if block.covers(shapely.linestrings(clear)) else straight


def _halves(ring: Floats, cut: Floats) -> list[Floats]:
    """The two rings that a line between two points of a ring makes of it."""
    closed = np.vstack([ring, ring[:1]])
    places = sorted((_place_on(closed, end), reverse) for reverse, end in enumerate(cut[[0, -1]]))
    (first, swapped), (second, _) = places
    line = cut[::-1] if swapped else cut
    between = ring[first + 1 : second + 1]
    beyond = np.vstack([ring[second + 1 :], ring[: first + 1]])
    return [np.vstack([line[::-1], between]), np.vstack([line, beyond])]


def _place_on(closed: Floats, point: Floats) -> int:
    """The index of the ring's segment that a point lies on."""
    start, ahead = closed[:-1], np.diff(closed, axis=0)
    share = np.clip(((point - start) * ahead).sum(axis=1) / np.maximum((ahead**2).sum(axis=1), 1e-12), 0, 1)
    return int(np.argmin(np.hypot(*(start + share[:, None] * ahead - point).T)))
