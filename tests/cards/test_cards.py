"""The card of a unit: what it is, who answers, and people and things in numbers; the units and revisions around it."""

from typing import Any

import pytest
from pyproj import Geod
from starlette.testclient import TestClient

from tests.districts import COMMUNITIES, COUNTY, SOUTH, STEP, TOWN, WEST, cell
from tests.furnished import PERSON, PHONE

LEAF = COMMUNITIES[0] + "001"


def card(client: TestClient, key: str, **more: Any) -> dict[str, Any]:
    answer = client.get(f"/api/grids/{key}", **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_grid_tells_what_it_is_and_where_it_belongs(client: TestClient) -> None:
    told = card(client, LEAF)
    assert (told["code"], told["name"], told["level"], told["level_title"]) == (LEAF, "福安社区第1网格", 4, "网格")
    assert [unit["code"] for unit in told["chain"]] == [COUNTY, TOWN, COMMUNITIES[0]]
    assert (told["is_leaf"], told["children"], told["leaves"]) == (True, 0, 1)
    assert told["bbox"] == [WEST, SOUTH, WEST + STEP, SOUTH + STEP]
    assert told["area_m2"] == pytest.approx(abs(Geod(ellps="GRS80").geometry_area_perimeter(cell(0, 0))[0]), rel=1e-6)
    assert (told["since"], told["revision"]) == ("2026-01-01", 1)


def test_people_and_things_are_told_in_numbers(client: TestClient) -> None:
    leaf, county = card(client, LEAF), card(client, COUNTY)
    assert {layer: sum(categories.values()) for layer, categories in leaf["counts"].items()} == {
        "buildings": 3,
        "key_places": 6,
        "service_stations": 1,
        "staff": 2,
    }
    assert leaf["counts"]["key_places"]["school"] == 1
    assert (leaf["households"], county["households"]) == (3 * 24, 12 * 24)
    assert county["counts"]["buildings"] == {"residential": 12} and county["counts"]["staff"] == {"": 6}
    assert (county["children"], county["leaves"]) == (1, 4)


def test_the_numbers_are_those_of_the_search(client: TestClient) -> None:
    for key in (COUNTY, TOWN, COMMUNITIES[1], LEAF):
        counts = client.get("/api/resources", params={"unit": key, "counts": "true"}).json()["counts"]
        care = counts.pop("care_persons")
        told = card(client, key)
        assert (told["counts"], told["care_persons"]["counts"]) == (counts, care)


def test_the_team_is_masked_with_who_is_called_first_at_the_top(client: TestClient) -> None:
    answer = client.get(f"/api/grids/{LEAF}")
    assert [(one["duty"], one["title"]) for one in answer.json()["team"]] == [
        ("primary", "网格长"),
        ("backup", "专职网格员"),
    ]
    assert {(one["name"], one["phone"]) for one in answer.json()["team"]} == {("诸葛*", "139****5678")}
    assert PERSON not in answer.text and PHONE not in answer.text


def test_the_card_is_found_by_code_and_by_identity_and_titled_in_english(client: TestClient) -> None:
    by_code = card(client, LEAF)
    assert card(client, by_code["unit"]) == by_code
    english = card(client, LEAF, headers={"Accept-Language": "en"})
    assert (english["level_title"], english["team"][0]["title"]) == ("Grid", "Grid leader")


def test_units_below_a_unit_are_listed_in_the_order_of_their_codes(client: TestClient) -> None:
    def below(**params: str) -> list[str]:
        return [unit["code"] for unit in client.get("/api/grids", params=params).json()["units"]]

    assert below() == [COUNTY]
    assert below(parent=TOWN) == list(COMMUNITIES)
    assert below(parent=COMMUNITIES[1]) == [COMMUNITIES[1] + "001", COMMUNITIES[1] + "002"]
    assert below(parent=LEAF) == []
    assert below(as_of="2025-12-31") == []


def test_a_revision_is_told_with_its_certificate(client: TestClient) -> None:
    (revision,) = client.get("/api/revisions").json()["revisions"]
    assert (revision["number"], revision["effective_from"]) == (1, "2026-01-01")
    assert revision["certificate"]["leaves"] == 4 and revision["certificate"]["defects"] == 0
