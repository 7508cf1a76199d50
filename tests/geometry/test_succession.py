"""Which new units have the land of old ones: never one with land that the old ones had not, but for slivers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, box, union_all

from gismap.geometry.succession import SLIVER_SHARE, Land, Succession

SIDE = 4
CELLS = [(x, y) for x in range(SIDE) for y in range(SIDE)]


def lands(owner: dict[tuple[int, int], int], groups: int) -> dict[str, Land]:
    """Units of a lattice: leaves by the number that owns each cell, below `groups` units of level 3 and a town."""
    leaves = {
        f"leaf-{number}": Land(f"leaf-{number}", 4, f"group-{number % groups}", _shape(owner, {number}))
        for number in set(owner.values())
    }
    above = {
        f"group-{group}": Land(f"group-{group}", 3, "town", _shape(owner, numbers))
        for group in range(groups)
        if (numbers := {number for number in owner.values() if number % groups == group})
    }
    return {"town": Land("town", 2, None, box(0, 0, SIDE, SIDE)), **above, **leaves}


def _shape(owner: dict[tuple[int, int], int], numbers: set[int]) -> MultiPolygon:
    return union_all([box(x, y, x + 1, y + 1) for (x, y), number in owner.items() if number in numbers])


owners = st.lists(st.integers(0, 7), min_size=SIDE**2, max_size=SIDE**2).map(lambda n: dict(zip(CELLS, n, strict=True)))


@settings(max_examples=80, deadline=None)
@given(before=owners, after=owners, groups=st.integers(1, 3), data=st.data())
def test_heirs_have_no_foreign_land_and_what_they_lack_is_told(
    before: dict[tuple[int, int], int], after: dict[tuple[int, int], int], groups: int, data: st.DataObject
) -> None:
    succession = Succession(lands(before, groups), lands(after, groups))
    units = data.draw(st.lists(st.sampled_from(sorted(succession.old)), min_size=1, max_size=3, unique=True))
    land = union_all([succession.old[unit].geom for unit in units])
    heirs = succession.heirs(units)
    given_land = union_all([succession.new[heir].geom for heir in heirs])
    assert given_land.difference(land).area == 0
    for heir in heirs:
        assert succession.new[heir].level >= min(succession.old[unit].level for unit in units)
        assert succession.new[heir].parent not in heirs
    for name, leaf in succession.new.items():  # every leaf on old land alone is given, by itself or by a unit above
        if leaf.level == 4 and leaf.geom.difference(land).area == 0:
            assert name in heirs or leaf.parent in heirs or "town" in heirs
    for unit in units:
        share, holders = succession.elsewhere(unit, heirs)
        whole = succession.old[unit].geom
        assert share == pytest.approx(whole.difference(given_land).area / whole.area)
        assert bool(holders) == (share > 0)


@pytest.mark.parametrize(("shift", "is_heir"), [(SLIVER_SHARE / 2, True), (SLIVER_SHARE * 2, False)])
def test_a_sliver_of_other_land_is_none_and_more_than_that_is(shift: float, is_heir: bool) -> None:
    old = {"a": Land("a", 4, None, box(0, 0, 1, 1)), "b": Land("b", 4, None, box(1, 0, 2, 1))}
    new = {"c": Land("c", 4, None, box(shift, 0, 1 + shift, 1))}
    assert Succession(old, new).heirs(["a"]) == (["c"] if is_heir else [])


def test_a_unit_above_on_the_same_land_is_no_heir_since_it_may_grow() -> None:
    old = {"a": Land("a", 3, "town", box(0, 0, 1, 1)), "town": Land("town", 2, None, box(0, 0, 1, 1))}
    new = {"b": Land("b", 3, "town", box(0, 0, 1, 1)), "town": old["town"]}
    assert Succession(old, new).heirs(["a"]) == ["b"]


def test_land_that_leaves_the_district_is_in_no_unit() -> None:
    old = {"a": Land("a", 4, None, box(0, 0, 1, 1))}
    new = {"c": Land("c", 4, None, box(0, 0, 1, 0.5))}
    assert Succession(old, new).elsewhere("a", ["c"]) == (0.5, [])
