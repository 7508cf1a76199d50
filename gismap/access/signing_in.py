"""Signing in and out: passwords checked, sessions opened, rotated and ended, all of it entered in the audit log.

Cookies and statuses are in `routes`, limits on attempts in `throttle`. An identity provider (OpenID Connect) would be
another way to call `_begin`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from sqlalchemy import Connection, Engine, text

from gismap.access import queries
from gismap.access.accounts import normal_username
from gismap.access.demo_accounts import demo_username, open_demo_session
from gismap.access.passwords import hash_password, is_password, needs_new_hash
from gismap.access.sessions import digest_of, end_session, end_sessions, find_caller, open_session
from gismap.access.throttle import begin_attempt, forgive
from gismap.access.values import Caller, Role
from gismap.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from gismap.settings import Settings
from gismap.store import audit
from gismap.store.session import RETRY_HINT, reading, writing

AT_ONCE = 4
"""Passwords checked at once: each takes 64 MB and a core for a moment."""

_turns = BoundedSemaphore(AT_ONCE)


def sign_in(
    engine: Engine, settings: Settings, username: str, password: str, *, address: str, old_token: str | None
) -> str:
    """Open a console's session for a user, end the one that it replaces, and return the new token.

    Raises:
        UnauthenticatedError: no such user, or not with this password; which of the two is not told.
        TooManyError: too many attempts have failed, of whatever user.
    """
    name = normal_username(username)
    account_id = _prove(engine, name, password, address=address)
    with writing(engine) as connection:
        return _begin(connection, settings, account_id, name, address=address, old_token=old_token)


def prove_person(engine: Engine, username: str, password: str, role: Role, *, address: str) -> str:
    """Make sure that a user with a role is here, for what takes two people; returns the name that is entered.

    Raises:
        UnauthenticatedError, TooManyError: as for `sign_in`.
        ForbiddenError: the user is not granted the role.
    """
    name = normal_username(username)
    account_id = _prove(engine, name, password, address=address)
    with reading(engine) as connection:
        if role not in connection.execute(text(queries.ROLES_OF_ACCOUNT), {"account_id": account_id}).scalars():
            raise ForbiddenError(f"this takes the role {role}, which {name} is not granted", field="as")
    return name


def _prove(engine: Engine, name: str, password: str, *, address: str) -> str:
    """The account of a user whose password this is; the attempt counts as failed until then."""
    with writing(engine) as connection:
        attempt = begin_attempt(connection, name, address)
    with reading(engine) as connection:
        account = connection.execute(text(queries.ACCOUNT), {"username": name}).one_or_none()
    stored = account.password_hash if account is not None else None
    with _turn():
        is_right = is_password(password, stored)
        fresh_hash = hash_password(password) if is_right and stored and needs_new_hash(stored) else None
    with writing(engine) as connection:
        if account is None or not is_right:
            actor = "nobody" if account is None else name  # what was typed may be a password in the wrong box
            detail = {"address": address}
            audit.append(connection, actor=actor, action="failed sign-in", subject="session", detail=detail)
        else:
            forgive(connection, attempt)
            if fresh_hash is not None:
                values = {"account_id": account.account_id, "password_hash": fresh_hash}
                connection.execute(text(queries.SET_PASSWORD), values)
            return str(account.account_id)
    raise UnauthenticatedError("the username or the password is wrong")


def sign_in_to_demo(engine: Engine, settings: Settings, role: Role, *, address: str, old_token: str | None) -> str:
    """As `sign_in`, for a demo's user of a role, without a password; the caller has made sure that it is a demo."""
    token, session_id = open_demo_session(engine, settings, role)
    with writing(engine) as connection:
        _enter_begin(connection, demo_username(role), session_id, address=address, old_token=old_token)
    return token


def sign_out(engine: Engine, settings: Settings, token: str, *, everywhere: bool) -> None:
    """End a console's session, or all sessions and keys of its account.

    Raises:
        UnauthenticatedError: everything was to end, but the session itself has ended before.
    """
    caller = find_caller(engine, token, idle_s=settings.session_idle_s, today=settings.today())
    if everywhere and (caller is None or caller.kind != "console"):
        raise UnauthenticatedError("this session has ended; sign in again")
    with writing(engine) as connection:
        ended = end_session(connection, token)
        if caller is None or ended is None:
            return
        more = end_sessions(connection, caller.account_id) if everywhere else []
        action = "sign out everywhere" if everywhere else "sign out"
        detail = {"others": len(more)} if everywhere else {}
        audit.append(connection, actor=caller.username, action=action, subject=f"session {ended}", detail=detail)


def roles_of(engine: Engine, caller: Caller) -> list[str]:
    """The roles that a caller's session has now, anywhere."""
    with reading(engine) as connection:
        values = {"digest": digest_of(caller.token)}
        return list(connection.execute(text(queries.ROLES_OF_SESSION), values).scalars())


def has_passwords(engine: Engine) -> bool:
    """Whether anybody could sign in with a password."""
    with reading(engine) as connection:
        return bool(connection.execute(text(queries.HAS_PASSWORDS)).scalar())


def has_users(engine: Engine) -> bool:
    """Whether anybody could sign in with a password and may then do anything."""
    with reading(engine) as connection:
        return bool(connection.execute(text(queries.HAS_USERS)).scalar())


def _begin(
    connection: Connection,
    settings: Settings,
    account_id: str,
    username: str,
    *,
    address: str,
    old_token: str | None,
) -> str:
    connection.execute(text(queries.FORGET))
    token, session_id = open_session(
        connection, account_id, kind="console", seconds=settings.session_s, today=settings.today()
    )
    _enter_begin(connection, username, session_id, address=address, old_token=old_token)
    return token


def _enter_begin(
    connection: Connection, username: str, session_id: str, *, address: str, old_token: str | None
) -> None:
    if old_token is not None:
        end_session(connection, old_token)
    subject, detail = f"session {session_id}", {"address": address}
    audit.append(connection, actor=username, action="sign in", subject=subject, detail=detail)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=2):
        raise UnavailableError(RETRY_HINT)
    try:
        yield
    finally:
        _turns.release()
