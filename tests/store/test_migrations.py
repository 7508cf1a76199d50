"""The schema: up, down and up again; what the service's role may do."""

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from gismap.store import audit
from gismap.store.migrate import downgrade, status, upgrade
from gismap.store.session import normalised_url, writing
from tests.conftest import Database


def tables(owner_url: str) -> set[str]:
    engine = create_engine(normalised_url(owner_url))
    with engine.connect() as connection:
        names = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys'")
        )
        found = set(names.scalars())
    engine.dispose()
    return found


def test_migrations_go_down_to_nothing_and_up_again(database: Database) -> None:
    full = tables(database.owner_url)
    assert {"grid", "revision", "element", "street", "staff", "assignment", "audit", "outbox", "layer"} <= full
    downgrade(database.owner_url)
    assert tables(database.owner_url) == {"alembic_version"}
    upgrade(database.owner_url)
    assert tables(database.owner_url) == full
    current, head = status(database.owner_url)
    assert current == head


def test_the_service_owns_nothing(service_engine: Engine) -> None:
    with writing(service_engine) as connection:
        owned = connection.execute(text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")).scalar()
    assert owned == 0


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM audit", "UPDATE audit SET digest = 'x'", "DELETE FROM grid", "DROP TABLE element", "TRUNCATE audit"],
)
def test_the_service_cannot_rewrite_history(service_engine: Engine, statement: str) -> None:
    with writing(service_engine) as connection:
        audit.append(connection, actor="t", action="test", subject="s", detail={})
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), writing(service_engine) as connection:
        connection.execute(text(statement))


def test_even_the_owner_cannot_change_an_audit_entry(database: Database, engine: Engine) -> None:
    with writing(engine) as connection:
        audit.append(connection, actor="t", action="test", subject="s", detail={})
    owner = create_engine(normalised_url(database.owner_url))
    with pytest.raises(DBAPIError, match="only grow"), owner.begin() as connection:
        connection.execute(text("UPDATE audit SET previous = ''"))
    owner.dispose()


def test_each_audit_entry_seals_the_one_before(engine: Engine) -> None:
    with writing(engine) as connection:
        for number in range(3):
            audit.append(connection, actor="t", action="test", subject=f"s{number}", detail={"名": "值"})
        rows = connection.execute(text("SELECT record, previous, digest FROM audit ORDER BY seq")).all()
    digest = audit.GENESIS
    for row in rows:
        assert row.previous == digest
        digest = audit.entry_digest(digest, row.record)
        assert row.digest == digest
