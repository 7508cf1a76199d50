"""Units concerned by a plan agree with their part of it or object (会签); whether all have to is the plan's rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from gismap.boundaries import plan_talk
from gismap.boundaries.plan_sheet import Sheet
from gismap.boundaries.plans import base_day, find_header
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.planning.comparing import changes_of, describe_changes, digest_of, parts_by_unit

AGREE, OBJECT = "agree", "object"


@dataclass(frozen=True, slots=True)
class Word:
    """What a unit concerned says: `agree`, `object` or None; `is_stale` when its part changed since."""

    unit: str
    code: str | None
    name: str
    verdict: str | None
    reason: str | None
    signed_by: str | None
    at: datetime | None
    is_stale: bool


def words(connection: Connection, plan_id: str, today: date) -> list[Word]:
    """What all units concerned say of their part."""
    parts = parts_by_unit(changes_of(connection, plan_id, today))
    given = plan_talk.signed(connection, plan_id)
    day = base_day(connection, find_header(connection, plan_id), today)
    units = Sheet(connection, plan_id, day).published(list(parts))
    told = []
    for unit_id in sorted(units, key=lambda one: (units[one].level, units[one].code or "", one)):
        word = given.get(unit_id, {})
        is_stale = bool(word) and word["part"] != digest_of(parts[unit_id])
        told.append(
            Word(
                unit_id, units[unit_id].code, units[unit_id].name, word.get("verdict"), word.get("reason"),
                word.get("signed_by"), word.get("at"), is_stale,
            )
        )  # fmt: skip
    return told


def part_of(connection: Connection, plan_id: str, unit: str, today: date) -> dict[str, Any]:
    """A unit's own part of the difference.

    Raises:
        NotFoundError: the plan does not concern the unit.
    """
    unit_id, part = _part(connection, plan_id, unit, today)
    return {"unit": unit_id, "digest": digest_of(part), **describe_changes(connection, part, today)}


def give_word(
    connection: Connection, plan_id: str, unit: str, verdict: str, reason: str | None, *, actor: str, today: date
) -> None:
    """Agree with a unit's part in its name, or object with a reason.

    Raises:
        NotFoundError: the plan does not concern the unit.
        BadInputError: an objection without a reason.
        ForbiddenError: the unit lies outside of the asker's territory.
        ConflictError: the plan is published.
    """
    if verdict == OBJECT and not (reason and reason.strip()):
        raise BadInputError("an objection needs a reason", field="reason")
    if find_header(connection, plan_id).published_as is not None:
        raise ConflictError(f"plan {plan_id} is published already", field="plan")
    unit_id, part = _part(connection, plan_id, unit, today)
    plan_talk.sign(connection, plan_id, unit_id, digest_of(part), verdict, reason, actor)


def check_agreed(connection: Connection, plan_id: str, today: date) -> None:
    """Refuse to go on while a unit concerned has not agreed with its part as it is now.

    Raises:
        ConflictError: names who has not.
    """
    missing = [word.name for word in words(connection, plan_id, today) if word.verdict != AGREE or word.is_stale]
    if missing:
        raise ConflictError(
            f"plan {plan_id} needs the agreement of all units concerned; still missing: {'、'.join(missing[:10])}",
            field="signoffs",
        )


def _part(connection: Connection, plan_id: str, unit: str, today: date) -> tuple[str, Sequence[Any]]:
    sheet = Sheet(connection, plan_id, base_day(connection, find_header(connection, plan_id), today))
    unit_id = sheet.known(unit)
    part = parts_by_unit(changes_of(connection, plan_id, today)).get(unit_id)
    if part is None:
        raise NotFoundError(f"plan {plan_id} changes nothing of {unit!r}", field="unit")
    return unit_id, part
