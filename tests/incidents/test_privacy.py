"""Whoever asked is told to nobody but who has to call back; whom a matter is about never gets to see it."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.care.rotation import rotate
from gismap.incidents.keeping import do_what_is_due
from gismap.store.keyring import read_keyring
from gismap.store.session import writing
from tests.care.conftest import everything
from tests.conftest import TODAY
from tests.districts import TOWN
from tests.incidents.conftest import CALLER, GRID, NUMBER, WEST_SIDE, WHY, County

CONTACT = {"phone": "137-7776-6655", "name": CALLER}


def ask_for_contact(client: TestClient, number: int, reason: str = "需要回访诉求人") -> Any:
    return client.post(f"/api/incidents/{number}/contacts", json={"reason": reason})


def username_of(client: TestClient) -> str:
    return str(client.get("/api/session").json()["username"])


def test_the_contact_is_in_no_answer_list_log_or_table(county: County, capfd: pytest.CaptureFixture[str]) -> None:
    told = county.report(contact=CONTACT, text="路灯坏了")
    number = told["incident"]
    county.did(number, "dispatch", "acknowledge")
    answers = [
        str(told),
        county.desk.get("/api/incidents?limit=200").text,
        county.desk.get(f"/api/incidents/{number}").text,
        county.desk.post("/api/incidents", json={"category": "no", "text": "x", "contact": CONTACT}).text,
        county.desk.post("/api/incidents", json={"category": 1, "contact": CONTACT}).text,
        county.as_(Role.AUDITOR).get("/api/audit").text,
        everything(county),  # type: ignore[arg-type]
        "".join(capfd.readouterr()),
    ]
    for answer in answers:
        assert not any(secret in answer for secret in (NUMBER, CALLER, CONTACT["phone"]))


def test_only_who_took_it_or_a_dispatcher_with_an_answer_due_is_told_whom_to_call(county: County) -> None:
    number = county.report(contact=CONTACT)["incident"]
    worker, other = county.as_(Role.GRID_WORKER, GRID), county.as_(Role.GRID_WORKER, GRID, 1)
    assert ask_for_contact(county.desk, number).status_code == 403
    county.did(number, "dispatch")
    assert ask_for_contact(worker, number).status_code == 403
    county.did(number, "acknowledge", client=worker)
    assert ask_for_contact(worker, number).json()["contacts"][0] | {"asker": ""} == {
        "asker": "", "phone": NUMBER, "name": CALLER,
    }  # fmt: skip
    assert ask_for_contact(other, number).status_code == 403
    assert ask_for_contact(worker, number, "abc").status_code == 400
    county.did(number, "handle", "resolve", client=worker)
    assert ask_for_contact(county.desk, number).status_code == 200
    county.did(number, "feedback", "close")
    assert ask_for_contact(worker, number).status_code == 403


def test_a_look_at_the_contact_is_entered_with_its_reason(county: County) -> None:
    number = county.report(contact=CONTACT)["incident"]
    county.did(number, "dispatch", "acknowledge")
    ask_for_contact(county.desk, number, "核实具体位置")
    log = county.as_(Role.AUDITOR).get("/api/audit", params={"subject": f"incident {number}"}).json()["entries"]
    assert [(one["action"], one["detail"]["reason"]) for one in log] == [("reveal asker", "核实具体位置")]
    assert log[0]["actor"] == username_of(county.desk)


def test_a_dispatcher_may_call_to_ask_where_it_is(county: County) -> None:
    number = county.report(x=None, y=None, text="我家旁边", contact=CONTACT)["incident"]
    assert ask_for_contact(county.desk, number).json()["contacts"][0]["phone"] == NUMBER


def test_who_takes_a_merged_matter_calls_everybody_who_asked(county: County) -> None:
    first, second = (county.report(contact={"phone": phone})["incident"] for phone in (NUMBER, "05375551234"))
    county.act(second, "merge", parent=first)
    county.did(first, "dispatch", "acknowledge")
    assert {one["phone"] for one in ask_for_contact(county.desk, first).json()["contacts"]} == {NUMBER, "05375551234"}


def test_a_matter_about_a_user_is_hidden_from_them_whatever_they_may(county: County) -> None:
    boss = county.as_(Role.DISPATCHER, None, 7)
    told = county.report(category="staff_complaint", about_user=username_of(boss), contact=CONTACT)
    number = told["incident"]
    assert boss.get(f"/api/incidents/{number}").status_code == 404
    assert number not in {one["incident"] for one in boss.get("/api/incidents?limit=200").json()["incidents"]}
    for answer in (county.act(number, "dispatch", boss), ask_for_contact(boss, number)):
        assert answer.status_code == 404
    assert county.asked(boss, "SELECT incident FROM incident_event WHERE incident = :n", n=number) == []
    assert county.asked(boss, "SELECT * FROM incident_contacts(:n)", n=number) == []
    alike = county.report(boss, category="staff_complaint")["alike"]
    assert number not in {one["incident"] for one in alike}
    assert county.shown(number)["report"]["is_about_staff"]


def test_a_matter_about_a_worker_goes_past_them_and_their_line(county: County) -> None:
    worker, line = county.as_(Role.GRID_WORKER, GRID), county.as_(Role.DISPATCHER, WEST_SIDE)
    above = county.as_(Role.DISPATCHER, TOWN)
    staff = county.rows(
        "SELECT staff FROM assignment JOIN grid USING (unit_id) WHERE code = :c AND duty = 'primary'", c=GRID
    )[0][0]
    for report in (
        {"category": "complaint", "about_staff": staff},
        {"category": "complaint", "about_user": username_of(worker)},
        {"category": "staff_complaint"},
    ):
        number = county.report(**report)["incident"]
        assert county.shown(number, above)["unit"]["code"] == TOWN
        for client in (worker, line):
            assert client.get(f"/api/incidents/{number}").status_code == 404
        for unit in (GRID, WEST_SIDE):
            back = county.act(number, "dispatch", above, unit=unit)
            assert (back.status_code, back.json()["field"]) == (409, "unit")
        placed = above.post(f"/api/incidents/{number}/place", json={"unit": GRID, "reason": WHY})
        assert placed.status_code == 200 and county.shown(number)["unit"]["code"] == TOWN
        plain = county.report()["incident"]
        assert county.act(number, "merge", above, parent=plain).status_code == 409


def test_contacts_are_sealed_anew_when_the_keys_change(county: County) -> None:
    number = county.report(contact=CONTACT)["incident"]
    rotate(county.owner, county.keyring_path, actor="test")
    keyring = read_keyring(county.keyring_path)
    assert keyring is not None and list(keyring.keys) == [keyring.newest]
    county.did(number, "dispatch", "acknowledge")
    assert ask_for_contact(county.desk, number).json()["contacts"][0]["phone"] == NUMBER


def test_contacts_are_forgotten_some_time_after_their_matter_was_closed(county: County) -> None:
    long_ago, lately, still_open = (county.report(contact=CONTACT)["incident"] for _ in range(3))
    for number in (long_ago, lately):
        county.did(number, "dispatch", "acknowledge", "handle", "resolve", "feedback", "close")
    county.do("UPDATE incident SET closed_at = now() - interval '181 days' WHERE incident = :n", n=long_ago)
    with writing(county.owner) as connection:
        assert do_what_is_due(connection, TODAY, actor="test").forgotten == 1
    kept = county.rows(
        "SELECT matter FROM asker WHERE sealed IS NOT NULL AND matter = ANY (:all) ORDER BY 1",
        all=[long_ago, lately, still_open],
    )
    assert kept == [(lately,), (still_open,)]
