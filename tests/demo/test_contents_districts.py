"""The contents of the real demo districts: the sizes and the places that they are known for."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
import shapely

from gismap.demo.catalogue import generate
from gismap.demo.model import DemoDistrict
from gismap.elements.values import BuildingDraft, ElementDraft

NAMES = ("zoucheng", "yuyang", "luodian")
district_of = cache(generate)


@pytest.fixture(params=NAMES)
def district(request: pytest.FixtureRequest) -> DemoDistrict:
    return district_of(request.param)


def sizes(district: DemoDistrict) -> Counter[str]:
    return Counter(one.layer for one in district.elements)


def buildings(district: DemoDistrict, name: str = "") -> list[ElementDraft]:
    return [one for one in district.elements if one.building and (one.name or "").startswith(name)]


def housing(district: DemoDistrict, name: str) -> list[BuildingDraft]:
    return [one.building for one in buildings(district, name) if one.building]


def test_no_two_buildings_of_a_district_touch(district: DemoDistrict) -> None:
    shapes = np.array([one.geom for one in buildings(district)])
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (first == second).all()


def test_every_element_of_a_district_is_in_exactly_one_leaf(district: DemoDistrict) -> None:
    leaves = shapely.STRtree([unit.geom for unit in district.units if unit.geom is not None])
    found, _ = leaves.query(np.array([one.anchor for one in district.elements]), predicate="intersects")
    assert (np.bincount(found, minlength=len(district.elements)) == 1).all()


def test_no_duty_is_held_twice_and_few_posts_are_vacant(district: DemoDistrict) -> None:
    duties = Counter((post.unit, post.duty) for post in district.assignments if post.duty)
    assert set(duties.values()) == {1}
    leaves = [unit for unit in district.units if unit.geom is not None]
    held = {unit for unit, duty in duties if duty == "primary"}
    assert 0.97 < len([unit for unit in leaves if unit.key in held]) / len(leaves) <= 1


def test_zoucheng_has_the_sizes_of_a_county() -> None:
    district = district_of("zoucheng")
    counted = sizes(district)
    assert 55_000 < counted["buildings"] < 65_000
    assert 280_000 < sum(one.households for one in housing(district, "")) < 340_000
    assert 3_500 < counted["staff"] < 4_500
    assert 3_000 < counted["key_places"] < 6_000
    assert counted["service_stations"] == 147
    assert 4_000 < counted["care_persons"] <= 8_000


def test_yuyang_has_jinlin_and_caizhi_exactly() -> None:
    district = district_of("yuyang")
    towers = housing(district, "金林小区")
    assert len(towers) == 30
    assert sum(len(one.units) for one in towers) == 77
    assert sum(one.households for one in towers) == sum(len(one.dwellings) for one in towers) == 5_144
    yards = buildings(district, "才智巷")
    assert len(yards) == 38 and {one.category for one in yards} == {"bungalow"}
    assert len({(one.name or "").partition("排")[0] for one in yards}) == 4
    assert len({one.attributes["lane"] for one in yards}) == 8
