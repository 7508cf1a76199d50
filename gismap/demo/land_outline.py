"""Brings a sketched outline to its area on the ground."""

import numpy as np
import shapely

from gismap.demo.land_lines import Sheet
from gismap.geometry.ground import measure


def resize(outline: shapely.Polygon, sheet: Sheet, area_km2: float) -> shapely.Polygon:
    """The outline (metres of the sheet), scaled around its centroid to an area on the ground."""
    (area,), _ = measure(sheet.to_degrees(np.array([outline])))
    middle = shapely.get_coordinates(outline.centroid)
    factor = float(np.sqrt(area_km2 * 1e6 / area))
    scaled: shapely.Polygon = shapely.transform(outline, lambda xy: middle + factor * (xy - middle))
    return scaled
