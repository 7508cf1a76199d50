"""Reports: located at once or waiting for a person, once for every key, with likely duplicates told."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gismap.access.values import Role
from tests.districts import SOUTH, STEP, WEST, centre
from tests.incidents.conftest import EAST_SIDE, GRID, NUMBER, WEST_SIDE, WHY, County

ON_THE_BORDER = {"x": WEST + STEP, "y": SOUTH + STEP / 2}


def test_a_report_is_located_and_keeps_what_it_was_located_by(county: County) -> None:
    told = county.report(text="路灯不亮", photos=["p/1.jpg"])
    assert (told["status"], told["verdict"]) == ("reported", "certain")
    shown = county.shown(told["incident"])
    assert shown["unit"]["code"] == GRID and shown["unit_at_report"] == shown["unit"]["unit"]
    assert shown["report"]["revision"] == 1 and shown["report"]["position"]["crs"] == "cgcs2000"
    assert shown["report"]["candidates"][0]["code"] == GRID and shown["report"]["photos"] == ["p/1.jpg"]
    assert [event["action"] for event in shown["history"]] == ["report"]


def test_words_alone_find_the_place(county: County) -> None:
    told = county.report(x=None, y=None, text="福安小区1号楼")
    assert (told["status"], told["verdict"]) == ("reported", "certain")
    assert county.shown(told["incident"])["unit"]["code"] == GRID


@pytest.mark.parametrize(
    ("report", "verdict", "around"),
    [
        ({"x": None, "y": None, "text": "人民路"}, "ask", None),
        ({"x": None, "y": None, "text": "天知道的什么地方"}, "not_found", "370883001"),
        (ON_THE_BORDER, "boundary", "370883001"),
        ({"x": WEST + STEP, "y": SOUTH + STEP}, "boundary", "370883001"),
        ({"x": WEST - STEP, "y": SOUTH}, "outside", None),
        ({"x": centre(1, 1)[0], "y": centre(1, 1)[1], "text": "福安小区1号楼"}, "disagree", "370883001"),
    ],
)
def test_what_is_in_doubt_waits_for_a_person_who_sees_the_candidates(
    county: County, report: dict[str, Any], verdict: str, around: str | None
) -> None:
    told = county.report(**report)
    assert (told["status"], told["verdict"], told["unit"]) == ("to_place", verdict, None)
    queue = county.desk.get("/api/incidents", params={"status": "to_place"}).json()["incidents"]
    waiting = next(one for one in queue if one["incident"] == told["incident"])
    assert waiting["placed_unit"] is None
    if around is not None:
        assert waiting["unit"]["code"] == around
    if verdict == "disagree":
        assert {GRID, f"{EAST_SIDE}002"} == {one["code"] for one in told["candidates"]}


def test_words_say_on_which_side_of_a_border_a_position_is(county: County) -> None:
    lat = centre(0, 0)[1]
    told = county.report(x=WEST + STEP - 1e-5, y=lat, accuracy=30, text="福安小区1号楼")
    assert (told["status"], told["verdict"]) == ("reported", "certain")
    assert county.shown(told["incident"])["unit"]["code"] == GRID


def test_a_person_decides_and_a_moved_pin_keeps_both_places(county: County) -> None:
    number = county.report(**ON_THE_BORDER)["incident"]
    lon, lat = centre(1, 0)
    placed = county.desk.post(f"/api/incidents/{number}/place", json={"unit": f"{EAST_SIDE}001"})
    assert placed.json()["status"] == "reported"
    county.did(number, "dispatch", "acknowledge")
    without = county.desk.post(f"/api/incidents/{number}/place", json={"x": lon, "y": lat + STEP})
    assert (without.status_code, without.json()["field"]) == (400, "reason")
    moved = county.desk.post(f"/api/incidents/{number}/place", json={"x": lon, "y": lat + STEP, "reason": WHY})
    assert moved.json()["status"] == "dispatched"
    shown = county.shown(number)
    assert shown["unit"]["code"] == f"{EAST_SIDE}002" and shown["handler"] is None
    last = shown["history"][-1]["detail"]
    assert last["from"]["lon"] == pytest.approx(ON_THE_BORDER["x"]) and last["to"]["lat"] == pytest.approx(lat + STEP)
    assert last["from"]["unit"] != last["to"]["unit"] == shown["placed_unit"]["unit"]
    assert shown["report"]["at"] == pytest.approx(list(ON_THE_BORDER.values()))


def test_a_doubtful_place_is_decided_by_naming_the_unit(county: County) -> None:
    number = county.report(**ON_THE_BORDER)["incident"]
    refused = county.desk.post(f"/api/incidents/{number}/place", json=ON_THE_BORDER)
    assert refused.status_code == 409 and GRID in refused.json()["detail"]
    both = county.desk.post(f"/api/incidents/{number}/place", json=ON_THE_BORDER | {"unit": GRID})
    assert both.json()["status"] == "reported"


@pytest.mark.parametrize(
    ("report", "field"),
    [
        ({"category": "dragons", "text": "龙"}, "category"),
        ({"category": "help"}, "text"),
        ({"category": "help", "text": f"打我电话{NUMBER}"}, "text"),
        ({"category": "help", "text": "有人吗", "contact": {"phone": "123"}}, "contact.phone"),
        ({"category": "help", "text": "a\0b"}, "text"),
        ({"category": "help", "text": "求助", "channel": "dream"}, "channel"),
        ({"category": "help", "x": True, "y": 35.4}, "x"),
        ({"category": "help", "x": 117.0}, "body"),
        ({"category": "help", "text": "求助", "about_user": "nobody-at-all"}, "about_user"),
    ],
)
def test_a_report_that_cannot_be_taken_names_what_is_wrong(county: County, report: dict[str, Any], field: str) -> None:
    answer = county.desk.post("/api/incidents", json=report)
    assert answer.status_code in (400, 404) and answer.json()["field"] == field, answer.text
    assert NUMBER not in answer.text


def test_the_same_key_fifty_times_at_once_makes_one_incident_and_one_answer(county: County) -> None:
    lon, lat = centre(0, 1)
    body = {"category": "noise", "x": lon, "y": lat, "text": "半夜施工", "contact": {"phone": NUMBER}}
    desk = county.desk

    def send(_: int) -> tuple[int, bytes]:
        answer = desk.post("/api/incidents", json=body, headers={"Idempotency-Key": "fifty"})
        return answer.status_code, answer.content

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(send, range(50)))
    assert len(answers) == 1 and next(iter(answers))[0] == 201
    assert county.rows("SELECT count(*) FROM incident WHERE words = '半夜施工'") == [(1,)]
    other = desk.post("/api/incidents", json=body | {"text": "别的"}, headers={"Idempotency-Key": "fifty"})
    assert (other.status_code, other.json()["field"]) == (409, "Idempotency-Key")


def test_a_key_is_the_callers_own_and_one_that_failed_is_free_again(county: County) -> None:
    lon, lat = centre(0, 0)
    body, key = {"category": "help", "x": lon, "y": lat}, {"Idempotency-Key": "mine"}
    assert county.desk.post("/api/incidents", json=body | {"category": "dragons"}, headers=key).status_code == 400
    first = county.desk.post("/api/incidents", json=body, headers=key)
    other = county.as_(Role.GRID_WORKER, WEST_SIDE).post("/api/incidents", json=body, headers=key)
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["incident"] != other.json()["incident"]


def test_likely_duplicates_are_told_and_merging_leaves_one_matter_with_every_asker(county: County) -> None:
    lon, lat = centre(1, 1)
    first = county.report(category="environment", x=lon, y=lat, text="垃圾无人清")
    near = county.report(category="environment", x=lon + 5e-4, y=lat)
    far = county.report(category="environment", x=lon + 3e-3, y=lat)
    other = county.report(category="safety", x=lon, y=lat)
    assert [one["incident"] for one in near["alike"]] == [first["incident"]]
    assert near["alike"][0]["distance_m"] == pytest.approx(45, abs=2)
    assert (far["alike"], other["alike"]) == ([], [])
    merged = county.act(near["incident"], "merge", parent=first["incident"])
    assert merged.json()["status"] == "merged"
    parent = county.shown(first["incident"])
    assert parent["merged"] == [near["incident"]] and len(parent["askers"]) == 2
    again = county.act(near["incident"], "merge", parent=first["incident"])
    assert again.status_code == 409
    county.did(first["incident"], "dispatch", "acknowledge", "handle", "resolve")
    told_one = county.act(first["incident"], "feedback", askers=[near["asker"]])
    assert told_one.json()["status"] == "resolved"
    assert county.did(first["incident"], "feedback", "close") == "closed"


def test_the_same_asker_is_recognised_by_the_number(county: County) -> None:
    first = county.report(category="consultation", contact={"phone": "138-0000-1111"})
    lon, lat = centre(1, 0)
    again = county.report(category="consultation", x=lon, y=lat, contact={"phone": "13800001111"})
    assert [(one["incident"], one["same_asker"]) for one in again["alike"]] == [(first["incident"], True)]


def test_of_two_that_are_merged_into_each_other_at_once_one_is_left(county: County) -> None:
    for _ in range(5):
        pair = [county.report()["incident"] for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            sent = [pool.submit(county.act, pair[k], "merge", parent=pair[1 - k]) for k in range(2)]
        codes = [one.result().status_code for one in sent]
        assert sorted(codes) == [200, 409]
        assert sorted(county.shown(number)["status"] for number in pair) == ["merged", "reported"]
