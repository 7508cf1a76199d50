"""Members of staff as features: masked, with their posts, and found by nothing that is not shown of them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.districts import COMMUNITIES
from tests.furnished import PERSON, PHONE


def staff(client: TestClient, headers: dict[str, str] | None = None, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/resources", params={"layers": "staff", **asked}, headers=headers)
    assert PERSON not in answer.text and PHONE not in answer.text
    return [feature["properties"] for feature in answer.json()["features"]]


def test_staff_are_shown_masked_with_their_posts(client: TestClient) -> None:
    members = staff(client, unit=COMMUNITIES[0] + "001")
    shown = {(one["name"], one["phone"], one["employment"]) for one in members}
    assert shown == {("诸葛*", "139****5678", "full_time")}
    posts = sorted((post["duty"], post["title"]) for one in members for post in one["posts"])
    assert posts == [("backup", "专职网格员"), ("primary", "网格长")]


def test_posts_are_titled_in_the_readers_language(client: TestClient) -> None:
    members = staff(client, {"Accept-Language": "en"}, unit=COMMUNITIES[0] + "001")
    assert {post["title"] for one in members for post in one["posts"]} == {"Grid leader", "Full-time grid worker"}


def test_posts_are_those_of_the_day(client: TestClient) -> None:
    assert all("posts" in one for one in staff(client, as_of="2026-01-01"))
    assert staff(client, as_of="2025-12-31") == []


@pytest.mark.parametrize("name", ["诸葛", "诸葛*", "*"])
def test_staff_are_found_by_their_masked_name(client: TestClient, name: str) -> None:
    assert len(staff(client, name=name)) == 6


@pytest.mark.parametrize("name", [PERSON, PERSON[2:], PERSON[:3], PHONE, PHONE[3:7], "%", "_"])
def test_staff_are_not_found_by_what_is_masked(client: TestClient, name: str) -> None:
    assert staff(client, name=name) == []
