"""Defects put into a clean coverage are all that is reported, each as what it is; plain overlays as second opinion."""

from random import Random

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import scale

from gismap.geometry.coverage import find_defects
from gismap.geometry.covering import Coverage, Terms
from gismap.geometry.datums import parse_frame
from gismap.geometry.defects import Defect, DefectType
from gismap.geometry.ground import Ground, ground_of
from tests.geometry.lattices import lattice

PLANE = Ground(parse_frame("EPSG:4527"))
SQUARE = 400.0
X0, Y0 = 39_500_000.0, 3_900_000.0


def squares(columns: int, rows: int) -> list[shapely.Polygon]:
    """Squares of 400 m in a Gauss-Krüger plane, from south-west on, row by row."""
    return [
        shapely.box(X0 + i * SQUARE, Y0 + j * SQUARE, X0 + (i + 1) * SQUARE, Y0 + (j + 1) * SQUARE)
        for j in range(rows)
        for i in range(columns)
    ]


def voronoi(count: int, seed: int) -> list[shapely.Polygon]:
    """Cells around random points in a Gauss-Krüger plane that cover a box exactly once."""
    rng = np.random.default_rng(seed)
    box = shapely.box(X0, Y0, X0 + 4000, Y0 + 4000)
    points = shapely.multipoints(rng.uniform([X0, Y0], [X0 + 4000, Y0 + 4000], (count, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=box))
    return list(shapely.coverage_clean([cell for cell in shapely.intersection(cells, box) if cell.area > 1]))


def found_in(units: list[shapely.Geometry], **terms: object) -> list[Defect]:
    return find_defects([str(i) for i in range(len(units))], units, terms=Terms(ground=PLANE, **terms))


def types_of(defects: list[Defect]) -> list[str]:
    return sorted(defect.type.value for defect in defects)


def only(defects: list[Defect]) -> Defect:
    assert len(defects) == 1, [defect.as_dict() for defect in defects]
    return defects[0]


def shifted_west(unit: shapely.Polygon, metres: float) -> shapely.Polygon:
    """The square with its western side moved."""
    west, south, east, north = unit.bounds
    return shapely.box(west - metres, south, east, north)


def test_a_border_doubled_by_millimetres_is_one_line_of_jitter() -> None:
    units = squares(3, 3)
    units[4] = shifted_west(units[4], 0.004)
    jitter = only(found_in(units))
    assert (jitter.type, jitter.units) == (DefectType.JITTER, ("3", "4"))
    assert (jitter.overlap_m2, jitter.gap_m2) == (pytest.approx(1.6, rel=0.001), 0)
    assert jitter.width_m == pytest.approx(0.004, rel=0.01)
    assert jitter.length_m == pytest.approx(400, rel=0.001)


def test_a_border_that_zigzags_by_millimetres_is_still_one_line() -> None:
    west = squares(1, 1)[0]
    middle = X0 + SQUARE
    wavy = [(middle + 0.003 * (-1) ** k, Y0 + k * 20.0) for k in range(1, 20)]
    north, far = Y0 + SQUARE, middle + SQUARE
    east = shapely.Polygon([(middle, Y0), *wavy, (middle, north), (far, north), (far, Y0)])
    jitter = only(found_in([west, east]))
    assert (jitter.type, jitter.units) == (DefectType.JITTER, ("0", "1"))
    assert jitter.overlap_m2 and jitter.gap_m2 and jitter.pieces > 10


def test_a_long_narrow_overlap_or_hole_is_a_sliver() -> None:
    units = squares(3, 3)
    units[4] = shifted_west(units[4], 0.5)
    sliver = only(found_in(units))
    assert (sliver.type, sliver.overlap_m2) == (DefectType.SLIVER, pytest.approx(200))
    units[4] = shifted_west(squares(3, 3)[4], -0.5)
    sliver = only(found_in(units))
    assert (sliver.type, sliver.gap_m2, sliver.units) == (
        DefectType.SLIVER,
        pytest.approx(200),
        ("0", "1", "3", "4", "6", "7"),
    )


def test_a_hole_inside_one_unit_is_an_enclave_and_so_is_one_wider_than_was_asked_for() -> None:
    units: list[shapely.Geometry] = list(squares(3, 3))
    pond = scale(units[4], 0.25, 0.25)
    units[4] = shapely.difference(units[4], pond)
    enclave = only(found_in(units))
    assert (enclave.type, enclave.units, enclave.area_m2) == (DefectType.ENCLAVE, ("4",), pytest.approx(10_000))
    missing = squares(3, 3)[:4] + squares(3, 3)[5:]
    assert only(found_in(missing)).type is DefectType.GAP
    assert only(found_in(missing, gap_width_m=50)).type is DefectType.ENCLAVE
    assert found_in(units, allowed=[pond]) == []
    assert found_in(units, allowed=[pond.centroid]) == []
    half = shapely.box(*pond.bounds[:2], pond.centroid.x, pond.bounds[3])
    assert only(found_in(units, allowed=[half])).area_m2 == pytest.approx(5_000)


def test_an_open_channel_between_units_is_a_near_miss() -> None:
    units = squares(3, 1)
    units[1] = shifted_west(units[1], -0.4)
    assert found_in(units) == []
    miss = only(found_in(units, near_m=1.0))
    assert (miss.type, miss.units) == (DefectType.NEAR_MISS, ("0", "1"))
    assert miss.area_m2 == pytest.approx(160, rel=0.02)
    assert found_in(units, near_m=0.3) == []


def test_corners_at_the_edge_of_a_district_are_no_near_misses() -> None:
    assert found_in(voronoi(60, 3), near_m=1.0) == []


def test_a_unit_of_two_parts_is_told() -> None:
    units: list[shapely.Geometry] = list(squares(3, 1))
    both = shapely.multipolygons([units[0], scale(units[2], 0.5, 0.5)])
    parts = only(found_in([both, units[1]]))
    assert (parts.type, parts.units, parts.area_m2) == (DefectType.MULTIPART, ("0",), pytest.approx(40_000))


def test_a_district_whose_outline_is_off_by_millimetres_is_one_statutory_mismatch() -> None:
    units = squares(4, 4)
    outline = shapely.segmentize(shapely.union_all(units), 100)
    wavy = shapely.transform(outline, lambda xy: xy + 0.002 * np.sin(xy))
    mismatch = only(found_in(units, outlines={"county": wavy}))
    assert (mismatch.type, mismatch.units) == (DefectType.STATUTORY_MISMATCH, ("county",))


def test_a_unit_that_crosses_an_inner_outline_is_a_statutory_mismatch() -> None:
    units = squares(4, 1)
    towns = {"west": shapely.union_all(units[:2]), "east": shapely.union_all(units[2:])}
    assert found_in(units, outlines=towns) == []
    units[1] = shapely.box(*units[1].bounds[:2], units[1].bounds[2] + 30, units[1].bounds[3])
    units[2] = shifted_west(units[2], -30)
    mismatch = only(found_in(units, outlines=towns))
    assert (mismatch.units, mismatch.area_m2) == (("east", "1"), pytest.approx(30 * 400))


def test_a_plane_in_feet_and_a_web_map_are_measured_on_the_ground() -> None:
    feet = ground_of(parse_frame("EPSG:2263"), np.array([shapely.box(1e6, 2e5, 1.001e6, 2.01e5)]))
    assert feet.measure(np.array([shapely.box(0, 0, 1000, 1000)]))[0][0] == pytest.approx(304.8**2, rel=1e-4)
    web = shapely.box(13_000_000, 4_200_000, 13_000_100, 4_200_100)
    mercator = ground_of(parse_frame("EPSG:3857"), np.array([web]))
    assert mercator.measure(np.array([web]))[0][0] == pytest.approx(10_000 * np.cos(np.radians(35.25)) ** 2, rel=0.01)


def injected(units: list[shapely.Geometry], rng: Random) -> tuple[list[shapely.Geometry], list[str]]:
    """The units with a few defects that do not touch each other, and their types."""
    inner = [
        i
        for i, unit in enumerate(units)
        if shapely.box(X0 + 300, Y0 + 300, X0 + 3700, Y0 + 3700).contains(unit) and unit.area > 20_000
    ]
    rng.shuffle(inner)
    spoilt, wanted = list(units), []
    used = shapely.Polygon()
    for index in inner:
        if len(wanted) == 3 or used.intersects(units[index]):
            continue
        unit = units[index]
        used = shapely.union_all([used, unit.buffer(400)])
        kind = rng.choice(["duplicate", "enclave", "gap", "overlap", "contained", "multipart", "empty"])
        small = scale(unit, 0.3, 0.3, origin=unit.representative_point())
        small = small if unit.contains(small) else unit.representative_point().buffer(3)
        match kind:
            case "duplicate":
                spoilt.append(unit)
            case "enclave":
                spoilt[index] = shapely.difference(unit, small)
            case "gap":
                spoilt[index] = shapely.Point(X0 + 9000 + 300 * index, Y0).buffer(100)  # moved far away
            case "overlap":
                grown = unit.centroid.buffer(unit.length / 3).intersection(unit.buffer(15))
                spoilt[index] = shapely.union_all([unit, grown])
            case "contained":
                spoilt.append(small)
            case "multipart":
                spoilt[index] = shapely.multipolygons([unit, shapely.Point(X0 + 9000 + 300 * index, Y0).buffer(50)])
            case _:
                spoilt.append(shapely.Polygon())
        wanted.append(kind)
    return spoilt, wanted


@given(count=st.integers(30, 90), seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_what_was_put_in_is_what_is_reported(count: int, seed: int) -> None:
    clean = voronoi(count, seed)
    assert found_in(clean, near_m=0.5) == []
    spoilt, wanted = injected(clean, Random(seed))
    found = found_in(spoilt)
    assert sorted({"overlap" if t in {"sliver"} else t for t in types_of(found)}) == sorted(set(wanted))
    doubled = shapely.area(np.array(spoilt, dtype=object)).sum() - shapely.union_all(spoilt).area
    told = sum(d.area_m2 for d in found if d.type.value in {"overlap", "contained", "duplicate"})
    told += sum(d.overlap_m2 or 0 for d in found)
    assert told == pytest.approx(doubled, rel=1e-6, abs=0.01)
    holes = sum(shapely.Polygon(r).area for p in shapely.get_parts(shapely.union_all(spoilt)) for r in p.interiors)
    assert sum(d.area_m2 for d in found if d.type.value in {"gap", "enclave"}) == pytest.approx(holes, abs=0.01)


@given(columns=st.integers(3, 7), seed=st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_a_jittered_layer_reports_jitter_only_and_each_border_once(columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)

    def moved(ring: np.ndarray) -> np.ndarray:
        corners = ring[:-1] + rng.uniform(-2e-8, 2e-8, ring[:-1].shape)
        return np.vstack([corners, corners[:1]])

    units = [shapely.transform(unit, moved) for unit in lattice(columns, columns, seed)]
    found = find_defects([str(i) for i in range(len(units))], units)
    assert {defect.type for defect in found} <= {DefectType.JITTER}
    borders = [defect.units for defect in found]
    assert len(borders) == len(set(borders)) <= 2 * columns * (columns - 1) + 2 * (columns - 1) ** 2


@given(count=st.integers(60, 200), reach=st.floats(-4, 1), share=st.floats(0, 1), seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_partly_shaken_layers_have_exactly_the_holes_and_overlaps_of_plain_overlays(
    count: int, reach: float, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    def shaken(ring: np.ndarray) -> np.ndarray:
        corners = ring[:-1] + rng.uniform(-(10**reach), 10**reach, ring[:-1].shape)
        return np.vstack([corners, corners[:1]])

    units = []
    for unit in voronoi(count, seed):
        moved = shapely.transform(unit, shaken) if rng.random() < share else unit
        if rng.random() > 0.03 and moved.is_valid:
            units.append(moved)
    coverage = Coverage([str(i) for i in range(len(units))], units, Terms(ground=PLANE))
    near = [
        shapely.transform(unit, lambda xy: xy - [X0, Y0]) for unit in units
    ]  # where plain overlays have digits left
    union = shapely.union_all(near)
    holes = shapely.polygons([ring for part in shapely.get_parts(union) for ring in part.interiors] or [])
    islands = shapely.difference(holes, union) if len(holes) else holes
    assert shapely.area(coverage.holes).sum() == pytest.approx(shapely.area(islands).sum(), rel=1e-6, abs=0.01)
    assert coverage.area_m2 == pytest.approx(union.area, abs=0.05)
