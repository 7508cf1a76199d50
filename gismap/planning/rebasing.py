"""Takes a plan over to the newest boundaries when its base has moved; what both changed is decided by a person.

Each unit is compared in three states: as the plan was drawn on it, as the plan has it, and as it is published now. What
only one side changed is kept; what both changed differently is a conflict.
"""

from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from gismap.boundaries.plan_edits import Rows, record_edit, settle, take_lock
from gismap.boundaries.plan_sheet import Sheet, row_of
from gismap.boundaries.plans import Plan, base_day, find_plan, newest_revision
from gismap.boundaries.values import UnitDraft
from gismap.errors import RebaseError

COMPARED = [field.name for field in fields(UnitDraft) if field.name not in ("key", "unit_id")]

SET_BASE = "UPDATE plan SET base_revision = :revision WHERE plan_id = :plan;"
DAY_OF = "SELECT effective_from FROM revision WHERE number = :revision;"


class Prefer(StrEnum):
    """Who is right where both sides changed the same."""

    PLAN = "plan"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Conflict:
    """What both sides changed of a unit: `field` is an attribute, or `ended` where one of them ends it."""

    unit: str
    name: str
    field: str

    def as_dict(self) -> dict[str, object]:
        """As the answer tells it."""
        return {"unit": self.unit, "name": self.name, "field": self.field}


@dataclass(frozen=True, slots=True)
class Rebased:
    """The plan's new base, and what was in conflict and decided by preference."""

    base_revision: int | None
    decided: list[Conflict]


def rebase(connection: Connection, plan_id: str, *, actor: str, today: date, prefer: Prefer | None = None) -> Rebased:
    """Let the plan change the newest boundaries; edits before cannot be undone any more.

    Raises:
        RebaseError: both sides changed the same, and nobody said who is right; nothing was changed.
        ConflictError: somebody else edits the plan, or it is published.
    """
    take_lock(connection, plan_id, actor)
    plan, newest = find_plan(connection, plan_id), newest_revision(connection)
    if newest == plan.base_revision:
        return Rebased(newest, [])
    after, conflicts = _merged(connection, plan, newest, today, prefer)
    if conflicts and prefer is None:
        names = "、".join(sorted({conflict.name for conflict in conflicts})[:10])
        raise RebaseError(
            f"revision {newest or 'none'} and plan {plan_id} both change {names}: say which of them is right",
            [conflict.as_dict() for conflict in conflicts],
        )
    before = Sheet(connection, plan_id, today).planned(after)
    detail = {"from": plan.base_revision, "to": newest, "conflicts": [one.as_dict() for one in conflicts]}
    connection.execute(text(SET_BASE), {"plan": plan_id, "revision": newest})
    record_edit(connection, plan_id, actor, "rebase", detail, before, after)
    settle(connection, plan_id)
    return Rebased(newest, conflicts)


def _merged(
    connection: Connection, plan: Plan, newest: int | None, today: date, prefer: Prefer | None
) -> tuple[Rows, list[Conflict]]:
    """The plan's rows on the newest revision, and what both sides changed."""
    own = {unit.key: unit for unit in plan.units}
    keys = sorted(own.keys() | plan.retired)
    base = Sheet(connection, plan.plan_id, base_day(connection, plan, today)).published(keys)
    day = connection.execute(text(DAY_OF), {"revision": newest}).scalar() or today
    now = Sheet(connection, plan.plan_id, day).published(keys)
    after: dict[str, dict[str, Any] | None] = {}
    conflicts: list[Conflict] = []
    for key in keys:
        row, found = _one(key, own.get(key), base.get(key), now.get(key), prefer)
        after[key] = row
        conflicts += found
    return after, conflicts


def _one(
    key: str, mine: UnitDraft | None, base: UnitDraft | None, theirs: UnitDraft | None, prefer: Prefer | None
) -> tuple[dict[str, Any] | None, list[Conflict]]:
    """A unit of the plan (None: the plan ends it) on the newest revision: the row to store, and conflicts."""
    if mine is not None and mine.unit_id is None:
        return row_of(mine), []
    keeps_plan = prefer is not Prefer.PUBLISHED
    if mine is None:
        if theirs is None:
            return None, []  # it has ended there, too
        conflict = [] if theirs == base else [Conflict(key, theirs.name, "ended")]
        return (row_of(theirs, retired=True) if keeps_plan or not conflict else None), conflict
    if theirs is None:
        return (row_of(mine) if keeps_plan else None), [Conflict(key, mine.name, "ended")]
    values: dict[str, Any] = {}
    found = []
    for name in COMPARED:
        ours, published = getattr(mine, name), getattr(theirs, name)
        was = getattr(base, name) if base is not None else None
        if ours == published or _is(base, published, was):
            continue
        if _is(base, ours, was):
            values[name] = published
            continue
        found.append(Conflict(key, mine.name, name))
        if not keeps_plan:
            values[name] = published
    kept = replace(mine, **values)
    return (None if kept == theirs else row_of(kept)), found


def _is(base: UnitDraft | None, value: object, was: object) -> bool:
    return base is not None and value == was
