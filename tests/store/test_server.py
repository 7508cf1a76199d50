"""The private server, with real processes: what it lets in, what it survives, what it refuses."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from gismap.errors import EnvironmentProblemError
from gismap.store import installation
from gismap.store.fitness import BE_DISCREET, assert_fit
from gismap.store.installation import find_installation, server_user
from gismap.store.orphans import processes_in
from gismap.store.server import DatabaseUrls, DataFolderInUseError, PrivateServer

HOLD = """
import sys
from pathlib import Path
from gismap.store.server import PrivateServer
PrivateServer(Path(sys.argv[1])).start()
print("started", flush=True)
sys.stdin.read()
"""


def ask(url: str | None, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each committed, and return the last one's rows."""
    assert url is not None
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that nobody else may enter, with the rest of a first start that was cut short."""
    folder = tmp_path_factory.mktemp("data")
    folder.chmod(0o700)
    (folder / "pg.new").mkdir()
    (folder / "pg.new" / "PG_VERSION").write_text("15\n")
    return folder


@pytest.fixture(scope="module")
def _fallback() -> Iterator[Path]:
    """Where a server goes that cannot enter the folder above, in place of a folder of the system."""
    place = Path(f"/tmp/gismap-test-places-{os.getpid()}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gismap.store.server.FALLBACK", place)
        yield place
    subprocess.run(["rm", "-rf", str(place)], check=True)


@pytest.fixture()
def private(folder: Path, _fallback: Path) -> Iterator[PrivateServer]:
    """A server of the module's folder, not yet started."""
    server = PrivateServer(folder)
    yield server
    server.stop()


def keep(urls: DatabaseUrls, n: int) -> None:
    """Commit a row that has to survive."""
    ask(urls.owner_url, "CREATE TABLE IF NOT EXISTS kept (n int)", f"INSERT INTO kept VALUES ({n})")


def kept(urls: DatabaseUrls) -> set[int]:
    return {n for (n,) in ask(urls.owner_url, "SELECT n FROM kept")}


def cluster_of(folder: Path) -> Path:
    pointer = folder / "pg-location"
    return (Path(pointer.read_text().strip()) if pointer.exists() else folder) / "pg"


def test_chinese_names_can_be_searched(server: PrivateServer) -> None:
    service = server.urls().service_url
    assert_fit(service)
    assert ask(service, "SELECT cardinality(show_trgm('金林小区')) > 3, similarity('金林小区', '金林小区') = 1") == [
        (True, True)
    ]


def test_a_database_that_sees_no_chinese_is_refused_with_the_remedy(server: PrivateServer) -> None:
    ask(server.urls("postgres").superuser_url, "CREATE DATABASE blind TEMPLATE template0 LC_CTYPE 'C'")
    urls = server.urls("blind")
    with pytest.raises(EnvironmentProblemError, match="CREATE EXTENSION postgis; CREATE EXTENSION pg_trgm;"):
        assert_fit(urls.service_url)
    ask(urls.superuser_url, *(f"CREATE EXTENSION {name}" for name in installation.EXTENSIONS))
    with pytest.raises(EnvironmentProblemError, match=r"LC_CTYPE 'C\.UTF-8'"):
        assert_fit(urls.service_url)


def test_a_server_that_shows_or_logs_what_the_service_asks_is_refused_with_the_remedy(server: PrivateServer) -> None:
    urls = server.urls()
    for setting in (
        "track_activities = on",
        "log_min_error_statement = error",
        "log_min_messages = warning",
        "log_statement = 'all'",
        "log_min_duration_statement = 1000",
    ):
        ask(urls.superuser_url, f"ALTER ROLE gismap_service SET {setting}")
        with pytest.raises(EnvironmentProblemError, match="ALTER ROLE gismap_service SET track_activities = off"):
            assert_fit(urls.service_url)
        ask(urls.superuser_url, *BE_DISCREET)
    assert_fit(urls.service_url)


def test_the_service_owns_nothing_and_the_owner_is_no_superuser(server: PrivateServer) -> None:
    urls = server.urls()
    roles = ask(
        urls.service_url, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'gismap%' AND (rolsuper OR rolbypassrls)"
    )
    owners = ask(urls.service_url, "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'gismap'")
    assert roles == []
    assert owners == [("gismap", "gismap_owner")]
    assert ask(urls.service_url, "SELECT FROM pg_class WHERE relowner = 'gismap_service'::regrole") == []


def test_only_the_kernel_s_word_for_a_user_on_a_closed_socket_opens_the_database(server: PrivateServer) -> None:
    url = server.urls().superuser_url
    rules = ask(url, "SELECT type, auth_method FROM pg_hba_file_rules")
    (listens,), (sockets,) = ask(url, "SHOW listen_addresses")[0], ask(url, "SHOW unix_socket_directories")[0]
    assert (rules, listens) == ([("local", "peer")], "")
    assert Path(sockets).stat().st_mode & 0o077 == 0


def test_a_cluster_lies_where_its_server_can_reach_it(private: PrivateServer, folder: Path) -> None:
    assert_fit(private.start().service_url)
    assert (folder / "pg-location").exists() == (os.geteuid() == 0), "root's server cannot enter a private folder"


def test_a_folder_in_use_is_refused_in_one_line_that_names_the_holder(private: PrivateServer, folder: Path) -> None:
    urls = private.start()
    keep(urls, 1)
    with pytest.raises(DataFolderInUseError) as refused:
        PrivateServer(folder).start()
    assert f"(process {os.getpid()})" in refused.value.detail
    assert "\n" not in refused.value.detail
    assert 1 in kept(urls), "the holder goes on"


def test_nothing_is_lost_and_nothing_left_when_the_holder_is_killed(private: PrivateServer, folder: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(folder)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "started\n"
    keep(private.urls(), 2)
    holder.kill()
    holder.wait()
    assert 2 in kept(private.start())


def test_a_killed_database_server_comes_back_with_its_data(private: PrivateServer, folder: Path) -> None:
    urls = private.start()
    keep(urls, 3)
    os.kill(int((cluster_of(folder) / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    private.wait()
    private.stop()
    private.start()
    assert 3 in kept(urls)


def test_a_server_that_outlived_its_holder_is_ended_first(private: PrivateServer, folder: Path) -> None:
    private.start()
    private.stop()
    cluster, user = cluster_of(folder), server_user()
    start = [str(find_installation().bin / "pg_ctl"), "start", "-w", "-D", str(cluster), "-l", "/dev/null"]
    start += ["-o", f"-k {cluster} -c listen_addresses=''"]
    subprocess.run(start, check=True, cwd="/", stdout=subprocess.DEVNULL, **user.switch)
    outlived = processes_in(cluster)
    assert outlived
    private.start()
    assert not outlived & processes_in(cluster)


def test_a_stale_pid_file_that_names_another_process_does_not_stop_the_start(
    private: PrivateServer, folder: Path
) -> None:
    keep(private.start(), 4)
    private.stop()
    record = cluster_of(folder) / "postmaster.pid"
    record.write_text(f"{os.getppid()}\n{cluster_of(folder)}\n0\n5432\n/tmp\n\n  0 0\n")
    os.chown(record, server_user().uid, server_user().gid)
    assert 4 in kept(private.start())


def test_after_a_stop_no_process_is_left(private: PrivateServer, folder: Path) -> None:
    private.start()
    private.stop()
    assert processes_in(cluster_of(folder)) == set()
    assert not (cluster_of(folder) / "postmaster.pid").exists()


def test_a_copy_of_a_database_is_independent(server: PrivateServer) -> None:
    first = server.create_database("first")
    ask(first.owner_url, "CREATE TABLE t AS SELECT 1 AS n")
    second = server.create_database("second", "first")
    ask(second.owner_url, "UPDATE t SET n = 2")
    assert ask(first.owner_url, "SELECT n FROM t") == [(1,)]


def test_a_machine_without_postgis_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installation, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblemError, match="apt-get install postgresql-15 postgresql-15-postgis-3"):
        find_installation()
