"""The audit log: whatever is done to its entries shows, whoever looks is entered, and a file of it runs nothing."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from gismap.access.values import Role
from gismap.boundaries.service import find_unit
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store import audit
from gismap.store.session import normalised_url, reading, writing
from tests.conftest import Database, Gismap, commands, key_of, serving
from tests.districts import COMMUNITIES, small_county

TODAY = Settings().today()


@pytest.fixture()
def gismap(database: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Gismap]:
    with commands(database, monkeypatch, capfd) as run:
        yield run


@pytest.fixture()
def six(engine: Engine) -> Engine:
    """A log of six entries, by three users."""
    write_six(engine)
    return engine


def write_six(engine: Engine) -> None:
    with writing(engine) as connection:
        for number in range(6):
            actor = ("赵", "钱", "=cmd()")[number % 3]
            detail = {"名": "值", "share": 0.25, "n": number, "none": None, "list": [1, 2.5]}
            audit.append(connection, actor=actor, action="test", subject=f"s{number}", detail=detail)


def tamper(database: Database, *statements: str) -> None:
    """As whoever rules the server, with the trigger out of the way."""
    assert database.superuser_url is not None
    ruler = create_engine(normalised_url(database.superuser_url))
    with ruler.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        for statement in statements:
            connection.execute(text(statement))
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    ruler.dispose()


def faults(engine: Engine) -> str:
    with reading(engine) as connection:
        return "; ".join(audit.verify(connection).faults)


def sealed(connection: Connection, seq: int) -> str:
    return str(connection.execute(text("SELECT digest FROM audit WHERE seq = :seq"), {"seq": seq}).scalar_one())


def test_an_untouched_log_is_found_whole(six: Engine, gismap: Gismap) -> None:
    assert faults(six) == ""
    with reading(six) as connection:
        head = sealed(connection, 6)
    assert gismap("audit", "verify") == (0, f"6 entries, the last is 6 {head}\n", "")


def test_an_empty_log_is_whole(engine: Engine) -> None:
    assert faults(engine) == ""


CHANGED = """UPDATE audit SET record = jsonb_set(record, '{actor}', '"孙"') WHERE seq = 3"""


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        ([CHANGED], "entry 3 was changed"),
        (['UPDATE audit SET record = record || \'{"at": "2020-01-01"}\' WHERE seq = 6'], "entry 6 was changed"),
        (["UPDATE audit SET previous = repeat('0', 64) WHERE seq = 4"], "entry 4 was changed"),
        (["DELETE FROM audit WHERE seq = 3"], "before entry 4 something is missing"),
        (["DELETE FROM audit WHERE seq = 1"], "before entry 2 something is missing"),
        (["DELETE FROM audit WHERE seq > 4"], "after entry 4 the end was cut off"),
        (["DELETE FROM audit"], "after entry 0 the end was cut off"),
        (["DELETE FROM audit WHERE seq = 6"], "there are 5 entries, but 6 were written"),
        (
            [
                "ALTER TABLE audit ALTER seq DROP IDENTITY",
                "UPDATE audit SET seq = -3 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = -3",
            ],
            "entry 3 was moved or put in",
        ),
    ],
)
def test_what_was_tampered_with_is_named(
    six: Engine, database: Database, gismap: Gismap, statements: list[str], named: str
) -> None:
    tamper(database, *statements)
    assert named in faults(six)
    code, output, errors = gismap("audit", "verify")
    assert code == 1 and named in output and "tampered" in errors


def test_an_entry_that_the_service_slips_in_is_named(six: Engine, service_engine: Engine) -> None:
    record = '{"at": "2026-01-01", "actor": "x", "action": "x", "subject": "x", "detail": {}}'
    with reading(six) as connection:
        third = sealed(connection, 3)
    digest = audit.entry_digest(third, json.loads(record))
    with writing(service_engine) as connection:
        connection.execute(
            text("""
                INSERT INTO audit (seq, record, previous, digest) OVERRIDING SYSTEM VALUE
                VALUES (-5, CAST(:record AS jsonb), :previous, :digest)
            """),
            {"record": record, "previous": third, "digest": digest},
        )
    assert "entry -5 was moved or put in" in faults(six)


def test_the_service_cannot_move_the_noted_end(service_engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), writing(service_engine) as connection:
        connection.execute(text("UPDATE audit_tail SET entries = 0"))


@pytest.mark.usefixtures("six")
def test_a_chain_that_was_made_anew_shows_against_a_noted_end(
    database: Database, gismap: Gismap, tmp_path: Path
) -> None:
    anchor = tmp_path / "anchor"
    assert gismap("audit", "verify", "--anchor", anchor)[0] == 0
    assert gismap("audit", "verify", "--anchor", anchor)[0] == 0
    assert len(anchor.read_text().splitlines()) == 1
    tamper(database, "DELETE FROM audit WHERE seq > 2",
           "UPDATE audit_tail SET entries = 2, digest = (SELECT digest FROM audit WHERE seq = 2)")  # fmt: skip
    assert gismap("audit", "verify")[0] == 0  # all that is in the database agrees
    code, output, _ = gismap("audit", "verify", "--anchor", anchor)
    assert code == 1 and "entry 6, which was noted, is missing" in output
    anchor.write_text("6 nonsense and more\n")
    code, _, errors = gismap("audit", "verify", "--anchor", anchor)
    assert code == 2 and "anchor" in errors


def test_entries_are_shown_newest_first_by_user_subject_and_day_and_looking_is_entered(
    six: Engine, gismap: Gismap
) -> None:
    def subjects(*options: object) -> list[str]:
        code, output, errors = gismap("audit", "show", *options)
        assert (code, errors) == (0, "")
        return [line.split("  ")[4] for line in output.splitlines()]

    assert subjects("--limit", 2) == ["s5", "s4"]
    assert subjects("--who", "赵") == ["s3", "s0"]
    assert subjects("--subject", "s4") == ["s4"]
    assert subjects("--until", "2020-01-01") == [] == subjects("--since", "9999-12-31")
    assert subjects("--since", TODAY, "--until", TODAY, "--limit", 6) == ["audit"] * 5 + ["s5"]
    code, _, errors = gismap("audit", "show", "--unit", "370883")
    assert code == 2 and "never was a unit" in errors
    assert faults(six) == ""


@pytest.mark.usefixtures("six")
def test_an_export_holds_everything_and_no_formula(gismap: Gismap, tmp_path: Path) -> None:
    for name in ("log.csv", "log.jsonl"):
        assert gismap("audit", "export", tmp_path / name)[0] == 0
    with (tmp_path / "log.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["subject"] for row in rows][-6:] == ["s5", "s4", "s3", "s2", "s1", "s0"]
    assert {row["actor"] for row in rows[-6:]} == {"赵", "钱", "'=cmd()"}
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[0]["action"] == "export audit log" and lines[-1]["detail"]["名"] == "值"
    for wrong in ("log.csv", "log.xlsx", "nowhere/log.csv"):
        code, _, errors = gismap("audit", "export", tmp_path / wrong)
        assert code == 2 and len(errors.splitlines()) == 1, wrong


# ── over HTTP, and in a territory ──────────────────────────────────────────────────────────────────────────────────


def test_an_auditor_pages_through_the_log_and_is_entered(engine: Engine, database: Database) -> None:
    key, other_key = key_of(database, Role.AUDITOR), key_of(database, Role.ADMINISTRATOR)
    write_six(engine)
    with serving(database, key) as client:
        first = client.get("/api/audit", params={"limit": 4}).json()
        assert [entry["subject"] for entry in first["entries"]] == ["s5", "s4", "s3", "s2"]
        second = client.get("/api/audit", params={"limit": 2, "before": first["next"]}).json()
        assert [entry["subject"] for entry in second["entries"]] == ["s1", "s0"]
        third = client.get("/api/audit", params={"limit": 1000, "before": second["next"]}).json()
        assert {entry["action"] for entry in third["entries"]} == {"add account", "grant"} and third["next"] is None
        looks = client.get("/api/audit", params={"subject": "audit"}).json()["entries"]
        assert [look["action"] for look in looks] == ["read audit log"] * 3
        assert looks[0]["actor"].startswith("user-")
    with serving(database, other_key) as client:
        assert client.get("/api/audit").status_code == 403
    assert faults(engine) == ""


def test_an_auditor_of_a_community_sees_what_concerns_it_and_nothing_else(engine: Engine, database: Database) -> None:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=TODAY, today=TODAY, author="t", reason="t")
        for code in (*COMMUNITIES, f"{COMMUNITIES[0]}001"):
            unit = find_unit(connection, code, TODAY)
            audit.append(connection, actor="t", action="grant", subject=code, detail={"unit": unit.unit_id})
    mine, other = COMMUNITIES

    def seen(territory: str | None, **asked: str) -> set[str]:
        with serving(database, key_of(database, Role.AUDITOR, territory)) as client:
            entries = client.get("/api/audit", params=asked).json()["entries"]
        return {entry["subject"] for entry in entries if not entry["subject"].startswith("account")}

    assert seen(mine) == {mine, f"{mine}001"} and seen(mine, unit=other) == set()
    assert seen(None, unit=mine) == {mine, f"{mine}001"} and seen(None) >= {mine, other, "revision 1"}


def test_publishing_is_entered_with_who_answers_for_it(engine: Engine) -> None:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=TODAY, today=TODAY, author="李编", reason="设立")
        entry = connection.execute(text("SELECT record FROM audit")).scalar_one()
    assert (entry["actor"], entry["action"], entry["subject"]) == ("李编", "publish", "revision 1")
