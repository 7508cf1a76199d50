"""One private PostGIS for the whole run; each test gets a migrated database of its own, cloned from a template."""

import io
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine
from starlette.testclient import TestClient

from gismap.access.accounts import add_account, grant
from gismap.access.sessions import open_session
from gismap.access.values import Role
from gismap.api.app import create_app
from gismap.boundaries.service import find_unit
from gismap.cli import main
from gismap.demo.load import load
from gismap.settings import Settings, get_settings
from gismap.store.keyring import new_keyring, write_keyring
from gismap.store.maintenance import refresh_statistics
from gismap.store.migrate import upgrade
from gismap.store.server import DatabaseUrls, PrivateServer
from gismap.store.session import make_engine, writing
from tests.districts import REAL_DATA
from tests.furnished import furnish

Database = DatabaseUrls
CHROMIUM = Path("/usr/bin/chromium")
_numbers = itertools.count(1)
os.environ.setdefault("GISMAP_REQUESTS_PER_S", "0")  # tests ask as fast as they can; those of the limit set one
TODAY = Settings().today()


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
def keyring_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of keys for sealed fields; copy it to change it."""
    path = tmp_path_factory.mktemp("keys") / "keyring.json"
    write_keyring(path, new_keyring())
    return path


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
    """The owner's engine on a database for one test: what writes, and sees everything."""
    engine = make_engine(database.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture()
def service_engine(database: Database) -> Iterator[Engine]:
    """The service's engine on the same database: it sees what the session of a caller may see."""
    engine = make_engine(database.service_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def module_engine(server: PrivateServer, template: str) -> Iterator[Engine]:
    """The owner's engine on a database that the tests of a module share."""
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.owner_url)
        yield engine
        engine.dispose()


def environment(database: Database) -> dict[str, str]:
    """What a command is told of a database."""
    return {"GISMAP_DATABASE_URL": database.service_url, "GISMAP_DATABASE_OWNER_URL": database.owner_url}


Gismap = Callable[..., tuple[int, str, str]]


@contextmanager
def commands(
    database: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], **more: object
) -> Iterator[Gismap]:
    """Runs `gismap …` in this process on a database, with more of its environment; what is `typed` comes from stdin.

    Returns exit code, stdout and stderr.
    """
    for name, value in (environment(database) | {name: str(value) for name, value in more.items()}).items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()

    def run(*arguments: object, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gismap", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as stop:
            main()
        output, errors = capfd.readouterr()
        return int(stop.value.code or 0), output, errors

    yield run
    get_settings.cache_clear()


def key_of(database: Database, role: Role = Role.VIEWER, unit: str | None = None, *, ends_in_s: float = 3600) -> str:
    """A key for an account of its own with one role, in the unit with this code or in the whole district."""
    engine = make_engine(database.owner_url)
    with writing(engine) as connection:
        account_id = add_account(connection, f"user-{next(_numbers)}", "Somebody", None, made_by="test")
        grant(
            connection,
            account_id,
            role,
            None if unit is None else find_unit(connection, unit, TODAY).unit_id,
            ends_at=datetime.now(UTC) + timedelta(seconds=ends_in_s),
            granted_by="test",
        )
        token, _ = open_session(connection, account_id, kind="key", seconds=3600, today=TODAY)
    engine.dispose()
    return token


@contextmanager
def serving(database: Database, key: str | None = None, **settings: object) -> Iterator[TestClient]:
    """The whole application on a database, asked as from outside, by a viewer of the district unless a key is given.

    Faults are answers, not exceptions.
    """
    app = create_app(Settings(database_url=database.service_url, **settings))
    headers = {"Authorization": f"Bearer {key or key_of(database)}"}
    with TestClient(app, raise_server_exceptions=False, headers=headers) as client:
        yield client


@pytest.fixture(scope="session")
def furnished(server: PrivateServer, template: str) -> Database:
    """A database with the small county and something of every kind on it; to be read only."""
    urls = server.create_database("furnished", template)
    engine = make_engine(urls.owner_url)
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
    engine = make_engine(urls.owner_url)
    load(engine, generate("luodian"), today=Settings().today())
    engine.dispose()
    refresh_statistics(urls.owner_url)
    return urls


@pytest.fixture(scope="session")
def luodian_engine(luodian: Database) -> Iterator[Engine]:
    """The owner's engine on the Luodian demo; to be read only."""
    engine = make_engine(luodian.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: scripts/setup tests installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()
