"""Withdraws the newest revision before its day, and sets back whatever its publication moved; in one transaction.

A revision that took effect is superseded, never withdrawn: people acted on it. What cannot be set back exactly, since
somebody changed it after the publication, is named, and nothing is withdrawn.
"""

from dataclasses import dataclass
from datetime import date

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gismap import publication_trace as trace
from gismap.access.sessions import refresh_scopes
from gismap.boundaries import revisions
from gismap.elements.membership import join_versions, reassign_elements
from gismap.errors import ConflictError, NotFoundError
from gismap.locating.gazetteer import refresh_gazetteer
from gismap.publishing import CHANNEL
from gismap.store import audit

REVISION = """
SELECT number, effective_from, withdrawn_at, (SELECT max(number) FROM revision WHERE withdrawn_at IS NULL) AS newest
FROM revision WHERE number = :number;
"""

# The plan is a draft again.
WITHDRAW = """
UPDATE revision SET withdrawn_at = now() WHERE number = :number;
UPDATE plan SET published_as = NULL WHERE published_as = :number;
UPDATE layer SET version = version + 1 WHERE name = 'grids';
"""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was set back."""

    number: int
    effective_from: date
    units: int
    elements: int


def withdraw(connection: Connection, number: int, *, today: date, author: str) -> Withdrawal:
    """Let a revision that is not in effect yet never be.

    Raises:
        NotFoundError: there is no such revision, or it is withdrawn already.
        ConflictError: it took effect, a later one is published, or something that hangs on it was changed since.
    """
    revisions.lock(connection)
    row = connection.execute(text(REVISION), {"number": number}).first()
    if row is None or row.withdrawn_at is not None:
        raise NotFoundError(f"there is no revision {number}, or it is withdrawn already", field="revision")
    if row.effective_from <= today:
        raise ConflictError(
            f"revision {number} took effect on {row.effective_from}: supersede it by another", field="revision"
        )
    if row.newest != number:
        raise ConflictError(f"revision {row.newest} is built on {number}: withdraw that first", field="revision")
    obstacles = trace.changed_since(connection, number, revisions.units_begun_by(connection, number))
    if obstacles:
        raise ConflictError(
            f"revision {number} cannot be set back exactly: {'; '.join(obstacles[:20])}", field="revision"
        )
    try:
        return _set_back(connection, number, row.effective_from, today, author)
    except IntegrityError as error:
        raise ConflictError(
            f"revision {number} cannot be set back: what was written since contradicts what was before",
            field="revision",
        ) from error


def _set_back(connection: Connection, number: int, day: date, today: date, author: str) -> Withdrawal:
    units = revisions.remove_versions(connection, number, day)
    elements = join_versions(connection, day)
    trace.set_back(connection, number)
    reassign_elements(connection, day)
    refresh_gazetteer(connection)
    connection.execute(text(WITHDRAW), {"number": number})
    refresh_scopes(connection, today)
    event = {"revision": number, "effective_from": day.isoformat()}
    audit.append(connection, actor=author, action="withdraw", subject=f"revision {number}", detail=event)
    connection.execute(
        text("INSERT INTO outbox (topic, payload) VALUES ('revision withdrawn', CAST(:payload AS jsonb))"),
        {"payload": orjson.dumps(event).decode()},
    )
    connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": str(number)})
    return Withdrawal(number, day, units, elements)
