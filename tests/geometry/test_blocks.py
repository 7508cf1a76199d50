"""Street blocks: cells between centre-lines, small ones joined, always an exact coverage."""

from pathlib import Path
from random import Random

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gismap.geometry.blocks import MIN_AREA_M2, MIN_WIDTH_M, outline_of, street_blocks
from gismap.geometry.coverage import find_defects
from gismap.geometry.errors import ShapeError
from gismap.geometry.ground import measure
from tests.districts import REAL_DATA

WEST, SOUTH, EAST, NORTH = 117.0, 35.4, 117.01, 35.41
METRE = 1 / 111_000  # of latitude, in degrees


def street(*positions: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(positions)


def across(lat: float) -> shapely.LineString:
    return street((WEST - 0.001, lat), (EAST + 0.001, lat))


def along(lon: float) -> shapely.LineString:
    return street((lon, SOUTH - 0.001), (lon, NORTH + 0.001))


RING = [across(SOUTH), across(NORTH), along(WEST), along(EAST)]


def assert_seamless(blocks: list[shapely.Polygon]) -> None:
    assert find_defects([str(i) for i in range(len(blocks))], blocks, outline_of(blocks)) == []
    assert {block.geom_type for block in blocks} == {"Polygon"}


def test_streets_that_cross_make_blocks_and_dead_ends_make_none() -> None:
    dead_end = street((WEST, 35.402), (117.003, 35.402))
    blocks = street_blocks([*RING, along(117.004), across(35.406), dead_end])
    assert len(blocks) == 4
    assert_seamless(blocks)
    assert outline_of(blocks).equals(shapely.box(WEST, SOUTH, EAST, NORTH))


def test_a_small_cell_joins_the_neighbour_with_the_longest_shared_border() -> None:
    corner = street((117.0036, SOUTH - 0.001), (117.0036, 35.4003), (117.0041, 35.4003))
    blocks = street_blocks([*RING, along(117.004), corner])
    small = shapely.box(117.0036, SOUTH, 117.004, 35.4003)  # 36 m wide, 33 m high: longest on its north
    assert len(blocks) == 2
    west = min(blocks, key=lambda block: block.centroid.x)
    assert west.covers(small)
    assert_seamless(blocks)


def test_the_strip_between_two_carriageways_is_no_block() -> None:
    blocks = street_blocks([*RING, across(35.405), across(35.405 + 8 * METRE)])
    assert len(blocks) == 2
    assert len(street_blocks([*RING, across(35.405), across(35.405 + 8 * METRE)], min_width_m=5)) == 3
    assert_seamless(blocks)


def test_a_small_block_enclosed_by_another_joins_it_and_a_large_one_stands() -> None:
    def loop(size: float) -> shapely.LineString:
        return shapely.box(117.004, 35.404, 117.004 + size, 35.404 + size).exterior

    assert street_blocks([*RING, loop(0.0005)])[0].equals(shapely.box(WEST, SOUTH, EAST, NORTH))
    around, inside = street_blocks([*RING, loop(0.002)])
    assert {len(around.interiors), len(inside.interiors)} == {0, 1}
    assert_seamless([around, inside])


def test_a_small_loop_far_from_everything_is_dropped_and_a_second_town_is_kept() -> None:
    lonely = shapely.box(117.02, 35.40, 117.0203, 35.4003).exterior
    second_town = shapely.box(117.03, 35.40, 117.04, 35.41).exterior
    blocks = street_blocks([*RING, lonely, second_town])
    assert len(blocks) == 2
    assert len(outline_of(blocks).geoms) == 2


def test_the_strip_of_a_road_that_leads_out_of_town_is_dropped() -> None:
    leaving = [street((lon, NORTH - 0.001), (lon, NORTH + 0.01)) for lon in (117.005, 117.005 + 12 * METRE)]
    blocks = street_blocks([*RING, *leaving, across(NORTH + 0.008)])
    assert outline_of(blocks).equals(shapely.box(WEST, SOUTH, EAST, NORTH))


@pytest.mark.parametrize(
    "lines", [[], [across(35.4)], [across(35.4), along(117.0)], [shapely.LineString()], [shapely.Point(117, 35)]]
)
def test_streets_that_enclose_nothing_are_refused(lines: list[shapely.Geometry]) -> None:
    with pytest.raises(ShapeError, match="enclose no block"):
        street_blocks(lines)


@given(count=st.integers(0, 14), seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_whatever_the_streets_the_blocks_cover_their_land_once_and_none_is_small(count: int, seed: int) -> None:
    rng = Random(seed)
    lines = list(RING)
    for _ in range(count):
        xs = [rng.uniform(WEST, EAST) for _ in range(rng.randint(2, 4))]
        lines.append(street(*((x, rng.uniform(SOUTH, NORTH)) for x in xs)))
    blocks = street_blocks(lines)
    assert_seamless(blocks)
    inside = shapely.box(WEST, SOUTH, EAST, NORTH)
    lost = shapely.get_parts(shapely.difference(inside, outline_of(blocks)))
    lost = lost[measure(lost)[0] > 0.01]
    assert shapely.dwithin(lost, inside.exterior, 1e-9).all()  # only strips on the rim
    areas, perimeters = measure(np.array(blocks))
    assert areas.min() >= MIN_AREA_M2
    assert (2 * areas / perimeters).min() >= MIN_WIDTH_M * (1 - 1e-6)


if REAL_DATA is not None:
    STREETS: Path = REAL_DATA / "osm"

    @pytest.mark.parametrize(
        ("name", "large_cells", "blocks"),
        [("baoshan_shu_map", 60, 62), ("beijing_tsinghua", 168, 185), ("guixi_city", 81, 63)],
    )
    def test_real_roads_make_blocks(name: str, large_cells: int, blocks: int) -> None:
        lines = pyogrio.read_dataframe(STREETS / f"{name}.osm", layer="lines", columns=["highway"])
        roads = list(lines[lines.highway.notna()].geometry)
        cells = shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all(roads))))
        assert int((measure(cells)[0] > MIN_AREA_M2).sum()) == large_cells
        made = street_blocks(roads)
        assert len(made) == blocks
        assert_seamless(made)
        assert measure(np.array([outline_of(made)]))[0][0] > 0.98 * measure(cells)[0].sum()
