"""The land of the demo districts: as many units as there must be, seamless, nested, along streets, always the same."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gismap.boundaries.derivation import check_structure
from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.demo.catalogue import generate
from gismap.demo.land.making import make_land
from gismap.demo.land.sketch import read_sketch, sketch_names
from gismap.demo.model import BlockUse, Land
from gismap.errors import NotFoundError
from gismap.geometry.codes import CodeScheme, DivisionKind, parse_division
from gismap.geometry.coverage import find_defects
from gismap.geometry.ground import measure

NAMES = ("zoucheng", "yuyang", "luodian")


@cache
def land_of(name: str) -> Land:
    """The land of a demo, made once for all tests."""
    return make_land(read_sketch(name))


@pytest.fixture(params=NAMES)
def land(request: pytest.FixtureRequest) -> Land:
    return land_of(request.param)


def leaves_of(land: Land) -> list[UnitDraft]:
    return [unit for unit in land.units if unit.geom is not None]


def top_of(land: Land) -> UnitDraft:
    return land.units[0]


def area_m2(*shapes: shapely.Geometry) -> np.ndarray:
    return measure(np.array(shapes, dtype=object))[0]


def levels(land: Land) -> dict[int, int]:
    return dict(Counter(unit.level for unit in land.units))


def households(land: Land) -> Counter[str]:
    """Households of each leaf."""
    return sum((Counter({block.unit: block.households}) for block in land.blocks), Counter())


def test_zoucheng_has_1595_grids_on_four_levels_and_16_towns() -> None:
    land = land_of("zoucheng")
    assert levels(land)[1] == 1
    assert levels(land)[2] == 16
    assert set(levels(land)) == {1, 2, 3, 4}
    assert len(leaves_of(land)) == 1595
    assert abs(area_m2(land.outlines["370883"])[0] / 1e6 - 1616) < 1


def test_yuyang_has_12_subdistricts_85_communities_and_701_grids() -> None:
    assert levels(land_of("yuyang")) == {1: 1, 2: 12, 3: 85, 4: 701}


def test_luodian_has_30_committees_and_99_micro_grids() -> None:
    land = land_of("luodian")
    assert levels(land) == {1: 1, 2: 1, 3: 30, 5: 99}
    assert {leaf.kind for leaf in leaves_of(land)} == {GridKind.MICRO}
    assert abs(area_m2(land.outlines["310113"])[0] / 1e6 - 5.76) < 0.01


def test_zoucheng_has_48_urban_communities_and_villages_below_management_areas() -> None:
    third = [unit for unit in land_of("zoucheng").units if unit.level == 3]
    kinds = [parse_division(unit.code).kind for unit in third if unit.code is not None]
    assert kinds.count(DivisionKind.COMMUNITY) == 48
    areas = {unit.key for unit in third if unit.code is None}
    villages = [leaf for leaf in leaves_of(land_of("zoucheng")) if leaf.parent in areas]
    assert len(areas) > 40
    assert all(parse_division(leaf.division_code or "").kind is DivisionKind.VILLAGE for leaf in villages)
    assert len({leaf.division_code for leaf in villages}) == len(villages)


def test_real_towns_keep_their_names_and_codes() -> None:
    towns = {unit.code: unit.name for unit in land_of("zoucheng").units if unit.level == 2}
    assert towns["370883001"] == "钢山街道"
    assert towns["370883114"] == "郭里镇"


def test_units_form_a_hierarchy_with_valid_codes(land: Land) -> None:
    check_structure(land.units)
    seen: set[str] = set()
    for unit in land.units:
        assert unit.parent is None or unit.parent in seen, "parents come before children"
        seen.add(unit.key)
    assert all(CodeScheme().parse(leaf.code or "") for leaf in leaves_of(land))


def test_grids_are_seamless(land: Land) -> None:
    leaves = leaves_of(land)
    keys, shapes = [leaf.key for leaf in leaves], [leaf.geom for leaf in leaves]
    assert find_defects(keys, shapes, land.outlines[top_of(land).key]) == []


def test_every_grid_is_one_piece_without_holes_and_no_sliver(land: Land) -> None:
    shapes = np.array([leaf.geom for leaf in leaves_of(land)])
    assert all(len(shape.geoms) == 1 and not shape.geoms[0].interiors for shape in shapes)
    areas, perimeters = measure(shapes)
    assert (2 * areas / perimeters).min() > 20
    assert areas.min() > 8_000


def test_every_unit_above_the_grids_is_one_piece(land: Land) -> None:
    below = defaultdict(list)
    parents = {unit.key: unit.parent for unit in land.units}
    for leaf in leaves_of(land):
        key = leaf.parent
        while key is not None:
            below[key].append(leaf.geom)
            key = parents[key]
    assert all(shapely.coverage_union_all(shapes).geom_type == "Polygon" for shapes in below.values())


def test_outlines_of_county_and_towns_equal_the_union_of_their_grids(land: Land) -> None:
    parents = {unit.key: unit.parent for unit in land.units}
    assert set(land.outlines) == {unit.key for unit in land.units if unit.level <= 2}
    for key, outline in land.outlines.items():
        inside = [leaf.geom for leaf in leaves_of(land) if key in (parents[leaf.parent], parents[parents[leaf.parent]])]
        assert outline.equals(shapely.coverage_union_all(inside))


@given(name=st.sampled_from(NAMES), x=st.floats(0, 1), y=st.floats(0, 1))
def test_every_point_of_the_district_lies_in_exactly_one_grid(name: str, x: float, y: float) -> None:
    land = land_of(name)
    outline = land.outlines[top_of(land).key]
    west, south, east, north = outline.bounds
    point = shapely.Point(west + x * (east - west), south + y * (north - south))
    shapes = np.array([leaf.geom for leaf in leaves_of(land)])
    inside, touched = shapely.contains(shapes, point).sum(), shapely.intersects(shapes, point).sum()
    if outline.contains(point):
        assert inside == 1 or (inside == 0 and touched >= 2), "inside of one, or on the border of several"
    else:
        assert inside == 0


@given(name=st.sampled_from(NAMES), pick=st.integers(0, 10**9))
def test_a_vertex_belongs_to_all_grids_that_meet_there_and_lies_inside_none(name: str, pick: int) -> None:
    land = land_of(name)
    shapes = np.array([leaf.geom for leaf in leaves_of(land)])
    corner = shapely.get_coordinates(shapes[pick % len(shapes)])
    point = shapely.Point(corner[pick // len(shapes) % len(corner)])
    assert shapely.contains(shapes, point).sum() == 0
    on_the_rim = land.outlines[top_of(land).key].boundary.intersects(point)
    assert shapely.intersects(shapes, point).sum() >= (1 if on_the_rim else 2)


@pytest.mark.parametrize("name", NAMES)
def test_borders_of_urban_grids_follow_streets(name: str) -> None:
    land = land_of(name)
    urban = [leaf.geom for leaf in leaves_of(land) if leaf.zone_type is not ZoneType.RURAL]
    shared = shapely.union_all(shapely.boundary(np.array(urban)))
    rim = shapely.coverage_union_all(urban).boundary
    borders = shapely.get_parts(shapely.segmentize(shapely.difference(shared, rim), 1e-3))
    middles = shapely.line_interpolate_point(borders, 0.5, normalized=True)
    streets = shapely.STRtree([street.geom for street in land.streets])
    on_street = np.zeros(len(borders), dtype=bool)
    on_street[streets.query(middles, predicate="dwithin", distance=1e-8)[0]] = True
    lengths = shapely.length(borders)
    assert lengths[on_street].sum() > 0.95 * lengths.sum()


def test_blocks_lie_in_their_grids_and_do_not_overlap(land: Land) -> None:
    geom_of = {leaf.key: leaf.geom for leaf in leaves_of(land)}
    shapes = np.array([block.geom for block in land.blocks])
    assert shapely.is_valid(shapes).all()
    beyond = shapely.difference(shapes, np.array([geom_of[block.unit] for block in land.blocks]))
    assert area_m2(*beyond).max() < 0.1
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = first < second
    assert area_m2(*shapely.intersection(shapes[first[pairs]], shapes[second[pairs]])).max() < 0.1


def test_rural_grids_have_a_village_and_urban_ones_homes_of_the_usual_size() -> None:
    land = land_of("zoucheng")
    per_leaf = households(land)
    assert 280_000 < per_leaf.total() < 340_000
    villages = {block.unit for block in land.blocks if block.use in {BlockUse.VILLAGE, BlockUse.BUNGALOWS}}
    zones = {leaf.key: leaf.zone_type for leaf in leaves_of(land)}
    rural = [key for key, zone in zones.items() if zone is ZoneType.RURAL]
    assert len(villages.intersection(rural)) > 0.97 * len(rural)
    compounds = [per_leaf[key] for key, zone in zones.items() if zone is ZoneType.RESIDENTIAL_COMPOUND]
    assert np.mean([250 <= count <= 500 for count in compounds]) > 0.8


def test_yuyang_has_room_for_jinlin_compound_and_caizhi_lane() -> None:
    land = land_of("yuyang")
    names = {unit.key: unit.name for unit in land.units}
    parents = {unit.key: names[unit.parent or ""] for unit in leaves_of(land)}
    compound = [block for block in land.blocks if block.compound == "金林小区"]
    assert sum(block.households for block in compound) == 5_144
    assert {parents[block.unit] for block in compound} == {"金林社区"}
    assert 20 < area_m2(*(block.geom for block in compound)).sum() / 1e4 < 36
    homes_of_compound = {block.unit for block in compound}
    assert all(block in compound for block in land.blocks if block.unit in homes_of_compound)
    lane = [block for block in land.blocks if block.compound == "才智巷"]
    assert {block.use for block in lane} == {BlockUse.BUNGALOWS}
    assert {parents[block.unit] for block in lane} == {"学院社区"}


def test_xueyuan_community_has_its_known_size() -> None:
    land = land_of("yuyang")
    key = next(unit.key for unit in land.units if unit.name == "学院社区")
    mine = [leaf for leaf in leaves_of(land) if leaf.parent == key]
    assert 1.6 < area_m2(*(leaf.geom for leaf in mine)).sum() / 1e6 < 2.2
    per_leaf = households(land)
    assert sum(per_leaf[leaf.key] for leaf in mine) == 2_120


def test_streets_of_some_rank_have_names_and_a_name_stands_for_one_street(land: Land) -> None:
    named = Counter(street.name for street in land.streets if street.name is not None)
    assert named.most_common(1)[0][1] <= 2
    ranked = [street for street in land.streets if street.street_class in {"trunk", "primary", "secondary", "tertiary"}]
    assert all(street.name for street in ranked)
    refs = Counter(street.source_ref for street in land.streets)
    assert refs.most_common(1)[0][1] == 1


def digest(name: str) -> str:
    """A digest over everything that a land consists of, to the last bit of its coordinates."""
    land, total = land_of(name), hashlib.sha256()
    for rows in (land.units, land.streets, land.blocks):
        for row in rows:
            shape = b"" if row.geom is None else shapely.to_wkb(row.geom, byte_order=1)
            total.update(repr([getattr(row, f.name) for f in fields(row) if f.name != "geom"]).encode() + shape)
    return total.hexdigest()


def test_another_process_makes_the_same_lands_to_the_last_bit() -> None:
    code = f"from tests.demo.test_land import digest\nfor name in {NAMES}: print(digest(name))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [digest(name) for name in NAMES]


def test_an_unknown_district_is_refused_with_the_names_that_there_are() -> None:
    assert set(sketch_names()) == set(NAMES)
    with pytest.raises(NotFoundError, match="luodian, yuyang, zoucheng"):
        generate("atlantis")
