"""Pages of an answer: whole, in order and stable while data changes; days: each is answered as it was."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import shapely
from shapely import MultiPolygon, Point, union_all
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from gismap.elements.values import ElementDraft
from gismap.elements.writing import write_elements
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.server import DatabaseUrls
from gismap.store.session import writing
from tests.conftest import serving
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, buildings_in_each_grid, small_county
from tests.elements.conftest import Scattered

FIRST, LATER = date(2026, 1, 1), date(2026, 6, 1)
TODAY = Settings().today()
HERE = {"source": "test", "source_crs": "EPSG:4490"}


def pages(client: TestClient, **asked: Any) -> list[list[dict[str, Any]]]:
    """All pages of a question, one after the other."""
    found, cursor = [], None
    while True:
        answer = client.get("/api/resources", params=asked | ({"cursor": cursor} if cursor else {})).json()
        found.append(answer["features"])
        cursor = answer["next"]
        if cursor is None:
            return found


def place(ref: str, lon: float, lat: float) -> ElementDraft:
    return ElementDraft("key_places", ref, Point(lon, lat), category="school", name="实验小学")


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("layers", [None, "buildings,grids,key_places,streets", "streets", "grids"])
def test_pages_make_up_the_whole_without_repeats(scattered: Scattered, limit: int, layers: str | None) -> None:
    asked = {"unit": COMMUNITIES[0] + "002"} | ({"layers": layers} if layers else {})
    whole = scattered.client.get("/api/resources", params=asked | {"limit": 1000}).json()["features"]
    found = pages(scattered.client, **asked, limit=limit)
    assert [feature for page in found for feature in page] == whole
    assert all(len(page) == limit for page in found[:-1]) and 0 < len(found[-1]) <= limit


def test_pages_stay_whole_while_data_changes(database: DatabaseUrls, engine: Engine) -> None:
    def spots(kind: str, count: int) -> list[ElementDraft]:
        return [place(f"{kind}{n}", WEST + 1e-4 * n, SOUTH + STEP / 2) for n in range(count)]

    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="t", reason="t")
        write_elements(connection, spots("old", 40), since=FIRST, **HERE)
    seen: list[str] = []
    with serving(database) as client:
        cursor, turn = None, 0
        while cursor or not turn:
            asked = {"limit": 6, "layers": "key_places"} | ({"cursor": cursor} if cursor else {})
            answer = client.get("/api/resources", params=asked).json()
            seen += [feature["id"] for feature in answer["features"]]
            cursor, turn = answer["next"], turn + 1
            with writing(engine) as connection:
                write_elements(connection, spots(f"new{turn}-", 3), since=TODAY, **HERE)
                moved = [place(f"old{n}", WEST + 2e-4 * n, SOUTH + STEP / 3) for n in range(turn, 8)]
                write_elements(connection, moved, since=TODAY, **HERE)
                connection.execute(
                    text("UPDATE element SET valid = daterange(since, :day) WHERE source_ref = :ref AND since < :day"),
                    {"day": TODAY, "ref": f"old{30 + turn}"},
                )
    with writing(engine) as connection:
        unchanged = connection.execute(
            text("SELECT element_id FROM element WHERE source_ref ~ '^old' AND upper_inf(valid) AND since = :day"),
            {"day": FIRST},
        ).scalars()
        assert set(unchanged) <= set(seen)
    assert len(seen) == len(set(seen)) and turn > 6


def test_a_cursor_keeps_to_its_day(scattered: Scattered) -> None:
    first = scattered.client.get("/api/resources", params={"limit": 5, "as_of": "2026-03-01"}).json()
    following = scattered.client.get("/api/resources", params={"limit": 5, "cursor": first["next"]}).json()
    assert following["as_of"] == "2026-03-01"
    mixed = {"limit": 5, "cursor": first["next"], "as_of": "2026-04-01"}
    answer = scattered.client.get("/api/resources", params=mixed)
    assert (answer.status_code, answer.json()["field"]) == (400, "as_of")


@pytest.fixture()
def redrawn(database: DatabaseUrls, engine: Engine) -> Any:
    """The county whose western community became one grid in June, and a school that moved east then."""
    first, second, *others = (draft for draft in small_county() if draft.level == 4)
    above = [draft for draft in small_county() if draft.level < 4]
    merged = replace(first, name="福安社区大网格", geom=MultiPolygon([union_all([first.geom, second.geom])]))
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=FIRST, author="t", reason="t")
        write_elements(connection, buildings_in_each_grid(), since=FIRST, **HERE)
        write_elements(connection, [place("school", WEST + STEP / 3, SOUTH + STEP / 3)], since=FIRST, **HERE)
        publish(connection, [*above, merged, *others], effective_from=LATER, today=FIRST, author="t", reason="merge")
        write_elements(connection, [place("school", WEST + 1.7 * STEP, SOUTH + STEP / 3)], since=LATER, **HERE)
    with serving(database) as client:
        yield client


def test_last_years_boundaries_and_elements_are_answered_for_last_year(redrawn: TestClient) -> None:
    def counts(unit: str, day: str) -> dict[str, int]:
        answer = redrawn.get("/api/resources", params={"unit": unit, "as_of": day, "counts": "true"}).json()
        return {layer: sum(n.values()) for layer, n in answer["counts"].items() if layer != "care_persons"}

    west, gone, east = COMMUNITIES[0] + "001", COMMUNITIES[0] + "002", COMMUNITIES[1] + "001"
    assert counts(west, "2026-05-31") == {"buildings": 3, "key_places": 1}
    assert counts(west, "2026-06-01") == {"buildings": 6}
    assert counts(gone, "2026-05-31") == {"buildings": 3}
    assert redrawn.get("/api/resources", params={"unit": gone, "as_of": "2026-06-01"}).status_code == 404
    assert counts(east, "2026-05-31") == {"buildings": 3}
    assert counts(east, "2026-06-01") == {"buildings": 3, "key_places": 1}


def test_an_elements_unit_is_named_as_on_that_day(redrawn: TestClient) -> None:
    def unit_of_first_building(day: str) -> str:
        asked = {"name": "福安小区4号楼", "as_of": day}
        (feature,) = redrawn.get("/api/resources", params=asked).json()["features"]
        return str(feature["properties"]["unit"]["name"])

    assert unit_of_first_building("2026-02-01") == "福安社区第2网格"
    assert unit_of_first_building("2026-07-01") == "福安社区大网格"


def test_before_the_first_day_there_is_nothing(redrawn: TestClient) -> None:
    answer = redrawn.get("/api/resources", params={"bbox": "116,35,118,36", "as_of": "2020-01-01"}).json()
    assert (answer["features"], answer["next"]) == ([], None)


def test_a_unit_tells_its_versions_and_what_became_of_its_land(redrawn: TestClient) -> None:
    history = redrawn.get(f"/api/grids/{COMMUNITIES[0]}002/history").json()
    assert [(one["since"], one["until"]) for one in history["versions"]] == [("2026-01-01", "2026-06-01")]
    merged = history["lineage"][0]
    assert (merged["change"], merged["new_name"], merged["area_share"]) == ("merged", "福安社区大网格", 1.0)
    units = redrawn.get("/api/grids", params={"parent": COMMUNITIES[0], "as_of": "2026-05-31"}).json()["units"]
    assert [unit["code"][-3:] for unit in units] == ["001", "002"]
    revisions = redrawn.get("/api/revisions").json()["revisions"]
    assert [one["number"] for one in revisions] == [2, 1]


def test_features_are_geojson_that_shapely_reads(scattered: Scattered) -> None:
    asked = {"layers": "buildings,key_places,grids,streets", "limit": 1000}
    answer = scattered.client.get("/api/resources", params=asked)
    assert answer.headers["content-type"] == "application/geo+json"
    collection = answer.json()
    assert set(collection) == {"type", "as_of", "next", "features"}
    for feature in collection["features"]:
        assert feature["type"] == "Feature" and isinstance(feature["id"], str)
        shape = shapely.from_geojson(shapely.to_geojson(shapely.geometry.shape(feature["geometry"])))
        assert shape.is_valid and not shape.is_empty
        west, south, east, north = shape.bounds
        assert 116.9 < west <= east < 117.1 and 35.3 < south <= north < 35.5
        assert None not in feature["properties"].values()
