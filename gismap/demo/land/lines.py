"""Lines of a land before they are noded: courses of streets, rivers and borders, and how they get their bends.

Everything here is in metres of a `Sheet`; cutting lines where they meet is the business of `mesh`.
"""

from dataclasses import dataclass
from random import Random

import numpy as np
import shapely
from numpy.typing import NDArray

from gismap.geometry.ground import Floats

RANK = {
    "trunk": 0,
    "primary": 1,
    "secondary": 2,
    "tertiary": 3,
    "residential": 4,
    "lane": 5,
    "track": 6,
    "river": 7,
    "border": 8,
}
"""Kinds of courses, the most important first: where two run together, the first one counts."""

NAMED = {"trunk", "primary", "secondary", "tertiary"}
"""Streets of these classes have names."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A line of one kind (see `RANK`); courses with the same `street` are one street."""

    kind: str
    xy: Floats
    street: str = ""
    name: str | None = None


class Swell:
    """A smooth field of displacements in metres: bends straight drawings without tearing them.

    It is a sum of plane waves whose steepness stays under 1, so that lines that cross once still cross once.
    """

    def __init__(self, rng: Random, wavelengths_m: tuple[float, ...], steepness: float) -> None:
        self.waves = [
            (2 * np.pi / length, rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi))
            for length in wavelengths_m
            for _ in range(3)
        ]
        self.steepness = steepness / len(self.waves)

    def __call__(self, xy: Floats) -> Floats:
        """The points, displaced."""
        moved = xy.copy()
        for frequency, towards, along, phase in self.waves:
            wave = np.sin(frequency * (xy @ (np.cos(towards), np.sin(towards))) + phase)
            moved += (self.steepness / frequency * wave)[:, None] * (np.cos(along), np.sin(along))
        return moved


def bend(xy: Floats, rng: np.random.Generator, step_m: float, amplitude: float) -> Floats:
    """A polyline with natural bends: midpoints are displaced sideways until steps are shorter than `step_m`.

    `amplitude` is the typical displacement as a share of the length of the step that is halved; the given points stay.
    """
    while len(xy) > 1:
        ahead = np.diff(xy, axis=0)
        length = np.hypot(ahead[:, 0], ahead[:, 1])
        long = np.flatnonzero(length > step_m)
        if long.size == 0:
            break
        sideways = np.column_stack([-ahead[long, 1], ahead[long, 0]])
        share = amplitude * (2 * rng.random(long.size) - 1)
        middles = xy[long] + ahead[long] / 2 + sideways * share[:, None]
        xy = np.insert(xy, long + 1, middles, axis=0)
    return xy


def densify(xy: Floats, step_m: float) -> Floats:
    """A polyline with points at least every `step_m`, on the same straight lines."""
    return np.asarray(shapely.get_coordinates(shapely.segmentize(shapely.linestrings(xy), step_m)))


def ring_of(polygon: shapely.Polygon) -> NDArray[np.float64]:
    """The outer ring's points, the first one not repeated."""
    return np.asarray(shapely.get_coordinates(polygon.exterior))[:-1]
