"""What a demo district consists of; the generator makes it, the loader stores it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shapely import MultiPolygon, Polygon

from gismap.boundaries.values import UnitDraft
from gismap.elements.values import ElementDraft, StreetDraft
from gismap.staff.values import AssignmentDraft

SINCE = date(2026, 1, 1)
"""A demo's first boundaries took effect on this day, so that questions about the past have answers."""


class BlockUse(StrEnum):
    """What stands on a block of a demo."""

    COMPOUND = "compound"  # residential compound: rows of slabs or towers
    BUNGALOWS = "bungalows"  # lanes and courtyards
    SHOPS = "shops"  # shop street
    CIVIC = "civic"  # school, hospital, offices
    INDUSTRY = "industry"
    PARK = "park"
    VILLAGE = "village"  # built-up core of a village
    OPEN = "open"  # fields, hills, water


@dataclass(frozen=True, slots=True)
class Block:
    """Land between street centre-lines; buildings stand on it, well inside of its border."""

    unit: str  # key of its leaf
    geom: Polygon  # degrees
    use: BlockUse
    street: str | None = None  # name of the street it fronts, for addresses
    compound: str | None = None  # blocks with the same value make up one compound, lane quarter or village
    households: int = 0  # how many should live here


@dataclass(frozen=True, slots=True)
class Land:
    """A district without anything on it: units, streets, and the blocks to build on."""

    units: Sequence[UnitDraft]
    outlines: dict[str, MultiPolygon]
    streets: Sequence[StreetDraft]
    blocks: Sequence[Block]


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
