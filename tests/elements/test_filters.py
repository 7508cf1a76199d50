"""What elements must be like: layers, categories, names, attributes, buildings; against plain Python."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.elements.conftest import NAMES, Scattered

Row = dict[str, Any]


def attribute(row: Row, key: str) -> Any:
    return row["attributes"].get(key, -1)


@pytest.mark.parametrize(
    ("asked", "is_meant"),
    [
        ({"layers": ["key_places"]}, lambda row: row["layer"] == "key_places"),
        ({"layers": ["key_places", "supplies"]}, lambda row: row["layer"] in {"key_places", "supplies"}),
        ({"category": "school"}, lambda row: row["category"] == "school"),
        ({"category": ["factory", "residential"]}, lambda row: row["category"] in {"factory", "residential"}),
        (
            {"layers": ["supplies"], "category": ["factory"]},
            lambda row: row["layer"] == "supplies" and row["category"] == "factory",
        ),
        ({"attributes": {"beds": 3}}, lambda row: attribute(row, "beds") == 3),
        ({"attributes": {"beds": 3.0}}, lambda row: attribute(row, "beds") == 3),
        ({"attributes": {"beds": "3"}}, lambda _: False),
        (
            {"attributes": {"open": True, "kind": "k2"}},
            lambda row: attribute(row, "open") is True and attribute(row, "kind") == "k2",
        ),
        ({"attributes": {"beds": {"min": 2, "max": 4}}}, lambda row: 2 <= attribute(row, "beds") <= 4),
        ({"attributes": {"beds": {"min": 8}}}, lambda row: attribute(row, "beds") >= 8),
        ({"attributes": {"kind": {"min": 0}}}, lambda _: False),
        ({"floors": {"min": 6, "max": 6}}, lambda row: row["floors"] == 6),
        ({"households": {"min": 30}}, lambda row: (row["households"] or 0) >= 30),
        ({"households": {"max": 3.5}}, lambda row: row["households"] is not None and row["households"] <= 3.5),
        ({"use": "residential"}, lambda row: row["use"] == "residential"),
        ({"use": "shop"}, lambda _: False),
    ],
    ids=lambda given: str(given) if isinstance(given, dict) else "",
)
def test_a_filter_keeps_what_is_like_it(scattered: Scattered, asked: Row, is_meant: Callable[[Row], bool]) -> None:
    expected = {row["element_id"] for row in scattered.rows if is_meant(row)}
    assert scattered.found(filter=asked) == expected
    counts = scattered.search(filter=asked, counts=True, limit=1)["counts"]
    counts.pop("care_persons", None)
    assert sum(number for layer in counts.values() for number in layer.values()) == len(expected)


@given(st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), st.integers(0, 9), st.integers(1, 9))))
@settings(max_examples=30, deadline=None)
def test_a_name_is_found_by_any_part_of_it_whatever_its_signs(scattered: Scattered, part: Any) -> None:
    name, start, length = part
    wanted = name[start : start + length]
    if not wanted.strip():
        return
    expected = {row["element_id"] for row in scattered.rows if wanted.lower() in row["name"].lower()}
    assert scattered.found(filter={"name": wanted}) == expected
    asked = {"name": wanted, "limit": 1000}
    assert {f["id"] for f in scattered.client.get("/api/resources", params=asked).json()["features"]} == expected


@pytest.mark.parametrize("wanted", ["%", "_", "\\", "'", '"'])
def test_signs_of_patterns_mean_themselves(scattered: Scattered, wanted: str) -> None:
    expected = {row["element_id"] for row in scattered.rows if wanted in row["name"]}
    assert 0 < len(expected) < len(scattered.rows) / 2
    assert scattered.found(filter={"name": wanted}) == expected


def test_what_is_no_name_of_anything_finds_nothing(scattered: Scattered) -> None:
    assert scattered.found(filter={"name": "' OR 1=1 --"}) == set()
    assert scattered.found(filter={"name": "🦄"}) == set()


def test_streets_are_told_by_part_of_their_name_with_their_length(scattered: Scattered) -> None:
    streets = scattered.client.get("/api/streets", params={"name": "路"}).json()["streets"]
    assert [(street["name"], street["parts"]) for street in streets] == [("人民路", 2)]
    assert 2400 < streets[0]["length_m"] < 2600 + 100
    assert scattered.client.get("/api/streets", params={"name": "%"}).json() == {"streets": []}


def test_a_street_that_is_not_there_is_named_with_its_likes(scattered: Scattered) -> None:
    asked = {"area": {"corridor": {"street": "人民大路", "half_width_m": 50}}}
    answer = scattered.client.post("/api/resources/search", json=asked)
    assert (answer.status_code, answer.json()["field"]) == (404, "street")
    assert "did you mean 人民路" in answer.json()["detail"]


def test_layers_are_listed_with_titles_in_both_languages(scattered: Scattered) -> None:
    layers = {layer["name"]: layer for layer in scattered.client.get("/api/layers").json()["layers"]}
    assert layers["key_places"]["title_zh"] == "重点场所" and layers["key_places"]["title_en"] == "Key places"
    assert layers["care_persons"]["sensitivity"] == "person"
