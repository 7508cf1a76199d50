"""Every endpoint, asked by every role, inside and outside of its territory: generated from the application's routes.

A new endpoint fails here until it says whom it is for (`permit` or `open_to_all`) and how it is asked (`EXAMPLES`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.api.app import create_app
from gismap.boundaries.plan_edits import release_lock
from gismap.boundaries.plan_operations import Put, Rules
from gismap.care.writing import write_care
from gismap.elements.writing import write_elements
from gismap.geometry.codes import DEFAULT_SCHEME
from gismap.http import open_to_all
from gismap.planning.editing import edit_plan
from gismap.planning.proposing import start_plan
from gismap.settings import Settings
from gismap.store.keyring import read_keyring
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from gismap.themes.specs import THEMES
from tests.api.test_bad_input import BODIES, ODD, ODD_TEXT
from tests.care.conftest import PEOPLE, SECRETS, persons
from tests.conftest import Database, key_of, serving
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST
from tests.elements.test_care import CELLS
from tests.furnished import PERSON, PHONE, SINCE, furnish, furnish_with_care

MINE, OTHER = COMMUNITIES
TODAY = Settings().today()
NOBODY, VISITOR = "nobody", "visitor"
CALLERS = (*(role.value for role in Role), VISITOR, NOBODY)


@dataclass(frozen=True)
class Example:
    """How an endpoint is asked: about the own community and about the other, and what is then answered.

    `elsewhere` is the status that a caller of the own community gets about the other one; `nobody` that of somebody who
    is not signed in, where it is another. `holds_elements`: answers name elements, so that foreign ones would show;
    `reveals`: answers tell in full what is kept of a person.
    """

    inside: Mapping[str, Any] = field(default_factory=dict)
    outside: Mapping[str, Any] | None = None
    status: int = 200
    elsewhere: int = 200
    nobody: int | None = None
    holds_elements: bool = False
    reveals: bool = False


def about(unit: str, **more: Any) -> dict[str, Any]:
    return {"params": {"unit": unit, **more}}


def placed(name: str, value: str) -> dict[str, Any]:
    return {"place": {name: value}}


def of_person(own: bool = True, **body: Any) -> dict[str, Any]:
    """A request about the person of the own community, or of the other."""
    return placed("person", OWN_PERSON if own else FOREIGN_PERSON) | ({"json": body} if body else {})


def both_persons(**body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return of_person(True, **body), of_person(False, **body)


def both_incidents(**body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Requests about the incident of the own community, and about that of the other."""
    more = {"json": body} if body else {}
    return placed("incident", OWN_INCIDENT) | more, placed("incident", FOREIGN_INCIDENT) | more


OWN_PERSON, FOREIGN_PERSON = "(the one here)", "(the one there)"
"""Stand for the identities of two persons in care, of whom everything is kept."""

OWN_PLAN, FOREIGN_PLAN, UNTOUCHED_PLAN = "(plan here)", "(plan there)", "(plan of nothing)"
"""Stand for plans about the one community and the other, each of which changes a grid, and one that changes nothing."""


def of_plan(**body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A request about the plan here, and the same about the one there; MINE and OTHER change places in the body."""
    there = {name: value.replace(MINE, OTHER) if isinstance(value, str) else value for name, value in body.items()}
    return tuple(
        placed("plan", plan) | ({"json": said} if body else {})
        for plan, said in ((OWN_PLAN, body), (FOREIGN_PLAN, there))
    )  # type: ignore[return-value]


OWN_INCIDENT, FOREIGN_INCIDENT = "(the incident here)", "(the incident there)"
"""Stand for the numbers of two incidents whose askers left a contact."""

WHY = {"reason": "上门探访前确认"}
OWN_NUMBER, FOREIGN_NUMBER = (PEOPLE[ref][2]["id_number"] for ref in ("zhang", "li"))

LAT, LON_MINE, LON_OTHER = SOUTH + STEP / 2, WEST + STEP / 2, WEST + 1.5 * STEP
NEAR = "buildings:50,staff:50,key_places:50,service_stations:50"
WHOLE_BOX = f"{WEST},{SOUTH},{WEST + 2 * STEP},{SOUTH + 2 * STEP}"
NO_SUCH_BODY = {"json": {"username": 1}}

EXAMPLES: dict[tuple[str, str], Example] = {
    ("GET", "/health"): Example(),
    ("GET", "/ready"): Example(),
    ("GET", "/docs"): Example(),
    ("GET", "/maps/static/{name}"): Example(placed("name", "tokens.css")),
    ("GET", "/sign-in"): Example(),
    ("POST", "/api/session"): Example(NO_SUCH_BODY, status=400, elsewhere=400),
    ("GET", "/api/session"): Example(nobody=401),
    ("DELETE", "/api/session"): Example(status=403, elsewhere=403, nobody=204),
    ("GET", "/api/resources"): Example(
        about(MINE, counts="true", limit=1000), about(OTHER, counts="true", limit=1000), elsewhere=403,
        holds_elements=True,
    ),
    ("POST", "/api/resources/search"): Example(
        {"json": {"area": {"unit": MINE}, "counts": True, "limit": 1000}},
        {"json": {"area": {"polygon": [[[-179, -89], [179, -89], [179, 89], [-179, 89], [-179, -89]]]}, "limit": 1000}},
        holds_elements=True,
    ),
    ("GET", "/api/layers"): Example(),
    ("GET", "/api/streets"): Example({"params": {"name": "人民路"}}),
    ("GET", "/api/locate"): Example(
        {"params": {"x": LON_MINE, "y": LAT, "near": NEAR}}, {"params": {"x": LON_OTHER, "y": LAT, "near": NEAR}},
        holds_elements=True,
    ),
    ("GET", "/api/rulings"): Example(),
    ("POST", "/api/locate/batch"): Example(
        {"content": f"x,y\n{LON_MINE},{LAT}\n", "headers": {"content-type": "text/csv"}},
        {"content": f"x,y\n{LON_OTHER},{LAT}\n", "headers": {"content-type": "text/csv"}},
    ),
    ("GET", "/api/grids"): Example({"params": {"parent": MINE}}, {"params": {"parent": OTHER}}),
    ("GET", "/api/grids/{unit}"): Example(placed("unit", f"{MINE}001"), placed("unit", f"{OTHER}001"), elsewhere=403),
    ("GET", "/api/grids/{unit}/history"): Example(placed("unit", MINE), placed("unit", OTHER)),
    ("GET", "/api/revisions"): Example(),
    ("GET", "/api/revisions/{number}/certificate"): Example(
        placed("number", "1") | about(MINE), placed("number", "1") | about(OTHER), elsewhere=403
    ),
    # there is but one revision here: what a difference tells of whom is tested with differences
    ("GET", "/api/revisions/{a}/diff/{b}"): Example({"place": {"a": "1", "b": "1"}}, status=400, elsewhere=400),
    ("GET", "/"): Example({}, about(OTHER), elsewhere=403),
    ("GET", "/maps/{theme}"): Example(placed("theme", "one"), placed("theme", "one") | about(OTHER), elsewhere=403),
    ("GET", "/api/audit"): Example(about(MINE, counts="true"), about(OTHER, counts="true")),
    ("GET", "/api/audit/export"): Example(about(MINE), about(OTHER, format="jsonl")),
    ("POST", "/api/audit/check"): Example(),
    ("GET", "/audit"): Example(about(MINE), about(OTHER)),
    ("GET", "/care"): Example(),
    ("GET", "/api/care/categories"): Example(),
    ("GET", "/api/care/purposes"): Example(),
    ("GET", "/api/care/persons"): Example(about(MINE), about(OTHER), elsewhere=403),
    ("GET", "/api/care/drill"): Example(about(MINE), about(OTHER), elsewhere=403),
    ("POST", "/api/care/persons/lookup"): Example(
        {"json": WHY | {"id_number": OWN_NUMBER}}, {"json": WHY | {"id_number": FOREIGN_NUMBER}}
    ),
    ("GET", "/api/care/persons/{person}"): Example(*both_persons(), elsewhere=404),
    ("GET", "/api/care/persons/{person}/looks"): Example(*both_persons(), elsewhere=404),
    ("POST", "/api/care/persons/{person}/reveal"): Example(
        *both_persons(fields=["name", "phone"], **WHY), elsewhere=404, reveals=True
    ),
    ("POST", "/api/care/persons/{person}/export"): Example(*both_persons(**WHY), elsewhere=404, reveals=True),
    ("POST", "/api/care/persons/{person}/correct"): Example(
        *both_persons(fields={"door": PEOPLE["zhang"][2]["door"]}, **WHY), elsewhere=404
    ),
    ("GET", "/api/incidents/categories"): Example(),
    ("POST", "/api/incidents"): Example(  # of elsewhere one may report, too
        {"json": {"category": "help", "x": LON_MINE, "y": LAT}}, {"json": {"category": "help", "text": "人民路"}},
        status=201, elsewhere=201,
    ),
    ("GET", "/api/incidents"): Example(about(MINE), about(OTHER), elsewhere=403),
    ("GET", "/api/incidents/{incident}"): Example(*both_incidents(), elsewhere=404),
    ("POST", "/api/incidents/{incident}/place"): Example(
        *both_incidents(x=LON_MINE, y=LAT, **WHY), elsewhere=404
    ),
    # what was just reported cannot be closed, by whomever
    ("POST", "/api/incidents/{incident}/actions"): Example(*both_incidents(action="close"), status=409, elsewhere=404),
    # nobody has taken it, so that nobody has to call
    ("POST", "/api/incidents/{incident}/contacts"): Example(*both_incidents(**WHY), status=403, elsewhere=404),
    # without a reason, so that whoever asks next finds the person still
    ("POST", "/api/care/persons/{person}/delete"): Example(*both_persons(reason="abc"), status=400, elsewhere=404),
    ("GET", "/api/plans"): Example(),
    ("POST", "/api/plans"): Example(
        {"json": {"title": "调整", "about": MINE}}, {"json": {"title": "调整", "about": OTHER}},
        status=201, elsewhere=403,
    ),
    ("GET", "/api/plans/{plan}"): Example(*of_plan()),
    ("GET", "/api/plans/{plan}/grids"): Example(*of_plan()),
    ("GET", "/api/plans/{plan}/check"): Example(*of_plan()),
    ("GET", "/api/plans/{plan}/difference"): Example(*of_plan()),
    ("GET", "/api/plans/{plan}/history"): Example(*of_plan()),
    ("POST", "/api/plans/{plan}/edits"): Example(
        *of_plan(op="set", unit=f"{MINE}002", zone_type="rural"), elsewhere=403
    ),
    ("POST", "/api/plans/{plan}/undo"): Example(
        placed("plan", UNTOUCHED_PLAN), of_plan()[1], status=409, elsewhere=403
    ),
    ("POST", "/api/plans/{plan}/redo"): Example(
        placed("plan", UNTOUCHED_PLAN), of_plan()[1], status=409, elsewhere=403
    ),
    ("POST", "/api/plans/{plan}/lock"): Example(*of_plan(unit=f"{MINE}001", reason="等答复"), elsewhere=403),
    ("DELETE", "/api/plans/{plan}/lock"): Example(*of_plan(), status=204, elsewhere=403),
    ("GET", "/api/plans/{plan}/comments"): Example(*of_plan()),
    ("POST", "/api/plans/{plan}/comments"): Example(
        *of_plan(said="同意", unit=f"{MINE}001"), status=201, elsewhere=403
    ),
    ("GET", "/api/plans/{plan}/signoffs"): Example(*of_plan()),
    ("GET", "/api/plans/{plan}/signoffs/{unit}"): Example(
        {"place": {"plan": OWN_PLAN, "unit": MINE}}, {"place": {"plan": FOREIGN_PLAN, "unit": OTHER}}
    ),
    ("POST", "/api/plans/{plan}/signoffs"): Example(*of_plan(unit=MINE, verdict="agree"), elsewhere=403),
    ("POST", "/api/plans/{plan}/rebase"): Example(*of_plan(prefer="plan"), elsewhere=403),
    # a day in the past, so that nothing is requested: who may ask is tested with plans
    ("POST", "/api/plans/{plan}/publish"): Example(
        *of_plan(effective_from="2026-02-01", reason="试"), status=409, elsewhere=409
    ),
    ("DELETE", "/api/plans/{plan}/publish"): Example(*of_plan(), status=404, elsewhere=404),
}  # fmt: skip

NO_ROUTES_OF_OURS = {"/openapi.json", "/vendor"}
"""What answers without being an endpoint: it knows nothing of a district."""


def an_app() -> FastAPI:
    return create_app(Settings(database_url="postgresql://nobody@localhost/none"))


def all_routes(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route, those of included routers, too, which FastAPI keeps inside of one of its own."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from all_routes(included.routes)


def endpoints(app: FastAPI) -> dict[tuple[str, str], APIRoute]:
    routes = [route for route in all_routes(app.routes) if isinstance(route, APIRoute)]
    return {(method, route.path): route for route in routes for method in sorted(route.methods or ())}


ENDPOINTS = endpoints(an_app())


def permission_of(route: APIRoute) -> str | None:
    """What the endpoint needs; None when it is open to all."""
    needed = [one.dependency.permission for one in route.dependencies if hasattr(one.dependency, "permission")]
    is_open = open_to_all in [one.dependency for one in route.dependencies]
    assert len(needed) + is_open == 1, f"{route.path} must say whom it is for: permit(…) or open_to_all"
    return needed[0] if needed else None


@dataclass(frozen=True)
class Furnished:
    """The county as everybody meets it, what roles may do, and what a caller of the one community must not see."""

    known: TestClient
    nobody: TestClient
    keys: dict[str, str]
    district_key: str
    permissions: dict[str, set[str]]
    own: set[str]
    foreign: set[str]
    persons: set[str]
    own_persons: set[str]
    named: dict[str, str]

    def ask(self, caller: str, method: str, path: str, request: Mapping[str, Any]) -> Any:
        client = self.nobody if caller == NOBODY else self.known
        headers = {"authorization": f"Bearer {self.keys[caller]}"} if caller in self.keys else {}
        more = {name: value for name, value in request.items() if name not in ("place", "headers")}
        headers |= request.get("headers", {})
        client.cookies.clear()
        place = {name: self.named.get(value, value) for name, value in request.get("place", {}).items()}
        return client.request(method, path.format(**place), headers=headers, **more)

    def may(self, caller: str, permission: str) -> bool:
        return permission in self.permissions.get("viewer" if caller == VISITOR else caller, set())


def a_plan_of_each(connection: Connection) -> dict[str, str]:
    """The plans that stand for others in `EXAMPLES`, by what they are called there."""
    made = {}
    for name, community in ((OWN_PLAN, MINE), (FOREIGN_PLAN, OTHER), (UNTOUCHED_PLAN, MINE)):
        plan = start_plan(connection, name, author="test", today=TODAY, about=community)
        if name != UNTOUCHED_PLAN:
            renamed = Put(f"{community}002", {"name": "改名网格"})
            edit_plan(connection, plan, renamed, actor="test", today=TODAY, rules=Rules(DEFAULT_SCHEME, "zh"))
            release_lock(connection, plan, "test")
        made[name] = plan
    return made


@pytest.fixture(scope="module")
def county(server: PrivateServer, template: str, keyring_file: Path) -> Iterator[Furnished]:
    urls = server.create_database("matrix", template)
    engine = make_engine(urls.owner_url)
    furnish(engine, today=TODAY)
    kept = [person for person in persons() if person.source_ref in ("zhang", "li")]
    with writing(engine) as connection:
        write_elements(connection, kept, source="test", source_crs="EPSG:4490", since=SINCE)
        write_care(connection, kept, keyring=read_keyring(keyring_file))
        plans = a_plan_of_each(connection)
    with reading(engine) as connection:
        bundles: dict[str, set[str]] = {}
        for role, permission in connection.execute(text("SELECT role, permission FROM role_permission")):
            bundles.setdefault(role, set()).add(permission)
        ids: dict[str, set[str]] = {"own": set(), "foreign": set(), "persons": set(), "own_persons": set()}
        named = {"zhang": OWN_PERSON, "li": FOREIGN_PERSON}
        people: dict[str, str] = plans
        query = "SELECT element_id, layer, code, source_ref FROM element JOIN grid USING (unit_id)"
        for element_id, layer, code, ref in connection.execute(text(query)):
            is_own, is_person = code.startswith(MINE), layer == "care_persons"
            ids["persons" if is_person else "own" if is_own else "foreign"].add(element_id)
            if is_person and is_own:
                ids["own_persons"].add(element_id)
            if ref in named:
                people[named[ref]] = element_id
    engine.dispose()
    keys = {role.value: key_of(urls, role, MINE) for role in Role}
    kept_keys = {"keyring": keyring_file}
    with serving(urls, key_of(urls, Role.DISPATCHER), **kept_keys) as desk:
        for name, lon in ((OWN_INCIDENT, LON_MINE), (FOREIGN_INCIDENT, LON_OTHER)):
            contact = {"phone": PEOPLE["zhang"][2]["phone"], "name": PEOPLE["zhang"][2]["name"]}
            body = {"category": "facility", "x": lon, "y": LAT, "contact": contact}
            people[name] = str(desk.post("/api/incidents", json=body).json()["incident"])
    with serving(urls, **kept_keys) as known, serving(urls, host="0.0.0.0", **kept_keys) as nobody:
        for client in (known, nobody):
            del client.headers["authorization"]
        yield Furnished(known, nobody, keys, key_of(urls, Role.DISPATCHER), bundles, **ids, named=people)


# ── whom each endpoint is for ──────────────────────────────────────────────────────────────────────────────────────


def test_every_endpoint_says_whom_it_is_for_and_has_an_example_here() -> None:
    for route in ENDPOINTS.values():
        permission_of(route)
    assert EXAMPLES.keys() == ENDPOINTS.keys()


def test_whatever_else_answers_is_known() -> None:
    others = {getattr(route, "path", "?") for route in all_routes(an_app().routes) if not isinstance(route, APIRoute)}
    assert others <= NO_ROUTES_OF_OURS


def test_an_endpoint_that_says_nothing_is_found() -> None:
    app = an_app()
    app.add_api_route("/api/forgotten", lambda: None)
    with pytest.raises(AssertionError, match="whom it is for"):
        permission_of(endpoints(app)["GET", "/api/forgotten"])


# ── the matrix ─────────────────────────────────────────────────────────────────────────────────────────────────────


def expected(county: Furnished, caller: str, key: tuple[str, str], *, outside: bool) -> int:
    permission, example = permission_of(ENDPOINTS[key]), EXAMPLES[key]
    if caller == NOBODY:
        return (example.nobody or example.status) if permission is None else 401
    if permission is None:
        # a visitor has no key that could be refused as one
        return 204 if caller == VISITOR and key == ("DELETE", "/api/session") else example.status
    if not county.may(caller, permission):
        return 403
    return example.elsewhere if outside and caller != VISITOR else example.status


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("key", ENDPOINTS, ids=" ".join)
def test_each_role_gets_what_it_may_and_nothing_of_elsewhere(
    county: Furnished, key: tuple[str, str], caller: str
) -> None:
    example = EXAMPLES[key]
    for outside in (False, True):
        request = example.outside if outside and example.outside is not None else example.inside
        answer = county.ask(caller, *key, request)
        assert answer.status_code == expected(county, caller, key, outside=outside), (outside, answer.text[:300])
        is_revealed = example.reveals and answer.status_code == 200 and not outside
        assert_nothing_slips_out(county, caller, answer.text, is_revealed=is_revealed)
        assert permission_of(ENDPOINTS[key]) is None or "no-store" in answer.headers["cache-control"]
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert not any(element_id in answer.text for element_id in county.own | county.own_persons)


def assert_nothing_slips_out(county: Furnished, caller: str, answer: str, *, is_revealed: bool = False) -> None:
    assert PERSON not in answer
    knows_persons = county.may(caller, "care.read") or county.may(caller, "audit")  # the log names them by identity
    hidden = county.persons - county.own_persons if knows_persons else county.persons
    assert not any(element_id in answer for element_id in hidden)
    secrets = set(PEOPLE["li"][2].values()) if is_revealed else SECRETS
    assert not any(secret in answer for secret in secrets)
    if not county.may(caller, "staff.call"):
        assert PHONE not in answer
    if caller != VISITOR:
        assert not any(element_id in answer for element_id in county.foreign)


@pytest.mark.parametrize("key", [key for key, example in EXAMPLES.items() if example.holds_elements], ids=" ".join)
def test_the_same_questions_name_elements_on_both_sides_to_whoever_may_see_them(
    county: Furnished, key: tuple[str, str]
) -> None:
    """So that the matrix is not green because nothing is ever answered."""
    keys = county.keys | {"district": county.district_key}
    everything = Furnished(**{**county.__dict__, "keys": keys})
    example = EXAMPLES[key]
    mine, there = (everything.ask("district", *key, request) for request in (example.inside, example.outside or {}))
    assert any(element_id in mine.text for element_id in county.own)
    assert any(element_id in there.text for element_id in county.foreign)
    own = county.ask("grid_worker", *key, example.inside).text
    assert any(element_id in own for element_id in county.own) and (PHONE in own)


@pytest.mark.parametrize("theme", THEMES)
def test_no_map_of_any_theme_names_elsewhere(county: Furnished, theme: str) -> None:
    for caller in ("viewer", "grid_worker"):
        answer = county.ask(caller, "GET", f"/maps/{theme}", {})
        assert answer.status_code == 200
        assert f"{MINE}001" in answer.text and f"{OTHER}001" not in answer.text
        assert_nothing_slips_out(county, caller, answer.text)


# ── whatever else each role may send ───────────────────────────────────────────────────────────────────────────────

SESSION_BODIES = st.dictionaries(st.sampled_from(["username", "password", "demo", "other"]), ODD, max_size=3)
UNITS = st.sampled_from([MINE, OTHER, "370883", "'", "%00", "9" * 300, "🏠", "..", "a", "one", "heat", "tokens.css"])

REVISIONS_NAMED = UNITS | st.sampled_from(["1", "2", "0", "-1", "1.5", "9" * 30])
PLANS_NAMED = UNITS | st.sampled_from([OWN_PLAN, FOREIGN_PLAN, UNTOUCHED_PLAN])
A_LINE = {"type": "LineString", "coordinates": [[WEST + STEP / 3, SOUTH - STEP], [WEST + STEP / 3, SOUTH + 2 * STEP]]}
PLAN_FIELDS = (
    "unit units other line geom at to name names code parent level title about said verdict reason prefer"
    " effective_from"
).split()
EDITS = ("replace", "split", "merge", "reshape", "vertex", "set", "add", "retire")
PLAN_BODIES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(PLAN_FIELDS, ODD | UNITS | st.just(A_LINE) | st.lists(UNITS, max_size=3))
    | {"op": st.sampled_from(EDITS)},
)
INCIDENTS_NAMED = UNITS | st.sampled_from([OWN_INCIDENT, FOREIGN_INCIDENT, "0", "1", str(2**63)])
INCIDENT_BODIES = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["help", "staff_complaint", "dragons"]) | ODD,
        "action": st.sampled_from(["dispatch", "acknowledge", "merge", "rate", "third_return"]) | ODD,
        "text": st.sampled_from(["人民路", "福安小区1号楼", "金林"]) | ODD_TEXT,
        "reason": st.sampled_from([WHY["reason"], "abc"]) | ODD,
        "x": st.just(LON_MINE) | ODD,
        "y": st.just(LAT) | ODD,
        "unit": UNITS | ODD,
        "parent": st.integers(-1, 3) | ODD,
        "by": st.just("community") | ODD,
        "stars": st.integers(0, 6) | ODD,
        "about_user": ODD_TEXT,
        "about_staff": ODD_TEXT,
        "contact": st.fixed_dictionaries({"phone": ODD_TEXT}) | ODD,
    },
)
PERSONS_NAMED = UNITS | st.sampled_from([OWN_PERSON, FOREIGN_PERSON])
CARE_BODIES = st.fixed_dictionaries(
    {"reason": st.sampled_from([WHY["reason"], "", "abc"]) | ODD},
    optional={
        "fields": ODD | st.lists(st.sampled_from(["name", "phone", "address"]), max_size=3),
        "id_number": st.sampled_from([OWN_NUMBER, FOREIGN_NUMBER]) | ODD,
        "other": ODD,
    },
)


def bodies_of(path: str) -> st.SearchStrategy[Any]:
    """What is sent to an endpoint; nobody is deleted or corrected with a good reason."""
    if path == "/api/session":
        return SESSION_BODIES
    if path.startswith("/api/plans"):
        return PLAN_BODIES

    if path.startswith("/api/incidents"):
        return INCIDENT_BODIES
    return CARE_BODIES if path.endswith(("/reveal", "/export", "/lookup")) else BODIES


@given(st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_role_gets_a_fault_of_ours_or_a_status_that_is_not_documented(
    county: Furnished, data: st.DataObject
) -> None:
    document = county.known.app.openapi()  # type: ignore[attr-defined]
    offered = sorted((path, method) for path, item in document["paths"].items() for method in item)
    path, method = data.draw(st.sampled_from(offered))
    operation = document["paths"][path][method]
    declared = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    names = st.sampled_from([*declared, *declared, "other"])
    request: dict[str, Any] = {
        "params": data.draw(st.dictionaries(names, st.one_of(ODD_TEXT, st.text(max_size=8), UNITS), max_size=4)),
        "place": dict.fromkeys(("unit", "theme", "name"), data.draw(UNITS))
        | {"person": data.draw(PERSONS_NAMED), "plan": data.draw(PLANS_NAMED)}
        | {"incident": data.draw(INCIDENTS_NAMED)}
        | dict.fromkeys(("number", "a", "b"), data.draw(REVISIONS_NAMED)),
    }
    if method == "post":
        body = data.draw(bodies_of(path))
        request |= {"content": json.dumps(body), "params": {}}
    caller = data.draw(st.sampled_from(CALLERS))
    keys = {"authorization": f"Bearer {county.keys[caller]}"} if caller in county.keys else {}
    client = county.nobody if caller == NOBODY else county.known
    client.cookies.clear()
    headers = keys | {"content-type": "application/json"}
    more = {name: value for name, value in request.items() if name != "place"}
    place = {name: county.named.get(value, value) for name, value in request["place"].items()}
    answer = client.request(method, path.format(**place), headers=headers, **more, follow_redirects=False)
    documented = operation["responses"].keys()
    assert {str(answer.status_code), f"{answer.status_code // 100}XX"} & documented, (answer.status_code, path)
    assert_nothing_slips_out(county, caller, answer.text, is_revealed="{person}" in path)  # perhaps just before


# ── persons in care, by subtracting ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Cared:
    """The county with persons in care, asked from one community; what is published of that, by unit and category."""

    client: TestClient
    published: dict[tuple[str, str], int | None]

    def told(self, **area: Any) -> dict[str, Any]:
        answer = self.client.post("/api/resources/search", json={"area": area, "counts": True, "limit": 1})
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["counts"].get("care_persons", {}))


@pytest.fixture(scope="module")
def cared(server: PrivateServer, template: str) -> Iterator[Cared]:
    urls: Database = server.create_database("cared_in_territory", template)
    engine = make_engine(urls.owner_url)
    furnish_with_care(engine, today=TODAY)
    with reading(engine) as connection:
        counts = connection.execute(text("SELECT code, category, shown FROM care_count JOIN grid USING (unit_id)"))
        published = {(row.code, row.category): row.shown for row in counts if row.code.startswith(MINE)}
    engine.dispose()
    with serving(urls, key_of(urls, Role.GRID_WORKER, MINE)) as client:
        yield Cared(client, published)


SIDE = st.tuples(st.floats(WEST - STEP, WEST + STEP), st.floats(STEP / 2, 4 * STEP))
UP = st.tuples(st.floats(SOUTH - STEP, SOUTH + STEP), st.floats(STEP / 2, 4 * STEP))


@given(SIDE, UP)
@settings(max_examples=40, deadline=None)
def test_a_shape_tells_a_limited_caller_the_published_figures_of_whole_own_units_and_nothing_else(
    cared: Cared, side: tuple[float, float], up: tuple[float, float]
) -> None:
    """So that whatever two answers are subtracted, the difference is made of published figures, too."""
    shape = box(side[0], up[0], side[0] + side[1], up[0] + up[1])
    inside = {code for code, square in CELLS.items() if code.startswith(MINE) and shape.covers(square)}
    whole = {MINE} if len(inside) == 2 else inside
    sums: dict[str, int] = {}
    for (code, category), shown in cared.published.items():
        if code in whole:
            sums[category or "total"] = sums.get(category or "total", 0) + (shown or 0)
    assert cared.told(bbox=list(shape.bounds)) == ({key: n or "< 5" for key, n in sums.items()} or {"total": "< 5"})


def test_no_withheld_count_is_a_difference_of_counts_that_a_limited_caller_is_told(cared: Cared) -> None:
    """All that is told as equations over the true counts: no withheld one may follow from them."""
    leaves, categories = [f"{MINE}001", f"{MINE}002"], sorted({category for _, category in cared.published} - {""})

    def row(code: str, category: str) -> list[int]:
        return [
            int((code in (MINE, leaf)) and (category in ("", one))) for leaf in leaves for one in categories
        ]  # fmt: skip

    told: dict[tuple[str, str], Any] = {}
    for code in (MINE, *leaves):
        for category, number in cared.told(unit=code).items():
            told[code, "" if category == "total" else category] = number
    assert {key: n if isinstance(n, int) else None for key, n in told.items()} == cared.published
    withheld = [row(*key) for key, number in told.items() if not isinstance(number, int)]
    equations = np.array([row(*key) for key, number in told.items() if isinstance(number, int)])
    assert withheld and len(equations)
    rank = np.linalg.matrix_rank(equations)
    assert all(np.linalg.matrix_rank(np.vstack([equations, hidden])) > rank for hidden in withheld)
    for unit in (OTHER, f"{OTHER}001"):
        answer = cared.client.post("/api/resources/search", json={"area": {"unit": unit}, "counts": True})
        assert answer.status_code == 403
    assert cared.told(unit="370883") == {}
