"""A structure that is to stand on a block, and which of many can: values for whoever decides what is built."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from gismap.demo.contents.plots import Footprint, Plot, outlines, standing


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


def fitting(tried: Sequence[Placed], plots: Sequence[Plot | None]) -> list[Placed]:
    """Those that stand on their plots and clear of those before them."""
    if not tried:
        return []
    owner = np.array([index for index, _ in tried])
    stands = standing(outlines([one.footprint for _, one in tried]), plots, owner)
    return [one for one, stands_too in zip(tried, stands, strict=True) if stands_too]


def thinned(
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
