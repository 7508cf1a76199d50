"""What lies in an area, against a second opinion: shapely for shapes in degrees, PROJ's geodesics for metres."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely import LineString, MultiPolygon, Polygon, affinity, box
from shapely.geometry import mapping

from tests.districts import COMMUNITIES, COUNTY, SOUTH, STEP, TOWN, WEST, cell
from tests.elements.conftest import Scattered, points

GEOD = Geod(ellps="GRS80")
TO_PLANE = Transformer.from_crs(
    "EPSG:4490", "+proj=tmerc +lon_0=117.01 +lat_0=35.41 +ellps=GRS80 +units=m", always_xy=True
)
"""Within 3 km of its middle this plane is true to a millimetre."""

lons = st.floats(WEST - STEP, WEST + 3 * STEP)
lats = st.floats(SOUTH - STEP, SOUTH + 3 * STEP)
spots = st.tuples(lons, lats)
some = settings(max_examples=25, deadline=None)


@st.composite
def stars(draw: st.DrawFn) -> Polygon:
    """A polygon around a spot, with a hole half the time."""
    lon, lat = draw(spots)
    radii = draw(st.lists(st.floats(STEP / 5, STEP * 2), min_size=3, max_size=12))
    angles = [2 * math.pi * i / len(radii) for i in range(len(radii))]
    ring = [(lon + r * math.cos(a), lat + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]
    star = Polygon(ring)
    if draw(st.booleans()):
        return Polygon(ring, [affinity.scale(star, 0.4, 0.4, origin=(lon, lat)).exterior.coords])
    return star


@given(first=spots, second=spots)
@some
def test_a_box_holds_what_shapely_says(scattered: Scattered, first: Any, second: Any) -> None:
    west, east = sorted((first[0], second[0]))
    south, north = sorted((first[1], second[1]))
    expected = scattered.where(shapely.intersects(box(west, south, east, north), points(scattered)))
    assert scattered.found(area={"bbox": [west, south, east, north]}) == expected
    asked = {"bbox": f"{west!r},{south!r},{east!r},{north!r}", "limit": 1000}
    assert {f["id"] for f in scattered.client.get("/api/resources", params=asked).json()["features"]} == expected


def test_a_box_on_the_borders_of_a_grid_holds_its_edges_and_vertices(scattered: Scattered) -> None:
    expected = scattered.where(shapely.intersects(cell(0, 0), points(scattered)))
    assert len(scattered.where(shapely.touches(cell(0, 0), points(scattered)))) == 8
    assert scattered.found(area={"bbox": list(cell(0, 0).bounds)}) == expected


@given(star=stars())
@some
def test_a_polygon_holds_what_shapely_says(scattered: Scattered, star: Polygon) -> None:
    expected = scattered.where(shapely.intersects(star, points(scattered)))
    assert scattered.found(area={"polygon": mapping(star)}) == expected


@given(first=stars(), second=stars())
@some
def test_a_multipolygon_holds_what_its_parts_hold(scattered: Scattered, first: Polygon, second: Polygon) -> None:
    apart = affinity.translate(second, first.bounds[2] - second.bounds[0] + STEP / 10)
    expected = scattered.where(shapely.intersects(MultiPolygon([first, apart]), points(scattered)))
    assert scattered.found(area={"polygon": mapping(MultiPolygon([first, apart]))}) == expected


@given(centre=spots, radius_m=st.floats(1, 3000))
@some
def test_a_circle_is_of_metres_on_the_ground(scattered: Scattered, centre: Any, radius_m: float) -> None:
    metres = metres_from(scattered, *centre)
    found = scattered.found(area={"circle": {"center": centre, "radius_m": radius_m}})
    assert scattered.where(metres < radius_m - 0.001) <= found <= scattered.where(metres < radius_m + 0.001)


def metres_from(scattered: Scattered, lon: float, lat: float) -> np.ndarray:
    n = len(scattered.ids)
    _, _, metres = GEOD.inv([lon] * n, [lat] * n, *scattered.lonlat.T)
    return np.asarray(metres)


@given(line=st.lists(spots, min_size=2, max_size=5, unique=True), half_width_m=st.floats(1, 800))
@some
def test_a_corridor_reaches_as_far_to_each_side_as_asked(scattered: Scattered, line: Any, half_width_m: float) -> None:
    metres = metres_from_line(scattered, LineString(line))
    found = scattered.found(area={"corridor": {"line": line, "half_width_m": half_width_m}})
    assert scattered.where(metres < half_width_m - 0.05) <= found <= scattered.where(metres < half_width_m + 0.05)


def metres_from_line(scattered: Scattered, line: shapely.Geometry) -> np.ndarray:
    def to_plane(degrees: np.ndarray) -> np.ndarray:
        return np.column_stack(TO_PLANE.transform(*degrees.T))

    plane = shapely.transform(line, to_plane)
    return np.asarray(shapely.distance(plane, shapely.points(to_plane(scattered.lonlat))))


def test_a_named_street_is_all_its_parts(scattered: Scattered) -> None:
    first = LineString([(WEST, SOUTH), (WEST + STEP, SOUTH + STEP / 2)])
    second = LineString([(WEST + STEP, SOUTH + STEP), (WEST + 2 * STEP, SOUTH + 2 * STEP)])
    metres = np.minimum(metres_from_line(scattered, first), metres_from_line(scattered, second))
    found = scattered.found(area={"corridor": {"street": "人民路", "half_width_m": 60}})
    assert found == scattered.where(metres < 60) and len(found) > 20


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        (COUNTY, [(0, 0), (0, 1), (1, 0), (1, 1)]),
        (TOWN, [(0, 0), (0, 1), (1, 0), (1, 1)]),
        (COMMUNITIES[1], [(1, 0), (1, 1)]),
        (COMMUNITIES[0] + "001", [(0, 0)]),
        (COMMUNITIES[1] + "002", [(1, 1)]),
    ],
)
def test_a_unit_of_any_level_holds_the_elements_of_its_grids(scattered: Scattered, key: str, cells: Any) -> None:
    order = [(0, 0), (0, 1), (1, 0), (1, 1)]  # by code: where grids meet the lowest owns
    inside = np.array([shapely.intersects(cell(*one), points(scattered)) for one in order])
    owner = np.where(inside.any(axis=0), inside.argmax(axis=0), -1)
    expected = scattered.where(np.isin(owner, [order.index(one) for one in cells]))
    assert scattered.found(area={"unit": key}) == expected
    asked = {"grid": key, "limit": 1000}
    assert {f["id"] for f in scattered.client.get("/api/resources", params=asked).json()["features"]} == expected


def test_unit_and_box_together_hold_what_both_hold(scattered: Scattered) -> None:
    bounds = (WEST + STEP / 2, SOUTH, WEST + STEP * 3 / 2, SOUTH + STEP)
    asked = {"unit": COMMUNITIES[0], "bbox": ",".join(map(repr, bounds)), "limit": 1000}
    found = {f["id"] for f in scattered.client.get("/api/resources", params=asked).json()["features"]}
    assert found == scattered.found(area={"unit": COMMUNITIES[0]}) & scattered.found(area={"bbox": list(bounds)})


@given(centre=spots, k=st.integers(1, 60), layer=st.sampled_from([None, "buildings", "supplies"]))
@some
def test_the_nearest_are_the_nearest_on_the_ground(scattered: Scattered, centre: Any, k: int, layer: Any) -> None:
    metres = metres_from(scattered, *centre)
    wanted = [i for i in np.argsort(metres) if layer in (None, scattered.rows[i]["layer"])][:k]
    asked = {"nearest": {"point": centre, "k": k}} | ({"filter": {"layers": [layer]}} if layer else {})
    answer = scattered.search(**asked)
    told = [feature["properties"]["distance_m"] for feature in answer["features"]]
    assert told == sorted(told) and answer["next"] is None
    assert told == pytest.approx([metres[i] for i in wanted], abs=0.051)
    exact = {feature["id"]: metres[list(scattered.ids).index(feature["id"])] for feature in answer["features"]}
    assert list(exact.values()) == pytest.approx([metres[i] for i in wanted], abs=0.001)


def test_the_nearest_in_an_area_are_of_that_area(scattered: Scattered) -> None:
    inside = scattered.found(area={"unit": COMMUNITIES[1]})
    metres = metres_from(scattered, WEST, SOUTH)
    wanted = [scattered.ids[i] for i in np.argsort(metres) if scattered.ids[i] in inside][:5]
    answer = scattered.search(area={"unit": COMMUNITIES[1]}, nearest={"point": [WEST, SOUTH], "k": 5})
    assert [feature["id"] for feature in answer["features"]] == wanted


@given(star=stars(), limit=st.integers(1, 5))
@some
def test_counts_are_of_the_whole_area_whatever_the_page(scattered: Scattered, star: Polygon, limit: int) -> None:
    inside = scattered.where(shapely.intersects(star, points(scattered)))
    expected: dict[str, Counter[str]] = {}
    for row in scattered.rows:
        if row["element_id"] in inside:
            expected.setdefault(row["layer"], Counter())[row["category"] or ""] += 1
    counts = scattered.search(area={"polygon": mapping(star)}, counts=True, limit=limit)["counts"]
    counts.pop("care_persons")
    assert counts == expected


def test_streets_and_grids_with_any_part_in_the_area_are_found_when_asked_for(scattered: Scattered) -> None:
    corner = {"bbox": [WEST - STEP, SOUTH + 1.9 * STEP, WEST + STEP / 10, SOUTH + 3 * STEP]}
    assert scattered.search(area=corner, filter={"layers": ["buildings"]}, counts=True)["counts"].keys() == {
        "buildings"
    }
    answer = scattered.search(area=corner, filter={"layers": ["streets", "grids"]}, counts=True)
    assert [feature["properties"]["name"] for feature in answer["features"]] == ["福安社区第2网格", "书院巷"]
    assert answer["counts"] == {"grids": {"general": 1}, "streets": {"lane": 1}}
    of_unit = scattered.search(area={"unit": COMMUNITIES[1]}, filter={"layers": ["grids"]})
    assert {feature["properties"]["code"] for feature in of_unit["features"]} == {
        COMMUNITIES[1] + "001",
        COMMUNITIES[1] + "002",
    }


def test_an_area_where_nothing_is_answers_an_empty_collection(scattered: Scattered) -> None:
    empty = scattered.search(area={"bbox": [WEST - 0.3, SOUTH - 0.3, WEST - 0.2, SOUTH - 0.2]}, counts=True)
    assert (empty["type"], empty["features"], empty["next"]) == ("FeatureCollection", [], None)
    assert set(empty["counts"]) <= {"care_persons"}
