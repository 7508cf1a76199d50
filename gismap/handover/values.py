"""What differences are made of: grids on both sides, pairs of them, changed units; plain values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import shapely

LAYERS = ("buildings", "key_places", "service_stations", "supplies")

Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A grid on one side; `key` is its identity, or its key in a plan."""

    key: str
    code: str | None
    name: str
    path: str
    geom: shapely.Geometry

    def told(self) -> Shown:
        """As differences name it."""
        return {"unit": self.key, "code": self.code, "name": self.name}


Leaves = Mapping[str, Leaf]


@dataclass(frozen=True, slots=True)
class Pair:
    """What goes from one grid to another (None: from or to none)."""

    before: Leaf | None
    after: Leaf | None
    area_m2: float
    geom: shapely.Geometry | None
    things: Sequence[Shown]
    care: Shown

    def count(self, layer: str) -> int:
        """How many things of a layer."""
        return sum(thing["layer"] == layer for thing in self.things)

    @property
    def households(self) -> int:
        """Households in its buildings, as far as they are known."""
        return sum(thing["households"] or 0 for thing in self.things)

    def as_dict(self) -> Shown:
        """The pair for machines."""
        return {
            "from": self.before and self.before.told(),
            "to": self.after and self.after.told(),
            "area_m2": round(self.area_m2, 1),
            "households": self.households,
            **{layer: self.count(layer) for layer in LAYERS},
            "care_persons": self.care,
            "things": list(self.things),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """All that changes hands between two sides, told by `titles` and the days on which they begin."""

    titles: tuple[str, str]
    days: tuple[date, date]
    units: Sequence[Shown]
    pairs: Sequence[Pair]
    posts: Sequence[Shown]
    before: Leaves = field(repr=False)
    after: Leaves = field(repr=False)

    def totals(self) -> Shown:
        """The sums over all pairs; of persons in care there is none."""
        return {
            "grids_before": len({pair.before.key for pair in self.pairs if pair.before}),
            "grids_after": len({pair.after.key for pair in self.pairs if pair.after}),
            "area_m2": round(sum(pair.area_m2 for pair in self.pairs), 1),
            "households": sum(pair.households for pair in self.pairs),
            **{layer: sum(pair.count(layer) for pair in self.pairs) for layer in LAYERS},
            "posts": len(self.posts),
        }

    def as_dict(self) -> Shown:
        """The difference for machines."""
        (a, b), (day_a, day_b) = self.titles, self.days
        return {
            "from": {"title": a, "day": day_a.isoformat()},
            "to": {"title": b, "day": day_b.isoformat()},
            "totals": self.totals(),
            "units": list(self.units),
            "pairs": [pair.as_dict() for pair in self.pairs],
            "posts": list(self.posts),
        }


@dataclass(frozen=True, slots=True)
class ChangedUnit:
    """A unit with another version, and its paths before and after."""

    told: Shown
    old_path: str | None
    new_path: str | None

    def with_land(self, pairs: Iterable[Pair]) -> Shown:
        """As differences tell it: reshaped where land crosses its border, not where only a vertex is new."""

        def is_in(leaf: Leaf | None, path: str | None) -> bool:
            return leaf is not None and path is not None and leaf.path.startswith(path)

        crossed = any(
            is_in(pair.before, self.old_path) != is_in(pair.after, self.new_path)
            for pair in pairs
            if pair.geom is not None
        )
        lasts = self.told["before"] is not None and self.told["after"] is not None
        return self.told | {"change": [*self.told["change"], *(["reshaped"] if crossed and lasts else [])]}
