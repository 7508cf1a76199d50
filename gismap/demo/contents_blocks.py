"""Decides what is built on a block: slabs and towers, courtyards, shop fronts, schools, sheds, farmhouses.

Values only: where footprints fit is `contents_plots`, what they are called is `contents_buildings`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from gismap.demo.contents_plots import Footprint, Plot, fronts, inner_plot, outlines, rows, standing
from gismap.demo.model import Block, BlockUse


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


Placed = tuple[int, Structure]
"""The position of a block or plot, and what stands on it."""


@dataclass(frozen=True, slots=True)
class Slab:
    """A way to build a compound; lengths in metres."""

    floors: int
    per_stair: int  # households of a building unit
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
        return 0.7 * 1e4 * stairs * self.per_stair / ground


SLABS = (
    Slab(3, 3, 11.0, 11.0, 14.0, 7.0, (3, 4, 5)),
    Slab(6, 6, 13.0, 11.5, 19.0, 9.0, (2, 3, 4)),
    Slab(6, 9, 13.5, 11.5, 19.0, 9.0, (2, 3, 4)),
    Slab(6, 12, 13.5, 11.5, 19.0, 9.0, (2, 3, 4, 5)),
    Slab(11, 22, 15.0, 13.0, 28.0, 11.0, (2, 2, 3)),
    Slab(18, 36, 17.0, 14.5, 36.0, 15.0, (1, 2, 2)),
    Slab(26, 78, 20.0, 16.0, 40.0, 18.0, (1, 2)),
    Slab(33, 132, 24.0, 18.0, 38.0, 18.0, (1, 1, 2)),
)
"""From open to dense: terraces, walk-ups, and the heights at which building rules change."""

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


def structures(block: Block, plot: Plot, institution: str | None, rng: Random) -> list[Structure]:
    """What is to stand on the block, before it is tried whether it fits.

    `institution` is the kind of the one that has the block; a village's is its committee.
    """
    if block.use is BlockUse.CIVIC and institution is not None:
        return _with_quarters(_civic(plot, institution, rng), block.households)
    if block.use is BlockUse.VILLAGE:
        return _village(block.households, plot, rng, with_committee=institution is not None)
    return BUILDERS[block.use](block.households, plot, rng)


def fitting(tried: Sequence[Placed], plots: Sequence[Plot | None]) -> list[Placed]:
    """Those that stand on their plots and clear of those before them."""
    if not tried:
        return []
    owner = np.array([index for index, _ in tried])
    stands = standing(outlines([one.footprint for _, one in tried]), plots, owner)
    return [one for one, stands_too in zip(tried, stands, strict=True) if stands_too]


def slab_for(households: int, area: float, rng: Random) -> Slab:
    """The most open way to house them on `area` m², often a step taller and looser; terraces are rare."""
    wanted = households / max(area / 1e4, 0.01)
    index = next((i for i, slab in enumerate(SLABS) if slab.per_hectare >= wanted), len(SLABS) - 1)
    if rng.random() < (0.75 if index == 0 else 0.25):
        index = min(index + 1, len(SLABS) - 1)
    return SLABS[index]


def _compound(households: int, plot: Plot, rng: Random) -> list[Structure]:
    slab = slab_for(households, plot.area, rng)
    room = math.sqrt(slab.per_hectare * plot.area / 1e4 / max(households, 1))
    laid = slabs_on(plot, slab, rng, looser=min(max(room, 1.0), 1.6))
    found = _thinned(laid, plot, households / slab.per_stair, rng)
    if not found:
        return []
    crowding = households / sum(one.share for one in found) / slab.per_stair
    taller = [other.floors for other in SLABS if other.floors >= slab.floors * crowding]
    return [replace(one, floors=max(slab.floors, min(taller, default=33))) for one in found]


def slabs_on(plot: Plot, slab: Slab, rng: Random, *, looser: float = 1.0) -> list[Structure]:
    """Every slab of that kind for which the plot has room, with gaps `looser` times as wide as they have to be."""
    laid = rows(
        plot,
        rng,
        depth=slab.depth,
        row_gap=slab.row_gap * looser,
        lengths=[count * slab.stair_width for count in slab.stairs],
        side_gap=slab.side_gap * looser,
        stagger=slab.floors > 11,
    )
    stairs = [round(one.width / slab.stair_width) for one in laid]
    return [Structure(one, "residential", slab.floors, count, count) for one, count in zip(laid, stairs, strict=True)]


def _bungalows(households: int, plot: Plot, rng: Random) -> list[Structure]:
    yards = max(households / 2.2, 1.0)
    scale = min(max(math.sqrt(plot.area * 0.75 / yards / 320), 1.0), 1.45)
    return _thinned(courtyards_on(plot, rng, scale), plot, yards, rng, ragged=0.15)


def courtyards_on(plot: Plot, rng: Random, scale: float = 1.0, lane: float = 4.5) -> list[Structure]:
    """Courtyards side by side along lanes `lane` metres wide, for all of which the plot has room."""
    laid = rows(
        plot, rng, depth=15.0 * scale, row_gap=lane, lengths=[13.0 * scale, 15.0 * scale, 18.0 * scale], side_gap=1.6
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
    """Shop fronts around the block; homes behind them, or above where there is no room behind."""
    depth = 11.0
    found = [
        Structure(one, "shop", rng.choice((2, 2, 3)))
        for one in fronts(plot, rng, depth=depth, lengths=(18.0, 26.0, 34.0, 44.0), gap=4.0)
    ]
    yard = inner_plot(plot, depth + 16.0)
    behind = [] if yard is None else _behind_shops(households, yard, rng)
    if households and not any(one.share for one in behind):
        tall = rng.choice((4, 5, 6))
        found = [replace(one, floors=tall, share=one.footprint.width) for one in found]
    return found + [replace(one, footprint=replace(one.footprint, row=one.footprint.row + 100)) for one in behind]


def _behind_shops(households: int, yard: Plot, rng: Random) -> list[Structure]:
    if households:
        return _compound(households, yard, rng)
    use, depth, floors = rng.choice((("shop", 32.0, 4), ("office", 18.0, 12), ("shop", 24.0, 3)))
    laid = rows(yard, rng, depth=depth, row_gap=22.0, lengths=(34.0, 46.0, 60.0), side_gap=16.0)
    return [Structure(one, use, floors) for one in laid]


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
    return _with_quarters(found, households)


def _with_quarters(found: list[Structure], households: int) -> list[Structure]:
    """With staff quarters in place of the last building, if anybody lives there."""
    if households and len(found) > 1:
        last = found[-1].footprint
        plain = replace(last, depth=min(last.depth, 14.0), width=min(last.width, 48.0), wing=0.0)
        found[-1] = Structure(plain, "residential", 6, stairs=2, share=1.0)
    return found


def _park(_households: int, plot: Plot, rng: Random) -> list[Structure]:
    if rng.random() < 0.45:
        return []
    x, y = plot.middle
    return [Structure(Footprint(x, y, 11.0, 9.0, plot.angle, 0, 0), "public", 1)]


def _village(households: int, plot: Plot, rng: Random, *, with_committee: bool) -> list[Structure]:
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
    if with_committee and len(found) > 4:  # it stands where the village is densest
        centre = min(found, key=lambda one: math.dist((one.footprint.x, one.footprint.y), plot.middle))
        found[found.index(centre)] = replace(centre, use="public", floors=2, share=0.0)
    return found


YARDS = (3, 3, 3, 4, 4, 5)
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
    found: Sequence[Structure], plot: Plot, wanted: float, rng: Random, *, ragged: float = 0.35
) -> list[Structure]:
    """Enough of them for `wanted` shares: those nearest to the middle, with a fringe as `ragged` as that."""
    middle, reach = plot.middle, math.sqrt(plot.area / math.pi)
    away = [
        math.dist((one.footprint.x, one.footprint.y), middle) / reach + rng.uniform(-ragged, ragged) for one in found
    ]
    kept: set[int] = set()
    shares = 0.0
    for index in sorted(range(len(found)), key=away.__getitem__):
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
    BlockUse.OPEN: _open,
}
