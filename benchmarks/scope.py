"""What row-level security costs: the same area search by the owner, who has none, and by callers of the service.

    python -m benchmarks.scope [--demo zoucheng] [--rounds 20]

Every statement is sent by each in turn, so that noise meets all alike; times are of the statement alone, and the ratio
is of CPU of the database.
"""

import argparse
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, text

from benchmarks.asking import HALF_BOX_M, SOME_BUILDINGS
from benchmarks.service import Service, serving, viewer_key
from gismap.elements.queries import page_statement
from gismap.elements.questions import Filter, Question
from gismap.settings import Settings
from gismap.store.area import BoxArea, expanded
from gismap.store.scope import looking_as
from gismap.store.session import make_engine, reading

LIMIT = 1.15
DISTINCT = 100


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="The cost of row-level security")
    parser.add_argument("--demo", default="zoucheng")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    with serving(arguments.demo) as service:
        owner, api = make_engine(service.urls.owner_url), make_engine(service.urls.service_url)
        eyes = {
            "the owner, without row-level security": owner,
            "a viewer of the district": looking_as(api, viewer_key(owner)),
            "a viewer of one town": looking_as(api, viewer_key(owner, _some_town(owner))),
        }
        ms = _measure(service, list(eyes.values()), _questions(owner), arguments.rounds)
        owner.dispose()
        api.dispose()
    table = Table(title=f"resources in a {2 * HALF_BOX_M} m box, {arguments.demo}, {arguments.rounds * DISTINCT} each")
    for column in ("asked by", "ms", "CPU database ms", "ratio", "limit"):
        table.add_column(column, justify="left" if column == "asked by" else "right")
    for name, (elapsed, cpu) in zip(eyes, ms, strict=True):
        table.add_row(name, f"{elapsed:.2f}", f"{cpu:.2f}", f"{cpu / ms[0][1]:.2f}", f"{LIMIT:.2f}")
    Console(width=110).print(table)


def _questions(owner: Engine) -> list[Question]:
    today = Settings().today()
    with reading(owner) as connection:
        places = connection.execute(text(SOME_BUILDINGS), {"number": DISTINCT}).all()
    boxes = [BoxArea(expanded((row.lon, row.lat, row.lon, row.lat), HALF_BOX_M)) for row in places]
    return [Question(today, [box], Filter()) for box in boxes]


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


def _ask(connection: Connection, question: Question) -> None:
    statement, params = page_statement(question)
    connection.execute(text(statement), params).one()


def _some_town(owner: Engine) -> str:
    with reading(owner) as connection:
        return str(connection.execute(text("SELECT unit_id FROM grid WHERE level = 2 ORDER BY code LIMIT 1")).scalar())


if __name__ == "__main__":
    main()
