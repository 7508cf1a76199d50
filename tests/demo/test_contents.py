"""What stands on a demo's land: buildings that fit, households that add up, places and people by the rules."""

from collections import Counter
from random import Random

import numpy as np
import pytest
import shapely

from gismap.demo.contents.door_plates import door_plates
from gismap.demo.contents.populating import populate
from gismap.demo.model import BlockUse, Land
from gismap.elements.values import ElementDraft
from gismap.geometry.ground import plane_of
from gismap.i18n import CATALOGUE
from gismap.staff.values import AssignmentDraft, Duty, Role
from tests.demo.small_land import small_land

PERSONS = ("staff", "care_persons")


@pytest.fixture(scope="module")
def land() -> Land:
    return small_land()


@pytest.fixture(scope="module")
def contents(land: Land) -> tuple[list[ElementDraft], list[AssignmentDraft]]:
    return populate(land, Random(7), "small")


@pytest.fixture(scope="module")
def elements(contents: tuple[list[ElementDraft], list[AssignmentDraft]]) -> list[ElementDraft]:
    return contents[0]


@pytest.fixture(scope="module")
def posts(contents: tuple[list[ElementDraft], list[AssignmentDraft]]) -> list[AssignmentDraft]:
    return contents[1]


def of_layer(elements: list[ElementDraft], layer: str) -> list[ElementDraft]:
    return [one for one in elements if one.layer == layer]


def leaf_of(land: Land, element: ElementDraft) -> str:
    inside = [unit.key for unit in land.units if unit.geom is not None and unit.geom.contains(element.anchor)]
    assert len(inside) == 1, element
    return inside[0]


def test_no_two_buildings_touch(elements: list[ElementDraft]) -> None:
    shapes = np.array([one.geom for one in of_layer(elements, "buildings")])
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (first == second).all()
    assert shapely.is_valid(shapes).all()


def test_every_building_stands_clear_of_the_streets_around_its_block(land: Land, elements: list[ElementDraft]) -> None:
    blocks = np.array([block.geom for block in land.blocks])
    plane = plane_of(blocks)
    borders = shapely.STRtree(shapely.boundary(plane.to_metres(blocks)))
    shapes = plane.to_metres(np.array([one.geom for one in of_layer(elements, "buildings")]))
    _, away = borders.query_nearest(shapes, return_distance=True)
    assert away.min() > 5


def test_the_households_of_a_block_live_on_it(land: Land, elements: list[ElementDraft]) -> None:
    housed: Counter[str] = Counter()
    for one in of_layer(elements, "buildings"):
        assert one.building is not None
        housed[leaf_of(land, one)] += one.building.households
        if one.building.units:
            assert sum(unit.households for unit in one.building.units) == one.building.households
    for block in land.blocks:
        assert housed[block.unit] == block.households, block.use


def test_rows_face_south_within_twenty_degrees(land: Land, elements: list[ElementDraft]) -> None:
    plane = plane_of(np.array([block.geom for block in land.blocks]))
    slabs = [one.geom for one in of_layer(elements, "buildings") if one.category == "residential"]
    for shape in plane.to_metres(np.array(slabs)):
        (x, y), (u, v) = shape.exterior.coords[0], shape.exterior.coords[1]
        assert abs(np.degrees(np.arctan2(v - y, u - x))) < 20.5


def test_a_compound_numbers_its_buildings_without_gaps(elements: list[ElementDraft]) -> None:
    names = sorted(one.name for one in elements if one.name and one.name.startswith("福安小区") and one.building)
    assert set(names) == {f"福安小区{number}号楼" for number in range(1, len(names) + 1)}


def test_plates_rise_along_a_street_odd_on_one_side_and_even_on_the_other() -> None:
    street = shapely.LineString([(0, 0), (100, 4), (200, -4), (300, 0)])
    doors = {f"north{x}": ("人民路", (x, 30.0)) for x in (250.0, 20.0, 120.0)}
    doors |= {f"south{x}": ("人民路", (x, -30.0)) for x in (40.0, 280.0)}
    plates = door_plates(doors, {"人民路": street})
    assert [plates[f"south{x}"] for x in (40.0, 280.0)] == [1, 3]
    assert [plates[f"north{x}"] for x in (20.0, 120.0, 250.0)] == [2, 4, 6]


def test_a_shop_front_has_a_plate_of_its_own(elements: list[ElementDraft]) -> None:
    fronts = [one for one in elements if one.building and (one.name or "").endswith(("号商铺", "号商住楼"))]
    assert len({one.building and one.building.address for one in fronts}) == len(fronts) > 10


def test_every_use_of_land_has_its_buildings(elements: list[ElementDraft]) -> None:
    uses = Counter(one.category for one in of_layer(elements, "buildings"))
    assert uses["shop"] > 10 and uses["factory"] > 2 and uses["school"] > 1 and uses["farmhouse"] > 20


def test_every_element_is_in_exactly_one_leaf(land: Land, elements: list[ElementDraft]) -> None:
    for one in elements:
        leaf_of(land, one)


def test_references_are_unique_and_parts_exist(elements: list[ElementDraft]) -> None:
    refs = {one.source_ref for one in elements}
    assert len(refs) == len(elements)
    assert {one.part_of for one in elements if one.part_of} <= refs


def test_persons_have_no_name_and_no_attributes(elements: list[ElementDraft]) -> None:
    for one in elements:
        if one.layer in PERSONS:
            assert one.name is None and not one.attributes
    care = of_layer(elements, "care_persons")
    assert care and all(one.part_of and one.staff is None and one.building is None for one in care)


def test_staff_are_never_drawn_at_a_home(land: Land, elements: list[ElementDraft]) -> None:
    stations = {one.geom.wkb for one in of_layer(elements, "service_stations")}
    anchors = {unit.geom.point_on_surface().wkb for unit in land.units if unit.geom is not None}
    assert all(one.geom.wkb in stations | anchors for one in of_layer(elements, "staff"))


def test_duty_phones_are_unique_and_plainly_made_up(elements: list[ElementDraft]) -> None:
    phones = [one.staff.phone for one in elements if one.staff]
    assert len(set(phones)) == len(phones)
    assert all(len(phone) == 11 and phone.startswith("1990000") for phone in phones)


def test_a_unit_has_at_most_one_primary_and_one_backup(posts: list[AssignmentDraft]) -> None:
    duties = Counter((post.unit, post.duty) for post in posts if post.duty)
    assert set(duties.values()) == {1}


def test_every_grid_has_a_team_and_every_community_a_leader(land: Land, posts: list[AssignmentDraft]) -> None:
    leaders = {post.unit for post in posts if post.role is Role.GRID_LEADER}
    assert leaders == {unit.key for unit in land.units if unit.level == 3}
    leaves = {unit.key for unit in land.units if unit.geom is not None}
    assert leaves == {post.unit for post in posts} & leaves
    primaries = {post.unit for post in posts if post.duty is Duty.PRIMARY} & leaves
    assert len(primaries) >= 0.9 * len(leaves)


def test_nobody_stands_in_for_themselves(posts: list[AssignmentDraft]) -> None:
    assert len({(post.staff, post.unit) for post in posts}) == len(posts)


def test_every_category_has_a_title(elements: list[ElementDraft]) -> None:
    for one in elements:
        if one.category is not None:
            assert f"category.{one.layer}.{one.category}" in CATALOGUE


def test_the_same_seed_gives_the_same_contents(
    land: Land, contents: tuple[list[ElementDraft], list[AssignmentDraft]]
) -> None:
    assert populate(land, Random(7), "small") == contents
    assert populate(land, Random(8), "small") != contents


def test_jinlin_has_30_buildings_77_units_and_5144_households() -> None:
    elements, _ = populate(small_land(special="金林小区"), Random(1), "yuyang")
    towers = [one.building for one in elements if one.building and (one.name or "").startswith("金林小区")]
    assert len(towers) == 30
    assert sum(len(one.units) for one in towers) == 77
    assert sum(one.households for one in towers) == 5_144
    assert sum(len(one.dwellings) for one in towers) == 5_144
    for one in towers:
        assert len({(door.unit_number, door.door) for door in one.dwellings}) == one.households


def test_caizhi_has_4_rows_8_lanes_and_38_courtyards_with_doors() -> None:
    land = small_land(special="才智巷")
    elements, _ = populate(land, Random(1), "yuyang")
    yards = [one for one in elements if one.building and (one.name or "").startswith("才智巷")]
    assert len({one.name for one in yards}) == 38
    assert len({(one.name or "").partition("排")[0] for one in yards}) == 4
    assert {one.attributes["lane"] for one in yards} == set(range(1, 9))
    expected = sum(block.households for block in land.blocks if block.compound == "才智巷")
    assert sum(one.building.households for one in yards if one.building) == expected
    assert all(one.building and len(one.building.dwellings) == one.building.households for one in yards)


def test_open_land_stays_open(land: Land, elements: list[ElementDraft]) -> None:
    built = shapely.STRtree([one.geom for one in of_layer(elements, "buildings")])
    for block in land.blocks:
        if block.use is BlockUse.OPEN:
            assert len(built.query(block.geom, predicate="intersects")) == 0
