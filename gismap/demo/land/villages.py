"""Divides the towns of a county into communities, villages and grids, and chooses sites for villages."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from gismap.boundaries.values import ZoneType
from gismap.demo.land.communities import cut_grids, settle_communities
from gismap.demo.land.groups import allot, divide_pieces, pieces
from gismap.demo.land.laid import Ground
from gismap.demo.land.sketch import Place, Sketch, TownSketch
from gismap.demo.land.units import Community, Leaf, TownUnits
from gismap.demo.model import BlockUse
from gismap.geometry.ground import Floats, Ints

_HOUSEHOLDS_OF_VILLAGE, _HOUSEHOLDS_OF_PART, _LARGEST_VILLAGE = 175, 82, 450
_POCKET_M2 = 6e5
"""Smaller pieces of country than this, shut in between a town and its border, go with the town."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a village (or a part of one that is a grid of its own) is to stand."""

    face: int
    name: str
    households: int


def divide_county(sketch: Sketch, ground: Ground, town_of: Ints, built: NDArray[np.bool_]) -> list[TownUnits]:
    """Communities in what is built up and villages around them, down to exactly as many grids as there must be."""
    urban: list[list[tuple[Place, list[int]]]] = []
    rural: list[list[int]] = []
    for number, town in enumerate(sketch.towns):
        mine = town_of == number
        core = _core_of(ground, town, np.flatnonzero(mine).tolist(), built)
        rest = np.setdiff1d(np.flatnonzero(mine), core).tolist()
        for piece in pieces(rest, ground.links):
            if core and ground.mesh.area[piece].sum() < _POCKET_M2 and len(pieces(core + piece, ground.links)) == 1:
                core, rest = core + piece, sorted(set(rest) - set(piece))
        urban.append(settle_communities(ground, sorted(core), town.communities, (), {}) if core else [])
        rural.append(rest)
    flat = iter(cut_grids(ground, [pair for pairs in urban for pair in pairs], sketch.urban_leaves, ()))
    towns = [TownUnits(town, [next(flat) for _ in pairs]) for town, pairs in zip(sketch.towns, urban, strict=True)]
    _divide_country(sketch, ground, towns, rural)
    return towns


def _core_of(ground: Ground, town: TownSketch, faces: list[int], built: NDArray[np.bool_]) -> list[int]:
    """What the communities of a town share among them: its largest built-up piece, or all where no village is."""
    if not town.villages:
        return faces
    urban = pieces([face for face in faces if built[face]] if town.communities else [], ground.links)
    return max(urban, key=lambda piece: float(ground.mesh.area[piece].sum()), default=[])


def _divide_country(sketch: Sketch, ground: Ground, towns: list[TownUnits], rural: list[list[int]]) -> None:
    """Villages on the rural faces of each town; under a management area each is a grid, elsewhere it has several."""
    weights = np.sqrt(ground.mesh.area)  # hill villages are larger, but not as much as their cells are
    whole = sum(len(town.villages) for town in sketch.towns if town.managed)
    divided: list[tuple[Community, list[int]]] = []
    for units, faces in zip(towns, rural, strict=True):
        town = units.sketch
        if not town.villages:
            continue
        groups = ground.in_order(divide_pieces(faces, weights, ground.links, len(town.villages)))
        if town.managed:
            units.communities += _managed(ground, town, faces, weights, groups)
            continue
        for place, group in zip(town.villages, groups, strict=True):
            divided.append((Community(place.name, place.code), group))
            units.communities.append(divided[-1][0])
    count = sketch.leaves - sketch.urban_leaves - whole
    sizes = [len(group) for _, group in divided]
    shares = allot(count, [float(weights[group].sum()) for _, group in divided], sizes)
    for (community, group), share in zip(divided, shares, strict=True):
        community.leaves = [Leaf(part, ZoneType.RURAL) for part in divide_pieces(group, weights, ground.links, share)]


def _managed(
    ground: Ground, town: TownSketch, faces: list[int], weights: Floats, groups: list[list[int]]
) -> list[Community]:
    """Management areas of about eight villages, each named after the village in its middle."""
    areas = []
    place_of = dict(zip((group[0] for group in groups), town.villages, strict=True))
    count = max(2, round(len(groups) / 8))
    for area in ground.in_order(divide_pieces(faces, weights, ground.links, count, groups)):
        inside = set(area)
        mine = [group for group in groups if group[0] in inside]
        middle = ground.middle_of(area)
        central = min(mine, key=lambda group: float(np.hypot(*(ground.middle_of(group) - middle))))
        community = Community(place_of[central[0]].name.removesuffix("村") + "管区", None)
        community.leaves = [Leaf(group, ZoneType.RURAL, place_of[group[0]]) for group in mine]
        areas.append(community)
    return areas


def village_sites(ground: Ground, towns: list[TownUnits], built: NDArray[np.bool_], rng: Random) -> Iterator[Site]:
    """A site near the middle of each rural grid, except where a part of a town seat is; that is fitted to its size."""
    owned = [(community, leaf) for town in towns for community in town.communities for leaf in community.leaves]
    for community, leaf in owned:
        fields = [face for face in leaf.faces if not built[face]]
        if leaf.zone is not ZoneType.RURAL or not fields:
            continue
        usual = _HOUSEHOLDS_OF_PART if leaf.village is None else _HOUSEHOLDS_OF_VILLAGE
        households = round(min(max(usual * rng.lognormvariate(0, 0.42), 0.46 * usual), _LARGEST_VILLAGE))
        if not _settle_seat(ground, leaf, households):
            middle = ground.middle_of(leaf.faces)
            face = min(fields, key=lambda face: float(np.hypot(*(ground.mesh.middle[face] - middle))))
            yield Site(face, community.name if leaf.village is None else leaf.village.name, households)


def _settle_seat(ground: Ground, leaf: Leaf, people: int) -> bool:
    """Fit the part of a town seat that a village has to the village's size; whether there is such a part."""
    seat = [face for face in leaf.faces if ground.expected[face] > 0]
    here = float(ground.expected[seat].sum())
    if here < 0.3 * people:
        return False
    ground.expected[seat] *= min(1.0, 1.6 * people / here)
    ground.fixed.update(dict.fromkeys(seat, f"seat/{seat[0]}"))
    for face in seat[::2]:
        if ground.uses[face] is BlockUse.COMPOUND:
            ground.uses[face] = BlockUse.BUNGALOWS
    return True
