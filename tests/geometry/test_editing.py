"""Edits of grids: whatever is cut, joined or moved, the land stays covered once and neighbours share their vertices."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon

from gismap.geometry.coverage import find_defects
from gismap.geometry.editing import join, reshape, split, with_nodes, with_vertex_moved
from gismap.geometry.errors import ShapeError
from tests.districts import SOUTH, STEP, WEST, cell


def land(column: int, row: int) -> MultiPolygon:
    return MultiPolygon([cell(column, row)])


def line(*points: tuple[float, float]) -> LineString:
    """A line in units of cells from the county's corner."""
    return LineString([(WEST + STEP * x, SOUTH + STEP * y) for x, y in points])


def are_seamless(*lands: MultiPolygon) -> bool:
    """Exactly: also every vertex is shared."""
    return bool(shapely.coverage_is_valid(np.array(lands, dtype=object))) and not find_defects(
        [str(i) for i in range(len(lands))], list(lands)
    )


def test_a_grid_is_cut_in_two_whose_neighbours_get_the_new_vertices() -> None:
    cut = split(land(0, 0), line((0.3, -0.5), (0.35, 1.5)))
    above = with_nodes(land(0, 1), cut.nodes)
    assert len(cut.parts) == 2 and len(cut.nodes) == 2
    assert cut.parts[0].area > cut.parts[1].area
    assert above is not land(0, 1) and are_seamless(*cut.parts, above)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(-0.2, 1.2), st.lists(st.floats(0.1, 0.9), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_line_across_leaves_everything_covered_once(
    start: float, end: float, bend: float, more: list[float]
) -> None:
    points = [(start, -0.1), *((min(max(bend, 0.02), 0.98), y) for y in sorted(more)), (end, 1.1)]
    cut = split(land(0, 0), line(*points))
    around = [with_nodes(each, cut.nodes) for each in (land(0, 1), land(1, 0), land(1, 1))]
    assert are_seamless(*cut.parts, *around)


@pytest.mark.parametrize(
    "points",
    [
        ((0.2, 0.2), (0.8, 0.8)),  # stays inside
        ((0.5, -0.5), (0.5, 0.5)),  # enters, and does not leave
        ((2.5, 0), (2.5, 1)),  # elsewhere
        ((0, 0), (0, 1)),  # along the border
    ],
)
def test_a_line_that_cuts_nothing_off_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ShapeError, match="does not cut"):
        split(land(0, 0), line(*points))


def test_a_line_from_corner_to_corner_needs_no_new_vertex() -> None:
    assert split(land(0, 0), line((0, 0), (1, 1))).nodes == []


def test_a_line_that_ends_a_few_millimetres_short_is_meant_to_reach_the_border() -> None:
    assert len(split(land(0, 0), line((0.5, 1e-6), (0.5, 1 - 1e-6))).parts) == 2


def test_joined_grids_keep_the_vertices_that_others_touch() -> None:
    cut = split(land(0, 0), line((0.5, 0), (0.5, 1)))
    above = with_nodes(land(0, 1), cut.nodes)
    assert are_seamless(join(cut.parts), above)


def test_a_shared_border_moves_on_both_sides_and_third_grids_get_its_end() -> None:
    moved = reshape(land(0, 0), land(1, 0), line((0.8, 0), (1.2, 0.5), (0.9, 1)))
    above = [with_nodes(each, moved.nodes) for each in (land(0, 1), land(1, 1))]
    assert are_seamless(*moved.parts, *above)
    assert moved.parts[0].area + moved.parts[1].area == pytest.approx(2 * cell(0, 0).area, rel=1e-12)
    assert moved.parts[0].contains(shapely.Point(WEST + STEP * 1.05, SOUTH + STEP * 0.5))


def test_a_border_may_go_far_into_the_other() -> None:
    first, second = reshape(land(0, 0), land(1, 0), line((1.9, 0), (1.9, 1))).parts
    assert first.area / second.area == pytest.approx(19, rel=1e-6)


def test_grids_that_share_no_border_have_none_to_move() -> None:
    with pytest.raises(ShapeError, match="share no border"):
        reshape(land(0, 0), land(1, 1), line((0, 1), (2, 1)))


def test_a_vertex_moves_for_all_who_have_it() -> None:
    at, to = (WEST + STEP, SOUTH + STEP), (WEST + STEP * 1.2, SOUTH + STEP * 1.1)
    moved = [with_vertex_moved(land(c, r), at, to) for c in range(2) for r in range(2)]
    assert are_seamless(*moved) and all(to in each.geoms[0].exterior.coords for each in moved)
    untouched = land(2, 2)
    assert with_vertex_moved(untouched, at, to) is untouched
    with pytest.raises(ShapeError, match="cross itself"):
        with_vertex_moved(land(0, 0), at, (WEST - STEP, SOUTH + STEP / 2))
