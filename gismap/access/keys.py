"""Keys for devices and programs: made, listed and ended; how a key is recognised is `sessions`."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.access import queries
from gismap.access.accounts import roles_of
from gismap.access.sessions import open_session
from gismap.access.values import Role
from gismap.errors import BadInputError, NotFoundError
from gismap.store import audit

LONGEST_TITLE = 100


def add_key(
    connection: Connection,
    account_id: str,
    *,
    title: str,
    seconds: float,
    roles: Sequence[Role] | None,
    today: date,
    actor: str,
) -> tuple[str, str]:
    """Make a key with these of its account's roles (None: with all that it has), and return it with its identity.

    Raises:
        BadInputError: no title, or a role that the account lacks.
    """
    if not 1 <= len(title.strip()) <= LONGEST_TITLE or not title.isprintable():
        raise BadInputError(f"a title has 1 to {LONGEST_TITLE} printable characters", field="title")
    lacking = set(roles or ()) - set(roles_of(connection, account_id))
    if lacking:
        raise BadInputError(f"the account is not granted {', '.join(sorted(lacking))}", field="role")
    token, session_id = open_session(
        connection, account_id, kind="key", seconds=seconds, today=today, title=title.strip(), roles=roles
    )
    detail = {"account": account_id, "title": title.strip(), "roles": sorted(roles) if roles else None}
    audit.append(connection, actor=actor, action="add key", subject=f"key {session_id}", detail=detail)
    return token, session_id


def list_sessions(connection: Connection, account_id: str) -> Sequence[dict[str, Any]]:
    """An account's keys and open sessions, the newest first."""
    return [dict(row) for row in connection.execute(text(queries.SESSIONS), {"account_id": account_id}).mappings()]


def end_key(connection: Connection, session_id: str, *, actor: str) -> None:
    """End a key now.

    Raises:
        NotFoundError: there is no such key.
    """
    if connection.execute(text(queries.END_KEY), {"session_id": session_id}).scalar() is None:
        raise NotFoundError(f"there is no key {session_id!r}", field="key")
    audit.append(connection, actor=actor, action="end key", subject=f"key {session_id}", detail={})
