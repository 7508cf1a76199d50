"""Puts everything on the land of a demo: buildings, places, stations, supplies, staff and persons in care."""

from collections import Counter
from random import Random

import numpy as np

from gismap.demo.contents.buildings import raise_buildings
from gismap.demo.contents.care import care_persons
from gismap.demo.contents.door_plates import street_lines
from gismap.demo.contents.institutions import institutions
from gismap.demo.contents.places import Grounds, key_places
from gismap.demo.contents.staff import staff
from gismap.demo.contents.stations import service_stations, supplies
from gismap.demo.model import Land
from gismap.elements.values import ElementDraft
from gismap.geometry.ground import plane_of
from gismap.staff.values import AssignmentDraft


def populate(land: Land, rng: Random, name: str) -> tuple[list[ElementDraft], list[AssignmentDraft]]:
    """All elements of the district called `name` and the posts of its staff; the same land and seed give the same."""
    units = {unit.key: unit for unit in land.units}
    plane = plane_of(np.array([block.geom for block in land.blocks], dtype=object))
    streets = street_lines(
        [street.name for street in land.streets],
        plane.to_metres(np.array([street.geom for street in land.streets], dtype=object)),
    )
    found = institutions(land.blocks, units, rng)
    buildings = raise_buildings(land.blocks, streets, found, units, plane, rng)
    grounds = Grounds(name, units, land.blocks, found, buildings, plane, streets)
    places = key_places(grounds, rng)
    stations, station_points = service_stations(grounds)
    households: Counter[str] = Counter()
    for one in buildings:
        households[one.unit] += one.building.households or 0
    people, posts = staff(land.units, households, station_points, rng)
    elements = [
        *(one.draft for one in buildings),
        *places,
        *stations,
        *supplies(grounds, places, rng),
        *people,
        *care_persons(buildings, rng),
    ]
    return elements, posts
