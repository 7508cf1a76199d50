"""Cuts numbers into classes for a choropleth (quantile, Jenks); pure, knows nothing of maps or colours."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["quantile", "jenks"]

MAX_DISTINCT = 2000
"""Above this many distinct values Jenks works on their quantiles, whose classes look the same."""


def class_bounds(values: Sequence[float], count: int, method: Method) -> list[float]:
    """Ascending upper bounds of at most `count` classes; the last is the largest value, no values give no classes.

    A value belongs to the first class whose bound it does not exceed. Bounds are values that occur, so that no class is
    empty; few distinct values make fewer classes.

    >>> class_bounds([1, 2, 3, 4, 5, 100], 3, "jenks")
    [2.0, 5.0, 100.0]
    """
    distinct, weights = np.unique(np.asarray(values, dtype=float), return_counts=True)
    if len(distinct) <= count:
        return [float(value) for value in distinct]
    if method == "quantile":
        return _quantile_bounds(distinct, weights, count)
    if len(distinct) > MAX_DISTINCT:
        shares = np.linspace(0, 1, MAX_DISTINCT)
        distinct = np.unique(np.quantile(np.repeat(distinct, weights), shares, method="nearest"))
        weights = np.ones(len(distinct), dtype=int)
    return _jenks_bounds(distinct, weights, count)


def class_of(value: float, bounds: Sequence[float]) -> int:
    """The index of the class that `value` belongs to; values above the last bound belong to the last class."""
    return min(int(np.searchsorted(bounds, value, side="left")), len(bounds) - 1)


def _quantile_bounds(distinct: NDArray[np.float64], weights: NDArray[np.int_], count: int) -> list[float]:
    reached = np.cumsum(weights) / weights.sum()
    picks = {int(np.searchsorted(reached, share, side="left")) for share in np.arange(1, count) / count}
    return [float(distinct[index]) for index in sorted(picks | {len(distinct) - 1})]


def _jenks_bounds(distinct: NDArray[np.float64], weights: NDArray[np.int_], count: int) -> list[float]:
    """Fisher's exact optimum: the partition with the least sum of squared deviations inside classes, by dynamic
    programming over the sorted distinct values; O(count · n²), vectorised over the start of the last class."""
    n = len(distinct)
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    first = np.concatenate([[0.0], np.cumsum(weights * distinct)])
    second = np.concatenate([[0.0], np.cumsum(weights * distinct**2)])

    def spread(starts: NDArray[np.int_], end: int) -> NDArray[np.float64]:
        total = first[end] - first[starts]
        return np.asarray(second[end] - second[starts] - total**2 / (mass[end] - mass[starts]))

    best = np.array([0.0] + [float(spread(np.array([0]), end)[0]) for end in range(1, n + 1)])
    cuts: list[NDArray[np.int_]] = []
    for classes in range(2, count + 1):
        better, cut = np.full(n + 1, np.inf), np.zeros(n + 1, dtype=int)
        for end in range(classes, n + 1):
            starts = np.arange(classes - 1, end)
            costs = best[starts] + spread(starts, end)
            choice = int(np.argmin(costs))
            better[end], cut[end] = costs[choice], starts[choice]
        best = better
        cuts.append(cut)
    ends = [n]
    for cut in reversed(cuts):
        ends.append(int(cut[ends[-1]]))
    return [float(distinct[end - 1]) for end in reversed(ends)]
