"""The land of a demo district from its sketch: streets, blocks and units, exactly seamless.

All lines are laid first (`town_streets`, `net`), then noded once into faces (`mesh`); everything after that
only groups faces, so that units nest and share their borders by construction. Luodian's leaves are micro-grids of
level 5 right below its residential committees: a committee is one general grid there, and a level may be skipped.
"""

from random import Random

import numpy as np
import shapely

from gismap.demo.land.city import lay_city
from gismap.demo.land.communities import name_compounds
from gismap.demo.land.county import lay_county
from gismap.demo.land.laid import Laid, Village
from gismap.demo.land.names import compound_names
from gismap.demo.land.sheet import Sheet
from gismap.demo.land.sketch import Sketch
from gismap.demo.land.streets import draw_lanes, draw_streets
from gismap.demo.land.units import build_units
from gismap.demo.land.uses import fronted_streets, settle
from gismap.demo.model import Block, BlockUse, Land

_CORE_M2 = (10_000.0, 330.0)
"""Land of a village core: so much, and so much more per household."""


def make_land(sketch: Sketch) -> Land:
    """Lay out the district; the same sketch gives the same land."""
    rng, sheet = Random(f"land of {sketch.name}"), Sheet(*sketch.centre)
    is_county = any(town.villages for town in sketch.towns)
    laid = lay_county(sketch, sheet, rng) if is_county else lay_city(sketch, sheet, rng)
    ground = laid.ground
    leaves = [leaf for town in laid.towns for community in town.communities for leaf in community.leaves]
    name_compounds(ground, leaves, compound_names(rng), rng)
    units = build_units(sketch, laid.towns, ground.mesh, micro=sketch.micro)
    streets = draw_streets(ground.mesh, ground.courses) + draw_lanes(
        [village.street for village in laid.villages], sheet
    )
    blocks = _town_blocks(sketch, laid, units.leaf_of) + _village_blocks(laid, units.leaf_of, sheet)
    return Land(units.drafts, units.outlines, streets, blocks)


def _town_blocks(sketch: Sketch, laid: Laid, leaf_of: list[str]) -> list[Block]:
    ground = laid.ground
    label = np.unique(leaf_of, return_inverse=True)[1].ravel()
    total = sketch.households - sum(village.households for village in laid.villages)
    households = settle(ground.expected, ground.uses, label, total, ground.fixed)
    streets = fronted_streets(ground.mesh, ground.courses)
    return [
        Block(leaf_of[face], ground.mesh.faces[face], use, streets[face], ground.compound[face], households[face])
        for face, use in enumerate(ground.uses)
        if use is not BlockUse.OPEN
    ]


def _village_blocks(laid: Laid, leaf_of: list[str], sheet: Sheet) -> list[Block]:
    """The cores of the villages, each parted by its street; the country around them is left out."""
    if not laid.villages:
        return []
    faces = sheet.to_metres(laid.ground.mesh.faces[[village.face for village in laid.villages]])
    parts = [_core(face, village) for face, village in zip(faces, laid.villages, strict=True)]
    shapes = sheet.to_degrees(np.array([part for cores in parts for part in cores], dtype=object))
    blocks, at = [], 0
    for village, cores in zip(laid.villages, parts, strict=True):
        area = sum(core.area for core in cores)
        for core in cores:
            people = round(village.households * core.area / area)
            blocks.append(Block(leaf_of[village.face], shapes[at], BlockUse.VILLAGE, None, village.name, people))
            at += 1
    return blocks


def _core(face: shapely.Polygon, village: Village) -> list[shapely.Polygon]:
    """The built-up part of a village's cell: the cell drawn in towards its middle, on both sides of the street."""
    wanted = _CORE_M2[0] + _CORE_M2[1] * village.households
    factor = min(float(np.sqrt(wanted / face.area)), 0.86)
    core = shapely.transform(face, lambda xy: village.middle + factor * (xy - village.middle))
    core = core.intersection(face.buffer(-8.0))
    core = max(shapely.get_parts(core), key=lambda part: part.area)
    lines = shapely.union_all([core.exterior, shapely.linestrings(village.street.xy).intersection(core)])
    parts = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    large = [part for part in parts if part.area > 4_000]
    return large or [core]
