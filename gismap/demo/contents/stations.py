"""Service stations of a demo, and the supplies that are kept for an emergency."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random

import numpy as np
import shapely
from shapely import Point

from gismap.boundaries.values import ZoneType
from gismap.demo.contents.buildings import Standing
from gismap.demo.contents.places import Grounds
from gismap.demo.model import SINCE, BlockUse
from gismap.elements.values import ElementDraft
from gismap.staff.values import Role

STATIONS: Mapping[str, int] = {"zoucheng": 147}
"""How many service stations a district has; elsewhere every community has one."""

PREFERRED = ("public", "office", "shop", "residential", "bungalow", "farmhouse", "school", "hospital", "factory")
"""Where a station is put, best first."""


def service_stations(grounds: Grounds) -> tuple[list[ElementDraft], dict[str, Point]]:
    """The stations, and where the leaders of a unit are found: {key: point of its station}."""
    members = _members(grounds)
    served = sorted(members, key=lambda key: _is_rural(grounds, key))  # urban communities come first
    wanted = STATIONS.get(grounds.name, len(served))
    turns = range(-(-wanted // max(len(served), 1)))
    rounds = [(key, turn) for turn in turns for key in served if turn < len(members[key])][:wanted]
    drafts: list[ElementDraft] = []
    points: dict[str, Point] = {}
    for key, turn in rounds:
        unit = grounds.units[key]
        at = _best(members[key], turn)
        rural = _is_rural(grounds, key)
        name = f"{unit.name}{'便民服务站' if rural else '网格服务站'}{f'({turn + 1}号点)' if turn else ''}"
        drafts.append(
            ElementDraft(
                "service_stations", f"station:{len(drafts) + 1}", at.at, name=name, anchor=at.at, part_of=at.ref,
                category="rural_station" if rural else "community_station",
            )
        )  # fmt: skip
        points.setdefault(key, at.at)
    return drafts, points


def _members(grounds: Grounds) -> dict[str, list[Standing]]:
    """The buildings of every unit that leaves hang on, of those that have any."""
    members: dict[str, list[Standing]] = {}
    for unit in grounds.leaves:
        if unit.parent is not None and grounds.of_leaf.get(unit.key):
            members.setdefault(unit.parent, []).extend(grounds.of_leaf[unit.key])
    return members


def _is_rural(grounds: Grounds, key: str) -> bool:
    zones = [unit.zone_type is ZoneType.RURAL for unit in grounds.leaves_of[key]]
    return sum(zones) * 2 > len(zones)


def _best(members: Sequence[Standing], turn: int) -> Standing:
    """The most fitting building near the middle; each turn takes another one."""
    where = shapely.get_coordinates([one.at for one in members])
    away = np.hypot(*(where - np.median(where, axis=0)).T)
    fitness = np.array([PREFERRED.index(one.building.use) for one in members])
    order = np.lexsort((away, fitness))
    return members[int(order[turn % len(order)])]


def supplies(grounds: Grounds, places: Sequence[ElementDraft], rng: Random) -> list[ElementDraft]:
    """Shelters, defibrillators, hydrants, vehicles and stores against floods, with who keeps them."""
    drafts: list[ElementDraft] = []
    sector = Role.SECTOR_LEADER

    def keep(category: str, name: str, at: Point, quantity: int, keeper: Role) -> None:
        verified: date = SINCE - timedelta(days=rng.randrange(3, 120))
        attributes = {"quantity": quantity, "keeper": keeper.value, "last_verified": verified.isoformat()}
        drafts.append(
            ElementDraft(
                "supplies", f"supply:{len(drafts) + 1}", at, category=category, name=name, anchor=at,
                attributes=attributes,
            )
        )  # fmt: skip

    for place in places:
        assert place.anchor is not None
        if place.category in ("school", "park"):
            keep("shelter", f"{place.name}应急避难场所", place.anchor, rng.randrange(200, 2000, 50), Role.GRID_LEADER)
        if place.category in ("hospital", "station", "government", "market", "park"):
            keep("aed", f"{place.name}自动体外除颤器", place.anchor, 1, Role.FULL_TIME_GRID_WORKER)
        if place.category == "government":
            keep("vehicle", f"{place.name}应急巡逻车", place.anchor, rng.choice((1, 2, 3)), sector)
            keep("flood_store", f"{place.name}防汛物资库", place.anchor, rng.randrange(100, 900, 20), sector)
    kerbs = [
        index for index, block in enumerate(grounds.blocks)
        if block.street is not None and block.use not in (BlockUse.VILLAGE, BlockUse.OPEN) and rng.random() < 0.4
    ]  # fmt: skip
    for index, at in zip(kerbs, grounds.kerb(kerbs, 5.0, rng), strict=True):
        keep("hydrant", f"{grounds.blocks[index].street}消火栓", at, 1, Role.FULL_TIME_GRID_WORKER)
    return drafts
