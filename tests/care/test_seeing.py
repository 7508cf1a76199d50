"""Who sees which person in care, and how much: masked by default, a field in full with a reason and for a while."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from starlette.testclient import TestClient

from gismap.access.accounts import add_account, grant
from gismap.access.sessions import open_session
from gismap.access.values import Role
from gismap.care.values import age_band, band_start, fourteenth_birthday, masked_name, masked_phone
from gismap.store.session import reading, writing
from tests.care.conftest import KEPT, MINE, OTHER, PEOPLE, SECRETS, TODAY, County, token_of
from tests.districts import COUNTY

WHY = "上门探访前确认"
OFFICER, WORKER = Role.PERSON_DATA_OFFICER, Role.CARE_WORKER
SEEING = {Role.CARE_WORKER, Role.PERSON_DATA_OFFICER, Role.CHILD_DATA_OFFICER}
GRANTABLE = [role for role in Role if not role.value.endswith("responder")]


def listed(client: TestClient, **params: Any) -> dict[str, dict[str, Any]]:
    answer = client.get("/api/care/persons", params=params)
    assert answer.status_code == 200, answer.text
    assert not leaks(answer.text)
    return {person["element_id"]: person for person in answer.json()["persons"]}


def leaks(answer: str) -> set[str]:
    return {secret for secret in SECRETS if secret in answer}


def reveal(client: TestClient, person: str, *fields: str, reason: str = WHY) -> Any:
    return client.post(f"/api/care/persons/{person}/reveal", json={"fields": list(fields), "reason": reason})


# ── masked by default, in the own territory ────────────────────────────────────────────────────────────────────────


def test_a_person_is_told_masked_at_the_buildings_point_with_an_age_band(shared: County) -> None:
    zhang = listed(shared.as_(WORKER, MINE))[shared.ids["zhang"]]
    assert (zhang["name"], zhang["phone"]) == ("张*", "138****5678")
    assert zhang["id_number"] == "****" + PEOPLE["zhang"][2]["id_number"][-4:]
    assert zhang["age"] == age_band(1940, TODAY)
    assert zhang["building"]["address"] == "人民路1号" and "301" not in str(zhang)
    building = shared.rows(
        "SELECT round(ST_X(anchor)::numeric, 7), round(ST_Y(anchor)::numeric, 7) FROM element"
        " WHERE element_id = :it", it=zhang["building"]["element_id"]
    )  # fmt: skip
    assert [float(x) for x in building[0]] == zhang["at"]
    assert sorted(zhang["has"]) == sorted(PEOPLE["zhang"][2]) and "need" not in zhang


@pytest.mark.parametrize("role", GRANTABLE)
def test_only_roles_of_care_see_persons_and_only_in_their_territory(shared: County, role: Role) -> None:
    client = shared.as_(role, MINE)
    answer = client.get("/api/care/persons")
    if role not in SEEING:
        assert answer.status_code == 403 and not leaks(answer.text)
        assert shared.asked(token_of(client), "SELECT count(*) FROM care_person") == [(0,)]
        assert shared.asked(token_of(client), "SELECT count(*) FROM element WHERE layer = 'care_persons'") == [(0,)]
        return
    own = {"zhang", "ouyang"} | ({"child"} if role == Role.CHILD_DATA_OFFICER else set())
    assert listed(client).keys() == {shared.ids[ref] for ref in own}
    for ref in set(PEOPLE) - own:
        for path, method in (("", "GET"), ("/looks", "GET"), ("/reveal", "POST"), ("/export", "POST")):
            body = {"fields": ["name"], "reason": WHY} if path == "/reveal" else {"reason": WHY}
            more = {} if method == "GET" else {"json": body}
            hidden = client.request(method, f"/api/care/persons/{shared.ids[ref]}{path}", **more)
            assert hidden.status_code in (403, 404) and not leaks(hidden.text), (ref, path, hidden.text)


def test_whether_there_is_a_hidden_person_is_not_told(shared: County) -> None:
    client, no_such = shared.as_(WORKER, MINE), "00000000000"
    hidden, none = (client.get(f"/api/care/persons/{it}") for it in (shared.ids["li"], no_such))
    assert hidden.status_code == none.status_code == 404
    assert hidden.json()["detail"] == none.json()["detail"]


def test_a_unit_outside_of_the_territory_is_refused_and_one_around_it_shows_the_own_part(shared: County) -> None:
    client = shared.as_(WORKER, MINE)
    assert client.get("/api/care/persons", params={"unit": OTHER}).status_code == 403
    assert listed(client, unit=COUNTY) == listed(client)
    assert listed(client, unit=f"{MINE}001").keys() == {shared.ids["zhang"]}


def test_pages_follow_one_another_without_a_gap(shared: County) -> None:
    officer = shared.as_(OFFICER)
    seen, cursor = [], None
    while True:
        page = officer.get("/api/care/persons", params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        seen += [person["element_id"] for person in page["persons"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(shared.ids[ref] for ref in set(PEOPLE) - {"child"})
    assert officer.get("/api/care/persons", params={"cursor": "nonsense"}).status_code == 400


def test_a_child_shows_to_whoever_has_the_permission_for_children_alone(shared: County) -> None:
    both = shared.as_(Role.CHILD_DATA_OFFICER, MINE)
    child = listed(both)[shared.ids["child"]]
    assert child["is_child"] and child["name"] == "王*"
    assert reveal(both, shared.ids["child"], "guardian").json()["fields"] == {
        "guardian": PEOPLE["child"][2]["guardian"]
    }
    officer = shared.as_(OFFICER)
    assert shared.ids["child"] not in listed(officer)
    assert reveal(officer, shared.ids["child"], "name").status_code == 404


def test_a_child_is_none_from_the_fourteenth_birthday_on(own: County) -> None:
    own.do("UPDATE care_person SET child_until = now() - interval '1 second' WHERE child_until IS NOT NULL")
    shown = listed(own.as_(OFFICER))[own.ids["child"]]
    assert not shown["is_child"]


# ── masks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SURNAMES = st.sampled_from(["欧阳", "诸葛", "张", "王", "单于", "John", ""])
NAMES = st.builds("".join, st.tuples(SURNAMES, st.text(max_size=4).filter(lambda text: "\0" not in text)))
NUMBERS = st.one_of(
    st.from_regex(r"\+?[0-9]{0,15}\n?", fullmatch=True),
    st.text("0123456789+-() 1", max_size=16),
    st.just("13812345678"),
)


@given(st.lists(st.tuples(NAMES, NUMBERS), min_size=40, max_size=40))
@settings(max_examples=15, deadline=None)
def test_python_masks_as_the_database_does(shared: County, many: list[tuple[str, str]]) -> None:
    names, phones = ([each[i] for each in many] for i in (0, 1))
    with reading(shared.owner) as connection:
        told = connection.execute(
            text("SELECT masked_name(n), masked_phone(p) FROM unnest(CAST(:names AS text[]), CAST(:phones AS text[]))"
                 " WITH ORDINALITY AS t (n, p, i) ORDER BY i"),
            {"names": names, "phones": phones},
        ).all()  # fmt: skip
    assert [tuple(row) for row in told] == [(masked_name(n), masked_phone(p)) for n, p in many]


@pytest.mark.parametrize(
    ("name", "mask"),
    [("张桂英", "张*"), ("张伟", "张*"), ("张", "张*"), ("欧阳建国", "欧阳*"), ("欧阳", "欧*"), ("Smith", "S*")],
)  # fmt: skip
def test_a_name_shows_the_surname_and_one_star_whatever_its_length(name: str, mask: str) -> None:
    assert masked_name(name) == mask


@pytest.mark.parametrize(
    ("phone", "mask"),
    [("13812345678", "138****5678"), ("05375551234", "****1234"), ("+85298765432", "****5432"), ("5551234", "****1234"),
     ("110", "****")],
)  # fmt: skip
def test_a_phone_shows_seven_digits_of_a_mobile_number_and_four_of_others(phone: str, mask: str) -> None:
    assert masked_phone(phone) == mask


@given(st.dates(min_value=TODAY.replace(year=1900, day=1), max_value=TODAY))
def test_an_age_band_holds_the_age_and_is_five_years_wide(birth: Any) -> None:
    low, high = map(int, age_band(band_start(birth), TODAY).split("–"))
    assert low <= TODAY.year - birth.year <= high and high - low <= 4
    assert fourteenth_birthday(birth).year == birth.year + 14


# ── a field in full ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_revealed_field_shows_to_that_session_alone_and_each_reveal_is_in_the_log(shared: County) -> None:
    with writing(shared.owner) as connection:
        account = add_account(connection, "two-sessions", "Somebody", None, made_by="test")
        grant(connection, account, OFFICER, None, ends_at=KEPT, granted_by="test")
        tokens = [open_session(connection, account, kind="key", seconds=600, today=TODAY)[0] for _ in range(2)]
    here, there = map(shared.new_session, tokens)
    before = shared.value("SELECT count(*) FROM audit WHERE record ->> 'action' = 'reveal'")
    answer = reveal(here, shared.ids["zhang"], "phone", "door")
    assert answer.status_code == 200
    assert answer.json()["fields"] == {"phone": "13812345678", "door": "2单元301室"}
    path = f"/api/care/persons/{shared.ids['zhang']}"
    assert here.get(path).json()["revealed"]["fields"] == answer.json()["fields"]
    elsewhere = there.get(path)
    assert "revealed" not in elsewhere.json() and not leaks(elsewhere.text)
    assert not leaks(here.get("/api/care/persons").text)
    assert shared.asked(tokens[1], "SELECT count(*) FROM revealed(:it)", it=shared.ids["zhang"]) == [(0,)]
    entries = shared.rows("SELECT record FROM audit WHERE record ->> 'action' = 'reveal' ORDER BY seq")
    assert len(entries) == before + 1
    entry = entries[-1][0]
    assert (entry["actor"], entry["subject"]) == ("two-sessions", f"person {shared.ids['zhang']}")
    assert entry["detail"]["fields"] == ["door", "phone"] and entry["detail"]["reason"] == WHY
    assert not leaks(str(entry))


def test_after_its_time_a_revealed_field_is_masked_again(own: County) -> None:
    client, zhang = own.as_(OFFICER), own.ids["zhang"]
    reveal(client, zhang, "name")
    own.do("UPDATE reveal SET at = at - interval '10 minutes', ends_at = now() - interval '1 second'")
    answer = client.get(f"/api/care/persons/{zhang}")
    assert "revealed" not in answer.json() and not leaks(answer.text)


def test_what_was_revealed_is_gone_with_the_grant(own: County) -> None:
    client, zhang = own.as_(OFFICER), own.ids["zhang"]
    reveal(client, zhang, "name")
    own.do("UPDATE scope SET ends_at = now() - interval '1 second'")
    assert own.asked(token_of(client), "SELECT count(*) FROM revealed(:it)", it=zhang) == [(0,)]


@pytest.mark.parametrize("seconds", [901, 86_400])
def test_nobody_can_be_shown_a_field_for_longer_than_a_quarter_of_an_hour(shared: County, seconds: int) -> None:
    token = token_of(shared.as_(OFFICER))
    with pytest.raises(DBAPIError, match="reveal"):
        shared.asked(
            token, "SELECT open_reveal(:it, '{name}', 'a good reason', :seconds)", it=shared.ids["li"], seconds=seconds
        )


@pytest.mark.parametrize(
    ("fields", "reason", "status"),
    [(["name"], "  ", 400), (["name"], "abc", 400), ([], WHY, 400), (["address"], WHY, 400), (["need"], WHY, 400)],
)
def test_without_a_reason_or_for_what_is_not_kept_nothing_is_revealed(
    shared: County, fields: list[str], reason: str, status: int
) -> None:
    before = shared.value("SELECT count(*) FROM reveal")
    answer = reveal(shared.as_(OFFICER), shared.ids["li"], *fields, reason=reason)
    assert answer.status_code == status and not leaks(answer.text)
    assert shared.value("SELECT count(*) FROM reveal") == before


def test_a_reason_that_holds_a_number_of_a_person_is_not_taken_into_the_log(shared: County) -> None:
    number = PEOPLE["zhang"][2]["id_number"]
    for reason in (f"核对{number}", "回拨13812345678确认"):
        assert reveal(shared.as_(OFFICER), shared.ids["zhang"], "name", reason=reason).status_code == 400
    assert shared.value("SELECT count(*) FROM audit WHERE record::text LIKE '%' || :it || '%'", it=number) == 0


def test_who_reads_the_district_may_reveal_only_where_that_was_granted(shared: County) -> None:
    """Reading everywhere as a responder would, revealing in one community."""
    with writing(shared.owner) as connection:
        connection.execute(text("INSERT INTO role_permission VALUES ('viewer', 'care.read') ON CONFLICT DO NOTHING"))
        account = add_account(connection, "reads-all", "Somebody", None, made_by="test")
        unit = connection.execute(text("SELECT unit_id FROM grid WHERE code = :code"), {"code": MINE}).scalar_one()
        grant(connection, account, Role.VIEWER, None, ends_at=KEPT, granted_by="test")
        grant(connection, account, WORKER, unit, ends_at=KEPT, granted_by="test")
        token, _ = open_session(connection, account, kind="key", seconds=600, today=TODAY)
        connection.execute(text("DELETE FROM role_permission WHERE role = 'viewer' AND permission = 'care.read'"))
    client = shared.new_session(token)
    assert listed(client).keys() >= {shared.ids["zhang"], shared.ids["li"]}
    assert reveal(client, shared.ids["zhang"], "name").status_code == 200
    assert reveal(client, shared.ids["li"], "name").status_code == 403
    assert shared.asked(token, "SELECT open_reveal(:it, '{name}', 'because', 60)", it=shared.ids["li"]) == [(None,)]
    number = PEOPLE["li"][2]["id_number"]
    found = client.post("/api/care/persons/lookup", json={"id_number": number, "reason": WHY})
    assert found.status_code == 200 and found.json() == {"persons": []}


# ── by identity number, and who looked ─────────────────────────────────────────────────────────────────────────────


def test_a_number_finds_its_person_masked_and_is_entered_nowhere(shared: County) -> None:
    number = PEOPLE["zhang"][2]["id_number"]
    client = shared.as_(WORKER, MINE)
    found = client.post("/api/care/persons/lookup", json={"id_number": f" {number} ", "reason": WHY})
    assert [person["element_id"] for person in found.json()["persons"]] == [shared.ids["zhang"]]
    assert not leaks(found.text)
    theirs = client.post("/api/care/persons/lookup", json={"id_number": PEOPLE["li"][2]["id_number"], "reason": WHY})
    assert theirs.json() == {"persons": []}
    wrong = client.post("/api/care/persons/lookup", json={"id_number": number[:-1] + "#", "reason": WHY})
    assert wrong.status_code == 400 and number[:-1] not in wrong.text
    entries = shared.rows("SELECT record FROM audit WHERE record ->> 'action' = 'look up person'")
    assert [shared.ids["zhang"]] in [entry["detail"]["persons"] for (entry,) in entries]
    assert number not in str(entries)


def test_every_look_at_a_person_is_told_to_whoever_sees_the_person(shared: County) -> None:
    client, zhang = shared.as_(WORKER, MINE), shared.ids["zhang"]
    listed(client)
    client.get(f"/api/care/persons/{zhang}")
    reveal(client, zhang, "name")
    looks = client.get(f"/api/care/persons/{zhang}/looks").json()["looks"]
    assert {"reveal", "read person", "list persons in care"} <= {look["action"] for look in looks}
    assert not leaks(str(looks))
    assert not any(shared.ids["ouyang"] in str(look) for look in looks)


# ── with SQL of one's own, as the service ──────────────────────────────────────────────────────────────────────────

CLOSED = [
    "SELECT lookup FROM care_person", "SELECT * FROM care_secret", "SELECT * FROM reveal", "SELECT * FROM seal",
    "SELECT * FROM care_forgotten", "SELECT * FROM sealed.element", "SELECT * FROM sealed.care_secret",
    "SELECT * FROM digital_identity", "SELECT * FROM import_batch",
    "INSERT INTO purpose SELECT * FROM purpose", "UPDATE purpose SET expires_at = 'infinity'", "DELETE FROM purpose",
    "UPDATE care_category SET approved_by = 'x'", "INSERT INTO care_category VALUES ('x', 'x', 'x')",
    "UPDATE care_person SET kept_until = 'infinity'", "UPDATE care_person SET shown_name = 'x'",
    "DELETE FROM care_person", "INSERT INTO care_secret VALUES (1, 'name', 1, '')", "DELETE FROM care_secret",
    "INSERT INTO reveal (element_id, digest, fields, reason, ends_at) VALUES ('x', '', '{}', 'long', now())",
    "UPDATE reveal SET ends_at = 'infinity'", "UPDATE emergency SET ends_at = 'infinity'",
    "INSERT INTO emergency (document) VALUES ('x')", "DELETE FROM seal", "UPDATE element SET category = 'x'",
    "DELETE FROM element", "INSERT INTO care_count VALUES ('x', now(), 'x', 1)", "UPDATE care_count SET shown = 1",
    "SELECT care_has_purpose()", "SELECT grant_within_emergency()",
    "INSERT INTO role_permission VALUES ('viewer', 'care.read')",
]  # fmt: skip


@pytest.mark.parametrize("sql", CLOSED)
def test_the_services_role_may_not(shared: County, sql: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|trigger functions can only"):
        shared.asked(token_of(shared.as_(OFFICER)), sql)


ABOUT = [
    "SELECT * FROM care_person c JOIN element e USING (version_id) WHERE e.element_id = :it",
    "SELECT 1 WHERE care_version(:it, 'care.read') IS NOT NULL",
    "SELECT 1 WHERE care_version(:it, 'see') IS NOT NULL",
    "SELECT 1 WHERE open_reveal(:it, '{name}', 'a good reason', 60) IS NOT NULL",
    "SELECT * FROM revealed(:it)",
    "SELECT * FROM care_copy(:it)",
    "SELECT 1 WHERE care_correct(:it, 'name', 1::smallint, '', '{}') <> 0",
    "SELECT 1 WHERE care_forget(:it, '{}') <> 0",
    "SELECT * FROM looks_at(:it, 100)",
]


@pytest.mark.parametrize("sql", ABOUT)
@pytest.mark.parametrize("who", ["worker elsewhere", "officer elsewhere", "dispatcher", "nobody", "forged"])
def test_no_function_tells_or_does_anything_about_somebody_elsewhere(shared: County, sql: str, who: str) -> None:
    tokens = {"nobody": "", "forged": "x" * 43}
    roles = {
        "worker elsewhere": (WORKER, MINE),
        "officer elsewhere": (OFFICER, MINE),
        "dispatcher": (Role.DISPATCHER, None),
    }
    token = tokens[who] if who in tokens else token_of(shared.as_(*roles[who]))
    columns = sql.replace("SELECT *", "SELECT c.version_id" if "care_person c" in sql else "SELECT *")
    assert shared.asked(token, columns, it=shared.ids["li"]) == []


def test_no_number_of_a_version_tells_whether_it_is_a_person(shared: County) -> None:
    """The function of the policy is asked about every version there could be."""
    token = token_of(shared.as_(WORKER, MINE))
    told = shared.asked(token, "SELECT n FROM generate_series(1, 60) n WHERE care_shown(n)")
    own = shared.rows(
        "SELECT version_id FROM care_person JOIN element USING (version_id) WHERE element_id = ANY (:own)",
        own=[shared.ids["zhang"], shared.ids["ouyang"]],
    )
    assert sorted(told) == sorted(own)


def test_an_auditor_of_a_community_sees_the_lists_that_showed_somebody_of_it(shared: County) -> None:
    def lists(auditor: TestClient) -> int:
        answer = auditor.get("/api/audit", params={"action": "list persons in care", "limit": 1000})
        return len(answer.json()["entries"])

    mine, other = shared.as_(Role.AUDITOR, MINE), shared.as_(Role.AUDITOR, OTHER)
    before = lists(mine), lists(other)
    for asked in ({}, {"unit": COUNTY}, {"unit": MINE}):
        listed(shared.as_(OFFICER), **asked)
    assert (lists(mine), lists(other)) == (before[0] + 3, before[1] + 2)
    told = mine.get("/api/audit", params={"action": "list persons in care", "limit": 3}).json()["entries"]
    assert [set(entry["detail"]) & {"persons", "units", "number"} for entry in told[1:]] == [set(), set()]
    assert shared.ids["zhang"] in told[0]["detail"]["persons"] and shared.ids["li"] not in str(told)
