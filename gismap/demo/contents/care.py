"""Persons in care of a demo: a category and a building each, with a made-up name, phone, birth date and door."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate
from random import Random

from gismap.care.values import IdentityField, fourteenth_birthday
from gismap.demo.contents.buildings import Standing
from gismap.demo.contents.names import PHONE_PREFIX, person_name
from gismap.demo.model import SINCE
from gismap.elements.values import CareDraft, ElementDraft

PURPOSE = "demo"
"""What a demo's persons are kept for; the loader records it."""

FIELDS = (IdentityField.NAME, IdentityField.PHONE, IdentityField.BIRTH_DATE, IdentityField.DOOR)

SHARE_OF_HOUSEHOLDS = 0.024

CATEGORIES: Mapping[str, float] = {
    "living_alone_elderly": 20,
    "very_old": 16,
    "disabled_self_care": 7,
    "limited_mobility": 8,
    "disability": 12,
    "child_in_need": 2,
    "left_behind_child": 4,
    "expectant_mother": 5,
    "minimum_allowance": 8,
    "near_minimum_allowance": 4,
    "destitute_support": 3,
    "chronic_home_care": 7,
    "dialysis": 1.5,
    "bereaved_family": 1.5,
    "veteran_family": 4,
    "evacuation_help": 2,
    "temporary_hardship": 2,
    "asked_for_help": 1,
}
"""The kinds of care with their relative frequency."""

AGES: Mapping[str, tuple[int, int]] = {
    "living_alone_elderly": (65, 92),
    "very_old": (80, 99),
    "child_in_need": (3, 12),
    "left_behind_child": (5, 12),
    "expectant_mother": (22, 40),
}
"""The youngest and the oldest of a kind; others are of any grown-up age."""


def care_persons(buildings: Sequence[Standing], rng: Random) -> list[ElementDraft]:
    """Persons in care in buildings drawn by their households, at the point of the building."""
    homes = [one for one in buildings if one.building.households]
    if not homes:
        return []
    weights = list(accumulate(one.building.households or 0 for one in homes))
    count = round(weights[-1] * SHARE_OF_HOUSEHOLDS)
    drawn = rng.choices(homes, cum_weights=weights, k=count)
    kinds = rng.choices(list(CATEGORIES), list(CATEGORIES.values()), k=count)
    return [
        ElementDraft(
            "care_persons",
            f"care:{number}",
            home.at,
            category=kind,
            anchor=home.at,
            part_of=home.ref,
            care=_record(kind, home, number, rng),
        )
        for number, (home, kind) in enumerate(zip(drawn, kinds, strict=True), start=1)
    ]


def _record(kind: str, home: Standing, number: int, rng: Random) -> CareDraft:
    youngest, oldest = AGES.get(kind, (25, 85))
    birth = SINCE - timedelta(days=rng.randint(youngest * 365, oldest * 366))
    floor, units = rng.randint(1, max(home.building.floors or 1, 1)), len(home.building.units)
    fields = {
        IdentityField.NAME: person_name(rng),
        IdentityField.PHONE: f"{PHONE_PREFIX}{number % 10_000:04d}",
        IdentityField.BIRTH_DATE: birth.isoformat(),
        IdentityField.DOOR: f"{rng.randint(1, units)}单元{floor}0{rng.randint(1, 2)}室" if units else "东户",
    }
    until = datetime.combine(fourteenth_birthday(birth), time(), UTC)
    kept_until = datetime(SINCE.year + 10, 1, 1, tzinfo=UTC)
    is_child = fourteenth_birthday(birth) > SINCE
    return CareDraft(PURPOSE, kept_until, until if is_child else None, {str(k): v for k, v in fields.items()})
