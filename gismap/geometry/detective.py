"""Which frame positions are in: what fits a district, and what pairs of reported and true positions tell.

Nothing is decided here that the evidence does not decide: two frames that fit are two answers. Xi'an 80 and Beijing 54
cannot be told from CGCS2000 by their values, and are no hypotheses. Reading a frame that is named is in `datums`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gismap.geometry.datums import BD09, GCJ02, WGS84, ZONE_CODES, Frame, parse_frame, plausible_positions, to_cgcs2000
from gismap.geometry.errors import PositionError

Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

MARGIN_KM = 1.0
"""A position this far outside a district's box still fits it: GCJ-02 moves by half of that."""

FITTING_SHARE = 0.95
"""So many positions must lie in the district, as some rows of any file are wrong."""

MIN_PAIRS = 5
MAX_PAIRS = 20_000
NEAR_M = 200.0
"""A pair agrees when its positions are this close: addresses and buildings of one name are often 100 m apart."""

MIN_AGREEING = 0.3
SCALE_M = 30.0
"""Residuals beyond this count ever less: a wrong match of two kilometres says nothing."""

CERTAIN = 4.0
"""The best hypothesis must beat the next by so many standard errors of their difference."""

_THREE_DEGREE_MERIDIANS = range(75, 136, 3)
_UTM_ZONES = range(43, 54)
_WEB_MERCATOR = range(8, 16)  # million metres: 72° to 135° E
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A frame that positions could be in. `swapped`: x and y must change places first; `same`: frames equal by value.

    `meridian` is the central meridian and `prefixed` whether eastings carry the zone, for Gauss–Krüger only.
    """

    frame: Frame
    swapped: bool = False
    meridian: int | None = None
    prefixed: bool = False
    same: tuple[str, ...] = ()

    def positions(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Longitudes and latitudes (CGCS2000) of positions in this frame; NaN where they cannot be."""
        xs, ys = _arrays(x, y)
        return to_cgcs2000(ys, xs, self.frame) if self.swapped else to_cgcs2000(xs, ys, self.frame)


@dataclass(frozen=True, slots=True)
class Fit:
    """A hypothesis that puts positions into a district; `share` of them, with the first one's place there."""

    hypothesis: Hypothesis
    share: float
    lon: float
    lat: float


class Outcome(StrEnum):
    """What pairs of positions came to."""

    DECIDED = "decided"
    TOO_FEW = "too_few"
    TWO_FIT = "two_fit"
    NONE_FITS = "none_fits"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well a hypothesis explains pairs: metres from the true positions to where it puts the reported ones.

    `median_m` is over all pairs and `quarter_m` what the best quarter stays below; `agreeing` is the share within
    `NEAR_M`; `east_m` and `north_m` are the medians of what is left, a steady shift if they are large.
    """

    hypothesis: Hypothesis
    median_m: float
    quarter_m: float
    agreeing: float
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome, and the evidence for every hypothesis, best first; `margin` is what `CERTAIN` is compared with."""

    outcome: Outcome
    pairs: int
    evidence: tuple[Evidence, ...]
    margin: float

    @property
    def hypothesis(self) -> Hypothesis | None:
        """The frame that was found, None where it is not decided."""
        return self.evidence[0].hypothesis if self.outcome is Outcome.DECIDED else None


def hypotheses(x: ArrayLike, y: ArrayLike, *, utm: bool = True) -> list[Hypothesis]:
    """The frames that most of some positions could be in by their size alone, anywhere in China."""
    xs, ys = _arrays(x, y)
    finite = np.isfinite(xs) & np.isfinite(ys)
    if not finite.any():
        return []
    typical_x, typical_y = float(np.median(xs[finite])), float(np.median(ys[finite]))
    found = []
    for swapped, (east, north) in ((False, (typical_x, typical_y)), (True, (typical_y, typical_x))):
        if plausible_positions(east, north):
            found += [
                Hypothesis(WGS84, swapped, same=("cgcs2000",)),
                Hypothesis(GCJ02, swapped),
                Hypothesis(BD09, swapped),
            ]
        elif 0 <= north <= 10_000_000:
            found += _in_metres(east, swapped, utm)
    return found


def _in_metres(east: float, swapped: bool, utm: bool) -> list[Hypothesis]:
    """Projected frames whose eastings are of this size: those of a zone, or of all zones where it is not told."""
    zone = int(east // 1_000_000)
    found = []
    if zone in ZONE_CODES:
        meridian = 3 * zone if zone >= 25 else 6 * zone - 3
        found.append(Hypothesis(parse_frame(f"EPSG:{ZONE_CODES[zone]}"), swapped, meridian, prefixed=True))
    if zone in _WEB_MERCATOR:
        found.append(Hypothesis(parse_frame("EPSG:3857"), swapped))
    if 0 < east < 1_000_000:
        found += [_without_zone(meridian, swapped) for meridian in _THREE_DEGREE_MERIDIANS]
    if utm and 0 < east < 1_000_000:
        found += [Hypothesis(parse_frame(f"EPSG:{32600 + zone}"), swapped) for zone in _UTM_ZONES]
    return found


def _without_zone(meridian: int, swapped: bool) -> Hypothesis:
    """A 3° zone; around every other meridian a 6° zone is the same by value."""
    same = (f"EPSG:{4502 + (meridian - 75) // 6}",) if (meridian - 75) % 6 == 0 else ()
    return Hypothesis(parse_frame(f"EPSG:{4534 + (meridian - 75) // 3}"), swapped, meridian, same=same)


def fitting_frames(x: ArrayLike, y: ArrayLike, bounds: Bounds, margin_km: float = MARGIN_KM) -> list[Fit]:
    """The frames that put one or many positions into a district's box (west, south, east, north in degrees).

    One fit is an answer, several are a question to whoever gave the positions: a point in degrees is usually in the
    district as WGS 84, GCJ-02 and BD-09 alike. None: it is another district's, or in a frame that is not known here.
    UTM is left out: it lies 1 to 2 km from Gauss–Krüger of the same meridian, would fit wherever that does, and no
    Chinese survey is in it; pairs of positions tell it (`detect`).

    >>> [fit.hypothesis.frame.name for fit in fitting_frames(500000, 3919000, (116.8, 35.2, 117.4, 35.6))]
    ['EPSG:4548']
    """
    west, south, east, north = bounds
    high = margin_km * 1000 / _METRES_PER_DEGREE
    wide = high / max(math.cos(math.radians((south + north) / 2)), 0.01)
    fits = []
    for hypothesis in hypotheses(x, y, utm=False):
        lon, lat = hypothesis.positions(x, y)
        inside = (lon >= west - wide) & (lon <= east + wide) & (lat >= south - high) & (lat <= north + high)
        if inside.mean() >= FITTING_SHARE:
            first = int(np.argmax(inside))
            fits.append(Fit(hypothesis, float(inside.mean()), float(lon[first]), float(lat[first])))
    return fits


def detect(x: ArrayLike, y: ArrayLike, true_lon: ArrayLike, true_lat: ArrayLike) -> Finding:
    """In which frame positions were reported, from what is known of the same things: names, addresses, buildings.

    Up to two thirds of the pairs may be wrong matches, as long as they are not wrong in one direction. Residuals are
    compared pair by pair on a scale on which far ones hardly count; the best hypothesis is decided when it is clearly
    better than the next and a part of the pairs agrees with it.

    Args:
        x, y: as reported, x first as in the file; degrees or metres.
        true_lon, true_lat: CGCS2000, degrees, of the same things in the same order.

    Raises:
        PositionError: not as many of one as of the other.
    """
    xs, ys = _arrays(x, y)
    lon, lat = _arrays(true_lon, true_lat)
    if len(xs) != len(lon):
        raise PositionError("there must be a true position for each reported one", field="x")
    usable = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys) & plausible_positions(lon, lat))
    usable = usable[:: max(1, -(-len(usable) // MAX_PAIRS))]
    xs, ys, lon, lat = xs[usable], ys[usable], lon[usable], lat[usable]
    possible = hypotheses(xs, ys)
    residuals = [_residuals(hypothesis, xs, ys, lon, lat) for hypothesis in possible]
    costs = [np.log1p((np.hypot(*residual) / SCALE_M) ** 2) for residual in residuals]
    order = sorted(range(len(possible)), key=lambda k: float(costs[k].mean()))
    evidence = tuple(_evidence(possible[k], *residuals[k]) for k in order)
    margin = _margin([costs[k] for k in order])
    return Finding(_outcome(len(usable), evidence, margin), len(usable), evidence, margin)


def _outcome(pairs: int, evidence: Sequence[Evidence], margin: float) -> Outcome:
    if pairs < MIN_PAIRS:
        return Outcome.TOO_FEW
    if not evidence or evidence[0].agreeing < MIN_AGREEING:
        return Outcome.NONE_FITS
    return Outcome.DECIDED if margin >= CERTAIN else Outcome.TWO_FIT


def _margin(costs: Sequence[Floats]) -> float:
    """By how many standard errors the first costs are lower than the second, pair by pair."""
    if not costs or len(costs[0]) < 2:
        return 0.0
    if len(costs) == 1:
        return math.inf
    gain = costs[1] - costs[0]
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    return float(gain.mean()) / error if error > 0 else (math.inf if gain.mean() > 0 else 0.0)


def _residuals(
    hypothesis: Hypothesis, x: Floats, y: Floats, true_lon: Floats, true_lat: Floats
) -> tuple[Floats, Floats]:
    """Metres to the east and to the north of the true positions; a world away where a position cannot be."""
    lon, lat = hypothesis.positions(x, y)
    east = (lon - true_lon) * np.cos(np.radians(true_lat)) * _METRES_PER_DEGREE
    north = (lat - true_lat) * _METRES_PER_DEGREE
    return np.nan_to_num(east, nan=2e7), np.nan_to_num(north, nan=2e7)


def _evidence(hypothesis: Hypothesis, east: Floats, north: Floats) -> Evidence:
    metres = np.hypot(east, north)
    if not len(metres):
        return Evidence(hypothesis, math.inf, math.inf, 0.0, 0.0, 0.0)
    quarter, median = np.quantile(metres, [0.25, 0.5])
    near = metres <= median
    return Evidence(
        hypothesis,
        median_m=float(median),
        quarter_m=float(quarter),
        agreeing=float((metres <= NEAR_M).mean()),
        east_m=float(np.median(east[near])),
        north_m=float(np.median(north[near])),
    )


def _arrays(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    xs, ys = np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))
    if xs.shape != ys.shape:
        raise PositionError("there must be as many y as x", field="y")
    return xs, ys
