"""Degrees to metres on the ground, for measuring and for work in a plane; which frame a file is in is not here."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

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
