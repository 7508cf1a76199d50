"""A service of its own for a benchmark: started on a fresh data folder with a demo, measured from outside, ended."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from sqlalchemy import Engine

from gismap.access.accounts import add_account, grant
from gismap.access.sessions import open_session
from gismap.access.values import Role
from gismap.errors import EnvironmentProblemError
from gismap.settings import Settings
from gismap.store.server import DatabaseUrls, PrivateServer
from gismap.store.session import writing

GISMAP = (sys.executable, "-m", "gismap")
LOADING_S = 300
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Service:
    """A running service and its private database."""

    address: str
    port: int
    urls: DatabaseUrls
    pid: int
    ready_s: float
    loaded_s: float

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds used so far by the service, and by the database with all its sessions."""
        return cpu_s(self.pid)


def cpu_s(pid: int) -> tuple[float, float]:
    """CPU seconds used so far by a process with all below it, those of databases apart."""
    others, database = 0.0, 0.0
    for stat in _descendants(pid):
        if stat[0] == "postgres":
            database += _cpu_s(stat)
        else:
            others += _cpu_s(stat)
    return others, database


@contextmanager
def serving(demo: str, data_dir: Path | None = None) -> Iterator[Service]:
    """A service with a loaded demo; in a folder that vanishes with it when `data_dir` is None."""
    with tempfile.TemporaryDirectory(prefix="gismap-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        place = data_dir or Path(folder)
        port = free_port()
        began = time.perf_counter()
        command = [*GISMAP, "up", "--demo", demo, "--port", str(port), "--data-dir", str(place)]
        env = os.environ | {"GISMAP_REQUESTS_PER_S": "0"}  # one caller asks for all
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        try:
            address = _first_line(process)
            ready_s = time.perf_counter() - began
            _wait_until_loaded(address)
            loaded_s = time.perf_counter() - began
            yield Service(address, port, PrivateServer(place).urls(), process.pid, ready_s, loaded_s)
        finally:
            process.terminate()
            process.wait()


def viewer_key(owner: Engine, unit_id: str | None = None) -> str:
    """A key of a viewer of a unit, or of the whole district."""
    with writing(owner) as connection:
        account_id = add_account(connection, f"bench-{unit_id}-{time.time_ns()}", "bench", None, made_by="bench")
        ends_at = datetime.now(UTC) + timedelta(days=1)
        grant(connection, account_id, Role.VIEWER, unit_id, ends_at=ends_at, granted_by="bench")
        token, _ = open_session(connection, account_id, kind="key", seconds=86_400, today=Settings().today())
    return token


def _first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    said = process.stdout.readline()
    match = re.match(r"ready (\S+)", said)
    if match is None:
        raise EnvironmentProblemError(f"the service did not start: {said!r}")
    return match[1]


def _wait_until_loaded(address: str) -> None:
    deadline = time.monotonic() + LOADING_S
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{address}/ready") as answer:
            if orjson.loads(answer.read())["revision"]:
                return
        time.sleep(0.1)
    raise EnvironmentProblemError(f"the demo was not loaded within {LOADING_S} s")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stat(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    return [text[text.index("(") + 1 : text.rindex(")")], *text[text.rindex(")") + 2 :].split()]


def _cpu_s(stat: Sequence[str]) -> float:
    """Of a process and of its children that ended and were waited for."""
    return sum(map(int, stat[12:16])) / TICKS_PER_S


def _descendants(root: int) -> list[list[str]]:
    """The stat of a process and of all below it; each is read once, since sessions of a database come and go."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stats[int(entry.name)] = _stat(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found, fresh = {root}, {root}
    while fresh:
        fresh = {pid for pid, stat in stats.items() if int(stat[2]) in fresh} - found
        found |= fresh
    return [stats[pid] for pid in found if pid in stats]
