"""Finds what keeps polygons from covering the land exactly once; mending them is not here, nor is reading files.

Overlays are made on the very coordinates of the layer, in degrees or metres, and only their pieces are measured on the
ground, so that an exactly shared border stays exactly shared. A layer without defects costs one pass of GEOS' coverage
check and a union; only units that the check flags are overlaid.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from gismap.geometry.covering import Coverage, Terms, are_finite, parts_of
from gismap.geometry.defects import (
    JITTER_M,
    NOISE_M2,
    SLIVER_M,
    SLIVER_RATIO,
    Defect,
    DefectType,
    Remedy,
)
from gismap.geometry.ground import Floats, Shapes
from gismap.geometry.shapes import find_invalidity


def find_defects(
    ids: Sequence[str],
    polygons: Sequence[shapely.Geometry | None],
    outline: shapely.Geometry | None = None,
    terms: Terms | None = None,
) -> list[Defect]:
    """Everything that keeps units from covering the land once, ordered by type, largest first.

    Every hole of the union is a gap or an enclave, unless it is allowed or the outline has it too.

    Args:
        ids: one name per unit.
        polygons: Polygon or MultiPolygon per unit, in degrees unless `terms` say otherwise.
        outline: what the units must cover; short for terms with one outline.
        terms: what is asked of them besides.
    """
    asked = terms or Terms({} if outline is None else {"": outline})
    return defects_of(Coverage(ids, polygons, asked))


def defects_of(coverage: Coverage) -> list[Defect]:
    """What is wrong with units under check, ordered by type, largest first."""
    return [defect for detect in DETECTORS for defect in sorted(detect(coverage), key=lambda found: -found.area_m2)]


def detect_invalid(coverage: Coverage) -> Iterator[Defect]:
    """Rings that cross, non-finite coordinates, geometry that is no polygon."""
    for index in np.flatnonzero(coverage.unsound):
        shape = coverage.given[index]
        if index in coverage.broken or shape is None or shape.is_empty:
            continue
        reason, at = _why_invalid(shape)
        place = None if at is None else coverage.ground.lonlat(*at)
        yield Defect(DefectType.INVALID, (coverage.ids[index],), Remedy.REDRAW, at=place, geometry=shape, reason=reason)
    for broken, reason in coverage.broken.items():
        is_land = not shapely.is_empty(coverage.shapes[broken])
        shape = coverage.given[broken] if is_land else None
        place = coverage.place_in(coverage.shapes[broken]) if is_land else None
        units = (coverage.ids[broken],)
        yield Defect(DefectType.INVALID, units, Remedy.REDRAW, at=place, geometry=shape, reason=reason)


def _why_invalid(shape: shapely.Geometry) -> tuple[str, tuple[float, float] | None]:
    if shape.geom_type not in {"Polygon", "MultiPolygon"}:
        return f"is a {shape.geom_type}", None
    if not are_finite(np.array([shape]))[0]:
        return "has coordinates that cannot be", None
    invalidity = find_invalidity(shape)
    return ("is invalid", None) if invalidity is None else (invalidity.reason, invalidity.at)


def detect_empty(coverage: Coverage) -> Iterator[Defect]:
    """Units without any land."""
    for index in np.flatnonzero(shapely.is_missing(coverage.given) | shapely.is_empty(coverage.given)):
        if index not in coverage.broken:
            yield Defect(DefectType.EMPTY, (coverage.ids[index],), Remedy.REDRAW)


def detect_multipart(coverage: Coverage) -> Iterator[Defect]:
    """Units of several parts; the area is that of all but the largest."""
    several = (shapely.get_type_id(coverage.given) == 6) & (shapely.get_num_geometries(coverage.given) > 1)
    for index in np.flatnonzero(several):
        parts, _ = parts_of(coverage.shapes[[index]])
        if len(parts) > 1:
            lesser = np.delete(parts, int(np.argmax(shapely.area(parts))))
            units = (coverage.ids[index],)
            yield coverage.described(DefectType.MULTIPART, units, Remedy.SPLIT_OR_KEEP, lesser)


def detect_overlaps(coverage: Coverage) -> Iterator[Defect]:
    """Land that two units claim: one defect per pair, however many pieces; named by how they lie."""
    for first, second, shared in coverage.overlaps:
        first_inside, second_inside = (_is_all_of(coverage, shared, unit) for unit in (first, second))
        if first_inside and second_inside:
            yield coverage.described(DefectType.DUPLICATE, coverage.named([first, second]), Remedy.REMOVE_UNIT, shared)
        elif first_inside or second_inside:
            inner, outer = (first, second) if first_inside else (second, first)
            units = (coverage.ids[inner], coverage.ids[outer])
            yield coverage.described(DefectType.CONTAINED, units, Remedy.CUT_FROM_OUTER, shared)
        else:
            width, length = coverage.widths(shared)
            wide = width >= JITTER_M
            if wide.any():
                narrow = bool(_are_slivers(width[wide], length[wide]).all())
                kind = DefectType.SLIVER if narrow else DefectType.OVERLAP
                remedy = Remedy.SHARE_BORDER if narrow else Remedy.GIVE_TO_ONE
                found = coverage.described(kind, coverage.named([first, second]), remedy, shared[wide])
                yield _with_parts(found, overlap_m2=found.area_m2) if narrow else found


def _is_all_of(coverage: Coverage, shared: Shapes, unit: int) -> bool:
    """Whether what is shared is the unit, but for what is narrower than jitter or a hundredth of it."""
    (area,), (perimeter,) = coverage.ground.measure(coverage.shapes[[unit]])
    left = float(area - coverage.ground.measure(shared)[0].sum())
    return left <= min(0.01 * float(area), JITTER_M * float(perimeter) / 2)


def detect_gaps(coverage: Coverage) -> Iterator[Defect]:
    """Land enclosed by units that none of them covers."""
    width, length = coverage.widths(coverage.holes)
    for hole, is_sliver in zip(
        coverage.holes[width >= JITTER_M],
        _are_slivers(width[width >= JITTER_M], length[width >= JITTER_M]),
        strict=True,
    ):
        around = coverage.beside(hole)
        land = np.array([hole])
        if is_sliver and len(around) > 1:
            found = coverage.described(DefectType.SLIVER, coverage.named(around), Remedy.SHARE_BORDER, land)
            yield _with_parts(found, overlap_m2=0.0)
            continue
        found = coverage.described(DefectType.GAP, coverage.named(around), Remedy.FILL, land)
        if len(around) < 2 or found.width_m > coverage.terms.gap_width_m:
            yield coverage.described(DefectType.ENCLAVE, found.units, Remedy.DRAW_OR_ALLOW, land)
        else:
            yield found


def detect_jitter(coverage: Coverage) -> Iterator[Defect]:
    """Borders drawn twice that differ by less than a centimetre: one defect per pair of units."""
    borders: dict[tuple[int, int], tuple[list[shapely.Geometry], list[shapely.Geometry]]] = {}
    for first, second, shared in coverage.overlaps:
        if not (_is_all_of(coverage, shared, first) or _is_all_of(coverage, shared, second)):
            width, _ = coverage.widths(shared)
            if (width < JITTER_M).any():
                borders.setdefault((first, second), ([], []))[0].extend(shared[width < JITTER_M])
    width, _ = coverage.widths(coverage.holes)
    for hole in coverage.holes[width < JITTER_M]:
        borders.setdefault(_owners_of_border(coverage, hole), ([], []))[1].append(hole)
    for pair, (doubled, missing) in borders.items():
        land = np.array([*doubled, *missing], dtype=object)
        found = coverage.described(DefectType.JITTER, coverage.named(set(pair) - {-1}), Remedy.SHARE_BORDER, land)
        overlap = float(coverage.ground.measure(np.array(doubled, dtype=object))[0].sum()) if doubled else 0.0
        yield _with_parts(found, overlap_m2=overlap)


def _owners_of_border(coverage: Coverage, hole: shapely.Geometry) -> tuple[int, int]:
    """The two units that a tiny hole lies between: those with the most border on it; -1 where there is but one."""
    around = coverage.beside(hole)
    if len(around) > 2:
        reach = shapely.buffer(hole, coverage.ground.step(JITTER_M))
        shared = shapely.length(shapely.intersection(shapely.boundary(coverage.shapes[around]), reach))
        around = np.sort(around[np.argsort(-shared, kind="stable")[:2]])
    return (int(around[0]), int(around[1])) if len(around) == 2 else (-1, int(around[0]) if len(around) else -1)


def detect_near_misses(coverage: Coverage) -> Iterator[Defect]:
    """Open channels between units, which no hole shows."""
    for first, second, pieces in coverage.channels:
        units = coverage.named([first, second])
        yield coverage.described(DefectType.NEAR_MISS, units, Remedy.SHARE_BORDER, pieces)


def detect_outside(coverage: Coverage) -> Iterator[Defect]:
    """Land covered beyond the outline."""
    for piece in _wide(coverage, coverage.beyond):
        near = coverage.tree.query(piece, predicate="intersects")
        areas, _ = coverage.ground.measure(shapely.intersection(coverage.shapes[near], piece))
        units = coverage.named(near[areas > NOISE_M2])
        yield coverage.described(DefectType.OUTSIDE, units, Remedy.TRIM, np.array([piece]))


def detect_uncovered(coverage: Coverage) -> Iterator[Defect]:
    """Land of the outline that no unit covers and that is not enclosed by units (which would be a gap)."""
    for piece in _wide(coverage, coverage.missing):
        units = coverage.named(coverage.beside(piece))
        yield coverage.described(DefectType.UNCOVERED, units, Remedy.EXTEND, np.array([piece]))


def detect_statutory_mismatch(coverage: Coverage) -> Iterator[Defect]:
    """Outlines that the units do not follow: by less than a centimetre along the edge, or across inner borders."""
    thin = [
        pieces[coverage.widths(pieces)[0] < JITTER_M] if pieces.size else pieces
        for pieces in (coverage.beyond, coverage.missing)
    ]
    for name, outline in coverage.outlines.items():
        outer, inner = (
            some[shapely.dwithin(some, outline, coverage.ground.step(JITTER_M))] if some.size else some for some in thin
        )
        strays, units = _strays(coverage, name) if len(coverage.outlines) > 1 else (inner[:0], ())
        land = np.concatenate([outer, strays, inner])
        if land.size:
            told = (name, *units) if name else units
            found = coverage.described(DefectType.STATUTORY_MISMATCH, told, Remedy.FOLLOW_OUTLINE, land)
            beyond = np.concatenate([outer, strays])
            overlap = float(coverage.ground.measure(beyond)[0].sum()) if beyond.size else 0.0
            yield _with_parts(found, overlap_m2=overlap)


def _strays(coverage: Coverage, name: str) -> tuple[Shapes, tuple[str, ...]]:
    """The land that units of other outlines take of this one, and which units those are."""
    pieces, owner = [], []
    for unit in coverage.tree.query(coverage.outlines[name], predicate="intersects"):
        if coverage.home[unit] != name:
            for piece in coverage.pieces(shapely.intersection(coverage.shapes[unit], coverage.outlines[name])):
                pieces.append(piece)
                owner.append(int(unit))
    land = np.array(pieces, dtype=object)
    wide = coverage.widths(land)[0] >= JITTER_M if land.size else np.zeros(0, dtype=bool)
    return land[wide], coverage.named(set(np.array(owner)[wide].tolist()) if land.size else ())


DETECTORS: tuple[Callable[[Coverage], Iterable[Defect]], ...] = (
    detect_invalid,
    detect_empty,
    detect_overlaps,
    detect_gaps,
    detect_near_misses,
    detect_outside,
    detect_uncovered,
    detect_statutory_mismatch,
    detect_multipart,
    detect_jitter,
)
"""Each finds defects of its own types; a new type is a function here."""


def _wide(coverage: Coverage, pieces: Shapes) -> Shapes:
    return pieces[coverage.widths(pieces)[0] >= JITTER_M] if pieces.size else pieces


def _are_slivers(width: Floats, length: Floats) -> NDArray[np.bool_]:
    return (width < SLIVER_M) & (length >= SLIVER_RATIO * width)


def _with_parts(found: Defect, *, overlap_m2: float) -> Defect:
    """The defect with how much of it is covered twice; the rest is not covered at all."""
    return replace(found, overlap_m2=overlap_m2, gap_m2=max(0.0, found.area_m2 - overlap_m2))
