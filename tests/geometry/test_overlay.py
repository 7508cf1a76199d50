"""Two divisions of the same land: what moved is land, not slivers, and the common refinement is seamless."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, box

from gismap.geometry.coverage import find_defects
from gismap.geometry.ground import measure
from gismap.geometry.overlay import NOBODY, holders, moved_land, refine

STEP = 0.01


def strip(*edges: float) -> dict[str, MultiPolygon]:
    """Grids side by side between these edges, in steps of about 0.9 km."""
    return {
        f"g{i}": MultiPolygon([box(117 + STEP * west, 35.4, 117 + STEP * east, 35.4 + STEP)])
        for i, (west, east) in enumerate(pairwise(edges))
    }


def test_land_that_moved_is_told_by_pair_with_its_area() -> None:
    (moved,) = moved_land(strip(0, 1, 2), strip(0, 1.2, 2))
    assert (moved.before, moved.after) == ("g1", "g0")
    assert moved.area_m2 == pytest.approx(0.2 * 907 * 1110, rel=0.01)


def test_a_border_that_is_drawn_anew_moves_nothing() -> None:
    assert moved_land(strip(0, 1, 2), strip(0, 1.0003, 2)) == []  # 0.3 m
    assert moved_land(strip(0, 1, 2), strip(0, 1, 2)) == []


def test_land_that_joins_or_leaves_the_district_has_nobody_on_one_side() -> None:
    moved = moved_land(strip(0, 1, 2), strip(0.5, 1, 2.5))
    assert {(one.before, one.after) for one in moved} == {("g0", None), (None, "g1")}


@given(
    st.lists(st.floats(0.05, 3.95), min_size=1, max_size=5, unique=True),
    st.lists(st.floats(0.05, 3.95), min_size=1, max_size=5, unique=True),
    st.floats(-30, 30),
)
@settings(max_examples=40, deadline=None)
def test_any_two_divisions_of_the_same_land_refine_into_one_that_covers_it_once(
    first: list[float], second: list[float], turn: float
) -> None:
    whole = box(117, 35.4, 117 + 4 * STEP, 35.4 + STEP)
    sides = [
        _cut(whole, [117 + STEP * at for at in sorted(cuts)], angle) for cuts, angle in ((first, 0.0), (second, turn))
    ]
    parts = refine(*sides, min_area_m2=500, min_width_m=5)
    geoms = [part.geom for part in parts]
    assert find_defects([str(i) for i in range(len(parts))], geoms) == []
    (area,), _ = measure(np.array([whole], dtype=object))
    assert sum(part.area_m2 for part in parts) == pytest.approx(area, rel=1e-6)
    if len(parts) > 1:
        assert min(part.area_m2 for part in parts) >= 499
    for part in parts:
        for side, index in zip(sides, (part.first, part.second), strict=True):
            assert index != NOBODY and shapely.intersects(side[index], part.geom)


def _cut(whole: shapely.Polygon, at: list[float], turn: float) -> list[shapely.Geometry]:
    """The land cut by lines through these longitudes, turned by an angle."""
    lines = [
        shapely.affinity.rotate(shapely.LineString([(lon, 35.3), (lon, 35.5)]), turn, origin=(lon, 35.405))
        for lon in at
    ]
    edges = shapely.union_all([whole.boundary, *(line.intersection(whole) for line in lines)])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    return [face for face in faces if whole.contains(face.representative_point())]


def test_small_parts_join_the_neighbour_with_the_longest_border_even_at_the_rim() -> None:
    """The second net's outer border is a metre off: no strip remains, and no land is lost."""
    second = {name: shapely.affinity.translate(geom, 1e-5, 0) for name, geom in strip(0, 1, 2).items()}
    parts = refine(list(strip(0, 1, 2).values()), list(second.values()), min_area_m2=500, min_width_m=10)
    assert [(part.first, part.second) for part in parts] == [(0, 0), (1, 1)]
    union = shapely.union_all([*strip(0, 1, 2).values(), *second.values()])
    assert shapely.symmetric_difference(shapely.union_all([part.geom for part in parts]), union).area < 1e-14


def test_a_point_where_shapes_meet_is_the_first_ones() -> None:
    shapes = np.array(list(strip(0, 1, 2).values()), dtype=object)
    at = holders(shapes, shapely.points([117.005, 117.01, 117.5], [35.405, 35.405, 35.405]))
    assert at.tolist() == [0, 0, NOBODY]
