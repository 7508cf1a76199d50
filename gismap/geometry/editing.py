"""Edits of grids that keep their land seamless: split by a line, join, move a shared border or vertex; no storage.

All geometry is in degrees. Whatever new vertex comes to lie on a border is told, so that whoever else has that border
gets it, too (`with_nodes`): neighbours then go on sharing every vertex.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiPolygon, Polygon

from gismap.geometry.errors import ShapeError

SNAP_DEGREES = 1e-7
"""About a centimetre: the end of a line that is so near to a vertex or border is meant to be there."""

ON_BORDER_DEGREES = 1e-9
"""A tenth of a millimetre: so near to an edge lies what was computed to lie on it."""

Node = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cut:
    """The parts of some land, the largest first, and the new vertices on its outer border."""

    parts: list[MultiPolygon]
    nodes: list[Node]


def split(land: MultiPolygon, line: LineString) -> Cut:
    """Cut land by a line that enters and leaves it; parts that the line does not touch stay with the largest.

    Raises:
        ShapeError: the line cuts nothing off.
    """
    faces, nodes = _faces(land, line)
    within = [[face for face in faces if part.contains(shapely.point_on_surface(face))] for part in land.geoms]
    touched = [face for mine in within if len(mine) > 1 for face in mine]
    if not touched:
        raise ShapeError("the line does not cut the grid in two: it has to enter and leave it", field="line")
    touched.sort(key=lambda face: -face.area)
    rest = [face for mine in within if len(mine) == 1 for face in mine]
    return Cut([join([touched[0], *rest]), *(join([face]) for face in touched[1:])], nodes)


def join(parts: Sequence[Polygon | MultiPolygon]) -> MultiPolygon:
    """The union of seamless parts, with all vertices of its border kept.

    Raises:
        ShapeError: nothing is left, or what is left is no area.
    """
    shapes = np.array(parts, dtype=object)
    try:
        whole = shapely.coverage_union_all(shapes)
    except shapely.errors.GEOSException:  # a border with a vertex on one side only
        whole = shapely.union_all(shapes)
    if not whole.is_valid:
        whole = shapely.union_all(shapes)
    if whole.is_empty or whole.geom_type not in ("Polygon", "MultiPolygon"):
        raise ShapeError("there is no land in that", field="units")
    return whole if isinstance(whole, MultiPolygon) else MultiPolygon([whole])


def reshape(first: MultiPolygon, second: MultiPolygon, line: LineString) -> Cut:
    """Let a line be the border between two neighbours; the parts are the first one's and the second one's new land.

    Both together keep their land, so that nobody else gains or loses.

    Raises:
        ShapeError: they share no border, or the line does not part them, or leaves one of them nothing or in pieces.
    """
    if shapely.length(shapely.intersection(first.boundary, second.boundary)) == 0:
        raise ShapeError("the two grids share no border", field="other")
    faces, nodes = _faces(join([first, second]), line)
    if len(faces) < 2:
        raise ShapeError("the line does not part the two grids: it has to cross both of them together", field="line")
    gain = np.array([face.intersection(first).area - face.intersection(second).area for face in faces])
    mine = gain > 0
    if mine.all() or not mine.any():
        mine = gain == gain.max()  # a border that goes far into the other: whoever loses least there keeps the rest
    lands = [join([face for face, own in zip(faces, mine, strict=True) if own == side]) for side in (True, False)]
    for old, new in zip((first, second), lands, strict=True):
        if len(new.geoms) > len(old.geoms):
            raise ShapeError("the line would leave one of the grids in pieces", field="line")
    return Cut(lands, nodes)


def with_nodes(land: MultiPolygon, nodes: Iterable[Node]) -> MultiPolygon:
    """The same land with vertices at those nodes that lie on its border; the very same object where none does."""
    wanted = [node for node in nodes if shapely.dwithin(land.boundary, shapely.Point(node), ON_BORDER_DEGREES)]
    if not wanted:
        return land
    parts = [
        Polygon(_noded(part.exterior.coords, wanted), [_noded(ring.coords, wanted) for ring in part.interiors])
        for part in land.geoms
    ]
    made = MultiPolygon(parts)
    return land if shapely.get_num_coordinates(made) == shapely.get_num_coordinates(land) else made


def with_vertex_moved(land: MultiPolygon, at: Node, to: Node) -> MultiPolygon:
    """The land with its vertex at one place moved to another; the very same object where it has none there.

    Raises:
        ShapeError: the border would cross itself.
    """
    coords = shapely.get_coordinates(land)
    here = np.hypot(*(coords - np.array(at)).T) <= ON_BORDER_DEGREES
    if not here.any():
        return land
    moved: MultiPolygon = shapely.set_coordinates(
        MultiPolygon(land.geoms), np.where(here[:, None], np.array(to), coords)
    )
    if not moved.is_valid:
        raise ShapeError("moved there, the border would cross itself", field="to")
    return moved


def _faces(land: MultiPolygon, line: LineString) -> tuple[list[Polygon], list[Node]]:
    """The areas that a line divides land into, and the new vertices on the land's border."""
    inside = [part for part in shapely.get_parts(shapely.intersection(line, land)) if part.geom_type == "LineString"]
    cuts, nodes = [], []
    for piece in shapely.get_parts(shapely.line_merge(shapely.multilinestrings(inside))) if inside else []:
        coords = shapely.get_coordinates(piece)
        for end in (0, -1):
            coords[end], is_new = _anchored(land, coords[end])
            if is_new:
                nodes.append((float(coords[end][0]), float(coords[end][1])))
        cuts.append(LineString(coords))
    noded = with_nodes(land, nodes)
    edges = shapely.union_all([noded.boundary, *cuts])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    kept = [face for face in faces if land.contains(shapely.point_on_surface(face))]
    return kept, nodes


def _anchored(land: MultiPolygon, end: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Where a line ends at the border of land: at a vertex, or at a new one on an edge; else where it is."""
    vertices = shapely.get_coordinates(land)
    distances = np.hypot(*(vertices - end).T)
    nearest = int(np.argmin(distances))
    if distances[nearest] <= SNAP_DEGREES:
        return vertices[nearest], False
    border, point = land.boundary, shapely.Point(end)
    if shapely.distance(border, point) > SNAP_DEGREES:
        return end, False
    on_border = shapely.shortest_line(border, point)
    return shapely.get_coordinates(on_border)[0], True


def _noded(ring: Iterable[tuple[float, ...]], nodes: Sequence[Node]) -> NDArray[np.float64]:
    coords = np.array([position[:2] for position in ring])
    for node in nodes:
        point = np.array(node)
        if (coords == point).all(axis=1).any():
            continue
        start, along = coords[:-1], np.diff(coords, axis=0)
        share = np.clip(((point - start) * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-300), 0, 1)
        distance = np.hypot(*(start + share[:, None] * along - point).T)
        edge = int(np.argmin(distance))
        if distance[edge] <= ON_BORDER_DEGREES:
            coords = np.insert(coords, edge + 1, point, axis=0)
    return coords
