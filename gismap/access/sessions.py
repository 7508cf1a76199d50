"""Sessions: opened for a user or a device, recognised by a token, ended; the token itself is stored nowhere.

A session's scope is made by PostgreSQL (`refresh_scope`), which alone reads it when policies are evaluated.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import date
from random import SystemRandom
from typing import Any

from sqlalchemy import Connection, Engine, text

from gismap.access import queries
from gismap.access.values import Caller
from gismap.geometry.codes import new_unit_id
from gismap.store.scope import looking_as
from gismap.store.session import reading, writing

TOKEN_BYTES = 32
_TOKEN = re.compile(r"[0-9A-Za-z_-]{43}")


def is_token(text: str) -> bool:
    """Whether a text could be a token of ours: a cookie may hold anything, even a NUL that no database takes."""
    return _TOKEN.fullmatch(text) is not None


def digest_of(token: str) -> bytes:
    """What is stored of a token: its SHA-256; a token is random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()


def open_session(
    connection: Connection,
    account_id: str,
    *,
    kind: str,
    seconds: float,
    today: date,
    title: str | None = None,
    roles: Sequence[str] | None = None,
) -> tuple[str, str]:
    """Open a session and return its token, which nobody can be told again, and its identity."""
    token, session_id = secrets.token_urlsafe(TOKEN_BYTES), "s" + new_unit_id(SystemRandom())[1:]
    digest = digest_of(token)
    values = {"digest": digest, "session_id": session_id, "account_id": account_id, "kind": kind, "title": title}
    connection.execute(
        text(queries.OPEN_SESSION), {**values, "roles": list(roles) if roles else None, "seconds": seconds}
    )
    connection.execute(text(queries.REFRESH_SCOPE), {"digest": digest, "today": today})
    return token, session_id


def refresh_scopes(connection: Connection, today: date, accounts: Sequence[str] | None = None) -> None:
    """Make the scopes of all open sessions, or of those of some accounts, anew: grants or boundaries have changed."""
    values = {"accounts": None if accounts is None else list(accounts), "today": today}
    connection.execute(text(queries.REFRESH_ACCOUNTS), values)


def find_caller(engine: Engine, token: str, *, idle_s: float, today: date, is_visitor: bool = False) -> Caller | None:
    """Who has this token; None when nobody has it, or not any more.

    A scope that was made of other boundaries than today's is made anew. Seeing a session keeps it from getting idle.
    """
    digest = digest_of(token)
    row = _session(engine, token, digest, idle_s)
    if row is None:
        return None
    if row.scoped_on != today or row.is_stale:
        with writing(engine) as connection:
            connection.execute(text(queries.TOUCH), {"digest": digest})
            if row.scoped_on != today:
                connection.execute(text(queries.REFRESH_SCOPE), {"digest": digest, "today": today})
        row = _session(engine, token, digest, idle_s)
        if row is None:
            return None
    territories = {
        permission: tuple((low, high) for low, high in ranges) for permission, ranges in (row.territories or {}).items()
    }
    return Caller(
        token,
        row.session_id,
        row.account_id,
        row.username,
        row.display_name,
        row.kind,
        territories,
        is_visitor,
        row.is_of_demo,
    )


def _session(engine: Engine, token: str, digest: bytes, idle_s: float) -> Any:
    with reading(looking_as(engine, token)) as connection:
        return connection.execute(text(queries.SESSION), {"digest": digest, "idle_s": idle_s}).one_or_none()


def end_session(connection: Connection, token: str) -> str | None:
    """End a console's session; its identity, or None when there is none with this token."""
    ended: str | None = connection.execute(text(queries.END_SESSION), {"digest": digest_of(token)}).scalar()
    return ended


def end_consoles(connection: Connection, account_id: str) -> None:
    """End what an account's people have open, but not its keys."""
    connection.execute(text(queries.END_CONSOLES), {"account_id": account_id})


def end_sessions(connection: Connection, account_id: str) -> list[str]:
    """End all sessions and keys of an account; their identities."""
    return list(connection.execute(text(queries.END_SESSIONS), {"account_id": account_id}).scalars())
