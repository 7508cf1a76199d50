"""The one builder of area SQL: an area becomes a condition that uses the index first and is exact after.

A unit is a range on `path`; a shape is `&&` with its box and then the exact predicate, because a bare `ST_DWithin` on
geography reads far more than it needs. Which rows an area is asked of is the caller's business.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

Box = tuple[float, float, float, float]

BOX = "ST_MakeEnvelope(:area_west, :area_south, :area_east, :area_north, 4490)"
SHAPE = "ST_GeomFromWKB(:area_shape, 4490)"
CENTRE = "ST_SetSRID(ST_MakePoint(:area_lon, :area_lat), 4490)"

METRES_PER_DEGREE_NORTH = 110_560.0
"""A little less than the shortest degree of a meridian (110,574 m at the equator): boxes are never too small."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean SQL expression and its parameters, all named `area_…`."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnitArea:
    """A unit of any level on a day, by its identity and its path of that day."""

    unit_id: str
    path: str


@dataclass(frozen=True, slots=True)
class BoxArea:
    """A box in degrees: west, south, east, north."""

    bounds: Box


@dataclass(frozen=True, slots=True)
class PolygonArea:
    """A polygon or multipolygon in degrees, valid."""

    geom: BaseGeometry


@dataclass(frozen=True, slots=True)
class CircleArea:
    """All that lies within `radius_m` metres on the ground of a point."""

    lon: float
    lat: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class CorridorArea:
    """All that lies within `half_width_m` metres on the ground of a line in degrees."""

    line: BaseGeometry
    half_width_m: float


Shape = BoxArea | PolygonArea | CircleArea | CorridorArea
Area = UnitArea | Shape


def bounds_of(area: Shape) -> Box:
    """The smallest box in degrees that surely holds the shape."""
    match area:
        case BoxArea(bounds):
            return bounds
        case PolygonArea(geom):
            west, south, east, north = geom.bounds
            return west, south, east, north
        case CircleArea(lon, lat, radius_m):
            return expanded((lon, lat, lon, lat), radius_m)
        case CorridorArea(line, half_width_m):
            west, south, east, north = line.bounds
            return expanded((west, south, east, north), half_width_m)


def expanded(bounds: Box, metres: float) -> Box:
    """A box in degrees, wider by at least `metres` on every side."""
    west, south, east, north = bounds
    up = metres / METRES_PER_DEGREE_NORTH
    widest = min(max(abs(south), abs(north)) + up, 89.0)
    aside = metres / (METRES_PER_DEGREE_NORTH * math.cos(math.radians(widest)))
    return west - aside, south - up, east + aside, north + up


def box_around(point: str, metres: str) -> str:
    """SQL of the box that surely holds all within so many metres of a point; both are SQL, of below 85° of latitude."""
    north = f"(1e-9 + 1.01 * {metres} / {METRES_PER_DEGREE_NORTH})"
    return f"ST_Expand({point}, {north} / cos(radians(ST_Y({point}))), {north})"


def members(area: Area, *, anchor: str, path: str) -> Condition:
    """Which points belong to an area: `anchor` is the column of the point, `path` of the leaf that it lies in.

    A unit asks the path, not the polygon: membership is decided once, when a point or a boundary changes. Uses a GiST
    index on `anchor` or a B-tree that begins with `path`.
    """
    if isinstance(area, UnitArea):
        return Condition(
            f"{path} >= :area_path AND {path} < :area_path_end",
            {"area_path": area.path, "area_path_end": area.path + "~"},
        )
    if isinstance(area, BoxArea):
        # As exact for points as ST_Intersects, and cheap, also in the planner's eyes: else it would rather read all of
        # the asker's territory by the path than test the few points near the box.
        within = f"""ST_X({anchor}) BETWEEN :area_west AND :area_east
          AND ST_Y({anchor}) BETWEEN :area_south AND :area_north"""
        return Condition(f"{anchor} && {BOX} AND {within}", _params(area))
    return _near_shape(area, anchor)


def units_above(path: str, *, day: str = ":as_of") -> str:
    """SQL of the units above the one on a path, from the top down, as a JSON array; `path` and `day` are SQL.

    Every path is the path of the unit above it and one segment more.
    """
    return f"""
        SELECT json_agg(json_build_object('unit', g.unit_id, 'code', g.code, 'name', g.name, 'level', g.level)
                        ORDER BY length(g.path))
        FROM (
            SELECT string_agg(segment || '/', '') OVER (ORDER BY place) AS path
            FROM unnest(string_to_array(rtrim({path}, '/'), '/')) WITH ORDINALITY AS part (segment, place)
        ) above
        JOIN grid g ON g.path = above.path AND g.valid @> CAST({day} AS date)
        WHERE g.path <> {path}
    """


def touching(area: Area, *, geom: str, day: str = ":as_of") -> Condition:
    """Which lines and polygons have any part inside an area; `day` is the SQL of the day whose boundaries count."""
    if not isinstance(area, UnitArea):
        return _near_shape(area, geom)
    polygon = f"(SELECT a.geom FROM grid a WHERE a.path = :area_path AND a.valid @> CAST({day} AS date))"
    return Condition(f"{geom} && {polygon} AND ST_Intersects({geom}, {polygon})", {"area_path": area.path})


def _near_shape(area: Shape, column: str) -> Condition:
    match area:
        case BoxArea():
            # Indexes hold boxes in single precision: without the exact test a point just outside would pass.
            exact = f"ST_Intersects({column}, {BOX})"
        case PolygonArea():
            exact = f"ST_Intersects({column}, {SHAPE})"
        case CircleArea():
            exact = f"ST_DWithin({column}::geography, {CENTRE}::geography, :area_metres)"
        case CorridorArea():
            exact = f"ST_DWithin({column}::geography, {SHAPE}::geography, :area_metres)"
    return Condition(f"{column} && {BOX} AND {exact}", _params(area))


def covering(area: Shape, *, geom: str) -> Condition:
    """Which polygons surely lie wholly inside a shape.

    A circle is taken as a polygon inside of it. In a corridor lies what the disc around its box lies in: to buffer a
    line that winds takes minutes, which no time limit interrupts.
    """
    match area:
        case BoxArea():
            exact = f"ST_Covers({BOX}, {geom})"
        case PolygonArea():
            exact = f"ST_Covers({SHAPE}, {geom})"
        case CircleArea():
            round_shape = f"ST_SetSRID(ST_Buffer({CENTRE}::geography, :area_metres, 32)::geometry, 4490)"
            exact = f"ST_Covers({round_shape}, {geom})"
        case CorridorArea():
            exact = f"ST_Distance({_middle(geom)}, {SHAPE}::geography) + {_radius(geom)} <= :area_metres"
    return Condition(f"{geom} && {BOX} AND {exact}", _params(area))


def _middle(geom: str) -> str:
    return f"ST_Centroid(ST_Envelope({geom}))::geography"


def _radius(geom: str) -> str:
    """Half the diagonal of the box in metres, and a little more since the diagonals of a box on a globe differ."""
    return f"""0.51 * ST_Distance(ST_SetSRID(ST_MakePoint(ST_XMin({geom}), ST_YMin({geom})), 4490)::geography,
                                  ST_SetSRID(ST_MakePoint(ST_XMax({geom}), ST_YMax({geom})), 4490)::geography)"""


def _params(area: Shape) -> dict[str, Any]:
    west, south, east, north = bounds_of(area)
    box = {"area_west": west, "area_south": south, "area_east": east, "area_north": north}
    match area:
        case BoxArea():
            return box
        case PolygonArea(geom):
            return box | {"area_shape": shapely.to_wkb(geom)}
        case CircleArea(lon, lat, radius_m):
            return box | {"area_lon": lon, "area_lat": lat, "area_metres": radius_m}
        case CorridorArea(line, half_width_m):
            return box | {"area_shape": shapely.to_wkb(line), "area_metres": half_width_m}
