"""Degrees measured in metres, and the plane to work in."""

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gismap.geometry.ground import GroundPlane, measure, plane_of
from tests.geometry.lattices import lattice

GEOD = pyproj.Geod(ellps="GRS80")
small = settings(max_examples=60, deadline=None)


@given(lon=st.floats(-179, 179), lat=st.floats(-60, 60), size=st.floats(1e-3, 0.5))
@small
def test_areas_and_perimeters_are_those_on_the_ellipsoid(lon: float, lat: float, size: float) -> None:
    square = shapely.segmentize(shapely.box(lon, lat, lon + size, lat + size), size / 20)
    triangle = shapely.segmentize(shapely.Polygon([(lon, lat), (lon + size, lat), (lon, lat + size)]), size / 20)
    for shape, area, perimeter in zip([square, triangle], *measure(np.array([square, triangle])), strict=True):
        expected = GEOD.geometry_area_perimeter(shape)
        assert area == pytest.approx(expected[0], rel=2e-5, abs=1e-3)
        assert perimeter == pytest.approx(expected[1], rel=1e-3)


def test_nothing_has_no_area_and_many_are_measured_at_once() -> None:
    areas, perimeters = measure(np.array([shapely.Polygon(), shapely.box(117, 35, 117.01, 35.01), None], dtype=object))
    assert areas[0] == perimeters[0] == 0
    assert areas[1] == pytest.approx(1_012_695, rel=1e-6)
    assert np.isnan(areas[2])


def test_a_straight_border_has_no_area_however_many_vertices_the_neighbour_has() -> None:
    ends = np.array([[117.0012, 35.4003], [117.0047, 35.4031]])
    inner = ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, 7)[1:-1, None]
    (area,), _ = measure(np.array([shapely.Polygon([ends[0], *inner, ends[1]])]))
    assert area < 1e-6


@given(lon=st.floats(-179, 179), lat=st.floats(-60, 60))
@small
def test_the_plane_measures_metres_and_leads_back(lon: float, lat: float) -> None:
    line = np.array([shapely.LineString([(lon, lat), (lon + 0.01, lat + 0.01)])])
    plane = GroundPlane(lon)
    there = plane.to_metres(line)
    _, _, distance = GEOD.inv(lon, lat, lon + 0.01, lat + 0.01)
    assert there[0].length == pytest.approx(distance, rel=1e-6)
    assert shapely.get_coordinates(plane.to_degrees(there)) == pytest.approx(shapely.get_coordinates(line), abs=1e-12)


def test_a_seamless_coverage_stays_seamless_in_the_plane_through_its_middle() -> None:
    units = np.array(lattice(6, 6))
    plane = plane_of(units)
    assert plane.lon == pytest.approx(117.012, abs=0.002)
    assert shapely.coverage_is_valid(plane.to_metres(units))
