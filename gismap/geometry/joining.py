"""Joins units into the land that they cover, with the holes kept apart; what a hole means is not known here.

Joining jittered units leaves thousands of tiny holes, which every further union would carry along: they are taken out
at each step. What is left at the end are places that may be uncovered: whoever asks holds each against the units there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gismap.geometry.ground import Ints, Shapes

_BATCH = 16
"""Units joined at once; measured best between 4 and 256."""

Keep = Callable[[Shapes], Shapes]
"""Leaves out pieces that are too small to matter."""


@dataclass(frozen=True, slots=True)
class JoinedLand:
    """Polygons without holes, and where in them there may be land that is not covered."""

    filled: Shapes
    holes: Shapes

    @property
    def whole(self) -> shapely.Geometry:
        """The land as one geometry, holes cut out."""
        land = shapely.multipolygons(self.filled)
        return shapely.difference(land, shapely.union_all(self.holes)) if self.holes.size else land


def join(sound: Shapes, others: Shapes, keep: Keep) -> JoinedLand:
    """Join units; the `sound` ones share their borders exactly and are joined in one quick step."""
    lands = [_stripped(shapely.coverage_union_all(sound), keep)] if sound.size else []
    groups = [_stripped(shapely.union_all(others[batch]), keep) for batch in _batches(others)]
    while len(groups) > 1:
        groups = [_merged(groups[at : at + _BATCH], keep) for at in range(0, len(groups), _BATCH)]
    lands += groups
    if not lands:
        return JoinedLand(_none(), _none())
    return lands[0] if len(lands) == 1 else _merged(lands, keep)


def _batches(shapes: Shapes) -> list[Ints]:
    """Neighbours together: strips from west to east, each from south to north, and every second one back."""
    if not shapes.size:
        return []
    boxes = shapely.bounds(shapes)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    strips = np.array_split(np.argsort(x, kind="stable"), max(1, round(np.sqrt(len(shapes) / _BATCH))))
    order = np.concatenate(
        [strip[np.argsort(y[strip] if k % 2 == 0 else -y[strip], kind="stable")] for k, strip in enumerate(strips)]
    )
    return np.array_split(order, -(-len(order) // _BATCH))


def _merged(groups: Sequence[JoinedLand], keep: Keep) -> JoinedLand:
    """Join groups: a hole of one loses the land of another that lies in it, and stays with the rest."""
    filled, owner = _flat([group.filled for group in groups])
    holes, whose = _flat([group.holes for group in groups])
    joined = _stripped(shapely.union_all(filled), keep)
    if not holes.size:
        return joined
    hole, land = shapely.STRtree(filled).query(_roomy_boxes(holes), predicate="contains")
    foreign = owner[land] != whose[hole]
    hole, land = hole[foreign], land[foreign]
    left = [joined.holes, np.delete(holes, np.unique(hole))]
    for index in np.unique(hole):
        left.append(_polygons(shapely.difference(holes[index], shapely.union_all(filled[land[hole == index]]))))
    return JoinedLand(joined.filled, keep(np.concatenate(left)))


def _roomy_boxes(holes: Shapes) -> Shapes:
    """Boxes around holes, a little larger: land in a hole may stand over its edge by a jitter."""
    boxes = shapely.bounds(holes)
    room = 0.01 * np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    west, south, east, north = boxes.T
    return np.asarray(shapely.box(west - room, south - room, east + room, north + room))


def _stripped(land: shapely.Geometry, keep: Keep) -> JoinedLand:
    parts = _polygons(land)
    filled = shapely.polygons(shapely.get_exterior_ring(parts)) if parts.size else _none()
    holes = keep(_interiors(parts))
    around, islands = shapely.STRtree(filled).query(holes, predicate="contains")
    for index in np.unique(around):
        holes[index] = shapely.difference(holes[index], shapely.union_all(filled[islands[around == index]]))
    outermost = np.ones(len(filled), dtype=bool)
    outermost[islands] = False  # an island within a hole: the hole has its place already
    return JoinedLand(filled[outermost], keep(_polygons(holes)))


def _interiors(parts: Shapes) -> Shapes:
    rings = [ring for part in parts[shapely.get_num_interior_rings(parts) > 0] for ring in part.interiors]
    return np.asarray(shapely.polygons(rings)) if rings else _none()


def _polygons(land: shapely.Geometry | Shapes) -> Shapes:
    parts = shapely.get_parts(shapely.get_parts(land))
    return np.asarray(parts[shapely.get_type_id(parts) == 3])


def _flat(arrays: Sequence[Shapes]) -> tuple[Shapes, Ints]:
    return np.concatenate(arrays), np.repeat(np.arange(len(arrays)), [len(each) for each in arrays])


def _none() -> Shapes:
    return np.empty(0, dtype=object)
