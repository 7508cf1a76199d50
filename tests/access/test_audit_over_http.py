"""The audit log as auditors ask for it: counted, named, as files that hold just what was filtered, and checked."""

import ast
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

import gismap
from gismap.access.accounts import add_account, grant
from gismap.access.audit_check import check_seen
from gismap.access.values import Role
from gismap.boundaries.service import find_unit
from gismap.i18n import CATALOGUE
from gismap.pages.audit_words import ACTIONS
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store import audit
from gismap.store.session import reading, writing
from tests.access.test_audit import CHANGED, tamper, write_six
from tests.conftest import Database, key_of, serving
from tests.districts import COMMUNITIES, small_county

TODAY = Settings().today()


@pytest.fixture()
def auditor(engine: Engine, database: Database) -> Iterator[TestClient]:
    """An auditor of the whole district, before a log of six entries by three users."""
    key = key_of(database, Role.AUDITOR)
    write_six(engine)
    with serving(database, key) as client:
        yield client


def entries(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/audit", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


def test_entries_are_found_by_action_and_by_the_identity_of_what_they_are_about(
    auditor: TestClient, engine: Engine
) -> None:
    with writing(engine) as connection:
        account_id = add_account(connection, "wang.fang", "王芳", None, made_by="root")
        audit.append(connection, actor="root", action="publish", subject="revision 3", detail={})
        audit.append(connection, actor="root", action="import", subject="batch 3", detail={})
    assert [entry["subject"] for entry in entries(auditor, action="test")] == [f"s{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert entries(auditor, action="nothing of the kind") == []
    for name in (account_id, f"account {account_id}", "wang.fang"):
        assert [entry["action"] for entry in entries(auditor, subject=name)] == ["add account"], name
    assert [entry["subject"] for entry in entries(auditor, subject="3")] == ["batch 3", "revision 3"]
    assert [entry["subject"] for entry in entries(auditor, subject="revision 3")] == ["revision 3"]


def test_a_person_is_found_in_what_was_done_and_in_lists_that_somebody_looked_at(
    auditor: TestClient, engine: Engine
) -> None:
    with writing(engine) as connection:
        seen = {"persons": ["e1", "e2"], "number": 2}
        audit.append(connection, actor="t", action="list persons in care", subject="care persons", detail=seen)
        audit.append(connection, actor="t", action="reveal", subject="person e1", detail={"persons": ["e1"]})
    for name, actions in (("e1", ["reveal", "list persons in care"]), ("person e2", ["list persons in care"])):
        assert [entry["action"] for entry in entries(auditor, subject=name)] == actions
    assert entries(auditor, subject="e") == []


def strings_in(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def actions_entered(source: str) -> set[str]:
    """What a module enters: `action="…"`, `action = "…" if … else "…"`, and the third argument of `_enter`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg="action", value=value) | ast.Assign(targets=[ast.Name(id="action")], value=value):
                found |= strings_in(value)
            case ast.Call(func=ast.Name(id="_enter"), args=[_, _, action, *_]):
                found |= strings_in(action)
    return found


def test_all_that_is_entered_has_words_in_both_languages_and_can_be_filtered_by() -> None:
    sources = (path.read_text(encoding="utf-8") for path in Path(gismap.__file__).parent.rglob("*.py"))
    entered = set().union(*map(actions_entered, sources))
    assert {"grant", "publish", "reveal", "declare drill"} <= entered
    offered = {action for several in ACTIONS.values() for action in several}
    assert entered - offered == set()
    assert {action for action in offered if f"audit.action.{action}" not in CATALOGUE} == set()


def test_a_page_counts_all_that_is_wanted_by_action_and_user(auditor: TestClient) -> None:
    asked = {"action": "test", "limit": 2, "counts": "true"}
    counts = auditor.get("/api/audit", params=asked).json()["counts"]
    assert (counts["entries"], counts["actors"]) == (6, 3)
    assert counts["by_action"] == [{"action": "test", "entries": 6}]
    assert {one["actor"]: one["entries"] for one in counts["by_actor"]} == {"赵": 2, "钱": 2, "=cmd()": 2}
    assert counts["earliest"] <= counts["latest"]
    nothing = auditor.get("/api/audit", params={"who": "nobody at all", "counts": "true"}).json()["counts"]
    assert nothing == {"entries": 0, "earliest": None, "latest": None, "by_action": [], "by_actor": [], "actors": 0}


def test_a_page_says_what_users_accounts_and_units_are_called(engine: Engine, database: Database) -> None:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=TODAY, today=TODAY, author="t", reason="t")
        unit = find_unit(connection, COMMUNITIES[0], TODAY)
        root = add_account(connection, "root", "系统管理员", None, made_by="root")
        wang = add_account(connection, "wang.fang", "王芳", None, made_by="root")
        ends = audit.datetime.now(audit.UTC).replace(year=2099)
        grant(connection, wang, Role.VIEWER, unit.unit_id, ends_at=ends, granted_by="root")
    with serving(database, key_of(database, Role.AUDITOR)) as client:
        names = client.get("/api/audit", params={"who": "root"}).json()["names"]
    assert names["users"] == {"root": "系统管理员"}
    assert names["accounts"][wang] == {"username": "wang.fang", "name": "王芳"} and root in names["accounts"]
    assert names["units"] == {unit.unit_id: {"code": COMMUNITIES[0], "name": unit.name}}


# ── as a file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_holds_just_what_was_filtered_and_no_formula_and_is_entered(auditor: TestClient) -> None:
    wanted = {"action": "test", "who": "=cmd()"}
    answer = auditor.get("/api/audit/export", params=wanted)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="gismap-audit-{TODAY}.csv"'
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["subject"], row["actor"]) for row in rows] == [("s5", "'=cmd()"), ("s2", "'=cmd()")]
    lines = auditor.get("/api/audit/export", params=wanted | {"format": "jsonl"}).text.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [int(row["seq"]) for row in rows]
    exports = entries(auditor, action="export audit log")
    assert [entry["detail"]["asked"] for entry in exports] == [wanted, wanted]


def test_a_long_file_is_sent_in_pieces_without_a_gap(auditor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gismap.access.audit_routes.AT_ONCE", 2)
    answer = auditor.get("/api/audit/export", params={"action": "test"})
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["subject"] for row in rows] == ["s5", "s4", "s3", "s2", "s1", "s0"]


def test_a_file_of_nothing_has_a_heading_alone(auditor: TestClient) -> None:
    wanted = {"who": "nobody at all"}
    assert (
        auditor.get("/api/audit/export", params=wanted).text.strip("\ufeff\r\n") == "seq,at,actor,action,subject,detail"
    )
    assert auditor.get("/api/audit/export", params=wanted | {"format": "jsonl"}).text == ""
    assert auditor.get("/api/audit/export", params={"format": "xlsx"}).status_code == 400
    assert auditor.get("/api/audit/export", params={"unit": "never"}).status_code == 404


# ── the chain, as far as one sees it ───────────────────────────────────────────────────────────────────────────────


def test_an_untouched_log_is_checked_to_its_beginning_and_that_is_entered(auditor: TestClient) -> None:
    found = auditor.post("/api/audit/check").json()
    assert found["faults"] == [] and found["linked"] and found["complete"]
    assert found["entries"] == found["last"] and found["first"] == 1
    [entry] = entries(auditor, action="check audit log")
    assert entry["detail"]["faults"] == 0 and entry["detail"]["entries"] == found["entries"]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (CHANGED, {"seq": 3, "fault": "changed"}),
        ("DELETE FROM audit WHERE seq = 4", {"seq": 5, "fault": "unlinked"}),
        ("DELETE FROM audit WHERE seq = 1", {"seq": 2, "fault": "unlinked"}),
    ],
)
def test_what_was_tampered_with_is_told_by_its_number(
    auditor: TestClient, database: Database, statement: str, fault: dict[str, Any]
) -> None:
    tamper(database, statement)
    assert fault in auditor.post("/api/audit/check").json()["faults"]


def test_an_auditor_of_a_community_checks_what_concerns_it_and_is_not_told_of_gaps(
    engine: Engine, database: Database
) -> None:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=TODAY, today=TODAY, author="t", reason="t")
        for code in (*COMMUNITIES, COMMUNITIES[0]):
            unit = find_unit(connection, code, TODAY)
            audit.append(connection, actor="t", action="test", subject=code, detail={"unit": unit.unit_id})
    with serving(database, key_of(database, Role.AUDITOR, COMMUNITIES[0])) as client:
        found = client.post("/api/audit/check").json()
        assert (found["linked"], found["faults"]) == (False, [])
        assert found["entries"] == len(entries(client))
        counts = client.get("/api/audit", params={"action": "test", "counts": "true"}).json()["counts"]
        assert counts["entries"] == 2
        told = client.get("/api/audit/export", params={"action": "test"}).text
        assert told.count(COMMUNITIES[0]) == 2 and COMMUNITIES[1] not in told


@pytest.mark.usefixtures("auditor")
def test_a_check_stops_at_its_limit_and_says_so(engine: Engine) -> None:
    with reading(engine) as connection:
        newest = connection.execute(text("SELECT max(seq) FROM audit")).scalar_one()
        found = check_seen(connection, sees_all=True, most=3)
    assert (found.entries, found.last, found.first, found.complete) == (3, newest, newest - 2, False)
