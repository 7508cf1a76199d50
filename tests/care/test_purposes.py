"""No record without a complete purpose in force, and none for longer than it says; also against the tables' owner."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gismap.access.values import Role
from gismap.care.purposes import add_purpose, end_purpose
from gismap.care.retention import delete_overdue
from gismap.care.values import IdentityField
from gismap.elements.care_counts import publish_care_counts
from gismap.elements.sealing import seal
from gismap.elements.writing import write_elements
from gismap.errors import BadInputError, ConflictError
from gismap.store.session import writing
from tests.care.conftest import MINE, TODAY, County, persons, token_of
from tests.care.test_seeing import OFFICER, WORKER, listed, reveal
from tests.furnished import purpose

WITHOUT: list[dict[str, Any]] = [
    {"title": " "}, {"legal_basis": "habit"}, {"legal_reference": ""}, {"notice": "\t"}, {"assessment": ""},
    {"owner": ""}, {"recipients": []}, {"recipients": [" "]}, {"categories": []}, {"categories": ["petitioner"]},
    {"retention_days": 0}, {"retention_days": 36_500}, {"expires_at": datetime.now(UTC) - timedelta(seconds=1)},
    {"expires_at": datetime.now(UTC) + timedelta(days=5000)}, {"notice_on": date(2999, 1, 1)},
]  # fmt: skip


@pytest.mark.parametrize("lack", WITHOUT, ids="-".join)
def test_a_purpose_that_lacks_anything_is_not_recorded(shared: County, lack: dict[str, Any]) -> None:
    with pytest.raises(BadInputError), writing(shared.owner) as connection:
        add_purpose(connection, replace(purpose("lacking"), **lack), made_by="test")
    assert shared.rows("SELECT 1 FROM purpose WHERE purpose = 'lacking'") == []


NEEDED = {
    "title": "''", "legal_basis": "'habit'", "legal_reference": "''", "notice": "''", "notice_on": "NULL",
    "assessment": "''", "owner": "''", "recipients": "'{}'", "categories": "'{}'", "retention_days": "0",
    "expires_at": "NULL", "made_by": "NULL", "purpose": "'no such name!'",
}  # fmt: skip


@pytest.mark.parametrize("column", NEEDED)
@pytest.mark.parametrize("empty", ["NULL", "''"])
def test_not_even_the_owner_of_the_tables_can_store_half_a_purpose(shared: County, column: str, empty: str) -> None:
    wrong = "NULL" if empty == "NULL" else NEEDED[column]
    values = {
        "purpose": "'half'", "title": "'t'", "legal_basis": "'consent'", "legal_reference": "'r'", "notice": "'n'",
        "notice_on": "current_date", "assessment": "'a'", "owner": "'o'", "recipients": "'{r}'",
        "categories": "'{very_old}'", "retention_days": "30", "expires_at": "now() + interval '1 day'",
        "made_by": "'m'",
    } | {column: wrong}  # fmt: skip
    with pytest.raises(IntegrityError):
        shared.do(f"INSERT INTO purpose ({', '.join(values)}) VALUES ({', '.join(values.values())})")


def test_no_person_is_stored_without_a_purpose_or_for_one_that_does_not_serve_the_kind(shared: County) -> None:
    someone = replace(persons()[-1], source_ref="new", part_of=None)
    with pytest.raises(IntegrityError, match="needs a purpose"), writing(shared.owner) as connection:
        write_elements(connection, [someone], source="s", source_crs="EPSG:4490", since=TODAY)
    with pytest.raises(IntegrityError, match="needs a purpose"):
        shared.do("UPDATE element SET category = 'petitioner' WHERE layer = 'care_persons'")
    with pytest.raises(IntegrityError, match="needs a purpose"):
        shared.do("UPDATE element SET layer = 'care_persons', name = NULL, attributes = '{}' WHERE layer = 'buildings'")
    with pytest.raises(IntegrityError):
        shared.do("UPDATE care_person SET purpose = 'none'")


def test_a_person_cannot_lose_the_record_that_names_the_purpose(shared: County) -> None:
    with pytest.raises(IntegrityError, match="needs a purpose"):
        shared.do("DELETE FROM care_person")


@pytest.mark.parametrize("column", ["name = '张桂英'", """attributes = '{"phone": "13812345678"}'"""])
def test_the_master_record_of_a_person_takes_no_name_and_no_attributes(shared: County, column: str) -> None:
    with pytest.raises(IntegrityError):
        shared.do(f"UPDATE element SET {column} WHERE layer = 'care_persons'")


def shows(county: County) -> set[str]:
    client = county.as_(OFFICER)
    seen = set(listed(client))
    for person in county.ids.values():
        assert (client.get(f"/api/care/persons/{person}").status_code == 200) == (person in seen)
        assert (reveal(client, person, "name").status_code in (200, 400)) == (person in seen)
    token = token_of(client)
    told = county.asked(token, "SELECT element_id FROM care_person JOIN element USING (version_id)")
    assert {row[0] for row in told} == seen
    return seen


def by_ending(county: County) -> None:
    with writing(county.owner) as connection:
        end_purpose(connection, "visits", actor="test")


def by_the_clock(county: County) -> None:
    county.do("UPDATE purpose SET expires_at = now() - interval '1 second'")


def by_retention(county: County) -> None:
    county.do("UPDATE care_person SET kept_until = now() - interval '1 second'")


@pytest.mark.parametrize("over", [by_ending, by_the_clock, by_retention])
def test_what_is_over_shows_to_nobody_counts_nobody_and_is_deleted_by_the_next_run(
    own: County, over: Callable[[County], None]
) -> None:
    assert len(shows(own)) == 4
    home = own.value("SELECT part_of FROM element WHERE element_id = :it", it=own.ids["plain"])
    over(own)
    assert shows(own) == set()
    with writing(own.owner) as connection:
        seal(connection, home, "受保护证人", sealed_by="a")
    if over is by_retention:
        own.do("UPDATE sealed.care_person SET kept_until = now() - interval '1 second'")
    with writing(own.owner) as connection:
        publish_care_counts(connection, TODAY, today=TODAY)
        assert own.rows("SELECT 1 FROM care_count WHERE shown IS NOT NULL") == []
        assert delete_overdue(connection, actor="clock").persons == 5
    for table in ("care_person", "care_secret", "sealed.care_person", "sealed.care_secret"):
        assert own.rows(f"SELECT 1 FROM {table}") == [], table
    for schema in ("public", "sealed"):
        assert own.rows(f"SELECT 1 FROM {schema}.element WHERE layer = 'care_persons'") == []
    entry = own.value("SELECT record FROM audit WHERE record ->> 'action' = 'retention'")
    assert set(entry["detail"]["persons"]) == set(own.ids.values()) and entry["detail"]["purposes"] == ["visits"]


def test_superseded_versions_are_kept_for_a_month_and_no_longer(own: County) -> None:
    own.do("UPDATE element SET valid = daterange(since, current_date - 60), recorded_at = now() - interval '90 days'"
           " WHERE element_id = :it", it=own.ids["li"])  # fmt: skip
    own.do("UPDATE element SET valid = daterange(since, current_date - 3), recorded_at = now() - interval '90 days'"
           " WHERE element_id = :it", it=own.ids["zhang"])  # fmt: skip
    with writing(own.owner) as connection:
        kept = delete_overdue(connection, actor="clock")
    assert (kept.persons, kept.versions) == (0, 1)
    assert own.rows("SELECT 1 FROM element WHERE element_id = :it", it=own.ids["li"]) == []
    assert own.rows("SELECT 1 FROM element WHERE element_id = :it", it=own.ids["zhang"]) == [(1,)]


def test_counts_are_published_once_a_month_and_hold_no_drill(own: County) -> None:
    own.do("INSERT INTO purpose SELECT (jsonb_populate_record(p, '{\"purpose\": \"drill-9\", \"is_drill\": true}')).*"
           " FROM purpose p")  # fmt: skip
    own.do("UPDATE care_person SET purpose = 'drill-9' WHERE version_id IN (SELECT version_id FROM element"
           " WHERE category = 'disability')")  # fmt: skip
    with writing(own.owner) as connection:
        publish_care_counts(connection, TODAY, today=TODAY)
    assert own.rows("SELECT 1 FROM care_count WHERE category = 'disability'") == []
    with pytest.raises(ConflictError, match="once"), writing(own.owner) as connection:
        publish_care_counts(connection, TODAY, today=TODAY)
    assert own.value("SELECT max(shown) FROM care_count") is None
    told = own.as_(Role.VIEWER).get(f"/api/grids/{MINE}").json()["care_persons"]["counts"]
    assert set(told.values()) == {"withheld"}


def test_purposes_are_told_whole_to_whoever_reads_persons(shared: County) -> None:
    told = shared.as_(WORKER, MINE).get("/api/care/purposes").json()["purposes"]
    assert [each["purpose"] for each in told] == ["visits"]
    assert set(told[0]["fields"]) == {field.value for field in IdentityField}
    assert told[0]["assessment"] and told[0]["legal_reference"] and told[0]["recipients"] and told[0]["owner"]
    with writing(shared.owner) as connection:
        assert connection.execute(text("SELECT count(*) FROM purpose")).scalar() == 1
