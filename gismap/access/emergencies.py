"""Emergencies: lists of persons in care open for the workers of an area, on an authority's document, for 72 hours.

Before there are counts, during it masked lists, after it they are closed: by the clock, in the policies. What a drill
shows are made-up persons (`gismap.care.drills`).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from gismap.access import queries
from gismap.access.sessions import refresh_scopes
from gismap.errors import BadInputError, NotFoundError
from gismap.personal_numbers import personal_number
from gismap.store import audit

LONGEST_H = 72


def declare(
    connection: Connection,
    unit_id: str,
    *,
    document: str,
    reason: str,
    hours: float,
    is_drill: bool,
    today: date,
    declared_by: str,
    renews: int | None = None,
) -> tuple[int, datetime, int]:
    """Open the lists of a unit for whoever works there; returns its number, its end and for how many accounts.

    Raises:
        BadInputError: no document, no reason, or more than 72 hours.
    """
    if not document.strip() or not document.isprintable():
        raise BadInputError("name the number of the authority's document", field="document")
    if not reason.strip() or not reason.isprintable():
        raise BadInputError("say what has happened", field="reason")
    if personal_number(reason) is not None:
        raise BadInputError("holds a number of a person, and is entered in the log: leave it out", field="reason")
    if not 0 < hours <= LONGEST_H:
        raise BadInputError(f"an emergency ends within {LONGEST_H} hours; renew it then", field="hours")
    values = {"document": document.strip(), "unit": unit_id, "reason": reason.strip(), "is_drill": is_drill}
    until = {"span": timedelta(hours=hours), "by": declared_by, "renews": renews}
    row = connection.execute(text(queries.DECLARE), values | until).one()
    who = {"emergency": row.emergency, "today": today, "by": declared_by}
    accounts = connection.execute(text(queries.GRANT_EMERGENCY), who).scalars().all()
    refresh_scopes(connection, today, sorted(set(accounts)))
    detail = {
        "document": document.strip(),
        "unit": unit_id,
        "reason": reason.strip(),
        "ends_at": row.ends_at.isoformat(timespec="seconds"),
        "accounts": len(set(accounts)),
        **({"renews": renews} if renews else {}),
    }
    action = "declare drill" if is_drill else "declare emergency" if renews is None else "renew emergency"
    audit.append(connection, actor=declared_by, action=action, subject=f"emergency {row.emergency}", detail=detail)
    return row.emergency, row.ends_at, len(set(accounts))


def in_force(connection: Connection, emergency: int) -> Any:
    """The emergency of this number.

    Raises:
        NotFoundError: there is none, or it is over.
    """
    row = connection.execute(text(queries.EMERGENCY), {"emergency": emergency}).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no emergency {emergency} in force", field="emergency")
    return row


def end(connection: Connection, emergency: int, *, today: date, actor: str) -> None:
    """End an emergency now; its lists close with the next statement.

    Raises:
        NotFoundError: there is none, or it is over.
    """
    row = in_force(connection, emergency)
    accounts = connection.execute(text(queries.END_EMERGENCY_GRANTS), {"emergency": emergency}).scalars().all()
    connection.execute(text(queries.END_EMERGENCY), {"emergency": emergency})
    refresh_scopes(connection, today, sorted(set(accounts)))
    detail = {"unit": row.unit_id}
    audit.append(connection, actor=actor, action="end emergency", subject=f"emergency {emergency}", detail=detail)


def list_emergencies(connection: Connection) -> Sequence[dict[str, Any]]:
    """All emergencies, the newest first."""
    return [dict(row) for row in connection.execute(text(queries.EMERGENCIES)).mappings()]
