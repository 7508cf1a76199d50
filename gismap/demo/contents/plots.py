"""Lays footprints out on the land inside a block, in metres: in rows across it or as fronts along its edge.

What the footprints are used for is decided elsewhere; nothing here draws at random except lengths and gaps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from gismap.geometry.ground import Floats, Shapes

QUARTER = math.pi / 2


@dataclass(frozen=True, slots=True)
class Footprint:
    """A rectangle around (x, y), `width` along `angle` and `depth` across it, with a wing to the south if `wing` > 0.

    `row` counts from the north and `column` from the west of its plot: the order in which plates are numbered.
    """

    x: float
    y: float
    width: float
    depth: float
    angle: float  # radians, anticlockwise from east
    row: int
    column: int
    wing: float = 0.0


@dataclass(frozen=True, slots=True)
class Plot:
    """The land of one block that may be built on, with the direction that its rows follow."""

    shape: Polygon
    angle: float
    edges: Floats  # x1, y1, x2, y2 of every edge, turned so that rows are horizontal

    @property
    def area(self) -> float:
        """In m²."""
        return float(self.shape.area)

    @property
    def middle(self) -> tuple[float, float]:
        """Its centroid."""
        centre = self.shape.centroid
        return float(centre.x), float(centre.y)


def plots(shapes: Shapes, insets: Floats, most_turn: Floats) -> list[Plot | None]:
    """The buildable part of each polygon, `insets` metres inside its border; None where nothing is left.

    Rows follow the polygon's main axis, but face south within `most_turn` radians.
    """
    inner = shapely.buffer(shapes, -insets, join_style="mitre", quad_segs=1)
    inner = shapely.simplify(inner, 0.5)
    angles = main_axes(shapes)
    angles = np.clip(angles, -most_turn, most_turn)
    return [_plot(shape, float(angle)) for shape, angle in zip(inner, angles, strict=True)]


def inner_plot(plot: Plot, inset: float) -> Plot | None:
    """What is left of a plot `inset` metres inside it."""
    return _plot(shapely.buffer(plot.shape, -inset, join_style="mitre"), plot.angle)


def main_axes(shapes: Shapes) -> Floats:
    """The direction of each polygon's longest straight stretch, as an angle from east in (−45°, 45°]."""
    boxes = shapely.oriented_envelope(shapes)
    angles = np.zeros(len(shapes))
    for index, one in enumerate(boxes):
        corners = shapely.get_coordinates(one)
        if len(corners) < 4:
            continue
        sides = np.diff(corners[:3], axis=0)
        dx, dy = sides[int(np.argmax(np.hypot(sides[:, 0], sides[:, 1])))]
        angles[index] = (math.atan2(dy, dx) + QUARTER / 2) % QUARTER - QUARTER / 2
    return angles


def _plot(shape: shapely.Geometry, angle: float) -> Plot | None:
    if shape.geom_type == "MultiPolygon":
        shape = max(shape.geoms, key=lambda part: part.area)
    if shape.is_empty or shape.area < 60:
        return None
    cos, sin = math.cos(angle), math.sin(angle)
    edges = []
    for ring in (shape.exterior, *shape.interiors):
        xy = shapely.get_coordinates(ring) @ np.array([[cos, -sin], [sin, cos]])
        edges.append(np.hstack([xy[:-1], xy[1:]]))
    return Plot(shape, angle, np.vstack(edges))


def rows(
    plot: Plot,
    rng: Random,
    *,
    depth: float,
    row_gap: float,
    lengths: Sequence[float],
    side_gap: float,
    stagger: bool = False,
) -> list[Footprint]:
    """As many rows as the plot holds, each filled from edge to edge with footprints of some of the `lengths`."""
    low, high = float(plot.edges[:, 1].min()), float(plot.edges[:, 1].max())
    count = int((high - low + row_gap) // (depth + row_gap))
    if count == 0:
        return []
    spare = (high - low + row_gap) / count - depth - row_gap
    pitch = depth + row_gap + min(spare, row_gap * 0.35)
    top = high - (high - low - (count - 1) * pitch - depth) / 2
    tops: Floats = top - pitch * np.arange(count, dtype=np.float64)
    cos, sin = math.cos(plot.angle), math.sin(plot.angle)
    found = []
    for row, spans in enumerate(_spans(plot.edges, tops - depth, tops)):
        v, column = float(tops[row]) - depth / 2, 0
        for start, end in spans:
            shift = (min(lengths) + side_gap) / 2 if stagger and row % 2 else 0.0
            for u, width in fill(start + shift, end, rng, lengths=lengths, gap=side_gap):
                x, y = u * cos - v * sin, u * sin + v * cos
                found.append(Footprint(x, y, width, depth, plot.angle, row, column))
                column += 1
    return found


def fill(start: float, end: float, rng: Random, *, lengths: Sequence[float], gap: float) -> list[tuple[float, float]]:
    """Middles and lengths of pieces between two ends, at least `gap` apart, with what is left over spread between."""
    chosen: list[float] = []
    room = end - start
    while fitting := [length for length in lengths if length <= room]:
        chosen.append(rng.choice(fitting))
        room -= chosen[-1] + gap
    if not chosen:
        return []
    spare = end - start - sum(chosen) - gap * (len(chosen) - 1)
    wider = gap + min(spare / len(chosen), gap * 0.5)
    at = start + (end - start - sum(chosen) - wider * (len(chosen) - 1)) / 2
    placed = []
    for length in chosen:
        placed.append((at + length / 2, length))
        at += length + wider
    return placed


def _spans(edges: Floats, lows: Floats, highs: Floats) -> list[list[tuple[float, float]]]:
    """For every strip, the stretches where its lower and its upper line both lie inside."""
    lower, upper = _crossings(edges, lows + 1e-3), _crossings(edges, highs - 1e-3)
    return [_common(one, other) for one, other in zip(lower, upper, strict=True)]


def _crossings(edges: Floats, lines: Floats) -> list[list[float]]:
    y1, y2 = edges[:, 1][:, None], edges[:, 3][:, None]
    hit = (y1 > lines) != (y2 > lines)
    edge, line = np.nonzero(hit)
    x1, x2, ya, yb = edges[edge, 0], edges[edge, 2], edges[edge, 1], edges[edge, 3]
    x = x1 + (lines[line] - ya) * (x2 - x1) / (yb - ya)
    order = np.lexsort((x, line))
    ends = np.searchsorted(line[order], np.arange(len(lines) + 1))
    ordered = x[order].tolist()
    return [ordered[ends[i] : ends[i + 1]] for i in range(len(lines))]


def _common(one: list[float], other: list[float]) -> list[tuple[float, float]]:
    pairs = []
    for a in range(0, len(one) - 1, 2):
        for b in range(0, len(other) - 1, 2):
            start, end = max(one[a], other[b]), min(one[a + 1], other[b + 1])
            if end - start > 4:
                pairs.append((start, end))
    return pairs


def fronts(plot: Plot, rng: Random, *, depth: float, lengths: Sequence[float], gap: float) -> list[Footprint]:
    """Footprints side by side along the plot's straight stretches, facing outward; corners stay free."""
    ring = shapely.get_coordinates(shapely.normalize(plot.shape.exterior.simplify(4.0)))
    if shapely.is_ccw(shapely.linearrings(ring)):
        ring = ring[::-1]
    found = []
    for side, (a, b) in enumerate(pairwise(ring)):
        length = math.dist(a, b)
        along = (b - a) / length
        inward = np.array([along[1], -along[0]])  # clockwise: the inside lies to the right
        corner = depth + 3
        for column, (at, width) in enumerate(fill(corner, length - corner, rng, lengths=lengths, gap=gap)):
            x, y = a + along * at + inward * (depth / 2 + 4.5)
            angle = math.atan2(along[1], along[0])
            found.append(Footprint(float(x), float(y), width, depth, angle, side, column))
    return found


def refuge(block: Polygon) -> Footprint:
    """One small house in the widest part of a block that holds nothing else."""
    circle = shapely.get_coordinates(shapely.maximum_inscribed_circle(block, tolerance=1.0))
    side = min(12.0, math.dist(circle[0], circle[1]) * 0.9)
    return Footprint(float(circle[0][0]), float(circle[0][1]), side, side, 0.0, 0, 0)


def outlines(footprints: Sequence[Footprint]) -> Shapes:
    """The polygons of footprints."""
    shapes = np.empty(len(footprints), dtype=object)
    for winged in (False, True):
        chosen = [index for index, one in enumerate(footprints) if (one.wing > 0) == winged]
        if chosen:
            shapes[chosen] = shapely.polygons(_corners([footprints[index] for index in chosen], winged))
    return shapes


def _corners(footprints: Sequence[Footprint], winged: bool) -> Floats:
    x, y, w, d, angle, wing = np.array([(f.x, f.y, f.width / 2, f.depth / 2, f.angle, f.wing) for f in footprints]).T
    if winged:
        arm = w - np.minimum(d * 2, w)  # where the wing begins: it is as thick as the house is deep
        u, v = np.stack([-w, arm, arm, w, w, -w]), np.stack([-d, -d, -d - wing, -d - wing, d, d])
    else:
        u, v = np.stack([-w, w, w, -w]), np.stack([-d, -d, d, d])
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x + u * cos - v * sin, y + u * sin + v * cos], axis=-1).transpose(1, 0, 2)


LEEWAY_M = 1.5
"""How far a building may reach over the edge of its plot."""


def standing(shapes: Shapes, plots: Sequence[Plot | None], owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which shapes can stand: inside the plot of their `owner` and clear of every shape before them that stands."""
    allowed = np.array([plot.shape if plot else Polygon() for plot in plots], dtype=object)
    allowed = shapely.buffer(allowed, LEEWAY_M, join_style="mitre")
    shapely.prepare(allowed)
    stands = shapely.contains_properly(allowed[owner], shapes)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    meeting = first < second
    for one, other in sorted(zip(first[meeting].tolist(), second[meeting].tolist(), strict=True)):
        if stands[one] and stands[other]:
            stands[other] = False
    return np.asarray(stands)
