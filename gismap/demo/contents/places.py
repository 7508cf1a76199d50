"""Key places of a demo by category: institutions, tenants of shop fronts, what every village has, and a few hazards.

Stations and supplies are `stations`; who may live or work there is `staff` and `care`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import shapely
from shapely import Point

from gismap.boundaries.values import UnitDraft, ZoneType
from gismap.demo.contents.buildings import Standing
from gismap.demo.contents.institutions import Institution, above, numeral, place_of
from gismap.demo.model import Block, BlockUse
from gismap.elements.values import ElementDraft
from gismap.geometry.ground import GroundPlane, Shapes

BRANDS = (
    "惠民 康泰 百姓 益民 家和 福满 聚源 鸿运 顺兴 同心 春晖 仁和 民生 好邻居 万家 佳美 悦来 四季 金穗 邻家 和顺 欣荣"
).split()

TENANTS: Mapping[str, tuple[float, str]] = {
    "restaurant": (0.30, "饭店"),
    "supermarket": (0.20, "超市"),
    "pharmacy": (0.11, "大药房"),
    "hotel": (0.06, "宾馆"),
    "clinic": (0.05, "诊所"),
}
"""How often a shop front holds one, and what that is called after its brand."""

IN_TOWN: Mapping[str, tuple[float, str]] = {
    "kindergarten": (0.30, "{}幼儿园"),
    "pharmacy": (0.45, "{}大药房"),
    "supermarket": (0.60, "{}生活超市"),
    "restaurant": (0.60, "{}家常菜馆"),
    "elderly_care": (0.12, "{}日间照料中心"),
}
IN_VILLAGE: Mapping[str, tuple[float, str]] = {
    "clinic": (0.85, "{}卫生室"),
    "supermarket": (0.70, "{}便民超市"),
    "elderly_care": (0.30, "{}幸福院"),
    "school": (0.16, "{}小学"),
    "kindergarten": (0.18, "{}幼儿园"),
}
"""How often a grid has one, named after its community or village."""

MINES: Mapping[str, int] = {"zoucheng": 9}
"""Coal mines, where the county has coal."""


@dataclass(slots=True)
class Grounds:
    """What places are put on: blocks with what stands on them."""

    name: str
    units: Mapping[str, UnitDraft]
    blocks: Sequence[Block]
    institutions: Mapping[int, Institution]
    buildings: Sequence[Standing]
    plane: GroundPlane
    streets: Mapping[str, shapely.Geometry]  # named ones, in the plane
    of_leaf: dict[str, list[Standing]] = field(init=False)
    of_block: dict[int, list[Standing]] = field(init=False)
    blocks_of_town: dict[str, list[int]] = field(init=False)
    leaves_of: dict[str, list[UnitDraft]] = field(init=False)  # by the unit that they hang on

    def __post_init__(self) -> None:
        self.of_leaf, self.of_block, self.blocks_of_town = defaultdict(list), defaultdict(list), defaultdict(list)
        for one in self.buildings:
            self.of_leaf[one.unit].append(one)
            self.of_block[one.block].append(one)
        for index, block in enumerate(self.blocks):
            self.blocks_of_town[above(self.units, block.unit, 2).key].append(index)
        self.leaves_of = defaultdict(list)
        for leaf in self.leaves:
            self.leaves_of[leaf.parent or leaf.key].append(leaf)

    @property
    def leaves(self) -> list[UnitDraft]:
        return [unit for unit in self.units.values() if unit.geom is not None]

    def kerb(self, chosen: Sequence[int], inset_m: float, rng: Random) -> list[Point]:
        """A point on each chosen block, `inset_m` inside its border and towards the street that it has."""
        if not chosen:
            return []
        shapes: Shapes = np.array([self.blocks[index].geom for index in chosen], dtype=object)
        metres = self.plane.to_metres(shapes)
        inner = shapely.buffer(metres, -inset_m, join_style="mitre")
        points = []
        for index, block, shape in zip(chosen, metres, inner, strict=True):
            if shape.is_empty:
                points.append(block.point_on_surface())
                continue
            ring = max(shapely.get_parts(shape), key=lambda part: part.area).exterior
            tried = ring.interpolate([rng.random() for _ in range(9)], normalized=True)
            street = self.streets.get(self.blocks[index].street or "")
            points.append(tried[0] if street is None else min(tried, key=street.distance))
        found = self.plane.to_degrees(np.array(points, dtype=object))
        return list(shapely.transform(found, lambda lonlat: np.round(lonlat, 8)))


@dataclass(slots=True)
class _Listed:
    """Key places found so far."""

    drafts: list[ElementDraft] = field(default_factory=list)

    def add(self, category: str, name: str, at: Point, part_of: Standing | None = None) -> None:
        self.drafts.append(
            ElementDraft(
                "key_places", f"place:{len(self.drafts) + 1}", at, category=category, name=name, anchor=at,
                part_of=part_of.ref if part_of else None,
            )
        )  # fmt: skip


def key_places(grounds: Grounds, rng: Random) -> list[ElementDraft]:
    """All key places of the district."""
    listed = _Listed()
    _institutions(grounds, listed)
    _tenants(grounds, listed, rng)
    for leaf in grounds.leaves:
        _everyday(grounds, leaf, listed, rng)
    _of_towns(grounds, listed, rng)
    return listed.drafts


def _institutions(grounds: Grounds, listed: _Listed) -> None:
    for index, institution in grounds.institutions.items():
        if institution.kind == "office":
            continue
        standing = grounds.of_block.get(index, [])
        if standing:
            listed.add(institution.kind, institution.name, standing[0].at, standing[0])
        elif institution.kind == "park":
            listed.add("park", institution.name, grounds.blocks[index].geom.point_on_surface())


def _tenants(grounds: Grounds, listed: _Listed, rng: Random) -> None:
    chances = [chance for chance, _ in TENANTS.values()]
    kinds = [*TENANTS, None]
    for one in grounds.buildings:
        if one.building.use != "shop" or grounds.blocks[one.block].use is not BlockUse.SHOPS:
            continue
        kind = rng.choices(kinds, [*chances, 1 - sum(chances)])[0]
        if kind is not None:
            name = f"{rng.choice(BRANDS)}{TENANTS[kind][1]}({grounds.blocks[one.block].street or '商铺'}店)"
            listed.add(kind, name, one.at, one)


def _everyday(grounds: Grounds, leaf: UnitDraft, listed: _Listed, rng: Random) -> None:
    standing = grounds.of_leaf.get(leaf.key, [])
    homes = [one for one in standing if one.building.use in ("residential", "bungalow", "farmhouse", "public")]
    if not homes:
        return
    rural = leaf.zone_type is ZoneType.RURAL
    for category, (chance, pattern) in (IN_VILLAGE if rural else IN_TOWN).items():
        if rng.random() < chance:
            home = rng.choice(homes)
            village = grounds.blocks[home.block].compound
            place = (village if rural and village else place_of(grounds.units, leaf.key)) or leaf.name
            brand = "" if rural else rng.choice(BRANDS)
            listed.add(category, pattern.format(place + brand), home.at, home)


def _of_towns(grounds: Grounds, listed: _Listed, rng: Random) -> None:
    """Town halls, filling stations and building sites; mines where there is coal."""
    rural: list[int] = []
    for town, indices in grounds.blocks_of_town.items():
        unit = grounds.units[town]
        _town_hall(grounds, unit, indices, listed)
        on_streets = [index for index in indices if grounds.blocks[index].street is not None] or indices
        pumps = rng.sample(on_streets, min(rng.choice((2, 3, 4)), len(on_streets)))
        for number, at in enumerate(grounds.kerb(pumps, 11.0, rng), start=1):
            listed.add("gas_station", f"{_bare(unit.name)}第{numeral(number)}加油站", at)
        sites = [index for index in on_streets if grounds.blocks[index].use in (BlockUse.COMPOUND, BlockUse.INDUSTRY)]
        sites = rng.sample(sites, min(rng.choice((1, 2, 3)), len(sites)))
        for index, at in zip(sites, grounds.kerb(sites, 12.0, rng), strict=True):
            block = grounds.blocks[index]
            listed.add("construction_site", f"{block.compound or block.street or unit.name}在建工地", at)
        rural += [index for index in indices if grounds.blocks[index].use is BlockUse.VILLAGE]
    mines = rng.sample(rural, min(MINES.get(grounds.name, 0), len(rural)))
    for index, at in zip(mines, grounds.kerb(mines, 5.0, rng), strict=True):
        listed.add("mine", f"{_bare(grounds.blocks[index].compound or grounds.name)}煤矿", at)


def _town_hall(grounds: Grounds, town: UnitDraft, indices: Sequence[int], listed: _Listed) -> None:
    """In the public or office building nearest to the middle of what is built."""
    built = [one for index in indices for one in grounds.of_block.get(index, ())]
    if not built or town.level != 2:
        return
    where = shapely.get_coordinates([one.at for one in built])
    away = np.hypot(*(where - np.median(where, axis=0)).T)
    fits = np.array([one.building.use in ("public", "office") for one in built])
    chosen = built[int(np.argmin(np.where(fits, away, away + 10)))]
    title = "街道办事处" if town.name.endswith("街道") else "人民政府"
    listed.add("government", town.name.removesuffix("街道") + title, chosen.at, chosen)


def _bare(name: str) -> str:
    return name.removesuffix("街道").removesuffix("镇").removesuffix("村") or name
