"""Staffs a demo: 1+1+X teams, with A/B duty in every grid and a post vacant here and there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import shapely
from shapely import Point

from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.demo.contents.names import duty_phones, person_name
from gismap.demo.model import SINCE
from gismap.elements.values import ElementDraft, StaffDraft
from gismap.staff.values import AssignmentDraft, Duty, Role

HOUSEHOLDS_PER_PART_TIMER = 150

CAPTAINS: Mapping[ZoneType | None, tuple[Role, ...]] = {
    ZoneType.RESIDENTIAL_COMPOUND: (Role.BUILDING_CAPTAIN,),
    ZoneType.BUNGALOW_AREA: (Role.LANE_CAPTAIN, Role.COURTYARD_CAPTAIN),
    ZoneType.COMMERCIAL: (Role.SHOP_CAPTAIN,),
    ZoneType.RURAL: (Role.PART_TIME_GRID_WORKER,),
    None: (Role.PART_TIME_GRID_WORKER,),
}
"""What the members of a team are after the first, by the land of the grid (五级五长)."""

PRIMARY_VACANT, BACKUP_VACANT, NEIGHBOUR_STANDS_IN = 0.013, 0.02, 0.45
"""How often a grid has no worker, no stand-in, and a neighbour's worker as stand-in."""


@dataclass(slots=True)
class _Roster:
    """Who has been hired so far."""

    rng: Random
    phones: Iterator[str] = field(default_factory=duty_phones)
    staff: list[ElementDraft] = field(default_factory=list)
    posts: list[AssignmentDraft] = field(default_factory=list)

    def hire(self, at: Point, employment: str) -> str:
        """A new member of staff, drawn at `at`: the grid's anchor or the station, never a home."""
        ref = f"staff:{len(self.staff) + 1}"
        person = StaffDraft(person_name(self.rng), next(self.phones), employment)
        self.staff.append(ElementDraft("staff", ref, at, anchor=at, staff=person))
        return ref

    def post(self, who: str, unit: UnitDraft, role: Role, duty: Duty | None = None) -> None:
        self.posts.append(AssignmentDraft(who, unit.key, role, duty, SINCE))


def staff(
    units: Sequence[UnitDraft], households: Mapping[str, int], stations: Mapping[str, Point], rng: Random
) -> tuple[list[ElementDraft], list[AssignmentDraft]]:
    """Everybody who works in the district, with their posts.

    `households` are those of every leaf; `stations` says where the leaders of a unit are found, by its key.
    """
    roster = _Roster(rng)
    children: dict[str, list[UnitDraft]] = defaultdict(list)
    for unit in units:
        if unit.parent is not None:
            children[unit.parent].append(unit)
    anchors = _anchors(units)
    for unit in units:
        leaves = [child for child in children[unit.key] if child.geom is not None]
        if unit.level == 2 and not leaves:
            _lead(roster, unit, stations.get(unit.key) or _first_anchor(unit, children, anchors), Role.SECTOR_LEADER)
        elif leaves:
            at = stations.get(unit.key) or anchors[leaves[0].key]
            _lead(roster, unit, at, Role.GRID_LEADER)
            _teams(roster, leaves, anchors, households)
    return roster.staff, roster.posts


def _anchors(units: Sequence[UnitDraft]) -> dict[str, Point]:
    leaves = [unit for unit in units if unit.geom is not None]
    points = shapely.point_on_surface([unit.geom for unit in leaves])
    return {unit.key: point for unit, point in zip(leaves, points, strict=True)}


def _first_anchor(unit: UnitDraft, children: Mapping[str, list[UnitDraft]], anchors: Mapping[str, Point]) -> Point:
    while unit.key not in anchors:
        unit = children[unit.key][0]
    return anchors[unit.key]


def _lead(roster: _Roster, unit: UnitDraft, at: Point, role: Role) -> None:
    roster.post(roster.hire(at, "leader"), unit, role, Duty.PRIMARY)


def _teams(
    roster: _Roster, leaves: Sequence[UnitDraft], anchors: Mapping[str, Point], households: Mapping[str, int]
) -> None:
    """One worker for every grid, X more by its households, and a stand-in."""
    workers: list[tuple[str, Role] | None] = []
    for leaf in leaves:
        workers.append(None)
        if roster.rng.random() >= PRIMARY_VACANT:
            role = Role.MICRO_GRID_LEADER if leaf.kind is GridKind.MICRO else Role.FULL_TIME_GRID_WORKER
            worker = roster.hire(anchors[leaf.key], "full_time")
            workers[-1] = (worker, role)
            roster.post(worker, leaf, role, Duty.PRIMARY)
    for position, leaf in enumerate(leaves):
        neighbour = workers[position - 1] if len(leaves) > 1 else None
        draw = roster.rng.random()
        neighbour_stands_in = neighbour is not None and draw < NEIGHBOUR_STANDS_IN
        if neighbour is not None and neighbour_stands_in:
            roster.post(neighbour[0], leaf, neighbour[1], Duty.BACKUP)
        own_backup = not neighbour_stands_in and draw < 1 - BACKUP_VACANT
        _members(roster, leaf, anchors[leaf.key], households.get(leaf.key, 0), own_backup)


def _members(roster: _Roster, leaf: UnitDraft, at: Point, households: int, first_is_backup: bool) -> None:
    captains = CAPTAINS[leaf.zone_type]
    count = max(1, round(households / HOUSEHOLDS_PER_PART_TIMER))
    for number in range(count):
        role = Role.PART_TIME_GRID_WORKER if number == 0 else captains[(number - 1) % len(captains)]
        who = roster.hire(at, "part_time" if number == 0 or role is Role.PART_TIME_GRID_WORKER else "volunteer")
        roster.post(who, leaf, role, Duty.BACKUP if number == 0 and first_is_backup else None)
