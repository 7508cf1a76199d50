"""The sheet of metres that a land is drawn on, and how it relates to degrees and to areas on the ground."""

from dataclasses import dataclass

import numpy as np
import shapely

from gismap.geometry.ground import Floats, Shapes, measure

METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """Metres around a point, proportional to degrees, so that a line that is straight here is straight in degrees.

    In a true projection a street's end would miss the straight street that it meets by some millimetres, once both
    are in degrees. Lengths along the parallel err by 0.3 % at 25 km from the middle, which no drawing shows.
    """

    lon: float
    lat: float

    def to_degrees(self, shapes: Shapes) -> Shapes:
        """Geometries of the sheet in degrees, not rounded."""
        return np.asarray(shapely.transform(shapes, lambda xy: xy / self._scale() + (self.lon, self.lat)))

    def to_metres(self, shapes: Shapes) -> Shapes:
        """Geometries in degrees on the sheet."""
        return np.asarray(shapely.transform(shapes, self.points))

    def points(self, lonlat: Floats) -> Floats:
        """Points in degrees, shape (n, 2), on the sheet."""
        return (np.asarray(lonlat, dtype=float) - (self.lon, self.lat)) * self._scale()

    def _scale(self) -> Floats:
        return METRES_PER_DEGREE * np.array([np.cos(np.radians(self.lat)), 1.0])


def resize(outline: shapely.Polygon, sheet: Sheet, area_km2: float) -> shapely.Polygon:
    """The outline (metres of the sheet), scaled around its centroid to an area on the ground."""
    (area,), _ = measure(sheet.to_degrees(np.array([outline])))
    middle = shapely.get_coordinates(outline.centroid)
    factor = float(np.sqrt(area_km2 * 1e6 / area))
    scaled: shapely.Polygon = shapely.transform(outline, lambda xy: middle + factor * (xy - middle))
    return scaled
