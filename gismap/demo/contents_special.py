"""The two places of Yuyang whose numbers are known exactly: a compound of towers and a quarter of courtyards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import shapely

from gismap.demo.contents_blocks import Slab, Structure, courtyards_on, slabs_on
from gismap.demo.contents_plots import Plot, outlines, standing

Placed = tuple[int, Structure]
"""Which of the plots, and what stands on it."""

TOWERS = Slab(33, 2, 17.0, 15.0, 34.0, 16.0, (3,))
JINLIN_BUILDINGS, JINLIN_THREE_STAIRS, JINLIN_TALLER = 30, 17, (9, 2)
"""17 buildings have three units and 13 have two, 77 together. 9 and 2 of them have 34 floors of two households and the
others 33, so that 31 units hold 68 households and 46 hold 66: 5,144."""

CAIZHI_ROWS = (10, 10, 9, 9)
"""Courtyards in each of the four rows from the north; a lane leads to each half of a row: eight lanes."""

DOORS = ("北户", "南户", "东户", "西户", "东北户", "西北户", "东南户", "西南户")
"""The doors of a courtyard, by where they lie in it."""

SCALES = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52)


def jinlin(plots: Sequence[Plot], _households: Sequence[int], rng: Random) -> list[Placed]:
    """金林小区: 30 buildings, 77 building units, 5,144 households."""

    def towers(plot: Plot, scale: float) -> list[Structure]:
        smaller = replace(
            TOWERS,
            stair_width=TOWERS.stair_width * scale, depth=TOWERS.depth * scale,
            row_gap=TOWERS.row_gap * scale, side_gap=TOWERS.side_gap * scale,
        )  # fmt: skip
        return slabs_on(plot, smaller, rng)

    found = _spread(_enough(plots, towers, JINLIN_BUILDINGS), JINLIN_BUILDINGS)
    three = set(_spread(range(JINLIN_BUILDINGS), JINLIN_THREE_STAIRS))
    result, counted = [], {2: 0, 3: 0}
    for index, (plot, one) in enumerate(found):
        stairs = 3 if index in three else 2
        counted[stairs] += 1
        floors = 34 if counted[stairs] <= JINLIN_TALLER[3 - stairs] else 33
        footprint = replace(one.footprint, width=one.footprint.width * stairs / 3)
        homes = (2 * floors,) * stairs
        result.append((plot, replace(one, footprint=footprint, floors=floors, stairs=stairs, homes=homes)))
    return result


def caizhi(plots: Sequence[Plot], households: Sequence[int], rng: Random) -> list[Placed]:
    """才智巷: 4 rows, 8 lanes, 38 courtyards; the households of its blocks are dealt out to the courtyards."""
    found = _enough(plots, lambda plot, scale: courtyards_on(plot, rng, scale), sum(CAIZHI_ROWS))
    found = _spread(sorted(found, key=_reading), sum(CAIZHI_ROWS))
    homes = _dealt(max(sum(households), len(found)), len(found), rng)
    result, start = [], 0
    for row, count in enumerate(CAIZHI_ROWS, start=1):
        members = sorted(zip(found[start : start + count], homes[start : start + count], strict=True), key=_eastward)
        start += count
        for number, ((plot, one), doors) in enumerate(members, start=1):
            result.append((plot, replace(one, homes=(doors,), plate=f"{row}排{number}号院")))
    return result


def lane_of(plate: str) -> int:
    """The lane that leads to a courtyard of 才智巷: the western or the eastern one of its row."""
    row, number = (int(part) for part in plate.removesuffix("号院").split("排"))
    return 2 * row - (1 if number <= (CAIZHI_ROWS[row - 1] + 1) // 2 else 0)


Special = Callable[[Sequence[Plot], Sequence[int], Random], list[Placed]]
SPECIALS: Mapping[str, Special] = {"金林小区": jinlin, "才智巷": caizhi}
"""By the name of the compound that the land gives to their blocks."""


def _enough(plots: Sequence[Plot], lay: Callable[[Plot, float], list[Structure]], count: int) -> list[Placed]:
    """At least `count` structures that can stand, as large as that allows."""
    found: list[Placed] = []
    allowed = np.array([plot.shape for plot in plots], dtype=object)
    for scale in SCALES:
        tried = [(index, one) for index, plot in enumerate(plots) for one in lay(plot, scale)]
        if not tried:
            continue
        stands = standing(
            outlines([one.footprint for _, one in tried]), shapely.buffer(allowed, 1.5, join_style="mitre"),
            np.array([index for index, _ in tried]),
        )  # fmt: skip
        found = [one for one, stands_too in zip(tried, stands, strict=True) if stands_too]
        if len(found) >= count:
            return found
    raise ValueError(f"there is room for {len(found)} of {count} buildings only")


def _spread(found: Sequence[object], count: int) -> list:  # type: ignore[type-arg]
    """`count` of them, evenly over their order."""
    return [found[index * len(found) // count] for index in range(count)]


def _reading(placed: Placed) -> float:
    return -placed[1].footprint.y


def _eastward(member: tuple[Placed, int]) -> float:
    return member[0][1].footprint.x


def _dealt(total: int, count: int, rng: Random) -> list[int]:
    """At least one for each of `count`, at most as many as there are doors while that suffices."""
    dealt = [1] * count
    for _ in range(total - count):
        open_hands = [index for index, held in enumerate(dealt) if held < len(DOORS)] or range(count)
        dealt[rng.choice(open_hands)] += 1
    return dealt
