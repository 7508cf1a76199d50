"""The ways in which homes are built on a plot: slabs and towers, courtyards along lanes, rows of farmhouses."""

import math
from dataclasses import dataclass, replace
from random import Random

from gismap.demo.contents.plots import Footprint, Plot, rows
from gismap.demo.contents.structures import Structure, thinned


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

YARDS = (3, 3, 3, 4, 4, 5)
"""How many farmyards stand wall to wall in a row."""


def compound(households: int, plot: Plot, rng: Random) -> list[Structure]:
    """Slabs or towers for so many households, around the middle of the plot, taller where there is little room."""
    slab = slab_for(households, plot.area, rng)
    room = math.sqrt(slab.per_hectare * plot.area / 1e4 / max(households, 1))
    laid = slabs_on(plot, slab, rng, looser=min(max(room, 1.0), 1.6))
    found = thinned(laid, plot, households / slab.per_stair, rng)
    if not found:
        return []
    crowding = households / sum(one.share for one in found) / slab.per_stair
    taller = [other.floors for other in SLABS if other.floors >= slab.floors * crowding]
    return [replace(one, floors=max(slab.floors, min(taller, default=33))) for one in found]


def slab_for(households: int, area: float, rng: Random) -> Slab:
    """The most open way to house them on `area` m², often a step taller and looser; terraces are rare."""
    wanted = households / max(area / 1e4, 0.01)
    index = next((i for i, slab in enumerate(SLABS) if slab.per_hectare >= wanted), len(SLABS) - 1)
    if rng.random() < (0.75 if index == 0 else 0.25):
        index = min(index + 1, len(SLABS) - 1)
    return SLABS[index]


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


def bungalows(households: int, plot: Plot, rng: Random) -> list[Structure]:
    """Courtyards for so many households, wider where there is room."""
    yards = max(households / 2.2, 1.0)
    scale = min(max(math.sqrt(plot.area * 0.75 / yards / 320), 1.0), 1.45)
    return thinned(courtyards_on(plot, rng, scale), plot, yards, rng, ragged=0.15)


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


def village(households: int, plot: Plot, rng: Random, *, with_committee: bool) -> list[Structure]:
    """Rows of farmhouses for so many households; one of them is the village committee's, if wanted."""
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
    found = thinned(found, plot, households + 4, rng)
    if with_committee and len(found) > 4:  # it stands where the village is densest
        centre = min(found, key=lambda one: math.dist((one.footprint.x, one.footprint.y), plot.middle))
        found[found.index(centre)] = replace(centre, use="public", floors=2, share=0.0)
    return found


def _farmhouses(one: Footprint, yards: int, rng: Random) -> Structure:
    askew = replace(
        one,
        x=one.x + rng.uniform(-1, 1),
        y=one.y + rng.uniform(-1.2, 1.2),
        depth=one.depth * rng.uniform(0.72, 1.0),
        angle=one.angle + rng.uniform(-0.02, 0.02),
    )
    return Structure(askew, "farmhouse", 1 if rng.random() < 0.8 else 2, 0, float(yards))
