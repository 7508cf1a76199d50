"""The index of leaves against GEOS and against arithmetic without rounding, where shortcuts go wrong: on borders."""

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gismap.demo.land.making import make_land
from gismap.demo.land.sketch import read_sketch
from gismap.geometry import locator as locating
from gismap.geometry.errors import PositionError, ShapeError
from gismap.geometry.locator import Border, Locator
from tests.districts import REAL_DATA
from tests.geometry.lattices import lattice

Points = NDArray[np.float64]
Leaves = Sequence[shapely.Geometry]
small = settings(max_examples=60, deadline=None)


@pytest.fixture(params=["as it is", "a handful of cells"])
def cells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells as they are, and so few of them that dozens of leaves meet in each."""
    if request.param != "as it is":
        coarse(monkeypatch)


def coarse(monkeypatch: pytest.MonkeyPatch, cells: int = 6) -> None:
    for name in ("MIN_CELLS", "MAX_CELLS"):
        monkeypatch.setattr(locating, name, cells)


def coded(leaves: Leaves) -> list[str]:
    """Codes in another order than the leaves."""
    numbers = list(range(len(leaves)))
    Random(len(leaves)).shuffle(numbers)
    return [f"{number:06d}" for number in numbers]


def beside(points: Points) -> Points:
    """The points themselves, the next doubles around them, and points 1e-9 degrees away."""
    x, y = points.T
    moved = [points]
    for to in (-np.inf, np.inf):
        moved += [np.column_stack([np.nextafter(x, to), y]), np.column_stack([x, np.nextafter(y, to)])]
    for step in (-1e-9, 1e-9):
        moved += [points + np.array(move) * step for move in ((1, 0), (0, 1), (1, 1))]
    return np.vstack(moved)


def hard_points(locator: Locator, leaves: Leaves, limit: int = 2_000, seed: int = 0) -> Points:
    """Vertices, midpoints and other places on edges, cell corners, and what lies just beside them all."""
    rng = np.random.default_rng(seed)
    xy, leaf = shapely.get_coordinates(leaves, return_index=True)
    joined = np.flatnonzero(leaf[1:] == leaf[:-1])
    joined = rng.permutation(joined)[:limit]
    part = rng.uniform(size=(len(joined), 1))
    table = locator._table
    columns, rows = rng.integers(table.columns, size=limit // 4), rng.integers(table.rows, size=limit // 4)
    lines = table.west + columns / table.per_lon, table.south + rows / table.per_lat
    corners = table.corner_lon[columns], table.corner_lat[rows]
    on_edges = [xy[joined] * (1 - part) + xy[joined + 1] * part, (xy[joined] + xy[joined + 1]) / 2]
    aligned = np.column_stack([corners[0][: len(joined)], np.resize(xy[joined, 1], len(corners[0]))[: len(joined)]])
    return beside(
        np.vstack([xy[joined], *on_edges, np.column_stack(lines), np.column_stack(corners), aligned, _around(leaves)])
    )


def _around(leaves: Leaves) -> Points:
    west, south, east, north = shapely.total_bounds(leaves)
    return np.array([(x, y) for x in (west, (west + east) / 2, east) for y in (south, (south + north) / 2, north)])


def assert_like_geos(leaves: Leaves, limit: int = 2_000) -> None:
    codes = coded(leaves)
    locator = Locator(codes, leaves)
    points = hard_points(locator, leaves, limit)
    of_point, of_leaf = shapely.STRtree(leaves).query(shapely.points(points), predicate="intersects")
    expected = sorted(zip(of_point.tolist(), (codes[k] for k in of_leaf), strict=True))
    found_points, found_leaves = locator.pairs(points[:, 0], points[:, 1])
    found = list(zip(found_points.tolist(), (codes[k] for k in found_leaves), strict=True))
    assert found == expected
    first = dict(reversed(expected))
    owners = locator.owners(points[:, 0], points[:, 1]).tolist()
    assert [codes[k] if k >= 0 else None for k in owners] == [first.get(k) for k in range(len(points))]
    for k in range(0, len(points), 97):
        assert locator.owner(*points[k]) == owners[k]


def exact_owners(leaves: Leaves, x: float, y: float) -> list[int]:
    """Whose a point is by arithmetic without rounding, one edge after the other."""
    return [k for k, leaf in enumerate(leaves) if _holds(leaf, Fraction(x), Fraction(y))]


def _holds(leaf: shapely.Geometry, x: Fraction, y: Fraction) -> bool:
    inside = False
    for polygon in shapely.get_parts(leaf):
        for ring in (polygon.exterior, *polygon.interiors):
            corners = [(Fraction(a), Fraction(b)) for a, b in ring.coords]
            for (ax, ay), (bx, by) in pairwise(corners):
                side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
                if side == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
                    return True
                if (ay > y) != (by > y) and (side > 0) == (by > ay):
                    inside = not inside
    return inside


def assert_exact(leaves: Leaves, points: Points) -> None:
    locator = Locator([f"{k:03d}" for k in range(len(leaves))], leaves)
    for x, y in points:
        assert list(locator.owners_at(x, y)) == exact_owners(leaves, x, y), (x, y)


@pytest.mark.usefixtures("cells")
def test_every_point_of_a_lattice_has_the_owners_that_geos_finds() -> None:
    assert_like_geos(lattice(12, 12))


@pytest.mark.usefixtures("cells")
def test_gaps_holes_enclaves_parts_and_overlaps_are_answered_as_they_are() -> None:
    leaves = lattice(8, 8, seed=3)
    village = leaves[9].centroid.buffer(0.0007)
    leaves[9] = leaves[9].difference(village)  # an enclave in its hole
    leaves[20] = leaves[20].difference(leaves[20].centroid.buffer(0.0006))  # a hole that is a gap
    leaves[30] = shapely.union_all([leaves.pop(30), leaves.pop(50)])  # two parts
    leaves.append(village)
    leaves.append(shapely.box(117.002, 35.402, 117.009, 35.411))  # over several others
    leaves.append(shapely.box(117.002, 35.402, 117.009, 35.411))  # twice
    assert_like_geos(leaves)


def test_borders_along_the_lines_between_cells_decide_nothing() -> None:
    """A grid of squares in which cell lines, parallels, meridians and borders coincide."""
    squares = [shapely.box(x, y, x + 1, y + 1) for x in range(16) for y in range(16)]
    assert_like_geos(squares)
    assert_like_geos([shapely.box(x / 64, y / 64, (x + 1) / 64, (y + 1) / 64) for x in range(9) for y in range(9)])


@given(st.randoms(use_true_random=False), st.sampled_from([2, 6, 40, 3000]))
@small
def test_borders_through_the_very_corners_of_cells_are_exact(rng: Random, number: int) -> None:
    """Corners are where a cell's reference lies: vertices are put on them and edges led through them."""
    with pytest.MonkeyPatch.context() as patch:
        coarse(patch, number)
        frame = [shapely.box(116, 35, 116.5, 35.5)]
        table = Locator(["0"], frame)._table
        xs, ys = table.corner_lon[:-1].tolist() or [116.25], table.corner_lat[:-1].tolist() or [35.25]
        corners = [(rng.choice(xs), rng.choice(ys)) for _ in range(12)]
        leaves = frame + [
            triangle
            for _ in range(6)
            if (triangle := shapely.Polygon([rng.choice(corners) for _ in range(3)])).is_valid and triangle.area > 0
        ]
        points = beside(np.array(corners + [(rng.choice(xs), rng.uniform(35, 35.5)) for _ in range(4)]))
        assert_exact(leaves, points)


@given(st.randoms(use_true_random=False), st.sampled_from([1, 5, 16384]))
@small
def test_any_triangles_and_points_on_a_narrow_lattice_are_exact(rng: Random, number: int) -> None:
    """Where all numbers are of a few neighbouring doubles, nearly every point lies on or within rounding of a line."""
    base_x, base_y = rng.choice([(117.0, 35.4), (127.99999999999999, 31.999999999999996), (0.0, 0.0), (-0.1, 1e-9)])
    steps = rng.choice([(math.ulp(128.0), math.ulp(32.0)), (0.01, 0.01), (1e-9, 0.1)])

    def point() -> tuple[float, float]:
        return base_x + rng.randrange(-8, 9) * steps[0], base_y + rng.randrange(-8, 9) * steps[1]

    leaves: list[shapely.Geometry] = []
    for _ in range(200):
        triangle = shapely.Polygon([point() for _ in range(3)])
        if triangle.is_valid and not triangle.is_empty and len(leaves) < 12:
            leaves.append(triangle)
    with pytest.MonkeyPatch.context() as patch:
        coarse(patch, number)
        if leaves:
            assert_exact(leaves, np.array([point() for _ in range(60)]))


@given(st.randoms(use_true_random=False))
@small
def test_points_that_were_meant_for_a_border_are_told_from_it_without_rounding(rng: Random) -> None:
    ax, ay, bx, by = (rng.uniform(lo, lo + 0.01) for lo in (117.0, 35.0, 117.02, 35.0))
    north, south = (117.01, 35.1), (117.01, 34.9)
    leaves = [shapely.Polygon([(ax, ay), (bx, by), north]), shapely.Polygon([(ax, ay), south, (bx, by)])]
    parts = np.array([rng.uniform(0, 1) for _ in range(12)])
    assert_exact(leaves, beside(np.column_stack([ax + (bx - ax) * parts, ay + (by - ay) * parts])))


@pytest.mark.parametrize("name", ["zoucheng", "luodian"])
def test_the_demo_districts_are_answered_as_geos_does(name: str) -> None:
    units = make_land(read_sketch(name)).units
    assert_like_geos([unit.geom for unit in units if unit.geom is not None])


@pytest.mark.skipif(REAL_DATA is None, reason="real boundary files are not here")
@pytest.mark.parametrize("name", ["kr_submunicipalities_2013", "denver_precincts2020_orig", "london_lsoa"])
def test_real_boundaries_with_all_their_faults_are_answered_as_geos_does(name: str) -> None:
    import geopandas as gpd

    assert REAL_DATA is not None
    frame = gpd.read_file(REAL_DATA / "boundaries" / f"{name}.gpkg").to_crs(4326)
    assert_like_geos(list(frame.geometry[frame.geometry.is_valid]), limit=1_000)


def test_ties_go_to_the_lowest_code_and_leaves_without_a_code_come_last() -> None:
    squares = [shapely.box(x, y, x + 1, y + 1) for x in (0, 1) for y in (0, 1)]
    locator = Locator([None, "30", "4", None], squares)
    assert locator.owners_at(1, 1) == (1, 2, 0, 3)  # "30" < "4" as text
    assert locator.owner(1, 1) == 1
    assert locator.owner(1, 0) == 2
    assert locator.owners([1, 0.5, 1.5], [1, 1, 1]).tolist() == [1, 1, 2]


def test_nothing_is_answered_outside_for_no_number_and_without_leaves() -> None:
    locator = Locator(["a"], [shapely.box(116, 35, 117, 36)])
    strange = [math.nan, math.inf, -math.inf, 1e300, np.nextafter(116, 0), 5e-324]
    assert locator.owners(strange, [35.5] * 6).tolist() == [-1] * 6
    assert locator.owners([116.5] * 6, strange).tolist() == [-1] * 6
    assert locator.owners_at(math.nan, 35.5) == ()
    assert locator.nearest(math.nan, 35.5, 3) == []
    for empty in (Locator([], []), Locator(["a", "b"], [None, shapely.Polygon()])):
        assert (empty.owner(0, 0), empty.owners_at(0, 0), empty.border(0, 0)) == (-1, (), None)
        assert empty.nearest(0, 0, 3) == []
        assert empty.candidates(0, 0, 10) == []


def test_arrays_of_any_kind_are_read() -> None:
    locator = Locator(["a"], [shapely.box(0, 0, 2, 2)])
    frozen = np.array([1.0, 5.0, 1.0, 5.0])
    frozen.flags.writeable = False
    assert locator.owners(frozen, frozen).tolist() == [0, -1, 0, -1]
    assert locator.owners(frozen[::2], [1, 1]).tolist() == [0, 0]
    assert locator.owners(np.array([1, 3], dtype=np.int16), np.array([1, 1], dtype=np.float32)).tolist() == [0, -1]
    assert locator.owners([], []).tolist() == []
    with pytest.raises(PositionError, match="as many"):
        locator.owners([1, 2], [1])


def test_what_is_no_polygon_is_refused() -> None:
    with pytest.raises(ShapeError, match="polygon"):
        Locator(["a"], [shapely.Point(1, 1)])
    with pytest.raises(ShapeError, match="finite"), np.errstate(invalid="ignore"):
        Locator(["a"], [shapely.Polygon([(0, 0), (math.nan, 1), (1, 1)])])
    with pytest.raises(ShapeError, match="one code"):
        Locator(["a"], [])
    with pytest.raises(ShapeError, match="WKB"):
        Locator.from_wkb(["a"], [b"\x01\x03"])


def test_workers_that_build_it_from_the_same_rows_hold_the_same_index() -> None:
    leaves = lattice(9, 9)
    one, other = Locator(coded(leaves), leaves), Locator.from_wkb(coded(leaves), shapely.to_wkb(leaves).tolist())
    assert pickle.dumps(one._table) == pickle.dumps(other._table)
    sent = pickle.loads(pickle.dumps(one))
    points = hard_points(one, leaves, 200)
    assert sent.owners(*points.T).tolist() == one.owners(*points.T).tolist()
    assert 0 < one.nbytes < 10_000_000


def test_the_border_next_to_a_point_is_as_far_as_on_the_ground_and_names_who_is_beyond() -> None:
    west, east = shapely.box(117, 35, 117.01, 35.01), shapely.box(117.01, 35, 117.02, 35.01)
    locator = Locator(["w", "e"], [west, east])
    geod = pyproj.Geod(ellps="GRS80")
    border = locator.border(117.0099, 35.005)
    assert border is not None and border.beyond == 1
    assert border.distance_m == pytest.approx(geod.inv(117.0099, 35.005, 117.01, 35.005)[2], rel=1e-6)
    outer = locator.border(117.005, 35.0001)
    assert outer is not None and outer.beyond is None
    assert outer.distance_m == pytest.approx(geod.inv(117.005, 35.0001, 117.005, 35)[2], rel=1e-6)
    assert locator.border(117.01, 35.005) == Border(0.0, 0)  # the owner is "e", beyond is "w"
    outside = locator.border(117.03, 35.005)
    assert outside is not None and outside.beyond == 1
    assert outside.distance_m == pytest.approx(geod.inv(117.03, 35.005, 117.02, 35.005)[2], rel=1e-6)


@given(st.randoms(use_true_random=False), st.floats(116.9, 117.2), st.floats(35.3, 35.55), st.integers(1, 9))
@small
def test_the_nearest_leaves_are_those_that_measuring_all_of_them_finds(
    rng: Random, lon: float, lat: float, k: int
) -> None:
    leaves = lattice(7, 6, seed=rng.randrange(5))
    del leaves[rng.randrange(len(leaves))]
    locator = Locator(coded(leaves), leaves)
    geod = pyproj.Geod(ellps="GRS80")
    scaled = shapely.transform(np.array(leaves), lambda xy: (xy - [lon, lat]) * [math.cos(math.radians(lat)), 1])
    origin = shapely.Point(0, 0)
    expected = []
    for leaf in scaled:
        nearest = shapely.get_point(shapely.shortest_line(leaf, origin), 0)
        x, y = lon + nearest.x / math.cos(math.radians(lat)), lat + nearest.y
        expected.append(geod.inv(lon, lat, x, y)[2])
    found = locator.nearest(lon, lat, k)
    assert [metres for _, metres in found] == pytest.approx(sorted(expected)[:k], rel=2e-5, abs=1e-6)
    reach = sorted(expected)[k - 1] * 0.999
    assert all(metres <= reach for _, metres in locator.nearest(lon, lat, 42, within_m=reach))
    assert len(locator.nearest(lon, lat, 42, within_m=reach)) == sum(metres <= reach for metres in expected)


@given(st.randoms(use_true_random=False), st.floats(116.99, 117.04), st.floats(35.39, 35.43), st.floats(0.5, 2_000))
@small
def test_shares_of_an_error_disc_are_the_areas_that_it_covers(
    rng: Random, lon: float, lat: float, accuracy_m: float
) -> None:
    leaves = lattice(6, 6, seed=rng.randrange(5))
    leaves[7] = leaves[7].difference(leaves[7].centroid.buffer(0.0005))
    locator = Locator(coded(leaves), leaves)
    phi = math.radians(lat)
    squeezed = 1 - 0.00669438002290 * math.sin(phi) ** 2
    degree = math.radians(6378137.0)
    per_lon, per_lat = degree * math.cos(phi) / math.sqrt(squeezed), degree * (1 - 0.00669438002290) / squeezed**1.5
    flat = shapely.transform(np.array(leaves), lambda xy: (xy - [lon, lat]) * [per_lon, per_lat])
    disc = shapely.Point(0, 0).buffer(accuracy_m, quad_segs=1_500)
    expected = shapely.area(shapely.intersection(flat, disc)) / disc.area
    candidates = locator.candidates(lon, lat, accuracy_m)
    found = {one.leaf: one.share for one in candidates}
    assert [found.get(k, 0.0) for k in range(len(leaves))] == pytest.approx(expected.tolist(), abs=1e-6)
    assert sorted(found.values(), reverse=True) == pytest.approx(list(found.values()), abs=2e-9)
    metres = shapely.distance(flat, shapely.Point(0, 0))
    assert [one.distance_m for one in candidates] == pytest.approx([metres[one.leaf] for one in candidates], rel=1e-3)


def test_candidates_halve_on_a_border_and_bad_accuracies_are_refused() -> None:
    locator = Locator(["w", "e"], [shapely.box(117, 35, 117.01, 35.01), shapely.box(117.01, 35, 117.02, 35.01)])
    on_the_border = locator.candidates(117.01, 35.005, 10)
    assert [one.leaf for one in on_the_border] == [1, 0]  # equal shares: "e" comes before "w"
    assert [one.share for one in on_the_border] == pytest.approx([0.5, 0.5])
    assert [one.distance_m for one in on_the_border] == [0, 0]
    assert locator.candidates(117.005, 35.005, 10) == [(0, pytest.approx(1), 0)]  # type: ignore[comparison-overlap]
    assert sum(one.share for one in locator.candidates(117.0, 35.005, 10)) == pytest.approx(0.5)  # the rest is nobody's
    assert locator.candidates(118, 35.005, 10) == []
    for accuracy in (0, -1, math.nan, math.inf):
        with pytest.raises(PositionError, match="accuracy"):
            locator.candidates(117.01, 35.005, accuracy)


@given(st.randoms(use_true_random=False), st.floats(117, 117.03), st.floats(35.4, 35.43))
@small
def test_the_next_border_is_the_owners_even_under_overlaps(rng: Random, lon: float, lat: float) -> None:
    leaves = [*lattice(6, 6, seed=rng.randrange(5)), shapely.box(116.98, 35.38, 117.04, 35.44)]
    codes = [f"{k:03d}" for k in range(len(leaves), 0, -1)]  # what lies over all others owns every point
    locator = Locator(codes, leaves)
    border, owner = locator.border(lon, lat), locator.owner(lon, lat)
    assert border is not None
    phi = math.radians(lat)
    flat = shapely.transform(np.array(leaves), lambda xy: (xy - [lon, lat]) * [111_320 * math.cos(phi), 110_950])
    to_borders = shapely.distance(shapely.boundary(flat), shapely.Point(0, 0))
    assert border.distance_m == pytest.approx(to_borders[owner] if owner >= 0 else to_borders.min(), rel=3e-3, abs=1e-6)


def test_it_works_where_nothing_compiled_can_be_remembered(tmp_path: Path) -> None:
    """Compiling all anew takes long, so one small module stands for the others."""
    module = tmp_path / "adding.py"
    module.write_text(
        "from numba import types\nfrom gismap.geometry.compiled import compiled\n"
        "@compiled(types.int64(types.int64))\ndef more(n):\n    return n + 1\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    script = "import numba.core.caching as c; c.CacheImpl._locator_classes = []; import adding; print(adding.more(41))"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "42\n", done.stderr
