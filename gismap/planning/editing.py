"""Carries out edits of plans: lock, operation, storage, the check around it, and what changed in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from gismap.boundaries import plan_edits
from gismap.boundaries.plan_edits import Rows, take_lock
from gismap.boundaries.plan_operations import Edit, Rules, Stroke, apply_edit
from gismap.boundaries.plan_sheet import Sheet, draft_of_row
from gismap.boundaries.plan_talk import held_units
from gismap.boundaries.plans import base_day, find_header, newest_revision
from gismap.boundaries.values import UnitDraft
from gismap.geometry.defects import Defect
from gismap.planning.checking import check_around
from gismap.planning.comparing import Change, describe_changes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an edit did: the check is of its neighbourhood, `counts` tell the units that it changed."""

    seq: int
    action: str
    detail: dict[str, Any]
    defects: list[Defect]
    counts: dict[str, Any]
    base_moved: bool


def edit_plan(connection: Connection, plan_id: str, edit: Edit, *, actor: str, today: date, rules: Rules) -> Outcome:
    """Do one edit, in the caller's transaction.

    Raises:
        ConflictError: somebody else edits the plan, a grid is locked, the plan is published or about to be.
        ForbiddenError: it reaches beyond the asker's territory.
        BadInputError, NotFoundError, ShapeError, CodeError: it cannot be done.
    """
    take_lock(connection, plan_id, actor)
    sheet = _sheet(connection, plan_id, today)
    stroke = Stroke(sheet, held_units(connection, plan_id))
    detail = apply_edit(stroke, edit, rules)
    before, after = stroke.rows()
    action = type(edit).__name__.lower()
    seq = plan_edits.record_edit(connection, plan_id, actor, action, detail, before, after)
    changes = [Change(key, stroke.old.get(key), unit) for key, unit in stroke.new.items()]
    return _outcome(connection, sheet, today, seq, action, detail, changes)


def turn_back(connection: Connection, plan_id: str, *, actor: str, today: date, again: bool = False) -> Outcome:
    """Undo the last edit, or with `again` do what was undone last.

    Raises:
        ConflictError: there is nothing to undo or do again, or as for `edit_plan`.
    """
    take_lock(connection, plan_id, actor)
    turned = (plan_edits.redo if again else plan_edits.undo)(connection, plan_id)
    sheet = _sheet(connection, plan_id, today)
    changes = _turned(sheet, turned.before, turned.after)
    turn = f"{'redo' if again else 'undo'} {turned.action}"
    return _outcome(connection, sheet, today, turned.seq, turn, turned.detail, changes)


def _sheet(connection: Connection, plan_id: str, today: date) -> Sheet:
    return Sheet(connection, plan_id, base_day(connection, find_header(connection, plan_id), today))


def _outcome(
    connection: Connection,
    sheet: Sheet,
    today: date,
    seq: int,
    action: str,
    detail: dict[str, Any],
    changes: Sequence[Change],
) -> Outcome:
    old = [change.before for change in changes if change.before is not None]
    new = [change.after for change in changes if change.after is not None]
    defects = check_around(sheet, old, new)
    told = describe_changes(connection, [change for change in changes if change.kinds()], today)
    moved = find_header(connection, sheet.plan_id).base_revision != newest_revision(connection)
    return Outcome(seq, action, detail, defects, told, moved)


def _turned(sheet: Sheet, before: Rows, after: Rows) -> list[Change]:
    """Rows of a plan as units before and after; where the plan has no row, what is published stands."""
    published = sheet.published(list(after))

    def unit(key: str, rows: Rows) -> UnitDraft | None:
        row = rows.get(key)
        if row is None:
            return published.get(key)
        return None if row["retired"] else draft_of_row(row)

    return [Change(key, unit(key, before), unit(key, after)) for key in after]
