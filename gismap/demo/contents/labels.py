"""Names and addresses of a demo's buildings: in reading order inside a compound, by the door along a street."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gismap.boundaries.values import UnitDraft
from gismap.demo.contents.door_plates import door_plates
from gismap.demo.contents.institutions import Institution, above, compound_of
from gismap.demo.contents.structures import Structure
from gismap.demo.model import Block, BlockUse
from gismap.geometry.ground import Shapes

INSTITUTION_PARTS: Mapping[str, tuple[str, ...]] = {
    "school": ("教学楼", "综合楼", "实验楼", "图书楼"),
    "hospital": ("门诊楼", "住院楼", "医技楼", "行政楼"),
    "market": ("大厅",),
}
"""What the first buildings of an institution are called; the others have numbers."""

WORKS: Mapping[str, str] = {"factory": "厂房", "chemical": "厂房", "warehouse": "仓库"}
"""What the numbered buildings of works are."""


@dataclass(frozen=True, slots=True)
class Housed:
    """A structure on its block (by position), with the households of each building unit or of the whole."""

    block: int
    structure: Structure
    homes: tuple[int, ...]

    @property
    def households(self) -> int:
        return sum(self.homes)


@dataclass(frozen=True, slots=True)
class Label:
    """What is written on a building and on a letter to it."""

    name: str | None
    address: str | None


def labels(
    blocks: Sequence[Block],
    metres: Shapes,
    streets: Mapping[str, shapely.Geometry],
    housed: Sequence[Housed],
    found: Mapping[int, Institution],
    units: Mapping[str, UnitDraft],
) -> list[Label]:
    """Name and address of every building, in their order; `metres` are the blocks in the plane of the streets."""
    centres = shapely.get_coordinates(shapely.centroid(metres))
    plates = door_plates(_doors(blocks, housed, centres, units), streets)
    names = _names(blocks, centres, housed, found, units)
    result = []
    for index, (one, name) in enumerate(zip(housed, names, strict=True)):
        block = blocks[one.block]
        plate = plates.get(_door(block, index, one, units))
        at_street = None if plate is None else f"{block.street}{plate}号"
        if at_street and block.use is BlockUse.SHOPS and one.structure.use in ("shop", "office"):
            kind = "商务楼" if one.structure.use == "office" else ("商住楼" if one.households else "商铺")
            result.append(Label(f"{at_street}{kind}", at_street))
        elif one.structure.use == "farmhouse" or at_street is None:
            result.append(Label(name, f"{above(units, block.unit, 2).name}{name}"))
        else:
            result.append(Label(name, at_street if one.block in found else f"{at_street}{name}"))
    return result


def _door(block: Block, index: int, one: Housed, units: Mapping[str, UnitDraft]) -> Hashable:
    """The building's own door on the street, or the gate that it shares with the rest of its compound."""
    if block.use is BlockUse.SHOPS:
        return "door", index
    return compound_of(block, units) if block.compound else one.block


def _doors(
    blocks: Sequence[Block], housed: Sequence[Housed], centres: np.ndarray, units: Mapping[str, UnitDraft]
) -> dict[Hashable, tuple[str, tuple[float, float]]]:
    doors: dict[Hashable, tuple[str, tuple[float, float]]] = {}
    for index, one in enumerate(housed):
        block, footprint = blocks[one.block], one.structure.footprint
        if block.street is not None:
            own = block.use is BlockUse.SHOPS
            x, y = (footprint.x, footprint.y) if own else centres[one.block]
            doors.setdefault(_door(block, index, one, units), (block.street, (float(x), float(y))))
    return doors


def _names(
    blocks: Sequence[Block],
    centres: np.ndarray,
    housed: Sequence[Housed],
    found: Mapping[int, Institution],
    units: Mapping[str, UnitDraft],
) -> list[str]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, one in enumerate(housed):
        block = blocks[one.block]
        groups[one.block if one.block in found else compound_of(block, units)].append(index)

    def reading(index: int) -> tuple[float, ...]:
        one = housed[index]
        x, y = centres[one.block]
        return (-round(y / 60), x, one.block, one.structure.footprint.row, one.structure.footprint.column)

    names = [""] * len(housed)
    for members in groups.values():
        ordered = sorted(members, key=reading)
        those, first = [housed[index] for index in ordered], housed[ordered[0]].block
        if first in found:
            written = _of_institution(found[first], those)
        else:
            written = _of_compound(blocks[first].compound or units[blocks[first].unit].name, those)
        for index, name in zip(ordered, written, strict=True):
            names[index] = name
    return names


def _of_institution(institution: Institution, those: Sequence[Housed]) -> list[str]:
    parts = INSTITUTION_PARTS.get(institution.kind, ())
    names = []
    for number, one in enumerate(those, start=1):
        if institution.kind == "park":
            part = "凉亭"
        elif one.structure.use == "residential":
            part = "职工宿舍" if institution.kind in WORKS else "家属楼"
        elif number <= len(parts):
            part = parts[number - 1]
        else:
            part = f"{number}号{WORKS.get(institution.kind, '楼')}"
        names.append(f"{institution.name}{part}")
    return names


def _of_compound(label: str, those: Sequence[Housed]) -> list[str]:
    """Numbers in reading order; in a village every household of a row has a plate."""
    number, names = 0, []
    for one in those:
        use = one.structure.use
        if one.structure.plate is not None:
            names.append(f"{label}{one.structure.plate}")
        elif use == "farmhouse":
            first, number = number + 1, number + max(one.households, 1)
            names.append(f"{label}{first}号" if number == first else f"{label}{first}-{number}号")
        elif use == "public":
            names.append(f"{label}村民委员会" if label.endswith("村") else f"{label}便民服务中心")
        else:
            number += 1
            names.append(f"{label}{number}号{'院' if use == 'bungalow' else '楼'}")
    return names
