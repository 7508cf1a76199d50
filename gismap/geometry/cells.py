"""The cell table behind the locator: which leaves a point in degrees lies in, decided exactly, as compiled loops.

A box around all leaves is cut into cells. A cell that no border touches holds its leaf, or none. Any other holds the
edges that touch it, and which leaves hold its reference corner: a point's leaves follow from the edges that are met
on the way from the point along its parallel to the cell's east side, and up that side to the corner. Edges that only
touch the way, or meet it in its bend, are told apart by moving the way up and to the east by less than any number: it
runs from (x, y + e) to the bend (X + d, y + e) and up to the corner (X + d, Y + e), where d is far smaller than e.
With sides of edges that are exact, no rounding decides. What is done with the answers lives in `locator`.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from gismap.geometry.compiled import called, compiled, inlined
from gismap.geometry.ground import Floats

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

GROUP = 8
"""So many leaves share a list of edges, one bit each; a cell where more meet has several groups in a row."""

LEAVES, EDGE_COUNT, HEAD, MORE = 1, 2, 3, 256
"""A group in `CellTable.words`: which leaves hold the corner, as bits, plus `MORE` where another group of the same
cell follows; how many leaves and edges there are; the leaves in the order of ties; and for each edge its number,
~number where it meets the east side below the corner, and whose border it is, as bits."""

NONE, BORDER = -1, -2
"""Values of cells: a leaf, none, and from `BORDER` downwards where the cell's first group starts in `words`."""

PAD = 1e-6
"""Cells overlap by this part of their width, so that rounding in finding a point's cell never matters."""


class CellTable(NamedTuple):
    """The table as flat arrays."""

    west: float
    south: float
    east: float
    north: float
    per_lon: float  # cells per degree
    per_lat: float
    columns: int
    rows: int
    values: Int32s  # of cells, row by row from the south
    corner_lon: Floats  # of columns: just beyond their east side
    corner_lat: Floats  # of rows: just beyond their north side
    words: Int32s  # groups; all of one together, as memory far apart is what takes time
    edges: Floats  # (n, 4): every straight piece of border once, from its lower end to the upper, or eastwards


f8, i4, i8 = types.float64, types.int32, types.int64
f8s, i4s, i8s = f8[::1], i4[::1], i8[::1]
EDGES = types.Array(f8, 2, "C")
TABLE = types.NamedTuple((f8, f8, f8, f8, f8, f8, i8, i8, i4s, f8s, f8s, i4s, EDGES), CellTable)


# --- sides: exact, after Shewchuk, "Adaptive Precision Floating-Point Arithmetic" (1997) ---


@inlined
def _two_sum(a: float, b: float) -> tuple[float, float]:
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


@inlined
def _two_product(a: float, b: float) -> tuple[float, float]:
    product = a * b
    c, d = 134217729.0 * a, 134217729.0 * b  # 2**27 + 1: halves of 26 bits
    a_high, b_high = c - (c - a), d - (d - b)
    a_low, b_low = a - a_high, b - b_high
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


@called
def _side_exactly(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> int:
    """The sign of the determinant as a sum of sixteen numbers without any rounding."""
    parts = np.zeros(16)
    count = 0
    for sign, (one, one_rest), (two, two_rest) in (
        (1.0, _two_sum(ax, -x), _two_sum(by, -y)),
        (-1.0, _two_sum(ay, -y), _two_sum(bx, -x)),
    ):
        for left in (one, one_rest):
            for right in (two, two_rest):
                for term in _two_product(sign * left, right):
                    carried = term
                    for k in range(count):
                        carried, parts[k] = _two_sum(carried, parts[k])
                    parts[count] = carried
                    count += 1
    for k in range(15, -1, -1):
        if parts[k] != 0:
            return 1 if parts[k] > 0 else -1
    return 0


@inlined
def side(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> int:
    """1 where a point lies left of the line from a to b, -1 right of it, 0 on it; exact for any degrees."""
    left, right = (ax - x) * (by - y), (ay - y) * (bx - x)
    determinant = left - right
    doubt = 3.3306690738754716e-16 * (abs(left) + abs(right))
    if determinant > doubt:
        return 1
    if determinant < -doubt:
        return -1
    if doubt == 0:
        return 0
    return _side_exactly(ax, ay, bx, by, x, y)


# --- asking: what is called for every point is handed numbers and few arrays, as arrays cost more than the work ---


@inlined
def _cell(
    west: float, south: float, east: float, north: float, per_lon: float, per_lat: float,
    columns: int, rows: int, x: float, y: float,
) -> int:  # fmt: skip
    """The cell of a point, -1 outside of all leaves' box or for NaN."""
    if not (west <= x <= east and south <= y <= north):
        return -1
    column = min(int((x - west) * per_lon), columns - 1)
    return min(int((y - south) * per_lat), rows - 1) * columns + column


@inlined
def cell_of(table: CellTable, x: float, y: float) -> int:
    """`_cell` of a table."""
    west, south, east, north = table.west, table.south, table.east, table.north
    return _cell(west, south, east, north, table.per_lon, table.per_lat, table.columns, table.rows, x, y)


@inlined
def _held(words: Int32s, edges: Floats, group: int, corner_x: float, x: float, y: float) -> int:
    """Bits of a group's leaves that a point lies inside of or on the border of."""
    inside, on = int(words[group]) & (MORE - 1), 0
    first = group + HEAD + words[group + LEAVES]
    for k in range(first, first + 2 * words[group + EDGE_COUNT], 2):
        edge, bits = int(words[k]), int(words[k + 1])
        meets_side = edge < 0
        if meets_side:
            edge = ~edge
        ax, ay, bx, by = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
        ahead = False  # whether the point's parallel meets the edge east of the point
        if ay <= y < by:
            point_side = side(ax, ay, bx, by, x, y)
            if point_side == 0:
                on |= bits
                continue
            ahead = point_side > 0
        elif y == by and (x == bx or (ay == y and ax <= x <= bx)):
            on |= bits
            continue
        if not (ahead or meets_side):
            continue
        bend_side = -1 if max(ax, bx) <= corner_x else side(ax, ay, bx, by, corner_x, y)
        if ahead and (bend_side < 0 or (bend_side == 0 and bx <= ax)):
            inside ^= bits
        if meets_side and (bend_side < 0 if bx > ax else bend_side > 0):
            inside ^= bits
    return inside | on


@inlined
def _next_group(words: Int32s, group: int) -> int:
    """Where the next group of the same cell starts, 0 for none (no cell but the first has a group there)."""
    if words[group] < MORE:
        return 0
    return group + HEAD + int(words[group + LEAVES]) + 2 * int(words[group + EDGE_COUNT])


@inlined
def _first_in_border_cell(words: Int32s, edges: Floats, group: int, corner_x: float, x: float, y: float) -> int:
    while True:
        held = _held(words, edges, group, corner_x, x, y)
        if held:
            leaf = group + HEAD
            while not held & 1:
                held >>= 1
                leaf += 1
            return int(words[leaf])
        group = _next_group(words, group)
        if group == 0:
            return NONE


@compiled(i8(TABLE, f8, f8))
def first_leaf(table: CellTable, x: float, y: float) -> int:
    """The leaf that a point lies in or on the border of, the first of several; -1 for none."""
    cell = cell_of(table, x, y)
    value = NONE if cell < 0 else int(table.values[cell])
    if value > BORDER:
        return value
    corner_x = table.corner_lon[cell % table.columns]
    return _first_in_border_cell(table.words, table.edges, BORDER - value, corner_x, x, y)


@compiled(i4s(TABLE, f8s, f8s))
def first_leaves(table: CellTable, xs: Floats, ys: Floats) -> Int32s:
    """`first_leaf` of every point."""
    found = np.empty(len(xs), dtype=np.int32)
    values, words, edges, corner_lon, columns = table.values, table.words, table.edges, table.corner_lon, table.columns
    west, south, east, north, rows = table.west, table.south, table.east, table.north, table.rows
    per_lon, per_lat = table.per_lon, table.per_lat
    for k in range(len(xs)):
        x, y = xs[k], ys[k]
        cell = _cell(west, south, east, north, per_lon, per_lat, columns, rows, x, y)
        value = NONE if cell < 0 else values[cell]
        if value <= BORDER:
            value = _first_in_border_cell(words, edges, BORDER - value, corner_lon[cell % columns], x, y)
        found[k] = value
    return found


@compiled(i4s(TABLE, f8, f8))
def all_leaves(table: CellTable, x: float, y: float) -> Int32s:
    """Every leaf that a point lies in or on the border of."""
    cell = cell_of(table, x, y)
    value = NONE if cell < 0 else table.values[cell]
    if value > BORDER:
        return np.full(0 if value == NONE else 1, value, dtype=np.int32)
    words, group, found, count = table.words, BORDER - value, np.empty(GROUP, dtype=np.int32), 0
    while True:
        held = _held(words, table.edges, group, table.corner_lon[cell % table.columns], x, y)
        if count + GROUP > len(found):
            found = np.concatenate((found, found))
        for k in range(words[group + LEAVES]):
            if (held >> k) & 1:
                found[count] = words[group + HEAD + k]
                count += 1
        group = _next_group(words, group)
        if group == 0:
            return found[:count].copy()


@compiled(types.UniTuple(i8s, 2)(TABLE, f8s, f8s))
def all_pairs(table: CellTable, xs: Floats, ys: Floats) -> tuple[Int64s, Int64s]:
    """Every point with every leaf that it lies in or on the border of: places of points, and leaves."""
    points, leaves, count = np.empty(len(xs) + 8, dtype=np.int64), np.empty(len(xs) + 8, dtype=np.int64), 0
    for k in range(len(xs)):
        found = all_leaves(table, xs[k], ys[k])
        while count + len(found) > len(points):
            points, leaves = np.concatenate((points, points)), np.concatenate((leaves, leaves))
        for leaf in found:
            points[count], leaves[count] = k, leaf
            count += 1
    return points[:count].copy(), leaves[:count].copy()


# --- making ---


@compiled(types.Tuple((EDGES, i4s))(EDGES, types.Array(i8, 2, "C")))
def number_edges(pieces: Floats, bits: Int64s) -> tuple[Floats, Int32s]:
    """Every piece once, as `CellTable.edges` has them, and the number of each given one (~number where it runs down).

    `bits` are the pieces' numbers as integers, for a table of hashes.
    """
    size = 16
    while size < 2 * len(pieces):
        size *= 2
    slots = np.full(size, -1, dtype=np.int32)
    edges, numbers, count = np.empty_like(pieces), np.empty(len(pieces), dtype=np.int32), 0
    for k in range(len(pieces)):
        ax, ay, bx, by = pieces[k, 0], pieces[k, 1], pieces[k, 2], pieces[k, 3]
        down = ay > by or (ay == by and ax > bx)
        if down:
            ax, ay, bx, by = bx, by, ax, ay
        from_, to = (2, 0) if down else (0, 2)
        mixed = bits[k, from_] * 0x9E3779B97F4A7 ^ bits[k, from_ + 1] * 0xC2B2AE3D27D4E
        mixed = mixed ^ bits[k, to] * 0x165667B19E377 ^ bits[k, to + 1] * 0x27D4EB2F16566
        slot = (mixed ^ (mixed >> 29)) & (size - 1)
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = known = count
                edges[count, 0], edges[count, 1], edges[count, 2], edges[count, 3] = ax, ay, bx, by
                count += 1
            same = edges[known, 0] == ax and edges[known, 1] == ay and edges[known, 2] == bx and edges[known, 3] == by
            if same:
                break
            slot = (slot + 1) & (size - 1)
        numbers[k] = ~known if down else known
    return edges[:count].copy(), numbers


class Sheet(NamedTuple):
    """How the box is cut into cells, as `CellTable` has it."""

    west: float
    south: float
    per_lon: float
    per_lat: float
    columns: int
    rows: int
    corner_lon: Floats
    corner_lat: Floats


SHEET = types.NamedTuple((f8, f8, f8, f8, i8, i8, f8s, f8s), Sheet)


@inlined
def _rows_of(sheet: Sheet, edges: Floats, edge: int) -> tuple[int, int]:
    """The first and the last row that an edge touches, with a margin of two pads."""
    low = (edges[edge, 1] - sheet.south) * sheet.per_lat
    high = (edges[edge, 3] - sheet.south) * sheet.per_lat
    return max(math.floor(low - 2 * PAD), 0), min(math.floor(high + 2 * PAD), sheet.rows - 1)


@inlined
def _columns_of(sheet: Sheet, edges: Floats, edge: int, row: int) -> tuple[int, int]:
    """The first and the last column that an edge touches in a row, with a margin of two pads."""
    from_x = (edges[edge, 0] - sheet.west) * sheet.per_lon
    to_x = (edges[edge, 2] - sheet.west) * sheet.per_lon
    low = (edges[edge, 1] - sheet.south) * sheet.per_lat
    high = (edges[edge, 3] - sheet.south) * sheet.per_lat
    start, end = from_x, to_x
    if high > low:
        if low < row - 2 * PAD:
            start = from_x + (to_x - from_x) * ((row - 2 * PAD - low) / (high - low))
        if high > row + 1 + 2 * PAD:
            end = from_x + (to_x - from_x) * ((row + 1 + 2 * PAD - low) / (high - low))
    first, last = min(start, end) - 2 * PAD, max(start, end) + 2 * PAD
    return max(math.floor(first), 0), min(math.floor(last), sheet.columns - 1)


@compiled(types.void(i4s, SHEET, EDGES))
def mark_borders(values: Int32s, sheet: Sheet, edges: Floats) -> None:
    """Make every cell that an edge touches a border cell."""
    for edge in range(len(edges)):
        first_row, last_row = _rows_of(sheet, edges, edge)
        for row in range(first_row, last_row + 1):
            first, last = _columns_of(sheet, edges, edge, row)
            for column in range(first, last + 1):
                values[row * sheet.columns + column] = BORDER


@inlined
def _is_beyond(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> bool:
    """Whether a corner lies east of a rising edge, with the corner moved as the way is."""
    corner_side = side(ax, ay, bx, by, x, y)
    return corner_side < 0 or (corner_side == 0 and bx <= ax)


@compiled(i8s(SHEET, EDGES, i4s, i4s, i8))
def corner_crossings(sheet: Sheet, edges: Floats, owner_first: Int32s, owners: Int32s, leaves: int) -> Int64s:
    """Where leaves' borders cross the rows' upper sides, as (row, leaf, first column whose corner lies beyond).

    Each is one number: (row * leaves + leaf) * (columns + 1) + column. Sorted, every two are a span of corners inside.
    """
    keys, count = np.empty(1024, dtype=np.int64), 0
    for edge in range(len(edges)):
        ax, ay, bx, by = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
        row = max(int((ay - sheet.south) * sheet.per_lat) - 2, 0)
        while row < sheet.rows and sheet.corner_lat[row] < ay:
            row += 1
        while row < sheet.rows and sheet.corner_lat[row] < by:
            y = sheet.corner_lat[row]
            x = ax + (bx - ax) * ((y - ay) / (by - ay))
            column = min(max(int((x - sheet.west) * sheet.per_lon), 0), sheet.columns)
            while column > 0 and _is_beyond(ax, ay, bx, by, sheet.corner_lon[column - 1], y):
                column -= 1
            while column < sheet.columns and not _is_beyond(ax, ay, bx, by, sheet.corner_lon[column], y):
                column += 1
            for k in range(owner_first[edge], owner_first[edge + 1]):
                if count == len(keys):
                    keys = np.concatenate((keys, np.empty_like(keys)))
                keys[count] = (row * leaves + owners[k]) * (sheet.columns + 1) + column
                count += 1
            row += 1
    return np.sort(keys[:count])


@compiled(types.void(i4s, SHEET, i8s, i8))
def fill_cells(values: Int32s, sheet: Sheet, crossings: Int64s, leaves: int) -> None:
    """Give cells without border their leaf; a cell with several becomes a border cell."""
    for k in range(0, len(crossings), 2):
        row, leaf = crossings[k] // (sheet.columns + 1) // leaves, crossings[k] // (sheet.columns + 1) % leaves
        for column in range(crossings[k] % (sheet.columns + 1), crossings[k + 1] % (sheet.columns + 1)):
            cell = row * sheet.columns + column
            if values[cell] != BORDER:
                values[cell] = leaf if values[cell] == NONE else BORDER


@compiled(i8(i4s))
def number_border_cells(values: Int32s) -> int:
    """Count border cells; the value of the n-th is `BORDER` - n, until there are groups."""
    count = 0
    for cell in range(len(values)):
        if values[cell] == BORDER:
            values[cell] = BORDER - count
            count += 1
    return count


@inlined
def _add_up(counts: Int32s) -> None:
    """Turn counts into where each list starts; filling then moves every start to the next list's."""
    total = 0
    for k in range(len(counts)):
        counts[k], total = total, total + counts[k]


@inlined
def _move_back(first: Int32s) -> None:
    """Undo what filling did to the starts."""
    for k in range(len(first) - 1, 0, -1):
        first[k] = first[k - 1]
    first[0] = 0


@compiled(types.UniTuple(i4s, 2)(i4s, i8, SHEET, i8s, i8))
def corner_leaves(values: Int32s, count: int, sheet: Sheet, crossings: Int64s, leaves: int) -> tuple[Int32s, Int32s]:
    """Which leaves hold the corner of each border cell: where its list starts, and the lists."""
    first = np.zeros(count + 1, dtype=np.int32)
    held = np.empty(0, dtype=np.int32)
    for filling in (False, True):
        for k in range(0, len(crossings), 2):
            row, leaf = crossings[k] // (sheet.columns + 1) // leaves, crossings[k] // (sheet.columns + 1) % leaves
            for column in range(crossings[k] % (sheet.columns + 1), crossings[k + 1] % (sheet.columns + 1)):
                value = values[row * sheet.columns + column]
                if value <= BORDER:
                    if filling:
                        held[first[BORDER - value]] = leaf
                    first[BORDER - value] += 1
        if filling:
            _move_back(first)
        else:
            held = np.empty(first.sum(), dtype=np.int32)
            _add_up(first)
    return first, held


@inlined
def _meets_side(edges: Floats, edge: int, x: float, y: float) -> bool:
    """Whether an edge crosses the meridian of a corner, moved as the way is, below the corner."""
    ax, bx = edges[edge, 0], edges[edge, 2]
    if (ax > x) == (bx > x):
        return False
    corner_side = side(ax, edges[edge, 1], bx, edges[edge, 3], x, y)
    return corner_side >= 0 if bx > ax else corner_side <= 0


@compiled(types.UniTuple(i4s, 2)(i4s, i8, SHEET, EDGES))
def touching_edges(values: Int32s, count: int, sheet: Sheet, edges: Floats) -> tuple[Int32s, Int32s]:
    """Which edges touch each border cell, ~edge where they meet its east side below the corner, as `corner_leaves`."""
    first = np.zeros(count + 1, dtype=np.int32)
    touching = np.empty(0, dtype=np.int32)
    for filling in (False, True):
        for edge in range(len(edges)):
            first_row, last_row = _rows_of(sheet, edges, edge)
            for row in range(first_row, last_row + 1):
                from_column, to_column = _columns_of(sheet, edges, edge, row)
                for column in range(from_column, to_column + 1):
                    cell = BORDER - values[row * sheet.columns + column]
                    if filling:
                        meets = _meets_side(edges, edge, sheet.corner_lon[column], sheet.corner_lat[row])
                        touching[first[cell]] = ~edge if meets else edge
                    first[cell] += 1
        if filling:
            _move_back(first)
        else:
            touching = np.empty(first.sum(), dtype=np.int32)
            _add_up(first)
    return first, touching


@inlined
def _insert(sorted_: Int32s, count: int, leaf: int) -> int:
    """Put a leaf into the first `count` of a sorted array, once; the new count."""
    at = 0
    while at < count and sorted_[at] < leaf:
        at += 1
    if at < count and sorted_[at] == leaf:
        return count
    for k in range(count, at, -1):
        sorted_[k] = sorted_[k - 1]
    sorted_[at] = leaf
    return count + 1


@inlined
def _bits(members: Int32s, start: int, end: int, wanted: Int32s, first: int, last: int) -> int:
    """Bits of those in members[start:end] that are an odd number of times in wanted[first:last]."""
    mask = 0
    for k in range(first, last):
        for member in range(start, end):
            if members[member] == wanted[k]:
                mask ^= 1 << (member - start)
    return mask


@called
def _leaves_of_cell(
    scratch: Int32s,
    corner_held: Int32s,
    corner_from: int,
    corner_to: int,
    touching: Int32s,
    edge_from: int,
    edge_to: int,
    owner_first: Int32s,
    owners: Int32s,
) -> int:
    """Put the leaves of a border cell into `scratch`, each once, in order; how many they are."""
    count = 0
    for k in range(corner_from, corner_to):
        count = _insert(scratch, count, corner_held[k])
    for k in range(edge_from, edge_to):
        edge = touching[k] if touching[k] >= 0 else ~touching[k]
        for owner in range(owner_first[edge], owner_first[edge + 1]):
            count = _insert(scratch, count, owners[owner])
    return count


@compiled(i4s(i4s, i4s, i4s, i4s, i4s, i4s, i4s, i4s, i8))
def make_groups(
    values: Int32s,
    corner_first: Int32s,
    corner_held: Int32s,
    edge_first: Int32s,
    touching: Int32s,
    owner_first: Int32s,
    owners: Int32s,
    order: Int32s,
    room: int,
) -> Int32s:
    """The words of all border cells' groups, at most `room` of them; values of cells then name their first group.

    Until here leaves are numbered by the order of ties; the groups name the leaf `order[k]` for k.
    """
    cells, scratch = len(corner_first) - 1, np.empty(len(order), dtype=np.int32)
    words, first_group, at = np.empty(room, dtype=np.int32), np.empty(cells, dtype=np.int32), 0
    for cell in range(cells):
        corner_from, corner_to = corner_first[cell], corner_first[cell + 1]
        edge_from, edge_to = edge_first[cell], edge_first[cell + 1]
        count = _leaves_of_cell(
            scratch, corner_held, corner_from, corner_to, touching, edge_from, edge_to, owner_first, owners
        )
        first_group[cell] = at
        for start in range(0, count, GROUP):
            end, group = min(start + GROUP, count), at
            words[group] = _bits(scratch, start, end, corner_held, corner_from, corner_to)
            words[group] |= MORE if end < count else 0
            words[group + LEAVES], words[group + EDGE_COUNT] = end - start, 0
            at += HEAD
            for k in range(start, end):
                words[at] = order[scratch[k]]
                at += 1
            for k in range(edge_from, edge_to):
                edge = touching[k] if touching[k] >= 0 else ~touching[k]
                bits = _bits(scratch, start, end, owners, owner_first[edge], owner_first[edge + 1])
                if bits:
                    words[at], words[at + 1] = touching[k], bits
                    at += 2
                    words[group + EDGE_COUNT] += 1
    for k in range(len(values)):
        if values[k] <= BORDER:
            values[k] = BORDER - first_group[BORDER - values[k]]
    return words[:at].copy()
