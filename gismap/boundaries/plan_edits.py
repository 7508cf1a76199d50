"""Stores edits of plans: who may write now, what an edit changed, undone and done again; what an edit is, is elsewhere.

One planner at a time edits a plan. The lock is a line in the plan, held for a while after every edit, so that whoever
goes home blocks nobody for long.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import psycopg2.errors
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from gismap.errors import ConflictError, ForbiddenError, NotFoundError

LOCK_S = 900
"""How long a lock lasts after the last edit."""

ELSEWHERE = "this reaches units outside of your territory; nothing was changed"

HOLD = """
SELECT title, published_as, lock_holder, lock_until, coalesce(lock_until > now(), false) AS is_locked,
       EXISTS (SELECT FROM publish_request r WHERE r.plan_id = plan.plan_id AND r.done_at IS NULL) AS is_requested
FROM plan WHERE plan_id = :plan FOR UPDATE;
"""

KEEP = """
UPDATE plan SET lock_holder = :holder, lock_until = now() + make_interval(secs => :seconds) WHERE plan_id = :plan
RETURNING lock_until;
"""

LET_GO = "UPDATE plan SET lock_holder = NULL, lock_until = NULL WHERE plan_id = :plan;"

REMOVE = "DELETE FROM plan_unit WHERE plan_id = :plan AND key = ANY(:keys);"

INSERT = """
INSERT INTO plan_unit (plan_id, key, parent, unit_id, code, division_code, name, level, kind, zone_type,
                       governance_mode, geom, retired)
SELECT :plan, key, parent, unit_id, code, division_code, name, level, kind, zone_type, governance_mode,
       CAST(geom AS geometry), retired
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
     AS r (key text, parent text, unit_id text, code text, division_code text, name text, level smallint, kind text,
           zone_type text, governance_mode text, geom text, retired boolean)
ORDER BY level;
"""

RECORD = """
INSERT INTO plan_edit (plan_id, seq, actor, action, detail, before, after)
SELECT :plan, coalesce(max(seq), 0) + 1, :actor, :action, CAST(:detail AS jsonb), CAST(:before AS jsonb),
       CAST(:after AS jsonb)
FROM plan_edit WHERE plan_id = :plan
RETURNING seq;
"""

DROP_UNDONE = "UPDATE plan_edit SET state = 'dropped' WHERE plan_id = :plan AND state = 'undone';"
SETTLE = "UPDATE plan_edit SET state = 'settled' WHERE plan_id = :plan AND state = 'done';"
LAST_DONE = """
SELECT seq, action, detail, before, after FROM plan_edit WHERE plan_id = :plan AND state = 'done'
ORDER BY seq DESC LIMIT 1;
"""
FIRST_UNDONE = """
SELECT seq, action, detail, before, after FROM plan_edit WHERE plan_id = :plan AND state = 'undone'
ORDER BY seq LIMIT 1;
"""
MARK = "UPDATE plan_edit SET state = :state WHERE plan_id = :plan AND seq = :seq;"
HISTORY = """
SELECT seq, actor, at, action, detail, state FROM plan_edit WHERE plan_id = :plan ORDER BY seq DESC LIMIT :limit;
"""

Rows = Mapping[str, dict[str, Any] | None]
"""Rows of a plan by key; None: there is none."""


@dataclass(frozen=True, slots=True)
class Edited:
    """An edit as it was stored."""

    seq: int
    action: str
    detail: dict[str, Any]
    before: Rows
    after: Rows


def take_lock(connection: Connection, plan_id: str, actor: str) -> datetime:
    """Let `actor` alone edit the plan for a while, from now on; until when.

    Raises:
        NotFoundError: there is no such plan.
        ForbiddenError: it lies outside of the asker's territory.
        ConflictError: another planner edits it, it is published, or its publication was requested.
    """
    row = connection.execute(text(HOLD), {"plan": plan_id}).first()
    if row is None:
        there = connection.execute(
            text("SELECT published_as FROM plan WHERE plan_id = :plan"), {"plan": plan_id}
        ).first()
        if there is None:
            raise NotFoundError(f"there is no plan {plan_id!r}", field="plan")
        if there.published_as is None:
            raise ForbiddenError(f"plan {plan_id} is about another territory", field="plan")
        row = there
    if row.published_as is not None:
        raise ConflictError(
            f"plan {plan_id} is published as revision {row.published_as}: it is superseded by a new plan, never edited",
            field="plan",
        )
    if row.is_requested:
        raise ConflictError(f"the publication of plan {plan_id} was requested; take that back to edit it", field="plan")
    if row.is_locked and row.lock_holder != actor:
        raise ConflictError(
            f"{row.lock_holder} is editing plan {plan_id}, at least until {row.lock_until:%H:%M} UTC", field="lock"
        )
    until: datetime = connection.execute(text(KEEP), {"plan": plan_id, "holder": actor, "seconds": LOCK_S}).scalar_one()
    return until


def release_lock(connection: Connection, plan_id: str, actor: str) -> None:
    """Let others edit the plan.

    Raises:
        ConflictError: it is another one's lock.
    """
    take_lock(connection, plan_id, actor)
    connection.execute(text(LET_GO), {"plan": plan_id})


def record_edit(
    connection: Connection, plan_id: str, actor: str, action: str, detail: Mapping[str, Any], before: Rows, after: Rows
) -> int:
    """Store what an edit made of the plan's rows, and that it did; its number. What was undone stays undone."""
    _apply(connection, plan_id, before, after)
    connection.execute(text(DROP_UNDONE), {"plan": plan_id})
    values = {"plan": plan_id, "actor": actor, "action": action, "detail": _json(detail)}
    number: int = connection.execute(
        text(RECORD), {**values, "before": _json(before), "after": _json(after)}
    ).scalar_one()
    return number


def undo(connection: Connection, plan_id: str) -> Edited:
    """Take back the last edit.

    Raises:
        ConflictError: there is none, but for those before a rebase.
    """
    return _turn(connection, plan_id, LAST_DONE, "undone", "nothing is left to undo")


def redo(connection: Connection, plan_id: str) -> Edited:
    """Do again what was undone last.

    Raises:
        ConflictError: nothing was, or something else was edited since.
    """
    return _turn(connection, plan_id, FIRST_UNDONE, "done", "nothing is left to do again")


def settle(connection: Connection, plan_id: str) -> None:
    """Let earlier edits stand for good: what they were made on is not there any more."""
    for statement in (DROP_UNDONE, SETTLE):
        connection.execute(text(statement), {"plan": plan_id})


def history(connection: Connection, plan_id: str, limit: int = 200) -> Sequence[dict[str, Any]]:
    """Who did what and when, the newest first, with what was undone."""
    rows = connection.execute(text(HISTORY), {"plan": plan_id, "limit": limit}).mappings()
    return [dict(row) for row in rows]


def _turn(connection: Connection, plan_id: str, query: str, state: str, nothing: str) -> Edited:
    row = connection.execute(text(query), {"plan": plan_id}).first()
    if row is None:
        raise ConflictError(f"plan {plan_id}: {nothing}", field="plan")
    before, after = (row.after, row.before) if state == "undone" else (row.before, row.after)
    _apply(connection, plan_id, before, after)
    connection.execute(text(MARK), {"plan": plan_id, "seq": row.seq, "state": state})
    return Edited(row.seq, row.action, row.detail, before, after)


def _apply(connection: Connection, plan_id: str, before: Rows, after: Rows) -> None:
    stored = [key for key, row in before.items() if row is not None]
    gone = connection.execute(text(REMOVE), {"plan": plan_id, "keys": stored}).rowcount
    if gone != len(stored):  # a policy hides what lies outside of the territory
        raise ForbiddenError(ELSEWHERE, field="unit")
    rows = [row for row in after.values() if row is not None]
    if rows:
        with refusing_elsewhere():
            connection.execute(text(INSERT), {"plan": plan_id, "rows": _json(rows)})


@contextmanager
def refusing_elsewhere() -> Iterator[None]:
    """What the policies of plans refuse, in words.

    Raises:
        ForbiddenError: something lies outside of the asker's territory.
    """
    try:
        yield
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg2.errors.InsufficientPrivilege):
            raise ForbiddenError(ELSEWHERE, field="unit") from error
        raise


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
