"""Connections and transactions; knows neither tables nor meanings.

Sessions are read-only unless a write is asked for, so that a read needs no round trip to protect itself; a write is one
transaction that commits at its end or not at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2.errors
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, TimeoutError

from gismap.errors import EnvironmentProblemError, UnavailableError
from gismap.store.scope import tell_sessions

RETRY_HINT = "The database is busy or away; try again in a moment."


def normalised_url(url: str) -> str:
    """The URL with the driver that gismap uses (psycopg2), whatever its spelling of PostgreSQL.

    Raises:
        EnvironmentProblemError: it is no URL of a PostgreSQL database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or not parsed.drivername.startswith(("postgresql", "postgres")):
        # The URL itself may hold a password, so that it is not repeated.
        raise EnvironmentProblemError("the database must be given as postgresql://user:password@host/database")
    return parsed.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def make_engine(
    url: str, *, pool_size: int = 5, pool_timeout_s: float = 1.5, statement_timeout_ms: int | None = None
) -> Engine:
    """An engine whose pool gives up after `pool_timeout_s`, and whose statements end after `statement_timeout_ms`."""
    options = "-c timezone=UTC -c jit=off -c default_transaction_read_only=on"
    if statement_timeout_ms is not None:
        options += f" -c statement_timeout={statement_timeout_ms}"
    engine = create_engine(
        normalised_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=True,
        hide_parameters=True,  # what was asked for may be a name or a phone, and errors go to the log
        connect_args={"options": options, "connect_timeout": 5, "application_name": "gismap"},
    )
    tell_sessions(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read-only transaction.

    Raises:
        UnavailableError: no connection in time, the server is away, or a statement ran past its limit.
    """
    with _translated(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, *, statement_timeout_ms: int = 0) -> Iterator[Connection]:
    """One transaction that is committed at the end of the block, or rolled back whole.

    Raises:
        UnavailableError: as for `reading`.
    """
    with _translated(), engine.begin() as connection:
        connection.execute(
            text(f"SET TRANSACTION READ WRITE; SET LOCAL statement_timeout = {int(statement_timeout_ms)}")
        )
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise UnavailableError(RETRY_HINT) from error
    except OperationalError as error:
        if isinstance(error.orig, psycopg2.errors.QueryCanceled):
            raise UnavailableError("The question took too long; ask for a smaller area or fewer layers.") from error
        raise UnavailableError(RETRY_HINT) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnavailableError(RETRY_HINT) from error
        raise
