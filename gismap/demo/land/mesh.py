"""From courses to faces: one noded subdivision of the land, whose faces share their borders vertex by vertex.

Faces are grouped, never changed: what a group covers is the union of its faces. What the groups mean is not known here.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gismap.demo.land.lines import RANK, Course
from gismap.demo.land.sheet import Sheet
from gismap.geometry.blocks import shared_segments
from gismap.geometry.ground import Floats, Ints, Shapes, measure

GRID_DEG = 1e-9
"""All vertices lie on this grid (a tenth of a millimetre) before faces are made, so that nothing moves afterwards."""

MIN_WIDTH_M = 28.0

Links = dict[int, dict[int, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Faces and the straight border pieces between them; `second` is -1 at the rim, `course` -1 where none runs."""

    faces: Shapes  # degrees
    area: Floats  # m²
    middle: Floats  # a point inside each face, metres on the sheet, shape (n, 2)
    segments: Floats  # degrees, shape (m, 2, 2)
    length: Floats  # m
    first: Ints
    second: Ints
    course: Ints

    def links(self, weight: Floats) -> Links:
        """How strongly faces hang together: the border in metres, each piece times the weight of its course.

        `weight` has one number per course and one more for pieces without a course.
        """
        inner = self.second >= 0
        return _links(self.first[inner], self.second[inner], self.length[inner] * weight[self.course[inner]])

    def joined(self, labels: Ints, sheet: Sheet) -> "Mesh":
        """The mesh whose faces are the unions of the faces with the same label (0, 1, …)."""
        faces = unions(self.faces, labels)
        first = labels[self.first]
        second = np.where(self.second >= 0, labels[self.second], -1)
        kept = first != second
        return _mesh(faces, sheet, self.segments[kept], self.length[kept], first[kept], second[kept], self.course[kept])


def weave(courses: Sequence[Course], sheet: Sheet, min_area_m2: Callable[[Floats], Floats]) -> Mesh:
    """The faces between courses; too small or thin ones join a neighbour, across the least important border.

    `min_area_m2` tells for points (metres) how small a face there may be.
    """
    lines = sheet.to_degrees(np.array([shapely.linestrings(course.xy) for course in courses], dtype=object))
    lines = shapely.set_precision(lines, GRID_DEG, mode="pointwise")
    noded = shapely.union_all(lines, grid_size=GRID_DEG)
    faces = np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))
    first, second, segments = shared_segments(faces)
    _, length = measure(shapely.linestrings(segments))
    mesh = _mesh(faces, sheet, segments, length, first, second, _courses_at(segments, lines, courses))
    kinds = np.array([1 + 2.0 * RANK[course.kind] for course in courses] + [10.0])
    regions = Regions(mesh.area, mesh.links(kinds))
    regions.absorb_thin(min_area_m2(mesh.middle), _perimeters(mesh))
    return mesh.joined(regions.labels(), sheet)


def unions(faces: Shapes, labels: Ints) -> Shapes:
    """The union of the faces of each label; shared borders stay exact."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    groups = np.split(faces[order], starts[1:])
    return np.array([g[0] if len(g) == 1 else shapely.coverage_union_all(g) for g in groups], dtype=object)


def _mesh(
    faces: Shapes, sheet: Sheet, segments: Floats, length: Floats, first: Ints, second: Ints, course: Ints
) -> Mesh:
    area, _ = measure(faces)
    middle = shapely.get_coordinates(sheet.to_metres(shapely.point_on_surface(faces)))
    return Mesh(faces, area, middle, segments, length, first, second, course)


def _perimeters(mesh: Mesh) -> Floats:
    inner = mesh.second >= 0
    count = len(mesh.faces)
    first = np.bincount(mesh.first, mesh.length, count)
    return np.asarray(first + np.bincount(mesh.second[inner], mesh.length[inner], count))


def _courses_at(segments: Floats, lines: Shapes, courses: Sequence[Course]) -> Ints:
    """The most important course that runs along each segment.

    Noding moves no vertex by more than the grid: the middle of a segment lies on its course to within two steps.
    """
    xy, line = shapely.get_coordinates(lines, return_index=True)
    inside = line[:-1] == line[1:]
    pieces = shapely.linestrings(np.stack([xy[:-1][inside], xy[1:][inside]], axis=1))
    piece_of = line[:-1][inside]
    middles = shapely.points(segments.mean(axis=1))
    at, piece = shapely.STRtree(pieces).query(middles, predicate="dwithin", distance=3 * GRID_DEG)
    rank = np.array([RANK[course.kind] for course in courses])[piece_of[piece]]
    order = np.lexsort((piece_of[piece], rank, at))
    found, lead = np.unique(at[order], return_index=True)
    result = np.full(len(segments), -1)
    result[found] = piece_of[piece][order][lead]
    return result


def _links(first: Ints, second: Ints, strength: Floats) -> Links:
    links: Links = defaultdict(dict)
    for a, b, s in zip(first.tolist(), second.tolist(), strength.tolist(), strict=True):
        links[a][b] = links[b][a] = links[a].get(b, 0.0) + s
    return links


class Regions:
    """Faces that are joined with neighbours by bookkeeping alone: weights add up, links between joined ones vanish."""

    def __init__(self, weights: Floats, links: Links, members: Sequence[int] | None = None) -> None:
        cells = range(len(weights)) if members is None else members
        self.weight = {cell: float(weights[cell]) for cell in cells}
        self.members = {cell: [cell] for cell in cells}
        self.links: Links = {
            cell: {other: s for other, s in links.get(cell, {}).items() if other in self.weight} for cell in cells
        }

    def join_until(self, count: int) -> "Regions":
        """Join the lightest region with the (rather light) neighbour that it clings to most, until `count` are left."""
        mean = sum(self.weight.values()) / count
        waiting = [(weight, cell) for cell, weight in self.weight.items()]
        heapq.heapify(waiting)
        while len(self.weight) > count and waiting:
            weight, cell = heapq.heappop(waiting)
            if self.weight.get(cell) != weight or not self.links[cell]:
                continue  # grown or gone since it was put here, or an island
            into = max(self.links[cell], key=lambda other: (self._pull(cell, other, mean), -other))
            self.join(cell, into)
            heapq.heappush(waiting, (self.weight[into], into))
        return self

    def _pull(self, cell: int, other: int, mean: float) -> float:
        return self.links[cell][other] / math.pow(0.4 + self.weight[other] / mean, 1.5)

    def absorb_thin(self, min_area: Floats, perimeter: Floats) -> None:
        """Join what is smaller than `min_area` or thinner (2A/P) than `MIN_WIDTH_M`, smallest first; weights are areas.

        The perimeter of a joined region is taken as the sum: a thin strip beside a block does not make it thin.
        """
        small = [
            (area, cell)
            for cell, area in self.weight.items()
            if area < min_area[cell] or 2 * area < MIN_WIDTH_M * perimeter[cell]
        ]
        heapq.heapify(small)
        while small:
            area, cell = heapq.heappop(small)
            if self.weight.get(cell) != area or not self.links[cell]:
                continue
            into = max(self.links[cell], key=lambda other: (self.links[cell][other], -other))
            self.join(cell, into)
            if self.weight[into] < min_area[into]:
                heapq.heappush(small, (self.weight[into], into))

    def join(self, cell: int, into: int) -> None:
        """Make `cell` part of `into`."""
        self.weight[into] += self.weight.pop(cell)
        self.members[into] += self.members.pop(cell)
        for other, strength in self.links.pop(cell).items():
            del self.links[other][cell]
            if other != into:
                self.links[into][other] = self.links[other][into] = self.links[into].get(other, 0.0) + strength

    def groups(self) -> list[list[int]]:
        """The cells of each region, in the order of their first cells."""
        return sorted(sorted(members) for members in self.members.values())

    def labels(self) -> Ints:
        """The number of its group for each cell; every cell from 0 on must be there."""
        groups = self.groups()
        labels = np.empty(sum(len(group) for group in groups), dtype=np.intp)
        for number, group in enumerate(groups):
            labels[group] = number
        return labels
