"""Shapes from outside made safe before they reach SQL: GeoJSON read strictly, validity told with its place.

Positions are degrees, longitude first. Reading files and other frames is not here.
"""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from gismap.geometry.datums import check_position, plausible_positions
from gismap.geometry.errors import ShapeError

AREAS = frozenset({"Polygon", "MultiPolygon"})
LINES = frozenset({"LineString", "MultiLineString"})
POINTS = frozenset({"Point", "MultiPoint"})
ANY_KIND = AREAS | LINES | POINTS
MAX_VERTICES = 10_000
"""Enough for any shape that a person draws; a shape of a request with more is refused."""

_RFC7946_FRAMES = ("crs84", "4326", "4490")
_REASONS = {
    "Self-intersection": "crosses itself",
    "Ring Self-intersection": "touches or crosses itself",
    "Hole lies outside shell": "has a hole outside of it",
    "Holes are nested": "has a hole inside a hole",
    "Nested shells": "has a part inside another part",
    "Interior is disconnected": "has holes that cut it apart",
    "Duplicate Rings": "has the same ring twice",
    "Too few points in geometry component": "has a ring or line of too few different points",
}

Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Invalidity:
    """What is wrong with a geometry, in words that follow "the shape …", and where (None when GEOS does not say)."""

    reason: str
    at: Position | None


def find_invalidity(geometry: shapely.Geometry) -> Invalidity | None:
    """The first thing that makes a geometry invalid; None when it is valid."""
    text = str(shapely.is_valid_reason(geometry))
    if text == "Valid Geometry":
        return None
    reason, _, place = text.partition("[")
    numbers = [float(number) for number in re.findall(r"[^\s\]]+", place)[:2]]
    at = (numbers[0], numbers[1]) if len(numbers) == 2 and all(map(math.isfinite, numbers)) else None
    return Invalidity(_REASONS.get(reason, f"is invalid: {reason}"), at)


def check_shape(
    geometry: shapely.Geometry, *, kinds: Collection[str] = AREAS, max_vertices: int = MAX_VERTICES, field: str = "geom"
) -> shapely.Geometry:
    """A geometry in degrees that is fit to be used, without Z and M.

    Raises:
        ShapeError: missing, empty, of another kind, more than `max_vertices`, or invalid (with the place).
        PositionError: a position out of range or not finite.
    """
    if geometry is None or geometry.is_empty:
        raise ShapeError("the shape is empty", field=field)
    if geometry.geom_type not in kinds:
        raise ShapeError(f"the shape is a {geometry.geom_type}; wanted: {_listed(kinds)}", field=field)
    if shapely.get_num_coordinates(geometry) > max_vertices:
        raise _too_many(max_vertices, field)
    flat = shapely.force_2d(geometry)
    lon, lat = shapely.get_coordinates(flat).T
    wrong = np.flatnonzero(~plausible_positions(lon, lat))
    if wrong.size:
        check_position(float(lon[wrong[0]]), float(lat[wrong[0]]))
    invalidity = find_invalidity(flat)
    if invalidity is not None:
        where = f" at {invalidity.at[0]:.7g}, {invalidity.at[1]:.7g}" if invalidity.at else ""
        raise ShapeError(f"the shape {invalidity.reason}{where}", field=field)
    return flat


def shape_from_geojson(
    value: object, *, kinds: Collection[str] = AREAS, max_vertices: int = MAX_VERTICES, field: str = "geom"
) -> shapely.Geometry:
    """Read a GeoJSON geometry, or a Feature's, as parsed from JSON. Heights are dropped, nothing else is mended.

    Raises:
        ShapeError: not GeoJSON, another kind than wanted, open rings, coordinates that are no numbers, or as
            `check_shape`.
        PositionError: a position out of range, with a hint.
    """
    geometry = value.get("geometry") if isinstance(value, dict) and value.get("type") == "Feature" else value
    if not isinstance(geometry, dict):
        raise ShapeError("the shape must be a GeoJSON geometry object", field=field)
    kind = geometry.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise ShapeError(f"the type of the shape is {repr(kind)[:40]}; wanted: {_listed(kinds)}", field=field)
    _check_legacy_frame(geometry, field)
    budget = _Budget(max_vertices, field)
    return check_shape(
        _BUILDERS[kind](geometry.get("coordinates"), budget), kinds=kinds, max_vertices=max_vertices, field=field
    )


class _Budget:
    """Reads positions and stops at the first beyond the limit, before a geometry of a million vertices is built."""

    def __init__(self, limit: int, field: str) -> None:
        self.limit, self.left, self.field = limit, limit, field

    def items(self, value: object) -> Iterator[object]:
        if not isinstance(value, list | tuple):
            raise self.error("coordinates must be lists of numbers, nested as GeoJSON wants for the type")
        if not value:
            raise self.error("the shape is empty, or has an empty part")
        return iter(value)

    def position(self, value: object) -> Position:
        self.left -= 1
        if self.left < 0:
            raise _too_many(self.limit, self.field)
        if not isinstance(value, list | tuple) or not 2 <= len(value) <= 4 or not all(map(_is_number, value)):
            raise self.error("a position must be [longitude, latitude], two numbers")
        try:
            x, y = float(value[0]), float(value[1])
        except OverflowError as error:
            raise self.error("a coordinate is too large") from error
        if not (math.isfinite(x) and math.isfinite(y)):
            raise self.error("coordinates must be finite numbers")
        return x, y

    def line(self, value: object) -> list[Position]:
        positions = [self.position(item) for item in self.items(value)]
        if len(positions) < 2:
            raise self.error("a line needs two positions")
        return positions

    def ring(self, value: object) -> list[Position]:
        positions = [self.position(item) for item in self.items(value)]
        if positions[0] != positions[-1]:
            x, y = positions[0]
            raise self.error(f"the ring that starts at {x:.7g}, {y:.7g} is not closed: repeat its first position last")
        if len(positions) < 4:
            raise self.error("a ring needs four positions, the last equal to the first")
        return positions

    def polygon(self, value: object) -> shapely.Polygon:
        shell, *holes = (self.ring(item) for item in self.items(value))
        return shapely.Polygon(shell, holes)

    def error(self, detail: str) -> ShapeError:
        return ShapeError(detail, field=self.field)


_BUILDERS: dict[str, Any] = {
    "Point": lambda value, read: shapely.Point(read.position(value)),
    "MultiPoint": lambda value, read: shapely.MultiPoint([read.position(item) for item in read.items(value)]),
    "LineString": lambda value, read: shapely.LineString(read.line(value)),
    "MultiLineString": lambda value, read: shapely.MultiLineString([read.line(item) for item in read.items(value)]),
    "Polygon": lambda value, read: read.polygon(value),
    "MultiPolygon": lambda value, read: shapely.MultiPolygon([read.polygon(item) for item in read.items(value)]),
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_legacy_frame(geometry: dict[str, Any], field: str) -> None:
    """Old GeoJSON could name a frame; another one than lon/lat would be misread in silence."""
    if "crs" in geometry and not str(geometry["crs"])[:200].rstrip("'\"}) ").lower().endswith(_RFC7946_FRAMES):
        raise ShapeError("the shape names a frame of its own: give longitude and latitude, without `crs`", field=field)


def _too_many(limit: int, field: str) -> ShapeError:
    return ShapeError(f"the shape has more than {limit:,} vertices: simplify it", field=field)


def _listed(kinds: Collection[str]) -> str:
    return " or ".join(sorted(kinds))
