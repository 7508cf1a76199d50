"""Mending: nothing is lost, split or given away in silence; the account is right; twice is once."""

from random import Random

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import scale

from gismap.geometry.defects import DefectType
from gismap.geometry.repair import Doubt, Repaired, Why, repair
from tests.geometry.test_injected_defects import PLANE, found_in, shifted_west, squares, voronoi


def mended(units: list[shapely.Geometry], gap_width_m: float = 1.0, *, accept: bool = False) -> Repaired:
    return repair([str(i) for i in range(len(units))], units, gap_width_m, ground=PLANE, accept=accept)


def assert_settled(result: Repaired, gap_width_m: float = 1.0) -> None:
    """Mending again changes nothing."""
    again = mended(list(result.shapes), gap_width_m)
    assert (again.moved_m2, again.changed) == (0, [])
    assert all(a is b or a.equals_exact(b, 0) for a, b in zip(result.shapes, again.shapes, strict=True))


def test_a_clean_layer_comes_back_as_it_was() -> None:
    units = squares(3, 3)
    result = mended(units)
    assert (result.moves, result.changed, result.held, result.left) == ([], [], [], [])
    assert all(a is b for a, b in zip(units, result.shapes, strict=True))


def test_an_overlap_goes_to_one_and_a_gap_to_a_neighbour_with_an_account_of_both() -> None:
    units = squares(3, 3)
    west, south, east, north = units[4].bounds
    units[4] = shapely.box(west - 0.5, south, east - 0.7, north)
    result = mended(units)
    moves = {(move.source, move.target, move.why): move.area_m2 for move in result.moves}
    assert {why for *_, why in moves} == {Why.OVERLAP, Why.GAP}
    assert result.moved_m2 == pytest.approx(0.5 * 400 + 0.7 * 400)
    assert (result.lost, result.held, result.left) == ([], [], [])
    assert found_in(list(result.shapes)) == []
    assert_settled(result)


def test_wide_holes_are_left_and_listed() -> None:
    units = squares(3, 3)
    units[4] = shifted_west(units[4], -3)
    result = mended(units)
    assert [defect.type for defect in result.left] == [DefectType.GAP]
    assert result.moves == []
    filled = mended(units, 3.0)
    assert (filled.left, filled.moved_m2) == ([], pytest.approx(1200))


def test_a_unit_that_would_change_by_more_than_a_hundredth_waits_for_a_person() -> None:
    units = squares(3, 3)
    units[4] = shifted_west(units[4], 40)
    result = mended(units)
    assert [(held.doubt, held.before_m2) for held in result.held] == [(Doubt.MOVED, pytest.approx(400 * 400, rel=0.11))]
    assert all(a.equals_exact(b, 0) for a, b in zip(units, result.shapes, strict=True))
    assert [defect.type for defect in result.left] == [DefectType.OVERLAP]
    assert_settled(result)
    accepted = mended(units, accept=True)
    assert (accepted.left, accepted.moved_m2) == ([], pytest.approx(40 * 400))
    assert [held.doubt for held in accepted.held] == [Doubt.MOVED]


def test_the_rest_is_mended_around_a_unit_that_waits() -> None:
    units = squares(4, 4)
    units[5] = shifted_west(units[5], 40)
    units[15] = shifted_west(units[15], 0.3)
    result = mended(units)
    assert [held.doubt for held in result.held] == [Doubt.MOVED]
    assert [defect.type for defect in result.left] == [DefectType.OVERLAP]
    assert result.moved_m2 == pytest.approx(0.3 * 400)


def test_a_unit_inside_another_is_not_lost_and_a_duplicate_only_when_accepted() -> None:
    units = squares(2, 1)
    inner = scale(units[0], 0.05, 0.05)
    result = mended([*units, inner])
    assert (result.lost, result.held, result.left) == ([], [], [])
    assert result.shapes[2].equals(inner)
    assert result.shapes[0].area == pytest.approx(400 * 400 - 20 * 20)
    doubled = mended([*units, units[0]])
    assert doubled.lost == []
    assert [defect.type for defect in doubled.left] == [DefectType.DUPLICATE]
    assert len(mended([*units, units[0]], accept=True).lost) == 1


def test_a_bow_tie_waits_and_a_ring_that_only_touches_itself_does_not() -> None:
    x, y = squares(1, 1)[0].bounds[:2]
    bow = shapely.Polygon([(x, y), (x + 90, y + 90), (x + 90, y), (x, y + 90)])
    result = mended([bow, *squares(3, 1)[1:]])
    assert [held.doubt for held in result.held] == [Doubt.SHAPE]
    assert result.shapes[0] is bow
    touching = shapely.Polygon(
        [(x, y), (x + 90, y), (x + 90, y + 90), (x + 45, y), (x, y + 90)]
    )  # the ring comes back to its own southern side
    assert not touching.is_valid
    fixed = mended([touching, *squares(3, 1)[1:]])
    assert fixed.held == []
    assert fixed.shapes[0].is_valid
    assert fixed.shapes[0].area == pytest.approx(touching.area)


def test_the_ledger_is_as_documented() -> None:
    units = squares(2, 1)
    units[1] = shifted_west(units[1], 0.2)
    ledger = mended(units).as_dict()
    assert list(ledger) == ["moved_m2", "lost", "changed", "moves", "decisions"]
    assert (
        ledger["moves"] == [{"from": "0", "to": "1", "area_m2": pytest.approx(80), "why": "overlap", "pieces": 1}]
        or ledger["moves"][0]["from"] == "1"
    )
    assert set(ledger["changed"][0]) == {"unit", "before_m2", "after_m2"}


@given(count=st.integers(20, 60), seed=st.integers(0, 2**31), reach=st.sampled_from([1e-4, 0.005, 0.05, 0.4]))
@settings(max_examples=20, deadline=None)
def test_shaken_layers_are_mended_without_losing_or_splitting_anything(count: int, seed: int, reach: float) -> None:
    rng = np.random.default_rng(seed)
    clean = [unit for unit in voronoi(count, seed) if unit.area > 5_000]

    def shaken(ring: np.ndarray) -> np.ndarray:
        corners = ring[:-1] + rng.uniform(-reach, reach, ring[:-1].shape)
        return np.vstack([corners, corners[:1]])

    units = [shapely.transform(unit, shaken) for unit in clean]
    result = mended(units)
    assert result.lost == []
    after = list(result.shapes)
    for before, now in zip(units, after, strict=True):
        assert shapely.get_num_geometries(now) == shapely.get_num_geometries(before)
        assert shapely.symmetric_difference(before, now).area <= 0.0101 * before.area
    free = [unit for index, unit in enumerate(after) if str(index) not in {held.unit for held in result.held}]
    assert shapely.coverage_is_valid(free)
    if reach > 0.001:  # below, the pieces are as fine as what is left out of the account
        gains = sum(change.after_m2 - change.before_m2 for change in result.changed)
        told = sum(move.area_m2 for move in result.moves if move.source is None)
        told -= sum(move.area_m2 for move in result.moves if move.target is None)
        given_up = sum(move.area_m2 for move in result.moves if move.why is Why.OVERLAP)
        assert gains == pytest.approx(told - given_up, abs=0.2 + 0.001 * result.moved_m2)
    assert_settled(result)


def test_what_is_no_area_stays_where_it_is() -> None:
    odd = [shapely.Point(0, 0), None, shapely.Polygon(), *squares(2, 1)]
    result = mended(odd)
    assert [a is b for a, b in zip(odd, result.shapes, strict=True)] == [True] * 5


def test_random_swallowing_never_loses_a_unit_in_silence() -> None:
    for seed in range(20):
        rng = Random(seed)
        units: list[shapely.Geometry] = voronoi(25, seed)
        for _ in range(3):
            one, other = rng.sample(range(len(units)), 2)
            units[one] = shapely.union_all([units[one], units[other].buffer(rng.choice([0.0, -20.0, 0.2]))])
        result = mended(units)
        assert result.lost == []
        assert not any(shape.is_empty for shape in result.shapes)
