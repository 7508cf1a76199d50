"""Labelled questions in words: reads the sets, finds out from the plain tables what is meant, and judges answers.

Nothing of the gazetteer is used here, so that it cannot vouch for itself.
"""

import csv
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import Connection, text

DATA = Path(__file__).parents[1] / "tests" / "locating" / "data"
HELD_OUT, TUNING = DATA / "words.tsv", DATA / "words_tuning.tsv"

NEAR_M = 40.0
"""A match this close to where it should be is right, whatever it is called."""

CLAIMING = ("certain", "boundary", "override", "disputed")
Match = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question, where it comes from, what sort it is, and the place that it means."""

    source: str
    form: str
    question: str
    expected: str


@dataclass(slots=True)
class Score:
    """How many of a form's questions were answered rightly."""

    asked: int = 0
    first: int = 0
    among_five: int = 0
    claimed_wrongly: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)


def read_labelled(path: Path, source: str) -> list[Labelled]:
    """The questions of one source."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Labelled(**row) for row in rows if row["source"] == source]


def judge(
    connection: Connection, questions: Iterable[Labelled], ask: Callable[[str], dict[str, Any]]
) -> dict[str, Score]:
    """Ask every question and count right answers by form; the answer is right where its first match is.

    Of `ambiguous` questions it is right to ask; of `nothing` it is right to claim nothing.
    """
    scores: dict[str, Score] = defaultdict(Score)
    for one in questions:
        answer = ask(one.question)
        matches, claims = answer["matches"], answer["verdict"] in CLAIMING
        score = scores[one.form]
        score.asked += 1
        if one.expected == "nothing":
            first = among_five = not claims
        else:
            truth = Truth(connection, one.expected)
            right = [truth.is_met_by(match) for match in matches[:5]]
            among_five = any(right)
            asks = one.form == "ambiguous" and answer["verdict"] == "ask"
            first = asks or right[:1] == [True]
        score.first += first
        score.among_five += among_five
        score.claimed_wrongly += claims and not first
        if not first:
            score.wrong.append((one.question, one.expected, matches[0]["text"] if matches else answer["verdict"]))
    return dict(scores)


class Truth:
    """Where a question should lead; the tables are asked only for matches that are not called as expected."""

    def __init__(self, connection: Connection, expected: str) -> None:
        self._connection = connection
        self._kind, _, self._name = expected.partition(":")
        self._places: list[tuple[float, float]] | None = None

    def is_met_by(self, match: Match) -> bool:
        """Whether a match is the expected place: by its name, or because it lies there."""
        called = self._name.replace("|", "") + "号" if self._kind == "door" else self._name
        if match["text"] == called:
            return True
        if self._places is None:
            self._places = self._find()
        return any(_metres(match, *place) <= NEAR_M for place in self._places)

    def _find(self) -> list[tuple[float, float]]:
        if self._kind == "compound":
            return []
        if self._kind == "crossing":
            return _crossing(self._connection, self._name)
        statement, params = UNIT if self._kind == "unit" else ELEMENT, {"name": self._name}
        if self._kind == "door":
            street, _, number = self._name.partition("|")
            statement, params = DOOR, {"address": f"^{re.escape(street)}{number}号"}
        return [(row.lon, row.lat) for row in self._connection.execute(text(statement), params)]


ELEMENT = "SELECT ST_X(anchor) AS lon, ST_Y(anchor) AS lat FROM element WHERE name = :name AND upper_inf(valid)"
UNIT = "SELECT ST_X(anchor) AS lon, ST_Y(anchor) AS lat FROM grid WHERE name = :name AND upper_inf(valid)"
DOOR = """
SELECT ST_X(anchor) AS lon, ST_Y(anchor) AS lat FROM element JOIN building USING (version_id)
WHERE address ~ :address AND upper_inf(valid)
"""
STREET = "SELECT ST_AsBinary(ST_Collect(geom)) FROM street WHERE name = :name"


def _crossing(connection: Connection, told: str) -> list[tuple[float, float]]:
    """Where two streets cross, moved as told: "A|B" or "A|B@90,200" (bearing, metres)."""
    names, _, moved = told.partition("@")
    lines = [
        shapely.from_wkb(bytes(connection.execute(text(STREET), {"name": name}).scalar_one()))
        for name in names.split("|")
    ]
    points = shapely.get_coordinates(shapely.intersection(*lines))
    bearing, metres = map(float, moved.split(",")) if moved else (0.0, 0.0)
    north = metres * math.cos(math.radians(bearing)) / 110_900
    return [
        (lon + metres * math.sin(math.radians(bearing)) / (111_320 * math.cos(math.radians(lat))), lat + north)
        for lon, lat in points
    ]


def _metres(match: Match, lon: float, lat: float) -> float:
    return math.hypot((lon - match["lon"]) * 111_320 * math.cos(math.radians(lat)), (lat - match["lat"]) * 110_900)
