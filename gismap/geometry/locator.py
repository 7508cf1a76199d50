"""Point → grid, one or millions, from memory: the leaves of one revision as an index; SQL and verdicts are not here.

Positions are degrees in EPSG:4490. Leaves are answered by their place in the sequence that the index was made of.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike

from gismap.geometry import cells, nearness
from gismap.geometry.cells import PAD, CellTable, Int32s, Int64s, Sheet
from gismap.geometry.errors import PositionError, ShapeError
from gismap.geometry.ground import Floats, Ints, Shapes
from gismap.geometry.nearness import SAME_BORDER_M

CELLS_PER_LEAF = 512
MIN_CELLS, MAX_CELLS = 1 << 14, 1 << 24
"""A cell takes four bytes, one that a border crosses about forty."""

NO_SHARE = 1e-9
"""A leaf that covers less of a disc only touches it."""


class Nearby(NamedTuple):
    """A leaf and the metres to it on the ground, 0 inside and on its border."""

    leaf: int
    distance_m: float


class Border(NamedTuple):
    """The border next to a point: metres on the ground, and the leaf beyond it (None: nothing, or open land)."""

    distance_m: float
    beyond: int | None


class Candidate(NamedTuple):
    """A leaf that a position could lie in: the part of the error disc that it covers, 0 to 1, and the metres to it."""

    leaf: int
    share: float
    distance_m: float


class Locator:
    """An index of leaves that answers whose a point is exactly as exact geometry does.

    A point lies in a leaf when it is inside of it or on its border (`intersects`), decided without rounding for any
    doubles. Several owners are told in the order of their codes; the first is *the* owner. Leaves must be valid
    polygons or multipolygons; gaps, holes, enclaves and overlaps between them are answered as they are.

    Equal leaves make equal indexes. An index is never changed, so that threads may share it, and can be pickled.

    >>> locator = Locator(["b", "a"], [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])
    >>> locator.owner(0.5, 0.5), locator.owner(1, 0.5), locator.owner(9, 9)
    (0, 1, -1)
    >>> locator.owners_at(1, 0.5)
    (1, 0)
    """

    def __init__(self, codes: Sequence[str | None], leaves: Sequence[shapely.Geometry] | Shapes) -> None:
        """Build the index; at 100,000 leaves this takes seconds.

        Args:
            codes: of each leaf; decides ties, those without a code come last in the order given.
            leaves: polygons in degrees; an empty one or None owns nothing.

        Raises:
            ShapeError: something else than polygons, or positions that are not finite.
        """
        if len(codes) != len(leaves):
            raise ShapeError("there must be one code for each leaf", field="codes")
        self._count = len(codes)
        order = sorted(range(self._count), key=lambda k: (codes[k] is None, codes[k] or "", k))
        self._rank = np.argsort(np.array(order, dtype=np.intp)).tolist()
        pieces, leaf_of = _pieces(_as_array(leaves))
        self._outline_first = _starts(leaf_of, self._count)
        edges, self._outlines = cells.number_edges(pieces, pieces.view(np.int64))
        del pieces
        self._table = _make(edges, self._outlines, leaf_of, np.array(order, dtype=np.int32))

    @classmethod
    def from_wkb(cls, codes: Sequence[str | None], wkb: Sequence[bytes]) -> Self:
        """Build the index from leaves as a database gives them.

        Raises:
            ShapeError: as the constructor, or no WKB.
        """
        try:
            return cls(codes, shapely.from_wkb(np.array(wkb, dtype=object)))
        except shapely.errors.GEOSException as error:
            raise ShapeError("a leaf is no WKB", field="leaves") from error

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the index holds."""
        arrays = (*self._table, self._outline_first, self._outlines)
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def owner(self, lon: float, lat: float) -> int:
        """The leaf that a point lies in or on the border of, that of the lowest code; -1 for none and for NaN."""
        return int(cells.first_leaf(self._table, lon, lat))

    def owners(self, lon: ArrayLike, lat: ArrayLike) -> Int32s:
        """`owner` of every point, as one array."""
        return cells.first_leaves(self._table, *_positions(lon, lat))

    def owners_at(self, lon: float, lat: float) -> tuple[int, ...]:
        """Every leaf that a point lies in or on the border of, by code: several on a shared border or an overlap."""
        return tuple(cells.all_leaves(self._table, lon, lat).tolist())

    def pairs(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Int64s, Int64s]:
        """Every (point, leaf) of `owners_at`, as two arrays of positions, ordered by point and then by code."""
        return cells.all_pairs(self._table, *_positions(lon, lat))

    def nearest(self, lon: float, lat: float, k: int, within_m: float = math.inf) -> list[Nearby]:
        """The `k` nearest leaves, nearest first, equally near ones by code; none beyond `within_m` metres."""
        near = dict.fromkeys(self.owners_at(lon, lat), 0.0)
        for leaf, metres in self._borders(lon, lat, k + len(near), within_m).items():
            near.setdefault(leaf, metres)
        ordered = sorted(near, key=lambda leaf: (near[leaf], self._rank[leaf]))
        return [Nearby(leaf, near[leaf]) for leaf in ordered[:k] if near[leaf] <= within_m]

    def border(self, lon: float, lat: float) -> Border | None:
        """How far the border next to a point is, and what lies beyond it; None where there are no leaves.

        For the owner of the point that is its own border, else the nearest of any leaf.
        """
        owner = self.owner(lon, lat)
        wanted, near = 2, self._borders(lon, lat, 2, math.inf)
        if not near:
            return None
        # Only the `wanted` nearest are measured for certain; under overlaps others' borders may be nearer than its own.
        while owner >= 0 and near.get(owner, math.inf) > sorted(near.values())[:wanted][-1]:
            wanted *= 2
            near = self._borders(lon, lat, wanted, math.inf)
        metres = near.pop(owner) if owner >= 0 else min(near.values())
        beyond = [leaf for leaf in near if near[leaf] <= metres + SAME_BORDER_M]
        return Border(metres, min(beyond, key=self._rank.__getitem__, default=None))

    def candidates(self, lon: float, lat: float, accuracy_m: float) -> list[Candidate]:
        """The leaves that a position could lie in, the largest share first, equal ones by code.

        The position's error is taken as a disc of radius `accuracy_m` (metres on the ground) with even density. The
        shares and the part that no leaf covers add up to 1 where leaves do not overlap.

        Raises:
            PositionError: the accuracy is not a positive number.
        """
        if not 0 < accuracy_m < math.inf:
            raise PositionError("accuracy must be a positive number of metres", field="accuracy")
        near = self._borders(lon, lat, self._count + 1, accuracy_m)
        near |= dict.fromkeys(self.owners_at(lon, lat), 0.0)
        leaves = sorted(near, key=self._rank.__getitem__)
        areas = nearness.disc_areas(
            self._table.edges,
            self._outline_first,
            self._outlines,
            np.array(leaves, dtype=np.int32),
            lon,
            lat,
            accuracy_m,
        )
        parts = np.minimum(areas / (math.pi * accuracy_m**2), 1.0).tolist()
        found = [Candidate(leaf, part, near[leaf]) for leaf, part in zip(leaves, parts, strict=True) if part > NO_SHARE]
        return sorted(found, key=lambda one: -round(one.share, 9))

    def _borders(self, lon: float, lat: float, wanted: int, within_m: float) -> dict[int, float]:
        """Metres to the borders of the nearest leaves, inside or outside of them."""
        if not (math.isfinite(lon) and math.isfinite(lat) and self._outlines.size):
            return {}
        leaves, metres = nearness.nearest_borders(self._table, lon, lat, self._count, wanted, within_m)
        return dict(zip(leaves.tolist(), metres.tolist(), strict=True))


def _as_array(leaves: Sequence[shapely.Geometry | None] | Shapes) -> Shapes:
    array = np.empty(len(leaves), dtype=object)
    array[:] = leaves
    return array


def _positions(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Two arrays as compiled loops want them; copies only what is of another kind.

    Raises:
        PositionError: not as many of one as of the other.
    """
    lons, lats = (np.require(values, np.float64, ["C", "W"]).ravel() for values in (lon, lat))
    if len(lons) != len(lats):
        raise PositionError("there must be as many latitudes as longitudes", field="y")
    return lons, lats


def _starts(owner: Ints, count: int) -> Int32s:
    """Where the entries of each of `count` owners start in an array ordered by owner, and the end."""
    return np.searchsorted(owner, np.arange(count + 1)).astype(np.int32)


def _pieces(leaves: Shapes) -> tuple[Floats, Ints]:
    """Straight pieces of border (n, 4), a leaf always on their left, and whose they are, in the order of leaves."""
    kinds = shapely.get_type_id(leaves)
    if not np.isin(kinds, (-1, 3, 6)).all():  # none, polygon, multipolygon
        raise ShapeError("a leaf must be a polygon or a multipolygon", field="leaves")
    parts, leaf_of_part = shapely.get_parts(leaves, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    positions, ring = shapely.get_coordinates(rings, return_index=True)
    if not np.isfinite(positions).all():
        raise ShapeError("the positions of a leaf must be finite numbers", field="leaves")
    is_shell = np.diff(part_of_ring, prepend=-1) != 0
    backwards = shapely.is_ccw(rings) != is_shell
    del parts, rings  # large, as everything here
    positions += 0.0  # no negative zeros: equal numbers have equal bits
    x, y = positions.T
    kept = np.flatnonzero((ring[1:] == ring[:-1]) & ((x[1:] != x[:-1]) | (y[1:] != y[:-1])))
    pieces = np.empty((len(kept), 4))
    pieces[:, :2], pieces[:, 2:] = positions[kept], positions[kept + 1]
    ring = ring[kept]
    turned = backwards[ring]
    pieces[turned] = pieces[turned][:, [2, 3, 0, 1]]
    return pieces, leaf_of_part[part_of_ring[ring]]


def _make(edges: Floats, numbers: Int32s, leaf_of: Ints, order: Int32s) -> CellTable:
    """The table of leaves; until it is done they are numbered in the `order` of ties."""
    sheet = _sheet(edges, len(order))
    edge_of = np.where(numbers < 0, ~numbers, numbers)
    by_edge = np.argsort(edge_of, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    owners, owner_first = rank[leaf_of[by_edge]], _starts(edge_of[by_edge], len(edges))
    crossings = cells.corner_crossings(sheet, edges, owner_first, owners, len(order))
    # Made here, as numpy asks for huge pages and numba does not.
    values = np.full(sheet.columns * sheet.rows, cells.NONE, dtype=np.int32)
    cells.mark_borders(values, sheet, edges)
    cells.fill_cells(values, sheet, crossings, len(order))
    count = cells.number_border_cells(values)
    corners = cells.corner_leaves(values, count, sheet, crossings, len(order))
    touching = cells.touching_edges(values, count, sheet, edges)
    edge_of_touch = np.where(touching[1] < 0, ~touching[1], touching[1])
    shares = int(np.diff(owner_first)[edge_of_touch].sum()) + len(corners[1])  # of leaves in cells, or more
    room = cells.HEAD * count + 6 * shares
    words = cells.make_groups(values, *corners, *touching, owner_first, owners, order, room)
    held = values > cells.NONE
    values[held] = order[values[held]]
    box = _box(edges)
    steps = sheet.per_lon, sheet.per_lat, sheet.columns, sheet.rows
    return CellTable(*box, *steps, values, sheet.corner_lon, sheet.corner_lat, words, edges)


def _box(edges: Floats) -> tuple[float, float, float, float]:
    """West, south, east and north of all edges; a box that holds nothing where there are none."""
    if not len(edges):
        return math.inf, math.inf, -math.inf, -math.inf
    west, east = min(edges[:, 0].min(), edges[:, 2].min()), max(edges[:, 0].max(), edges[:, 2].max())
    return float(west), float(edges[:, 1].min()), float(east), float(edges[:, 3].max())  # edges rise


def _sheet(edges: Floats, leaves: int) -> Sheet:
    """Cells over the box of all edges, about as wide as high on the ground and far wider than what doubles can tell."""
    if not len(edges):
        return Sheet(0.0, 0.0, 1.0, 1.0, 1, 1, np.ones(1), np.ones(1))
    west, south, east, north = _box(edges)
    wanted = min(max(leaves * CELLS_PER_LEAF, MIN_CELLS), MAX_CELLS)
    smallest = 4096 * np.spacing(max(abs(west), abs(south), abs(east), abs(north)))
    width, height = max(east - west, smallest), max(north - south, smallest)
    shape = width * math.cos(math.radians((south + north) / 2)) / height
    columns = _between(math.sqrt(wanted * shape), width / smallest)
    rows = _between(wanted / columns, height / smallest)
    lon_step, lat_step = width / columns, height / rows
    return Sheet(
        west,
        south,
        columns / width,
        rows / height,
        columns,
        rows,
        west + lon_step * (np.arange(columns) + 1 + PAD),
        south + lat_step * (np.arange(rows) + 1 + PAD),
    )


def _between(wanted: float, most: float) -> int:
    return int(max(1, min(wanted, most, MAX_CELLS)))
