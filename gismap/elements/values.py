"""What elements (the master records and their subordinates) are made of before they are written; plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shapely import Point
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class BuildingUnitDraft:
    """A stairwell (单元) of a building; households are counted here."""

    number: int
    households: int


@dataclass(frozen=True, slots=True)
class DwellingDraft:
    """A door (户/房屋): of a building unit, or of a courtyard where `unit_number` is None."""

    door: str  # as on the plate: "101", "3号院东户"
    unit_number: int | None = None
    floor: int | None = None


@dataclass(frozen=True, slots=True)
class BuildingDraft:
    """The subordinate record of a building."""

    address: str | None
    floors: int | None  # None: not known
    households: int | None
    use: str  # residential, bungalow, shop, office, school, hospital, factory, public, farmhouse
    units: Sequence[BuildingUnitDraft] = ()
    dwellings: Sequence[DwellingDraft] = ()


@dataclass(frozen=True, slots=True)
class StaffDraft:
    """The subordinate record of a member of staff; `phone` is the duty phone."""

    person_name: str
    phone: str
    employment: str  # full_time, part_time, leader, volunteer


@dataclass(frozen=True, slots=True)
class CareDraft:
    """The subordinate record of a person in care: the purpose that it is kept for, and the identity fields that the
    purpose needs, which are sealed when they are written. `content` is a keyed digest of the fields, to tell whether a
    file says something new; `child_until` the 14th birthday of a child, or the last year of all where it is not known.
    """

    purpose: str
    kept_until: datetime
    child_until: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    content: str = ""


@dataclass(frozen=True, slots=True)
class ElementDraft:
    """One master record that is to be written, with at most one subordinate record.

    `source` and `source_ref` are its identity for repeated imports; `geom` is EPSG:4490, lon/lat; `anchor` is the point
    that decides membership, counts and search (a representative point of `geom` when None). `part_of` is the
    `source_ref` of another draft of the same source or the element_id of a stored element. Person elements
    (staff, care persons) have no `name`.
    """

    layer: str
    source_ref: str
    geom: BaseGeometry
    category: str | None = None
    name: str | None = None
    anchor: Point | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    part_of: str | None = None
    building: BuildingDraft | None = None
    staff: StaffDraft | None = None
    care: CareDraft | None = None
    as_reported: BaseGeometry | None = None  # the coordinates as they came, where they were transformed


@dataclass(frozen=True, slots=True)
class StreetDraft:
    """A street's centre-line (EPSG:4490, LineString or MultiLineString)."""

    source_ref: str
    geom: BaseGeometry
    street_class: str  # trunk, primary, secondary, tertiary, residential, lane, track
    name: str | None = None
