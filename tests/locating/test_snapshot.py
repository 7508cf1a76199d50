"""What locating holds in memory follows the database: boundaries, people on duty, rulings, over restarts of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pyproj import Transformer
from shapely import MultiPolygon
from sqlalchemy import Engine, event, text
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.locating.snapshot import PAST_KEPT, Snapshot
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.session import make_engine, writing
from tests.conftest import Database, key_of, serving
from tests.districts import COMMUNITIES, STEP, WEST, cell, centre, small_county
from tests.furnished import PHONE, SINCE, furnish

TODAY = Settings().today()
SW, NW = (COMMUNITIES[0] + code for code in ("001", "002"))


@pytest.fixture()
def county(engine: Engine) -> Engine:
    furnish(engine, today=TODAY)
    return engine


def locate(client: TestClient, x: float, y: float, **more: Any) -> dict[str, Any]:
    answer = client.get("/api/locate", params={"x": x, "y": y, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def within_a_second(happens: Callable[[], bool]) -> bool:
    """Whether something happens within a second, on a machine that may be busy: within three."""
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        if happens():
            return True
    return False


def test_a_publication_of_today_is_answered_at_once_and_yesterday_as_before(county: Engine, database: Database) -> None:
    moved = [
        replace(draft, geom=MultiPolygon([shape])) if shape is not None else draft
        for draft in small_county()
        for shape in [{SW: cell(0, 0).union(cell(0, 1)), NW: None}.get(draft.code or "")]
        if draft.code != NW
    ]
    with serving(database) as client:
        assert locate(client, *centre(0, 1))["grid"]["code"] == NW
        with writing(county) as connection:
            publish(connection, moved, effective_from=TODAY, today=TODAY, author="t", reason="合并")
        assert within_a_second(lambda: locate(client, *centre(0, 1))["grid"]["code"] == SW)
        before = locate(client, *centre(0, 1), as_of=(TODAY - timedelta(days=1)).isoformat())
        assert (before["grid"]["code"], before["revision"]) == (NW, 1)
        assert locate(client, *centre(0, 1))["revision"] == 2


def test_a_change_of_duty_is_told_within_a_second(county: Engine, database: Database) -> None:
    with serving(database) as client:
        assert locate(client, *centre(0, 0))["staff"]["primary"] is not None
        with writing(county) as connection:
            connection.execute(text("UPDATE assignment SET valid = daterange(lower(valid), :today)"), {"today": TODAY})
        assert within_a_second(lambda: locate(client, *centre(0, 0))["staff"]["primary"] is None)
        yesterday = locate(client, *centre(0, 0), as_of=(TODAY - timedelta(days=1)).isoformat())
        assert yesterday["staff"]["primary"]["name"] == "诸葛*"


def test_duty_phones_are_full_for_whoever_may_call_there_and_nobody_else(county: Engine, database: Database) -> None:
    del county
    cases = [(Role.DISPATCHER, None, True), (Role.VIEWER, None, False), (Role.GRID_WORKER, COMMUNITIES[0], True),
             (Role.GRID_WORKER, COMMUNITIES[1], False)]  # fmt: skip
    for role, unit, is_full in cases:
        with serving(database, key_of(database, role, unit)) as client:
            phone = locate(client, *centre(0, 0))["staff"]["primary"]["phone"]
            assert phone == (PHONE if is_full else "139****5678"), (role, unit)


def test_a_pin_that_is_moved_is_answered_anew_in_all_its_parts(county: Engine, database: Database) -> None:
    del county
    with serving(database) as client:
        here, there, back = (locate(client, *centre(column, 0)) for column in (0, 1, 0))
        assert here == back and here["revision"] == there["revision"] == 1
        for part in ("point", "grid", "chain", "candidates", "why"):
            assert here[part] != there[part], part
        assert here["border"]["beyond"] != there["border"]["beyond"]
        answer = client.get("/api/locate", params={"x": WEST, "y": centre(0, 0)[1]})
        assert "no-store" in answer.headers["cache-control"]


def test_what_is_held_is_answered_without_sql(county: Engine, database: Database) -> None:
    del county
    with serving(database) as client:
        locate(client, *centre(0, 0))
        locate(client, *centre(0, 0), as_of=SINCE.isoformat())
        assert within_a_second(lambda: client.app.state.snapshot.is_complete)  # type: ignore[attr-defined]
        statements: list[str] = []
        state = client.app.state  # type: ignore[attr-defined]
        for engine in (state.engine, state.snapshot._engine):
            event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: statements.append(statement))
        for column in range(2):
            locate(client, *centre(column, 0))
            locate(client, WEST + STEP, centre(0, 0)[1], accuracy=30)
        asked = [one for one in statements if "FROM change" not in one and "session" not in one]
        assert asked == []


def test_of_past_days_only_a_few_are_kept(county: Engine, database: Database) -> None:
    days = [TODAY + timedelta(days=k) for k in range(1, PAST_KEPT + 4)]
    with writing(county) as connection:
        for number, day in enumerate(days):
            drafts = [replace(one, name=f"{one.name}{number}") if one.code == SW else one for one in small_county()]
            publish(connection, drafts, effective_from=day, today=TODAY, author="t", reason="更名")
    engine = make_engine(database.service_url)
    snapshot = Snapshot(engine, lambda: TODAY)
    for number, day in enumerate(days):
        assert snapshot.boundaries(day).leaves[0].name.endswith(str(number))
        assert snapshot.boundaries(TODAY).revision == 1
    assert snapshot.held(TODAY) is not None and snapshot.held(days[-1]) is not None and snapshot.held(days[0]) is None
    engine.dispose()


def test_accuracy_tells_shares_and_doubt(county: Engine, database: Database) -> None:
    del county
    lat = centre(0, 0)[1]
    metre = 1 / 90_800
    with serving(database) as client:
        inside = locate(client, *centre(0, 0), accuracy=50)
        assert (inside["verdict"], inside["candidates"][0]["share"]) == ("certain", 1.0)
        near = locate(client, WEST + STEP - 10 * metre, lat, accuracy=20)
        assert near["verdict"] == "boundary" and near["grid"]["code"] == SW
        shares = [one["share"] for one in near["candidates"]]
        assert sum(shares) == pytest.approx(1, abs=1e-3) and shares == sorted(shares, reverse=True)
        assert [one["distance_m"] for one in near["candidates"]] == [0.0, pytest.approx(10, abs=0.2)]
        assert near["border"]["distance_m"] == pytest.approx(10, abs=0.2)
        assert near["border"]["street"] == "解放路" and near["border"]["beyond"]["code"] == f"{COMMUNITIES[1]}001"
        for accuracy in ("0", "-1", "nan", "100000", "1e999", "ten"):
            answer = client.get("/api/locate", params={"x": WEST + STEP, "y": lat, "accuracy": accuracy})
            assert (answer.status_code, answer.json()["field"]) == (400, "accuracy"), answer.text


def test_a_frame_that_nobody_names_is_told_with_evidence_or_asked_for(county: Engine, database: Database) -> None:
    del county
    east, north = (float(value) for value in Transformer.from_crs(4490, 4548, always_xy=True).transform(*centre(1, 0)))
    with serving(database) as client:
        for x, y, swapped in ((east, north, False), (north, east, True)):
            answer = locate(client, x, y, crs="auto")
            assert (answer["verdict"], answer["grid"]["code"]) == ("certain", f"{COMMUNITIES[1]}001")
            assert [(one["crs"], one["swapped"]) for one in answer["frames"]] == [("EPSG:4548", swapped)]
        asked = locate(client, WEST + STEP + 0.002, centre(0, 0)[1], crs="auto")  # GCJ-02 would lie across the border
        assert (asked["verdict"], asked["grid"], asked["staff"]["primary"]) == ("ask", None, None)
        assert [one["crs"] for one in asked["frames"]][:2] == ["wgs84", "gcj02"]
        assert {one["code"] for one in asked["candidates"]} >= {SW, f"{COMMUNITIES[1]}001"}
        refused = client.get("/api/locate", params={"x": 2, "y": 48, "crs": "auto"})
        assert (refused.status_code, refused.json()["field"]) == (400, "crs")
