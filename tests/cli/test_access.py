"""`gismap user` and `gismap key`: a line of result, one line for mistakes, no password where others could see it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from gismap.settings import Settings, get_settings
from gismap.store.server import PrivateServer
from gismap.store.session import reading
from tests.conftest import Database, Gismap, commands, environment, serving
from tests.districts import COMMUNITIES
from tests.importing.conftest import publish_county
from tests.test_up import GISMAP, PATIENCE_S

PASSWORD = "correct horse battery"
TODAY = Settings().today()
YEAR = TODAY + timedelta(days=365)
ADD = ("user", "add", "Li.Na", "--name", "李娜", "--role", "administrator", "--password-stdin")


@pytest.fixture()
def gismap(database: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Gismap]:
    with commands(database, monkeypatch, capfd) as run:
        yield run


def status_of(database: Database, password: str = PASSWORD) -> int:
    with serving(database, "nobody", host="0.0.0.0") as client:
        answer = client.post("/api/session", json={"username": "li.na", "password": password})
        return int(answer.status_code)


def actions(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(text("SELECT record->>'action' FROM audit ORDER BY seq")).scalars())


def test_the_first_administrator_is_made_signs_in_and_is_disabled(
    gismap: Gismap, database: Database, engine: Engine
) -> None:
    said = f"li.na: grant 1: administrator in district until {YEAR}\n"
    assert gismap(*ADD, typed=PASSWORD + "\n") == (0, said, "")
    assert status_of(database) == 200
    grants = f"  grant 1: administrator in district until {YEAR}\n"
    assert gismap("user", "list") == (0, "li.na  李娜\n" + grants, "")
    assert gismap("user", "password", "LI.NA", "--password-stdin", typed="another good password\n")[0] == 0
    assert (status_of(database), status_of(database, "another good password")) == (401, 200)
    assert gismap("user", "sign-out", "li.na") == (0, "li.na: 1 ended\n", "")
    assert gismap("user", "disable", "li.na") == (0, "li.na: disabled\n", "")
    assert status_of(database, "another good password") == 401
    assert gismap("user", "list")[1].startswith("li.na  李娜  disabled\n")
    assert gismap("user", "enable", "LI.NA") == (0, "LI.NA: enabled\n", "")
    assert status_of(database, "another good password") == 200
    assert gismap("user", "enable", "li.na") == (2, "", "gismap: username: there is no disabled account 'li.na'\n")
    done = [action for action in actions(engine) if "sign" not in action]
    assert done == ["add account", "grant", "set password", "disable account", "enable account"]
    assert "sign out everywhere" in actions(engine)


def test_grants_are_given_in_units_and_revoked(gismap: Gismap, engine: Engine) -> None:
    publish_county(engine)
    gismap("user", "add", "wang", "--role", "viewer", "--no-password")
    until = TODAY + timedelta(days=30)
    grant = ("user", "grant", "wang", "--role", "grid_worker", "--unit", COMMUNITIES[0], "--until", until)
    assert gismap(*grant) == (0, f"wang: grant 2: grid_worker in {COMMUNITIES[0]} until {until}\n", "")
    listed = gismap("user", "list")[1].splitlines()
    assert listed[0] == "wang  wang  no password" and listed[2].startswith("  grant 2: grid_worker in ")
    assert listed[2].endswith(f" until {until}") and "district" not in listed[2]
    assert gismap("user", "revoke", 2) == (0, "grant 2: ended\n", "")
    assert gismap("user", "revoke", 2) == (2, "", "gismap: grant: there is no grant 2 in force\n")
    assert len(gismap("user", "list")[1].splitlines()) == 2


def test_a_key_is_printed_once_works_and_is_revoked(gismap: Gismap, database: Database) -> None:
    gismap("user", "add", "device", "--role", "dispatcher", "--no-password")
    code, token, said = gismap("key", "add", "device", "--title", "对讲机", "--days", 30, "--role", "dispatcher")
    assert code == 0 and token.count("\n") == 1 and "not shown again" in said
    listed = gismap("key", "list", "device")[1]
    assert "  key  对讲机  dispatcher  until " in listed and token.strip() not in listed
    session_id = listed.split()[0]
    with serving(database, token.strip(), host="0.0.0.0") as client:
        assert client.get("/api/session").json()["roles"] == ["dispatcher"]
    assert gismap("key", "revoke", session_id) == (0, f"{session_id}: ended\n", "")
    with serving(database, token.strip(), host="0.0.0.0") as client:
        assert client.get("/api/session").status_code == 401


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "says"),
    [
        (ADD, "too short\n", 2, "gismap: password: a password has 12 to 200 characters"),
        (ADD, "x" * 1_000_000, 2, "gismap: password: a password has 12 to 200 characters"),
        (ADD[:-1], "", 2, "gismap: password: there is no terminal to ask at; give it with --password-stdin"),
        ((*ADD, "--unit", "999"), PASSWORD, 2, "gismap: unit: there is no unit '999'"),
        ((*ADD, "--until", "2020-01-01"), PASSWORD, 2, "gismap: until: a grant ends today or later"),
        ((*ADD, "--until", "2099-01-01"), PASSWORD, 2, "gismap: until: a grant ends today or later"),
        ((*ADD, "--until", "tomorrow"), PASSWORD, 64, "gismap: Invalid value for '--until'"),
        (("user", "add", "x", "--role", "root"), "", 64, "gismap: Invalid value for '--role'"),
        (("user", "add", "x\u202e", "--role", "viewer", "--no-password"), "", 2, "gismap: username: a username has"),
        (("user", "add", "x", "--name", "a\nb", "--role", "viewer"), "", 2, "gismap: name: a name has 1 to 100"),
        (("user", "password", "nobody", "--password-stdin"), PASSWORD, 2, "gismap: username: there is no account"),
        (("user", "disable", "nobody"), "", 2, "gismap: username: there is no account 'nobody'"),
        (("key", "add", "nobody", "--title", "x", "--days", "0"), "", 64, "gismap: Invalid value for '--days'"),
        (("key", "revoke", "s000000"), "", 2, "gismap: key: there is no key 's000000'"),
    ],
    ids=range(14),
)
def test_mistakes_are_one_line_and_change_nothing(
    gismap: Gismap, engine: Engine, arguments: tuple[str, ...], typed: str, code: int, says: str
) -> None:
    ended, output, errors = gismap(*arguments, typed=typed)
    assert (ended, output, errors.count("\n")) == (code, "", 1)
    assert errors.startswith(says), errors
    assert actions(engine) == []


def test_a_name_that_is_taken_in_other_letters_is_taken(gismap: Gismap) -> None:
    gismap(*ADD, typed=PASSWORD)
    _, _, errors = gismap("user", "add", "ＬＩ．ＮＡ", "--role", "viewer", "--no-password")
    assert errors == "gismap: username: there is an account 'li.na' already\n"


def test_a_key_has_no_role_that_its_account_lacks(gismap: Gismap) -> None:
    gismap("user", "add", "device", "--role", "viewer", "--no-password")
    _, _, errors = gismap("key", "add", "device", "--title", "x", "--days", 1, "--role", "auditor")
    assert errors == "gismap: role: the account is not granted auditor\n"


def test_other_machines_are_not_served_before_somebody_can_sign_in(gismap: Gismap, database: Database) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(GISMAP), "up", "--demo", "none", "--port", str(port)]
    env = {**os.environ, **environment(database), "GISMAP_HOST": "0.0.0.0"}
    gismap("user", "add", "device", "--role", "viewer", "--no-password")  # cannot sign in either
    ended = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "gismap user add NAME --role administrator" in ended.stderr
    gismap(*ADD, typed=PASSWORD)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == f"ready http://127.0.0.1:{port}\n"
        running.terminate()
    assert running.returncode == 0


def test_the_first_user_may_be_made_before_the_first_start(
    server: PrivateServer, gismap: Gismap, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = server.create_database("without_a_schema")
    for name, value in environment(empty).items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    assert gismap(*ADD, typed=PASSWORD)[0] == 0
