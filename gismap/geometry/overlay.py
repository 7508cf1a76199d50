"""Lays two divisions of the same land over each other: what went from whom to whom, and the parts common to both.

People and things are counted elsewhere; what is thinner than a border is drawn belongs to nobody's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gismap.geometry.blocks import Merging, shared_borders
from gismap.geometry.ground import Floats, Ints, Shapes, measure

LAND_M2, LAND_WIDTH_M = 10.0, 0.5
"""Smaller or thinner (2A/P) pieces of an overlay are slivers: the same border, drawn twice."""

NODE_DEGREES = 1e-9
"""Borders of two files are joined on a lattice of a tenth of a millimetre, which keeps crossing lines crossing."""

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Moved:
    """Land that went from one unit to another (None: from or to nobody); more than a sliver."""

    before: str | None
    after: str | None
    geom: shapely.Geometry
    area_m2: float


def moved_land(before: Mapping[str, shapely.Geometry], after: Mapping[str, shapely.Geometry]) -> list[Moved]:
    """What changed hands between two coverages (degrees), by pair of units; units with the same shape cost nothing."""
    old = [unit for unit, geom in before.items() if not _same(geom, after.get(unit))]
    new = [unit for unit, geom in after.items() if not _same(geom, before.get(unit))]
    olds, news = _array(before[unit] for unit in old), _array(after[unit] for unit in new)
    at_old, at_new = shapely.STRtree(news).query(olds, predicate="intersects")
    elsewhere = np.array([old[i] != new[j] for i, j in zip(at_old, at_new, strict=True)], dtype=bool)
    at_old, at_new = at_old[elsewhere], at_new[elsewhere]
    pieces = shapely.intersection(olds[at_old], news[at_new])
    found = [_moved(old[i], new[j], piece) for i, j, piece in zip(at_old, at_new, pieces, strict=True)]
    whole_old, whole_new = shapely.union_all(olds), shapely.union_all(news)
    for unit, geom in zip(new, shapely.difference(news, whole_old), strict=True):
        found.append(_moved(None, unit, geom))
    for unit, geom in zip(old, shapely.difference(olds, whole_new), strict=True):
        found.append(_moved(unit, None, geom))
    return sorted((one for one in found if one is not None), key=lambda one: (one.before or "", one.after or ""))


def land_of(shape: shapely.Geometry) -> tuple[shapely.MultiPolygon, float]:
    """The parts of a shape that are more than slivers, and their area in m²."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    areas, perimeters = measure(parts)
    kept = (areas >= LAND_M2) & (2 * areas >= LAND_WIDTH_M * perimeters)
    return shapely.multipolygons(parts[kept]), float(areas[kept].sum())


def shared_areas(first: Shapes, second: Shapes) -> tuple[Ints, Ints, Floats]:
    """Which shapes of two divisions have land in common, and how much (m²); slivers are left out."""
    at_first, at_second = shapely.STRtree(second).query(first, predicate="intersects")
    common = shapely.intersection(first[at_first], second[at_second])
    areas, perimeters = measure(common)
    kept = (areas >= LAND_M2) & (2 * areas >= LAND_WIDTH_M * perimeters)
    return at_first[kept], at_second[kept], areas[kept]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the common refinement: its polygon, and which shape of each division has it (`NOBODY`: none)."""

    geom: shapely.Polygon
    first: int
    second: int
    area_m2: float


def refine(
    first: Sequence[shapely.Geometry], second: Sequence[shapely.Geometry], *, min_area_m2: float, min_width_m: float
) -> list[Part]:
    """The parts that the borders of both divisions (degrees) cut the land into, seamless, north to south.

    A part smaller than `min_area_m2` or thinner than `min_width_m` (2A/P) joins the neighbour with which it shares the
    longest border, smallest first; a joined part is named by the largest of its pieces. One without neighbours stays.
    """
    firsts, seconds = _array(first), _array(second)
    borders = shapely.union_all(shapely.boundary(np.concatenate([firsts, seconds])), grid_size=NODE_DEGREES)
    faces = np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(borders))))
    inner = shapely.point_on_surface(faces)
    at_first, at_second = holders(firsts, inner), holders(seconds, inner)
    covered = (at_first != NOBODY) | (at_second != NOBODY)
    faces, at_first, at_second = faces[covered], at_first[covered], at_second[covered]
    areas, perimeters = measure(faces)
    merging = Merging(areas, perimeters, shared_borders(faces))
    merging.absorb_small(min_area_m2, min_width_m, keeps_rim=True)
    parts = []
    for members in merging.groups():
        largest = max(members, key=lambda face: areas[face])
        geom = shapely.coverage_union_all(faces[members])
        for piece in shapely.get_parts(geom):
            (area,), _ = measure(np.array([piece], dtype=object))
            parts.append(Part(piece, int(at_first[largest]), int(at_second[largest]), float(area)))
    return sorted(parts, key=lambda part: (-round(part.geom.centroid.y, 7), part.geom.centroid.x))


def holders(shapes: Shapes, points: Shapes) -> NDArray[np.intp]:
    """Which shape each point lies in (`NOBODY`: none): the first one where shapes overlap or meet."""
    found = np.full(len(points), NOBODY)
    at_point, at_shape = shapely.STRtree(shapes).query(points, predicate="intersects")
    order = np.lexsort((-at_shape, at_point))  # the first is written last
    found[at_point[order]] = at_shape[order]
    return found


def _moved(before: str | None, after: str | None, shape: shapely.Geometry) -> Moved | None:
    land, area = land_of(shape)
    return Moved(before, after, land, area) if area else None


def _same(geom: shapely.Geometry, other: shapely.Geometry | None) -> bool:
    return other is not None and bool(shapely.equals_exact(geom, other))


def _array(shapes: object) -> Shapes:
    listed = list(shapes)  # type: ignore[call-overload]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array
