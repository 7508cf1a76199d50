"""Measures on the ground for geometries in degrees; what works in a projected plane measures there."""

import shapely
from pyproj import Geod

ELLIPSOID = Geod(ellps="GRS80")
"""CGCS2000's own ellipsoid differs from it by 0.1 mm in the semi-minor axis."""


def geodesic_area_m2(geom: shapely.Geometry) -> float:
    """Area of a polygon in lon/lat degrees, in square metres on the ellipsoid; holes are taken out."""
    return abs(float(ELLIPSOID.geometry_area_perimeter(shapely.orient_polygons(geom))[0]))
