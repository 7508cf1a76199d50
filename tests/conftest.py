"""One private PostGIS for the whole run; each test gets a migrated database of its own, cloned from a template."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gismap.demo.catalogue import generate
from gismap.demo.load import load
from gismap.settings import Settings
from gismap.store.maintenance import refresh_statistics
from gismap.store.migrate import upgrade
from gismap.store.server import DatabaseUrls, PrivateServer
from gismap.store.session import make_engine

Database = DatabaseUrls
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    """The private server, without durability, in a folder that its OS user can reach."""
    with tempfile.TemporaryDirectory(prefix="gismap-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = PrivateServer(Path(folder), durable=False)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def template(server: PrivateServer) -> str:
    """The name of a migrated, empty database to clone."""
    upgrade(server.create_database("template_empty").owner_url)
    return "template_empty"


@pytest.fixture()
def database(server: PrivateServer, template: str) -> Database:
    """A migrated, empty database for one test."""
    return server.create_database(f"test_{next(_numbers)}", template)


@pytest.fixture()
def engine(database: Database) -> Iterator[Engine]:
    """The service's engine on a database for one test."""
    engine = make_engine(database.service_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def module_engine(server: PrivateServer, template: str) -> Iterator[Engine]:
    """The service's engine on a database that the tests of a module share."""
    engine = make_engine(server.create_database(f"test_{next(_numbers)}", template).service_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def luodian(server: PrivateServer, template: str) -> Database:
    """A database with the Luodian demo; to be read only."""
    urls = server.create_database("luodian", template)
    engine = make_engine(urls.service_url)
    load(engine, generate("luodian"), today=Settings().today())
    engine.dispose()
    refresh_statistics(urls.owner_url)
    return urls


@pytest.fixture(scope="session")
def luodian_engine(luodian: Database) -> Iterator[Engine]:
    """The service's engine on the Luodian demo; to be read only."""
    engine = make_engine(luodian.service_url)
    yield engine
    engine.dispose()
