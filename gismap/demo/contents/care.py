"""Persons in care of a demo: a category and a building each, and nothing else; all synthetic."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random

from gismap.demo.contents.buildings import Standing
from gismap.elements.values import ElementDraft

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
        ElementDraft("care_persons", f"care:{number}", home.at, category=kind, anchor=home.at, part_of=home.ref)
        for number, (home, kind) in enumerate(zip(drawn, kinds, strict=True), start=1)
    ]
