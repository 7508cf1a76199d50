"""What is said of plans: grids locked against edits, comments, the word of units concerned, requests to publish."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gismap.boundaries.plan_edits import refusing_elsewhere
from gismap.errors import ConflictError, NotFoundError

HELD = "SELECT key, reason, held_by, at FROM plan_held WHERE plan_id = :plan ORDER BY key;"
HOLD = """
INSERT INTO plan_held (plan_id, key, reason, held_by) VALUES (:plan, :key, :reason, :actor) ON CONFLICT DO NOTHING;
"""
LET_GO = "DELETE FROM plan_held WHERE plan_id = :plan AND key = :key;"
COMMENT = """
INSERT INTO plan_comment (plan_id, key, author, said) VALUES (:plan, :key, :author, :said) RETURNING comment;
"""
COMMENTS = """
SELECT comment, key AS unit, author, at, said FROM plan_comment WHERE plan_id = :plan ORDER BY comment;
"""
UNSIGN = "DELETE FROM plan_signoff WHERE plan_id = :plan AND unit_id = :unit;"
SIGN = """
INSERT INTO plan_signoff (plan_id, unit_id, part, verdict, reason, signed_by)
VALUES (:plan, :unit, :part, :verdict, :reason, :actor);
"""
SIGNED = "SELECT unit_id, part, verdict, reason, signed_by, at FROM plan_signoff WHERE plan_id = :plan;"
REQUEST = """
INSERT INTO publish_request (plan_id, effective_from, reason, outline_authority, asked_by)
VALUES (:plan, :day, :reason, :authority, :actor) RETURNING request;
"""
LAST_REQUEST = """
SELECT request, effective_from, reason, outline_authority, asked_by, asked_at, done_at, revision, refusal
FROM publish_request WHERE plan_id = :plan ORDER BY request DESC LIMIT 1;
"""
CANCEL = "DELETE FROM publish_request WHERE plan_id = :plan AND done_at IS NULL;"

# Whoever else carries out requests takes another one.
NEXT_REQUEST = """
SELECT request, plan_id, effective_from, reason, outline_authority, asked_by FROM publish_request
WHERE done_at IS NULL ORDER BY request LIMIT 1 FOR UPDATE SKIP LOCKED;
"""
DONE = """
UPDATE publish_request SET done_at = now(), revision = :revision, refusal = CAST(:refusal AS jsonb)
WHERE request = :request AND done_at IS NULL;
"""


def held_units(connection: Connection, plan_id: str) -> dict[str, str]:
    """The units that refuse edits, with the reason."""
    return {row.key: row.reason for row in connection.execute(text(HELD), {"plan": plan_id})}


def list_held(connection: Connection, plan_id: str) -> Sequence[dict[str, Any]]:
    """The same, with who locked them and when."""
    return [dict(row) for row in connection.execute(text(HELD), {"plan": plan_id}).mappings()]


def hold_unit(connection: Connection, plan_id: str, key: str, reason: str, actor: str) -> None:
    """Let a unit refuse edits in this plan."""
    with refusing_elsewhere():
        connection.execute(text(HOLD), {"plan": plan_id, "key": key, "reason": reason, "actor": actor})


def let_go_of_unit(connection: Connection, plan_id: str, key: str) -> None:
    """Let a unit be edited again.

    Raises:
        NotFoundError: it is not locked.
    """
    if not connection.execute(text(LET_GO), {"plan": plan_id, "key": key}).rowcount:
        raise NotFoundError("this unit is not locked", field="unit")


def add_comment(connection: Connection, plan_id: str, said: str, author: str, key: str | None = None) -> int:
    """Say something of a plan or one of its units; the number of the comment."""
    with refusing_elsewhere():
        number: int = connection.execute(
            text(COMMENT), {"plan": plan_id, "key": key, "author": author, "said": said}
        ).scalar_one()
    return number


def list_comments(connection: Connection, plan_id: str) -> Sequence[dict[str, Any]]:
    """What was said, in order."""
    return [dict(row) for row in connection.execute(text(COMMENTS), {"plan": plan_id}).mappings()]


def sign(
    connection: Connection, plan_id: str, unit_id: str, part: str, verdict: str, reason: str | None, actor: str
) -> None:
    """Let a unit agree with its part of a plan, or object; the newest word counts."""
    connection.execute(text(UNSIGN), {"plan": plan_id, "unit": unit_id})
    values = {"plan": plan_id, "unit": unit_id, "part": part, "verdict": verdict, "reason": reason, "actor": actor}
    with refusing_elsewhere():
        connection.execute(text(SIGN), values)


def signed(connection: Connection, plan_id: str) -> Mapping[str, dict[str, Any]]:
    """The word of each unit that gave one, with the digest of the part that it was about."""
    rows = connection.execute(text(SIGNED), {"plan": plan_id}).mappings()
    return {row["unit_id"]: dict(row) for row in rows}


def request_publication(
    connection: Connection, plan_id: str, day: date, reason: str, authority: str | None, actor: str
) -> int:
    """Ask the owner's process to publish a plan; the number of the request.

    Raises:
        ConflictError: that was asked already.
        ForbiddenError: the plan changes units outside of the asker's territory.
    """
    values = {"plan": plan_id, "day": day, "reason": reason, "authority": authority, "actor": actor}
    try:
        with refusing_elsewhere():
            number: int = connection.execute(text(REQUEST), values).scalar_one()
    except IntegrityError as error:
        raise ConflictError(f"the publication of plan {plan_id} was requested already", field="plan") from error
    return number


def last_request(connection: Connection, plan_id: str) -> dict[str, Any] | None:
    """The newest request to publish a plan, and what came of it."""
    row = connection.execute(text(LAST_REQUEST), {"plan": plan_id}).mappings().first()
    return None if row is None else dict(row)


def cancel_request(connection: Connection, plan_id: str) -> None:
    """Take back what was requested and is not done yet.

    Raises:
        NotFoundError: nothing is.
    """
    if not connection.execute(text(CANCEL), {"plan": plan_id}).rowcount:
        raise NotFoundError(f"no publication of plan {plan_id} is requested", field="plan")


def next_request(connection: Connection) -> Any:
    """A request that nobody carries out yet, kept from others until the transaction ends; None when there is none."""
    return connection.execute(text(NEXT_REQUEST)).first()


def close_request(
    connection: Connection, request: int, *, revision: int | None = None, refusal: Mapping[str, Any] | None = None
) -> None:
    """Tell what came of a request."""
    told = None if refusal is None else orjson.dumps(refusal).decode()
    connection.execute(text(DONE), {"request": request, "revision": revision, "refusal": told})
