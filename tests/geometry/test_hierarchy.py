"""Nesting: who lies in whom, who straddles, and how parents differ from the unions of their children."""

import pytest
import shapely

from gismap.geometry.hierarchy import nest
from tests.geometry.test_injected_defects import PLANE, squares

UNITS = squares(4, 1)
WEST, EAST = shapely.union_all(UNITS[:2]), shapely.union_all(UNITS[2:])
NAMES = ["a", "b", "c", "d"]


def test_units_that_nest_exactly_are_said_to() -> None:
    found = nest(NAMES, UNITS, ["west", "east"], [WEST, EAST], PLANE)
    assert found.is_exact
    assert [child.parent for child in found.children] == ["west", "west", "east", "east"]
    assert found.parents[0].union.equals(WEST)


def test_a_unit_that_straddles_is_told_with_its_shares() -> None:
    west = shapely.box(*WEST.bounds[:2], WEST.bounds[2] + 100, WEST.bounds[3])
    found = nest(NAMES, UNITS, ["west", "east"], [west, shapely.difference(EAST, west)], PLANE)
    child = found.children[2]
    assert (child.parent, child.share, child.straddles) == ("east", pytest.approx(0.75), True)
    assert child.others == (("west", pytest.approx(0.25)),)
    audit = {parent.unit: (parent.missing_m2, parent.extra_m2) for parent in found.parents}
    assert audit == {"west": (pytest.approx(40_000), 0), "east": (0, pytest.approx(40_000))}
    assert found.as_dict()["differing"] == 2


def test_a_unit_outside_of_all_has_no_parent_and_a_parent_may_have_no_children() -> None:
    found = nest(NAMES[:1], UNITS[:1], ["east"], [EAST], PLANE)
    assert found.children[0].straddles
    assert (found.parents[0].children, found.parents[0].missing_m2) == (0, pytest.approx(320_000))
