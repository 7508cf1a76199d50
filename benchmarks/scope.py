"""What row-level security costs: the same area search with and without it, over HTTP and as statements alone.

    python -m benchmarks.scope [--demo zoucheng] [--rounds 20] [--connections 4]

One process with the same connections answers the same questions of the same caller; between rounds the role that it
connects as is let past all policies, or not, which PostgreSQL heeds from the next statement on. What is found is the
same, since the service names the caller's territory in its questions, too. Rounds alternate, so that noise meets both
alike.
"""

import argparse
import http.client
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, text

from benchmarks.asking import HALF_BOX_M, SOME_BUILDINGS
from benchmarks.service import Service, serving, viewer_key
from gismap.access.sessions import find_caller
from gismap.access.values import Permission
from gismap.elements.queries import page_statement
from gismap.elements.questions import Question
from gismap.settings import Settings
from gismap.store.area import Box, BoxArea, expanded
from gismap.store.scope import looking_as
from gismap.store.session import make_engine, normalised_url, reading

LEAST_RATE = 0.85
DISTINCT = 100
POLICIES = {
    "none": "ALTER ROLE gismap_service BYPASSRLS",
    "all": "ALTER ROLE gismap_service NOBYPASSRLS",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Questions per second, and milliseconds of the database's CPU for each."""

    per_s: float
    database_ms: float


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="The cost of row-level security")
    parser.add_argument("--demo", default="zoucheng")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=4)
    arguments = parser.parse_args()
    table = Table(title=f"resources in a {2 * HALF_BOX_M} m box, {arguments.demo}, {arguments.rounds * DISTINCT} each")
    for column in ("asked by", "how", "policies", "per s", "CPU database ms", "rate kept", "at least"):
        table.add_column(column, justify="left" if column in ("asked by", "how", "policies") else "right")
    with serving(arguments.demo) as service:
        owner = make_engine(service.urls.owner_url)
        boxes, town = _boxes(owner), _some_town(owner)
        for caller, unit in (("a viewer of the district", None), ("a viewer of one town", town)):
            key = viewer_key(owner, unit)
            ways = {
                f"HTTP, {arguments.connections} connections": _by_http(service, key, boxes, arguments.connections),
                "the statement alone": _by_statement(service, key, boxes),
            }
            for how, ask_all in ways.items():
                measured = _measure(service, ask_all, arguments.rounds)
                for policies, one in measured.items():
                    numbers = (
                        f"{one.per_s:.0f}",
                        f"{one.database_ms:.2f}",
                        f"{one.per_s / measured['none'].per_s:.2f}",
                    )
                    table.add_row(caller, how, policies, *numbers, f"{LEAST_RATE:.2f}")
        owner.dispose()
    Console(width=120).print(table)


def _boxes(owner: Engine) -> list[Box]:
    with reading(owner) as connection:
        places = connection.execute(text(SOME_BUILDINGS), {"number": DISTINCT}).all()
    return [expanded((row.lon, row.lat, row.lon, row.lat), HALF_BOX_M) for row in places]


def _some_town(owner: Engine) -> str:
    with reading(owner) as connection:
        return str(connection.execute(text("SELECT unit_id FROM grid WHERE level = 2 ORDER BY code LIMIT 1")).scalar())


def _measure(service: Service, ask_all: Callable[[], None], rounds: int) -> dict[str, Measured]:
    """What it takes to ask all questions so many times, by which policies hold; the first round only warms up."""
    totals = {name: [0.0, 0.0] for name in POLICIES}
    superuser = create_engine(normalised_url(str(service.urls.superuser_url)))
    for number in range(rounds + 1):
        for name, statement in POLICIES.items():  # the last leaves all policies in force
            with superuser.begin() as connection:
                connection.execute(text(statement))
            before, began = service.cpu_s()[1], time.perf_counter()
            ask_all()
            if number > 0:
                totals[name][0] += time.perf_counter() - began
                totals[name][1] += service.cpu_s()[1] - before
    superuser.dispose()
    asked = rounds * DISTINCT
    return {name: Measured(asked / elapsed, 1000 * cpu / asked) for name, (elapsed, cpu) in totals.items()}


def _by_http(service: Service, key: str, boxes: Sequence[Box], connections: int) -> Callable[[], None]:
    paths = ["/api/resources?" + urlencode({"bbox": ",".join(map(repr, box))}) for box in boxes]
    kept_open = [http.client.HTTPConnection("127.0.0.1", service.port) for _ in range(connections)]

    def request(connection: http.client.HTTPConnection, mine: Sequence[str]) -> None:
        for path in mine:
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != http.HTTPStatus.OK:
                raise RuntimeError(f"{answer.status}: {body[:200]!r}")

    def ask_all() -> None:
        shares = [paths[first::connections] for first in range(connections)]
        threads = [threading.Thread(target=request, args=pair) for pair in zip(kept_open, shares, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return ask_all


def _by_statement(service: Service, key: str, boxes: Sequence[Box]) -> Callable[[], None]:
    engine, today = make_engine(service.urls.service_url), Settings().today()
    caller = find_caller(engine, key, idle_s=3600, today=today)
    assert caller is not None
    limits = caller.limits(Permission.SEE)
    statements = [page_statement(Question(today, [BoxArea(box)], territories=limits)) for box in boxes]

    def ask_all() -> None:
        with reading(looking_as(engine, key)) as connection:
            for statement, params in statements:
                connection.execute(text(statement), params).one()

    return ask_all


if __name__ == "__main__":
    main()
