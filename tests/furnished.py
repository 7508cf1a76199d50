"""The small county with something of every kind on it, for maps: made by hand, with known counts and hostile names."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shapely import LineString, Point
from sqlalchemy import Engine

from gismap.care.purposes import add_purpose
from gismap.care.values import IdentityField, Purpose
from gismap.care.writing import write_care
from gismap.demo.contents.care import CATEGORIES
from gismap.elements.care_counts import publish_care_counts
from gismap.elements.values import CareDraft, ElementDraft, StaffDraft, StreetDraft
from gismap.elements.writing import write_elements, write_streets
from gismap.locating.gazetteer import refresh_gazetteer
from gismap.publishing import describe_district, publish
from gismap.staff.values import AssignmentDraft, Duty, Role
from gismap.staff.writing import write_assignments, write_staff
from gismap.store.session import writing
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, buildings_in_each_grid, centre, small_county

SINCE = date(2026, 1, 1)
SOURCE = "test"

HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">\'"&😀${1}'
"""A name that would run, if any page took it for markup."""

PERSON, PHONE = "诸葛小明", "13912345678"
"""Somebody's name and duty phone: neither may ever be in a page or file."""

GRIDS = [f"{code}{row:03d}" for code in COMMUNITIES for row in (1, 2)]


ALONE, DISABLED, LEFT_BEHIND = "living_alone_elderly", "disability", "left_behind_child"

IN_CARE = {(ALONE, 0, 0): 18, (ALONE, 0, 1): 7, (ALONE, 1, 0): 2, (DISABLED, 0, 0): 6,
           (DISABLED, 1, 1): 9, (LEFT_BEHIND, 0, 1): 1, (ALONE, 1, 1): 5}  # fmt: skip
"""Persons in care of the county that `furnish_with_care` makes: by category and cell, some of them few."""


def purpose(name: str = "visits", **more: Any) -> Purpose:
    """A purpose that lacks nothing, for all built-in categories."""
    usual = Purpose(
        name, "关爱走访", "statutory_duty", "《老年人权益保障法》", "已在社区公示", SINCE, "PIA-2026-01", "民政局",
        ["街道民政办"], list(CATEGORIES), list(IdentityField), "《未成年人保护法》第四十三条", 365,
        datetime.now(UTC) + timedelta(days=365),
    )  # fmt: skip
    return replace(usual, **more)


def in_care(ref: str, at: Point, category: str, **care: Any) -> ElementDraft:
    """A person in care, kept for `purpose()`."""
    kept_until = datetime.now(UTC) + timedelta(days=365)
    record = CareDraft(**{"purpose": "visits", "kept_until": kept_until, **care})
    return ElementDraft("care_persons", ref, at, category=category, care=record)


def furnish_with_care(engine: Engine, *, today: date) -> None:
    """Store the county with its buildings and the persons `IN_CARE`, their counts published for the running month."""
    persons = [
        in_care(f"{category}-{column}-{row}-{n}", Point(centre(column, row)), category)
        for (category, column, row), number in IN_CARE.items()
        for n in range(number)
    ]
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=SINCE, today=today, author="test", reason="test")
        elements = [*buildings_in_each_grid(), *persons]
        write_elements(connection, elements, source=SOURCE, source_crs="EPSG:4490", since=SINCE)
        add_purpose(connection, purpose(), made_by="test")
        write_care(connection, elements, keyring=None)
        publish_care_counts(connection, today.replace(day=1), today=today)


def furnish(engine: Engine, *, today: date, synthetic: bool = True) -> None:
    """Store the county with streets, 12 buildings, 6 places, a station, 4 teams and 30 persons in care.

    The last grid has nobody; the school's name is hostile, and so is the title of the district.
    """
    elements = [*buildings_in_each_grid(), *_places(), *_staff(), *_care_persons()]
    with writing(engine) as connection:
        describe_district(connection, f"邹城{HOSTILE}", f"Zoucheng {HOSTILE}", synthetic=synthetic)
        published = publish(connection, small_county(), effective_from=SINCE, today=today, author="test", reason="test")
        write_streets(connection, _streets(), source=SOURCE)
        write_elements(connection, elements, source=SOURCE, source_crs="EPSG:4490", since=SINCE)
        add_purpose(connection, purpose(), made_by="test")
        write_care(connection, elements, keyring=None)
        write_staff(connection, elements, source=SOURCE)
        write_assignments(connection, _assignments(), source=SOURCE, unit_ids=published.unit_ids)
        refresh_gazetteer(connection)
        publish_care_counts(connection, today.replace(day=1), today=today)


def _streets() -> list[StreetDraft]:
    east, north = WEST + 2 * STEP, SOUTH + 2 * STEP
    return [
        StreetDraft("a", LineString([(WEST, SOUTH + STEP), (east, SOUTH + STEP)]), "primary", "人民路"),
        StreetDraft("b", LineString([(WEST + STEP, SOUTH), (WEST + STEP, north)]), "secondary", "解放路"),
        StreetDraft("c", LineString([(WEST, SOUTH), (east, north)]), "lane"),
    ]


def _places() -> list[ElementDraft]:
    lon, lat = centre(0, 0)
    kinds = ("school", "hospital", "supermarket", "gas_station", "park", "factory")
    names = (HOSTILE, "人民医院", "惠民超市", "城南加油站", "法治公园", "纺织厂")
    places = [
        ElementDraft("key_places", kind, Point(lon + 1e-3 * i, lat + 1e-3), category=kind, name=name)
        for i, (kind, name) in enumerate(zip(kinds, names, strict=True))
    ]
    at = Point(lon, lat - 1e-3)
    station = ElementDraft("service_stations", "s", at, category="community_station", name="福安服务站")
    return [*places, station]


def _staff() -> list[ElementDraft]:
    return [
        ElementDraft(
            "staff", f"{duty}-{grid}", Point(centre(i // 2, i % 2)), staff=StaffDraft(PERSON, PHONE, "full_time")
        )
        for i, grid in enumerate(GRIDS[:3])
        for duty in Duty
    ]


def _assignments() -> list[AssignmentDraft]:
    roles = {Duty.PRIMARY: Role.GRID_LEADER, Duty.BACKUP: Role.FULL_TIME_GRID_WORKER}
    return [AssignmentDraft(f"{duty}-{grid}", grid, roles[duty], duty, SINCE) for grid in GRIDS[:3] for duty in Duty]


def _care_persons() -> list[ElementDraft]:
    persons = []
    for i, (category, count) in enumerate((("living_alone_elderly", 18), ("disability", 9), ("left_behind_child", 3))):
        lon, lat = centre(i % 2, i // 2)
        persons += [in_care(f"{category}{n}", Point(lon, lat), category) for n in range(count)]
    return persons
