"""For some days after a revision, both the old and the new owner answer where land changed hands, and near by."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from shapely import MultiPolygon, box
from sqlalchemy import Engine, event, text
from starlette.testclient import TestClient

from gismap.boundaries.values import UnitDraft
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, writing
from tests.conftest import Database, serving
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, centre, small_county

TODAY = Settings().today()
TOMORROW = TODAY + timedelta(days=1)
WEST_GRID, EAST_GRID = (f"{code}001" for code in COMMUNITIES)
MIDDLE = SOUTH + STEP / 2
METRE = 1 / 90_700
"""In degrees of longitude, about."""


def widened() -> list[UnitDraft]:
    """The county with the south-western grid a fifth of a cell wider, at the cost of its eastern neighbour."""
    shapes = {
        WEST_GRID: box(WEST, SOUTH, WEST + 1.2 * STEP, SOUTH + STEP),
        EAST_GRID: box(WEST + 1.2 * STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP),
    }
    return [
        draft
        if draft.code not in shapes
        else UnitDraft(draft.key, draft.name, 4, draft.parent, draft.code, geom=MultiPolygon([shapes[draft.code]]))
        for draft in small_county()
    ]


@pytest.fixture(scope="module")
def moved_county(server: PrivateServer, template: str) -> Iterator[tuple[Engine, Database]]:
    urls = server.create_database("moved_county", template)
    engine = make_engine(urls.owner_url)
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=date(2026, 1, 1), today=TODAY, author="t", reason="first")
        publish(connection, widened(), effective_from=TOMORROW, today=TODAY, author="t", reason="西扩")
    yield engine, urls
    engine.dispose()


@pytest.fixture(scope="module")
def client(moved_county: tuple[Engine, Database]) -> Iterator[TestClient]:
    with serving(moved_county[1]) as client:
        yield client


def ask(client: TestClient, lon: float, day: date, lat: float = MIDDLE) -> dict[str, Any]:
    answer = client.get("/api/locate", params={"x": lon, "y": lat, "as_of": day.isoformat()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_on_land_that_changed_hands_both_owners_answer(client: TestClient) -> None:
    answer = ask(client, WEST + 1.1 * STEP, TOMORROW)
    assert answer["grid"]["code"] == WEST_GRID
    moved = answer["moved"]
    assert (moved["from"]["code"], moved["to"]["code"]) == (EAST_GRID, WEST_GRID)
    assert (moved["since"], moved["distance_m"]) == (TOMORROW.isoformat(), 0.0)
    assert f"自 {TOMORROW} 起由太平社区第1网格划归福安社区第1网格" in answer["why"]


@pytest.mark.parametrize(("metres", "is_told"), [(90, True), (110, False)])
def test_within_a_hundred_metres_of_it_too(client: TestClient, metres: float, is_told: bool) -> None:
    for lon in (WEST + STEP - metres * METRE, WEST + 1.2 * STEP + metres * METRE):
        moved = ask(client, lon, TOMORROW)["moved"]
        assert (moved is not None) == is_told
        if moved:
            assert moved["distance_m"] == pytest.approx(metres, abs=1.5)


@pytest.mark.parametrize(("days", "is_told"), [(0, True), (13, True), (14, False)])
def test_for_a_set_number_of_days(client: TestClient, days: int, is_told: bool) -> None:
    assert (ask(client, WEST + 1.1 * STEP, TOMORROW + timedelta(days=days))["moved"] is not None) == is_told


def test_as_many_days_as_are_set(moved_county: tuple[Engine, Database]) -> None:
    with serving(moved_county[1], handover_days=0) as client:
        assert ask(client, WEST + 1.1 * STEP, TOMORROW)["moved"] is None


def test_before_the_day_and_far_away_nothing_is_told(client: TestClient) -> None:
    assert ask(client, WEST + 1.1 * STEP, TODAY)["moved"] is None
    assert ask(client, *centre(0, 1)[:1], TOMORROW, centre(0, 1)[1])["moved"] is None


def test_it_is_told_from_memory(client: TestClient) -> None:
    ask(client, WEST + 1.1 * STEP, TOMORROW)
    statements: list[str] = []
    engine = client.app.state.engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert ask(client, WEST + 1.1 * STEP, TOMORROW)["moved"] is not None
    assert not any("grid" in statement for statement in statements)


def test_a_border_drawn_anew_moved_nothing(engine: Engine, database: Database) -> None:
    nudged = [
        UnitDraft(draft.key, draft.name, 4, draft.parent, draft.code, geom=MultiPolygon([box(*edges)]))
        if draft.geom is not None
        and (edges := [e + 1e-6 if i % 2 == 0 and abs(e - WEST - STEP) < 1e-9 else e
                       for i, e in enumerate(draft.geom.bounds)])
        else draft
        for draft in small_county()
    ]  # fmt: skip
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=date(2026, 1, 1), today=TODAY, author="t", reason="first")
        publish(connection, nudged, effective_from=TODAY, today=TODAY, author="t", reason="重绘")
        assert connection.execute(text("SELECT count(*) FROM grid WHERE retired_by = 2")).scalar_one()
    with serving(database) as client:
        assert ask(client, WEST + STEP, TODAY)["moved"] is None
