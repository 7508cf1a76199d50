"""A district that is one built-up area, without villages: laid out and divided into units."""

from random import Random

import numpy as np
import shapely

from gismap.demo.land.communities import cut_grids, settle_communities, settle_known
from gismap.demo.land.groups import cling, grow
from gismap.demo.land.laid import Ground, Laid
from gismap.demo.land.lines import Course, bend
from gismap.demo.land.mesh import weave
from gismap.demo.land.names import street_names
from gismap.demo.land.sheet import Sheet, resize
from gismap.demo.land.sketch import Line, Sketch
from gismap.demo.land.town_streets import Town, lay_streets
from gismap.demo.land.units import TownUnits
from gismap.demo.land.uses import Mix, best_rank, choose_uses, expected_households


def lay_city(sketch: Sketch, sheet: Sheet, rng: Random) -> Laid:
    """Lay out and divide a city, or a new town when its grids are micro-grids."""
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    ring = bend(sheet.points(np.array([*sketch.outline, sketch.outline[0]])), noise, 120.0, 0.09)
    outline = resize(shapely.Polygon(ring), sheet, sketch.area_km2)
    town = Town(
        name=sketch.code,
        outline=outline,
        centre=(0.0, 0.0),
        spacing_m=(330.0, 520.0) if sketch.micro else (400.0, 850.0),
        block_ha=(1.7, 2.8) if sketch.micro else (1.7, 7.0),
        bearing_deg=4.0 if sketch.micro else -8.0,
        names=street_names(sketch.street_names, rng),
    )
    banks = tuple(bank for line in sketch.lines for bank in _bank(sheet, line, outline, noise))
    rim = Course("border", shapely.get_coordinates(outline.exterior))
    courses = [*banks, *lay_streets(town, rng, banks), rim]
    mesh = weave(courses, sheet, lambda xy: 1e4 * (0.5 + 0.8 * town.remoteness(xy)))
    far = town.remoteness(mesh.middle)
    mix = Mix(old=0.02, fringe=0.0, park=0.06) if sketch.micro else Mix()
    uses = choose_uses(mesh, far, best_rank(mesh, courses), mix, rng)
    expected = expected_households(uses, far, mesh.area, rng)
    expected *= (sketch.households - sum(mark.households for mark in sketch.landmarks)) / expected.sum()
    ground = Ground(mesh, courses, cling(mesh, courses), uses, expected, [None] * len(uses))
    return Laid(ground, _divide(sketch, sheet, ground))


def _bank(sheet: Sheet, river: Line, outline: shapely.Polygon, noise: np.random.Generator) -> list[Course]:
    """The street along a river, which is where a town's grids meet."""
    line = shapely.linestrings(bend(sheet.points(np.array(river.points)), noise, 90.0, 0.12))
    parts = shapely.get_parts(line.intersection(outline))
    name = f"{river.name}路"
    return [Course("secondary", shapely.get_coordinates(part), name, name) for part in parts]


def _divide(sketch: Sketch, sheet: Sheet, ground: Ground) -> list[TownUnits]:
    seeds = sheet.points(np.array([town.seat for town in sketch.towns]))
    town_of = grow(ground.mesh, ground.links, seeds, np.array([town.area_km2 for town in sketch.towns]))
    communities = []
    for number, town in enumerate(sketch.towns):
        names = {place.name for place in town.communities}
        marks = [mark for mark in sketch.landmarks if mark.community in names]
        faces = np.flatnonzero(town_of == number).tolist()
        communities += settle_communities(ground, faces, town.communities, marks, sketch.known)
    settle_known(ground, communities, sketch.landmarks, sketch.known)
    grids = iter(cut_grids(ground, communities, sketch.leaves, sketch.landmarks))
    return [TownUnits(town, [next(grids) for _ in town.communities]) for town in sketch.towns]
