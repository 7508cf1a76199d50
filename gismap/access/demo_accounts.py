"""The accounts of a demo: a visitor and a user of each role, without passwords; none of them where data is real."""

from random import SystemRandom

from sqlalchemy import Connection, Engine, text

from gismap.access import queries
from gismap.access.sessions import open_session
from gismap.access.values import Role
from gismap.geometry.codes import new_unit_id
from gismap.settings import Settings
from gismap.store.session import writing

VISITOR = "visitor"
"""The visitor's name; its role is the viewer's."""

DEMO_YEARS = 10


def open_demo_session(engine: Engine, settings: Settings, name: str) -> str:
    """Open a session of a demo's visitor or user (by role) and return its token; the account is made when missing.

    The caller has made sure that the district is made up and served to this machine alone.
    """
    role = Role.VIEWER if name == VISITOR else Role(name)
    with writing(engine) as connection:
        account_id = _account(connection, f"demo-{name}", role)
        seconds = DEMO_YEARS * 365 * 86_400 if name == VISITOR else settings.session_s
        kind = "console"
        token, _ = open_session(connection, account_id, kind=kind, seconds=seconds, today=settings.today())
    return token


def _account(connection: Connection, username: str, role: Role) -> str:
    account_id = "u" + new_unit_id(SystemRandom())[1:]
    values = {"account_id": account_id, "username": username, "display_name": username, "password_hash": None}
    made = connection.execute(text(queries.ADD_ACCOUNT), {**values, "made_by": "demo"}).scalar()
    if made is None:
        return str(connection.execute(text(queries.ACCOUNT), {"username": username}).one().account_id)
    grant = {"account_id": made, "role": role, "unit_id": None, "granted_by": "demo", "years": DEMO_YEARS}
    connection.execute(text(queries.ADD_DEMO_GRANT), grant)
    return str(made)
