"""What a person may ask for: a copy, correction, deletion, each with proof; by the officer's page and by command."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from shapely import MultiPolygon

from gismap.access.accounts import add_account, grant
from gismap.access.values import Role
from gismap.boundaries.values import UnitDraft
from gismap.publishing import publish
from gismap.store import audit
from gismap.store.session import reading, writing
from tests.care.conftest import KEPT, MINE, OTHER, PEOPLE, PHONES, TODAY, County, everything, id_number
from tests.care.test_seeing import OFFICER, WORKER, leaks, listed, reveal
from tests.conftest import Gismap, commands
from tests.districts import cell, small_county

REASON = {"reason": "本人书面申请"}
PASSWORD = "correct horse battery"


@pytest.fixture()
def gismap(own: County, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Gismap]:
    with commands(own.urls, monkeypatch, capfd, GISMAP_KEYRING=own.keyring_path) as run:
        yield run


def ask(county: County, ref: str, what: str, **body: Any) -> Any:
    return county.as_(OFFICER).post(f"/api/care/persons/{county.ids[ref]}/{what}", json=REASON | body)


def test_only_who_may_write_copies_corrects_or_deletes(shared: County) -> None:
    for what, body in (("export", {}), ("correct", {"fields": {"phone": "13700001111"}}), ("delete", {})):
        for client in (shared.as_(WORKER, MINE), shared.as_(Role.CHILD_DATA_OFFICER), shared.as_(Role.DISPATCHER)):
            answer = client.post(f"/api/care/persons/{shared.ids['zhang']}/{what}", json=REASON | body)
            assert answer.status_code == 403 and not leaks(answer.text), what
        unsaid = shared.as_(OFFICER).post(
            f"/api/care/persons/{shared.ids['zhang']}/{what}", json=body | {"reason": " "}
        )
        assert unsaid.status_code == 400
    assert shared.ids["zhang"] in listed(shared.as_(OFFICER))


def test_a_copy_holds_all_that_is_kept_the_purpose_and_who_looked(shared: County) -> None:
    reveal(shared.as_(OFFICER), shared.ids["zhang"], "name")
    copy = ask(shared, "zhang", "export").json()
    assert copy["versions"][-1]["fields"] == PEOPLE["zhang"][2]
    assert copy["purpose"]["legal_reference"] and copy["purpose"]["recipients"] and copy["kept_until"]
    assert "reveal" in {look["action"] for look in copy["looks"]}
    assert copy["proof"]["action"] == "copy person"


@pytest.mark.parametrize(
    "fields",
    [{}, {"phone": "abc"}, {"id_number": id_number("1940-05-17")[:-1] + "?"}, {"birth_date": "1940-13-01"},
     {"need": "曾吸毒,需送餐"}, {"door": "301室(信访户)"}, {"name": "张桂英13812345678"},
     {"need": f"核对{id_number('1940-05-17')}"}, {"address": "x"}, {"name": ""}, {"name": "x" * 300}, {"phone": None}],
    ids=str,
)  # fmt: skip
def test_what_is_no_correction_changes_nothing(shared: County, fields: dict[str, Any]) -> None:
    assert ask(shared, "zhang", "correct", fields=fields).status_code == 400
    assert listed(shared.as_(OFFICER))[shared.ids["zhang"]]["phone"] == "138****5678"


def test_a_correction_holds_everywhere_and_the_wrong_value_is_nowhere_any_more(own: County) -> None:
    number = id_number("1941-06-18")
    proof = ask(own, "zhang", "correct", fields={"name": "章桂英", "birth_date": "1941-06-18", "id_number": number})
    assert proof.status_code == 200, proof.text
    shown = listed(own.as_(OFFICER))[own.ids["zhang"]]
    assert shown["name"] == "章*" and shown["id_number"] == "****" + number[-4:]
    told = reveal(own.as_(OFFICER), own.ids["zhang"], "name", "id_number").json()["fields"]
    assert told == {"name": "章桂英", "id_number": number}

    def found(by: str) -> list[str]:
        body = REASON | {"id_number": by}
        return [
            each["element_id"]
            for each in own.as_(OFFICER).post("/api/care/persons/lookup", json=body).json()["persons"]
        ]

    assert found(number) == [own.ids["zhang"]] and found(PEOPLE["zhang"][2]["id_number"]) == []
    assert "章桂英" not in everything(own) and number not in everything(own)


def test_a_deleted_person_is_nowhere_but_in_the_log(own: County) -> None:
    zhang = own.ids["zhang"]
    reveal(own.as_(OFFICER), zhang, "name")
    assert ask(own, "zhang", "delete").json()["proof"]["action"] == "delete person"
    for table in ("element", "reveal"):
        assert own.rows(f"SELECT 1 FROM {table} WHERE element_id = :it", it=zhang) == []
    assert own.value("SELECT count(*) FROM care_secret") == sum(len(PEOPLE[ref][2]) for ref in PEOPLE if ref != "zhang")
    assert own.as_(OFFICER).get(f"/api/care/persons/{zhang}").status_code == 404
    assert ask(own, "zhang", "delete").status_code == 404


def test_every_proof_is_an_entry_that_the_log_confirms(own: County, gismap: Gismap, tmp_path: Path) -> None:
    zhang, why = own.ids["zhang"], ("--reason", "本人书面申请")
    copied = tmp_path / "copy.json"
    code, output, errors = gismap("care", "export", zhang, "-o", copied, *why)
    assert code == 0, errors
    assert orjson.loads(copied.read_bytes())["versions"][-1]["fields"]["name"] == "张桂英"
    assert copied.stat().st_mode & 0o077 == 0
    proofs = [orjson.loads(copied.read_bytes())["proof"]]
    code, output, errors = gismap("care", "correct", zhang, "phone", *why, typed="13700001111\n")
    assert code == 0, errors
    proofs.append(orjson.loads(output))
    code, output, errors = gismap("care", "delete", zhang, *why)
    assert code == 0, errors
    proofs.append(orjson.loads(output))
    assert [proof["action"] for proof in proofs] == ["copy person", "correct person", "delete person"]
    for proof in proofs:
        assert (
            own.value("SELECT record ->> 'action' FROM audit WHERE digest = :it", it=proof["entry"]) == proof["action"]
        )
    code, output, _ = gismap("audit", "show", "--subject", f"person {zhang}")
    assert code == 0 and all(proof["action"] in output for proof in proofs) and not leaks(output)
    assert gismap("audit", "verify")[0] == 0
    assert gismap("care", "delete", zhang, *why)[0] == 2
    assert gismap("care", "export", own.ids["li"], "-o", copied, *why)[0] == 2  # the file is there


# ── two people, by command ─────────────────────────────────────────────────────────────────────────────────────────


def add_officers(county: County) -> None:
    with writing(county.owner) as connection:
        for name, role in (("first", OFFICER), ("second", OFFICER), ("other", Role.ADMINISTRATOR)):
            account = add_account(connection, name, "Somebody", PASSWORD, made_by="test")
            grant(connection, account, role, None, ends_at=KEPT, granted_by="test")


def test_a_kind_of_care_and_a_sealed_address_take_two_officers_with_their_passwords(
    own: County, gismap: Gismap
) -> None:
    add_officers(own)
    home = own.value("SELECT part_of FROM element WHERE element_id = :it", it=own.ids["zhang"])
    assert gismap("seal", "put", home, "--reason", "受保护证人")[0] == 0
    ways = [("seal", "open", home, "--reason", "核实完毕"), ("care", "category", "approve", "失独家庭")]
    propose = ("care", "category", "propose", "失独家庭", "--title-en", "Bereaved", "--as", "first", "--password-stdin")
    assert gismap(*propose, typed="wrong wrong wrong\n")[0] == 2
    assert gismap(*propose, typed=PASSWORD)[0] == 0
    for way in ways:
        for who, typed in (("second", "wrong wrong wrong"), ("other", PASSWORD)):
            code, _, errors = gismap(*way, "--as", who, "--password-stdin", typed=typed + "\n")
            assert code == 2 and PASSWORD not in errors, (way, who)
    open_it = (*ways[0], "--password-stdin")
    assert gismap(*open_it, "--as", "first", typed=PASSWORD)[0] == 1
    assert gismap(*open_it, "--as", "first", typed=PASSWORD)[0] == 2
    assert own.rows("SELECT 1 FROM element WHERE element_id = :it", it=home) == []
    assert gismap(*open_it, "--as", "second", typed=PASSWORD)[0] == 0
    assert own.rows("SELECT 1 FROM element WHERE element_id = :it AND upper_inf(valid)", it=home) == [(1,)]
    approve = (*ways[1], "--password-stdin")
    assert gismap(*approve, "--as", "first", typed=PASSWORD)[0] == 2
    assert gismap(*approve, "--as", "second", typed=PASSWORD)[0] == 0
    actions = {row[0] for row in own.rows("SELECT record ->> 'action' FROM audit")}
    assert {"seal address", "ask to open address", "open address", "approve care category"} <= actions


def test_commands_of_care_answer_in_a_line(own: County, gismap: Gismap) -> None:
    for command in (("keyring", "init"), ("emergency", "end", 7), ("care", "purpose", "end", "none"),
                    ("emergency", "declare", "--unit", MINE, "--document", "1号", "--reason", "x", "--hours", "73"),
                    ("seal", "put", own.ids["zhang"], "--reason", "受保护证人"), 
                    ("care", "publish-counts", "--month", "x"),
                    ("care", "correct", own.ids["zhang"], "phone", "--reason", "本人书面申请")):  # fmt: skip
        code, _, errors = gismap(*command)
        assert code == 2 and errors.count("\n") == 1 and "Traceback" not in errors, (command, errors)
    declare = ("emergency", "declare", "--unit", MINE, "--reason", "暴雨", "--hours", "3", "--document")
    for command in (("keyring", "status"), ("keyring", "rotate"), ("care", "retention"), ("care", "publish-counts"),
                    ("care", "purpose", "list"), ("care", "category", "list"), ("seal", "list"), ("emergency", "list"),
                    (*declare, "1号", "--drill"), (*declare, "2号"),
                    ("emergency", "renew", 2, "--document", "3号", "--hours", "72"), ("emergency", "end", 1),
                    ("emergency", "list")):  # fmt: skip
        code, output, errors = gismap(*command)
        assert code == 0, (command, errors)
        assert not leaks(output)
    code, output, errors = gismap(
        "care", "purpose", "add", "meals", "--title", "送餐", "--legal-basis", "consent",
        "--legal-reference", "档案柜3", "--notice", "已告知", "--notice-on", TODAY, "--assessment", "PIA-7",
        "--owner", "民政办", "--recipient", "食堂", "--category", "very_old", "--retention-days", 30,
        "--expires-on", date(TODAY.year + 1, 1, 1), "--field", "name", "--field", "door",
    )  # fmt: skip
    assert code == 0, errors
    assert own.value("SELECT fields FROM purpose WHERE purpose = 'meals'") == ["name", "door"]


# ── boundaries that move ───────────────────────────────────────────────────────────────────────────────────────────


def exchanged() -> list[UnitDraft]:
    """The county with the south-western grid given to the eastern community."""
    kept = [draft for draft in small_county() if draft.code != f"{MINE}001"]
    like = kept[-1]
    given = UnitDraft(f"{OTHER}003", "太平社区第3网格", 4, OTHER, f"{OTHER}003", kind=like.kind,
                      zone_type=like.zone_type, geom=MultiPolygon([cell(0, 0)]))  # fmt: skip
    return [*kept, given]


@pytest.mark.parametrize("days", [0, 30], ids=["from today", "in a month"])
def test_a_person_goes_with_the_grid_and_the_past_is_nobodys_to_see(own: County, days: int) -> None:
    day = date.fromordinal(TODAY.toordinal() + days)
    with writing(own.owner) as connection:
        publish(connection, exchanged(), effective_from=day, today=TODAY, author="t", reason="t")
    zhang, here, there = own.ids["zhang"], own.as_(WORKER, MINE), own.as_(WORKER, OTHER)
    has, has_not = (there, here) if days == 0 else (here, there)
    answer = reveal(has, zhang, "name", "phone", "door")
    assert answer.status_code == 200 and answer.json()["fields"]["phone"] == PHONES["zhang"]
    assert reveal(has_not, zhang, "name").status_code == 404
    assert zhang in listed(has) and zhang not in listed(has_not)
    versions = own.value(
        "SELECT count(*) FROM care_person JOIN element USING (version_id) WHERE element_id = :it", it=zhang
    )
    assert versions == 2
    for path in ("/api/care/persons", f"/api/care/persons/{zhang}", f"/api/care/persons/{zhang}/looks"):
        assert has.get(path, params={"as_of": "2026-03-01"}).status_code == 400
    copy = own.as_(OFFICER).post(f"/api/care/persons/{zhang}/export", json=REASON)
    assert copy.status_code == 200 and len(copy.json()["versions"]) == 2
    corrected = own.as_(OFFICER).post(
        f"/api/care/persons/{zhang}/correct", json=REASON | {"fields": {"phone": "13700001111"}}
    )
    assert corrected.status_code == 200
    shown = "SELECT DISTINCT shown_phone FROM care_person JOIN element USING (version_id) WHERE element_id = :it"
    assert own.rows(shown, it=zhang) == [("137****1111",)]
    with reading(own.owner) as connection:
        assert not audit.verify(connection).faults
