"""Several nets into one: two departments' grids laid over each other, where they contradict, and a net of both; pure.

Files are read elsewhere. Households are those of buildings, which lie where their points do.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from gismap.geometry.ground import Ints, Shapes, measure
from gismap.geometry.overlay import NOBODY, Part, holders, land_of, refine, shared_areas

PART_SHARE = 0.05
"""A smaller share of a grid's area and households in another is drawing, not a division."""


@dataclass(frozen=True, slots=True)
class Net:
    """One department's grids: `title` names it, `codes` may be missing; shapes in degrees."""

    title: str
    codes: Sequence[str | None]
    names: Sequence[str]
    geoms: Shapes

    def called(self, index: int) -> dict[str, Any] | None:
        """A grid as reports name it; None for nobody."""
        if index == NOBODY:
            return None
        return {"code": self.codes[index], "name": self.names[index]}


@dataclass(frozen=True, slots=True)
class Buildings:
    """Points of buildings (degrees), and how many households are in each (0 where it is not known)."""

    points: Shapes
    households: Ints


@dataclass(frozen=True, slots=True)
class Shared:
    """What a grid of the first net and one of the second have in common (`NOBODY`: what only the other has)."""

    first: int
    second: int
    area_m2: float
    share_of_first: float
    share_of_second: float
    buildings: int
    households: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Where the nets contradict: `kind` is split, near, uncovered or overlap; `net` the one that it is said of."""

    kind: str
    net: int
    grid: int
    others: Sequence[tuple[int, float]]  # grids (of the other net; of an overlap of the same), and the share in each
    area_m2: float
    households: int
    geom: shapely.Geometry = field(repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two nets, what their grids share, where they contradict, and the proposal of one net."""

    nets: tuple[Net, Net]
    shared: Sequence[Shared]
    conflicts: Sequence[Conflict]
    same: int
    proposal: Sequence[Part]
    counts: Sequence[tuple[int, int]]  # buildings and households of each part of the proposal
    has_buildings: bool
    in_neither: int  # buildings

    def named(self, part: Part) -> str:
        """What a part of the proposal is called: by the grid that it is, else by both."""
        first, second = (
            None if index == NOBODY else net.names[index]
            for net, index in zip(self.nets, (part.first, part.second), strict=True)
        )
        return first or second or "" if first == second or not (first and second) else f"{first}·{second}"

    def as_dict(self) -> dict[str, Any]:
        """The comparison for machines, without shapes."""
        a, b = self.nets
        return {
            "nets": [{"title": net.title, "grids": len(net.names)} for net in self.nets],
            "totals": self.totals(),
            "matrix": [
                {"a": a.called(one.first), "b": b.called(one.second), "area_m2": round(one.area_m2, 1),
                 "share_of_a": round(one.share_of_first, 4), "share_of_b": round(one.share_of_second, 4),
                 "buildings": one.buildings, "households": one.households}
                for one in self.shared
            ],
            "conflicts": [
                {"kind": one.kind, "net": "ab"[one.net], "grid": self.nets[one.net].called(one.grid),
                 "others": [{**(self._other(one).called(index) or {}), "share": round(share, 4)}
                            for index, share in one.others],
                 "area_m2": round(one.area_m2, 1), "households": one.households}
                for one in self.conflicts
            ],
            "proposal": [
                {"code": f"{number:04d}", "name": self.named(part), "a": a.called(part.first),
                 "b": b.called(part.second), "area_m2": round(part.area_m2, 1), "buildings": buildings,
                 "households": households}
                for number, (part, (buildings, households)) in enumerate(self._parts(), 1)
            ],
        }  # fmt: skip

    def totals(self) -> dict[str, int]:
        """How many grids agree, how many conflicts of each kind there are, and how many grids are proposed."""
        kinds: dict[str, int] = dict.fromkeys(("split", "near", "uncovered", "overlap"), 0)
        for conflict in self.conflicts:
            kinds[conflict.kind] += 1
        return {"same": self.same, **kinds, "buildings_in_neither": self.in_neither, "proposed": len(self.proposal)}

    def _parts(self) -> Iterator[tuple[Part, tuple[int, int]]]:
        return zip(self.proposal, self.counts, strict=True)

    def _other(self, conflict: Conflict) -> Net:
        return self.nets[conflict.net if conflict.kind == "overlap" else 1 - conflict.net]


def compare_nets(
    first: Net,
    second: Net,
    buildings: Buildings | None,
    *,
    near_share: float,
    min_area_m2: float,
    min_width_m: float,
) -> Comparison:
    """Lay two nets over each other.

    Grids that have all but `near_share` of their area in common are meant to be the same one. Parts of the proposal are
    at least `min_area_m2` large and `min_width_m` wide (2A/P), as far as they have neighbours.
    """
    nets = (first, second)
    shared = _shared(nets, buildings)
    twins = {(one.first, one.second) for one in shared if _are_twins(one, near_share)}
    near, same = _near(nets, shared, twins)
    conflicts = [
        *_split(nets, shared, twins, buildings is not None),
        *near,
        *(one for net in (0, 1) for one in _uncovered(nets, shared, net)),
        *(one for net in (0, 1) for one in _overlaps(nets[net], net)),
    ]
    proposal = refine(list(first.geoms), list(second.geoms), min_area_m2=min_area_m2, min_width_m=min_width_m)
    counts, in_neither = _counted(proposal, buildings)
    return Comparison(nets, shared, conflicts, same, proposal, counts, buildings is not None, in_neither)


def _shared(nets: tuple[Net, Net], buildings: Buildings | None) -> list[Shared]:
    """Every pair of grids with land or buildings in common, and what of each grid the other net does not have."""
    first, second = (net.geoms for net in nets)
    (area_first, _), (area_second, _) = measure(first), measure(second)
    land: dict[tuple[int, int], float] = defaultdict(float)
    for a, b, area in zip(*shared_areas(first, second), strict=True):
        land[int(a), int(b)] += float(area)
    for net, (mine, other) in enumerate(((first, second), (second, first))):
        for index, geom in enumerate(_beyond(mine, other)):
            _, area = land_of(geom)
            if area:
                land[(index, NOBODY) if net == 0 else (NOBODY, index)] += area
    things: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    if buildings is not None:
        at_first, at_second = holders(first, buildings.points), holders(second, buildings.points)
        for a, b, households in zip(at_first.tolist(), at_second.tolist(), buildings.households.tolist(), strict=True):
            if (a, b) != (NOBODY, NOBODY):
                things[a, b][0] += 1
                things[a, b][1] += households
    found = []
    for pair in sorted(land.keys() | things.keys()):
        area = land.get(pair, 0.0)
        a, b = pair
        of_first = area / float(area_first[a]) if a != NOBODY else 0.0
        of_second = area / float(area_second[b]) if b != NOBODY else 0.0
        number, households = things.get(pair, (0, 0))
        found.append(Shared(a, b, area, of_first, of_second, number, households))
    return found


def _beyond(mine: Shapes, other: Shapes) -> Shapes:
    """What of each shape no shape of the other net covers."""
    tree = shapely.STRtree(other)
    left = np.empty(len(mine), dtype=object)
    for index, geom in enumerate(mine):
        near = tree.query(geom, predicate="intersects")
        left[index] = shapely.difference(geom, shapely.union_all(other[near])) if len(near) else geom
    return left


def _are_twins(one: Shared, near_share: float) -> bool:
    return min(one.share_of_first, one.share_of_second) >= 1 - near_share


def _near(nets: tuple[Net, Net], shared: Iterable[Shared], twins: set[tuple[int, int]]) -> tuple[list[Conflict], int]:
    """Grids that are meant to be the same and differ by more than slivers; and how many do not."""
    near, same = [], 0
    for one in shared:
        if (one.first, one.second) not in twins:
            continue
        a, b = nets[0].geoms[one.first], nets[1].geoms[one.second]
        astray, area = land_of(shapely.symmetric_difference(a, b))
        if area:
            near.append(
                Conflict("near", 0, one.first, [(one.second, one.share_of_first)], area, one.households, astray)
            )
        else:
            same += 1
    return near, same


def _split(
    nets: tuple[Net, Net], shared: Sequence[Shared], twins: set[tuple[int, int]], by_households: bool
) -> Iterator[Conflict]:
    """Grids that lie in several of the other net, by area or by households."""
    for net in (0, 1):
        of_grid: dict[int, list[Shared]] = defaultdict(list)
        for one in shared:
            index = one.second if net else one.first
            if index != NOBODY:
                of_grid[index].append(one)
        for index, parts in sorted(of_grid.items()):
            households = sum(one.households for one in parts)
            shares = []
            for one in parts:
                other = one.first if net else one.second
                area_share = one.share_of_second if net else one.share_of_first
                home_share = one.households / households if by_households and households else 0.0
                if other != NOBODY and max(area_share, home_share) >= PART_SHARE:
                    shares.append((other, home_share if by_households and households else area_share))
            is_twin = any((one.first, one.second) in twins for one in parts)
            if len(shares) > 1 and not is_twin:
                shares.sort(key=lambda part: -part[1])
                area = sum(one.area_m2 for one in parts)
                yield Conflict("split", net, index, shares, area, households, nets[net].geoms[index])


def _uncovered(nets: tuple[Net, Net], shared: Iterable[Shared], net: int) -> Iterator[Conflict]:
    """Land that only one net has."""
    mine, other = nets[net], nets[1 - net]
    beyond = _beyond(mine.geoms, other.geoms)
    for one in shared:
        index, there = (one.second, one.first) if net else (one.first, one.second)
        if index != NOBODY and there == NOBODY:
            land, area = land_of(beyond[index])
            if area:
                yield Conflict("uncovered", net, index, (), area, one.households, land)


def _overlaps(net: Net, number: int) -> Iterator[Conflict]:
    """Land that two grids of one net claim."""
    first, second, areas = shared_areas(net.geoms, net.geoms)
    wholes, _ = measure(net.geoms)
    for a, b, area in zip(first.tolist(), second.tolist(), areas.tolist(), strict=True):
        if a < b:
            land, _ = land_of(shapely.intersection(net.geoms[a], net.geoms[b]))
            yield Conflict("overlap", number, a, [(b, area / float(wholes[a]))], area, 0, land)


def _counted(proposal: Sequence[Part], buildings: Buildings | None) -> tuple[list[tuple[int, int]], int]:
    if buildings is None:
        return [(0, 0)] * len(proposal), 0
    shapes = np.empty(len(proposal), dtype=object)
    shapes[:] = [part.geom for part in proposal]
    at = holders(shapes, buildings.points)
    inside = at != NOBODY
    number, households = np.zeros(len(proposal), dtype=int), np.zeros(len(proposal), dtype=int)
    np.add.at(number, at[inside], 1)
    np.add.at(households, at[inside], buildings.households[inside])
    return list(zip(number.tolist(), households.tolist(), strict=True)), int((~inside).sum())


def crosstab(told: Comparison, measured: str) -> list[list[Any]]:
    """The matrix as a table: a row per grid of the first net, a column per grid of the second, and what is in neither.

    `measured` is a field of `Shared`.
    """
    first, second = told.nets
    columns = [*range(len(second.names)), NOBODY]
    values = {(one.first, one.second): getattr(one, measured) for one in told.shared}
    rows = []
    for index in [*range(len(first.names)), NOBODY]:
        name = first.names[index] if index != NOBODY else None
        rows.append([name, *(values.get((index, column)) for column in columns)])
    return rows
