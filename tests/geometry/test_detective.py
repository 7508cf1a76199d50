"""Telling frames: what fits a district, and what the detective concludes from pairs with noise and wrong matches."""

import math
from collections.abc import Callable

import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray

from gismap.geometry.datums import gcj02_to_bd09, wgs84_to_gcj02
from gismap.geometry.detective import Outcome, detect, fitting_frames, hypotheses
from gismap.geometry.errors import PositionError

ZOUCHENG = (116.73, 35.14, 117.46, 35.54)
Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def projected(epsg: int) -> Callable[..., Pair]:
    to: Callable[..., Pair] = pyproj.Transformer.from_crs(4490, epsg, always_xy=True).transform
    return to


def swapped(to: Callable[..., Pair]) -> Callable[..., Pair]:
    return lambda lon, lat: to(lon, lat)[::-1]


def known_places(number: int, seed: int = 0) -> Pair:
    rng = np.random.default_rng(seed)
    west, south, east, north = ZOUCHENG
    return rng.uniform(west, east, number), rng.uniform(south, north, number)


def reported(to: Callable[..., Pair], places: Pair, *, noise_m: float = 0.0, wrong: float = 0.0, seed: int = 1) -> Pair:
    """The places in another frame, each a little off, and a part of them matched with some other place."""
    rng = np.random.default_rng(seed)
    lon, lat = places
    lon = lon + rng.normal(0, noise_m, len(lon)) / 91_000
    lat = lat + rng.normal(0, noise_m, len(lat)) / 111_000
    mixed = np.arange(len(lon))
    bad = rng.permutation(len(lon))[: round(wrong * len(lon))]
    mixed[bad] = rng.permutation(len(lon))[: len(bad)]
    x, y = to(lon[mixed], lat[mixed])
    return np.asarray(x), np.asarray(y)


def bd09(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Pair:
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


FRAMES = [
    pytest.param(lambda lon, lat: (lon, lat), "wgs84", False, id="WGS 84"),
    pytest.param(wgs84_to_gcj02, "gcj02", False, id="GCJ-02"),
    pytest.param(bd09, "bd09", False, id="BD-09"),
    pytest.param(swapped(wgs84_to_gcj02), "gcj02", True, id="GCJ-02, latitude first"),
    pytest.param(projected(4527), "EPSG:4527", False, id="3° zone 39 with its prefix"),
    pytest.param(swapped(projected(4527)), "EPSG:4527", True, id="northing first"),
    pytest.param(projected(4548), "EPSG:4548", False, id="zone missing, 117°"),
    pytest.param(swapped(projected(4549)), "EPSG:4549", True, id="the next zone's meridian, northing first"),
    pytest.param(projected(4498), "EPSG:4498", False, id="6° zone 20 with its prefix"),
    pytest.param(projected(32650), "EPSG:32650", False, id="UTM"),
    pytest.param(projected(3857), "EPSG:3857", False, id="web Mercator"),
]


@pytest.mark.parametrize(("to", "name", "is_swapped"), FRAMES)
def test_the_detective_names_the_frame_in_spite_of_noise_and_wrong_matches(
    to: Callable[..., Pair], name: str, is_swapped: bool
) -> None:
    places = known_places(60)
    finding = detect(*reported(to, places, noise_m=40, wrong=0.4), *places)
    assert finding.outcome is Outcome.DECIDED
    assert finding.hypothesis is not None
    assert (finding.hypothesis.frame.name, finding.hypothesis.swapped) == (name, is_swapped)
    assert finding.evidence[0].quarter_m < 60
    assert finding.evidence[0].agreeing > 0.5


def test_five_clean_pairs_decide_and_the_residuals_of_the_others_say_why() -> None:
    places = known_places(5)
    finding = detect(*reported(wgs84_to_gcj02, places), *places)
    metres = {one.hypothesis.frame.name: one.median_m for one in finding.evidence if not one.hypothesis.swapped}
    assert finding.outcome is Outcome.DECIDED
    assert metres["gcj02"] < 1e-3
    assert 350 < metres["wgs84"] < 650  # as far as GCJ-02 lies from the truth there
    assert metres["bd09"] > 600


def test_a_6_degree_zone_is_told_to_be_the_same_by_value() -> None:
    places = known_places(8)
    found = detect(*reported(projected(4509), places), *places).hypothesis
    assert found is not None
    assert (found.frame.name, found.same, found.meridian, found.prefixed) == ("EPSG:4548", ("EPSG:4509",), 117, False)


def test_two_thirds_of_wrong_matches_among_many_pairs_do_not_mislead() -> None:
    places = known_places(600)
    found = detect(*reported(bd09, places, noise_m=30, wrong=0.66), *places).hypothesis
    assert found is not None and found.frame.name == "bd09"


def test_too_few_pairs_decide_nothing() -> None:
    places = known_places(4)
    assert detect(*reported(wgs84_to_gcj02, places), *places).outcome is Outcome.TOO_FEW
    for empty in (detect([], [], [], []), detect([math.nan] * 9, [1.0] * 9, [117.0] * 9, [35.0] * 9)):
        assert (empty.outcome, empty.hypothesis, empty.pairs) == (Outcome.TOO_FEW, None, 0)


def test_places_that_have_nothing_in_common_fit_no_frame() -> None:
    places, others = known_places(50), known_places(50, seed=9)
    finding = detect(*reported(wgs84_to_gcj02, others), *places)
    assert finding.outcome is Outcome.NONE_FITS
    assert finding.hypothesis is None


def test_pairs_half_way_between_two_frames_are_a_question() -> None:
    lon, lat = known_places(40)
    gcj = wgs84_to_gcj02(lon, lat)
    rng = np.random.default_rng(3)
    half = np.where(np.arange(40) % 2 == 0, 0.0, 1.0)  # every other row in another frame
    x, y = lon + (gcj[0] - lon) * half, lat + (gcj[1] - lat) * half + rng.normal(0, 1e-4, 40)
    assert detect(x, y, lon, lat).outcome is Outcome.TWO_FIT


def test_a_steady_shift_of_an_unknown_datum_is_shown() -> None:
    places = known_places(30)
    x, y = reported(projected(4548), places)
    best = detect(x + 90.0, y - 60.0, *places).evidence[0]
    assert best.hypothesis.frame.name == "EPSG:4548"
    assert [best.east_m, best.north_m] == pytest.approx([90, -60], abs=1)


def test_pairs_of_different_lengths_are_refused() -> None:
    with pytest.raises(PositionError, match="true position"):
        detect([117.0], [35.0], [], [])
    with pytest.raises(PositionError, match="as many"):
        detect([117.0], [], [117.0], [35.0])


@pytest.mark.parametrize(
    ("x", "y", "frames"),
    [
        (500_000, 3_919_000, [("EPSG:4548", False)]),
        (39_500_000, 3_919_000, [("EPSG:4527", False)]),
        (3_919_000, 39_500_000, [("EPSG:4527", True)]),
        (3_919_000, 500_000, [("EPSG:4548", True)]),
        (20_500_000, 3_919_000, [("EPSG:4498", False)]),
        (117.0, 35.4, [("wgs84", False), ("gcj02", False), ("bd09", False)]),
        (35.4, 117.0, [("wgs84", True), ("gcj02", True), ("bd09", True)]),
        (500_000, 1_000_000, []),
        (31.2, 121.4, []),
        (math.nan, 35.4, []),
        (1e300, 1e300, []),
        (-500_000, 3_919_000, []),
    ],
)
def test_the_frames_that_put_a_point_into_the_district_are_listed(
    x: float, y: float, frames: list[tuple[str, bool]]
) -> None:
    fits = fitting_frames(x, y, ZOUCHENG)
    assert [(fit.hypothesis.frame.name, fit.hypothesis.swapped) for fit in fits] == frames
    for fit in fits:
        assert fit.lon == pytest.approx(117.0, abs=0.02)
        assert fit.lat == pytest.approx(35.4, abs=0.02)


def test_a_point_at_the_rim_can_leave_one_frame_only() -> None:
    """What GCJ-02 and BD-09 moved to the east lies farther west in truth, outside."""
    west, south, _, _ = ZOUCHENG
    names = [fit.hypothesis.frame.name for fit in fitting_frames(west + 0.0005, south + 0.01, ZOUCHENG, margin_km=0)]
    assert names == ["wgs84"]


def test_many_positions_with_a_few_strays_still_fit() -> None:
    x, y = projected(4548)(*known_places(100))
    x, y = np.append(x, [0.0, math.nan]), np.append(y, [0.0, 1.0])
    (fit,) = fitting_frames(x, y, ZOUCHENG)
    assert fit.hypothesis.frame.name == "EPSG:4548"
    assert fit.share == pytest.approx(100 / 102)


def test_no_positions_have_no_frame() -> None:
    assert hypotheses([], []) == []
    assert fitting_frames([], [], ZOUCHENG) == []
