"""Labelled questions that were not tuned on: how many lead where they should, in a demo and in a real extract."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, box
from sqlalchemy import Connection, Engine

from benchmarks.labelled import HELD_OUT, TUNING, Labelled, Score, judge, read_labelled
from gismap.boundaries.values import UnitDraft
from gismap.importing.osm import read_osm
from gismap.importing.preparing import Order
from gismap.importing.service import import_file
from gismap.locating.service import Question, view_of
from gismap.locating.snapshot import Snapshot
from gismap.locating.wording import locate_text
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.area import expanded
from gismap.store.session import reading, writing

TODAY, SINCE = Settings().today(), date(2026, 1, 1)
PLAIN = ("building", "door", "full address", "plate", "code", "grid", "sentence")


def judged(connection: Connection, questions: list[Labelled]) -> dict[str, Score]:
    view = view_of(Snapshot(connection.engine, lambda: TODAY), TODAY)

    def ask(words: str) -> dict[str, Any]:
        return locate_text(connection, view, Question(0.0, 0.0, "cgcs2000", TODAY, words=words), lambda _path: False)

    return judge(connection, questions, ask)


def recalls(scores: dict[str, Score]) -> tuple[float, float]:
    """The shares of questions about one place that the first match, and one of five, answers."""
    those = [score for form, score in scores.items() if form not in ("ambiguous", "nothing")]
    asked = sum(score.asked for score in those)
    return sum(score.first for score in those) / asked, sum(score.among_five for score in those) / asked


@pytest.fixture(scope="module")
def of_luodian(luodian_engine: Engine) -> dict[str, Score]:
    with reading(luodian_engine) as connection:
        return judged(connection, read_labelled(HELD_OUT, "luodian"))


def test_nineteen_in_twenty_questions_are_answered_by_the_first_match(of_luodian: dict[str, Score]) -> None:
    first, among_five = recalls(of_luodian)
    wrong = [one for score in of_luodian.values() for one in score.wrong]
    assert first >= 0.95 and among_five >= 0.97, wrong


@pytest.mark.parametrize("form", PLAIN)
def test_plainly_told_places_are_found(of_luodian: dict[str, Score], form: str) -> None:
    assert of_luodian[form].first == of_luodian[form].asked, of_luodian[form].wrong


def test_no_grid_is_claimed_for_another_place_than_the_one_meant(of_luodian: dict[str, Score]) -> None:
    assert sum(score.claimed_wrongly for score in of_luodian.values()) == 0


def test_what_several_places_are_called_is_asked_back(of_luodian: dict[str, Score]) -> None:
    assert of_luodian["ambiguous"].first >= 0.9 * of_luodian["ambiguous"].asked


def test_the_sets_share_no_question_and_there_are_enough() -> None:
    sources = ("luodian", "zoucheng", "yuyang", "tsinghua", "baoshan", "guixi")
    held, tuned = ([one for source in sources for one in read_labelled(path, source)] for path in (HELD_OUT, TUNING))
    assert len(held) >= 400
    assert not {(one.source, one.question) for one in held} & {(one.source, one.question) for one in tuned}


@pytest.fixture(scope="module")
def campus(module_engine: Engine, real_data: Path) -> Iterator[Engine]:
    """A real extract, on sixteen squares for grids."""
    file = real_data / "osm" / "beijing_tsinghua.osm"
    west, south, east, north = expanded(tuple(shapely.total_bounds(read_osm(file, "streets").geom)), 100)
    xs, ys = np.linspace(west, east, 5), np.linspace(south, north, 5)
    squares = [
        UnitDraft(f"{i}{j}", f"清华园社区第{4 * i + j + 1}网格", 4, "top", code=f"110108{i}{j}",
                  geom=MultiPolygon([box(xs[i], ys[j], xs[i + 1], ys[j + 1])]))
        for i in range(4) for j in range(4)
    ]  # fmt: skip
    with writing(module_engine) as connection:
        top = UnitDraft("top", "海淀区", 1, code="110108")
        publish(connection, [top, *squares], effective_from=SINCE, today=TODAY, author="test", reason="test")
    for layer in ("streets", "buildings", "key_places"):
        order = Order(layer, file, "osm", crs="wgs84", skip_rejected=True)
        import_file(module_engine, order, since=SINCE, actor="test", far_km=50)
    yield module_engine


def test_a_real_extract_is_asked_for_as_people_do(campus: Engine) -> None:
    with reading(campus) as connection:
        scores = judged(connection, read_labelled(HELD_OUT, "tsinghua"))
    first, among_five = recalls(scores)
    assert first >= 0.95 and among_five >= 0.95, [one for score in scores.values() for one in score.wrong]
