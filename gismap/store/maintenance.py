"""Upkeep that only the owner of the tables may do."""

from sqlalchemy import create_engine, text

from gismap.store.session import normalised_url


def refresh_statistics(owner_url: str) -> None:
    """Tell the planner what a bulk load has changed, instead of waiting for autovacuum to notice."""
    engine = create_engine(normalised_url(owner_url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text("ANALYZE"))
    finally:
        engine.dispose()
