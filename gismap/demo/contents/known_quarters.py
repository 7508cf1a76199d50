"""The two places of Yuyang whose numbers are known exactly: a compound of towers and a quarter of courtyards."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from gismap.demo.contents.homes import Slab, courtyards_on, slabs_on
from gismap.demo.contents.plots import Plot
from gismap.demo.contents.structures import Placed, Structure, fitting

Item = TypeVar("Item")
TOWERS = Slab(33, 66, 17.0, 15.0, 34.0, 16.0, (3,))
JINLIN_BUILDINGS, JINLIN_THREE_STAIRS, JINLIN_TALLER = 30, 17, (9, 2)
"""17 buildings have three units and 13 have two, 77 together. 9 and 2 of them have 34 floors of two households and the
others 33, so that 31 units hold 68 households and 46 hold 66: 5,144."""

CAIZHI_ROWS = (10, 10, 9, 9)
"""Courtyards in the four rows of 才智巷, longest first. A lane leads to each half of a row: eight lanes."""

DOORS = ("北户", "南户", "东户", "西户", "东北户", "西北户", "东南户", "西南户")
"""The doors of a courtyard, by where they lie in it."""

Size = tuple[float, float]
"""How much larger than usual a building is, and how wide the gap or lane beside it (as a factor, or in metres)."""

TOWER_SIZES: Sequence[Size] = [(1.0, 2.2 - 0.15 * step) for step in range(9)] + [(0.9, 1.0), (0.8, 0.9), (0.7, 0.8)]
YARD_SIZES: Sequence[Size] = [
    (round(1.9 - 0.08 * step, 2), lane) for step in range(18) for lane in (14.0, 11.0, 8.0, 6.0, 4.5)
]
"""Sizes that are tried, largest first."""


def jinlin(plots: Sequence[Plot], _households: Sequence[int], rng: Random) -> list[Placed]:
    """金林小区: 30 buildings, 77 building units, 5,144 households."""

    def towers(plot: Plot, size: Size) -> list[Structure]:
        scale, looser = size
        smaller = replace(TOWERS, stair_width=TOWERS.stair_width * scale, depth=TOWERS.depth * scale)
        return slabs_on(plot, smaller, rng, looser=scale * looser)

    enough = [laid for size in TOWER_SIZES if len(laid := _laid(plots, towers, size)) >= JINLIN_BUILDINGS]
    if not enough:
        raise ValueError("there is no room for thirty towers")
    found = _shared_out(max(enough, key=lambda laid: len({plot for plot, _ in laid})), JINLIN_BUILDINGS)
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
    rows = _four_rows(plots, rng)
    homes = iter(_dealt(max(sum(households), sum(CAIZHI_ROWS)), sum(CAIZHI_ROWS), rng))
    result = []
    for row, yards in enumerate(rows, start=1):
        for number, (plot, one) in enumerate(yards, start=1):
            lane = 2 * row - (1 if number <= (len(yards) + 1) // 2 else 0)  # odd to the west, even to the east
            plate = f"{row}排{number}号院"
            result.append((plot, replace(one, homes=(next(homes),), plate=plate, lane=lane)))
    return result


def _four_rows(plots: Sequence[Plot], rng: Random) -> list[list[Placed]]:
    """Four neighbouring rows, north first, of as large courtyards as they have room for."""
    for size in YARD_SIZES:
        rows: dict[tuple[int, int], list[Placed]] = defaultdict(list)
        for plot, one in _laid(plots, lambda plot, size: courtyards_on(plot, rng, *size), size):
            rows[plot, one.footprint.row].append((plot, one))
        ordered = sorted(rows.values(), key=lambda row: -sum(one.footprint.y for _, one in row) / len(row))
        for start in range(len(ordered) - 3):
            window = ordered[start : start + 4]
            longest_first = sorted(range(4), key=lambda index: -len(window[index]))
            wanted = dict(zip(longest_first, CAIZHI_ROWS, strict=True))
            if all(len(window[index]) >= count for index, count in wanted.items()):
                return [_spread(window[index], wanted[index]) for index in range(4)]
    raise ValueError("there is no room for four rows of courtyards")


Special = Callable[[Sequence[Plot], Sequence[int], Random], list[Placed]]
SPECIALS: Mapping[str, Special] = {"金林小区": jinlin, "才智巷": caizhi}
"""By the name of the compound that the land gives to their blocks."""


def _laid(plots: Sequence[Plot], lay: Callable[[Plot, Size], list[Structure]], size: Size) -> list[Placed]:
    """What can stand on the plots at that size."""
    return fitting([(index, one) for index, plot in enumerate(plots) for one in lay(plot, size)], plots)


def _spread(found: Sequence[Item], count: int) -> list[Item]:
    """`count` of them, evenly over their order."""
    return [found[index * len(found) // count] for index in range(count)]


def _shared_out(found: Sequence[Placed], count: int) -> list[Placed]:
    """`count` of them, as many from every plot as it has until the others have more."""
    of_plot: dict[int, list[Placed]] = defaultdict(list)
    for plot, one in found:
        of_plot[plot].append((plot, one))
    ranked = sorted((rank, plot) for plot, those in of_plot.items() for rank in range(len(those)))[:count]
    taken = Counter(plot for _, plot in ranked)
    return [one for plot, those in of_plot.items() for one in _spread(those, taken[plot])]


def _dealt(total: int, count: int, rng: Random) -> list[int]:
    """At least one for each of `count`, at most as many as there are doors while that suffices."""
    dealt = [1] * count
    for _ in range(total - count):
        open_hands = [index for index, held in enumerate(dealt) if held < len(DOORS)] or range(count)
        dealt[rng.choice(open_hands)] += 1
    return dealt
