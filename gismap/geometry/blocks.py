"""Street blocks: cells between centre-lines that share their borders exactly; grouping them by people is not here."""

import heapq
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import shapely

from gismap.geometry.errors import ShapeError
from gismap.geometry.ground import Floats, Ints, Shapes, measure

MIN_AREA_M2 = 5_000
MIN_WIDTH_M = 20
"""Thinner (2A/P) is the strip between two carriageways, or between a road and its footpath."""

Borders = dict[int, dict[int, float]]


def street_blocks(
    lines: Sequence[shapely.Geometry], min_area_m2: float = MIN_AREA_M2, min_width_m: float = MIN_WIDTH_M
) -> list[shapely.Polygon]:
    """The blocks that street centre-lines (degrees) enclose, as an exact coverage without holes.

    Lines are cut where they cross, and dead ends are left out. A cell that is smaller than `min_area_m2` or thinner
    than `min_width_m` (2A/P) joins the neighbour with which it shares the longest border, smallest first, until none
    is left. Only the rim loses anything: a small cell without neighbours, or a strip that is mostly open land's
    neighbour, as between the carriageways of a road that leads out of town.

    Raises:
        ShapeError: the lines enclose nothing.
    """
    cells = _cells(lines)
    areas, perimeters = measure(cells)
    blocks = Merging(areas, perimeters, shared_borders(cells))
    blocks.absorb_small(min_area_m2, min_width_m)
    merged = [shapely.coverage_union_all(cells[members]) for members in blocks.groups()]
    if not merged:
        raise ShapeError("the streets enclose no block that is large enough", field="lines")
    return merged


def outline_of(blocks: Sequence[shapely.Polygon]) -> shapely.MultiPolygon:
    """The land that blocks cover together; parts of a town that no street joins stay parts of their own."""
    union = shapely.coverage_union_all(np.array(blocks, dtype=object))
    return shapely.multipolygons(shapely.get_parts(union))


def _cells(lines: Sequence[shapely.Geometry]) -> Shapes:
    """The faces of the street network; together they have no holes, as every face inside is one of them."""
    parts = shapely.get_parts(np.array(lines, dtype=object))
    noded = shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (1, 2))])  # lines and rings
    return np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))


def shared_borders(cells: Shapes) -> Borders:
    """Metres of border between neighbours, from segments that two cells have in common vertex by vertex."""
    first, second, segments = shared_segments(cells)
    inner = second >= 0
    _, metres = measure(shapely.linestrings(segments[inner]))
    borders: Borders = defaultdict(lambda: defaultdict(float))
    for a, b, length in zip(first[inner].tolist(), second[inner].tolist(), metres.tolist(), strict=True):
        borders[a][b] += length
        borders[b][a] += length
    return borders


def shared_segments(faces: Shapes) -> tuple[Ints, Ints, Floats]:
    """Every straight border piece once, with the faces on its sides (the second is -1 at the rim)."""
    rings, face_of_ring = shapely.get_rings(faces, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[:-1] == ring[1:]
    start, end = xy[:-1][inside], xy[1:][inside]
    swap = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    segments = np.where(swap[:, None], np.hstack([end, start]), np.hstack([start, end]))
    owner = face_of_ring[ring[:-1][inside]]
    order = np.lexsort(segments.T)
    segments, owner = segments[order], owner[order]
    same = (segments[1:] == segments[:-1]).all(axis=1)
    leads, second = np.ones(len(owner), dtype=bool), np.full(len(owner), -1)
    leads[1:] = ~same
    second[:-1][same] = owner[1:][same]
    return owner[leads], second[leads], segments[leads].reshape(-1, 2, 2)


class Merging:
    """Cells that are joined with neighbours by bookkeeping alone: areas add up, shared borders vanish."""

    def __init__(self, areas: Floats, perimeters: Floats, borders: Borders) -> None:
        self.area: dict[int, float] = dict(enumerate(areas.tolist()))
        self.perimeter: dict[int, float] = dict(enumerate(perimeters.tolist()))
        self.borders = borders
        self.members = {cell: [cell] for cell in self.area}

    def absorb_small(self, min_area_m2: float, min_width_m: float, *, keeps_rim: bool = False) -> None:
        """Join what is too small or thin, smallest first; what only hangs on at the rim is dropped, or joined, too."""

        def is_thin(cell: int) -> bool:
            return 2 * self.area[cell] < min_width_m * self.perimeter[cell]

        def is_small(cell: int) -> bool:
            return self.area[cell] < min_area_m2 or is_thin(cell)

        waiting = [(area, cell) for cell, area in self.area.items() if is_small(cell)]
        heapq.heapify(waiting)
        while waiting:
            area, cell = heapq.heappop(waiting)
            if self.area.get(cell) != area or not is_small(cell):
                continue  # grown or gone since it was put here
            shared = sum(self.borders[cell].values())
            if keeps_rim and shared == 0:
                continue
            if not keeps_rim and (shared == 0 or (is_thin(cell) and shared < self.perimeter[cell] / 2)):
                self._drop(cell)
                continue
            into = max(self.borders[cell], key=lambda other: (self.borders[cell][other], -other))
            self._join(cell, into)
            if is_small(into):
                heapq.heappush(waiting, (self.area[into], into))

    def _join(self, cell: int, into: int) -> None:
        self.perimeter[into] += self.perimeter.pop(cell) - 2 * self.borders[cell][into]
        self.area[into] += self.area.pop(cell)
        self.members[into] += self.members.pop(cell)
        for other, length in self.borders.pop(cell).items():
            del self.borders[other][cell]
            if other != into:
                self.borders[into][other] += length
                self.borders[other][into] += length

    def _drop(self, cell: int) -> None:
        """Leave a cell to the open land outside: it lies on the rim, so that no hole opens."""
        del self.area[cell], self.perimeter[cell], self.members[cell]
        for other in self.borders.pop(cell):
            del self.borders[other][cell]

    def groups(self) -> list[list[int]]:
        """The cells of each block, in the order of their first cells."""
        return sorted(sorted(members) for members in self.members.values())
