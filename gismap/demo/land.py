"""The land of a demo district from its sketch: streets, blocks and units, exactly seamless.

All lines are laid first (`land_town`, `land_country`), then noded once into faces (`land_mesh`); everything after that
only groups faces, so that units nest and share their borders by construction. Luodian's leaves are micro-grids of
level 5 right below its residential committees: a committee is one general grid there, and a level may be skipped.
"""

from random import Random

import numpy as np
import shapely

from gismap.demo.land_groups import cling, grow
from gismap.demo.land_lines import Course, Sheet, bend
from gismap.demo.land_mesh import weave
from gismap.demo.land_names import compound_names, street_names
from gismap.demo.land_sketch import Sketch
from gismap.demo.land_town import Town, lay_streets
from gismap.demo.land_units import TownUnits, build_units
from gismap.demo.land_urban import Ground, cut_grids, name_compounds, settle_communities
from gismap.demo.land_uses import Mix, best_rank, choose_uses, expected_households, fronted_streets, settle
from gismap.demo.model import Block, Land
from gismap.demo.streets import draw_streets
from gismap.geometry.ground import Floats, measure


def make_land(sketch: Sketch) -> Land:
    """Lay out the district; the same sketch gives the same land."""
    rng = Random(f"land of {sketch.name}")
    sheet = Sheet(*sketch.centre)
    return _city(sketch, sheet, rng)


def _city(sketch: Sketch, sheet: Sheet, rng: Random) -> Land:
    """A district that is one built-up area, without villages of its own."""
    micro = sketch.name == "luodian"
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    outline = _outline(sketch, sheet, noise)
    town = Town(
        name=sketch.code,
        outline=outline,
        centre=(0.0, 0.0),
        spacing_m=(330.0, 520.0) if micro else (380.0, 900.0),
        block_ha=(1.7, 2.8) if micro else (2.2, 9.0),
        bearing_deg=4.0 if micro else -8.0,
        names=street_names(sketch.street_names, rng),
    )
    rivers = tuple(
        Course("river", shapely.get_coordinates(part))
        for line in sketch.lines
        for part in shapely.get_parts(
            shapely.intersection(shapely.linestrings(bend(sheet.points(line.points), noise, 90.0, 0.12)), outline)
        )
    )
    rim = Course("border", shapely.get_coordinates(outline.exterior))
    courses = [*rivers, *lay_streets(town, rng, rivers), rim]
    mesh = weave(courses, sheet, lambda xy: 1e4 * (0.5 + 0.8 * town.remoteness(xy)))
    far = town.remoteness(mesh.middle)
    mix = Mix(old=0.02, fringe=0.0, park=0.06) if micro else Mix()
    uses = choose_uses(far, best_rank(mesh, courses), mesh.area, mix, rng)
    expected = expected_households(uses, far, mesh.area, rng)
    expected *= (sketch.households - sum(mark.households for mark in sketch.landmarks)) / expected.sum()
    ground = Ground(mesh, courses, cling(mesh, courses), uses, expected, [None] * len(uses))
    seeds = sheet.points([town.seat for town in sketch.towns])
    town_of = grow(mesh, ground.links, seeds, np.array([town.area_km2 for town in sketch.towns]))
    communities = [
        settle_communities(
            ground,
            np.flatnonzero(town_of == number).tolist(),
            town.communities,
            [mark for mark in sketch.landmarks if mark.community in {place.name for place in town.communities}],
            dict(sketch.known),
        )
        for number, town in enumerate(sketch.towns)
    ]
    flat = [pair for pairs in communities for pair in pairs]
    grids = iter(cut_grids(ground, flat, sketch.leaves, sketch.landmarks, dict(sketch.known)))
    towns = [TownUnits(town, [next(grids) for _ in town.communities]) for town in sketch.towns]
    return _finish(sketch, ground, towns, rng, micro)


def _finish(sketch: Sketch, ground: Ground, towns: list[TownUnits], rng: Random, micro: bool) -> Land:
    leaves = [leaf for town in towns for community in town.communities for leaf in community.leaves]
    name_compounds(ground, leaves, compound_names(rng), rng)
    units = build_units(sketch, towns, ground.mesh, micro=micro)
    label = np.empty(len(ground.uses), dtype=np.intp)
    for number, leaf in enumerate(leaves):
        label[leaf.faces] = number
    households = settle(ground.expected, ground.uses, label, sketch.households)
    streets = fronted_streets(ground.mesh, ground.courses)
    blocks = [
        Block(units.leaf_of[face], ground.mesh.faces[face], use, streets[face], ground.compound[face], households[face])
        for face, use in enumerate(ground.uses)
    ]
    return Land(units.drafts, units.outlines, draw_streets(ground.mesh, ground.courses), blocks)


def _outline(sketch: Sketch, sheet: Sheet, noise: np.random.Generator) -> shapely.Polygon:
    """The sketched outline with natural bends, brought to the area of the sketch."""
    ring = sheet.points(np.array([*sketch.outline, sketch.outline[0]]))
    return resize(shapely.Polygon(bend(ring, noise, 120.0, 0.09)), sheet, sketch.area_km2)


def resize(outline: shapely.Polygon, sheet: Sheet, area_km2: float) -> shapely.Polygon:
    """The outline, scaled around its centroid to an area on the ground."""
    (area,), _ = measure(sheet.to_degrees(np.array([outline])))
    middle: Floats = shapely.get_coordinates(outline.centroid)
    factor = float(np.sqrt(area_km2 * 1e6 / area))
    scaled: shapely.Polygon = shapely.transform(outline, lambda xy: middle + factor * (xy - middle))
    return scaled
