"""Defects of coverages: each type on the smallest district that shows it, brute force, and real files."""

import time
from collections import Counter
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import scale, translate

from gismap.geometry.coverage import defects_of, find_defects
from gismap.geometry.covering import Coverage, Terms
from gismap.geometry.datums import parse_frame
from gismap.geometry.defects import NOISE_M2, Defect, DefectType, Remedy
from gismap.geometry.ground import ground_of, measure
from tests.districts import REAL_DATA
from tests.geometry.lattices import lattice

A = shapely.box(117.00, 35.40, 117.01, 35.41)
B = shapely.box(117.01, 35.40, 117.02, 35.41)
BOTH = shapely.box(117.00, 35.40, 117.02, 35.41)
HOLES = {DefectType.GAP, DefectType.ENCLAVE}
BOW_TIE = shapely.Polygon([(117.02, 35.40), (117.03, 35.41), (117.03, 35.40), (117.02, 35.41)])


def only(defects: list[Defect]) -> Defect:
    assert len(defects) == 1, [defect.as_dict() for defect in defects]
    return defects[0]


def test_an_exact_coverage_has_no_defects() -> None:
    units = lattice(8, 6)
    ids = [f"u{i}" for i in range(len(units))]
    assert find_defects(ids, units) == []
    assert find_defects(ids, units, outline=shapely.coverage_union_all(units)) == []
    assert find_defects([], []) == []


def test_a_missing_unit_is_a_gap_that_names_its_neighbours() -> None:
    units = lattice(3, 3)
    ids = [f"u{i}" for i in range(9)]
    (area,), (perimeter,) = measure(np.array([units[4]]))
    gap = only(find_defects(ids[:4] + ids[5:], units[:4] + units[5:]))
    assert gap.type is DefectType.GAP
    assert gap.remedy is Remedy.FILL
    assert gap.units == ("u0", "u1", "u2", "u3", "u5", "u6", "u7", "u8")
    assert gap.area_m2 == pytest.approx(area)
    assert gap.width_m == pytest.approx(2 * area / perimeter)
    assert gap.at is not None
    assert units[4].contains(shapely.Point(gap.at))


def test_a_wide_hole_that_the_outline_has_too_is_no_defect() -> None:
    units = lattice(3, 3)
    del units[4]
    ids = [f"u{i}" for i in range(8)]
    assert find_defects(ids, units, outline=shapely.coverage_union_all(units)) == []


def test_an_island_in_a_hole_is_no_part_of_the_gap() -> None:
    units = lattice(5, 5)
    ring = [unit for i, unit in enumerate(units) if i // 5 in (0, 4) or i % 5 in (0, 4)]
    gap = only(find_defects([str(i) for i in range(len(ring) + 1)], [*ring, units[12]]))
    (hole, island), _ = measure(
        np.array([shapely.union_all(np.array(units)[[6, 7, 8, 11, 12, 13, 16, 17, 18]]), units[12]])
    )
    assert gap.area_m2 == pytest.approx(hole - island)


def test_an_overlap_is_measured_in_metres_and_located() -> None:
    wider = shapely.box(117.0099, 35.40, 117.02, 35.41)
    overlap = only(find_defects(["a", "b"], [A, wider]))
    assert (overlap.type, overlap.units) == (DefectType.OVERLAP, ("a", "b"))
    assert overlap.area_m2 == pytest.approx(9.08 * 1110, rel=0.01)
    assert overlap.width_m == pytest.approx(9.08, rel=0.02)
    assert overlap.length_m == pytest.approx(1110, rel=0.02)
    assert overlap.at is not None
    assert shapely.box(117.0099, 35.40, 117.01, 35.41).contains(shapely.Point(overlap.at))


def test_one_pair_is_one_defect_however_many_pieces_overlap() -> None:
    comb = shapely.union_all([B, *(shapely.box(117.009, y, 117.011, y + 0.001) for y in (35.401, 35.405))])
    assert only(find_defects(["a", "b"], [A, comb])).type is DefectType.OVERLAP


def test_a_duplicate_and_a_contained_unit_are_told_apart_from_an_overlap() -> None:
    assert only(find_defects(["a", "again"], [A, A])).type is DefectType.DUPLICATE
    contained = only(find_defects(["outer", "inner"], [A, scale(A, 0.5, 0.5)]))
    assert (contained.type, contained.units) == (DefectType.CONTAINED, ("inner", "outer"))


def test_an_invalid_unit_is_located_and_hides_nothing_else() -> None:
    defects = find_defects(["a", "bow", "again"], [A, BOW_TIE, A])
    assert [(defect.type, defect.units) for defect in defects] == [
        (DefectType.INVALID, ("bow",)),
        (DefectType.DUPLICATE, ("a", "again")),
    ]
    assert defects[0].at == pytest.approx((117.025, 35.405))
    assert defects[0].reason == "crosses itself"


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(117, 35),
        shapely.transform(A, lambda xy: xy * np.inf),
        shapely.LineString([(117, 35), (118, 36)]),
    ],
)
def test_what_is_no_polygon_is_invalid(shape: shapely.Geometry) -> None:
    assert only(find_defects(["a", "bad"], [A, shape])).type is DefectType.INVALID


def test_units_without_land_are_empty() -> None:
    defects = find_defects(["a", "none", "nothing"], [A, None, shapely.Polygon()])
    assert [(defect.type, defect.units) for defect in defects] == [
        (DefectType.EMPTY, ("none",)),
        (DefectType.EMPTY, ("nothing",)),
    ]


def test_what_lies_beyond_the_outline_or_is_left_of_it_is_told() -> None:
    shifted = translate(BOTH, 0.001, 0)
    outside, uncovered = find_defects(["a", "b"], [A, B], outline=shifted)
    assert (outside.type, outside.units, outside.remedy) == (DefectType.OUTSIDE, ("a",), Remedy.TRIM)
    assert (uncovered.type, uncovered.units, uncovered.remedy) == (DefectType.UNCOVERED, ("b",), Remedy.EXTEND)
    assert outside.area_m2 == pytest.approx(90.8 * 1110, rel=0.01)


def test_a_corner_left_out_is_found_only_with_an_outline() -> None:
    units = lattice(3, 3)
    ids = [str(i) for i in range(8)]
    assert find_defects(ids, units[:8]) == []
    assert only(find_defects(ids, units[:8], outline=shapely.coverage_union_all(units))).type is DefectType.UNCOVERED


def test_a_vertex_on_a_neighbours_straight_border_is_no_defect() -> None:
    lower, upper = shapely.box(117.01, 35.40, 117.02, 35.405), shapely.box(117.01, 35.405, 117.02, 35.41)
    assert find_defects(["a", "lower", "upper"], [A, lower, upper], outline=BOTH) == []


def test_a_defect_is_written_with_the_documented_keys() -> None:
    written = only(find_defects(["a", "again"], [A, A])).as_dict()
    assert list(written) == ["type", "units", "area_m2", "width_m", "length_m", "at", "remedy"]
    assert written["type"] == "duplicate"


def brute_force(
    units: list[shapely.Polygon], outline: shapely.Geometry
) -> tuple[set[tuple[int, int]], dict[str, float]]:
    """Pairs that share land, and the areas that are not covered once, from plain overlays of everything."""
    shared = {(i, j): shapely.intersection(units[i], units[j]) for i, j in combinations(range(len(units)), 2)}
    pairs = {pair for pair, land in shared.items() if (measure(shapely.get_parts(land))[0] > NOISE_M2).any()}
    union = shapely.union_all(units)
    missing = shapely.get_parts(shapely.difference(outline, union))
    beyond = shapely.get_parts(shapely.difference(union, outline))
    return pairs, {"missing": float(measure(missing)[0].sum()), "beyond": float(measure(beyond)[0].sum())}


@given(columns=st.integers(2, 5), rows=st.integers(2, 5), faults=st.integers(0, 4), seed=st.integers(0, 2**32))
@settings(max_examples=120, deadline=None)
def test_the_defects_are_those_of_brute_force(columns: int, rows: int, faults: int, seed: int) -> None:
    rng = Random(seed)
    units = lattice(columns, rows, seed)
    outline = shapely.coverage_union_all(units)
    for _ in range(faults):
        where = rng.randrange(len(units))
        unit = units[where]
        match rng.choice(["drop", "copy", "shrunk copy", "move", "bend", "swallow", "grow"]):
            case "drop" if len(units) > 1:
                del units[where]
            case "copy":
                units.append(unit)
            case "shrunk copy":
                units.append(scale(unit, 0.6, 0.6))
            case "move":
                units[where] = translate(unit, rng.uniform(-2e-4, 2e-4), rng.uniform(-2e-4, 2e-4))
            case "bend":
                corners = shapely.get_coordinates(unit)[:-1]
                corners[rng.randrange(4)] += 10 ** rng.uniform(-8, -4)
                bent = shapely.Polygon(corners)
                units[where] = bent if bent.is_valid else unit
            case "swallow":
                units[where] = shapely.union_all([unit, rng.choice(units)])
            case _:
                units[where] = scale(unit, 1.2, 0.9)
    found = find_defects([str(i) for i in range(len(units))], units, outline)
    pairs, areas = brute_force(units, outline)
    whole = {DefectType.OVERLAP, DefectType.CONTAINED, DefectType.DUPLICATE}
    told = [d for d in found if d.type is not DefectType.STATUTORY_MISMATCH]
    assert {tuple(sorted(map(int, d.units))) for d in told if d.type in whole or d.overlap_m2} == pairs
    missing = sum(d.area_m2 for d in found if d.type in {*HOLES, DefectType.UNCOVERED})
    missing += sum(d.gap_m2 or 0 for d in found)
    beyond = sum(d.area_m2 for d in found if d.type is DefectType.OUTSIDE)
    beyond += sum(d.overlap_m2 or 0 for d in found if d.type is DefectType.STATUTORY_MISMATCH)
    assert (missing, beyond) == pytest.approx((areas["missing"], areas["beyond"]), rel=1e-5, abs=0.05)


def test_five_thousand_seamless_units_take_under_a_second_and_a_half_of_cpu() -> None:
    units = lattice(72, 70)
    started = time.process_time()
    assert find_defects([str(i) for i in range(len(units))], units) == []
    assert time.process_time() - started < 1.5


if REAL_DATA is not None:
    BOUNDARIES: Path = REAL_DATA / "boundaries"

    @pytest.mark.parametrize(
        ("name", "types", "pairs", "holes"),
        [
            ("kr_submunicipalities_2013", {"gap": 3, "multipart": 16}, 0, 3),
            ("denver_precincts2020_orig", {"sliver": 5, "gap": 3, "enclave": 6, "multipart": 1, "jitter": 14}, 6, 25),
            ("denver_precincts2020_repaired", {"gap": 3, "enclave": 7, "multipart": 2}, 0, 10),
            ("nyc_eds_2017", {"invalid": 2, "multipart": 61, "jitter": 1}, 0, 1),
            ("london_lsoa", {"invalid": 8, "multipart": 40, "jitter": 869}, 428, 637),
        ],
    )
    def test_real_layers_have_the_defects_that_are_known_of_them(
        name: str, types: dict[str, int], pairs: int, holes: int
    ) -> None:
        layer = pyogrio.read_dataframe(BOUNDARIES / f"{name}.gpkg", columns=[])
        shapes = np.array(layer.geometry.values, dtype=object)
        coverage = Coverage(
            [str(i) for i in range(len(shapes))],
            shapes,
            Terms(ground=ground_of(parse_frame(f"EPSG:{layer.crs.to_epsg()}"), shapes)),
        )
        found = defects_of(coverage)
        assert dict(Counter(defect.type.value for defect in found)) == types
        assert (len(coverage.overlaps), len(coverage.holes)) == (pairs, holes)
        if name.endswith("orig"):
            assert sum(defect.overlap_m2 or 0 for defect in found) == pytest.approx(12.968, abs=0.001)
        if name == "london_lsoa":
            assert sum(defect.overlap_m2 or 0 for defect in found) == pytest.approx(0.1, abs=0.02)
            assert sum(defect.gap_m2 or 0 for defect in found) == pytest.approx(0.1, abs=0.02)
