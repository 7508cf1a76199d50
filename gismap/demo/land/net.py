"""Open country as a net of field cells, and the roads and rivers that find their way along its edges.

A route bends the net towards itself, so that a road is a road and no zigzag, and what lies on its two sides still
meets exactly. Who owns which field is decided elsewhere.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np
import shapely

from gismap.demo.land.lines import RANK, Course
from gismap.geometry.ground import Floats, Ints

_RELAXATIONS = 2
_BENDS = {"border": 0.13, "river": 0.17, "track": 0.13}
_ROAD_BEND = 0.035
_ON_A_ROAD = 0.4
"""How long a metre along an existing road seems to a new one."""


@dataclass(slots=True, eq=False)
class Net:
    """Cells and their edges; `right` of an edge is -1 at the rim."""

    points: Floats  # one inside each cell
    vertices: Floats
    ends: Ints  # per edge, shape (m, 2)
    left: Ints
    right: Ints
    kind: list[str]  # per edge
    street: list[str]
    name: list[str | None]
    around: list[list[tuple[int, int]]] = field(init=False)  # per vertex: its neighbours and the edges to them

    def __post_init__(self) -> None:
        self.around = [[] for _ in self.vertices]
        for edge, (a, b) in enumerate(self.ends.tolist()):
            self.around[a].append((b, edge))
            self.around[b].append((a, edge))

    def lengths(self) -> Floats:
        """Metres from end to end of each edge."""
        return np.asarray(np.hypot(*(self.vertices[self.ends[:, 1]] - self.vertices[self.ends[:, 0]]).T))

    def nearest_vertex(self, point: Floats) -> int:
        """The vertex that is nearest to a point."""
        return int(np.argmin(np.hypot(*(self.vertices - point).T)))

    def mark(self, edges: Iterable[int], kind: str, street: str, name: str | None) -> None:
        """Let a street or river run along edges, unless something more important does already."""
        for edge in edges:
            if RANK[kind] < RANK[self.kind[edge]]:
                self.kind[edge], self.street[edge], self.name[edge] = kind, street, name


def cast_net(outline: shapely.Polygon, cell_m2: tuple[float, float], turn_m: float, rng: Random) -> Net:
    """Cells over an outline, small in the west and large in the hills east of `turn_m` (metres from the middle)."""
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    west, south, east, north = outline.bounds
    count = int((east - west) * (north - south) / cell_m2[0])
    points = np.array([west, south]) + noise.random((count, 2)) * (east - west, north - south)
    hilly = 0.5 + 0.5 * np.tanh((points[:, 0] - turn_m + 2500 * np.sin(points[:, 1] / 3000)) / 6000)
    wanted = cell_m2[0] + (cell_m2[1] - cell_m2[0]) * hilly
    points = points[noise.random(count) < cell_m2[0] / wanted]
    margin = shapely.buffer(outline, 1500.0)
    shapely.prepare(margin)
    points = points[shapely.contains_xy(margin, points)]
    for _ in range(_RELAXATIONS):
        points = shapely.get_coordinates(shapely.centroid(_voronoi(points)))
    shapely.prepare(outline)
    return _net_of(points, shapely.contains_xy(outline, points))


def _voronoi(points: Floats) -> np.ndarray:
    return np.asarray(shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), ordered=True)))


def _net_of(points: Floats, kept: np.ndarray) -> Net:
    """The net of the cells that are kept, from the Voronoi cells of all points."""
    cells = _voronoi(points)[kept]
    xy, cell = shapely.get_coordinates(shapely.get_exterior_ring(cells), return_index=True)
    _, vertex = np.unique(np.round(xy * 100).astype(np.int64), axis=0, return_inverse=True)
    vertex = vertex.ravel()
    vertices = np.zeros((vertex.max() + 1, 2))
    vertices[vertex] = xy
    inside = (cell[:-1] == cell[1:]) & (vertex[:-1] != vertex[1:])
    ends = np.sort(np.column_stack([vertex[:-1], vertex[1:]])[inside], axis=1)
    edges, number = np.unique(ends, axis=0, return_inverse=True)
    owner, number = cell[:-1][inside], number.ravel()
    order = np.argsort(number, kind="stable")
    first = np.searchsorted(number[order], np.arange(len(edges)))
    last = np.searchsorted(number[order], np.arange(len(edges)), side="right") - 1
    left, right = owner[order][first], np.where(last > first, owner[order][last], -1)
    return Net(
        points[kept], vertices, edges, left, right, ["border"] * len(edges), [""] * len(edges), [None] * len(edges)
    )


def route(net: Net, stops: Sequence[Floats], effort: Floats) -> list[int]:
    """Edges along the easiest way past the stops; an edge costs its `effort`."""
    vertices = [net.nearest_vertex(stop) for stop in stops]
    path: list[int] = []
    for start, end in pairwise(vertices):
        _, back = travel(net, [start], effort, end)
        path += way_back(net, back, end)
    return list(dict.fromkeys(path))


def travel(net: Net, starts: Iterable[int], effort: Floats, end: int = -1) -> tuple[Floats, Ints]:
    """Distances from the nearest start to every vertex (until `end` is reached), and the edge that leads back."""
    costs = effort.tolist()
    far, back = np.full(len(net.vertices), np.inf), np.full(len(net.vertices), -1)
    waiting = [(0.0, start, -1) for start in sorted(starts)]
    while waiting:
        distance, vertex, edge = heapq.heappop(waiting)
        if distance >= far[vertex]:
            continue
        far[vertex], back[vertex] = distance, edge
        if vertex == end:
            break
        for other, along in net.around[vertex]:
            if distance + costs[along] < far[other]:
                heapq.heappush(waiting, (distance + costs[along], other, along))
    return far, back


def way_back(net: Net, back: Ints, vertex: int) -> list[int]:
    """The edges from a vertex back to where `travel` started."""
    path = []
    while back[vertex] >= 0:
        edge = int(back[vertex])
        path.append(edge)
        a, b = net.ends[edge].tolist()
        vertex = b if vertex == a else a
    return path


def lay_route(net: Net, stops: Sequence[Floats], kind: str, name: str, closed: np.ndarray, rng: Random) -> None:
    """Let a road or river pass the stops; roads use roads that are there, rivers wander; nothing runs in `closed`."""
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    spread = 0.9 if kind == "river" else 0.25
    effort = net.lengths() * (1 + spread * noise.random(len(net.ends)))
    if kind != "river":
        roads = np.array([RANK[there] <= RANK["secondary"] for there in net.kind])
        rivers = np.array([there == "river" for there in net.kind])
        effort *= np.where(roads, _ON_A_ROAD, 1.0) * np.where(rivers, 3.0, 1.0)
    effort[closed] = 1e9
    net.mark(route(net, stops, effort), kind, name, None if kind == "river" else name)


def prune(net: Net, goals: np.ndarray) -> None:
    """Take back roads that end in the fields: each must lead on at both ends, to the rim, or to one of the goals."""
    goals = goals.copy()
    goals[net.ends[net.right < 0]] = True
    while True:
        roads = np.array([RANK[kind] <= RANK["tertiary"] for kind in net.kind])
        degree = np.bincount(net.ends[roads].ravel(), minlength=len(net.vertices))
        loose = (degree == 1) & ~goals
        dead = np.flatnonzero(roads & loose[net.ends].any(axis=1)).tolist()
        if not dead:
            return
        for edge in dead:
            net.kind[edge], net.street[edge], net.name[edge] = "border", "", None


def straighten(net: Net, rounds: int) -> None:
    """Pull roads, rivers and the rim towards straight lines, and let the net around them give way.

    A vertex in the middle of its neighbours is in nobody's way: without that, cells beside a road would fold over it.
    """
    road = np.array([RANK[kind] <= RANK["tertiary"] for kind in net.kind])
    river = np.array([kind == "river" for kind in net.kind])
    lines = road | river | (net.right < 0)
    fixed = np.zeros(len(net.vertices), dtype=bool)
    fixed[net.ends[lines]] = True
    for done in range(rounds):
        for edges in (road, river, net.right < 0) if done == 0 else (road, river):
            through = np.bincount(net.ends[edges].ravel(), minlength=len(fixed)) == 2
            _to_middle(net, np.flatnonzero(edges), through)
        for _ in range(2):
            _to_middle(net, np.arange(len(net.ends)), ~fixed)
    _recentre(net)


def _recentre(net: Net) -> None:
    """Put the points of the cells back into the middle of their corners."""
    total, count = np.zeros_like(net.points), np.zeros(len(net.points))
    for cells in (net.left, net.right):
        beside = cells >= 0
        for end in net.ends[beside].T:
            np.add.at(total, cells[beside], net.vertices[end])
            np.add.at(count, cells[beside], 1)
    net.points[:] = total / count[:, None]


def _to_middle(net: Net, edges: Ints, moving: np.ndarray) -> None:
    """Move vertices halfway to the middle of the neighbours that they have along the edges."""
    ends = net.ends[edges]
    degree = np.bincount(ends.ravel(), minlength=len(net.vertices))
    total = np.zeros_like(net.vertices)
    np.add.at(total, ends[:, 0], net.vertices[ends[:, 1]])
    np.add.at(total, ends[:, 1], net.vertices[ends[:, 0]])
    moving = moving & (degree > 0)
    net.vertices[moving] += 0.5 * (total[moving] / degree[moving, None] - net.vertices[moving])


def draw_edges(net: Net, rng: Random) -> Floats:
    """Each edge as a bent line of five points, shape (m, 5, 2); roads are straighter than brooks and field borders."""
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    amplitude = np.array([_BENDS.get(kind, _ROAD_BEND) for kind in net.kind])
    line = net.vertices[net.ends]
    for _ in range(2):
        ahead = np.diff(line, axis=1)
        sideways = np.stack([-ahead[..., 1], ahead[..., 0]], axis=-1)
        share = amplitude[:, None] * (2 * noise.random(ahead.shape[:2]) - 1)
        middle = line[:, :-1] + ahead / 2 + sideways * share[..., None]
        bent = np.empty((len(line), 2 * line.shape[1] - 1, 2))
        bent[:, ::2], bent[:, 1::2] = line, middle
        line = bent
    return line


def courses_of(net: Net, lines: Floats, edges: Iterable[int]) -> list[Course]:
    """The courses along some edges; a field border or track is a street of its own."""
    return [Course(net.kind[edge], lines[edge], net.street[edge] or f"field/{edge}", net.name[edge]) for edge in edges]


def area_outline(net: Net, lines: Floats, cells: Ints) -> tuple[shapely.Polygon, Ints]:
    """The outline of some cells together, and the edges inside of it."""
    chosen = np.zeros(len(net.points) + 1, dtype=bool)
    chosen[cells] = True
    sides = chosen[net.left].astype(int) + chosen[net.right]
    rings = shapely.get_parts(shapely.polygonize(shapely.linestrings(lines[sides == 1])))
    return max(rings, key=lambda ring: ring.area), np.flatnonzero(sides == 2)
