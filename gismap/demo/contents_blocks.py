"""Decides what is built on a block: slabs and towers, courtyards, shop fronts, schools, sheds, farmhouses.

Values only: where footprints fit is `contents_plots`, what they are called is `contents_buildings`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from gismap.demo.contents_plots import Footprint, Plot, fronts, rows
from gismap.demo.model import Block, BlockUse

FLOORS = (6, 11, 18, 26, 33)
"""How tall residential buildings are: walk-ups, then the heights at which building rules change."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A building that is to stand on a block."""

    footprint: Footprint
    use: str
    floors: int
    stairs: int = 0  # building units
    share: float = 0.0  # of the block's households, relative to the other structures on it
    homes: tuple[int, ...] = ()  # households of each building unit, where they are fixed beforehand
    plate: str | None = None  # its name inside the compound, where that is fixed beforehand
    lane: int | None = None  # which lane leads to it, where lanes are numbered


@dataclass(frozen=True, slots=True)
class Slab:
    """A way to build a compound; lengths in metres."""

    floors: int
    per_floor: int  # households per building unit and floor
    stair_width: float
    depth: float
    row_gap: float
    side_gap: float
    stairs: tuple[int, ...]

    @property
    def per_hectare(self) -> float:
        """Households on a hectare filled with it, corners and gardens left free."""
        stairs = sum(self.stairs) / len(self.stairs)
        ground = (stairs * self.stair_width + self.side_gap * 1.2) * (self.depth + self.row_gap * 1.1)
        return 0.72 * 1e4 * stairs * self.per_floor * self.floors / ground


SLABS = (
    Slab(6, 2, 13.5, 11.5, 19.0, 9.0, (2, 3, 4, 5)),
    Slab(11, 2, 15.0, 13.0, 28.0, 11.0, (2, 2, 3)),
    Slab(18, 2, 17.0, 14.5, 36.0, 15.0, (1, 2, 2)),
    Slab(26, 3, 20.0, 16.0, 40.0, 18.0, (1, 2)),
    Slab(33, 4, 24.0, 18.0, 38.0, 18.0, (1, 1, 2)),
)
"""From open to dense."""

INSETS: Mapping[BlockUse, float] = {
    BlockUse.COMPOUND: 13.0,
    BlockUse.BUNGALOWS: 8.0,
    BlockUse.SHOPS: 7.0,
    BlockUse.CIVIC: 14.0,
    BlockUse.INDUSTRY: 14.0,
    BlockUse.PARK: 20.0,
    BlockUse.VILLAGE: 8.0,
    BlockUse.OPEN: 20.0,
}
"""How far from the border of a block (a street's centre-line) buildings keep, in metres."""

MOST_TURN: Mapping[BlockUse, float] = {
    BlockUse.COMPOUND: 20.0,
    BlockUse.BUNGALOWS: 45.0,
    BlockUse.SHOPS: 45.0,
    BlockUse.CIVIC: 30.0,
    BlockUse.INDUSTRY: 45.0,
    BlockUse.PARK: 45.0,
    BlockUse.VILLAGE: 25.0,
    BlockUse.OPEN: 45.0,
}
"""How far rows may turn away from facing south, in degrees."""

CIVIC_CYCLE = (
    "school", "government", "market", "school", "office", "hospital", "school", "elderly_care", "office", "station",
)  # fmt: skip
"""What the civic blocks of a district are, one after the other; categories of key places, and offices."""

CIVIC_USE: Mapping[str, str] = {"school": "school", "hospital": "hospital", "market": "shop", "office": "office"}
"""The use of a building on a civic block; the others are `public`."""


def structures(block: Block, plot: Plot, civic: str, rng: Random) -> list[Structure]:
    """What is to stand on the block, before it is tried whether it fits."""
    if block.use is BlockUse.CIVIC:
        return _civic(plot, civic, rng)
    return BUILDERS[block.use](block.households, plot, rng)


def slab_for(households: int, area: float, rng: Random) -> Slab:
    """The most open way to house them on `area` m²; one in five compounds is built a step taller and looser."""
    wanted = households / max(area / 1e4, 0.01)
    index = next((i for i, slab in enumerate(SLABS) if slab.per_hectare >= wanted), len(SLABS) - 1)
    if rng.random() < 0.2:
        index = min(index + 1, len(SLABS) - 1)
    return SLABS[index]


def _compound(households: int, plot: Plot, rng: Random) -> list[Structure]:
    slab = _loosened(slab_for(households, plot.area, rng), households, plot)
    found = _thinned(slabs_on(plot, slab, rng), plot, households / (slab.per_floor * slab.floors), rng, garden=True)
    if not found:
        return []
    per_stair = households / sum(one.share for one in found)
    tall = next((tall for tall in FLOORS if tall >= slab.floors and tall * slab.per_floor >= per_stair), FLOORS[-1])
    return [replace(one, floors=tall) for one in found]


def _loosened(slab: Slab, households: int, plot: Plot) -> Slab:
    """With wider gaps where the land holds far more than has to live there."""
    room = math.sqrt(slab.per_hectare * plot.area / 1e4 / max(households, 1))
    looser = min(max(room, 1.0), 1.7)
    return replace(slab, row_gap=slab.row_gap * looser, side_gap=slab.side_gap * looser)


def slabs_on(plot: Plot, slab: Slab, rng: Random) -> list[Structure]:
    """Every slab of that kind for which the plot has room."""
    lengths = [count * slab.stair_width for count in slab.stairs]
    laid = rows(
        plot, rng, depth=slab.depth, row_gap=slab.row_gap, lengths=lengths, side_gap=slab.side_gap,
        stagger=slab.floors > 11,
    )  # fmt: skip
    stairs = [round(one.width / slab.stair_width) for one in laid]
    return [Structure(one, "residential", slab.floors, count, count) for one, count in zip(laid, stairs, strict=True)]


def _bungalows(households: int, plot: Plot, rng: Random) -> list[Structure]:
    found = courtyards_on(plot, rng)
    return _thinned(found, plot, households / 2.6, rng, ragged=0.15)


def courtyards_on(plot: Plot, rng: Random, scale: float = 1.0) -> list[Structure]:
    """Courtyards side by side along lanes, for all of which the plot has room."""
    laid = rows(
        plot, rng, depth=15.0 * scale, row_gap=4.5, lengths=[13.0 * scale, 15.0 * scale, 18.0 * scale], side_gap=1.6
    )
    found = []
    for one in laid:
        house = one
        if rng.random() < 0.55:  # a side house in the yard: the open part of the L is the yard
            shallow = one.depth * 0.45
            turned = math.pi if rng.random() < 0.3 else 0.0
            lift = (one.depth - shallow) / 2 * (-1 if turned else 1)
            x, y = one.x - lift * math.sin(one.angle), one.y + lift * math.cos(one.angle)
            house = replace(one, x=x, y=y, depth=shallow, wing=one.depth - shallow, angle=one.angle + turned)
        found.append(Structure(house, "bungalow", 1 if rng.random() < 0.85 else 2, 0, 1.0))
    return found


def _shops(households: int, plot: Plot, rng: Random) -> list[Structure]:
    floors = 2 if households == 0 else rng.choice((3, 4, 5, 6))
    found = []
    for one in fronts(plot, rng, depth=11.0, lengths=(18.0, 26.0, 34.0, 44.0), gap=4.0):
        own = rng.choice((2, 3)) if households == 0 else floors
        found.append(Structure(one, "shop", own, 0, one.width / 10))
    return found


def _civic(plot: Plot, kind: str, rng: Random) -> list[Structure]:
    use = CIVIC_USE.get(kind, "public")
    depth, floors = (22.0, 2) if kind == "market" else (16.0, rng.choice((4, 5, 6)))
    laid = rows(plot, rng, depth=depth, row_gap=26.0, lengths=(36.0, 48.0, 62.0), side_gap=14.0)
    kept = laid[: max(2, math.ceil(len(laid) * (0.5 if kind == "school" else 0.75)))]  # the south stays open: a field
    found = []
    for one in kept:
        wing = 14.0 if kind != "market" and rng.random() < 0.4 else 0.0
        found.append(Structure(replace(one, wing=wing), use, floors))
    return found


def _industry(households: int, plot: Plot, rng: Random) -> list[Structure]:
    depth = rng.choice((24.0, 30.0, 38.0))
    laid = rows(plot, rng, depth=depth, row_gap=16.0, lengths=(38.0, 56.0, 74.0, 92.0), side_gap=14.0)
    kept = [one for one in laid if rng.random() < 0.8] or laid
    found = [Structure(one, "factory", rng.choice((1, 1, 2))) for one in kept]
    if households and found:
        found[-1] = replace(found[-1], use="residential", floors=6, stairs=2, share=1.0)  # the dormitory
    return found


def _park(_households: int, plot: Plot, rng: Random) -> list[Structure]:
    if rng.random() < 0.45:
        return []
    x, y = plot.middle
    return [Structure(Footprint(x, y, 11.0, 9.0, plot.angle, 0, 0), "public", 1)]


def _village(households: int, plot: Plot, rng: Random) -> list[Structure]:
    found: list[Structure] = []
    ease = min(max(math.sqrt(plot.area / (max(households, 1) * 420)), 1.0), 1.8)  # lanes widen where there is land
    for scale in (1.0, 0.85, 0.72, 0.6):
        yard = 13.0 * scale
        laid = rows(
            plot, rng, depth=15.0 * scale, row_gap=7.0 * scale * ease, lengths=[yard * count for count in YARDS],
            side_gap=6.0 * scale,
        )  # fmt: skip
        found = [_farmhouses(one, round(one.width / yard), rng) for one in laid]
        if sum(one.share for one in found) >= households:
            break
    found = _thinned(found, plot, households + 4, rng)
    if len(found) > 8:  # the committee and its yard, where the village is densest
        centre = min(found, key=lambda one: math.dist((one.footprint.x, one.footprint.y), plot.middle))
        found[found.index(centre)] = replace(centre, use="public", floors=2, share=0.0)
    return found


YARDS = (3, 4, 4, 5, 5, 6)
"""How many farmyards stand wall to wall in a row."""


def _farmhouses(one: Footprint, yards: int, rng: Random) -> Structure:
    askew = replace(
        one,
        x=one.x + rng.uniform(-1, 1),
        y=one.y + rng.uniform(-1.2, 1.2),
        depth=one.depth * rng.uniform(0.72, 1.0),
        angle=one.angle + rng.uniform(-0.02, 0.02),
    )
    return Structure(askew, "farmhouse", 1 if rng.random() < 0.8 else 2, 0, float(yards))


def _open(_households: int, _plot: Plot, _rng: Random) -> list[Structure]:
    return []


def _thinned(
    found: Sequence[Structure], plot: Plot, wanted: float, rng: Random, *, garden: bool = False, ragged: float = 0.35
) -> list[Structure]:
    """Enough of them for `wanted` shares: a compound gives up its middle for a garden, a village its fringe."""
    middle, reach = plot.middle, math.sqrt(plot.area / math.pi)

    def keeping(one: Structure) -> float:
        away = math.dist((one.footprint.x, one.footprint.y), middle) / reach
        return (away if garden else -away) + rng.uniform(-ragged, ragged)

    values = [keeping(one) for one in found]
    kept, shares = set(), 0.0
    for index in sorted(range(len(found)), key=values.__getitem__, reverse=True):
        if shares >= wanted and kept:
            break
        kept.add(index)
        shares += found[index].share
    return [one for index, one in enumerate(found) if index in kept]


BUILDERS: Mapping[BlockUse, Callable[[int, Plot, Random], list[Structure]]] = {
    BlockUse.COMPOUND: _compound,
    BlockUse.BUNGALOWS: _bungalows,
    BlockUse.SHOPS: _shops,
    BlockUse.INDUSTRY: _industry,
    BlockUse.PARK: _park,
    BlockUse.VILLAGE: _village,
    BlockUse.OPEN: _open,
}
