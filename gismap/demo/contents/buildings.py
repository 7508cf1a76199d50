"""Raises the buildings of a demo: places structures on blocks, settles households, and gives names and addresses.

What is built where is `blocks`; places and people follow from the buildings that stand.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from random import Random

import numpy as np
import shapely
from shapely import Point

from gismap.boundaries.values import UnitDraft
from gismap.demo.contents.blocks import INSETS, MOST_TURN, structures
from gismap.demo.contents.institutions import Institution, compound_of
from gismap.demo.contents.known_quarters import DOORS, SPECIALS
from gismap.demo.contents.labels import Housed, Label, labels
from gismap.demo.contents.plots import outlines, plots, refuge
from gismap.demo.contents.structures import Placed, Structure, fitting
from gismap.demo.model import Block, BlockUse
from gismap.elements.values import BuildingDraft, BuildingUnitDraft, DwellingDraft, ElementDraft
from gismap.geometry.ground import GroundPlane, Shapes

DEGREE_GRID = 1e-8
"""Coordinates are rounded to this (about a millimetre), so that every machine writes the same."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A building that stands: the block (by position) and the leaf that it is in, and its draft."""

    block: int
    unit: str
    draft: ElementDraft

    @property
    def ref(self) -> str:
        return self.draft.source_ref

    @property
    def at(self) -> Point:
        assert self.draft.anchor is not None
        return self.draft.anchor

    @property
    def building(self) -> BuildingDraft:
        assert self.draft.building is not None
        return self.draft.building


def raise_buildings(
    blocks: Sequence[Block],
    streets: Mapping[str, shapely.Geometry],
    found: Mapping[int, Institution],
    units: Mapping[str, UnitDraft],
    plane: GroundPlane,
    rng: Random,
) -> list[Standing]:
    """The buildings of all blocks, in the order of the blocks; `streets` are the named ones, in the plane."""
    metres = plane.to_metres(np.array([block.geom for block in blocks], dtype=object))
    housed = _housed(blocks, _placed(blocks, metres, found, units, rng))
    return _drafts(blocks, housed, labels(blocks, metres, streets, housed, found, units), plane)


def _placed(
    blocks: Sequence[Block],
    metres: Shapes,
    found: Mapping[int, Institution],
    units: Mapping[str, UnitDraft],
    rng: Random,
) -> list[Placed]:
    insets = np.array([INSETS[block.use] for block in blocks])
    turns = np.radians([MOST_TURN[block.use] for block in blocks])
    ready = plots(metres, insets, turns)
    tried: list[Placed] = []
    villages: set[tuple[str, str]] = set()
    for index, (block, plot) in enumerate(zip(blocks, ready, strict=True)):
        if plot is None or block.compound in SPECIALS:
            continue
        kind = found[index].kind if index in found else None
        if block.use is BlockUse.VILLAGE and (village := compound_of(block, units)) not in villages:
            villages.add(village)
            kind = "committee"
        tried += [(index, one) for one in structures(block, plot, kind, rng)]
    for name, build in SPECIALS.items():
        own = [(index, plot) for index, plot in enumerate(ready) if plot and blocks[index].compound == name]
        if own:
            built = build([plot for _, plot in own], [blocks[index].households for index, _ in own], rng)
            tried += [(own[position][0], one) for position, one in built]
    kept = fitting(tried, ready)
    return sorted(kept + _refuges(blocks, metres, {index for index, _ in kept}), key=itemgetter(0))


def _refuges(blocks: Sequence[Block], metres: Shapes, built_on: Set[int]) -> list[Placed]:
    """A house for those who are to live on a block that has no room for anything else."""
    return [
        (index, Structure(refuge(metres[index]), _home_use(block), min(1 + block.households // 4, 6), 0, 1.0))
        for index, block in enumerate(blocks)
        if block.households and index not in built_on and block.compound not in SPECIALS
    ]


def _home_use(block: Block) -> str:
    return {BlockUse.VILLAGE: "farmhouse", BlockUse.OPEN: "farmhouse", BlockUse.BUNGALOWS: "bungalow"}.get(
        block.use, "residential"
    )


def _housed(blocks: Sequence[Block], placed: Sequence[Placed]) -> list[Housed]:
    """Every household of every block gets a building, and where there are stairs, a building unit."""
    housed = []
    for index, group in groupby(placed, key=itemgetter(0)):
        those = [one for _, one in group]
        shares = [one.share for one in those]
        parts = apportion(blocks[index].households, shares if any(shares) else [1.0] * len(those))
        for one, households in zip(those, parts, strict=True):
            homes = one.homes or tuple(apportion(households, [1.0] * max(one.stairs, 1)))
            housed.append(Housed(index, one, homes))
    return housed


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the shares that add up to `total` (largest remainders)."""
    whole = sum(shares)
    exact = [total * share / whole for share in shares]
    parts = [int(part + 1e-9) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def _drafts(
    blocks: Sequence[Block], housed: Sequence[Housed], written: Sequence[Label], plane: GroundPlane
) -> list[Standing]:
    shapes = plane.to_degrees(outlines([one.structure.footprint for one in housed]))
    shapes = shapely.transform(shapes, lambda lonlat: np.round(lonlat / DEGREE_GRID) * DEGREE_GRID)
    anchors = shapely.point_on_surface(shapes)
    return [
        Standing(
            block=one.block,
            unit=blocks[one.block].unit,
            draft=ElementDraft(
                layer="buildings",
                source_ref=f"building:{number}",
                geom=shape,
                category=one.structure.use,
                name=label.name,
                anchor=anchor,
                attributes={} if one.structure.lane is None else {"lane": one.structure.lane},
                building=_building(one, label.address, with_doors=blocks[one.block].compound in SPECIALS),
            ),
        )
        for number, (one, label, shape, anchor) in enumerate(
            zip(housed, written, shapes, anchors, strict=True), start=1
        )
    ]


def _building(one: Housed, address: str | None, *, with_doors: bool) -> BuildingDraft:
    structure = one.structure
    stairs = [BuildingUnitDraft(number, homes) for number, homes in enumerate(one.homes, start=1)]
    doors = () if not with_doors else _doors_of_stairs(one) if structure.stairs else _doors_of_yard(one)
    return BuildingDraft(
        address=address,
        floors=structure.floors,
        households=one.households,
        use=structure.use,
        units=tuple(stairs) if structure.stairs else (),
        dwellings=doors,
    )


def _doors_of_stairs(one: Housed) -> tuple[DwellingDraft, ...]:
    """Doors of a tower, the same number on every floor: 101, 102, 201, …"""
    floors = one.structure.floors
    return tuple(
        DwellingDraft(f"{floor}{door:02d}", stair, floor)
        for stair, homes in enumerate(one.homes, start=1)
        for floor in range(1, floors + 1)
        for door in range(1, homes // floors + 1)
    )


def _doors_of_yard(one: Housed) -> tuple[DwellingDraft, ...]:
    return tuple(
        DwellingDraft(DOORS[door] if door < len(DOORS) else f"{door + 1}户", None, 1) for door in range(one.households)
    )
