"""From the drafts of a hierarchy to complete units: structure checked, parents derived, borders simplified; no SQL.

Whether the leaves cover their outline seamlessly is `gismap.geometry.coverage`'s question, not asked here.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import MultiPolygon, Point

from gismap.boundaries.values import UnitDraft
from gismap.errors import BadInputError
from gismap.geometry.measure import geodesic_area_m2

DRAWN_TOLERANCE_DEG = 1e-4
"""About 10 m: what a map of a whole district can show."""


@dataclass(frozen=True, slots=True)
class CompleteUnit:
    """A unit as it will be stored, but for its identity and path."""

    draft: UnitDraft
    is_leaf: bool
    geom: MultiPolygon
    drawn: MultiPolygon
    anchor: Point
    area_m2: float


def check_structure(drafts: Sequence[UnitDraft]) -> None:
    """Check that the drafts form trees whose leaves, and only they, carry polygons.

    Raises:
        BadInputError: names the first unit at fault.
    """
    if not drafts:
        raise BadInputError("there is no unit to publish", field="units")
    by_key = {draft.key: draft for draft in drafts}
    if len(by_key) != len(drafts):
        raise BadInputError("two units have the same key", field="key")
    _check_codes(drafts)
    parents = {draft.parent for draft in drafts if draft.parent is not None}
    for draft in drafts:
        if not 1 <= draft.level <= 5:
            raise BadInputError(f"{draft.name}: level {draft.level} is not between 1 and 5", field="level")
        if draft.parent is not None:
            parent = by_key.get(draft.parent)
            if parent is None:
                raise BadInputError(f"{draft.name}: its parent {draft.parent} is not among the units", field="parent")
            if parent.level >= draft.level:
                raise BadInputError(f"{draft.name}: its parent {parent.name} is not of a higher level", field="parent")
        if (draft.key in parents) == (draft.geom is not None):
            fault = "has children and a polygon of its own" if draft.geom is not None else "is a leaf without a polygon"
            raise BadInputError(f"{draft.name}: {fault}", field="geom")


def _check_codes(drafts: Sequence[UnitDraft]) -> None:
    owners: dict[str, str] = {}
    for draft in drafts:
        if draft.code is None:
            continue
        if draft.code in owners:
            raise BadInputError(
                f"code {draft.code} is given twice, to {owners[draft.code]} and {draft.name}", field="code"
            )
        owners[draft.code] = draft.name


def complete(drafts: Sequence[UnitDraft]) -> list[CompleteUnit]:
    """Complete units in the order of their levels; the polygon of a parent is the union of the leaves below it.

    The leaves must be a valid coverage. Areas are geodesic, in square metres.
    """
    leaves = [draft for draft in drafts if draft.geom is not None]
    exact = np.array([draft.geom for draft in leaves])
    drawn = _simplified(exact)
    below = _leaves_below(drafts, leaves)
    units = []
    for draft in sorted(drafts, key=lambda one: one.level):
        mine = below[draft.key]
        geom = exact[mine[0]] if draft.geom is not None else _union(exact[mine])
        shown = drawn[mine[0]] if draft.geom is not None else _union(drawn[mine])
        units.append(
            CompleteUnit(
                draft=draft,
                is_leaf=draft.geom is not None,
                geom=_as_multi(geom),
                drawn=_as_multi(shown),
                anchor=_anchor(geom),
                area_m2=geodesic_area_m2(geom),
            )
        )
    return units


def _union(parts: np.ndarray) -> shapely.Geometry:
    """The union of seamless parts; the quick way gives up where a border has a vertex on one side only."""
    try:
        return shapely.coverage_union_all(parts)
    except shapely.errors.GEOSException:
        return shapely.union_all(parts)


def _simplified(exact: np.ndarray) -> np.ndarray:
    drawn = shapely.coverage_simplify(exact, DRAWN_TOLERANCE_DEG)
    lost = shapely.is_empty(drawn) | ~shapely.is_valid(drawn)
    return np.where(lost, exact, drawn)


def _leaves_below(drafts: Sequence[UnitDraft], leaves: Sequence[UnitDraft]) -> dict[str, list[int]]:
    parent_of = {draft.key: draft.parent for draft in drafts}
    below: dict[str, list[int]] = defaultdict(list)
    for index, leaf in enumerate(leaves):
        key: str | None = leaf.key
        while key is not None:
            below[key].append(index)
            key = parent_of[key]
    return below


def _as_multi(geom: shapely.Geometry) -> MultiPolygon:
    return geom if isinstance(geom, MultiPolygon) else MultiPolygon([geom])


def _anchor(geom: shapely.Geometry) -> Point:
    """The centroid where it lies inside, else a point that does: labels look right and membership holds."""
    centroid = geom.centroid
    return centroid if geom.contains(centroid) else geom.representative_point()
