"""`gismap up` as a user runs it: a process that gets ready, answers, refuses politely and leaves nothing behind."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from gismap.store.orphans import holds, processes_in
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing

GISMAP = Path(sys.executable).parent / "gismap"
PATIENCE_S = 30.0


class Up:
    """A running `gismap up` without a demo."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir, self.port = data_dir, port
        command = [str(GISMAP), "up", "--demo", "none", "--port", str(port), "--data-dir", str(data_dir)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def first_line(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        assert ready, "nothing was said in time"
        return self.process.stdout.readline().strip()

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def sign_in(self, username: str, headers: dict[str, str]) -> int:
        """The status of an attempt with a wrong password."""
        address = f"http://127.0.0.1:{self.port}"
        request = urllib.request.Request(
            f"{address}/api/session",
            json.dumps({"username": username, "password": "not the password"}).encode(),
            {"Content-Type": "application/json", "Origin": address, **headers},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """The exit code and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


@pytest.fixture()
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gismap-up-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture()
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(data_dir: Path, port: int) -> Iterator[Up]:
    up = Up(data_dir, port)
    try:
        assert up.first_line() == f"ready http://127.0.0.1:{port}"
        yield up
    finally:
        up.process.kill()
        up.process.wait()


def servers_of(data_dir: Path) -> set[int]:
    return processes_in(data_dir / "pg")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_when_it_says_ready_and_ends_with_its_database(
    data_dir: Path, port: int, number: signal.Signals
) -> None:
    with running(data_dir, port) as up:
        assert (up.get("/health"), up.get("/ready")) == (200, 200)
        assert servers_of(data_dir)
        assert up.end(number) == (0, "")
        assert not servers_of(data_dir)


def test_what_was_committed_before_a_kill_is_there_after_the_next_start(data_dir: Path, port: int) -> None:
    with running(data_dir, port):
        engine = make_engine(PrivateServer(data_dir).urls().owner_url)
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO district VALUES (true, '邹城市', 'Zoucheng', false)"))
        engine.dispose()
    # `running` ended with SIGKILL: nobody has stopped the database in its own manner.
    with running(data_dir, port):
        engine = make_engine(PrivateServer(data_dir).urls().owner_url)
        with reading(engine) as connection:
            assert connection.execute(text("SELECT title_zh FROM district")).scalar() == "邹城市"
        engine.dispose()


def test_the_database_is_started_again_when_it_was_killed(data_dir: Path, port: int) -> None:
    with running(data_dir, port) as up:
        postmaster = int((data_dir / "pg" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        assert holds(lambda: up.get("/ready") == 200 and postmaster not in servers_of(data_dir), PATIENCE_S)
        assert "starting it again" in up.end(signal.SIGTERM)[1]


def test_a_port_in_use_is_told_in_one_line_before_anything_is_started(data_dir: Path, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        up = Up(data_dir, port)
        said, complaint = up.process.communicate(timeout=PATIENCE_S)
    assert (up.process.returncode, said) == (2, "")
    assert complaint.count("\n") == 1
    assert f"Port {port}" in complaint and "--port" in complaint
    assert not (data_dir / "pg").exists()


def test_a_demo_that_does_not_exist_is_refused_before_anything_is_started(data_dir: Path) -> None:
    command = [str(GISMAP), "up", "--demo", "nowhere", "--data-dir", str(data_dir)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "gismap: demo: there is no demo district 'nowhere'; there are luodian, yuyang, zoucheng\n"
    assert not any(data_dir.iterdir())


def test_a_data_folder_in_use_is_told_in_one_line(data_dir: Path, port: int) -> None:
    with PrivateServer(data_dir, durable=False):
        up = Up(data_dir, port)
        said, complaint = up.process.communicate(timeout=PATIENCE_S)
        assert (up.process.returncode, said) == (2, "")
        assert complaint.count("\n") == 1
        assert "is in use by another gismap" in complaint and "--data-dir" in complaint


def test_what_a_client_says_of_its_address_is_not_believed(data_dir: Path, port: int) -> None:
    """Else whoever is throttled could go on under another address."""
    with running(data_dir, port) as up:
        for number in range(21):
            status = up.sign_in(f"user-{number}", {"X-Forwarded-For": f"10.0.0.{number}"})
        assert status == 429
        assert up.end(signal.SIGTERM)[0] == 0
