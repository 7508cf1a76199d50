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
    people: dict[str, ElementDraft] = {}
    posts: dict[tuple[str, str, Role], AssignmentDraft] = {}
    holders: dict[tuple[str, Duty], str] = {}
    rejections = []
    fields = ("person_name", "phone", "employment", "unit", "role", "duty")
    columns = [table.value(name) for name in fields]
    for i, (key, name, phone, employment, unit_name, role_name, duty_name) in enumerate(
        zip(table.keys, *columns, strict=True)
    ):
        row, unit, role = int(table.rows[i]), units.get(unit_name), Role(role_name)
        duty = Duty(duty_name) if duty_name else None
        if unit is None:
            rejections.append(Rejection(row, "unit", f"there is no unit {unit_name!r} on {since}"))
            continue
        staff = StaffDraft(name, phone, employment or _EMPLOYMENT_OF.get(role, "part_time"))
        known = people.get(key)
        if (
            known is not None
            and known.staff is not None
            and (known.staff.person_name, known.staff.phone)
            != (
                name,
                phone,
            )
        ):
            reason = f"{key!r} is another person in an earlier row: give everyone a number of their own"
            rejections.append(Rejection(row, "key", reason))
            continue
        if duty is not None and holders.setdefault((unit.unit_id, duty), key) != key:
            rejections.append(Rejection(row, "duty", f"unit {unit_name} has a {duty} in an earlier row already"))
            continue
        if known is None:
            given = table.geom[i]
            people[key] = ElementDraft(
                layer="staff",
                source_ref=key,
                geom=unit.anchor if given is None else given,
                staff=staff,
                as_reported=None if table.reported is None else table.reported[i],
            )
        posts[key, unit.unit_id, role] = AssignmentDraft(key, unit.unit_id, role, duty, since)
    return list(people.values()), list(posts.values()), rejections
