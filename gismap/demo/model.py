"""What a demo district consists of; the generator makes it, the loader stores it."""

from collections.abc import Sequence
from dataclasses import dataclass

from shapely import MultiPolygon

from gismap.boundaries.values import UnitDraft
from gismap.elements.values import ElementDraft, StreetDraft
from gismap.staff.values import AssignmentDraft


@dataclass(frozen=True, slots=True)
class DemoDistrict:
    """A synthetic district, complete. Geometries are EPSG:4490, lon/lat, degrees.

    `units` lists parents before children and `outlines` gives the jurisdiction outline of the unit with that key
    (the county and its towns); each equals the union of the leaves below it.
    """

    name: str
    title_zh: str
    title_en: str
    code: str
    units: Sequence[UnitDraft]
    outlines: dict[str, MultiPolygon]
    streets: Sequence[StreetDraft]
    elements: Sequence[ElementDraft]
    assignments: Sequence[AssignmentDraft]
