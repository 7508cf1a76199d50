"""Whose eyes a connection looks with: a session's token, told to PostgreSQL in the same round trip as the question.

Policies find the territories behind the token (migration 2026_11_24_02); who may have one is decided in `access`.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event

OPTION = "gismap_session"
ALONE = ("SET TRANSACTION", "SAVEPOINT", "ROLLBACK", "RELEASE")
"""What has to come first in a transaction, or is all that a failed one still takes."""


def looking_as(engine: Engine, token: str | None) -> Engine:
    """The same engine and pool, for the eyes of the session with this token; without one no territory shows."""
    return engine.execution_options(**{OPTION: token or ""})


def tell_sessions(engine: Engine) -> None:
    """Let every statement of an engine bring its session along.

    The setting is local to the transaction, so that a pooled connection keeps nothing of it, after errors neither.
    """

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _tell(
        connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool
    ) -> tuple[str, Any]:
        token = connection.get_execution_options().get(OPTION)
        if token is None or executemany or statement.startswith(ALONE):
            return statement, parameters
        named = {**(parameters or {}), OPTION: token}
        return f"SELECT set_config('gismap.session', %({OPTION})s, true); {statement}", named
