"""Places told in words beside plain searches of names: recall by form, and latency over a district blown up to size.

    python -m benchmarks.words [--demo zoucheng] [--addresses 200000]

All are asked the same labelled questions (tests/locating/data/words.tsv). The others are what a list of names gives:
the five nearest by trigrams (`pg_trgm`, GiST), and the five likest of all (`rapidfuzz`, in memory). Then copies of
buildings under other names bring the district to so many addresses, and the questions are timed again; CPU is that of
this process and the database together, which holds on a noisy machine.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

import numpy as np
import shapely
from rapidfuzz import fuzz, process
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, text

from benchmarks.labelled import HELD_OUT, Labelled, Score, judge, read_labelled
from benchmarks.service import Service, serving
from gismap.elements.values import BuildingDraft, ElementDraft
from gismap.elements.writing import write_elements
from gismap.locating.gazetteer import refresh_gazetteer
from gismap.locating.service import Question, view_of
from gismap.locating.snapshot import Snapshot
from gismap.locating.wording import locate_text
from gismap.settings import Settings
from gismap.store.maintenance import refresh_statistics
from gismap.store.session import make_engine, reading, writing

Ask = Callable[[Connection, str], dict[str, Any]]

TRIGRAM_INDEX = """
CREATE TABLE plain_name AS
    SELECT coalesce(e.name, '') || ' ' || coalesce(b.address, '') AS words, e.name AS text, e.anchor
    FROM element e LEFT JOIN building b USING (version_id)
    WHERE e.name IS NOT NULL AND upper_inf(e.valid)
    UNION ALL SELECT name, name, anchor FROM grid WHERE upper_inf(valid)
    UNION ALL SELECT name, name, ST_PointOnSurface(geom) FROM street WHERE name IS NOT NULL;
CREATE INDEX plain_name_similar ON plain_name USING gist (words gist_trgm_ops);
ANALYZE plain_name;
"""

NEAREST_BY_TRIGRAMS = """
SELECT text, ST_X(anchor) AS lon, ST_Y(anchor) AS lat FROM plain_name ORDER BY words <-> :question LIMIT 5
"""


ALL_NAMES = "SELECT words, text, ST_X(anchor) AS lon, ST_Y(anchor) AS lat FROM plain_name"


@dataclass(frozen=True, slots=True)
class Timed:
    """What the questions took."""

    p50_ms: float
    p95_ms: float
    cpu_ms: float


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="Locating by words beside trigram search")
    parser.add_argument("--demo", default="zoucheng", choices=["luodian", "yuyang", "zoucheng"])
    parser.add_argument("--addresses", type=int, default=200_000)
    arguments = parser.parse_args()
    questions = read_labelled(HELD_OUT, arguments.demo)
    with serving(arguments.demo) as service:
        owner = make_engine(service.urls.owner_url)
        with writing(owner) as connection:
            connection.execute(text(TRIGRAM_INDEX))
        ways: dict[str, Ask] = {"gismap": InWords(owner), "pg_trgm KNN": trigrams, "rapidfuzz": Likest(owner)}
        recall = {name: _judged(owner, questions, ask) for name, ask in ways.items()}
        timed = {(name, "the demo"): _timed(service, owner, questions, ask) for name, ask in ways.items()}
        held = blow_up(service, owner, arguments.addresses)
        ways["rapidfuzz"] = Likest(owner)
        for name, ask in ways.items():
            timed[name, f"{held:,} addresses"] = _timed(service, owner, questions, ask)
        owner.dispose()
    _print(arguments.demo, questions, recall, timed)


class InWords:
    """The answers of gismap."""

    def __init__(self, engine: Engine) -> None:
        self._today = Settings().today()
        self._view = view_of(Snapshot(engine, lambda: self._today), self._today)

    def __call__(self, connection: Connection, question: str) -> dict[str, Any]:
        asked = Question(0.0, 0.0, "cgcs2000", self._today, words=question)
        return locate_text(connection, self._view, asked, lambda _path: False)


def trigrams(connection: Connection, question: str) -> dict[str, Any]:
    """The five nearest by trigrams; it never asks back and claims nothing."""
    rows = connection.execute(text(NEAREST_BY_TRIGRAMS), {"question": question}).mappings()
    return {"verdict": "matches", "matches": [dict(row) for row in rows]}


class Likest:
    """The five names likest to the question by `partial_ratio`, of all, in memory."""

    def __init__(self, engine: Engine) -> None:
        with reading(engine) as connection:
            self._rows = [dict(row) for row in connection.execute(text(ALL_NAMES)).mappings()]
        self._words = [row["words"] for row in self._rows]

    def __call__(self, _connection: Connection, question: str) -> dict[str, Any]:
        found = process.extract(question, self._words, scorer=fuzz.partial_ratio, limit=5)
        return {"verdict": "matches", "matches": [self._rows[index] for _, _, index in found]}


def _judged(engine: Engine, questions: Sequence[Labelled], ask: Ask) -> dict[str, Score]:
    with reading(engine) as connection:
        return judge(connection, questions, lambda question: ask(connection, question))


def _timed(service: Service, engine: Engine, questions: Sequence[Labelled], ask: Ask) -> Timed:
    shuffled = Random(1).sample(list(questions), len(questions))
    with reading(engine) as connection:
        ask(connection, shuffled[0].question)
        before, own, latencies = service.cpu_s()[1], time.process_time(), []
        for one in shuffled:
            began = time.perf_counter()
            ask(connection, one.question)
            latencies.append(1000 * (time.perf_counter() - began))
        cpu_s = service.cpu_s()[1] - before + time.process_time() - own
    return Timed(
        float(np.percentile(latencies, 50)), float(np.percentile(latencies, 95)), 1000 * cpu_s / len(latencies)
    )


BUILDINGS = """
SELECT ST_X(e.anchor) AS lon, ST_Y(e.anchor) AS lat
FROM element e JOIN building b USING (version_id)
WHERE upper_inf(e.valid) AND e.name ~ '[0-9]号楼$' ORDER BY e.element_id
"""

MADE = ["".join(parts) for parts in product("澄澜霖翊骏睿璟颐琅曦", "湾府郡岸坊墅轩台阁汀", ("苑", "里", "居", "园"))]
"""Names of compounds that no demo makes, each once."""


def blow_up(service: Service, engine: Engine, addresses: int) -> int:
    """Add copies of buildings under other names until there are so many addresses; returns how many there are."""
    with writing(engine) as connection:
        standing = connection.execute(text("SELECT count(*) FROM gazetteer_entry")).scalar_one()
        rows = connection.execute(text(BUILDINGS)).all()
        drafts = []
        for number in range(max(0, addresses - standing)):
            row, compound = rows[number % len(rows)], MADE[number // 60 % len(MADE)]
            name = f"{compound}{'东西南北'[number // 60 // len(MADE) % 4]}区{number % 60 + 1}号楼"
            drafts.append(
                ElementDraft(
                    "buildings", f"copy:{number}", shapely.Point(row.lon, row.lat), category="residential", name=name,
                    building=BuildingDraft(None, 6, 24, "residential"),
                )
            )  # fmt: skip
        write_elements(connection, drafts, source="copies", source_crs="EPSG:4490", since=Settings().today())
        refresh_gazetteer(connection)
        connection.execute(text("DROP TABLE plain_name"))
        connection.execute(text(TRIGRAM_INDEX))
        held = connection.execute(text("SELECT count(*) FROM gazetteer_entry")).scalar_one()
    refresh_statistics(service.urls.owner_url)
    return int(held)


def _print(
    demo: str,
    questions: Sequence[Labelled],
    recall: dict[str, dict[str, Score]],
    timed: dict[tuple[str, str], Timed],
) -> None:
    table = Table(title=f"{demo}: {len(questions)} questions; first match right, one of five right")
    table.add_column("form")
    for name in ("asked", *recall):
        table.add_column(name, justify="right")
    for form in sorted({one.form for one in questions}):
        scores = [by_form[form] for by_form in recall.values()]
        shares = [f"{one.first / one.asked:.2f}  {one.among_five / one.asked:.2f}" for one in scores]
        table.add_row(form, str(scores[0].asked), *shares)
    sums = [_sums(by_form) for by_form in recall.values()]
    totals = (f"{first / asked:.3f}  {five / asked:.3f}" for asked, first, five in sums)
    table.add_row("one place", str(sums[0][0]), *totals)
    latency = Table(title="Time of a question")
    for name in ("by", "over", "p50 ms", "p95 ms", "CPU ms"):
        latency.add_column(name, justify="left" if name in ("by", "over") else "right")
    for (name, over), one in timed.items():
        latency.add_row(name, over, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}", f"{one.cpu_ms:.1f}")
    console = Console(width=120)
    console.print(table)
    console.print(latency)


def _sums(scores: dict[str, Score]) -> tuple[int, int, int]:
    """Questions about one place, and how many were answered by the first match and by one of five."""
    those = [one for form, one in scores.items() if form not in ("ambiguous", "nothing")]
    return sum(o.asked for o in those), sum(o.first for o in those), sum(o.among_five for o in those)


if __name__ == "__main__":
    main()
