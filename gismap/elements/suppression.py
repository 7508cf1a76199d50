"""Which counts of persons may be shown: small ones are withheld, and as many others as keep them from being worked out.

Pure: a table of counts goes in, a mask comes out. The table is a tree of units by categories, additive both ways: a
unit's total is the sum of its categories, and a unit's count is the sum of its children's.
"""

from itertools import count

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 5
"""Counts below this are never shown."""

TOTAL = 0
"""The column that holds the sum of the others."""

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
Indexes = NDArray[np.int64]


def withheld(counts: Counts, parents: Indexes) -> Mask:
    """Which cells of an additive table must stay hidden.

    `counts` is units × columns, column `TOTAL` the sum of the others; `parents` gives each unit's parent by its row
    (-1 for none), and parents come before their children. What comes back keeps three promises:

    - no count below `THRESHOLD` is shown;
    - where a sum is shown and some of its parts are not, at least two are hidden and together reach `THRESHOLD`;
    - for every hidden cell there is another table of whole, non-negative counts that shows the same and has another
      value there, so that no difference of sums, however combined, tells it.

    >>> withheld(np.array([[20, 14, 6], [12, 9, 3], [8, 5, 3]]), np.array([-1, 0, 0])).astype(int).tolist()
    [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    """
    hidden = counts < THRESHOLD
    for number in count(1):
        _balance(counts, parents, hidden)
        exposed = hidden & ~_ambiguous(counts, parents, hidden)
        if not exposed.any():
            break
        _hide_more(counts, parents, hidden, exposed, number)
    return hidden


def _balance(counts: Counts, parents: Indexes, hidden: Mask) -> None:
    """Hide the smallest further part of each sum that would tell too much, until none does."""
    families = [np.flatnonzero(parents == parent) for parent in np.unique(parents[parents >= 0])]
    changed = True
    while changed:
        changed = _balance_equations(counts[:, :1], counts[:, 1:], hidden[:, :1], hidden[:, 1:])
        for children in families:
            parent = parents[children[0]]
            parts = hidden[children].T
            total = hidden[[parent]].T
            if _balance_equations(counts[[parent]].T, counts[children].T, total, parts):
                hidden[children], hidden[parent] = parts.T, total[:, 0]
                changed = True


def _balance_equations(totals: Counts, parts: Counts, total_hidden: Mask, part_hidden: Mask) -> bool:
    """One step for many sums at once: equations × 1 totals, equations × n parts; the masks are changed in place."""
    number = part_hidden.sum(axis=1)
    together = np.where(part_hidden, parts, 0).sum(axis=1)
    told_by_total = ~total_hidden[:, 0] & (number > 0) & ((number < 2) | (together < THRESHOLD))
    tells_total = total_hidden[:, 0] & (number == 0)
    wanting = np.flatnonzero(told_by_total | tells_total)
    if not wanting.size:
        return False
    candidates = np.where(part_hidden, np.iinfo(np.int64).max, parts)[wanting]
    smallest = candidates.argmin(axis=1)
    has_one = ~part_hidden[wanting, smallest]
    part_hidden[wanting[has_one], smallest[has_one]] = True
    total_hidden[wanting[~has_one], 0] = True  # every part is hidden already: the sum has to go too
    return bool(totals.size)


def _ambiguous(counts: Counts, parents: Indexes, hidden: Mask) -> Mask:
    """Hidden cells for which another table that shows the same is at hand: one person moved, all sums kept.

    A move takes one person of a unit from column d to column c (or in and out of the total) along a chain of hidden
    cells from the unit down to one leaf, and is undone elsewhere: in a sibling, or above through the parent.
    """
    can_grow, can_shrink = hidden.copy(), hidden & (counts >= 1)
    # The total stands on the other side of its row's equation, so that it moves the other way.
    can_grow[:, TOTAL], can_shrink[:, TOTAL] = can_shrink[:, TOTAL], hidden[:, TOTAL]
    here = can_grow[:, :, None] & can_shrink[:, None, :]
    here &= ~np.eye(counts.shape[1], dtype=bool)

    below = here.copy()
    movable_children = np.zeros(here.shape, dtype=np.int32)
    is_parent = np.zeros(len(parents), dtype=bool)
    is_parent[parents[parents >= 0]] = True
    for unit in range(len(parents) - 1, -1, -1):
        if is_parent[unit]:
            below[unit] &= movable_children[unit] > 0
        if parents[unit] >= 0:
            movable_children[parents[unit]] += below[unit]

    elsewhere = np.ones(here.shape, dtype=bool)
    for unit, parent in enumerate(parents):
        if parent >= 0:
            in_siblings = (movable_children[parent] - below[unit]).T > 0
            elsewhere[unit] = np.logical_or(in_siblings, here[parent] & elsewhere[parent])
    possible = below & elsewhere
    return np.asarray(possible.any(axis=2) | possible.any(axis=1))


def _hide_more(counts: Counts, parents: Indexes, hidden: Mask, exposed: Mask, number: int) -> None:
    """Hide the `number` smallest shown cells beside one exposed cell of each unit: in its row and in its column.

    Where nothing is shown there, around them, and then above. The number grows from round to round, so that the last
    stubborn cells do not take a round each.
    """
    units, columns = np.nonzero(exposed)
    _, first = np.unique(units, return_index=True)
    every_column = np.arange(counts.shape[1])
    for unit, column in zip(units[first], columns[first], strict=True):
        siblings = np.flatnonzero(parents == parents[unit]) if parents[unit] >= 0 else np.array([unit])
        in_row = _hide_smallest(counts, hidden, np.array([unit]), every_column, number)
        in_column = _hide_smallest(counts, hidden, siblings, np.array([column]), number)
        above = int(unit)
        while not (in_row or in_column) and not _hide_smallest(counts, hidden, siblings, every_column, number):
            above = max(int(parents[above]), 0)
            siblings = np.flatnonzero(parents == parents[above])


def _hide_smallest(counts: Counts, hidden: Mask, units: Indexes, columns: Indexes, number: int) -> bool:
    rows, cols = (index.ravel() for index in np.meshgrid(units, columns, indexing="ij"))
    shown = ~hidden[rows, cols]
    rows, cols = rows[shown], cols[shown]
    smallest = np.argsort(counts[rows, cols], kind="stable")[:number]
    hidden[rows[smallest], cols[smallest]] = True
    return bool(smallest.size)
