"""What row-level security costs: the same area search with and without it, over HTTP and as statements alone.

    python -m benchmarks.scope [--demo zoucheng] [--rounds 20] [--connections 4]

Over HTTP one process with the same connections answers the same requests of the same caller; between rounds the role
that it connects as is let past all policies, or not, which PostgreSQL heeds from the next statement on. As statements,
each is sent by the owner, who has no policies, and by callers in turn. Rounds alternate, so that noise meets all alike.
"""

import argparse
import http.client
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, create_engine, text

from benchmarks.asking import HALF_BOX_M, SOME_BUILDINGS
from benchmarks.service import Service, serving, viewer_key
from gismap.elements.queries import page_statement
from gismap.elements.questions import Filter, Question
from gismap.settings import Settings
from gismap.store.area import Box, BoxArea, expanded
from gismap.store.scope import looking_as
from gismap.store.session import make_engine, normalised_url, reading

LIMIT, LEAST_RATE = 1.15, 0.85
DISTINCT = 100
PAST_POLICIES = {True: "ALTER ROLE gismap_service BYPASSRLS", False: "ALTER ROLE gismap_service NOBYPASSRLS"}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="The cost of row-level security")
    parser.add_argument("--demo", default="zoucheng")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=4)
    arguments = parser.parse_args()
    with serving(arguments.demo) as service:
        owner, api = make_engine(service.urls.owner_url), make_engine(service.urls.service_url)
        boxes = _boxes(owner)
        callers = {
            "a viewer of the district": viewer_key(owner),
            "a viewer of one town": viewer_key(owner, _some_town(owner)),
        }
        rates = {
            name: _over_http(service, key, boxes, arguments.rounds, arguments.connections)
            for name, key in callers.items()
        }
        eyes = {
            "the owner, without row-level security": owner,
            **{name: looking_as(api, key) for name, key in callers.items()},
        }
        ms = _measure(service, list(eyes.values()), [_question(box) for box in boxes], arguments.rounds)
        owner.dispose()
        api.dispose()
    title = f"resources in a {2 * HALF_BOX_M} m box, {arguments.demo}, {arguments.rounds * DISTINCT} each"
    _print_rates(f"{title}, over HTTP by {arguments.connections} connections", rates)
    table = Table(title=f"{title}, the statement alone")
    for column in ("asked by", "ms", "CPU database ms", "ratio", "limit"):
        table.add_column(column, justify="left" if column == "asked by" else "right")
    for name, (elapsed, cpu) in zip(eyes, ms, strict=True):
        table.add_row(name, f"{elapsed:.2f}", f"{cpu:.2f}", f"{cpu / ms[0][1]:.2f}", f"{LIMIT:.2f}")
    Console(width=110).print(table)


def _print_rates(title: str, rates: dict[str, dict[bool, tuple[float, float]]]) -> None:
    table = Table(title=title)
    for column in ("asked by", "policies", "per s", "CPU database ms", "rate kept", "at least"):
        table.add_column(column, justify="left" if column in ("asked by", "policies") else "right")
    for name, one in rates.items():
        for bypassed in (True, False):
            per_s, cpu = one[bypassed]
            kept = f"{per_s / one[True][0]:.2f}"
            table.add_row(name, "none" if bypassed else "all", f"{per_s:.0f}", f"{cpu:.2f}", kept, f"{LEAST_RATE:.2f}")
    Console(width=110).print(table)


def _boxes(owner: Engine) -> list[Box]:
    with reading(owner) as connection:
        places = connection.execute(text(SOME_BUILDINGS), {"number": DISTINCT}).all()
    return [expanded((row.lon, row.lat, row.lon, row.lat), HALF_BOX_M) for row in places]


def _question(box: Box) -> Question:
    return Question(Settings().today(), [BoxArea(box)], Filter())


def _measure(
    service: Service, eyes: Sequence[Engine], questions: Sequence[Question], rounds: int
) -> list[tuple[float, float]]:
    """Milliseconds of time and of database CPU per statement, for each pair of eyes."""
    totals = [[0.0, 0.0] for _ in eyes]
    for _ in range(rounds):
        for number, engine in enumerate(eyes):
            before = service.cpu_s()[1]
            began = time.perf_counter()
            with reading(engine) as connection:
                for question in questions:
                    _ask(connection, question)
            totals[number][0] += time.perf_counter() - began
            totals[number][1] += service.cpu_s()[1] - before
    each_ms = 1000 / (rounds * len(questions))
    return [(elapsed * each_ms, cpu * each_ms) for elapsed, cpu in totals]


def _over_http(
    service: Service, key: str, boxes: Sequence[Box], rounds: int, connections: int
) -> dict[bool, tuple[float, float]]:
    """Requests per second and milliseconds of database CPU per request: by whether policies are bypassed."""
    paths = ["/api/resources?" + urlencode({"bbox": ",".join(map(repr, box))}) for box in boxes]
    open_connections = [http.client.HTTPConnection("127.0.0.1", service.port) for _ in range(connections)]
    totals = {True: [0.0, 0.0], False: [0.0, 0.0]}
    superuser = create_engine(normalised_url(str(service.urls.superuser_url)))
    try:
        for number in range(-2, 2 * rounds):  # the first two only warm up
            bypassed = number % 2 == 0
            with superuser.begin() as connection:
                connection.execute(text(PAST_POLICIES[bypassed]))
            before, began = service.cpu_s()[1], time.perf_counter()
            _request_all(open_connections, paths, key)
            if number >= 0:
                totals[bypassed][0] += time.perf_counter() - began
                totals[bypassed][1] += service.cpu_s()[1] - before
    finally:
        with superuser.begin() as connection:
            connection.execute(text(PAST_POLICIES[False]))
        superuser.dispose()
    asked = rounds * len(paths)
    return {bypassed: (asked / elapsed, 1000 * cpu / asked) for bypassed, (elapsed, cpu) in totals.items()}


def _request_all(connections: Sequence[http.client.HTTPConnection], paths: Sequence[str], key: str) -> None:
    def request(connection: http.client.HTTPConnection, mine: Sequence[str]) -> None:
        for path in mine:
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != http.HTTPStatus.OK:
                raise RuntimeError(f"{answer.status}: {body[:200]!r}")

    shares = [paths[first :: len(connections)] for first in range(len(connections))]
    threads = [threading.Thread(target=request, args=pair) for pair in zip(connections, shares, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask(connection: Connection, question: Question) -> None:
    statement, params = page_statement(question)
    connection.execute(text(statement), params).one()


def _some_town(owner: Engine) -> str:
    with reading(owner) as connection:
        return str(connection.execute(text("SELECT unit_id FROM grid WHERE level = 2 ORDER BY code LIMIT 1")).scalar())


if __name__ == "__main__":
    main()
