"""Shapes from outside: what is read, and what is refused with its cause and place."""

import json
import math
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gismap.geometry.errors import GeometryError, PositionError, ShapeError
from gismap.geometry.shapes import ANY_KIND, LINES, check_shape, find_invalidity, shape_from_geojson

SQUARE = [[117.0, 35.0], [117.1, 35.0], [117.1, 35.1], [117.0, 35.1], [117.0, 35.0]]
BOW_TIE = [[117.0, 35.0], [117.1, 35.1], [117.1, 35.0], [117.0, 35.1], [117.0, 35.0]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def test_a_polygon_is_read_without_its_heights() -> None:
    read = shape_from_geojson(polygon([[x, y, 12.5] for x, y in SQUARE]))
    assert not read.has_z
    assert read.equals(shapely.Polygon(SQUARE))


def test_a_feature_is_read_for_its_geometry() -> None:
    assert shape_from_geojson({"type": "Feature", "geometry": polygon(SQUARE)}).equals(shapely.Polygon(SQUARE))


@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (117 35)",
        "MULTIPOINT ((117 35), (118 35))",
        "LINESTRING (117 35, 118 36)",
        "MULTILINESTRING ((117 35, 118 36), (117 36, 118 35))",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 1))",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
    ],
)
def test_every_kind_is_read_back_unchanged(wkt: str) -> None:
    shape = shapely.from_wkt(wkt)
    assert shape_from_geojson(json.loads(shapely.to_geojson(shape)), kinds=ANY_KIND) == shape


def test_a_polygon_that_crosses_itself_is_refused_with_the_place() -> None:
    with pytest.raises(ShapeError, match=r"crosses itself at 117\.05, 35\.05"):
        shape_from_geojson(polygon(BOW_TIE), field="polygon")


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (None, "GeoJSON geometry object"),
        ([], "GeoJSON geometry object"),
        ({"type": "Feature", "geometry": None}, "GeoJSON geometry object"),
        ({"type": "Polygon"}, "nested as GeoJSON"),
        ({"type": "Polygon", "coordinates": None}, "nested as GeoJSON"),
        ({"type": "Polygon", "coordinates": "\x00"}, "nested as GeoJSON"),
        ({"type": "Polygon\x00", "coordinates": [SQUARE]}, "wanted: MultiPolygon or Polygon"),
        ({"type": ["Polygon"], "coordinates": [SQUARE]}, "wanted"),
        ({"type": "FeatureCollection", "features": []}, "wanted"),
        ({"type": "GeometryCollection", "geometries": []}, "wanted"),
        ({"type": "LineString", "coordinates": SQUARE}, "wanted"),
        (polygon(), "empty"),
        (polygon([]), "empty"),
        (polygon(SQUARE[:-1]), "not closed"),
        (polygon([SQUARE[0], SQUARE[0]]), "four positions"),
        (polygon([SQUARE[0]] * 4), "too few different points"),
        (polygon(SQUARE, [[118, 36], [118.1, 36], [118.1, 36.1], [118, 36]]), "hole outside"),
        (polygon(SQUARE[0]), "position must be"),
        (polygon([[117.0, None], *SQUARE]), "two numbers"),
        (polygon([[117.0, True], *SQUARE]), "two numbers"),
        (polygon([["117", "35"], *SQUARE]), "two numbers"),
        (polygon([[117.0], *SQUARE]), "two numbers"),
        (polygon([[117.0, 35.0, None], *SQUARE]), "two numbers"),
        (polygon([{"x": 1, "y": 2}, *SQUARE]), "two numbers"),
        (polygon([[math.nan, 35.0], *SQUARE]), "finite"),
        (polygon([[117.0, math.inf], *SQUARE]), "finite"),
        (polygon([[10**400, 35.0], *SQUARE]), "too large"),
        (polygon(SQUARE) | {"crs": {"type": "name", "properties": {"name": "EPSG:4527"}}}, "frame"),
    ],
)
def test_what_is_no_polygon_is_refused_with_its_cause(value: object, cause: str) -> None:
    with pytest.raises(ShapeError, match=cause) as raised:
        shape_from_geojson(value, field="polygon")
    assert raised.value.field == "polygon"
    assert len(raised.value.detail) < 200


def test_a_legacy_frame_that_means_longitude_and_latitude_is_no_mistake() -> None:
    name = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert shape_from_geojson(polygon(SQUARE) | {"crs": name}).area > 0


def test_swapped_axes_and_metres_are_refused_with_a_hint() -> None:
    with pytest.raises(PositionError, match="swap x and y"):
        shape_from_geojson(polygon([[y, x] for x, y in SQUARE]))
    with pytest.raises(PositionError, match="metres"):
        shape_from_geojson(polygon([[x * 1e5, y * 1e5] for x, y in SQUARE]))


def test_a_million_vertices_are_refused_before_they_are_read() -> None:
    circle = [[117 + math.cos(i / 1e5), 35 + math.sin(i / 1e5)] for i in range(20_000)]
    with pytest.raises(ShapeError, match="more than 10,000 vertices"):
        shape_from_geojson(polygon([*circle, ["never looked at"]]))
    with pytest.raises(ShapeError, match="more than 4 vertices"):
        check_shape(shapely.Polygon(SQUARE), max_vertices=4)


def test_a_line_needs_length() -> None:
    for positions in ([[117, 35]], [[117, 35], [117, 35]]):
        with pytest.raises(ShapeError):
            shape_from_geojson({"type": "LineString", "coordinates": positions}, kinds=LINES)


@pytest.mark.parametrize("shape", [None, shapely.Polygon(), shapely.Point(117, 35), shapely.Polygon(BOW_TIE)])
def test_a_shape_from_a_file_is_checked_alike(shape: shapely.Geometry) -> None:
    with pytest.raises(ShapeError):
        check_shape(shape)


def test_validity_is_told_with_its_place() -> None:
    assert find_invalidity(shapely.Polygon(SQUARE)) is None
    invalidity = find_invalidity(shapely.Polygon(BOW_TIE))
    assert invalidity is not None
    assert invalidity.at == pytest.approx((117.05, 35.05))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(kind=st.sampled_from(sorted(ANY_KIND)), coordinates=json_values)
@settings(max_examples=200, deadline=None)
def test_any_json_is_read_or_refused_but_never_breaks(kind: str, coordinates: object) -> None:
    try:
        assert shape_from_geojson({"type": kind, "coordinates": coordinates}, kinds=ANY_KIND).is_valid
    except GeometryError as error:
        assert error.detail
