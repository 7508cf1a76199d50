"""Metres on the ground, for measuring and for work in a plane; which frame a file is in is not here."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from gismap.geometry.datums import CGCS2000, Frame, plausible_positions, to_cgcs2000
from gismap.geometry.errors import CrsError

Shapes = NDArray[np.object_]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SEMI_MAJOR_M, ECCENTRICITY2 = 6378137.0, 0.00669438002290
# CGCS2000's ellipsoid equals GRS 80 but for 0.1 mm. The meridian is 0: longitudes are shifted instead.
_PLANE: Any = pyproj.Transformer.from_crs(
    "+proj=longlat +ellps=GRS80", "+proj=tmerc +lat_0=0 +lon_0=0 +k=1 +ellps=GRS80", always_xy=True
)


@dataclass(frozen=True, slots=True)
class GroundPlane:
    """A plane in metres around the meridian `lon` (transverse Mercator): lengths err by 0.03 % at 150 km from it."""

    lon: float

    def to_metres(self, shapes: Shapes) -> Shapes:
        """Geometries in degrees as geometries in this plane; equal vertices stay equal."""
        return np.asarray(shapely.transform(shapes, self._forward))

    def to_degrees(self, shapes: Shapes) -> Shapes:
        """The way back, exact to about a nanometre."""
        return np.asarray(shapely.transform(shapes, self._backward))

    def _forward(self, lonlat: Floats) -> Floats:
        return np.column_stack(_PLANE.transform(lonlat[:, 0] - self.lon, lonlat[:, 1]))

    def _backward(self, metres: Floats) -> Floats:
        lon, lat = _PLANE.transform(metres[:, 0], metres[:, 1], direction="INVERSE")
        return np.column_stack([lon + self.lon, lat])


@dataclass(frozen=True, slots=True)
class TangentPlane:
    """A plane in metres that touches the ground at a point: degrees from it times metres per degree. Straight lines
    stay straight, and a point costs two multiplications; lengths err by 1 % at 50 km north or south of it.
    """

    lon: float
    lat: float

    def to_metres(self, shapes: Shapes) -> Shapes:
        """Geometries in degrees as geometries in this plane."""
        return np.asarray(shapely.transform(shapes, lambda lonlat: (lonlat - (self.lon, self.lat)) * self._scale()))

    def point(self, lon: float, lat: float) -> shapely.Point:
        """A position in degrees as a point in this plane."""
        east, north = self._scale()
        return shapely.Point((lon - self.lon) * east, (lat - self.lat) * north)

    def _scale(self) -> tuple[float, float]:
        phi = math.radians(self.lat)
        squeezed = 1 - ECCENTRICITY2 * math.sin(phi) ** 2
        per_radian = math.radians(SEMI_MAJOR_M)
        return per_radian * math.cos(phi) / math.sqrt(squeezed), per_radian * (1 - ECCENTRICITY2) / squeezed**1.5


def plane_of(shapes: Shapes) -> GroundPlane:
    """The plane whose meridian runs through the middle of the geometries (degrees)."""
    west, _, east, _ = shapely.total_bounds(shapes)
    return GroundPlane(float(west + east) / 2)


def measure(shapes: Shapes) -> tuple[Floats, Floats]:
    """Areas in m² and perimeters (lengths of lines) in m of geometries in degrees.

    Each is scaled along the parallel and the meridian of its centroid: within 0.002 % up to 100 km across.
    Scaling keeps straight lines straight. In a projection a border of 400 m bulges by 2 mm, and a sliver of no width
    beside a neighbour with more vertices would seem to have half a square metre.
    """
    middle = np.zeros((len(shapes), 2))
    centroids, owner = shapely.get_coordinates(shapely.centroid(shapes), return_index=True)  # none of empty ones
    middle[owner] = centroids
    phi = np.radians(middle[:, 1])
    squeezed = 1 - ECCENTRICITY2 * np.sin(phi) ** 2
    east_west, north_south = np.cos(phi) / np.sqrt(squeezed), (1 - ECCENTRICITY2) / squeezed**1.5
    per_degree = np.radians(SEMI_MAJOR_M) * np.column_stack([east_west, north_south])
    lonlat, owner = shapely.get_coordinates(shapes, return_index=True)
    scaled = shapely.set_coordinates(shapes.copy(), (lonlat - middle[owner]) * per_degree[owner])
    return shapely.area(scaled), shapely.length(scaled)


@dataclass(frozen=True, slots=True)
class Ground:
    """How a layer is measured: in metres on the ground where it is in degrees, else in its own plane.

    `frame` is None for metres of a plane that nobody knows: it can be measured, but not told in degrees. `scale` is how
    many metres on the ground a unit of the plane is.
    """

    frame: Frame | None
    scale: float = 1.0

    def measure(self, shapes: Shapes) -> tuple[Floats, Floats]:
        """Areas in m² and perimeters in m."""
        if self.is_in_degrees:
            return measure(shapes)
        return shapely.area(shapes) * self.scale**2, shapely.length(shapes) * self.scale

    def step(self, metres: float) -> float:
        """About so many metres in coordinates, for tolerances."""
        return metres / (111_320.0 if self.is_in_degrees else self.scale)

    def in_metres(self, shapes: Shapes) -> tuple[Shapes, "GroundPlane | OwnPlane"]:
        """Shapes in a plane of metres (equal vertices stay equal), and the plane, which knows the way back."""
        plane = plane_of(shapes) if self.is_in_degrees else OwnPlane(self.scale)
        return plane.to_metres(shapes), plane

    def lonlat(self, x: float, y: float) -> tuple[float, float] | None:
        """A position of the layer as longitude and latitude; None where that cannot be known."""
        if self.frame is None or not (np.isfinite(x) and np.isfinite(y)):
            return None
        lon, lat = to_cgcs2000(float(x), float(y), self.frame)
        return (lon, lat) if bool(plausible_positions(lon, lat)) else None

    def in_degrees(self, shapes: Shapes) -> Shapes:
        """Shapes as longitude and latitude (EPSG:4490).

        Raises:
            CrsError: the plane is not known.
        """
        if self.frame is None:
            raise CrsError("the layer's coordinate frame is not known: name it with --crs", field="crs")
        frame = self.frame
        if self.is_in_degrees and frame.definition is not None:
            return shapes
        return np.asarray(shapely.transform(shapes, lambda xy: np.column_stack(to_cgcs2000(xy[:, 0], xy[:, 1], frame))))

    @property
    def is_in_degrees(self) -> bool:
        """Whether the layer is in longitude and latitude."""
        return self.frame is not None and self.frame.in_degrees


@dataclass(frozen=True, slots=True)
class OwnPlane:
    """The plane of a projected layer, scaled to metres."""

    scale: float

    def to_metres(self, shapes: Shapes) -> Shapes:
        """Shapes of the layer in metres."""
        return shapes if self.scale == 1 else np.asarray(shapely.transform(shapes, lambda xy: xy * self.scale))

    def to_degrees(self, shapes: Shapes) -> Shapes:
        """The way back, into the layer's coordinates."""
        return shapes if self.scale == 1 else np.asarray(shapely.transform(shapes, lambda xy: xy / self.scale))


DEGREES = Ground(CGCS2000)
_FAITHFUL = 0.02
"""A plane whose areas err by less is taken at its word; web maps' Mercator, which doubles them, is not."""


def ground_of(frame: Frame | None, shapes: Shapes) -> Ground:
    """How shapes in a frame are measured."""
    if frame is None or frame.in_degrees:
        return Ground(frame)
    crs = pyproj.CRS.from_user_input(frame.definition)
    unit = float(crs.axis_info[0].unit_conversion_factor or 1.0) if crs.axis_info else 1.0
    positions = shapely.get_coordinates(shapes)
    positions = positions[np.isfinite(positions).all(axis=1)]
    if len(positions):
        x, y = np.median(positions, axis=0)
        lon, lat = to_cgcs2000(float(x), float(y), frame)
        stretched = pyproj.Proj(crs).get_factors(lon, lat).areal_scale if np.isfinite(lon + lat) else 1.0
        if np.isfinite(stretched) and abs(stretched - 1) > _FAITHFUL:
            unit /= float(np.sqrt(stretched))
    return Ground(frame, unit)
