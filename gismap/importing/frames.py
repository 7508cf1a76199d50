"""In which frame a file's positions are, and what they are in EPSG:4490; evidence is shown, nothing is guessed."""

from collections.abc import Collection

import numpy as np
import pyproj
import shapely

from gismap.errors import BadInputError
from gismap.geometry.datums import (
    Frame,
    check_near,
    check_position,
    parse_frame,
    plausible_degrees,
    plausible_positions,
    to_cgcs2000,
)
from gismap.geometry.errors import CrsError, GeometryError
from gismap.importing.values import Objects, Rejection

Bounds = tuple[float, float, float, float]

_STORED = {"wgs84", "cgcs2000", "EPSG:4326", "EPSG:4490"}
_FAR_OUT_DEGREES = 3.0
"""Farther than this outside the area that a projected frame is made for, a position is taken for a mistake."""
_ZONE_REACH_M = 250_000
"""A 3° zone reaches 167 km to each side at the equator; beyond, the digits in front are those of another zone."""
_NO_POSITION = 1e12
"""Beyond this, a number is damage and says nothing of a frame."""
_DECIMALS = 10
"""Of transformed degrees (0.01 mm), so that the same file gives the same digest with any version of PROJ."""


def choose_frame(asked: str, of_file: str | None, geom: Objects) -> Frame:
    """The frame that the user names, else the one that the file names.

    Raises:
        CrsError: unknown, or nobody says; the text then shows what the positions could be.
        BadInputError: the positions cannot be in that frame: metres labelled as degrees, or the reverse.
    """
    bounds = box_of_most(geom)
    if asked != "auto":
        frame = parse_frame(asked)
    elif of_file is not None:
        frame = parse_frame(of_file)
    else:
        raise CrsError(
            f"the file does not say its coordinate frame: give it with --crs. {evidence(bounds)}", field="crs"
        )
    if bounds is None:
        return frame
    in_metres = max(abs(number) for number in bounds) > 1000
    if frame.in_degrees and in_metres:
        raise BadInputError(
            f"these cannot be degrees, though {_who(asked)} says {frame.name}: name the right frame with --crs. "
            + evidence(bounds),
            field="crs",
        )
    if not frame.in_degrees and not in_metres and plausible_degrees(bounds):
        raise BadInputError(
            f"these look like degrees, though {_who(asked)} says {frame.name}: name the right frame with --crs. "
            + evidence(bounds),
            field="crs",
        )
    return frame


def _who(asked: str) -> str:
    return "the file" if asked == "auto" else "--crs"


def evidence(bounds: Bounds | None) -> str:
    """What the positions span, and which frames that could be."""
    if bounds is None:
        return "It holds no usable positions."
    min_x, min_y, max_x, max_y = bounds
    if plausible_degrees(bounds):
        could_be = "degrees, so wgs84, cgcs2000, gcj02 (phones, Amap) or bd09 (Baidu)"
    elif plausible_degrees((min_y, min_x, max_y, max_x)):
        could_be = "degrees with x and y swapped: x is the longitude"
    else:
        could_be = _metric_frames(bounds)
    return f"x {min_x:,.6g} to {max_x:,.6g}, y {min_y:,.6g} to {max_y:,.6g}: {could_be}"


def frame_by_zone(geom: Objects) -> Frame | None:
    """The 3° Gauss-Krüger frame that eastings of 8 digits carry the number of; None where they do not."""
    bounds = box_of_most(geom)
    zone = 0 if bounds is None else _zone(bounds)
    return parse_frame(f"EPSG:{4488 + zone}") if zone else None


def frames_by_codes(geom: Objects, codes: Collection[str]) -> list[Frame]:
    """The 3° Gauss-Krüger frames, without zone, in which the positions lie in the province of the division codes.

    A code's first two digits say the province where it was given; that bears on where a file is from, not on what
    belongs to what.
    """
    bounds = box_of_most(geom)
    provinces = {code[:2] for code in codes if len(code) in {6, 9, 12, 15, 17} and code.isdigit()}
    if bounds is None or len(provinces) != 1 or bounds[0] < 100_000 or bounds[2] > 1_000_000:
        return []
    west, east = PROVINCES.get(provinces.pop(), (0.0, 0.0))
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    off = (x - 500_000) / (111_320 * np.cos(np.radians(y / 110_900)))
    meridians = [meridian for meridian in range(75, 136, 3) if west <= meridian + off <= east and abs(off) < 2]
    return [parse_frame(f"EPSG:{4534 + (meridian - 75) // 3}") for meridian in meridians]


PROVINCES = {
    "11": (115.4, 117.5), "12": (116.7, 118.1), "13": (113.4, 119.9), "14": (110.2, 114.6), "15": (97.2, 126.1),
    "21": (118.8, 125.8), "22": (121.6, 131.3), "23": (121.2, 135.1), "31": (120.8, 122.2), "32": (116.3, 121.9),
    "33": (118.0, 123.2), "34": (114.9, 119.7), "35": (115.8, 120.7), "36": (113.6, 118.5), "37": (114.8, 122.7),
    "41": (110.3, 116.7), "42": (108.3, 116.1), "43": (108.8, 114.3), "44": (109.6, 117.3), "45": (104.4, 112.1),
    "46": (108.6, 111.1), "50": (105.3, 110.2), "51": (97.3, 108.5), "52": (103.6, 109.6), "53": (97.5, 106.2),
    "54": (78.4, 99.1), "61": (105.5, 111.3), "62": (92.2, 108.8), "63": (89.4, 103.1), "64": (104.3, 107.7),
    "65": (73.5, 96.4),
}  # fmt: skip
"""Longitudes between which the provinces lie, by the first digits of their codes."""


def _zone(bounds: Bounds) -> int:
    zone = int(bounds[0] // 1_000_000)
    if not 25 <= zone <= 45:
        return 0
    west, east = bounds[0] - zone * 1_000_000, bounds[2] - zone * 1_000_000
    return zone if west >= 500_000 - _ZONE_REACH_M and east <= 500_000 + _ZONE_REACH_M else 0


def _metric_frames(bounds: Bounds) -> str:
    """Which projected frames a box could be in; an easting of 8 digits that starts with 25 to 45 carries its zone."""
    min_x, min_y, max_x, _ = bounds
    zone = _zone(bounds)
    if zone:
        return f"metres whose easting carries zone {zone}, such as EPSG:{4488 + zone}"
    if 25 <= int(min_y // 1_000_000) <= 45:
        return "metres with x and y swapped: x is the easting here, while surveyors write x for northing"
    if min_x >= 100_000 and max_x < 1_000_000:
        return "metres without zone, such as EPSG:4534 to EPSG:4554 (3° zones of CGCS2000)"
    return "metres of some projected frame"


def to_stored(geom: Objects, frame: Frame) -> tuple[Objects, Objects | None]:
    """Shapes in EPSG:4490, and the shapes as they came where that is another frame; heights are dropped.

    What cannot be transformed has NaN positions.
    """
    flat = shapely.force_2d(geom)
    if frame.name in _STORED:
        return flat, None

    def moved(positions: np.ndarray) -> np.ndarray:
        lon, lat = to_cgcs2000(positions[:, 0], positions[:, 1], frame)
        return np.round(np.column_stack([lon, lat]), _DECIMALS)

    return shapely.transform(flat, moved), flat


def misplaced(
    stored: Objects, reported: Objects | None, rows: np.ndarray, frame: Frame, district: Bounds | None, far_km: float
) -> list[Rejection]:
    """Rows whose positions cannot be, or lie far from the district (None: nothing is published yet)."""
    rejections: dict[int, Rejection] = {}
    came = stored if reported is None else reported
    for i in np.flatnonzero(~_plausible(stored, frame)):
        rejections[int(rows[i])] = Rejection(int(rows[i]), "geometry", _why_impossible(came[i], frame))
    if district is not None:
        for i in np.flatnonzero(~_near(stored, district)):
            row = int(rows[i])
            reason = None if row in rejections else _why_far(stored[i], district, far_km)
            if reason is not None:
                rejections[row] = Rejection(row, "geometry", reason)
    return list(rejections.values())


def _plausible(stored: Objects, frame: Frame) -> np.ndarray:
    """Which shapes have positions that can be: finite, in range, and where their frame is used."""
    positions, index = shapely.get_coordinates(stored, return_index=True)
    good = plausible_positions(positions[:, 0], positions[:, 1])
    area = None if frame.in_degrees else pyproj.CRS.from_user_input(frame.definition).area_of_use
    if area is not None and area.west < area.east:
        good &= (positions[:, 0] > area.west - _FAR_OUT_DEGREES) & (positions[:, 0] < area.east + _FAR_OUT_DEGREES)
        good &= (positions[:, 1] > area.south - _FAR_OUT_DEGREES) & (positions[:, 1] < area.north + _FAR_OUT_DEGREES)
    return np.asarray(np.bincount(index[~good], minlength=len(stored)) == 0)


def _why_impossible(shape: shapely.Geometry, frame: Frame) -> str:
    positions = shapely.get_coordinates(shape)
    if not np.isfinite(positions).all():
        return "coordinates must be finite numbers"
    if not frame.in_degrees:
        x, y = positions[0]
        return (
            f"x={x:,.1f}, y={y:,.1f} lies outside {frame.name}; did you swap x and y? x is the easting here, "
            "while Chinese surveyors write x for northing"
        )
    bad = positions[~plausible_positions(positions[:, 0], positions[:, 1])]
    try:
        check_position(*map(float, (bad if len(bad) else positions)[0]))
    except GeometryError as error:
        return error.detail
    return f"the position lies outside {frame.name}"


def _near(stored: Objects, district: Bounds) -> np.ndarray:
    """Which shapes touch the district's box at once, without measuring kilometres; empty ones count as near."""
    min_x, min_y, max_x, max_y = shapely.bounds(stored).T
    west, south, east, north = district
    return np.asarray(~((min_x > east) | (max_x < west) | (min_y > north) | (max_y < south)))


def _why_far(shape: shapely.Geometry, district: Bounds, far_km: float) -> str | None:
    west, south, east, north = shape.bounds
    middle_lon, middle_lat = (district[0] + district[2]) / 2, (district[1] + district[3]) / 2
    try:
        check_near(min(max(middle_lon, west), east), min(max(middle_lat, south), north), district, far_km)
    except GeometryError as error:
        return error.detail
    return None


def box_of_most(geom: Objects) -> Bounds | None:
    """The box of most positions, without the outermost hundredth on each side: one stray row decides nothing."""
    positions = shapely.get_coordinates(geom)
    positions = positions[(np.abs(positions) < _NO_POSITION).all(axis=1)]  # false for NaN
    if not len(positions):
        return None
    low, high = np.percentile(positions, [1, 99], axis=0, method="nearest")
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
