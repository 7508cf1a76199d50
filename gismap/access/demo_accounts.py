"""The accounts of a demo: a visitor and a user of each role, without passwords; none of them where data is real."""

from random import SystemRandom

from sqlalchemy import Connection, Engine, text

from gismap.access import queries
from gismap.access.sessions import open_session
from gismap.access.values import Role
from gismap.errors import UnauthenticatedError
from gismap.geometry.codes import new_unit_id
from gismap.i18n import say
from gismap.settings import Settings
from gismap.store.session import reading, writing

VISITOR = "visitor"
"""The visitor's name; its role is the viewer's."""

DEMO_YEARS = 10


def is_made_up(engine: Engine) -> bool:
    """Whether nobody real can be in the district: it is made up or empty, and no import brought persons into it."""
    with reading(engine) as connection:
        return bool(connection.execute(text(queries.IS_HARMLESS)).scalar())


def open_demo_session(engine: Engine, settings: Settings, name: str) -> tuple[str, str]:
    """Open a session of a demo's visitor or user (by role); the account is made when missing.

    Returns the session's token and identity.

    The caller has made sure that the district is made up and served to this machine alone.

    Raises:
        UnauthenticatedError: the account was disabled.
    """
    role = Role.VIEWER if name == VISITOR else Role(name)
    with writing(engine) as connection:
        account_id = _account(connection, name, role)
        seconds = DEMO_YEARS * 365 * 86_400 if name == VISITOR else settings.session_s
        return open_session(connection, account_id, kind="console", seconds=seconds, today=settings.today())


def demo_username(name: str) -> str:
    """What the demo's visitor, or its user of a role, is called in lists and in the audit log."""
    return f"demo-{name}"


def _account(connection: Connection, name: str, role: Role) -> str:
    account_id, username = "u" + new_unit_id(SystemRandom())[1:], demo_username(name)
    display_name = say("access.visitor" if name == VISITOR else f"access.demo.{name}")
    values = {"account_id": account_id, "username": username, "display_name": display_name, "password_hash": None}
    made = connection.execute(text(queries.ADD_ACCOUNT), {**values, "made_by": "demo"}).scalar()
    if made is None:
        account = connection.execute(text(queries.ACCOUNT), {"username": username}).one_or_none()
        if account is None:
            raise UnauthenticatedError("sign in first")
        return str(account.account_id)
    grant = {"account_id": made, "role": role, "unit_id": None, "granted_by": "demo", "years": DEMO_YEARS}
    connection.execute(text(queries.ADD_DEMO_GRANT), grant)
    return str(made)
