"""Brings a database to the schema of this version; the schema itself is in `migrations/`."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gismap.resources import resource_dir
from gismap.store.session import make_engine, normalised_url, reading

LOCK_TIMEOUT_MS = 3000
"""A migration that waits longer for a lock gives up, since every read would queue behind it."""


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Apply the migrations up to `revision` as the owner."""
    command.upgrade(_config(owner_url), revision)


def downgrade(owner_url: str, revision: str = "base") -> None:
    """Take the migrations back to `revision`; data of the removed tables is lost."""
    command.downgrade(_config(owner_url), revision)


def status(url: str) -> tuple[str | None, str | None]:
    """The schema version of the database, and the newest one that this gismap knows.

    Raises:
        UnavailableError: the database does not answer.
    """
    head = ScriptDirectory.from_config(_config(url)).get_current_head()
    engine = make_engine(url, pool_size=1)
    try:
        with reading(engine) as connection:
            return MigrationContext.configure(connection).get_current_revision(), head
    finally:
        engine.dispose()


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    config.attributes["url"] = normalised_url(url)
    config.attributes["lock_timeout_ms"] = LOCK_TIMEOUT_MS
    return config
