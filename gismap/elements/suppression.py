"""Which counts of persons may be shown: small ones are withheld, and as many others as keep them from being worked out.

Pure: a table of counts goes in, a mask comes out. The table is a tree of units by categories, additive both ways: a
unit's total is the sum of its categories, and a unit's count is the sum of its children's.
"""

from collections import defaultdict

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
    """Which cells of an additive table must stay hidden; what is coarse is shown rather than what is fine.

    `counts` is units × columns, column `TOTAL` the sum of the others; `parents` gives each unit's parent by its row
    (-1 for none), and parents come before their children. What comes back keeps three promises:

    - no count below `THRESHOLD` is shown;
    - where a sum is shown and some of its parts are not, at least two are hidden and together reach `THRESHOLD`;
    - for every hidden cell there is another table of whole, non-negative counts that shows the same and has another
      value there, so that no difference of sums, however combined, tells it.

    A category is shown for all children of a unit or for none, and never below a unit that hides it. So the hidden
    categories of siblings are a table of its own, with at least two columns, and a person can be moved around in it:
    from one hidden category to another here, and back in a sibling, or in a unit above whose own categories are hidden.

    >>> withheld(np.array([[20, 14, 6], [12, 9, 3], [8, 5, 3]]), np.array([-1, 0, 0])).astype(int).tolist()
    [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    """
    hidden = np.zeros(counts.shape, dtype=bool)
    families: dict[int, list[int]] = defaultdict(list)
    for unit, parent in enumerate(parents):
        if parent < 0:
            hidden[unit] = _hidden_of_root(counts[unit])
        else:
            families[int(parent)].append(unit)
    for parent, children in sorted(families.items()):  # parents before their children
        if len(children) == 1:
            hidden[children] = hidden[parent]  # the same numbers
        else:
            hidden[children] = _hidden_of_siblings(counts[parent], counts[children], hidden[parent])
    return hidden


def _hidden_of_root(counts: Counts) -> Mask:
    total, categories = counts[TOTAL], counts[TOTAL + 1 :]
    if total < THRESHOLD:
        return np.ones(counts.shape, dtype=bool)
    small = _with_company(categories < THRESHOLD, categories)
    return np.concatenate([[False], small])


def _hidden_of_siblings(above: Counts, counts: Counts, hidden_above: Mask) -> Mask:
    categories = counts[:, TOTAL + 1 :]
    columns = hidden_above[TOTAL + 1 :] | (categories < THRESHOLD).any(axis=0)
    if columns.any() and columns.sum() < 2:
        columns = _with_company(columns, above[TOTAL + 1 :])
    rest = categories[:, columns].sum(axis=1)  # what a total tells of the hidden categories
    if hidden_above[TOTAL]:
        totals = np.ones(len(counts), dtype=bool)
    else:
        totals = _with_company((rest < THRESHOLD) & columns.any(), rest)
    if len(columns) == 1:
        return np.column_stack([totals, totals])  # an only category is the total once more
    return np.column_stack([totals, np.tile(columns, (len(counts), 1))])


def _with_company(hidden: Mask, counts: Counts) -> Mask:
    """The hidden parts of a sum, and as many more, smallest first, as make two that together reach the threshold."""
    if not hidden.any():
        return hidden
    joined = hidden.copy()
    for part in np.argsort(counts, kind="stable"):
        if joined.sum() >= 2 and counts[joined].sum() >= THRESHOLD:
            break
        joined[part] = True
    return joined
