"""Locating a point over HTTP beside an endpoint that returns a constant, tipg and pygeoapi, in one run.

    python -m benchmarks.locating_http [--workers 1 2] [--requests 2000] [--rounds 5] [--peers VENV] [--data-dir DIR]

The constant comes from the same process after the same checks of the same key. The contestants take turns; what counts
is the median of their rounds. CPU of a request is that of the service and of the database while it was asked, without
the client; on a busy machine the share of the constant's CPU is the steadier one.
Each of several workers has a port of its own and as many connections, as behind a proxy that spreads them evenly.
VENV is an environment with the peers (`benchmarks.peers`).
"""

import argparse
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from urllib.parse import urlencode

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks import constant, peers
from benchmarks.asking import SOME_BUILDINGS
from benchmarks.service import Service, cpu_s, serving, viewer_key
from gismap.boundaries.service import district_bounds
from gismap.settings import Settings
from gismap.store.session import make_engine, reading

DISTINCT = 200
CONNECTIONS = 4
"""To each worker."""

CHECKED = 20
"""Points at which the peers must name the grid that we name."""

Places = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who is asked: at which ports, by which requests, and the processes whose CPU it takes."""

    name: str
    ports: Sequence[int]
    requests: Sequence[bytes]
    pids: Sequence[int]
    is_peer: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What a round took; CPU of a request, service and database apart."""

    per_s: float
    p50_ms: float
    p99_ms: float
    service_ms: float
    database_ms: float

    @property
    def cpu_ms(self) -> float:
        """CPU of a request, all in all."""
        return self.service_ms + self.database_ms


def main() -> None:
    """Measure and print the table."""
    arguments = _arguments()
    with serving(arguments.demo, arguments.data_dir) as service, ExitStack() as stack:
        owner = make_engine(service.urls.owner_url)
        key = viewer_key(owner)
        with reading(owner) as connection:
            rows = connection.execute(text(SOME_BUILDINGS), {"number": DISTINCT})
            places = [(row.lon, row.lat) for row in rows]
            bounds = district_bounds(connection, Settings().today())
        assert bounds is not None
        anywhere = _anywhere(bounds)
        contestants = []
        for number in arguments.workers:
            ports, pids = stack.enter_context(_workers(service, number))
            named = f"{number} worker{'s' if number > 1 else ''}"
            for title, paths in (
                ("a constant", [constant.PATH]),
                ("locate where people live", [_path(*place) for place in places]),
                ("locate anywhere in the district's box", [_path(*place) for place in anywhere]),
            ):
                contestants.append(Contestant(f"{title}, {named}", ports, _requests(paths, key), pids))
        if arguments.peers is None:
            print("no peers: name an environment that has them with --peers")
        else:
            contestants += _peers(stack, service, arguments.peers, places, contestants[1])
        owner.dispose()
        _print(arguments, contestants, _measure(service, contestants, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Locating over HTTP beside a constant and peers")
    parser.add_argument("--demo", default="zoucheng")
    parser.add_argument("--data-dir", type=Path, help="kept, so that a second run need not load the demo")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--requests", type=int, default=2000, help="in a round; peers are asked a tenth")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="an environment with tipg and pygeoapi")
    return parser.parse_args()


def _anywhere(bounds: tuple[float, float, float, float]) -> Places:
    rng, (west, south, east, north) = Random(1), bounds
    return [(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(DISTINCT)]


def _path(lon: float, lat: float) -> str:
    return "/api/locate?" + urlencode({"x": lon, "y": lat})


def _requests(paths: Sequence[str], key: str | None = None) -> list[bytes]:
    signed = f"Authorization: Bearer {key}\r\n" if key else ""
    return [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{signed}\r\n".encode() for path in paths]


@contextmanager
def _workers(service: Service, number: int) -> Iterator[tuple[list[int], list[int]]]:
    """Processes that serve the application with the constant: their ports and ids."""
    env = os.environ | {"GISMAP_DATABASE_URL": service.urls.service_url, "GISMAP_REQUESTS_PER_S": "1000000"}
    command = [sys.executable, "-m", "benchmarks.constant"]
    processes = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(number)]
    try:
        yield [int(one.stdout.readline()) for one in processes if one.stdout], [one.pid for one in processes]
    finally:
        for one in processes:
            one.terminate()
        for one in processes:
            one.wait()


def _peers(stack: ExitStack, service: Service, environment: Path, places: Places, ours: Contestant) -> list[Contestant]:
    """The peers as contestants, once they have named the grids that we name."""
    owner = make_engine(service.urls.owner_url)
    stack.callback(owner.dispose)
    stack.enter_context(peers.peer_table(owner, Settings().today()))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    running = [
        stack.enter_context(peers.tipg(environment, service.urls.owner_url)),
        stack.enter_context(peers.pygeoapi(environment, service.urls.owner_url, folder)),
    ]
    expected = [_asked(ours.ports[0], request)["grid"]["code"] for request in ours.requests[:CHECKED]]
    contestants = []
    for peer, (how, path) in [(one, way) for one in running for way in one.paths.items()]:
        requests = _requests([path(*place) for place in places])
        for request, code in zip(requests[:CHECKED], expected, strict=False):
            found = {feature["properties"]["code"] for feature in _asked(peer.port, request)["features"]}
            if code not in found:
                raise RuntimeError(f"{peer.name} answers {found}, we {code}")
        contestants.append(Contestant(f"{peer.name}, {how}", [peer.port], requests, [peer.pid], is_peer=True))
    return contestants


def _asked(port: int, request: bytes) -> Any:
    """One answer, by itself."""
    answers: list[bytes] = []
    _ask([port], [request], 1, 1, answers.append)
    return orjson.loads(answers[0].partition(b"\r\n\r\n")[2])


def _measure(service: Service, contestants: Sequence[Contestant], arguments: argparse.Namespace) -> list[Measured]:
    rounds: list[list[Measured]] = [[] for _ in contestants]
    for one in contestants:
        _ask(one.ports, one.requests, max(len(one.requests), 50), CONNECTIONS)  # warm
    for turn in range(arguments.rounds):
        for number, one in enumerate(contestants):
            share = max(arguments.requests // 10, 100) if one.is_peer else arguments.requests
            rounds[number].append(_round(service, one, share))
        load = os.getloadavg()[0]
        print(f"round {turn + 1} of {arguments.rounds}, load {load:.1f}", flush=True)
    return [_middle(each) for each in rounds]


def _middle(rounds: Sequence[Measured]) -> Measured:
    return Measured(*(median(getattr(one, name) for one in rounds) for name in Measured.__slots__))


def _round(service: Service, one: Contestant, requests: int) -> Measured:
    before = [*map(cpu_s, one.pids), service.cpu_s()]
    began = time.perf_counter()
    latencies = _ask(one.ports, one.requests, requests, CONNECTIONS)
    elapsed = time.perf_counter() - began
    after = [*map(cpu_s, one.pids), service.cpu_s()]
    own = sum(end[0] - start[0] for start, end in zip(before[:-1], after[:-1], strict=True))
    database = after[-1][1] - before[-1][1]
    each_ms = 1000 / len(latencies)
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    return Measured(len(latencies) / elapsed, float(p50), float(p99), own * each_ms, database * each_ms)


def _ask(
    ports: Sequence[int],
    requests: Sequence[bytes],
    number: int,
    connections: int,
    look: Callable[[bytes], object] = len,
) -> list[float]:
    """Seconds until each answer, with so many connections to each port, each with one question at a time.

    One thread and plain sockets: a client that costs as little as can be, so that it is the services that are measured.
    """
    selector, asked = selectors.DefaultSelector(), 0
    latencies: list[float] = []
    for port in [port for port in ports for _ in range(connections)][:number]:
        opened = socket.create_connection(("127.0.0.1", port))
        opened.sendall(requests[asked % len(requests)])
        selector.register(opened, selectors.EVENT_READ, [time.perf_counter(), b""])
        asked += 1
    while len(latencies) < number:
        for ready, _ in selector.select():
            connection, state = ready.fileobj, ready.data
            assert isinstance(connection, socket.socket)
            state[1] += (received := connection.recv(65536))
            if not received:
                raise RuntimeError(f"the connection ended after {state[1][:200]!r}")
            if not _is_whole(state[1]):
                continue
            if not state[1].startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")):  # outside a ragged district may be too far
                raise RuntimeError(state[1][:500].decode(errors="replace"))
            latencies.append(time.perf_counter() - state[0])
            look(state[1])
            if asked < number:
                connection.sendall(requests[asked % len(requests)])
                state[:] = time.perf_counter(), b""
                asked += 1
    for ready in list(selector.get_map().values()):
        ready.fileobj.close()  # type: ignore[union-attr]
    return latencies


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        return answer.endswith(b"0\r\n\r\n")  # in chunks
    return len(body) >= int(lower[at + 15 :].split(b"\r\n", 1)[0])


def _print(arguments: argparse.Namespace, contestants: Sequence[Contestant], rows: Sequence[Measured]) -> None:
    table = Table(title=f"{arguments.demo}, {arguments.requests} requests in each of {arguments.rounds} rounds")
    columns = ("asked", "per s", "of constant", "by CPU", "p50 ms", "p99 ms", "service ms", "database ms", "times ours")
    for column in columns:
        table.add_column(column, justify="left" if column == "asked" else "right")
    floor, ours = rows[0], rows[1]
    for one, row in zip(contestants, rows, strict=True):
        floor = row if one.name.startswith("a constant") else floor
        shares = (f"{row.per_s:,.0f}", f"{row.per_s / floor.per_s:.0%}", f"{floor.cpu_ms / row.cpu_ms:.0%}")
        numbers = (*shares, f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}")
        cpu = (f"{row.service_ms:.3f}", f"{row.database_ms:.3f}", f"{row.cpu_ms / ours.cpu_ms:.1f}")
        table.add_row(one.name, *numbers, *cpu)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
