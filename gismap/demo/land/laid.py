"""A district while it is laid out: what is decided about its blocks so far, its towns and its villages; values only."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gismap.demo.land.lines import Course
from gismap.demo.land.mesh import Links, Mesh
from gismap.demo.land.units import TownUnits
from gismap.demo.land.uses import effort
from gismap.demo.model import BlockUse
from gismap.geometry.codes import number_west_to_east
from gismap.geometry.ground import Floats


@dataclass(slots=True)
class Ground:
    """All blocks of a district with what is decided about each so far; every list has one entry per face."""

    mesh: Mesh
    courses: list[Course]
    links: Links
    uses: list[BlockUse]
    expected: Floats  # households
    compound: list[str | None]
    fixed: dict[int, str] = field(default_factory=dict)  # faces whose households are known, and as part of what

    def effort(self) -> Floats:
        """The weights by which land is divided."""
        return effort(self.expected, self.mesh.area)

    def middle_of(self, faces: Sequence[int]) -> Floats:
        """The point in the middle of some faces, metres."""
        return np.asarray(np.average(self.mesh.middle[faces], axis=0, weights=self.mesh.area[faces]))

    def in_order(self, groups: Sequence[list[int]]) -> list[list[int]]:
        """Groups of faces in the order in which units are numbered."""
        return [groups[i] for i in number_west_to_east([self.middle_of(group) / 1e5 for group in groups])]


@dataclass(frozen=True, slots=True, eq=False)
class Village:
    """The village that is to stand on a face of a rural grid; `middle` in metres."""

    face: int
    middle: Floats
    name: str
    households: int
    street: Course


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A district laid out and divided, before anything is named, numbered or turned into drafts."""

    ground: Ground
    towns: list[TownUnits]
    villages: Sequence[Village] = ()
