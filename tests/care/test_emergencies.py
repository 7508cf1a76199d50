"""Emergencies and drills: counts before, masked lists during, closed after; on a document, for 72 hours."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gismap.access import emergencies
from gismap.access.accounts import end_grant
from gismap.access.values import Role
from gismap.boundaries.service import find_unit
from gismap.care.drills import add_drill_persons, end_drill
from gismap.care.retention import delete_overdue
from gismap.elements.care_counts import publish_care_counts
from gismap.errors import BadInputError, NotFoundError
from gismap.store.session import writing
from tests.care.conftest import MINE, OTHER, TODAY, County, token_of
from tests.care.test_seeing import leaks, listed, reveal

DISPATCHER, WORKER = Role.DISPATCHER, Role.GRID_WORKER
DOCUMENT = {"document": "应急〔2026〕8号", "reason": "暴雨转移"}


def declare(county: County, unit: str = MINE, *, hours: float = 24, drill: bool = False, **more: Any) -> int:
    with writing(county.owner) as connection:
        number, ends_at, _ = emergencies.declare(
            connection, find_unit(connection, unit, TODAY).unit_id, hours=hours, is_drill=drill, today=TODAY,
            declared_by="test", **DOCUMENT | more,
        )  # fmt: skip
        if drill:
            add_drill_persons(
                connection, number, unit, document=DOCUMENT["document"], ends_at=ends_at, today=TODAY, by="test"
            )
    return number


def end(county: County, number: int) -> None:
    with writing(county.owner) as connection:
        emergencies.end(connection, number, today=TODAY, actor="test")
        end_drill(connection, number)


def may_list(county: County, role: Role, unit: str | None, **account: Any) -> bool:
    """Whether anybody is listed to a caller, who may be remembered for a second as one who may ask."""
    client = county.as_(role, unit, **account)
    answer = client.get("/api/care/persons")
    seen = county.asked(token_of(client), "SELECT element_id FROM care_person JOIN element USING (version_id)")
    assert not leaks(answer.text) and answer.status_code in (200, 403)
    assert len(seen) == len(answer.json().get("persons", [])) or answer.status_code == 403
    return bool(seen)


def seen(county: County, role: Role, unit: str | None) -> set[str]:
    names = {identity: ref for ref, identity in county.ids.items()}
    return {names[person] for person in listed(county.as_(role, unit))}


@pytest.mark.parametrize(
    "lack",
    [
        {"document": " "},
        {"reason": ""},
        {"reason": "转移13812345678"},
        {"hours": 72.1},
        {"hours": 0},
        {"hours": -1},
        {"hours": float("nan")},
    ],
    ids=str,
)
def test_without_a_document_a_reason_or_an_end_within_72_hours_nothing_opens(own: County, lack: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        declare(own, **lack)
    assert own.rows("SELECT 1 FROM emergency") == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE emergency SET ends_at = begins_at + interval '72 hours 1 second'",
        "UPDATE emergency SET document = ''",
        "UPDATE emergency SET document = NULL",
        "UPDATE access_grant SET ends_at = now() + interval '80 hours' WHERE emergency IS NOT NULL",
        "UPDATE access_grant SET emergency = NULL WHERE emergency IS NOT NULL",
        "UPDATE access_grant SET role = 'person_data_officer' WHERE emergency IS NOT NULL",
        "UPDATE access_grant SET role = 'emergency_responder' WHERE emergency IS NULL",
    ],
)
def test_not_even_the_owner_of_the_tables_can_open_lists_for_longer(own: County, sql: str) -> None:
    own.as_(DISPATCHER)
    declare(own)
    with pytest.raises(IntegrityError):
        own.do(sql)


def test_counts_before_masked_lists_during_and_closed_after_for_workers_of_the_area_alone(own: County) -> None:
    with writing(own.owner) as connection:
        publish_care_counts(connection, TODAY, today=TODAY)
    callers = [(DISPATCHER, None), (WORKER, MINE), (WORKER, f"{MINE}001"), (WORKER, OTHER), (Role.VIEWER, None),
               (Role.PLANNER, MINE)]  # fmt: skip
    assert not any(may_list(own, *caller, ends_in_s=1800) for caller in callers)
    for caller in callers:
        own.as_(*caller)
    assert "care_persons" in own.as_(WORKER, MINE, ends_in_s=1800).get(f"/api/grids/{MINE}").json()
    number = declare(own)
    assert [may_list(own, *caller) for caller in callers] == [True, True, True, False, False, False]
    assert seen(own, DISPATCHER, None) == seen(own, WORKER, MINE) == {"zhang", "ouyang", "child"}
    assert seen(own, WORKER, f"{MINE}001") == {"zhang", "child"}
    answer = reveal(own.as_(WORKER, MINE), own.ids["zhang"], "phone")
    assert answer.status_code == 403 and not leaks(answer.text)
    assert own.as_(DISPATCHER).get("/api/care/persons", params={"unit": OTHER}).status_code == 403
    end(own, number)
    assert not any(may_list(own, *caller) for caller in callers)
    actions = own.rows("SELECT record ->> 'action' FROM audit WHERE record ->> 'subject' = :it ORDER BY seq",
                       it=f"emergency {number}")  # fmt: skip
    assert actions == [("declare emergency",), ("end emergency",)]


def test_it_is_closed_by_the_clock_when_nobody_ends_it(own: County) -> None:
    own.as_(WORKER, MINE)
    number = declare(own)
    token = token_of(own.as_(WORKER, MINE))
    assert own.asked(token, "SELECT count(*) FROM care_person") == [(3,)]
    own.do("UPDATE scope SET ends_at = now() - interval '1 second' WHERE permission IN ('care.read', 'care.child')")
    assert own.asked(token, "SELECT count(*) FROM care_person") == [(0,)]
    own.do("UPDATE emergency SET begins_at = begins_at - interval '60 hours', ends_at = now() - interval '1 second'")
    with writing(own.owner) as connection, pytest.raises(NotFoundError, match="in force"):
        emergencies.in_force(connection, number)


def test_whoever_is_no_worker_of_the_area_any_more_sees_no_list(own: County) -> None:
    own.as_(WORKER, MINE)
    declare(own)
    assert may_list(own, WORKER, MINE)
    grant_id = own.value("SELECT min(grant_id) FROM access_grant WHERE role = 'grid_worker'")
    with writing(own.owner) as connection:
        end_grant(connection, grant_id, actor="test")
    assert not may_list(own, WORKER, MINE)


def test_it_goes_on_for_another_72_hours_on_another_document_and_that_is_logged(own: County) -> None:
    own.as_(WORKER, MINE)
    first = declare(own, hours=1)
    second = declare(own, hours=72, document="应急〔2026〕9号", renews=first)
    end(own, first)
    assert seen(own, WORKER, MINE) == {"zhang", "ouyang", "child"}
    entry = own.value("SELECT record FROM audit WHERE record ->> 'subject' = :it", it=f"emergency {second}")
    assert entry["action"] == "renew emergency" and entry["detail"]["renews"] == first
    assert entry["detail"]["document"] == "应急〔2026〕9号"


def by_end(county: County, number: int) -> None:
    end(county, number)


def by_retention(county: County, _number: int) -> None:
    county.do("UPDATE purpose SET expires_at = now() - interval '1 second' WHERE is_drill")
    with writing(county.owner) as connection:
        delete_overdue(connection, actor="clock")


@pytest.mark.parametrize("over", [by_end, by_retention])
def test_a_drill_shows_made_up_persons_alone_who_are_gone_at_its_end(
    own: County, over: Callable[[County, int], None]
) -> None:
    worker, viewer = own.as_(WORKER, MINE), own.as_(Role.VIEWER)
    number = declare(own, drill=True)
    assert worker.get("/api/care/persons").status_code == 403
    shown = worker.get("/api/care/drill").json()["persons"]
    assert shown and not {person["element_id"] for person in shown} & set(own.ids.values())
    assert all(person["purpose"] == f"drill-{number}" and not person["has"] for person in shown)
    assert all(person["unit"]["code"].startswith(MINE) for person in shown)
    assert viewer.get("/api/care/drill").status_code == 403
    officer = own.as_(Role.PERSON_DATA_OFFICER)
    assert {person["purpose"] for person in officer.get("/api/care/persons").json()["persons"]} == {"visits"}
    over(own, number)
    assert own.rows("SELECT 1 FROM care_person WHERE purpose LIKE 'drill%'") == []
    after = worker.get("/api/care/drill")
    assert after.status_code == 403 or after.json()["persons"] == []
    assert own.value("SELECT count(*) FROM element WHERE layer = 'care_persons'") == len(own.ids)


def test_no_list_of_a_drill_or_emergency_says_who_was_tested(shared: County) -> None:
    columns = {row[0] for row in shared.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name IN ('care_person', 'emergency', 'purpose')"
    )}  # fmt: skip
    assert not {column for column in columns if "test" in column or "result" in column or "position" in column}


def test_what_the_service_is_told_of_emergencies_holds_no_person(own: County) -> None:
    own.as_(DISPATCHER)
    declare(own)
    with writing(own.owner) as connection:
        told = connection.execute(text("SELECT t::text FROM emergency t")).scalars().all()
    assert not leaks(str(told)) and not any(person in str(told) for person in own.ids.values())
