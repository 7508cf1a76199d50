"""Area search and locating over HTTP beside the same SQL in pgbench: requests/s, latency and CPU per request.

    python -m benchmarks.asking [--demo zoucheng] [--requests 3000] [--connections 4]

The same questions, in the same order, go to the service and, as the very statements that it would send, to the
database. `pgbench` is the floor: no HTTP, no Python, one statement after the other.
"""

import argparse
import http.client
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import numpy as np
from rich.console import Console
from rich.table import Table
from sqlalchemy import Dialect, make_url, text

from benchmarks.service import Service, serving, viewer_key
from gismap.boundaries.service import district_bounds
from gismap.elements.queries import page_statement
from gismap.elements.questions import Filter, Question
from gismap.settings import Settings
from gismap.store.area import BoxArea, expanded
from gismap.store.installation import find_installation
from gismap.store.session import make_engine, reading

HALF_BOX_M = 250
DISTINCT = 100
"""So many different questions; pgbench takes a file for each."""


SOME_BUILDINGS = """
SELECT ST_X(anchor) AS lon, ST_Y(anchor) AS lat FROM element
WHERE layer = 'buildings' ORDER BY md5(element_id) LIMIT :number
"""


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of question: paths to request, and the statements behind them."""

    title: str
    paths: Sequence[str]
    statements: Sequence[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took."""

    per_s: float
    p50_ms: float
    p99_ms: float
    service_ms: float
    database_ms: float


def main() -> None:
    """Measure and print the table."""
    arguments = _arguments()
    with serving(arguments.demo) as service:
        rows = []
        for work in _works(service):
            over_http = _http(service, work.paths, arguments.requests, arguments.connections)
            rows.append((work.title, "HTTP", over_http))
            if work.statements:
                floor = _pgbench(service, work.statements, arguments.requests, arguments.connections)
                rows.append((work.title, "pgbench, same SQL", floor))
        constant = _http(service, ["/health"], arguments.requests, arguments.connections)
        rows.append(("an endpoint that returns a constant", "HTTP", constant))
    _print(arguments, rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Area search and locating over HTTP beside pgbench")
    parser.add_argument("--demo", default="zoucheng")
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=4)
    return parser.parse_args()


def _works(service: Service) -> list[Work]:
    engine, today = make_engine(service.urls.owner_url), Settings().today()
    with reading(engine) as connection:
        bounds = district_bounds(connection, today)
        assert bounds is not None
        anchors = connection.execute(text(SOME_BUILDINGS), {"number": DISTINCT})
        places = [(row.lon, row.lat) for row in anchors]
        literal = _literal(connection.connection.driver_connection, engine.dialect)
    engine.dispose()
    boxes = [expanded((lon, lat, lon, lat), HALF_BOX_M) for lon, lat in places]
    rng = Random(1)
    west, south, east, north = bounds
    points = [(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(DISTINCT)]
    return [
        Work(
            f"resources in a {2 * HALF_BOX_M} m box, limit 100",
            ["/api/resources?" + urlencode({"bbox": ",".join(map(repr, box))}) for box in boxes],
            [literal(*page_statement(Question(today, [BoxArea(box)], Filter()))) for box in boxes],
        ),
        _locating("locate where people live", places),
        _locating("locate anywhere in the district's box", points),
    ]


def _locating(title: str, points: Sequence[tuple[float, float]]) -> Work:
    """Answered from memory: there is no SQL to compare with, but the endpoint that returns a constant."""
    return Work(title, ["/api/locate?" + urlencode({"x": lon, "y": lat}) for lon, lat in points], [])


def _literal(connection: Any, dialect: Dialect) -> Callable[..., str]:
    """Statements with their parameters written into them, as psycopg2 sends them."""
    cursor = connection.cursor()

    def literal(statement: str, params: dict[str, object]) -> str:
        compiled = text(statement).compile(dialect=dialect)
        return str(cursor.mogrify(str(compiled), params).decode())

    return literal


def _http(service: Service, paths: Sequence[str], requests: int, connections: int) -> Measured:
    _ask(service, paths, len(paths), connections)  # warm
    before = service.cpu_s()
    began = time.perf_counter()
    latencies = _ask(service, paths, requests, connections)
    elapsed = time.perf_counter() - began
    return _measured(latencies, elapsed, before, service.cpu_s())


def _ask(service: Service, paths: Sequence[str], requests: int, connections: int) -> list[float]:
    latencies: list[float] = []

    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        for number in range(first, requests, connections):
            began = time.perf_counter()
            connection.request("GET", paths[number % len(paths)])
            answer = connection.getresponse()
            body = answer.read()
            latencies.append(time.perf_counter() - began)
            if answer.status not in (200, 400):  # far outside of a ragged district a point may be refused
                raise RuntimeError(f"{answer.status}: {body[:200]!r}")

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies


def _pgbench(service: Service, statements: Sequence[str], requests: int, connections: int) -> Measured:
    installation = find_installation()
    owner = make_engine(service.urls.owner_url)
    eyes = f"SELECT set_config('gismap.session', '{viewer_key(owner)}', true)"
    owner.dispose()
    url = make_url(service.urls.service_url)
    with tempfile.TemporaryDirectory() as folder:
        command = [str(installation.bin / "pgbench"), "-n", "-r", "-c", str(connections), "-j", "1", "-l"]
        command += ["-t", str(requests // connections), "--log-prefix", str(Path(folder) / "log")]
        for number, statement in enumerate(statements):
            file = Path(folder) / f"{number}.sql"
            # One round trip and one transaction, as the service sends it: whose eyes, and the question.
            file.write_text(f"{eyes} \\; {' '.join(statement.split())}\n")
            command += ["-f", str(file)]
        command += ["-h", str(url.query["host"]), "-U", str(url.username), str(url.database)]
        before = service.cpu_s()
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        elapsed = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(done.stderr)
        logs = [file.read_text() for file in Path(folder).glob("log*")]
    latencies = [int(line.split()[2]) / 1e6 for log in logs for line in log.splitlines()]
    return _measured(latencies, elapsed, before, service.cpu_s())


def _measured(
    latencies: Sequence[float], elapsed: float, before: tuple[float, float], after: tuple[float, float]
) -> Measured:
    each_ms = 1000 / len(latencies)
    return Measured(
        len(latencies) / elapsed,
        float(np.percentile(latencies, 50)) * 1000,
        float(np.percentile(latencies, 99)) * 1000,
        (after[0] - before[0]) * each_ms,
        (after[1] - before[1]) * each_ms,
    )


def _print(arguments: argparse.Namespace, rows: Sequence[tuple[str, str, Measured]]) -> None:
    table = Table(title=f"{arguments.demo}, {arguments.connections} connections, {arguments.requests} requests each")
    for column in ("question", "asked by", "per s", "p50 ms", "p99 ms", "CPU service ms", "CPU database ms"):
        table.add_column(column, justify="left" if column in ("question", "asked by") else "right")
    for title, how, one in rows:
        numbers = (f"{one.per_s:,.0f}", f"{one.p50_ms:.2f}", f"{one.p99_ms:.2f}")
        table.add_row(title, how, *numbers, f"{one.service_ms:.2f}", f"{one.database_ms:.2f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
