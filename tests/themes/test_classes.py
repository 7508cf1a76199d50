"""Classes of a choropleth: every value in one class, no class empty, the cuts where the method says."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gismap.themes.classes import class_bounds, class_of

numbers = st.lists(st.integers(0, 50), min_size=1, max_size=40)


@pytest.mark.parametrize("method", ["quantile", "jenks"])
@given(values=numbers)
def test_every_value_has_a_class_and_no_class_is_empty(method, values):
    bounds = class_bounds(values, 5, method)
    assert bounds == sorted(set(bounds)) and len(bounds) <= 5
    assert {class_of(value, bounds) for value in values} == set(range(len(bounds)))
    assert all(value <= bounds[class_of(value, bounds)] for value in values)


def test_quantiles_hold_equal_numbers():
    bounds = class_bounds(range(1, 101), 5, "quantile")
    assert bounds == [20, 40, 60, 80, 100]


def test_jenks_cuts_at_the_gaps():
    assert class_bounds([1, 2, 3, 50, 51, 52, 200], 3, "jenks") == [3, 52, 200]


@given(values=st.lists(st.integers(0, 20), min_size=4, max_size=9, unique=True))
def test_jenks_is_the_best_of_all_partitions(values):
    def spread(part):
        mean = sum(part) / len(part)
        return sum((value - mean) ** 2 for value in part)

    def total(cuts):
        ends = [0, *cuts, len(ordered)]
        return sum(spread(ordered[a:b]) for a, b in pairwise(ends))

    ordered = sorted(values)
    bounds = class_bounds(values, 3, "jenks")
    ours = total([ordered.index(bound) + 1 for bound in bounds[:-1]])
    assert ours == pytest.approx(min(total(cuts) for cuts in combinations(range(1, len(ordered)), 2)))


def test_no_values_give_no_classes():
    assert class_bounds([], 5, "jenks") == []
    assert class_bounds([0, 0, 0], 5, "quantile") == [0]
