"""Accounts and what they are granted: a role in a territory until a day; how one signs in is elsewhere."""

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from random import SystemRandom
from typing import Any

from sqlalchemy import Connection, text

from gismap.access import queries
from gismap.access.passwords import hash_password
from gismap.access.values import Role
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.geometry.codes import new_unit_id
from gismap.settings import get_settings

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


def add_account(
    connection: Connection, username: str, display_name: str, password: str | None, *, made_by: str
) -> str:
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
    return account_id


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
    """Grant a role in a unit (None: the whole district) until `ends_at`; sessions know at once. Returns its number."""
    number: int = connection.execute(
        text(queries.ADD_GRANT),
        {
            "account_id": account_id,
            "role": role,
            "unit_id": unit_id,
            "granted_by": granted_by,
            "ends_at": ends_at,
        },
    ).scalar_one()
    _refresh(connection, account_id)
    return number


def end_grant(connection: Connection, grant_id: int) -> None:
    """End a grant now; sessions know at once.

    Raises:
        NotFoundError: there is no such grant, or it has ended.
    """
    account_id = connection.execute(text(queries.END_GRANT), {"grant_id": grant_id}).scalar()
    if account_id is None:
        raise NotFoundError(f"there is no grant {grant_id} in force", field="grant")
    _refresh(connection, account_id)


def list_accounts(connection: Connection, today: date) -> Sequence[dict[str, Any]]:
    """All accounts by name, with the grants in force."""
    return [dict(row) for row in connection.execute(text(queries.ACCOUNTS), {"today": today}).mappings()]


def _refresh(connection: Connection, account_id: str) -> None:
    values = {"account_id": account_id, "today": get_settings().today()}
    connection.execute(text(queries.REFRESH_ACCOUNT), values)
