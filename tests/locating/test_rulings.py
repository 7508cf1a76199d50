"""Rulings beside the polygons: a building of another grid, doors, disputed borders, and their history."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from shapely import LineString, MultiPolygon
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from gismap.cli import main
from gismap.elements.queries import page_statement
from gismap.elements.questions import Filter, Question
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.locating.rulings import add_dispute, add_override, end_ruling, list_rulings
from gismap.publishing import publish
from gismap.settings import Settings, get_settings
from gismap.store.area import UnitArea
from gismap.store.session import reading, writing
from tests.conftest import Database, environment, serving
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, centre, small_county
from tests.furnished import SINCE, furnish

TODAY = Settings().today()
TOMORROW = TODAY + timedelta(days=1)
SW, NW = (COMMUNITIES[0] + code for code in ("001", "002"))
SE, NE = (COMMUNITIES[1] + code for code in ("001", "002"))
BORDER = LineString([(WEST + STEP, SOUTH + STEP * 0.2), (WEST + STEP, SOUTH + STEP * 0.8)])


@pytest.fixture()
def county(engine: Engine) -> Engine:
    furnish(engine, today=TODAY)
    return engine


def a_building(engine: Engine, code: str) -> tuple[str, float, float]:
    """A building of a grid: its identity and a point in it."""
    with reading(engine) as connection:
        row = connection.execute(
            text("""
                SELECT element_id, ST_X(e.anchor) AS x, ST_Y(e.anchor) AS y
                FROM element e JOIN grid USING (unit_id) WHERE layer = 'buildings' AND code = :code LIMIT 1
            """),
            {"code": code},
        ).one()
    return row.element_id, row.x, row.y


def rule(engine: Engine, element: str, unit: str, **more: Any) -> int:
    with writing(engine) as connection:
        values = {"since": TODAY, "made_by": "t", **more}
        return add_override(connection, element, values.pop("door", None), unit, "两社区会商纪要", **values)


def locate(client: TestClient, x: float, y: float, **more: Any) -> dict[str, Any]:
    answer = client.get("/api/locate", params={"x": x, "y": y, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_building_that_was_ruled_elsewhere_answers_so_with_the_reason(county: Engine, database: Database) -> None:
    element, x, y = a_building(county, SW)
    number = rule(county, element, NE)
    with serving(database) as client:
        answer = locate(client, x, y)
        assert (answer["verdict"], answer["grid"]["code"]) == ("override", NE)
        assert [one["code"] for one in answer["candidates"]] == [NE, SW]
        assert "两社区会商纪要" in answer["why"] and answer["chain"][-1]["code"] == COMMUNITIES[1]
        assert locate(client, x, y, as_of=(TODAY - timedelta(days=1)).isoformat())["verdict"] == "certain"
        beside = locate(client, *centre(0, 0)) if (x, y) != centre(0, 0) else locate(client, x + STEP / 3, y)
        assert beside["grid"]["code"] == SW
        listed = client.get("/api/rulings").json()["overrides"]
        assert [(one["override"], one["code"]) for one in listed] == [(number, NE)]


def test_what_is_ruled_elsewhere_is_counted_there_with_its_parts_and_after_the_next_import(county: Engine) -> None:
    element, _, _ = a_building(county, SW)

    def members(code: str, day: date) -> set[str]:
        with reading(county) as connection:
            path = connection.execute(
                text("SELECT path FROM grid WHERE code = :code AND valid @> CAST(:day AS date)"),
                {"code": code, "day": day},
            ).scalar_one()
            statement, params = page_statement(
                Question(day, [UnitArea("", path)], Filter(layers=["buildings"]), limit=1000)
            )
            features = connection.execute(text(statement), params).one().features or ""
        return {element} if element in features else set()

    number = rule(county, element, NE)
    assert members(NE, TODAY) == {element} and members(SW, TODAY) == set()
    assert members(SW, TODAY - timedelta(days=1)) == {element}
    with writing(county) as connection:
        end_ruling(connection, "override", number, day=TOMORROW, ended_by="t")
    assert members(SW, TOMORROW) == {element} and members(NE, TODAY) == {element}


def test_a_door_is_another_matter_than_its_building(county: Engine, database: Database) -> None:
    element, x, y = a_building(county, SW)
    rule(county, element, NE, door="2单元301")
    with serving(database) as client:
        assert locate(client, x, y)["grid"]["code"] == SW
        assert client.get("/api/rulings").json()["overrides"][0]["door"] == "2单元301"


def test_a_disputed_border_answers_with_the_interim_owner_within_its_reach(county: Engine, database: Database) -> None:
    with writing(county) as connection:
        add_dispute(connection, (SW, SE), SE, BORDER, "待区里裁定", reach_m=20, since=TODAY, made_by="t")
    ten_metres = 10 / 91_000
    with serving(database) as client:
        for side in (-1, 1):
            answer = locate(client, WEST + STEP + side * ten_metres, SOUTH + STEP / 2)
            assert (answer["verdict"], answer["grid"]["code"]) == ("disputed", SE)
            assert {one["code"] for one in answer["candidates"]} == {SW, SE} and "待区里裁定" in answer["why"]
        for away in (WEST + STEP - 3 * ten_metres, WEST + STEP + 3 * ten_metres):
            assert locate(client, away, SOUTH + STEP / 2)["verdict"] == "certain"
        assert locate(client, WEST + STEP, SOUTH + STEP * 0.95)["verdict"] == "boundary"
        assert locate(client, WEST + STEP, SOUTH + STEP / 2, as_of=SINCE.isoformat())["verdict"] == "boundary"


def test_rulings_end_with_their_unit_when_boundaries_change(county: Engine) -> None:
    element, _, _ = a_building(county, SW)
    rule(county, element, NE)
    with writing(county) as connection:
        drafts = [draft for draft in small_county() if draft.code not in {SE, NE}]
        whole = [draft for draft in small_county() if draft.code in {SE, NE}]
        merged = whole[0].geom.union(whole[1].geom)
        joined = replace(whole[0], key="joined", code=f"{COMMUNITIES[1]}003", geom=MultiPolygon([merged]))
        done = publish(
            connection, [*drafts, joined], effective_from=TOMORROW, today=TODAY, author="t", reason="合并网格"
        )
        assert done.rulings_ended == 1
        assert list_rulings(connection, TOMORROW)["overrides"] == []
        assert len(list_rulings(connection, TODAY)["overrides"]) == 1


def test_what_cannot_be_ruled_is_refused(county: Engine) -> None:
    element, _, _ = a_building(county, SW)
    with writing(county) as connection:
        staff = connection.execute(text("SELECT element_id FROM element WHERE layer = 'staff' LIMIT 1")).scalar_one()
    for error, args in (
        (NotFoundError, (staff, NE)),
        (NotFoundError, (element, "370883999")),
        (BadInputError, (element, COMMUNITIES[0])),
    ):
        with pytest.raises(error):
            rule(county, *args)
    rule(county, element, NE)
    with pytest.raises(ConflictError):
        rule(county, element, NW)
    for bad in ({"interim": NE}, {"units": (SW, SW)}, {"segment": LineString()}, {"reach_m": 9999.0}):
        values: dict[str, Any] = {"units": (SW, SE), "interim": SW, "segment": BORDER, "reach_m": 15.0, **bad}
        with pytest.raises(BadInputError), writing(county) as connection:
            add_dispute(
                connection, values["units"], values["interim"], values["segment"], "待裁定事项",
                reach_m=values["reach_m"], since=TODAY, made_by="t",
            )  # fmt: skip


@pytest.fixture()
def gismap(database: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    for name, value in environment(database).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> tuple[int, str, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["gismap", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capfd.readouterr()

    yield run
    get_settings.cache_clear()


def test_rulings_are_made_listed_and_ended_on_the_command_line(county: Engine, gismap: Callable[..., Any]) -> None:
    element, _, _ = a_building(county, SW)
    assert gismap("override", "add", element, "--unit", NE, "--reason", "两社区会商纪要")[0] == 0
    line = '{"type": "LineString", "coordinates": [[117.02, 35.402], [117.02, 35.408]]}'
    code, _, errors = gismap(
        "dispute", "add", "--between", SW, SE, "--interim", SW, "--line", line, "--reason", "待区里裁定"
    )
    assert (code, errors) == (0, ""), errors
    assert element in gismap("override", "list")[1] and "待区里裁定" in gismap("dispute", "list")[1]
    assert gismap("override", "end", 1)[0] == 0 and gismap("dispute", "end", 1)[0] == 0
    assert gismap("override", "list")[1] == "" == gismap("dispute", "list", "--as-of", TOMORROW)[1]
    code, _, errors = gismap("override", "end", 1)
    assert code == 2 and "no override 1" in errors
    code, _, errors = gismap("override", "add", element, "--unit", NE, "--reason", "两社区会商纪要", "--since", SINCE)
    assert code == 2 and "past" in errors
