"""What is not shown is sealed with keys outside of the database: bound to its place, rotated, in plain nowhere."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gismap.access.values import Role
from gismap.care import rotation
from gismap.care.values import IdentityField
from gismap.care.writing import place_of
from gismap.elements.sealing import open_seal, seal
from gismap.errors import EnvironmentProblemError, GismapError, UnavailableError
from gismap.store.keyring import Keyring, new_keyring, read_keyring, with_new_key, write_keyring
from gismap.store.session import writing
from tests.care.conftest import PEOPLE, PHONES, SECRETS, County, everything
from tests.care.test_seeing import OFFICER, leaks, listed, reveal

FIELD = "(SELECT version_id FROM element WHERE element_id = :it)"


def ring_of(county: County) -> Keyring:
    ring = read_keyring(county.keyring_path)
    assert ring is not None
    return ring


def shown_in_full(county: County, ref: str) -> dict[str, str]:
    """All fields of a person, by revealing them."""
    kept = list(PEOPLE[ref][2])
    answer = reveal(county.as_(Role.CHILD_DATA_OFFICER), county.ids[ref], *kept)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["fields"])


def expected(ref: str) -> dict[str, str]:
    return PEOPLE[ref][2] | ({"phone": PHONES[ref]} if ref in PHONES else {})


# ── in plain nowhere ───────────────────────────────────────────────────────────────────────────────────────────────


def test_no_name_phone_or_number_is_in_plain_anywhere_in_the_database(own: County) -> None:
    home = own.value("SELECT part_of FROM element WHERE element_id = :it", it=own.ids["ouyang"])
    for ref in ("zhang", "li", "child"):
        shown_in_full(own, ref)
    listed(own.as_(OFFICER))
    with writing(own.owner) as connection:
        seal(connection, home, "受保护证人", sealed_by="a")
    rotation.rotate(own.owner, own.keyring_path, actor="test")
    dump = everything(own)
    assert own.ids["zhang"] in dump and "138****5678" in dump
    for secret in SECRETS | {"1940-05-17", "1962-11-30"}:
        assert secret not in dump
        assert secret.encode().hex() not in dump


def test_no_secret_is_logged_when_something_fails(own: County, caplog: pytest.LogCaptureFixture) -> None:
    own.do(f"UPDATE care_secret SET sealed = '\\x00' WHERE version_id = {FIELD}", it=own.ids["zhang"])
    number = PEOPLE["zhang"][2]["id_number"]
    client = own.as_(OFFICER)
    answer = reveal(client, own.ids["zhang"], "phone")
    assert answer.status_code == 503 and not leaks(answer.text)
    client.post("/api/care/persons/lookup", json={"id_number": number, "reason": "核对身份", "more": number})
    client.post(
        f"/api/care/persons/{own.ids['zhang']}/correct", json={"fields": {"id_number": number[:-1]}, "reason": "x"}
    )
    assert not leaks(caplog.text) and number[:-1] not in caplog.text


# ── bound to their place ───────────────────────────────────────────────────────────────────────────────────────────

SWAPPED = {
    "another person's": "UPDATE care_secret s SET sealed = o.sealed FROM care_secret o"
    f" JOIN element e USING (version_id) WHERE s.version_id = {FIELD} AND s.field = o.field AND e.element_id = :other",
    "another field's": "UPDATE care_secret s SET sealed = o.sealed FROM care_secret o"
    f" WHERE s.version_id = {FIELD} AND o.version_id = s.version_id AND s.field = 'name' AND o.field = 'phone'",
    "with a bit flipped": "UPDATE care_secret SET sealed = set_bit(sealed, 130, 1 - get_bit(sealed, 130))"
    f" WHERE version_id = {FIELD}",
    "cut short": f"UPDATE care_secret SET sealed = substring(sealed FOR 8) WHERE version_id = {FIELD}",
    "of no key": f"UPDATE care_secret SET key_number = 77 WHERE version_id = {FIELD}",
}


@pytest.mark.parametrize("how", SWAPPED)
def test_a_value_that_was_moved_or_changed_shows_to_nobody(own: County, how: str) -> None:
    given = {"it": own.ids["zhang"]} | ({"other": own.ids["li"]} if ":other" in SWAPPED[how] else {})
    own.do(SWAPPED[how], **given)
    answer = reveal(own.as_(OFFICER), own.ids["zhang"], "name")
    assert answer.status_code == 503 and not leaks(answer.text)
    assert "restore" in answer.json()["detail"]
    assert own.rows("SELECT 1 FROM reveal") == [] and own.as_(OFFICER).get("/api/care/persons").status_code == 200


def test_with_other_keys_nothing_shows_and_no_rotation_loses_the_old_ones(own: County) -> None:
    right = own.keyring_path.read_bytes()
    write_keyring(own.keyring_path, new_keyring())
    assert reveal(own.as_(OFFICER), own.ids["zhang"], "name").status_code == 503
    with pytest.raises(EnvironmentProblemError, match="restore"):
        rotation.rotate(own.owner, own.keyring_path, actor="test")
    own.keyring_path.write_bytes(right)
    assert shown_in_full(own, "zhang") == expected("zhang")


def test_without_keys_nothing_is_revealed_and_masks_still_show(own: County) -> None:
    own.keyring_path.unlink()
    assert reveal(own.as_(OFFICER), own.ids["zhang"], "name").status_code == 503
    assert len(listed(own.as_(OFFICER))) == 4


# ── the file of keys ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_of_keys_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyring.json"
    write_keyring(path, new_keyring())
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(mode)
    with pytest.raises(EnvironmentProblemError, match="chmod 600"):
        read_keyring(path)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"keys": {}, "digest_key": "AA=="}', '{"keys": {"1": "AA=="}}', "\x00", '{"keys": 1}']
)
def test_what_is_no_file_of_keys_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(EnvironmentProblemError, match="no keyring of gismap"):
        read_keyring(path)


def test_the_same_text_is_sealed_differently_each_time_and_found_by_the_same_digest() -> None:
    ring = new_keyring()
    assert ring.seal("张桂英", "a")[1] != ring.seal("张桂英", "a")[1]
    assert ring.digest("x", "id_number") == with_new_key(ring).digest("x", "id_number") != ring.digest("x", "phone")


# ── rotation ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_a_rotation_everything_opens_with_the_new_key_alone_sealed_addresses_too(own: County) -> None:
    before = ring_of(own)
    home = own.value("SELECT part_of FROM element WHERE element_id = :it", it=own.ids["li"])
    with writing(own.owner) as connection:
        seal(connection, home, "受保护证人", sealed_by="a")
    number, fields = rotation.rotate(own.owner, own.keyring_path, actor="test")
    after = ring_of(own)
    assert (number, set(after.keys)) == (2, {2}) and fields == sum(len(each[2]) for each in PEOPLE.values())
    assert after.digest_key == before.digest_key
    for schema in ("public", "sealed"):
        assert own.rows(f"SELECT DISTINCT key_number FROM {schema}.care_secret") == [(2,)]
    with writing(own.owner) as connection:
        open_seal(connection, home, "核实完毕", opened_by="a")
        open_seal(connection, home, "核实完毕", opened_by="b")
    for ref in ("zhang", "li", "child", "ouyang"):
        assert shown_in_full(own, ref) == expected(ref)
    found = own.as_(OFFICER).post(
        "/api/care/persons/lookup", json={"id_number": PEOPLE["li"][2]["id_number"], "reason": "核对身份"}
    )
    assert [person["element_id"] for person in found.json()["persons"]] == [own.ids["li"]]
    secret = own.rows(f"SELECT sealed FROM care_secret WHERE version_id = {FIELD} AND field = 'name'", it=own.ids["li"])
    with pytest.raises(GismapError):
        before.open(1, bytes(secret[0][0]), place_of(own.ids["li"], "name"))


def test_a_rotation_that_is_cut_short_leaves_everything_readable_and_is_carried_on(
    own: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "AT_ONCE", 4)
    seals = Keyring.seal
    left = iter(range(6))

    def cut(ring: Keyring, *what: Any) -> Any:
        next(left)
        return seals(ring, *what)

    monkeypatch.setattr(Keyring, "seal", cut)
    with pytest.raises(StopIteration):
        rotation.rotate(own.owner, own.keyring_path, actor="test")
    monkeypatch.setattr(Keyring, "seal", seals)
    assert sorted(own.rows("SELECT DISTINCT key_number FROM care_secret")) == [(1,), (2,)]
    for ref in ("zhang", "li", "child", "ouyang"):
        assert shown_in_full(own, ref) == expected(ref)
    assert rotation.rotate(own.owner, own.keyring_path, actor="test")[0] == 2
    assert set(ring_of(own).keys) == {2}
    assert shown_in_full(own, "zhang") == expected("zhang")


def test_nothing_is_sealed_with_a_key_that_a_rotation_has_dropped(own: County) -> None:
    """Whoever read the file before a rotation and writes after it would seal with a key that is nowhere any more."""
    old = ring_of(own)
    rotation.rotate(own.owner, own.keyring_path, actor="test")
    number, sealed = old.seal("13700001111", place_of(own.ids["zhang"], IdentityField.PHONE))
    with pytest.raises(UnavailableError), writing(own.owner) as connection:
        connection.execute(
            text("UPDATE care_secret SET key_number = :key, sealed = :sealed"
                 f" WHERE field = 'phone' AND version_id = {FIELD}"),
            {"key": number, "sealed": sealed, "it": own.ids["zhang"]},
        )  # fmt: skip
    assert shown_in_full(own, "zhang") == expected("zhang")
