"""Places told in words, over HTTP: what is found, what is asked back, who is told, and that nothing known is stale."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.elements.values import ElementDraft, StreetDraft
from gismap.elements.writing import write_elements, write_streets
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.importing.preparing import Order
from gismap.importing.service import import_file, undo
from gismap.locating.gazetteer import add_alias, list_aliases, refresh_gazetteer, remove_alias
from gismap.locating.service import Question, view_of
from gismap.locating.snapshot import Snapshot
from gismap.locating.wording import locate_text
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.scope import looking_as
from gismap.store.session import make_engine, reading, writing
from tests.conftest import Database, fresh_database, key_of, serving
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, building, centre, small_county
from tests.furnished import PERSON, PHONE, SINCE, furnish

TODAY = Settings().today()
SW, NW = (COMMUNITIES[0] + code for code in ("001", "002"))
TYPED = "人民解放路福安小区号楼栋网格与第一二0123456789-#'\"%;\\{}()😀 abRoad"
HERE = {"source": "test", "source_crs": "EPSG:4490"}


def ask(client: TestClient, question: str, **more: Any) -> dict[str, Any]:
    answer = client.get("/api/locate", params={"text": question, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def first(answer: dict[str, Any]) -> str:
    return str(answer["matches"][0]["text"])


# ── what is found ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sentence_gives_the_place_its_grid_who_answers_and_the_matter(client: TestClient) -> None:
    answer = ask(client, "福安小区2栋漏水谁负责")
    assert (answer["verdict"], answer["grid"]["code"], first(answer)) == ("certain", SW, "福安小区2号楼")
    assert answer["staff"]["primary"]["role"] == "grid_leader" and answer["matter"] == "漏水"
    assert answer["matches"][0].keys() == {"text", "score", "why", "lon", "lat"}
    assert answer["matches"][0]["score"] == 1 and "福安小区2号楼" in answer["why"]
    known = ask(client, "117.005,35.405").keys() - {"matches", "matter"}
    assert known == client.get("/api/locate", params={"x": 117.005, "y": 35.405}).json().keys()


@pytest.mark.parametrize(
    ("question", "grid"),
    [
        ("福安小区２号楼三单元", SW),
        ("人民路5号", NW),
        ("Building 2, Fuan Xiaoqu", SW),
        ("No. 5 Renmin Road", NW),
        ("福安社区第二网格", NW),
        ("福安2网格有人打架", NW),
        (SW, SW),
        (f"网格码{NW}", NW),
        ("仁民医院对面", SW),
        ("人民医院门口,老人摔倒", SW),
        ("117.005,35.415", NW),
    ],
)
def test_many_ways_of_saying_a_place(client: TestClient, question: str, grid: str) -> None:
    answer = ask(client, question)
    assert answer["grid"] is not None and answer["grid"]["code"] == grid, answer


def test_a_number_fits_exactly_or_not_at_all(client: TestClient) -> None:
    for number in (1, 2, 10, 11, 12):
        assert first(ask(client, f"福安小区{number}号楼")) == f"福安小区{number}号楼"
    answer = ask(client, "福安小区13号楼")
    assert (answer["verdict"], answer["grid"]) == ("ask", None) and "13号楼" in answer["why"]


def test_a_crossing_moved_by_metres(client: TestClient) -> None:
    lon, lat = WEST + STEP, SOUTH + STEP
    at = ask(client, "人民路与解放路交叉口")["matches"][0]
    assert (at["lon"], at["lat"]) == pytest.approx((lon, lat), abs=1e-6)
    answer = ask(client, "解放路人民路路口往西走100米,再向北")
    assert answer["point"]["lon"] == pytest.approx(lon - 100 / 90_700, abs=2e-5)
    corner = ask(client, "人民路和解放路路口西北角")
    assert corner["grid"]["code"] == NW
    english = ask(client, "Renmin Road and Jiefang Road crossing")["matches"][0]
    assert (english["lon"], english["lat"]) == pytest.approx((lon, lat), abs=1e-6)


# ── what is asked back ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tie_is_a_question_and_claims_nothing(client: TestClient) -> None:
    answer = ask(client, "第1网格")
    assert answer["verdict"] in ("ask", "not_found") and answer["grid"] is None
    answer = ask(client, "太平小区1栋附近的网格")
    assert answer["grid"] is None and answer["staff"] == {"primary": None, "backup": None}


def test_what_lies_in_several_grids_is_asked_about(client: TestClient) -> None:
    for question, says in (("福安社区漏水", "2 个网格"), ("福安小区", "4 个网格"), ("人民路", "一条路")):
        answer = ask(client, question)
        assert (answer["verdict"], answer["grid"]) == ("ask", None) and says in answer["why"], answer


def test_what_is_unknown_is_not_guessed(client: TestClient) -> None:
    answer = ask(client, "天安门广场12号", near="key_places:2")
    assert (answer["verdict"], answer["grid"], answer["matches"], answer["near"]) == (
        "not_found", None, [], {"key_places": []},
    )  # fmt: skip
    assert "12号" in answer["why"]
    assert "was understood" in ask_in_english(client, "天安门广场12号")


def ask_in_english(client: TestClient, question: str) -> str:
    answer = client.get("/api/locate", params={"text": question}, headers={"accept-language": "en"})
    return str(answer.json()["why"])


# ── bad input ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "   "}, "text"),
        ({"text": "\0"}, "text"),
        ({"text": "人" * 501}, "text"),
        ({"text": "人民路5号", "x": "117", "y": "35.4"}, "text"),
        ({"text": "117.005,35.405", "crs": "mars"}, "crs"),
        ({"text": "天安门", "crs": "mars"}, "crs"),
        ({"text": "0.5,117.5"}, "x"),
        ({}, "x"),
    ],
)
def test_a_question_that_is_none_is_refused(client: TestClient, params: dict[str, str], field: str) -> None:
    answer = client.get("/api/locate", params=params)
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text


def test_what_is_near_is_looked_for_in_layers_that_exist(client: TestClient) -> None:
    assert ask(client, "福安小区2号楼", near="key_places:2")["near"]["key_places"][0]["name"]
    for question in ("福安小区2号楼", "天安门"):
        answer = client.get("/api/locate", params={"text": question, "near": "dragons:1"})
        assert (answer.status_code, answer.json()["field"]) == (404, "near")


def test_a_day_without_boundaries_is_said(client: TestClient) -> None:
    answer = client.get("/api/locate", params={"text": "天安门", "as_of": "2025-01-01"})
    assert answer.status_code == 404 and answer.json()["field"] == "as_of"


@given(st.one_of(st.text(max_size=60), st.text(TYPED, max_size=60)))
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_typed_there_is_an_answer_or_a_refusal(client: TestClient, question: str) -> None:
    answer = client.get("/api/locate", params={"text": question})
    assert answer.status_code in (200, 400), answer.text
    assert PERSON not in answer.text and PHONE not in answer.text


# ── who is told what ───────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_may_locate_finds_places_elsewhere_but_no_identities_and_no_persons(furnished: Database) -> None:
    with serving(furnished, key_of(furnished, Role.DISPATCHER, COMMUNITIES[1])) as client:
        answer = ask(client, "福安小区2号楼")
        assert answer["grid"]["code"] == SW and answer["staff"]["primary"]["phone"] == "139****5678"
        assert ask(client, PERSON)["verdict"] == "not_found"
    owner = make_engine(furnished.owner_url)
    with reading(owner) as connection:
        elements = connection.execute(text("SELECT element_id FROM element")).scalars()
        assert not any(one in str(answer) for one in elements)
        persons = "SELECT count(*) FROM gazetteer_entry JOIN element USING (version_id) WHERE layer IN (:a, :b)"
        assert connection.execute(text(persons), {"a": "staff", "b": "care_persons"}).scalar() == 0
    owner.dispose()


def test_whoever_may_not_locate_is_told_nothing(furnished: Database) -> None:
    engine = make_engine(furnished.service_url)
    for key in ("", key_of(furnished, Role.AUDITOR)):
        with reading(looking_as(engine, key)) as connection:
            for question in (
                "SELECT * FROM gazetteer_stems('{福安}', 9)",
                "SELECT * FROM gazetteer_entries(ARRAY(SELECT generate_series(1, 99)), '{1,2,3}', current_date)",
                "SELECT * FROM gazetteer_groups(ARRAY(SELECT generate_series(1, 99)), current_date)",
            ):
                assert connection.execute(text(question)).all() == []
    engine.dispose()


@pytest.mark.parametrize("table", ["stem", "gram", "entry", "alias", "pending"])
def test_the_service_reads_no_table_of_the_gazetteer(furnished: Database, table: str) -> None:
    engine = make_engine(furnished.service_url)
    with pytest.raises(DBAPIError, match="permission denied"), reading(engine) as connection:
        connection.execute(text(f"SELECT FROM gazetteer_{table}"))
    engine.dispose()


# ── nothing known is stale ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture()
def engine(server: Any, template: str) -> Iterator[Engine]:
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.owner_url)
        furnish(engine, today=TODAY)
        yield engine
        engine.dispose()


def located(engine: Engine, question: str, as_of: date = TODAY) -> dict[str, Any]:
    with reading(engine) as connection:
        asked = Question(0.0, 0.0, "cgcs2000", as_of, words=question)
        return locate_text(connection, view_of(Snapshot(engine, lambda: TODAY), as_of), asked, lambda _path: False)


def test_an_alias_is_found_by_the_next_question_and_forgotten_by_the_one_after(engine: Engine) -> None:
    assert located(engine, "老家属院2号楼")["verdict"] == "not_found"
    with writing(engine) as connection:
        add_alias(connection, "老家属院", "福安小区", actor="test")
        add_alias(connection, "县医院", "人民医院", actor="test")
    answer = located(engine, "老家属院2栋漏水")
    assert first(answer) == "福安小区2号楼" and "老家属院" in answer["matches"][0]["why"]
    assert first(located(engine, "县医院门口")) == "人民医院"
    with writing(engine) as connection:
        assert [(one.alias, one.is_known) for one in list_aliases(connection)] == [("县医院", True), ("老家属院", True)]
        with pytest.raises(ConflictError):
            add_alias(connection, "县医院", "惠民超市", actor="test")
        with pytest.raises(NotFoundError):
            add_alias(connection, "某处", "没有的地方", actor="test")
        with pytest.raises(BadInputError):
            add_alias(connection, "12", "人民医院", actor="test")
        remove_alias(connection, "老家属院", actor="test")
        with pytest.raises(NotFoundError):
            remove_alias(connection, "老家属院", actor="test")
    assert located(engine, "老家属院2号楼")["verdict"] == "not_found"


def test_what_an_import_brings_is_found_and_what_is_taken_back_is_not(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    lon, lat = centre(0, 1)
    file.write_text(f"key,name,category,lon,lat\n1,白鹭湖会所,hotel,{lon},{lat}\n", encoding="utf-8")
    order = Order("key_places", file, "brought", crs="wgs84")
    batch = import_file(engine, order, since=TODAY, actor="test", far_km=50).batch
    assert batch is not None and located(engine, "白鹭湖会所噪音")["grid"]["code"] == NW
    undo(engine, batch, actor="test")
    assert located(engine, "白鹭湖会所噪音")["verdict"] == "not_found"
    with reading(engine) as connection:
        stems = "SELECT count(*) FROM gazetteer_stem WHERE stem LIKE '白鹭%'"
        assert connection.execute(text(stems)).scalar() == 0


def test_a_renamed_building_has_its_old_name_on_past_days_alone(engine: Engine) -> None:
    yesterday = TODAY - timedelta(days=1)
    with writing(engine) as connection:
        renamed = replace(building("1", *centre(0, 0)), name="翡翠湾1号楼")
        write_elements(connection, [renamed], since=TODAY, **HERE)
        refresh_gazetteer(connection)
    assert first(located(engine, "翡翠湾1栋")) == "翡翠湾1号楼"
    assert located(engine, "翡翠湾1栋", yesterday)["verdict"] == "not_found"
    assert first(located(engine, "福安小区1号楼", yesterday)) == "福安小区1号楼"
    assert located(engine, "福安小区1号楼")["verdict"] == "ask"


def test_a_renamed_street_and_a_renamed_grid_are_found_by_their_new_names(engine: Engine) -> None:
    with writing(engine) as connection:
        line = LineString([(WEST, SOUTH + STEP), (WEST + 2 * STEP, SOUTH + STEP)])
        write_streets(connection, [StreetDraft("a", line, "primary", "建设大道")], source="test")
        refresh_gazetteer(connection)
        drafts = [replace(one, name="翠屏网格") if one.code == NW else one for one in small_county()]
        publish(connection, drafts, effective_from=TODAY, today=TODAY, author="test", reason="test")
    assert "建设大道" in first(located(engine, "建设大道与解放路交叉口"))
    assert "人民路" not in first(located(engine, "人民路与解放路交叉口"))
    assert located(engine, "翠屏网格")["grid"]["code"] == NW


def test_names_that_wait_to_be_read_are_told_of(engine: Engine) -> None:
    with writing(engine) as connection:
        place = ElementDraft("key_places", "new", Point(centre(1, 1)), category="hotel", name="白鹭湖会所")
        write_elements(connection, [place], since=SINCE, **HERE)
    answer = located(engine, "白鹭湖会所")
    assert answer["verdict"] == "not_found" and "尚未收录" in answer["why"]
    with writing(engine) as connection:
        assert refresh_gazetteer(connection) == 1
        assert refresh_gazetteer(connection) == 0
    assert first(located(engine, "白鹭湖会所")) == "白鹭湖会所"
