"""Door plates: numbers along streets, odd on one side and even on the other, each given once."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)


def door_plates(
    doors: Mapping[Key, tuple[str, tuple[float, float]]], streets: Mapping[str, shapely.Geometry]
) -> dict[Key, int]:
    """A number for every door, given the street that it has and where it is (in the plane of the streets).

    Numbers rise along the street's main direction, from west to east or else from south to north.
    """
    by_street: dict[str, list[Key]] = defaultdict(list)
    for key, (street, _) in doors.items():
        by_street[street].append(key)
    plates: dict[Key, int] = {}
    for street, keys in by_street.items():
        points = np.array([doors[key][1] for key in keys])
        along, right = _along(points, streets.get(street))
        for odd in (True, False):
            side = np.nonzero(right == odd)[0]
            for position, index in enumerate(side[np.argsort(along[side], kind="stable")]):
                plates[keys[int(index)]] = 2 * position + (1 if odd else 2)
    return plates


def street_lines(names: Sequence[str | None], lines: NDArray[np.object_]) -> dict[str, shapely.Geometry]:
    """The whole of every named street."""
    parts: dict[str, list[shapely.Geometry]] = defaultdict(list)
    for name, line in zip(names, lines, strict=True):
        if name is not None:
            parts[name].append(line)
    return {name: shapely.geometrycollections(those) for name, those in parts.items()}


def _along(points: NDArray[np.float64], line: shapely.Geometry | None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How far along the street each point lies, and whether on the right of it."""
    path = points if line is None else shapely.get_coordinates(line)
    spread = path - path.mean(axis=0)
    direction = np.linalg.svd(spread, full_matrices=False)[2][0] if len(path) > 1 else np.array([1.0, 0.0])
    leading = direction[0] if abs(direction[0]) >= abs(direction[1]) else direction[1]
    direction = direction * (1.0 if leading >= 0 else -1.0)
    if line is None:
        nearest = np.broadcast_to(path.mean(axis=0), points.shape)
    else:
        ends = shapely.get_coordinates(shapely.shortest_line(line, shapely.points(points)))
        nearest = ends[::2]
    away = points - nearest
    return points @ direction, direction[0] * away[:, 1] - direction[1] * away[:, 0] < 0
