"""Accounts and what they are granted: a role in a territory until a day; how one signs in is elsewhere."""

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from random import SystemRandom
from typing import Any

from sqlalchemy import Connection, text

from gismap.access import queries
from gismap.access.passwords import hash_password
from gismap.access.sessions import end_consoles, end_sessions, refresh_scopes
from gismap.access.values import Role
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.geometry.codes import new_unit_id
from gismap.settings import get_settings
from gismap.store import audit

LONGEST_NAME = 100


def normal_username(text_: str) -> str:
    """A username as it is stored and compared: NFKC, small letters, so that look-alikes of width and case are one.

    Raises:
        BadInputError: empty, too long, or with characters that are not printed.
    """
    name = unicodedata.normalize("NFKC", text_).strip().casefold()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInputError(f"a username has 1 to {LONGEST_NAME} printable characters", field="username")
    return name


def add_account(connection: Connection, username: str, display_name: str, password: str | None, *, made_by: str) -> str:
    """Make an account and return its identity; without a password it can hold keys alone.

    Raises:
        ConflictError: the name is taken.
        BadInputError: no name, or no password that will do.
    """
    account_id = "u" + new_unit_id(SystemRandom())[1:]
    name = normal_username(username)
    made = connection.execute(
        text(queries.ADD_ACCOUNT),
        {
            "account_id": account_id,
            "username": name,
            "display_name": display_name,
            "password_hash": None if password is None else hash_password(password),
            "made_by": made_by,
        },
    ).scalar()
    if made is None:
        raise ConflictError(f"there is an account {name!r} already", field="username")
    _enter(connection, made_by, "add account", account_id, username=name)
    return account_id


def set_password(connection: Connection, account_id: str, password: str, *, actor: str) -> None:
    """Give an account another password; whoever is signed in with the old one is not any more. Keys stay.

    Raises:
        BadInputError: the password will not do.
    """
    values = {"account_id": account_id, "password_hash": hash_password(password)}
    connection.execute(text(queries.SET_PASSWORD), values)
    end_consoles(connection, account_id)
    _enter(connection, actor, "set password", account_id)


def disable(connection: Connection, account_id: str, *, actor: str) -> None:
    """Let nobody in by this account any more; its name stays taken, since the audit log names it."""
    connection.execute(text(queries.DISABLE), {"account_id": account_id})
    end_sessions(connection, account_id)
    _enter(connection, actor, "disable account", account_id)


def enable(connection: Connection, username: str, *, actor: str) -> None:
    """Let an account in again that was disabled; what it had open stays ended, its grants count as far as they run.

    Raises:
        NotFoundError: there is no such account, or it is not disabled.
    """
    name = normal_username(username)
    account_id = connection.execute(text(queries.ENABLE), {"username": name}).scalar()
    if account_id is None:
        raise NotFoundError(f"there is no disabled account {username!r}", field="username")
    _enter(connection, actor, "enable account", account_id)


def find_account(connection: Connection, username: str) -> str:
    """The identity of the account with this name.

    Raises:
        NotFoundError: there is none, or it is disabled.
    """
    row = connection.execute(text(queries.ACCOUNT), {"username": normal_username(username)}).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no account {username!r}", field="username")
    return str(row.account_id)


def grant(
    connection: Connection, account_id: str, role: Role, unit_id: str | None, *, ends_at: datetime, granted_by: str
) -> int:
    """Grant a role in a unit (None: the whole district) until `ends_at`; sessions know at once. Returns its number.

    Raises:
        ConflictError: the unit ends before that, and its grants have gone on elsewhere when that was published.
    """
    unit_ends = connection.execute(text(queries.UNIT_ENDS), {"unit_id": unit_id}).scalar()
    if unit_ends is not None and ends_at > get_settings().beginning_of(unit_ends):
        raise ConflictError(f"this unit ends on {unit_ends}: grant in it until the day before", field="until")
    number: int = connection.execute(
        text(queries.ADD_GRANT),
        {
            "account_id": account_id,
            "role": role,
            "unit_id": unit_id,
            "granted_by": granted_by,
            "starts_at": None,
            "ends_at": ends_at,
        },
    ).scalar_one()
    _refresh(connection, account_id)
    detail = {"grant": number, "role": role, "unit": unit_id, "ends_at": ends_at.isoformat(timespec="seconds")}
    _enter(connection, granted_by, "grant", account_id, **detail)
    return number


def end_grant(connection: Connection, grant_id: int, *, actor: str) -> None:
    """End a grant now; sessions know at once.

    Raises:
        NotFoundError: there is no such grant, or it has ended.
    """
    ended = connection.execute(text(queries.END_GRANT), {"grant_id": grant_id}).one_or_none()
    if ended is None:
        raise NotFoundError(f"there is no grant {grant_id} in force", field="grant")
    _refresh(connection, ended.account_id)
    _enter(connection, actor, "end grant", ended.account_id, grant=grant_id, role=ended.role, unit=ended.unit_id)


def list_accounts(connection: Connection, today: date) -> Sequence[dict[str, Any]]:
    """All accounts by name, with the grants in force and those yet to begin."""
    return [dict(row) for row in connection.execute(text(queries.ACCOUNTS), {"today": today}).mappings()]


def roles_of(connection: Connection, account_id: str) -> Sequence[str]:
    """The roles that an account is granted now, anywhere."""
    return connection.execute(text(queries.ROLES_OF_ACCOUNT), {"account_id": account_id}).scalars().all()


def _enter(connection: Connection, actor: str, action: str, account_id: str, **detail: Any) -> None:
    audit.append(connection, actor=actor, action=action, subject=f"account {account_id}", detail=detail)


def _refresh(connection: Connection, account_id: str) -> None:
    refresh_scopes(connection, get_settings().today(), [account_id])
