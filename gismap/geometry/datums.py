"""Frames of coordinates at the edge: WGS 84, CGCS2000, GCJ-02, BD-09 and EPSG codes, all to CGCS2000 (EPSG:4490).

Always x (easting or longitude) first. WGS 84 is taken as equal to CGCS2000: they differ by centimetres. Which frame
coordinates are in is never guessed here; a position that cannot be is refused with a hint.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, overload

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import CRSError as ProjError

from gismap.geometry.errors import CrsError, PositionError

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]

STORED_EPSG = 4490
_SAME_AS_STORED = {"EPSG:4490", "EPSG:4326"}
_WKT = re.compile(r"\s*(PROJ|GEOG|GEOD|BOUND|COMP)[A-Z0-9]*\s*\[", re.IGNORECASE)
_CHINA_BOX = (72.004, 0.8293, 137.8347, 55.8271)  # west, south, east, north: outside of it nothing is shifted
_SURVEYOR_HINT = (
    "did you swap x and y? x is the easting or longitude here, while Chinese surveyors write x for northing"
)
_INVERSE_STEPS = 6  # to a micrometre even at 105° E, where the slope of the shift has no bound


ZONE_CODES = {zone: 4488 + zone for zone in range(25, 46)} | {zone: 4478 + zone for zone in range(13, 24)}
"""EPSG codes of CGCS2000 Gauss–Krüger whose eastings carry the zone, by zone: 3° zones from 25, 6° zones to 23."""

_ZONES = {f"EPSG:{code}": zone for zone, code in ZONE_CODES.items()}
_WITHOUT_ZONE = {f"EPSG:{code}" for code in (*range(4502, 4513), *range(4534, 4555))}


@dataclass(frozen=True, slots=True)
class Frame:
    """A known frame: `name` is what is recorded as `source_crs`, `definition` what PROJ reads (None: shifted)."""

    name: str
    definition: str | None
    in_degrees: bool


WGS84 = Frame("wgs84", "EPSG:4326", in_degrees=True)
CGCS2000 = Frame("cgcs2000", "EPSG:4490", in_degrees=True)
GCJ02 = Frame("gcj02", None, in_degrees=True)
BD09 = Frame("bd09", None, in_degrees=True)
_NAMED = {"wgs84": WGS84, "crs84": WGS84, "ogc:crs84": WGS84, "cgcs2000": CGCS2000, "gcj02": GCJ02, "bd09": BD09}


@lru_cache(maxsize=256)
def parse_frame(text: str) -> Frame:
    """Read a frame as users and files write it: a name, `EPSG:n`, or WKT.

    Raises:
        CrsError: unknown, or not a frame of positions on a map (geocentric, vertical, local without a datum).
    """
    named = _NAMED.get(text.strip().lower().replace("-", ""))
    if named is not None:
        return named
    shown = repr(text if len(text) <= 40 else text[:40] + "…")
    is_code = re.fullmatch(r"(?i)EPSG:[0-9]{4,6}", text.strip()) is not None
    if not is_code and not _WKT.match(text):
        raise CrsError(
            f"unknown coordinate reference system {shown}: use wgs84, cgcs2000, gcj02, bd09 or EPSG:n", field="crs"
        )
    try:
        crs = pyproj.CRS.from_user_input(text.strip())
    except ProjError as error:
        raise CrsError(f"unknown coordinate reference system {shown}", field="crs") from error
    if not (crs.is_geographic or crs.is_projected):
        raise CrsError(f"{shown} is not a frame of positions on a map: use a geographic or projected one", field="crs")
    epsg = crs.to_epsg()
    name = f"EPSG:{epsg}" if epsg is not None else str(crs.name)
    return Frame(name, name if epsg is not None else text.strip(), in_degrees=bool(crs.is_geographic))


@overload
def to_cgcs2000(x: float, y: float, crs: str | Frame) -> tuple[float, float]: ...
@overload
def to_cgcs2000(x: ArrayLike, y: ArrayLike, crs: str | Frame) -> Pair: ...
def to_cgcs2000(x: ArrayLike, y: ArrayLike, crs: str | Frame) -> tuple[float, float] | Pair:
    """Longitude and latitude in CGCS2000 (degrees) of positions in another frame; numbers or arrays of one shape.

    What cannot be transformed, because it is not finite or far outside the frame, becomes NaN.

    >>> to_cgcs2000(116.427022, 39.902446, "gcj02")  # doctest: +ELLIPSIS
    (116.42078..., 39.90104...)

    Raises:
        CrsError: the frame is unknown.
    """
    frame = parse_frame(crs) if isinstance(crs, str) else crs
    xs, ys = _finite_or_nan(x), _finite_or_nan(y)
    if frame == GCJ02:
        lon, lat = _inverse(wgs84_to_gcj02, xs, ys)
    elif frame == BD09:
        lon, lat = _inverse(wgs84_to_gcj02, *_inverse(gcj02_to_bd09, xs, ys))
    else:
        lon, lat = _transformed(xs, ys, str(frame.definition))
    lon, lat = _finite_or_nan(lon), _finite_or_nan(lat)
    return (float(lon), float(lat)) if lon.ndim == 0 else (lon, lat)


def _finite_or_nan(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def _transformed(x: Floats, y: Floats, definition: str) -> Pair:
    if definition in _SAME_AS_STORED:
        return x, y
    lon, lat = _transformer(definition).transform(x, y)
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


@lru_cache(maxsize=64)
def _transformer(definition: str) -> Any:  # pyproj has no types
    return pyproj.Transformer.from_crs(definition, STORED_EPSG, always_xy=True)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """The published forward shift to GCJ-02, degrees; none outside China's box."""
    lon, lat, inside = _with_china_mask(lon, lat)
    x, y = np.where(inside, lon - 105.0, 0.0), np.where(inside, lat - 35.0, 0.0)
    root, pi = np.sqrt(np.abs(x)), np.pi
    ripple = 20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + 20 * np.sin(pi * y) + 40 * np.sin(pi * y / 3) + 160 * np.sin(pi * y / 12)) * 2 / 3
    north += 320 * np.sin(pi * y / 30) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + 20 * np.sin(pi * x) + 40 * np.sin(pi * x / 3) + 150 * np.sin(pi * x / 12)) * 2 / 3
    east += 300 * np.sin(pi * x / 30) * 2 / 3
    radius, eccentricity2 = 6378245.0, 0.00669342162296594323  # Krassovsky 1940, as in the published formula
    phi = np.radians(y + 35.0)
    magic = 1 - eccentricity2 * np.sin(phi) ** 2
    shift_lon = np.degrees(east / (radius / np.sqrt(magic) * np.cos(phi)))
    shift_lat = np.degrees(north / (radius * (1 - eccentricity2) / magic**1.5))
    return np.where(inside, lon + shift_lon, lon), np.where(inside, lat + shift_lat, lat)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """The published forward shift from GCJ-02 to BD-09, degrees; none outside China's box."""
    lon, lat, inside = _with_china_mask(lon, lat)
    x, y = np.where(inside, lon, 0.0), np.where(inside, lat, 0.0)
    wave = np.pi * 3000 / 180
    distance = np.hypot(x, y) + 2e-5 * np.sin(y * wave)
    angle = np.arctan2(y, x) + 3e-6 * np.cos(x * wave)
    return (
        np.where(inside, distance * np.cos(angle) + 0.0065, lon),
        np.where(inside, distance * np.sin(angle) + 0.006, lat),
    )


def _inverse(forward: Any, lon: Floats, lat: Floats) -> Pair:
    """Undo a shift by iteration: the shift varies so slowly that each step gains three digits."""
    guess_lon, guess_lat = lon, lat
    for _ in range(_INVERSE_STEPS):
        shifted_lon, shifted_lat = forward(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + (lon - shifted_lon), guess_lat + (lat - shifted_lat)
    return guess_lon, guess_lat


def _with_china_mask(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    lons, lats = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    west, south, east, north = _CHINA_BOX
    inside = (lons >= west) & (lons <= east) & (lats >= south) & (lats <= north)
    return lons, lats, np.asarray(inside)


def read_position(x: float, y: float, crs: str | Frame = WGS84) -> tuple[float, float]:
    """Longitude and latitude (CGCS2000) of one position from outside, checked before and after the transform.

    Raises:
        PositionError: not finite, out of range, or outside the frame; the text says what may have happened.
        CrsError: the frame is unknown.
    """
    frame = parse_frame(crs) if isinstance(crs, str) else crs
    if frame.in_degrees:
        check_position(x, y)
        if frame.definition in _SAME_AS_STORED:  # nearly all positions; arrays of one number would cost ten times that
            return float(x), float(y)
    elif not (np.isfinite(x) and np.isfinite(y)):
        raise PositionError("x and y must be finite numbers", field="x")
    else:
        check_zone(x, frame)
    lon, lat = to_cgcs2000(float(x), float(y), frame)
    if not _is_plausible(lon, lat):
        raise PositionError(f"x={x:g}, y={y:g} lies outside {frame.name}; {_SURVEYOR_HINT}", field="x")
    return lon, lat


def check_zone(x: float, frame: Frame) -> None:
    """Refuse an easting that carries a zone where its frame has none or another, and one without where it has one.

    Some of these come out as positions hundreds of kilometres away, which a wide district would not notice.

    Raises:
        PositionError: with the frame that the easting is in.
    """
    zone, carried = _ZONES.get(frame.name), int(x // 1_000_000)
    if zone is None and frame.name not in _WITHOUT_ZONE:
        return
    if carried in ZONE_CODES and carried != zone:
        told = "has none in its eastings" if zone is None else f"is zone {zone}"
        hint = f"carries zone {carried}, but {frame.name} {told}: is it in EPSG:{ZONE_CODES[carried]}?"
    elif zone is not None and 0 < x < 1_000_000:
        without = ZONE_CODES[zone] + (21 if zone >= 25 else 11)
        hint = f"carries no zone, but {frame.name} is zone {zone}: is it in EPSG:{without}?"
    else:
        return
    raise PositionError(f"the easting x={x:.10g} {hint}", field="x")


def check_position(lon: float, lat: float) -> None:
    """Refuse a position in degrees that cannot be.

    Raises:
        PositionError: not finite, or out of the axis ranges; says whether axes look swapped or metres given.
    """
    if _is_plausible(lon, lat):
        return
    if not (np.isfinite(lon) and np.isfinite(lat)):
        raise PositionError("x and y must be finite numbers", field="x")
    if max(abs(lon), abs(lat)) > 1000:
        hint = "these look like metres: name their frame, for example crs=EPSG:4548"
    elif _is_plausible(lat, lon):
        hint = "did you swap x and y? x is the longitude, y the latitude"
    else:
        hint = "x is a longitude within ±180, y a latitude within ±90"
    raise PositionError(f"x={lon:g}, y={lat:g} is no position in degrees; {hint}", field="x" if abs(lon) > 180 else "y")


def _is_plausible(lon: float, lat: float) -> bool:
    return abs(lon) <= 180 and abs(lat) <= 90  # false for NaN


def plausible_positions(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Which positions in degrees are finite and within ±180 and ±90; the check of one row among many."""
    lons, lats = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return np.asarray((np.abs(lons) <= 180) & (np.abs(lats) <= 90))  # false for NaN


def plausible_degrees(bounds: tuple[float, float, float, float]) -> bool:
    """Whether a box (min x, min y, max x, max y) can be in degrees; false where metres are labelled as degrees."""
    slack = 1e-6  # world-wide layers end at 180.0000001 after rounding
    min_x, min_y, max_x, max_y = bounds
    return -180 - slack <= min_x <= max_x <= 180 + slack and -90 - slack <= min_y <= max_y <= 90 + slack


def check_near(lon: float, lat: float, bounds: tuple[float, float, float, float], limit_km: float = 50) -> None:
    """Refuse a position that lies further than `limit_km` from a box in degrees (west, south, east, north).

    Raises:
        PositionError: with the distance, and whether the position with swapped axes would be near.
    """
    west, south, east, north = bounds
    if west <= lon <= east and south <= lat <= north:
        return
    distance_km = _km_to_box(lon, lat, bounds)
    if distance_km <= limit_km:
        return
    swapped = abs(lon) <= 90 and _km_to_box(lat, lon, bounds) <= limit_km
    lead = "with x and y swapped it would lie there: " if swapped else ""
    elsewhere = "" if swapped else "is it another district's, or in another coordinate frame (crs)? Or "
    raise PositionError(
        f"x={lon:g}, y={lat:g} lies {distance_km:,.0f} km from the district "
        f"({west:.2f}–{east:.2f} E, {south:.2f}–{north:.2f} N); {lead}{elsewhere}{_SURVEYOR_HINT}",
        field="x",
    )


def _km_to_box(lon: float, lat: float, bounds: tuple[float, float, float, float]) -> float:
    """Great-circle distance to the nearest corner or side, by clamping: exact enough for a limit of kilometres."""
    west, south, east, north = bounds
    near_lon, near_lat = min(max(lon, west), east), min(max(lat, south), north)
    phi, near_phi = math.radians(lat), math.radians(near_lat)
    half_lon, half_lat = math.radians(lon - near_lon) / 2, (phi - near_phi) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(phi) * math.cos(near_phi) * math.sin(half_lon) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(chord)))
