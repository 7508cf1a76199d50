"""Makes drafts of a roster: a person per key, a post per row, drawn at the unit's anchor where no position is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import shapely

from gismap.elements.values import ElementDraft, StaffDraft
from gismap.importing.drafting import CleanTable
from gismap.importing.values import Rejection
from gismap.staff.values import AssignmentDraft, Duty, Role

_EMPLOYMENT_OF = {
    Role.FULL_TIME_GRID_WORKER: "full_time",
    Role.GRID_LEADER: "leader",
    Role.SECTOR_LEADER: "leader",
}
"""What a role tells about employment where the file does not say; every other role is held part-time."""


@dataclass(frozen=True, slots=True)
class UnitPlace:
    """A unit that staff can be posted to, and where they are drawn."""

    unit_id: str
    anchor: shapely.Point


def roster_drafts(
    table: CleanTable, units: Mapping[str, UnitPlace], since: date
) -> tuple[list[ElementDraft], list[AssignmentDraft], list[Rejection]]:
    """Staff and their posts; `units` finds units by code, identity, or a name that only one has."""
    roster = _Roster(units, since)
    fields = ("person_name", "phone", "employment", "unit", "role", "duty")
    columns = [table.value(name) for name in fields]
    rejections = []
    for i, (key, name, phone, employment, unit, role, duty) in enumerate(zip(table.keys, *columns, strict=True)):
        staff = StaffDraft(name, phone, employment or _EMPLOYMENT_OF.get(Role(role), "part_time"))
        held = Duty(duty) if duty else None
        wrong = roster.refuse(key, staff, unit, held)
        if wrong is not None:
            rejections.append(Rejection(int(table.rows[i]), *wrong))
            continue
        reported = None if table.reported is None else table.reported[i]
        roster.take(key, staff, unit, Role(role), held, table.geom[i], reported)
    return list(roster.people.values()), list(roster.posts.values()), rejections


class _Roster:
    """People and posts as the rows add up to them."""

    def __init__(self, units: Mapping[str, UnitPlace], since: date) -> None:
        self._units, self._since = units, since
        self._known: dict[str, StaffDraft] = {}
        self._holders: dict[tuple[str, Duty], str] = {}
        self.people: dict[str, ElementDraft] = {}
        self.posts: dict[tuple[str, str, Role], AssignmentDraft] = {}

    def refuse(self, key: str, staff: StaffDraft, unit: str, duty: Duty | None) -> tuple[str, str] | None:
        """The field and the reason why a row contradicts the ones before; None when it does not."""
        place = self._units.get(unit)
        if place is None:
            return (
                "unit",
                f"there is no unit {unit!r} on {self._since}: give the code of one, or a name that only one has",
            )
        known = self._known.get(key, staff)
        if (known.person_name, known.phone) != (staff.person_name, staff.phone):
            return "key", f"{key!r} is another person in an earlier row: give everyone a number of their own"
        if duty is not None and self._holders.get((place.unit_id, duty), key) != key:
            return "duty", f"unit {unit} has a {duty} in an earlier row already: a duty is one person's"
        return None

    def take(
        self,
        key: str,
        staff: StaffDraft,
        unit: str,
        role: Role,
        duty: Duty | None,
        given: shapely.Geometry | None,
        reported: shapely.Geometry | None,
    ) -> None:
        """Add a row that is not refused; a person stands where the first row says, else at the unit's anchor."""
        place = self._units[unit]
        if key not in self._known:
            self._known[key] = staff
            geom = place.anchor if given is None else given
            self.people[key] = ElementDraft("staff", key, geom, staff=staff, as_reported=reported)
        if duty is not None:
            self._holders[place.unit_id, duty] = key
        self.posts[key, place.unit_id, role] = AssignmentDraft(key, place.unit_id, role, duty, self._since)
