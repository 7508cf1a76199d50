"""What locating holds in memory: boundaries of a day with their index, who is on duty, streets, rulings; plain values.

When they are read and replaced is `snapshot`'s business, what is answered from them is `service`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import shapely

from gismap.geometry.ground import TangentPlane
from gismap.geometry.locator import Locator
from gismap.geometry.overlay import Moved

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf as answers tell it, with the units above it from the top down."""

    unit: str
    code: str | None
    name: str
    level: int
    path: str
    chain: Sequence[Mapping[str, Any]]

    def told(self) -> dict[str, Any]:
        """As the grid of an answer."""
        return {"unit": self.unit, "code": self.code, "name": self.name, "level": self.level}


class MovedLand:
    """Land that a revision gave to other leaves, by whose it was and whose it is; told from `since` on."""

    def __init__(self, since: date, pieces: Sequence[Moved], was: Mapping[str, Mapping[str, Any]]) -> None:
        self.since, self._pieces, self._was = since, pieces, was
        shapes = np.empty(len(pieces), dtype=object)
        shapes[:] = [piece.geom for piece in pieces]
        west, south, east, north = shapely.total_bounds(shapes)
        self._plane = TangentPlane(float(west + east) / 2, float(south + north) / 2)
        self._tree = shapely.STRtree(self._plane.to_metres(shapes))

    def near(self, lon: float, lat: float, reach_m: float) -> tuple[Mapping[str, Any], str, float] | None:
        """Of the nearest such land within so many metres: the leaf that had it, the unit that has it, the metres."""
        here = self._plane.point(lon, lat)
        found, metres = self._tree.query_nearest(here, max_distance=reach_m, return_distance=True, all_matches=True)
        if not len(found):
            return None
        piece = self._pieces[int(found.min())]
        return self._was[piece.before or ""], piece.after or "", float(metres[0])


class Boundaries:
    """The leaves that stand from `since` until before `until` (None: for good), with their index.

    Leaves are in the order of their codes, those without one last; `outline` is the land that belongs to the district
    by authority, where that is known; `moved` the land that changed hands on the first of their days.
    """

    def __init__(
        self,
        revision: int,
        since: date,
        until: date | None,
        leaves: Sequence[Leaf],
        shapes: Sequence[shapely.Geometry],
        outline: shapely.Geometry | None,
        moved: MovedLand | None = None,
    ) -> None:
        self.revision, self.since, self.until = revision, since, until
        self.leaves = leaves
        self.at = {leaf.unit: number for number, leaf in enumerate(leaves)}
        self.locator = Locator([leaf.code for leaf in leaves], shapes)
        self.bounds: Bounds | None = tuple(shapely.total_bounds(np.array(shapes, dtype=object))) if leaves else None
        self.moved = moved
        self._outline = outline
        if outline is not None:
            shapely.prepare(outline)

    def holds(self, day: date) -> bool:
        """Whether these are the boundaries of a day."""
        return self.since <= day and (self.until is None or day < self.until)

    def in_outline(self, lon: float, lat: float) -> bool | None:
        """Whether a point belongs to the district by authority; None where no outline is known."""
        return None if self._outline is None else bool(shapely.intersects_xy(self._outline, lon, lat))


class Post(NamedTuple):
    """Somebody on duty in a unit; `phone` only for whoever may call staff there."""

    role: str
    duty: str
    name: str
    shown_phone: str
    phone: str
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Override:
    """A building or place, or one of its doors, that belongs to another grid than its polygon says."""

    number: int
    element_id: str
    name: str | None
    door: str
    unit: str
    reason: str
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A segment of a border that two units claim, with the one that answers until it is settled."""

    number: int
    units: tuple[str, str]
    interim: str
    reason: str
    reach_m: float
    since: date | None
    until: date | None


def stands(since: date | None, until: date | None, day: date) -> bool:
    """Whether a range of days holds a day."""
    return (since is None or since <= day) and (until is None or day < until)


class Streets:
    """Named centre-lines, to say along which one a border runs."""

    def __init__(self, names: Sequence[str], lines: Sequence[shapely.Geometry], plane: TangentPlane) -> None:
        self._names, self._plane = names, plane
        self._lines = plane.to_metres(np.array(lines, dtype=object)) if len(lines) else np.empty(0, dtype=object)
        self._tree = shapely.STRtree(self._lines)

    def along(self, lon: float, lat: float, reach_m: float) -> str | None:
        """The name of the nearest street within so many metres of a point."""
        if not len(self._lines):
            return None
        here = self._plane.point(lon, lat)
        found, metres = self._tree.query_nearest(here, max_distance=reach_m, return_distance=True, all_matches=True)
        near = sorted(zip(metres.round(6).tolist(), (self._names[k] for k in found.tolist()), strict=True))
        return near[0][1] if near else None


class Rulings:
    """Overrides and disputes, by where they hold."""

    def __init__(
        self,
        overrides: Sequence[tuple[Override, shapely.Geometry]],
        disputes: Sequence[tuple[Dispute, shapely.Geometry]],
        plane: TangentPlane,
    ) -> None:
        self._plane = plane
        self.overrides = [override for override, _ in overrides]
        self.disputes = [dispute for dispute, _ in disputes]
        self._places = shapely.STRtree(self._in_metres([geom for _, geom in overrides]))
        self._segments = self._in_metres([geom for _, geom in disputes])
        self._segment_tree = shapely.STRtree(self._segments)
        self._reach_m = max((dispute.reach_m for dispute in self.disputes), default=0.0)

    def override_at(self, lon: float, lat: float, day: date, words: str = "") -> Override | None:
        """The override of the building or place that a point lies in (or within a metre of): of a door that the words
        name, else of the whole.
        """
        if not self.overrides:
            return None
        found = self._places.query(self._plane.point(lon, lat), predicate="dwithin", distance=1.0)
        there = [self.overrides[number] for number in sorted(found.tolist())]
        standing = [override for override in there if stands(override.since, override.until, day)]
        said = "".join(words.split())
        doors = [override for override in standing if override.door and "".join(override.door.split()) in said]
        whole = [override for override in standing if not override.door]
        return next(iter(doors + whole), None)

    def dispute_at(self, lon: float, lat: float, day: date) -> Dispute | None:
        """The dispute within whose reach a point lies."""
        if not self.disputes:
            return None
        here = self._plane.point(lon, lat)
        for number in sorted(self._segment_tree.query(here, predicate="dwithin", distance=self._reach_m).tolist()):
            dispute: Dispute = self.disputes[number]
            near = shapely.distance(here, self._segments[number]) <= dispute.reach_m
            if near and stands(dispute.since, dispute.until, day):
                return dispute
        return None

    def _in_metres(self, shapes: Sequence[shapely.Geometry]) -> np.ndarray:
        array = np.empty(len(shapes), dtype=object)
        array[:] = shapes
        return self._plane.to_metres(array) if len(shapes) else array


Duty = Mapping[str, Sequence[Post]]
"""Who is on duty, by unit, whatever the day."""
