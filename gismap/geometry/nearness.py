"""Distances and discs over a cell table, as compiled loops: the nearest borders of a point, and parts of a disc.

All is measured in the plane that touches the ground at a point: degrees from it times metres per degree, so that
straight borders stay straight. Whose a point is, is decided in `cells`.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import types

from gismap.geometry.cells import (
    BORDER,
    EDGE_COUNT,
    EDGES,
    GROUP,
    HEAD,
    LEAVES,
    MORE,
    TABLE,
    CellTable,
    Int32s,
    f8,
    f8s,
    i4s,
    i8,
)
from gismap.geometry.compiled import called, compiled, inlined
from gismap.geometry.ground import ECCENTRICITY2, SEMI_MAJOR_M, Floats

SAME_BORDER_M = 0.01
"""Borders within this of each other are one: a vertex that only one side has moves its border by rounding."""


class Place(NamedTuple):
    """A point in degrees, and the metres of a degree around it."""

    lon: float
    lat: float
    per_lon: float
    per_lat: float


PLACE = types.NamedUniTuple(f8, 4, Place)


@inlined
def _place(lon: float, lat: float, measured_lat: float) -> Place:
    """A point with the metres of a degree at another latitude."""
    phi = math.radians(measured_lat)
    squeezed = 1 - ECCENTRICITY2 * math.sin(phi) ** 2
    per_degree = math.radians(SEMI_MAJOR_M)
    return Place(
        lon, lat, per_degree * math.cos(phi) / math.sqrt(squeezed), per_degree * (1 - ECCENTRICITY2) / squeezed**1.5
    )


@inlined
def _to_edge(edges: Floats, edge: int, place: Place) -> tuple[float, float, float]:
    """Metres to an edge, and the nearest position on it in degrees."""
    ax, ay = (edges[edge, 0] - place.lon) * place.per_lon, (edges[edge, 1] - place.lat) * place.per_lat
    dx, dy = (edges[edge, 2] - edges[edge, 0]) * place.per_lon, (edges[edge, 3] - edges[edge, 1]) * place.per_lat
    part = min(max(-(ax * dx + ay * dy) / (dx * dx + dy * dy), 0.0), 1.0)
    x, y = ax + part * dx, ay + part * dy
    return math.hypot(x, y), place.lon + x / place.per_lon, place.lat + y / place.per_lat


@called
def _groups_on_ring(table: CellTable, column: int, row: int, ring: int) -> Int32s:
    """All groups of the border cells on a ring of cells around one."""
    values, words, columns = table.values, table.words, table.columns
    groups, count = np.empty(64, dtype=np.int32), 0
    for r in range(max(row - ring, 0), min(row + ring, table.rows - 1) + 1):
        whole = abs(r - row) == ring
        first = max(column - ring, 0) if whole else column - ring
        for c in range(first, min(column + ring, columns - 1) + 1, 1 if whole else 2 * ring):
            if c < 0 or values[r * columns + c] > BORDER:
                continue
            group, more = BORDER - values[r * columns + c], True
            while more:
                if count == len(groups):
                    groups = np.concatenate((groups, groups))
                groups[count] = group
                count += 1
                more = words[group] >= MORE
                group += HEAD + words[group + LEAVES] + 2 * words[group + EDGE_COUNT]
    return groups[:count]


@called
def _see_groups(
    words: Int32s, edges: Floats, groups: Int32s, place: Place, reach_m: float,
    found: Int32s, nearest: Floats, slots: Int32s, count: int,
) -> tuple[Int32s, Floats, int]:  # fmt: skip
    """Take the edges of groups into what `nearest_borders` has found."""
    for group in groups:
        if count + GROUP > len(found):
            found, nearest = np.concatenate((found, found)), np.concatenate((nearest, nearest))
        leaves, first = group + HEAD, group + HEAD + words[group + LEAVES]
        for k in range(first, first + 2 * words[group + EDGE_COUNT], 2):
            metres, lon, lat = _to_edge(edges, words[k] if words[k] >= 0 else ~words[k], place)
            if metres > reach_m:
                continue
            for bit in range(words[group + LEAVES]):
                if not (words[k + 1] >> bit) & 1:
                    continue
                leaf = words[leaves + bit]
                if slots[leaf] == 0:
                    found[count], nearest[count, 0] = leaf, np.inf
                    count += 1
                    slots[leaf] = count
                slot = slots[leaf] - 1
                if metres < nearest[slot, 0]:
                    nearest[slot, 0], nearest[slot, 1], nearest[slot, 2] = metres, lon, lat
    return found, nearest, count


@inlined
def _within(nearest: Floats, count: int, reach_m: float) -> int:
    within = 0
    for k in range(count):
        within += nearest[k, 0] <= reach_m
    return within


@compiled(types.Tuple((i4s, f8s))(TABLE, f8, f8, i8, i8, f8))
def nearest_borders(
    table: CellTable, lon: float, lat: float, leaves: int, wanted: int, reach_m: float
) -> tuple[Int32s, Floats]:
    """Leaves whose borders are near, and the metres to the border of each, in no order.

    Among them are at least the `wanted` nearest within `reach_m`, and those that lie hardly farther.

    Cells are visited in rings around the point, until all that is left must lie farther than what is wanted.
    """
    place = _place(lon, lat, (lat + min(max(lat, table.south), table.north)) / 2)
    found, nearest = np.empty(64, dtype=np.int32), np.empty((64, 3))  # leaves; metres, and lon and lat of the nearest
    slots, count = np.zeros(leaves, dtype=np.int32), 0  # one more than the place of a leaf in `found`
    u, v = (lon - table.west) * table.per_lon, (lat - table.south) * table.per_lat
    column, row = math.floor(u), math.floor(v)
    ring = max(0, -column, column - table.columns + 1, -row, row - table.rows + 1)
    last_ring = max(column, table.columns - 1 - column, row, table.rows - 1 - row)
    while ring <= last_ring:
        groups = _groups_on_ring(table, column, row, ring)
        if len(groups):
            found, nearest, count = _see_groups(
                table.words, table.edges, groups, place, reach_m, found, nearest, slots, count
            )
        beyond_m = min(
            min(u - (column - ring), column + ring + 1 - u) / table.per_lon * place.per_lon,
            min(v - (row - ring), row + ring + 1 - v) / table.per_lat * place.per_lat,
        )
        if beyond_m > reach_m or (count >= wanted and _within(nearest, count, beyond_m - SAME_BORDER_M) >= wanted):
            break
        ring += 1
    metres = np.empty(count)
    for k in range(count):  # once more, with the metres of a degree half-way
        halfway = _place(lon, lat, (lat + nearest[k, 2]) / 2)
        metres[k] = math.hypot((nearest[k, 1] - lon) * halfway.per_lon, (nearest[k, 2] - lat) * halfway.per_lat)
    return found[:count].copy(), metres


@inlined
def _slice(ax: float, ay: float, bx: float, by: float, radius: float) -> float:
    """The signed area that the triangle of the disc's centre and an edge has in the disc."""
    dx, dy = bx - ax, by - ay
    length2, cross = dx * dx + dy * dy, ax * by - ay * bx
    chord2 = length2 * radius * radius - cross * cross
    sector = radius * radius / 2
    if chord2 > 0:
        middle, half = -(ax * dx + ay * dy) / length2, math.sqrt(chord2) / length2
        enters, leaves = max(middle - half, 0.0), min(middle + half, 1.0)
        if enters < leaves:
            px, py, qx, qy = ax + enters * dx, ay + enters * dy, ax + leaves * dx, ay + leaves * dy
            before = math.atan2(ax * py - ay * px, ax * px + ay * py) if enters > 0 else 0.0
            after = math.atan2(qx * by - qy * bx, qx * bx + qy * by) if leaves < 1 else 0.0
            return sector * (before + after) + (px * qy - py * qx) / 2
    return sector * math.atan2(cross, ax * bx + ay * by)


@compiled(f8s(EDGES, i4s, i4s, i4s, f8, f8, f8))
def disc_areas(
    edges: Floats, outline_first: Int32s, outlines: Int32s, leaves: Int32s, lon: float, lat: float, radius_m: float
) -> Floats:
    """Square metres of the disc around a point that each of some leaves covers, exact for a true circle.

    `outlines` lists the edges of each leaf, ~edge where its border runs down, with the leaf on the left.
    """
    place = _place(lon, lat, lat)
    areas = np.zeros(len(leaves))
    for k in range(len(leaves)):
        for at in range(outline_first[leaves[k]], outline_first[leaves[k] + 1]):
            edge = outlines[at] if outlines[at] >= 0 else ~outlines[at]
            ax, ay = (edges[edge, 0] - place.lon) * place.per_lon, (edges[edge, 1] - place.lat) * place.per_lat
            bx, by = (edges[edge, 2] - place.lon) * place.per_lon, (edges[edge, 3] - place.lat) * place.per_lat
            area = _slice(ax, ay, bx, by, radius_m)
            areas[k] += area if outlines[at] >= 0 else -area
    return areas
