"""Plans over HTTP: a planner of one community works there alone, and the owner's process publishes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from shapely import MultiPolygon, box, to_geojson
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.planning.enforcing import carry_out_requests
from gismap.publishing import publish
from gismap.store.scope import looking_as
from gismap.store.session import reading, writing
from tests.conftest import Database, key_of, serving
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, small_county
from tests.planning.conftest import FIRST, TODAY, TOMORROW

MINE, OTHER = COMMUNITIES
ONE, TWO = f"{MINE}001", f"{MINE}002"


def line(*points: tuple[float, float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [[WEST + STEP * x, SOUTH + STEP * y] for x, y in points]}


def polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in (*corners, corners[0])]]}


@dataclass(frozen=True)
class Office:
    """The county served to a planner of the one community and to one of the district."""

    client: TestClient
    mine: dict[str, str]
    whole: dict[str, str]

    def ask(self, who: str, method: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
        headers = self.mine if who == "mine" else self.whole
        return self.client.request(method, f"/api/plans{path}", json=body, headers=headers, **more)

    def plan(self, who: str = "whole", **body: Any) -> str:
        answer = self.ask(who, "POST", "", {"title": "调整", **body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["plan"])

    def edit(self, who: str, plan: str, status: int = 200, **body: Any) -> Any:
        answer = self.ask(who, "POST", f"/{plan}/edits", body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture()
def office(database: Database, engine: Engine) -> Iterator[Office]:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
    keys = [{"authorization": f"Bearer {key_of(database, Role.PLANNER, unit)}"} for unit in (MINE, None)]
    with serving(database, keys[1]["authorization"].split()[1]) as client:
        yield Office(client, *keys)


def test_a_plan_is_drawn_checked_compared_and_published(office: Office, engine: Engine) -> None:
    plan = office.plan()
    done = office.edit("whole", plan, op="split", unit=ONE, line=line((0.3, -0.1), (0.35, 1.1)))
    assert (done["edit"], done["defects"], done["base_moved"]) == (1, [], False)
    office.edit("whole", plan, op="reshape", unit=ONE, other=f"{OTHER}001", line=line((0.8, 0), (1.2, 0.5), (0.9, 1)))
    assert office.ask("whole", "GET", f"/{plan}/check").json()["clean"]
    changed = office.ask("whole", "GET", f"/{plan}/difference").json()["units"]
    assert {unit["code"] for unit in changed} == {ONE, f"{MINE}003", f"{OTHER}001"}
    body = {"effective_from": TOMORROW.isoformat(), "reason": "道路改造"}
    assert office.ask("whole", "POST", f"/{plan}/publish", body).status_code == 202
    assert office.ask("whole", "GET", f"/{plan}").json()["request"]["done_at"] is None
    assert "was requested" in office.edit("whole", plan, 409, op="retire", unit=TWO)["detail"]
    (answer,) = carry_out_requests(engine, TODAY)
    told = office.ask("whole", "GET", f"/{plan}").json()
    assert answer.publication is not None and told["published_as"] == told["request"]["revision"] == 2
    with reading(engine) as connection:
        author = connection.execute(text("SELECT author FROM revision WHERE number = 2")).scalar_one()
    assert author.startswith("user-")
    assert "never edited" in office.edit("whole", plan, 409, op="retire", unit=TWO)["detail"]


def test_a_request_that_cannot_be_carried_out_is_told_and_leaves_nothing_half_published(
    office: Office, engine: Engine
) -> None:
    first, second = office.plan(), office.plan()
    for plan in (first, second):
        office.edit("whole", plan, op="set", unit=ONE, name=f"网格 {plan}")
        body = {"effective_from": TOMORROW.isoformat(), "reason": "r"}
        assert office.ask("whole", "POST", f"/{plan}/publish", body).status_code == 202
    assert [answer.publication is None for answer in carry_out_requests(engine, TODAY)] == [False, True]
    refusal = office.ask("whole", "GET", f"/{second}").json()["request"]["refusal"]
    assert refusal["type"] == "conflict" and "rebase" in refusal["detail"]
    assert office.ask("whole", "POST", f"/{second}/rebase", {}).json()["conflicts"][0]["field"] == "name"
    assert office.ask("whole", "POST", f"/{second}/rebase", {"prefer": "plan"}).status_code == 200


def test_what_cannot_be_published_is_refused_at_once(office: Office) -> None:
    plan = office.plan()
    land = MultiPolygon([box(WEST, SOUTH, WEST + 0.5 * STEP, SOUTH + 1.2 * STEP)])
    office.edit("whole", plan, op="replace", unit=ONE, geom=json.loads(to_geojson(land)))
    body = {"effective_from": TOMORROW.isoformat(), "reason": "r"}
    refused = office.ask("whole", "POST", f"/{plan}/publish", body)
    assert refused.status_code == 409 and {defect["type"] for defect in refused.json()["defects"]} == {"overlap"}
    office.ask("whole", "POST", f"/{plan}/undo")
    past = body | {"effective_from": (TODAY - timedelta(days=1)).isoformat()}
    assert "is past" in office.ask("whole", "POST", f"/{plan}/publish", past).json()["detail"]
    assert office.ask("whole", "POST", f"/{plan}/publish", body).status_code == 202
    assert "already" in office.ask("whole", "POST", f"/{plan}/publish", body).json()["detail"]
    assert office.ask("whole", "DELETE", f"/{plan}/publish").status_code == 204
    office.edit("whole", plan, op="set", unit=ONE, name="甲")


def test_a_planner_of_one_community_edits_there_alone(office: Office) -> None:
    plan = office.plan()
    done = office.edit(
        "mine", plan, op="split", unit=ONE, line=line((-0.1, 0.4), (1.1, 0.45))
    )  # ends at the other's border
    assert done["defects"] == []
    for body in (
        {"op": "set", "unit": f"{OTHER}001", "name": "甲"},
        {"op": "set", "unit": OTHER, "name": "甲"},
        {"op": "set", "unit": ONE, "parent": OTHER},
        {"op": "reshape", "unit": ONE, "other": f"{OTHER}001", "line": line((0.8, 0.4), (1.2, 0.5), (0.9, 1))},
        {"op": "merge", "units": [TWO, f"{OTHER}002"]},
        {"op": "retire", "unit": f"{OTHER}001"},
        {"op": "add", "name": "新", "level": 4, "parent": OTHER},
        {"op": "vertex", "at": [WEST + STEP, SOUTH + 2 * STEP], "to": [WEST + 1.1 * STEP, SOUTH + 2 * STEP]},
    ):
        assert "outside of your territory" in office.edit("mine", plan, 403, **body)["detail"], body
    assert office.ask("whole", "GET", f"/{plan}/check").json()["clean"]
    office.ask("mine", "DELETE", f"/{plan}/lock")
    office.edit("whole", plan, op="set", unit=f"{OTHER}001", name="甲")
    body = {"effective_from": TOMORROW.isoformat(), "reason": "r"}
    assert office.ask("mine", "POST", f"/{plan}/publish", body).status_code == 403  # the plan changes the other, too
    assert office.ask("mine", "POST", f"/{plan}/signoffs", {"unit": OTHER, "verdict": "agree"}).status_code == 403
    assert office.ask("mine", "POST", f"/{plan}/signoffs", {"unit": MINE, "verdict": "agree"}).status_code == 200


def test_another_planner_is_told_who_edits(office: Office) -> None:
    plan = office.plan()
    office.edit("whole", plan, op="set", unit=ONE, name="甲")
    refused = office.edit("mine", plan, 409, op="set", unit=ONE, name="乙")
    assert refused["field"] == "lock" and "user-" in refused["detail"] and "is editing" in refused["detail"]


def test_comments_locks_and_history_tell_who(office: Office) -> None:
    plan = office.plan()
    office.edit("whole", plan, op="set", unit=ONE, name="甲")
    assert office.ask("mine", "POST", f"/{plan}/comments", {"said": "请保留", "unit": ONE}).status_code == 201
    (said,) = office.ask("whole", "GET", f"/{plan}/comments").json()["comments"]
    assert (
        said["said"] == "请保留"
        and said["author"] != office.ask("whole", "GET", f"/{plan}/history").json()["edits"][0]["actor"]
    )
    assert office.ask("whole", "POST", f"/{plan}/lock", {"unit": TWO, "reason": "等"}).status_code == 200
    assert "is locked: 等" in office.edit("whole", plan, 409, op="set", unit=TWO, name="乙")["detail"]
    assert office.ask("whole", "DELETE", f"/{plan}/lock", params={"unit": TWO}).status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"op": "paint"}, None),
        ({"op": "split", "unit": ONE}, "line"),
        ({"op": "split", "unit": ONE, "line": {"type": "Point", "coordinates": [117, 35]}}, "line"),
        ({"op": "split", "unit": ONE, "line": line((0.5, 0.5), (0.6, 0.6))}, "line"),
        ({"op": "replace", "unit": ONE, "geom": polygon((117, 35), (118, 36), (118, 35), (117, 36))}, "geom"),
        ({"op": "replace", "unit": ONE, "geom": polygon((1e308, 35), (118, 36), (118, 35))}, None),
        ({"op": "set", "unit": ONE, "code": TWO}, "code"),
        ({"op": "set", "unit": ONE, "name": None}, "name"),
        ({"op": "vertex", "at": [117, 35, 1], "to": [117, 35]}, "at"),
        ({"op": "add", "name": "x", "level": 9}, "level"),
        ({"op": "set", "unit": ONE, "colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_edits_that_cannot_be_are_named(office: Office, body: dict[str, Any], field: str | None) -> None:
    plan = office.plan()
    answer = office.ask("whole", "POST", f"/{plan}/edits", body)
    assert answer.status_code in (400, 409), answer.text
    if field is not None:
        assert field in answer.json()["field"], answer.text


# ── the database's own wall ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO plan_unit (plan_id, key, unit_id, name, level, kind) SELECT :plan, unit_id, unit_id, name, level, "
        "kind FROM grid WHERE code = '370883001002001'",
        "INSERT INTO plan_unit (plan_id, key, name, level, kind, path, goes_to) SELECT :plan, 'x', '甲', 4, 'general', "
        "path, path FROM grid WHERE code = '370883001001'",
        "INSERT INTO plan_signoff (plan_id, unit_id, part, verdict, signed_by) SELECT :plan, unit_id, 'x', 'agree', "
        "'x' FROM grid WHERE code = '370883001002'",
        "UPDATE plan SET published_as = 1",
        "UPDATE plan SET needs_signoff = false",
        "UPDATE plan_unit SET name = 'x'",
        "UPDATE publish_request SET done_at = now()",
        "INSERT INTO revision (number, effective_from, author, reason, certificate) VALUES (9, now(), 'x', 'x', '{}')",
        "UPDATE grid SET name = 'x'",
        "SELECT * FROM publication_trace",
        "SELECT plan_place(:plan, 'x')",
    ],
)  # fmt: skip
def test_the_service_writes_no_boundaries_and_no_drafts_of_elsewhere(
    office: Office, service_engine: Engine, statement: str
) -> None:
    plan = office.plan()
    token = office.mine["authorization"].split()[1]
    refused = pytest.raises(DBAPIError, match=r"permission denied|row-level security")
    with refused, writing(looking_as(service_engine, token)) as connection:
        connection.execute(text(statement), {"plan": plan})


def test_without_a_session_there_are_no_plans(office: Office, service_engine: Engine) -> None:
    office.edit("whole", office.plan(), op="set", unit=ONE, name="甲")
    for table in ("plan", "plan_unit", "plan_edit", "plan_held", "plan_comment", "plan_signoff", "publish_request"):
        with reading(looking_as(service_engine, None)) as connection:
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0
