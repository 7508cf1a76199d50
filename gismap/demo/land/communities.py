"""Divides built-up land into communities and grids, and names the compounds in them; laying streets is not here."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

import numpy as np

from gismap.boundaries.values import ZoneType
from gismap.demo.land.groups import allot, divide, pieces, superblocks
from gismap.demo.land.laid import Ground
from gismap.demo.land.sketch import Known, Landmark, Place
from gismap.demo.land.units import Community, Leaf
from gismap.demo.model import BlockUse


def settle_communities(
    ground: Ground, faces: Sequence[int], places: Sequence[Place], marks: Sequence[Landmark], known: Mapping[str, Known]
) -> list[tuple[Place, list[int]]]:
    """Divide faces into a community per place, numbered from the north-west; landmarks are kept whole in theirs."""
    kept = {mark.community: _claim_site(ground, faces, mark) for mark in marks if mark.community not in known}
    groups = divide(faces, ground.effort(), ground.links, len(places), [site for site in kept.values() if site])
    order = ground.in_order(groups)
    named: dict[str, list[int]] = {}
    for community, site in kept.items():
        named[community] = next(group for group in order if site[0] in group)
    for place in places:
        if place.name in known:
            wanted = known[place.name].area_km2 * 1e6
            free = [group for group in order if group not in named.values()]
            named[place.name] = min(free, key=lambda group: abs(ground.mesh.area[group].sum() - wanted))
    rest = iter([group for group in order if group not in named.values()])
    return [(place, named.get(place.name) or next(rest)) for place in places]


def _claim_site(ground: Ground, faces: Sequence[int], mark: Landmark) -> list[int]:
    """Blocks for a landmark, with about its area, between main streets; what is known of it is settled on them."""
    sites = [[face] for face in faces] if mark.grids == 1 else superblocks(faces, ground.mesh, ground.courses)
    roomy = [site for site in sites if len(site) >= mark.grids]
    site = min(roomy, key=lambda site: abs(float(ground.mesh.area[site].sum()) / 1e4 - mark.area_ha))
    share = np.sqrt(ground.mesh.area[site])  # large blocks are more loosely built
    share /= share.sum()
    for face, part in zip(site, share.tolist(), strict=True):
        ground.uses[face], ground.compound[face] = mark.use, mark.name
        ground.expected[face] = mark.households * part
        ground.fixed[face] = mark.name
    return site


def settle_known(
    ground: Ground,
    communities: Sequence[tuple[Place, list[int]]],
    marks: Sequence[Landmark],
    known: Mapping[str, Known],
) -> None:
    """Bring communities whose size is known to their households, with their landmarks at theirs."""
    for place, faces in communities:
        if place.name not in known:
            continue
        inside = [mark for mark in marks if mark.community == place.name]
        for mark in inside:
            _claim_site(ground, faces, mark)
        ordinary = [face for face in faces if ground.compound[face] is None]
        rest = known[place.name].households - sum(mark.households for mark in inside)
        ground.expected[ordinary] *= rest / ground.expected[ordinary].sum()
        ground.fixed.update(dict.fromkeys(ordinary, place.name))


def cut_grids(
    ground: Ground, communities: Sequence[tuple[Place, list[int]]], count: int, marks: Sequence[Landmark]
) -> list[Community]:
    """Exactly `count` grids for the communities, by how much there is to do in each; landmarks make their own grids."""
    weights, parts = ground.effort(), []
    grids_of = {mark.name: mark.grids for mark in marks}
    for number, (_, faces) in enumerate(communities):
        for name in dict.fromkeys(ground.compound[face] for face in faces):
            mine = [face for face in faces if ground.compound[face] == name]
            parts += [(number, piece, grids_of.get(name or "")) for piece in pieces(mine, ground.links)]
    free = [piece for _, piece, grids in parts if grids is None]
    rest = count - sum(grids or 0 for _, _, grids in parts)
    shares = iter(allot(rest, [float(weights[piece].sum()) for piece in free], [len(piece) for piece in free]))
    result = [Community(place.name, place.code) for place, _ in communities]
    for number, piece, grids in parts:
        for group in divide(piece, weights, ground.links, grids or next(shares)):
            result[number].leaves.append(Leaf(group, zone_of(ground, group)))
    return result


def zone_of(ground: Ground, faces: Sequence[int]) -> ZoneType:
    """The zone type of a grid, from what most of its built-up land is used for."""
    area = dict.fromkeys(BlockUse, 0.0)
    for face in faces:
        area[ground.uses[face]] += float(ground.mesh.area[face])
    homes, old, shops = area[BlockUse.COMPOUND], area[BlockUse.BUNGALOWS], area[BlockUse.SHOPS]
    if shops > homes + old and shops > 0:
        return ZoneType.COMMERCIAL
    if old > homes:
        return ZoneType.BUNGALOW_AREA
    built = homes + area[BlockUse.CIVIC] + area[BlockUse.INDUSTRY] + area[BlockUse.PARK]
    return ZoneType.RESIDENTIAL_COMPOUND if built > 0 else ZoneType.RURAL


def name_compounds(ground: Ground, leaves: Sequence[Leaf], names: Iterator[str], rng: Random) -> None:
    """Give the compounds and bungalow quarters of each grid names; blocks beside each other share one."""
    for leaf in leaves:
        for use in (BlockUse.COMPOUND, BlockUse.BUNGALOWS):
            faces = [face for face in leaf.faces if ground.uses[face] is use and ground.compound[face] is None]
            for piece in pieces(faces, ground.links):
                name = next(names)
                if use is BlockUse.BUNGALOWS:
                    name = name[:2] + rng.choice(("巷", "胡同", "里"))
                for face in piece:
                    ground.compound[face] = name
