"""Decides what is built on a block, by its use: homes, shop fronts, schools, sheds, a kiosk in the park.

Values only: how homes are laid out is `homes`, where footprints fit is `plots`, what they are called is `labels`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from gismap.demo.contents.homes import bungalows, compound, village
from gismap.demo.contents.plots import Footprint, Plot, fronts, inner_plot, rows
from gismap.demo.contents.structures import Structure
from gismap.demo.model import Block, BlockUse

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
        return village(block.households, plot, rng, with_committee=institution is not None)
    return BUILDERS[block.use](block.households, plot, rng)


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
        return compound(households, yard, rng)
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


def _open(_households: int, _plot: Plot, _rng: Random) -> list[Structure]:
    return []


BUILDERS: Mapping[BlockUse, Callable[[int, Plot, Random], list[Structure]]] = {
    BlockUse.COMPOUND: compound,
    BlockUse.BUNGALOWS: bungalows,
    BlockUse.SHOPS: _shops,
    BlockUse.INDUSTRY: _industry,
    BlockUse.PARK: _park,
    BlockUse.OPEN: _open,
}
