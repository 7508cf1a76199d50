"""Checks plans: the whole, or after an edit only what lies around it; what a defect is, is `geometry.coverage`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from sqlalchemy import Connection

from gismap.boundaries import revisions
from gismap.boundaries.derivation import check_structure
from gismap.boundaries.plan_sheet import Sheet
from gismap.boundaries.plans import base_day, check_new_codes, find_plan, merged, newest_revision
from gismap.boundaries.values import UnitDraft
from gismap.errors import BadInputError
from gismap.geometry.coverage import find_defects
from gismap.geometry.defects import NOISE_M2, WORTH_KNOWING, Defect, DefectType, Remedy
from gismap.geometry.ground import measure
from gismap.publishing import defects_of

_TOUCH_DEGREES = 1e-9
_WIDENINGS = 4


_HOLES = frozenset({DefectType.GAP, DefectType.ENCLAVE})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What keeps a plan from being published; `structure` is what is wrong with the hierarchy, in words."""

    defects: list[Defect]
    structure: str | None
    base_moved: bool

    @property
    def is_clean(self) -> bool:
        return not self.defects and self.structure is None and not self.base_moved


def check_plan(connection: Connection, plan_id: str, today: date) -> list[Defect]:
    """What keeps the boundaries that the plan would make of those it was drawn on from covering the land once."""
    return judge_plan(connection, plan_id, today).defects


def judge_plan(connection: Connection, plan_id: str, today: date) -> Verdict:
    """Everything that keeps the plan from being published, but outlines that only a named authority moves."""
    plan = find_plan(connection, plan_id)
    standing = revisions.standing_units(connection, base_day(connection, plan, today))
    units = merged(standing, plan.units, plan.retired)
    structure = None
    try:
        check_structure(units)
        check_new_codes(connection, plan)
    except BadInputError as fault:
        structure = fault.detail
    return Verdict(defects_of(units), structure, newest_revision(connection) != plan.base_revision)


def check_around(sheet: Sheet, old: Sequence[UnitDraft], new: Sequence[UnitDraft]) -> list[Defect]:
    """What is wrong around grids that became others, and land that has nobody any more.

    Only grids that touch the box of the change are looked at, which finds the same as a check of the whole plan would
    there. An edit that takes land which nobody had could close a bay far around: it asks for the check of the whole.
    """
    before = [unit.geom for unit in old if unit.geom is not None]
    after = [unit.geom for unit in new if unit.geom is not None]
    if not before and not after:
        return []
    region = shapely.box(*shapely.total_bounds(np.array(before + after, dtype=object)))
    leaves = sheet.leaves_near(region, _TOUCH_DEGREES)
    changed = {unit.key for unit in new}
    others = [leaf.geom for leaf in leaves if leaf.key not in changed]
    if _is_land(shapely.difference(_union(after), _union(before + others))):
        return defects_of(sheet.all())
    defects = _around(sheet, leaves, region)
    known = _union([each.geometry for each in defects if each.type in _HOLES])
    lost = shapely.difference(_union(before), _union([leaf.geom for leaf in leaves] + [known]))
    return defects + _uncovered(lost)


def _around(sheet: Sheet, leaves: Sequence[UnitDraft], region: shapely.Geometry) -> list[Defect]:
    """The defects that touch the region; where a gap leads out of what was looked at, more is looked at."""
    seen = region
    for _ in range(_WIDENINGS):
        found = find_defects([leaf.code or leaf.key for leaf in leaves], [leaf.geom for leaf in leaves])
        against = [each for each in found if each.type not in WORTH_KNOWING]
        here = [each for each in against if each.geometry is None or each.geometry.dwithin(region, _TOUCH_DEGREES)]
        wide = [each.geometry for each in here if each.type in _HOLES and not seen.covers(each.geometry)]
        if not wide:
            break
        seen = shapely.box(*shapely.total_bounds(np.array([seen, *wide], dtype=object)))
        leaves = sheet.leaves_near(seen, _TOUCH_DEGREES)
    return here


def _union(shapes: Sequence[shapely.Geometry | None]) -> shapely.Geometry:
    given = np.array([shape for shape in shapes if shape is not None], dtype=object)
    return shapely.union_all(shapely.make_valid(given)) if given.size else shapely.MultiPolygon()


def _is_land(shape: shapely.Geometry) -> bool:
    (area,), _ = measure(np.array([shape], dtype=object))
    return bool(area > NOISE_M2)


def _uncovered(land: shapely.Geometry) -> list[Defect]:
    parts = [part for part in shapely.get_parts(land) if part.geom_type == "Polygon"]
    if not parts:
        return []
    areas, perimeters = measure(np.array(parts, dtype=object))
    found = []
    for part, area, perimeter in zip(parts, areas, perimeters, strict=True):
        if area > NOISE_M2:
            at = shapely.point_on_surface(part)
            found.append(
                Defect(
                    DefectType.UNCOVERED, (), Remedy.EXTEND, float(area), float(2 * area / perimeter),
                    float(perimeter / 2), (at.x, at.y), part,
                )
            )  # fmt: skip
    return found
