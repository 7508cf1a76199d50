"""Raises the buildings of a demo: places structures on blocks, settles households, and gives names and addresses.

What is built where is `contents_blocks`; places and people follow from the buildings that stand.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import shapely
from shapely import Point

from gismap.boundaries.values import UnitDraft
from gismap.demo.contents_addresses import door_plates, street_lines
from gismap.demo.contents_blocks import INSETS, MOST_TURN, Structure, structures
from gismap.demo.contents_institutions import Institution, above
from gismap.demo.contents_plots import Plot, Shapes, outlines, plots, refuge, standing
from gismap.demo.contents_special import DOORS, SPECIALS
from gismap.demo.model import Block, BlockUse, Land
from gismap.elements.values import BuildingDraft, BuildingUnitDraft, DwellingDraft, ElementDraft
from gismap.geometry.ground import GroundPlane

DEGREE_GRID = 1e-8
"""Coordinates are rounded to this (about a millimetre), so that every machine writes the same."""

INSTITUTION_PARTS: Mapping[str, tuple[str, ...]] = {
    "school": ("教学楼", "综合楼", "实验楼", "图书楼"),
    "hospital": ("门诊楼", "住院楼", "医技楼", "行政楼"),
    "market": ("大厅",),
    "office": ("座",),
}
"""What the buildings of an institution are called; several of one kind are numbered."""


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


@dataclass(slots=True)
class _Raised:
    """A structure on its block while it is being named."""

    block: int
    structure: Structure
    homes: tuple[int, ...] = ()  # households of each building unit, or of the whole
    name: str | None = None
    address: str | None = None


def raise_buildings(
    land: Land, found: Mapping[int, Institution], units: Mapping[str, UnitDraft], plane: GroundPlane, rng: Random
) -> list[Standing]:
    """The buildings of all blocks, in the order of the blocks and of the plates."""
    metres = plane.to_metres(np.array([block.geom for block in land.blocks], dtype=object))
    raised = _settled(land.blocks, _placed(land.blocks, metres, found, rng))
    _name(land, metres, raised, found, units, plane)
    return _drafts(land.blocks, raised, plane)


def _placed(blocks: Sequence[Block], metres: Shapes, found: Mapping[int, Institution], rng: Random) -> list[_Raised]:
    insets = np.array([INSETS[block.use] for block in blocks])
    turns = np.radians([MOST_TURN[block.use] for block in blocks])
    ready = plots(metres, insets, turns)
    tried: list[tuple[int, Structure]] = []
    for index, (block, plot) in enumerate(zip(blocks, ready, strict=True)):
        if plot is not None and block.compound not in SPECIALS:
            civic = found[index].kind if index in found else ""
            tried += [(index, one) for one in structures(block, plot, civic, rng)]
    for name, build in SPECIALS.items():
        own = [(index, plot) for index, plot in enumerate(ready) if plot and blocks[index].compound == name]
        if own:
            built = build([plot for _, plot in own], [blocks[index].households for index, _ in own], rng)
            tried += [(own[position][0], one) for position, one in built]
    kept = _fitting(tried, ready)
    lived_in = {one.block for one in kept}
    kept += [
        _Raised(index, Structure(refuge(metres[index]), _home_use(block), 1, 0, 1.0))
        for index, block in enumerate(blocks)
        if block.households and index not in lived_in and block.compound not in SPECIALS
    ]
    return sorted(kept, key=lambda one: one.block)


def _fitting(tried: Sequence[tuple[int, Structure]], ready: Sequence[Plot | None]) -> list[_Raised]:
    if not tried:
        return []
    allowed = np.array([plot.shape if plot else shapely.Polygon() for plot in ready], dtype=object)
    allowed = shapely.buffer(allowed, 1.5, join_style="mitre")
    owner = np.array([index for index, _ in tried])
    stands = standing(outlines([one.footprint for _, one in tried]), allowed, owner)
    return [_Raised(index, one) for (index, one), stands_too in zip(tried, stands, strict=True) if stands_too]


def _home_use(block: Block) -> str:
    return {BlockUse.VILLAGE: "farmhouse", BlockUse.OPEN: "farmhouse", BlockUse.BUNGALOWS: "bungalow"}.get(
        block.use, "residential"
    )


def _settled(blocks: Sequence[Block], raised: Sequence[_Raised]) -> list[_Raised]:
    """Every household of every block gets a building, and where there are stairs, a building unit."""
    by_block: dict[int, list[_Raised]] = defaultdict(list)
    for one in raised:
        by_block[one.block].append(one)
    for index, those in by_block.items():
        shares = [one.structure.share for one in those]
        if not any(shares):
            shares = [1.0] * len(those)
        for one, households in zip(those, apportion(blocks[index].households, shares), strict=True):
            stairs = max(one.structure.stairs, 1)
            one.homes = one.structure.homes or tuple(apportion(households, [1.0] * stairs))
    return list(raised)


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the shares that add up to `total` (largest remainders)."""
    exact = np.asarray(shares) * (total / sum(shares))
    parts = np.floor(exact + 1e-9).astype(int)
    for index in np.argsort(parts - exact, kind="stable")[: total - int(parts.sum())]:
        parts[index] += 1
    return [int(part) for part in parts]


def _name(
    land: Land,
    metres: Shapes,
    raised: Sequence[_Raised],
    found: Mapping[int, Institution],
    units: Mapping[str, UnitDraft],
    plane: GroundPlane,
) -> None:
    lines = street_lines(
        [street.name for street in land.streets],
        plane.to_metres(np.array([street.geom for street in land.streets], dtype=object)),
    )
    centres = shapely.get_coordinates(shapely.centroid(metres))
    plates = door_plates(_doors(land.blocks, raised, centres), lines)
    groups: dict[str, list[_Raised]] = defaultdict(list)
    for one in raised:
        block = land.blocks[one.block]
        groups[str(one.block) if one.block in found else block.compound or block.unit].append(one)
    for those in groups.values():
        first = those[0].block
        those.sort(key=lambda one: (-round(centres[one.block][1] / 60), centres[one.block][0], one.block,
                                    one.structure.footprint.row, one.structure.footprint.column))  # fmt: skip
        if first in found:
            _name_parts(found[first], those)
        else:
            _number(land.blocks[first].compound or units[land.blocks[first].unit].name, those)
    for one in raised:
        block = land.blocks[one.block]
        number = plates.get(_door(block, one))
        if one.structure.use == "shop" and one.block not in found and number is not None:
            one.name = f"{block.street}{number}号{'商住楼' if sum(one.homes) else '商铺'}"
        one.address = _address(block, one, number, units, is_institution=one.block in found)


DoorKey = tuple[str, object]


def _door(block: Block, one: _Raised) -> DoorKey:
    """The gate that a building shares with others, or its own door on the street."""
    if block.use is BlockUse.SHOPS:
        return ("door", id(one))
    return ("gate", block.compound if block.compound else one.block)


def _doors(
    blocks: Sequence[Block], raised: Sequence[_Raised], centres: np.ndarray
) -> dict[DoorKey, tuple[str, tuple[float, float]]]:
    doors: dict[DoorKey, tuple[str, tuple[float, float]]] = {}
    for one in raised:
        block, footprint = blocks[one.block], one.structure.footprint
        if block.street is not None:
            key = _door(block, one)
            own = key[0] == "door"
            x, y = (footprint.x, footprint.y) if own else centres[one.block]
            doors.setdefault(key, (block.street, (float(x), float(y))))
    return doors


def _address(
    block: Block, one: _Raised, number: int | None, units: Mapping[str, UnitDraft], *, is_institution: bool
) -> str | None:
    if one.structure.use == "farmhouse" or number is None:
        return f"{above(units, block.unit, 2).name}{one.name}" if one.name else None
    if is_institution or block.use is BlockUse.SHOPS:
        return f"{block.street}{number}号"
    return f"{block.street}{number}号{one.name or ''}"


def _name_parts(institution: Institution, those: Sequence[_Raised]) -> None:
    if institution.kind == "park":
        for one in those:
            one.name = f"{institution.name}凉亭"
        return
    parts = INSTITUTION_PARTS.get(institution.kind, ())
    works = institution.kind in ("factory", "warehouse", "chemical")
    for number, one in enumerate(those, start=1):
        if one.structure.use == "residential":
            part = "职工宿舍"
        elif works:
            part = f"{number}号{'仓库' if institution.kind == 'warehouse' else '厂房'}"
        elif number <= len(parts) and institution.kind != "office":
            part = parts[number - 1]
        else:
            part = f"{number}号楼"
        one.name = f"{institution.name}{part}"


def _number(label: str, those: Sequence[_Raised]) -> None:
    """Numbers the buildings of one compound, quarter or village in reading order."""
    number = 0
    for one in those:
        use, households = one.structure.use, sum(one.homes)
        if one.structure.plate is not None:
            one.name = f"{label}{one.structure.plate}"
        elif use == "farmhouse":  # a plate for every household of the row
            first, number = number + 1, number + max(households, 1)
            one.name = f"{label}{first}号" if number == first else f"{label}{first}-{number}号"
        elif use == "public":
            one.name = f"{label}村民委员会" if label.endswith("村") else f"{label}便民服务中心"
        else:
            number += 1
            one.name = f"{label}{number}号{'院' if use == 'bungalow' else '楼'}"


def _drafts(blocks: Sequence[Block], raised: Sequence[_Raised], plane: GroundPlane) -> list[Standing]:
    shapes = plane.to_degrees(outlines([one.structure.footprint for one in raised]))
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
                name=one.name,
                anchor=anchor,
                attributes={} if one.structure.lane is None else {"lane": one.structure.lane},
                building=_building(one, named=blocks[one.block].compound),
            ),
        )
        for number, (one, shape, anchor) in enumerate(zip(raised, shapes, anchors, strict=True), start=1)
    ]


def _building(one: _Raised, named: str | None) -> BuildingDraft:
    structure = one.structure
    building = BuildingDraft(one.address, structure.floors, sum(one.homes), structure.use)
    if structure.stairs:
        stairs = tuple(BuildingUnitDraft(number, homes) for number, homes in enumerate(one.homes, start=1))
        building = replace(building, units=stairs)
    if named not in SPECIALS:
        return building
    return replace(building, dwellings=_doors_of_stairs(one) if structure.stairs else _doors_of_yard(one))


def _doors_of_stairs(one: _Raised) -> tuple[DwellingDraft, ...]:
    """Doors of a tower, the same number on every floor: 101, 102, 201, …"""
    floors = one.structure.floors
    return tuple(
        DwellingDraft(f"{floor}{door:02d}", stair, floor)
        for stair, homes in enumerate(one.homes, start=1)
        for floor in range(1, floors + 1)
        for door in range(1, homes // floors + 1)
    )


def _doors_of_yard(one: _Raised) -> tuple[DwellingDraft, ...]:
    return tuple(
        DwellingDraft(DOORS[door] if door < len(DOORS) else f"{door + 1}户", None, 1) for door in range(sum(one.homes))
    )
