"""What stands on the blocks of a town and how many households live there; which unit a block is in does not count."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import numpy as np

from gismap.demo.land.lines import NAMED, RANK, Course, Swell
from gismap.demo.land.mesh import Mesh
from gismap.demo.model import BlockUse
from gismap.geometry.ground import Floats, Ints

_DENSITY = {  # households per hectare at the centre and at the rim
    BlockUse.COMPOUND: (105.0, 62.0),
    BlockUse.BUNGALOWS: (42.0, 24.0),
    BlockUse.SHOPS: (30.0, 16.0),
    BlockUse.CIVIC: (5.0, 2.0),
    BlockUse.INDUSTRY: (3.0, 1.0),
    BlockUse.PARK: (0.0, 0.0),
    BlockUse.OPEN: (0.0, 0.0),
    BlockUse.VILLAGE: (0.0, 0.0),
}

_AS_LAND = 9.0
"""Households that a hectare counts for besides those that live there, when land is divided."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the uses in a town: `old` bungalow quarters, `fringe` of industry and open land towards the rim."""

    old: float = 0.06
    fringe: float = 1.0
    park: float = 0.035


def choose_uses(mesh: Mesh, remoteness: Floats, main_rank: Ints, mix: Mix, rng: Random) -> list[BlockUse]:
    """A use for each block, by how far from the centre it lies and how important the best street around it is.

    In wide patches a town is less or more finished than elsewhere at that distance.
    """
    patches = Swell(rng, (3_000.0, 1_800.0), 1.0)(mesh.middle)[:, 0] - mesh.middle[:, 0]
    seeming = remoteness + np.clip(patches / 400.0, -0.2, 0.2)
    blocks = zip(seeming.tolist(), main_rank.tolist(), mesh.area.tolist(), strict=True)
    return [_use_of(far, rank, area, mix, rng) for far, rank, area in blocks]


def _use_of(far: float, rank: int, area_m2: float, mix: Mix, rng: Random) -> BlockUse:
    fringe = mix.fringe * max(0.0, far - 0.6)
    shares = {
        BlockUse.SHOPS: (0.24 * max(0.0, 0.75 - far) if rank <= RANK["secondary"] else 0.01) if area_m2 < 4e4 else 0.02,
        BlockUse.PARK: mix.park,
        BlockUse.CIVIC: 0.08,
        BlockUse.BUNGALOWS: mix.old * (1.6 if far < 0.3 else 0.8),
        BlockUse.INDUSTRY: 0.9 * fringe,
        BlockUse.OPEN: 0.7 * fringe,
    }
    draw = rng.random()
    for use, share in shares.items():
        draw -= share
        if draw < 0:
            return use
    return BlockUse.COMPOUND


def expected_households(uses: list[BlockUse], remoteness: Floats, area_m2: Floats, rng: Random) -> Floats:
    """How many households each block would hold at the usual density of its use, varied by a third."""
    densities = np.array([_DENSITY[use] for use in uses])
    here = densities[:, 0] + (densities[:, 1] - densities[:, 0]) * remoteness
    spread = np.array([rng.uniform(0.7, 1.3) for _ in uses])
    return np.asarray(here * spread * np.minimum(area_m2, 9e4) / 1e4)


def effort(households: Floats, area_m2: Floats) -> Floats:
    """The weight of land when it is divided among grids."""
    return households + _AS_LAND * np.minimum(area_m2, 9e4) / 1e4


def settle(expected: Floats, uses: list[BlockUse], leaf: Ints, total: int, fixed: Mapping[int, str]) -> list[int]:
    """Whole households per block, `total` in all but for rounding.

    Grids that are mostly homes are drawn towards the usual 300 to 500, as far as fewer or more floors allow. What
    blocks with the same `fixed` name are expected to hold stays, and adds up exactly.
    """
    count = int(leaf.max()) + 1
    homes = np.array([use in {BlockUse.COMPOUND, BlockUse.BUNGALOWS} for use in uses])
    free = np.array([face not in fixed for face in range(len(uses))])
    here = np.bincount(leaf, expected, count)
    lived_in = np.bincount(leaf, expected * homes, count) > 0.6 * here
    usual = min(max(float(here[lived_in].mean()), 330.0), 420.0)
    wanted = usual + 100 * np.tanh((here - usual) / 180)
    factor = np.where(lived_in & (here > 0), np.clip(wanted / np.maximum(here, 1), 0.55, 1.8), 1.0)
    settled = expected * np.where(free, factor[leaf], 1.0)
    settled[free] *= (total - settled[~free].sum()) / settled[free].sum()
    whole = np.round(settled).astype(int)
    for name in sorted(set(fixed.values())):
        faces = sorted(face for face, of in fixed.items() if of == name)
        whole[faces] = np.diff(np.round(np.cumsum(settled[faces])), prepend=0)
    return [int(number) for number in whole]


def best_rank(mesh: Mesh, courses: list[Course]) -> Ints:
    """The rank of the most important street on the border of each face."""
    rank = np.array([RANK[course.kind] for course in courses] + [RANK["border"]])[mesh.course]
    best = np.full(len(mesh.faces), RANK["border"])
    np.minimum.at(best, mesh.first, rank)
    inner = mesh.second >= 0
    np.minimum.at(best, mesh.second[inner], rank[inner])
    return best


def fronted_streets(mesh: Mesh, courses: list[Course]) -> list[str | None]:
    """The named street with the longest front on each face; a face without one takes its nearest neighbour's."""
    named = [course.name if course.kind in NAMED else None for course in courses] + [None]
    fronts: list[dict[str, float]] = [{} for _ in mesh.faces]
    sides = zip(mesh.first.tolist(), mesh.second.tolist(), mesh.course.tolist(), mesh.length.tolist(), strict=True)
    for first, second, course, length in sides:
        name = named[course]
        if name is not None:
            for face in (first, second):
                if face >= 0:
                    fronts[face][name] = fronts[face].get(name, 0.0) + length
    streets = [max(front, key=lambda name: (front[name], name)) if front else None for front in fronts]
    return _from_neighbours(mesh, streets)


def _from_neighbours(mesh: Mesh, streets: list[str | None]) -> list[str | None]:
    links = mesh.links(np.ones(int(mesh.course.max()) + 2))
    edge = [face for face, street in enumerate(streets) if street is not None]
    found = list(streets)
    while edge:
        reached = []
        for face in edge:
            for other in links.get(face, {}):
                if found[other] is None:
                    found[other] = found[face]
                    reached.append(other)
        edge = reached
    return found
