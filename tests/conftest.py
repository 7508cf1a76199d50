"""One private PostGIS for the whole run; each test gets a migrated database of its own, cloned from a template."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from gismap.api.app import create_app
from gismap.demo.load import load
from gismap.settings import Settings
from gismap.store.maintenance import refresh_statistics
from gismap.store.migrate import upgrade
from gismap.store.server import DatabaseUrls, PrivateServer
from gismap.store.session import make_engine
from tests.districts import REAL_DATA
from tests.furnished import furnish

Database = DatabaseUrls
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real boundary and street files; a test that asks for it is skipped where there is none."""
    if REAL_DATA is None:
        pytest.skip("real boundary and street files not found (GISMAP_TEST_DATA)")
    return REAL_DATA


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


@contextmanager
def fresh_database(server: PrivateServer, template: str) -> Iterator[Database]:
    """A migrated, empty database that is dropped at the end: a hundred of them would fill gigabytes."""
    name = f"test_{next(_numbers)}"
    yield server.create_database(name, template)
    with closing(psycopg2.connect(str(server.urls().superuser_url).replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture()
def database(server: PrivateServer, template: str) -> Iterator[Database]:
    """A migrated, empty database for one test."""
    with fresh_database(server, template) as urls:
        yield urls


@pytest.fixture()
def engine(database: Database) -> Iterator[Engine]:
    """The service's engine on a database for one test."""
    engine = make_engine(database.service_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def module_engine(server: PrivateServer, template: str) -> Iterator[Engine]:
    """The service's engine on a database that the tests of a module share."""
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.service_url)
        yield engine
        engine.dispose()


@contextmanager
def serving(database: Database, **settings: object) -> Iterator[TestClient]:
    """The whole application on a database, asked as from outside; faults are answers, not exceptions."""
    app = create_app(Settings(database_url=database.service_url, **settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def furnished(server: PrivateServer, template: str) -> Database:
    """A database with the small county and something of every kind on it; to be read only."""
    urls = server.create_database("furnished", template)
    engine = make_engine(urls.service_url)
    furnish(engine, today=Settings().today())
    engine.dispose()
    return urls


@pytest.fixture(scope="session")
def client(furnished: Database) -> Iterator[TestClient]:
    """The whole application on the furnished county; to be read only."""
    with serving(furnished) as client:
        yield client


@pytest.fixture(scope="session")
def luodian(server: PrivateServer, template: str) -> Database:
    """A database with the Luodian demo; to be read only."""
    from gismap.demo.catalogue import generate  # heavy, and only these tests need it

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
