"""Runs the migrations in one transaction as the owner of the tables; called by `gismap.store.migrate`."""

from alembic import context
from sqlalchemy import create_engine, pool, text

config = context.config


def run() -> None:
    """Connect, take a bounded lock wait, migrate."""
    engine = create_engine(config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=False)
        with context.begin_transaction():
            connection.execute(text(f"SET LOCAL lock_timeout = {int(config.attributes['lock_timeout_ms'])}"))
            context.run_migrations()


run()
