"""Which new units have the land of old ones; plain values, whatever the units are and whoever asks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import shapely

SLIVER_SHARE = 0.001
"""A smaller share of a unit's area than this is an artefact of redrawing, not land."""


@dataclass(frozen=True, slots=True)
class Land:
    """A unit at one time: its level (1 is the topmost), the unit above it, and its shape (lon/lat, valid)."""

    name: str
    level: int
    parent: str | None
    geom: shapely.Geometry


class Succession:
    """How the land of old units is divided among new ones, both by identity; a unit that stays is among both."""

    def __init__(self, old: Mapping[str, Land], new: Mapping[str, Land]) -> None:
        self.old, self.new = old, new
        self._ids = list(new)
        self._geoms = np.array([land.geom for land in new.values()], dtype=object)
        self._tree = shapely.STRtree(self._geoms)

    def heirs(self, units: Collection[str]) -> list[str]:
        """The largest new units, not above the level of the old ones, that are made of their land but for slivers.

        A unit that is partly of other land is none, however much of the old land it has: whoever had the old units must
        not have more land than before. Units above are none either: they may grow by land of others one day.
        """
        land = shapely.union_all([self.old[unit].geom for unit in units])
        level = min(self.old[unit].level for unit in units)
        at = self._touching(land, level)
        shares = shapely.area(shapely.intersection(self._geoms[at], land)) / shapely.area(self._geoms[at])
        inside = {self._ids[i] for i, share in zip(at, shares, strict=True) if share >= 1 - SLIVER_SHARE}
        return sorted(unit for unit in inside if self.new[unit].parent not in inside)

    def elsewhere(self, unit: str, given: Collection[str]) -> tuple[float, list[str]]:
        """What share of an old unit's land is in none of these new units, and the largest new units that have it."""
        whole, level = self.old[unit].geom, self.old[unit].level
        known = [self.new[each].geom for each in given if each in self.new]
        rest = shapely.difference(whole, shapely.union_all(known))
        area = shapely.area(whole)
        at = self._touching(rest, level)
        shares = shapely.area(shapely.intersection(self._geoms[at], rest)) / area
        holders = {self._ids[i] for i, share in zip(at, shares, strict=True) if share > SLIVER_SHARE}
        return float(shapely.area(rest) / area), sorted(u for u in holders if self.new[u].parent not in holders)

    def _touching(self, land: shapely.Geometry, level: int) -> list[int]:
        return [int(i) for i in self._tree.query(land, "intersects") if self.new[self._ids[i]].level >= level]
