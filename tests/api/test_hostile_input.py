"""Hostile values in every field and header of every endpoint: a 4xx or an answer, never a fault, and nothing told.

Mistakes one by one are in `test_bad_input`, requests made of the OpenAPI document in `tests.access.test_every_request`.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from gismap.access import passwords, signing_in
from gismap.access.accounts import add_account
from gismap.access.values import Role
from gismap.errors import UnauthenticatedError
from gismap.settings import Settings
from gismap.store.session import make_engine, writing
from tests.api.test_bad_input import SEARCH, assert_problem
from tests.conftest import Database, key_of, serving
from tests.districts import COMMUNITIES

JSON = {"content-type": "application/json"}
MEGABYTE = "x" * 1_000_000
HOSTILE = {
    "sql": "'; DROP TABLE element; --",
    "sql function": "370883' AND pg_sleep(9) IS NULL --",
    "nul": "\0",
    "homoglyph": "３７０８８３",
    "latin look-alike": "ѕtaff",
    "right to left": "\u202e370883",
    "lone surrogate": "\ud800",
    "a megabyte": MEGABYTE,
    "format": "%s%(x)s{0}${x}",
    "path": "../../etc/passwd",
    "header": "a\r\nSet-Cookie: gismap_session=b",
}


@pytest.fixture(scope="module")
def patient(furnished: Database) -> Iterator[TestClient]:
    """A client whose requests are not counted, with a short limit for statements."""
    with serving(furnished, requests_per_s=0, statement_timeout_ms=2000) as client:
        yield client


def fields(client: TestClient) -> list[tuple[str, str, str]]:
    """Method, path and name of every parameter in a query."""
    document = client.app.openapi()  # type: ignore[attr-defined]
    return [
        (method, path, each["name"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for each in operation.get("parameters", [])
        if each["in"] == "query"
    ]


def assert_no_fault(answer: Any) -> None:
    assert answer.status_code < 500, answer.text[:300]
    if answer.status_code >= 400:
        assert len(answer.content) < 5000, "an error repeats at length what it was sent"
        assert not any(word in answer.text for word in ("psycopg", "SELECT", "Traceback", "syntax error"))


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_no_parameter_makes_a_fault(patient: TestClient, value: str) -> None:
    for method, path, name in fields(patient):
        place = path.format(unit="370883", theme="one", person="x", number=1, a=1, b=1, plan="x", incident=1)
        text = value.encode("utf-8", "replace").decode()[:60_000]  # a longer line is refused before it gets here
        assert_no_fault(patient.request(method, place, params={name: text}, headers=JSON))


@pytest.mark.parametrize("value", [each for name, each in HOSTILE.items() if name != "a megabyte"])
def test_no_place_in_a_path_makes_a_fault(patient: TestClient, value: str) -> None:
    text = quote(value.encode("utf-8", "replace"), safe="")
    for path in ("/api/grids/{}", "/api/grids/{}/history", "/maps/{}", "/maps/static/{}", "/vendor/{}", "/{}"):
        assert_no_fault(patient.get(path.format(text)))


@pytest.mark.parametrize(
    "name",
    ["accept", "accept-language", "cookie", "origin", "host", "referer", "authorization", "if-none-match",
     "x-forwarded-for", "range", "content-type", "user-agent"],
)  # fmt: skip
def test_no_header_makes_a_fault(patient: TestClient, name: str) -> None:
    for value in HOSTILE.values():
        raw = value.encode("utf-8", "replace").replace(b"\r\n", b" ")
        for path in ("/api/layers", "/maps/one", "/maps/static/map.js", "/api/session"):
            assert_no_fault(patient.get(path, headers={name: raw}))


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_no_text_in_a_body_makes_a_fault(patient: TestClient, value: str) -> None:
    for path, body in (
        ("/api/session", {"username": value, "password": value}),
        ("/api/session", {value: value}),
        (SEARCH, {"area": {"unit": value}}),
        (SEARCH, {"area": {"corridor": {"street": value, "half_width_m": 5}}}),
        (SEARCH, {"area": {"polygon": {"type": value, "coordinates": []}}}),
        (SEARCH, {"filter": {"name": value, "category": value, "layers": [value], "use": value}}),
        (SEARCH, {"filter": {"attributes": {value: value}}}),
        (SEARCH, {"cursor": value}),
        (SEARCH, {"as_of": value}),
        (SEARCH, {value: 1}),
    ):
        assert_no_fault(patient.post(path, content=json.dumps(body), headers=JSON))


@pytest.mark.parametrize(
    "body",
    [
        b'{"limit":1e400}',
        b'{"limit":1e-400}',
        b'{"limit":-0.0}',
        b'{"area":{"circle":{"center":[1.17e2,3.54e1],"radius_m":1e308}}}',
        b'{"area":{"bbox":[117,35,1e999999999,36]}}',
        b'{"nearest":{"point":[117.0,35.4],"k":1E+999999999}}',
        b'{"filter":{"floors":{"min":1e999999999}}}',
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
    ids=lambda body: repr(body[:50]),
)
def test_huge_exponents_and_depths_are_refused(patient: TestClient, body: bytes) -> None:
    answer = patient.post(SEARCH, content=body, headers=JSON)
    assert_problem(answer, 400, answer.json().get("field"))


def test_of_a_key_given_twice_the_last_is_checked_as_any(patient: TestClient) -> None:
    answer = patient.post(SEARCH, content=b'{"limit":1,"limit":1000000}', headers=JSON)
    assert_problem(answer, 400, "limit")
    answer = patient.post(SEARCH, content=b'{"limit":1000000,"limit":1}', headers=JSON)
    assert answer.status_code == 200 and len(answer.json()["features"]) == 1


def test_the_whole_world_is_one_territory_to_whoever_has_one(furnished: Database) -> None:
    mine, other = COMMUNITIES
    world = {"area": {"polygon": [[[-179, -89], [179, -89], [179, 89], [-179, 89], [-179, -89]]]}, "counts": True}
    with serving(furnished, key_of(furnished, Role.VIEWER, f"{mine}001")) as client:
        inside = client.post(SEARCH, json={"area": {"unit": f"{mine}001"}, "counts": True}).json()
        told = client.post(SEARCH, json=world).json()
        assert {one["id"] for one in told["features"]} == {one["id"] for one in inside["features"]} != set()
        everywhere = {key: number for key, number in told["counts"].items() if key != "care_persons"}
        assert everywhere == {key: number for key, number in inside["counts"].items() if key != "care_persons"}
        assert client.post(SEARCH, json={"area": {"unit": other}}).status_code == 403


def test_a_question_that_takes_too_long_says_so_and_nothing_else(furnished: Database) -> None:
    with serving(furnished, statement_timeout_ms=100, requests_per_s=0) as client:
        engine = client.app.state.engine  # type: ignore[attr-defined]

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def slowly(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> tuple[str, Any]:
            return (f"SELECT pg_sleep(3); {statement}" if "element" in statement else statement), parameters

        answer = client.get("/api/resources")
        assert "took too long" in assert_problem(answer, 503)
        assert answer.headers["retry-after"]


def test_whoever_does_not_exist_is_checked_with_the_same_work(
    furnished: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements and one Argon2 of the same cost, so that neither answer nor time tells who exists."""
    owner = make_engine(furnished.owner_url)
    with writing(owner) as connection:
        add_account(connection, "who.exists", "Somebody", "a long enough password", made_by="test")
        add_account(connection, "without.password", "Somebody", None, made_by="test")
    owner.dispose()
    engine = make_engine(furnished.service_url)
    work: dict[str, list[str]] = {}
    verify = passwords._HASHER.verify
    for name in ("who.exists", "without.password", "nobody.at.all"):
        seen: list[str] = []
        work[name] = seen

        def counted(stored: str, given: str, seen: list[str] = seen) -> bool:
            seen.append(stored.rsplit("$", 2)[0])  # the parameters, which are the cost
            return verify(stored, given)

        monkeypatch.setattr(passwords, "_HASHER", type("Hasher", (), {"verify": staticmethod(counted)})())
        with pytest.raises(UnauthenticatedError) as refusal:
            signing_in.sign_in(engine, Settings(), name, "not the password", address="10.0.0.1", old_token=None)
        seen.append(refusal.value.detail)
    engine.dispose()
    assert work["who.exists"] == work["without.password"] == work["nobody.at.all"]
    assert len(work["who.exists"]) == 2
