"""What must not be written down is looked for in all that the service and its database write, when much goes wrong."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url, text

from gismap.access.accounts import add_account
from gismap.elements import service
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from tests.conftest import Database, fresh_database, key_of, serving

PASSWORD, WRONG, URL_PASSWORD = "long password of Li Na", "wrong password of Li Na", "url-secret-5417"
NAME, PHONE = "欧阳莉娜", "13987654321"
HOME = {"Origin": "http://testserver"}


TALKATIVE = (
    "log_statement = 'all'",
    "log_min_duration_statement = 0",
    "log_min_messages = debug1",
    "log_min_error_statement = error",
)


@pytest.fixture()
def talkative(server: PrivateServer, template: str) -> Iterator[Database]:
    """A database whose server is told to log whatever it can."""
    with fresh_database(server, template) as urls:
        name = make_url(urls.service_url).database
        superuser = str(server.urls().superuser_url).replace("+psycopg2", "")
        with closing(psycopg2.connect(superuser)) as connection:
            connection.autocommit = True
            for setting in TALKATIVE:
                connection.cursor().execute(f"ALTER DATABASE {name} SET {setting}")
        yield urls


def log_of(server: PrivateServer) -> Path:
    engine = make_engine(server.urls().superuser_url)
    with reading(engine) as connection:
        folder = connection.execute(text("SHOW data_directory")).scalar_one()
    engine.dispose()
    return Path(folder).with_name("postgres.log")


def test_nothing_of_people_and_no_secret_is_logged_whatever_goes_wrong(
    talkative: Database, server: PrivateServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = make_engine(talkative.owner_url)
    with writing(owner) as connection:
        connection.execute(text("INSERT INTO district VALUES (true, '邹城市', 'Zoucheng', false)"))
        add_account(connection, "li.na", NAME, PASSWORD, made_by="test")
    owner.dispose()
    key = key_of(talkative)
    before = log_of(server).stat().st_size
    with serving(talkative, key) as client:
        tokens = [key]
        for password in (WRONG, PASSWORD):
            answer = client.post("/api/session", json={"username": "li.na", "password": password}, headers=HOME)
            tokens += [cookie.value for cookie in client.cookies.jar]
            client.cookies.clear()
        assert answer.status_code in {200, 403}
        client.get("/api/resources", params={"name": NAME, "category": PHONE})
        client.get("/api/resources", params={"name": NAME, "limit": PHONE})
        client.get("/api/layers", headers={"Authorization": f"Bearer {'x' * 43}", "Cookie": f"gismap_session={key}"})
        monkeypatch.setattr(service, "find_resources", _fails_with_what_it_was_asked)
        assert client.get("/api/resources", params={"name": NAME}).status_code == 500
        monkeypatch.setattr(service, "find_resources", _fails_by_itself)
        assert client.get("/api/resources", params={"name": NAME}).status_code == 500
    said = capfd.readouterr()
    logged = log_of(server).read_bytes()[before:].decode(errors="replace")
    assert "unexpected error" in said.err and "find_resources" not in logged
    for secret in (*tokens, PASSWORD, WRONG, NAME, PHONE, "x" * 43):
        for where in (said.out, said.err, logged):
            assert secret not in where, where[max(0, where.index(secret) - 300) :][:600]
    assert '"sqlstate": "22P02"' in said.err and "test_secrets.py" in said.err  # what whoever mends it needs


def _fails_with_what_it_was_asked(connection: Any, question: Any, **_: Any) -> str:
    value = connection.execute(text("SELECT CAST(:name AS integer)"), {"name": f"{question.filter.name} {PHONE}"})
    return str(value.scalar())


def _fails_by_itself(_connection: Any, question: Any, **_: Any) -> str:
    try:
        raise ValueError(f"no number: {question.filter.name}")
    except ValueError as error:
        raise RuntimeError(f"{PHONE} is not answered") from error


def test_a_database_that_is_away_is_told_without_its_password(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    url = f"postgresql://gismap_service:{URL_PASSWORD}@127.0.0.1:1/none"
    for wrong in (url, url.replace("127.0.0.1:1", "127.0.0.1:port")):
        done = subprocess.run(
            [sys.executable, "-m", "gismap", "up", "--demo", "none", "--port", "0"],
            env=os.environ | {"GISMAP_DATABASE_URL": wrong, "GISMAP_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode != 0 and URL_PASSWORD not in done.stdout + done.stderr
    assert URL_PASSWORD not in "".join(capfd.readouterr())


def test_the_owner_logs_no_row_that_a_constraint_refused(server: PrivateServer, database: Database) -> None:
    before = log_of(server).stat().st_size
    engine = make_engine(database.owner_url)
    with pytest.raises(Exception, match="Failing row"), writing(engine) as connection:
        connection.execute(text("INSERT INTO district VALUES (false, :name, NULL, false)"), {"name": NAME})
    with reading(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()
    assert NAME not in log_of(server).read_bytes()[before:].decode(errors="replace")
