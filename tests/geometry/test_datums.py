"""Frames at the edge, the shifts of GCJ-02 and BD-09, and what is refused as a position."""

import math

import numpy as np
import pyproj
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gismap.geometry.datums import (
    BD09,
    GCJ02,
    check_near,
    check_position,
    gcj02_to_bd09,
    parse_frame,
    plausible_degrees,
    plausible_positions,
    read_position,
    to_cgcs2000,
    wgs84_to_gcj02,
)
from gismap.geometry.errors import CrsError, PositionError

ZOUCHENG = (116.85, 35.25, 117.35, 35.55)
MICROMETRE_IN_DEGREES = 9e-12
in_china = st.tuples(st.floats(73, 136), st.floats(3, 54))
small = settings(max_examples=100, deadline=None)


def test_gcj02_agrees_with_the_published_values() -> None:
    assert [float(v) for v in wgs84_to_gcj02(117, 35.4)] == pytest.approx(
        (117.0057047480187, 35.399729743301464), abs=1e-12
    )
    assert [float(v) for v in wgs84_to_gcj02(116.42079, 39.90105)] == pytest.approx((116.427022, 39.902446), abs=5e-7)
    assert [float(v) for v in wgs84_to_gcj02(116.404, 39.915)] == pytest.approx(
        (116.41024449916938, 39.91640428150164), abs=1e-12
    )
    assert to_cgcs2000(116.427022, 39.902446, "gcj02") == pytest.approx((116.42079, 39.90105), abs=5e-7)


def test_bd09_agrees_with_the_published_value() -> None:
    assert [float(v) for v in gcj02_to_bd09(116.404, 39.915)] == pytest.approx(
        (116.41036949371029, 39.92133699351021), abs=1e-12
    )


@given(in_china)
@example((105.0, 36.0))  # the published formula takes the root of |lon - 105|
@example((105.0 + 1e-9, 36.0))
@small
def test_the_shifts_are_undone_to_a_micrometre(position: tuple[float, float]) -> None:
    gcj = wgs84_to_gcj02(*position)
    assert to_cgcs2000(float(gcj[0]), float(gcj[1]), GCJ02) == pytest.approx(position, abs=MICROMETRE_IN_DEGREES)
    bd = gcj02_to_bd09(*gcj)
    assert to_cgcs2000(float(bd[0]), float(bd[1]), BD09) == pytest.approx(position, abs=MICROMETRE_IN_DEGREES)


@pytest.mark.parametrize("position", [(2.35, 48.85), (139.7, 35.7), (-104.9, 39.7), (117.0, -35.4), (0.0, 90.0)])
def test_nothing_is_shifted_outside_china(position: tuple[float, float]) -> None:
    assert to_cgcs2000(*position, "gcj02") == position
    assert to_cgcs2000(*position, "bd09") == position


@given(st.lists(in_china, min_size=1, max_size=20), st.sampled_from(["gcj02", "bd09", "wgs84", "EPSG:3857"]))
@small
def test_arrays_are_transformed_like_their_members(positions: list[tuple[float, float]], crs: str) -> None:
    xs, ys = np.array(positions).T
    lon, lat = to_cgcs2000(xs, ys, crs)
    for index, (x, y) in enumerate(positions):
        assert (float(lon[index]), float(lat[index])) == to_cgcs2000(x, y, crs)


def test_gauss_kruger_is_read_with_the_easting_first_with_and_without_zone_prefix() -> None:
    expected = (117.0, 35.4002650001)
    assert to_cgcs2000(39500000.0, 3919000.0, "EPSG:4527") == pytest.approx(expected, abs=1e-9)
    assert to_cgcs2000(500000.0, 3919000.0, "EPSG:4548") == pytest.approx(expected, abs=1e-9)


def test_frames_are_recognised_by_name_code_and_wkt() -> None:
    assert [parse_frame(text).name for text in ("WGS-84", "gcj-02", "epsg:4548", " CGCS2000 ")] == [
        "wgs84",
        "gcj02",
        "EPSG:4548",
        "cgcs2000",
    ]
    esri = parse_frame(pyproj.CRS.from_epsg(4527).to_wkt("WKT1_ESRI"))
    assert (esri.name, esri.in_degrees) == ("EPSG:4527", False)
    local = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=116.9 +k=1 +x_0=500000 +ellps=GRS80")
    assert to_cgcs2000(500000.0, 3919000.0, local.to_wkt())[0] == pytest.approx(116.9)


@pytest.mark.parametrize(
    "text", ["", "auto", "4527", "EPSG:1", "EPSG:999999", "EPSG:4978", "EPSG:5773", "+proj=longlat", "x" * 9999, "\x00"]
)
def test_an_unknown_frame_is_refused_in_a_short_message(text: str) -> None:
    with pytest.raises(CrsError) as raised:
        parse_frame(text)
    assert len(raised.value.detail) < 160
    assert raised.value.field == "crs"


def test_what_cannot_be_transformed_becomes_nan_and_spoils_no_other_row() -> None:
    for crs in ("EPSG:4548", "gcj02", "wgs84"):
        lon, lat = to_cgcs2000([500000.0, math.nan, math.inf, 1e308], [3919000.0, 1.0, 1.0, 1e308], crs)
        assert not plausible_positions(lon, lat)[1:].any()
    assert plausible_positions(*to_cgcs2000([500000.0, 1e308], [3919000.0, 1.0], "EPSG:4548")).tolist() == [True, False]


@pytest.mark.parametrize(
    ("x", "y", "hint"),
    [
        (math.nan, 35.4, "finite"),
        (117.0, math.inf, "finite"),
        (35.4, 117.0, "swap x and y"),
        (39500000.0, 3919000.0, "metres"),
        (500.0, 35.0, "longitude within"),
    ],
)
def test_a_position_that_cannot_be_is_refused_with_a_hint(x: float, y: float, hint: str) -> None:
    with pytest.raises(PositionError, match=hint):
        check_position(x, y)
    with pytest.raises(PositionError, match=hint):
        read_position(x, y)


def test_northing_before_easting_is_refused_with_the_surveyors_habit() -> None:
    with pytest.raises(PositionError, match="northing"):
        read_position(3919000.0, 39500000.0, "EPSG:4527")
    with pytest.raises(PositionError, match="finite"):
        read_position(math.nan, 0.0, "EPSG:4527")


@pytest.mark.parametrize(
    ("x", "crs", "hint"),
    [
        (39_500_000.0, "EPSG:4548", "carries zone 39, but EPSG:4548 has none in its eastings: is it in EPSG:4527"),
        (40_500_000.0, "EPSG:4527", "carries zone 40, but EPSG:4527 is zone 39: is it in EPSG:4528"),
        (20_500_000.0, "EPSG:4527", "carries zone 20, but EPSG:4527 is zone 39: is it in EPSG:4498"),
        (500_000.0, "EPSG:4527", "carries no zone, but EPSG:4527 is zone 39: is it in EPSG:4548"),
        (500_000.0, "EPSG:4498", "carries no zone, but EPSG:4498 is zone 20: is it in EPSG:4509"),
    ],
)
def test_an_easting_with_another_zone_than_its_frame_is_refused_with_the_right_frame(
    x: float, crs: str, hint: str
) -> None:
    with pytest.raises(PositionError, match=hint):
        read_position(x, 3919000.0, crs)
    named = hint.rpartition(" ")[2]
    assert read_position(x, 3919000.0, named)[1] == pytest.approx(35.4, abs=0.001)


def test_a_position_in_another_frame_is_read() -> None:
    assert read_position(117.0057047480187, 35.399729743301464, "gcj02") == pytest.approx((117, 35.4), abs=1e-11)


def test_a_position_near_the_district_passes_and_a_far_one_says_how_far() -> None:
    check_near(117.0, 35.4, ZOUCHENG)
    check_near(117.35 + 0.5, 35.4, ZOUCHENG)  # 45 km east
    with pytest.raises(PositionError, match=r"lies 54 km .* northing"):
        check_near(117.35 + 0.6, 35.4, ZOUCHENG)
    check_near(117.35 + 0.6, 35.4, ZOUCHENG, limit_km=60)
    with pytest.raises(PositionError, match="with x and y swapped it would lie there"):
        check_near(35.4, 85.0, (84.9, 35.3, 85.1, 35.5))


def test_metres_labelled_as_degrees_are_told_by_their_bounds() -> None:
    assert plausible_degrees(ZOUCHENG)
    assert plausible_degrees((-180.0000001, -90, 180.0000001, 90))
    assert not plausible_degrees((486000.0, 3900000.0, 531000.0, 3934000.0))
    assert not plausible_degrees((math.nan, math.nan, math.nan, math.nan))
