"""Lists located: rows per second and memory, on the command line and over HTTP.

    python -m benchmarks.batch [--demo zoucheng] [--rows 1000000] [--over-http 100000]

Positions lie around buildings, one in a hundred anywhere in the district's box. The floor is `csv` alone: the same rows
read and written again by Python without an answer.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.service import Service, serving
from gismap.boundaries.service import district_bounds
from gismap.locating.batch_routes import PATH
from gismap.settings import Settings
from gismap.store.session import make_engine, reading

MEGABYTE = 1e6
HEALTH_EVERY_S, ALONE_S = 0.05, 5.0
AROUND_DEGREES = 3e-4
ANCHORS = "SELECT ST_X(anchor), ST_Y(anchor) FROM element WHERE layer = 'buildings' ORDER BY element_id"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a list took: seconds, the most memory of the process that answered, and what `/health` took meanwhile."""

    title: str
    rows: int
    seconds: float
    peak_mb: float
    health_p99_ms: float | None = None
    health_alone_p99_ms: float | None = None


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Lists located on the command line and over HTTP")
    parser.add_argument("--demo", default="zoucheng")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--over-http", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gismap-bench-list-") as folder, serving(arguments.demo) as service:
        long, short = Path(folder) / "long.csv", Path(folder) / "short.csv"
        _write(service, long, arguments.rows)
        _write(service, short, arguments.over_http)
        measured = [
            _copied(long, arguments.rows),
            _command(service, long, Path(folder) / "out.csv", arguments.rows),
            _over_http(service, short, arguments.over_http, "text/csv"),
            _over_http(service, short, arguments.over_http, "application/json"),
        ]
    _print(arguments.demo, measured)


def _write(service: Service, file: Path, rows: int) -> None:
    """Positions as lists have them: around buildings, one in a hundred anywhere in the district's box."""
    engine = make_engine(service.urls.owner_url)
    with reading(engine) as connection:
        bounds = district_bounds(connection, Settings().today())
        anchors: np.ndarray = np.array(connection.execute(text(ANCHORS)).all())
    engine.dispose()
    assert bounds is not None
    rng = np.random.default_rng(1)
    places = anchors[rng.integers(0, len(anchors), rows)] + rng.normal(0, AROUND_DEGREES, (rows, 2))
    stray = rng.random(rows) < 0.01
    places[stray] = rng.uniform(bounds[:2], bounds[2:], (int(stray.sum()), 2))
    with file.open("w", encoding="utf-8") as out:
        out.write("编号,经度,纬度,说明\n")
        out.writelines(f"{k},{lon:.7f},{lat:.7f},第{k}件\n" for k, (lon, lat) in enumerate(places.tolist()))


def _copied(file: Path, rows: int) -> Measured:
    began = time.perf_counter()
    with file.open(encoding="utf-8", newline="") as source, Path(os.devnull).open("w", encoding="utf-8") as out:
        csv.writer(out).writerows(csv.reader(source))
    return Measured("read and written by csv alone", rows, time.perf_counter() - began, 0.0)


def _command(service: Service, file: Path, out: Path, rows: int) -> Measured:
    command = [sys.executable, "-m", "gismap", "locate", "--file", str(file), "-o", str(out)]
    env = os.environ | {
        "GISMAP_DATABASE_URL": service.urls.service_url,
        "GISMAP_DATABASE_OWNER_URL": service.urls.owner_url,
    }
    began = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise RuntimeError(f"the command ended with {status}")
    return Measured("gismap locate --file", rows, seconds, used.ru_maxrss * 1024 / MEGABYTE)


def _over_http(service: Service, file: Path, rows: int, accept: str) -> Measured:
    headers = {"Content-Type": "text/csv", "Accept": accept}
    request = urllib.request.Request(f"{service.address}{PATH}", file.read_bytes(), headers)
    with _health(service) as alone:
        time.sleep(ALONE_S)
    with _health(service) as latencies:
        began = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            while answer.read(1 << 20):
                pass
        seconds = time.perf_counter() - began
    p99_ms, alone_ms = (float(np.percentile(one, 99)) * 1000 for one in (latencies, alone))
    return Measured(f"POST {PATH} as {accept}", rows, seconds, _peak_mb(service.pid), p99_ms, alone_ms)


@contextmanager
def _health(service: Service) -> Iterator[list[float]]:
    """How long `/health` takes while something else goes on."""
    latencies: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(HEALTH_EVERY_S):
            began = time.perf_counter()
            with urllib.request.urlopen(f"{service.address}/health") as answer:
                answer.read()
            latencies.append(time.perf_counter() - began)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield latencies
    finally:
        over.set()
        thread.join()


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / MEGABYTE


def _print(demo: str, measured: list[Measured]) -> None:
    table = Table(title=f"{demo}: lists located")
    for column in ("how", "rows", "s", "rows/s", "peak MB", "/health p99 ms", "alone"):
        table.add_column(column, justify="left" if column == "how" else "right")
    for one in measured:
        healths = ["" if ms is None else f"{ms:.0f}" for ms in (one.health_p99_ms, one.health_alone_p99_ms)]
        peak = f"{one.peak_mb:,.0f}" if one.peak_mb else ""
        table.add_row(
            one.title, f"{one.rows:,}", f"{one.seconds:.1f}", f"{one.rows / one.seconds:,.0f}", peak, *healths
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
