"""What boundaries are made of before they are published; plain values, no SQL and no checks."""

from dataclasses import dataclass
from enum import StrEnum

from shapely import MultiPolygon


class GridKind(StrEnum):
    """What a unit is; an attribute, never a digit of its code."""

    GENERAL = "general"  # 综合网格
    DEDICATED = "dedicated"  # 专属网格
    MICRO = "micro"  # 微网格


class ZoneType(StrEnum):
    """The land a grid lies on, which decides its lowest levels (五级五长)."""

    RESIDENTIAL_COMPOUND = "residential_compound"  # 小区
    BUNGALOW_AREA = "bungalow_area"  # 平房区
    COMMERCIAL = "commercial"  # 商区
    RURAL = "rural"  # 农村


@dataclass(frozen=True, slots=True)
class UnitDraft:
    """One unit of a hierarchy that is to be published.

    `key` names the unit inside its draft and is what `parent` of its children refers to. Only leaves carry `geom`
    (EPSG:4490, lon/lat); the polygon of a parent is derived at publication. `unit_id` is given to continue a published
    unit, or to fix the identity of a new one; without it a new identity is drawn.
    """

    key: str
    name: str
    level: int  # 1 city/county, 2 town or subdistrict, 3 community or management area, 4 grid, 5 micro-grid
    parent: str | None = None
    code: str | None = None
    division_code: str | None = None
    kind: GridKind = GridKind.GENERAL
    zone_type: ZoneType | None = None
    governance_mode: str | None = None
    geom: MultiPolygon | None = None
    unit_id: str | None = None
