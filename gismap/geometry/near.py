"""Finds open channels between units that nearly touch; enclosed ones are holes, and found elsewhere."""

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from gismap.geometry.ground import Floats, Ground, Ints, Shapes

_MARGIN = 3
"""How many widths around its borders a channel is looked at."""


def near_misses(
    shapes: Shapes, suspects: Ints, borders: Shapes, land: Shapes, ground: Ground, reach_m: float
) -> Iterator[tuple[int, int, Shapes]]:
    """Pairs of units with the channel between them, narrower than `reach_m`.

    Args:
        shapes: the units; `suspects` are those with doubtful `borders`.
        land: what all units cover, without holes.
    """
    edges, owner = _segments(borders)
    outer, _ = _segments(shapely.get_exterior_ring(land))
    open_edges = np.isin(_keys(edges), _keys(outer))
    if not open_edges.any():
        return
    lines = shapely.linestrings(edges[open_edges])
    owner = suspects[owner[open_edges]]
    tree = shapely.STRtree(lines)
    one, other = tree.query(lines, predicate="dwithin", distance=ground.step(reach_m))
    apart = owner[one] < owner[other]
    one, other = one[apart], other[apart]
    pairs, group = np.unique(np.column_stack([owner[one], owner[other]]), axis=0, return_inverse=True)
    units = shapely.STRtree(shapes)
    for k, (first, second) in enumerate(pairs.tolist()):
        near = lines[np.unique(np.concatenate([one[group == k], other[group == k]]))]
        window = shapely.union_all(shapely.buffer(near, ground.step(_MARGIN * reach_m), quad_segs=2))
        around = units.query(window, predicate="intersects")
        yield first, second, _channel(shapes, first, second, around, window, ground, reach_m)


def _channel(
    shapes: Shapes, first: int, second: int, around: Ints, window: shapely.Geometry, ground: Ground, reach_m: float
) -> Shapes:
    """What lies between both and is no wider than the reach: what closing them fills, without what others have."""
    local, plane = ground.in_metres(
        np.array([shapely.intersection(shapes[first], window), shapely.intersection(shapes[second], window)])
    )
    both = shapely.union_all(local)
    closed = shapely.buffer(shapely.buffer(both, reach_m / 2, quad_segs=4), -reach_m / 2, quad_segs=4)
    filled = plane.to_degrees(shapely.get_parts(shapely.difference(closed, both)))
    others = np.setdiff1d(around, [first, second])
    if others.size:
        filled = shapely.get_parts(shapely.difference(filled, shapely.union_all(shapes[others])))
    touch = ground.step(reach_m / 100)
    between = shapely.dwithin(filled, shapes[first], touch) & shapely.dwithin(filled, shapes[second], touch)
    inside = shapely.contains_properly(window, filled)
    return np.asarray(filled[between & inside & (shapely.area(filled) > 0)])


def _segments(lines: Shapes) -> tuple[Floats, Ints]:
    """Edges as arrays of two positions, and the index of the line that each belongs to."""
    parts, part_owner = shapely.get_parts(lines, return_index=True)
    positions, owner = shapely.get_coordinates(parts, return_index=True)
    same = owner[1:] == owner[:-1]
    edges = np.stack([positions[:-1], positions[1:]], axis=1)[same]
    return edges, part_owner[owner[1:][same]]


def _keys(edges: Floats) -> NDArray[np.void]:
    """Edges as comparable values, whatever their direction."""
    swapped = (edges[:, 0, 0] > edges[:, 1, 0]) | (
        (edges[:, 0, 0] == edges[:, 1, 0]) & (edges[:, 0, 1] > edges[:, 1, 1])
    )
    ordered = np.where(swapped[:, None, None], edges[:, ::-1], edges)
    return np.ascontiguousarray(ordered.reshape(len(edges), 4)).view([("", np.float64)] * 4).ravel()
