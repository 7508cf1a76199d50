"""What a person in care may ask for: a copy of all that is kept, its correction, its deletion; each with proof of it.

The proof is the entry in the audit log that the answer names: its digest covers every entry before it.
"""

import hashlib
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection, text

from gismap.care import queries
from gismap.care.records import check_may, check_reason, find_record, looks, needed
from gismap.care.values import IdentityField, birth_of, clean_field, fourteenth_birthday
from gismap.care.writing import lookup_of, place_of, shown_of
from gismap.errors import BadInputError
from gismap.store import audit
from gismap.store.keyring import Keyring

WRITE = "care.write"


def copy_person(
    connection: Connection, person: str, reason: str, keyring: Keyring | None, *, today: date, actor: str
) -> dict[str, Any]:
    """All that is kept of a person, in plain words of every version, with the purpose and who looked.

    Raises:
        NotFoundError, ForbiddenError: there is none that the asker may see, or write.
        BadInputError: no reason.
    """
    row = find_record(connection, person, today)
    why = check_reason(reason)
    check_may(connection, row.element_id, WRITE)
    versions: dict[date, dict[str, Any]] = {}
    for part in connection.execute(text(queries.COPY), {"person": row.element_id}):
        version = versions.setdefault(part.since, {"since": part.since, "until": part.valid.upper, "fields": {}})
        if part.field is not None:
            place = place_of(row.element_id, part.field)
            version["fields"][part.field] = needed(keyring).open(part.key_number, bytes(part.sealed), place)
    purpose = _purpose_of(connection, row.element_id, today)
    seen = looks(connection, row.element_id, today=today)["looks"]
    proof = _enter(connection, actor, "copy person", row, reason=why)
    return {
        "element_id": row.element_id,
        "category": row.category,
        "building": {"name": row.building_name, "address": row.address},
        "unit": row.unit_name,
        "kept_until": row.kept_until,
        "purpose": purpose,
        "versions": list(versions.values()),
        "looks": seen,
        "proof": proof,
    }


def correct_person(
    connection: Connection,
    person: str,
    corrections: dict[IdentityField, str],
    reason: str,
    keyring: Keyring | None,
    *,
    today: date,
    actor: str,
) -> dict[str, Any]:
    """Put right fields of a record wherever they are kept; what was wrong is kept nowhere.

    Raises:
        NotFoundError, ForbiddenError: there is none that the asker may see, or write.
        BadInputError: a value cannot be one, the purpose does not need the field, or no reason.
    """
    row = find_record(connection, person, today)
    why = check_reason(reason)
    check_may(connection, row.element_id, WRITE)
    purpose = _purpose_of(connection, row.element_id, today)
    if not corrections:
        raise BadInputError("name what is to be corrected", field="fields")
    for field in corrections:
        if field not in purpose["fields"]:
            raise BadInputError(f"the purpose {purpose['purpose']} does not need {field}", field=field)
    cleaned: dict[str, str] = {field: clean_field(field, value, today) for field, value in corrections.items()}
    birth = birth_of(cleaned)
    if birth is not None and purpose["children"] is None and fourteenth_birthday(birth) > today:
        raise BadInputError(f"is under 14, and the purpose {purpose['purpose']} is not for children", field="fields")
    for field in corrections:
        _correct(connection, row.element_id, field, cleaned[field], needed(keyring))
    return {"proof": _enter(connection, actor, "correct person", row, fields=sorted(corrections), reason=why)}


def _purpose_of(connection: Connection, person: str, today: date) -> dict[str, Any]:
    params = {"person": person, "today": today}
    return dict(connection.execute(text(queries.PURPOSE_OF_PERSON), params).mappings().one())


def _correct(connection: Connection, person: str, field: IdentityField, value: str, keyring: Keyring) -> None:
    fields: dict[str, str] = {field: value}
    shown: dict[str, Any] = {name: mask for name, mask in shown_of(fields).items() if mask is not None}
    birth = birth_of(fields)
    if birth is not None:
        shown["child_until"] = fourteenth_birthday(birth).isoformat()
    if field == IdentityField.ID_NUMBER:
        shown["lookup"] = lookup_of(keyring, value).hex()
    number, sealed = keyring.seal(value, place_of(person, field))
    params = {"person": person, "field": field, "key": number, "sealed": sealed, "shown": orjson.dumps(shown).decode()}
    connection.execute(text(queries.CORRECT), params)


def delete_person(
    connection: Connection, person: str, reason: str, keyring: Keyring | None, *, today: date, actor: str
) -> dict[str, Any]:
    """Delete all versions of a record; the next file cannot bring the person back by the same reference, nor, where
    there are keys to tell, by the same identity number.

    Raises:
        NotFoundError, ForbiddenError: there is none that the asker may see, or write.
        BadInputError: no reason.
    """
    row = find_record(connection, person, today)
    why = check_reason(reason)
    check_may(connection, row.element_id, WRITE)
    marks = _marks(connection, row.element_id, keyring)
    gone = connection.execute(text(queries.FORGET), {"person": row.element_id, "marks": marks}).scalar_one()
    return {"proof": _enter(connection, actor, "delete person", row, reason=why, versions=gone, category=row.category)}


def _marks(connection: Connection, person: str, keyring: Keyring | None) -> list[bytes]:
    """What tells a deleted person again in a file: the reference there, and the identity number."""
    came = connection.execute(text(queries.SOURCE_OF), {"person": person}).one()
    marks = [mark_of(came.source, came.source_ref)]
    for part in connection.execute(text(queries.COPY), {"person": person}):
        if keyring is not None and part.field == IdentityField.ID_NUMBER:
            number = keyring.open(part.key_number, bytes(part.sealed), place_of(person, part.field))
            marks.append(lookup_of(keyring, number))
    return sorted(set(marks))


def mark_of(source: str, source_ref: str) -> bytes:
    """What a deleted row of a source is known by; no key, since a reference says nothing about a person."""
    return hashlib.sha256(f"{source}\0{source_ref}".encode()).digest()


def deleted_marks(connection: Connection) -> set[bytes]:
    """The marks of all persons who were deleted at their request, for whoever may write."""
    return {bytes(mark) for mark in connection.execute(text(queries.FORGOTTEN)).scalars()}


def _enter(connection: Connection, actor: str, action: str, row: Any, **detail: Any) -> dict[str, Any]:
    """Enter what was done and return the proof: what, by whom, and the digest of the entry."""
    subject = f"person {row.element_id}"
    digest = audit.append(
        connection, actor=actor, action=action, subject=subject, detail={"unit": row.unit_id, **detail}
    )
    return {"action": action, "subject": subject, "actor": actor, "entry": digest}
