"""Stores what is kept of persons in care beside their elements: masked where it is shown, sealed where it is not."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from gismap.care import queries
from gismap.care.values import IdentityField, band_start, birth_of, masked_id_number, masked_name, masked_phone
from gismap.elements.values import ElementDraft
from gismap.errors import EnvironmentProblemError
from gismap.store.copying import copy_rows
from gismap.store.keyring import Keyring

PERSON_COLUMNS = (
    "version_id path purpose fields shown_name shown_phone shown_id_number born_from child_until kept_until lookup"
).split()


def place_of(element_id: str, field: str) -> str:
    """What a seal is bound to: the person and the field, in whatever version."""
    return f"care/{element_id}/{field}"


def lookup_of(keyring: Keyring, id_number: str) -> bytes:
    """What an identity number is found by."""
    return keyring.digest(id_number, "id_number")


def shown_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """What is shown of identity fields: masks, and five years for the birth date."""
    birth = birth_of(fields)
    return {
        "name": masked_name(fields[IdentityField.NAME]) if IdentityField.NAME in fields else None,
        "phone": masked_phone(fields[IdentityField.PHONE]) if IdentityField.PHONE in fields else None,
        "id_number": masked_id_number(fields[IdentityField.ID_NUMBER]) if IdentityField.ID_NUMBER in fields else None,
        "born_from": band_start(birth) if birth is not None else None,
    }


def write_care(connection: Connection, drafts: Sequence[ElementDraft], *, keyring: Keyring | None) -> None:
    """Store the records of the drafts that `write_elements` has just written in this transaction.

    Raises:
        EnvironmentProblemError: there are identity fields and no keys to seal them with.
    """
    care = {draft.source_ref: draft.care for draft in drafts if draft.care is not None}
    persons, secrets = [], []
    for row in connection.execute(text(queries.WRITTEN)):
        record = care[row.source_ref]
        shown = shown_of(record.fields)
        lookup = None
        for field, value in record.fields.items():
            if keyring is None:
                raise EnvironmentProblemError(
                    "there are no keys to seal names and numbers with: `gismap keyring init` makes them",
                    field="GISMAP_KEYRING",
                )
            number, sealed = keyring.seal(value, place_of(row.element_id, field))
            secrets.append((row.version_id, field, number, _bytea(sealed)))
            if field == IdentityField.ID_NUMBER:
                lookup = _bytea(lookup_of(keyring, value))
        kept = "{" + ",".join(record.fields) + "}"
        masks = (shown["name"], shown["phone"], shown["id_number"], shown["born_from"])
        until = (_instant(record.child_until), record.kept_until.isoformat())
        persons.append((row.version_id, row.path, record.purpose, kept, *masks, *until, lookup))
    copy_rows(connection, "care_person", PERSON_COLUMNS, persons)
    copy_rows(connection, "care_secret", ("version_id", "field", "key_number", "sealed"), secrets)


def keep_longer(connection: Connection, drafts: Sequence[ElementDraft], *, source: str) -> None:
    """Keep whom a file names again for as long as if they had come today, changed or not; all for one purpose."""
    care = {draft.source_ref: draft.care for draft in drafts if draft.care is not None}
    if care:
        purpose, kept_until = next((each.purpose, each.kept_until) for each in care.values())
        params = {"source": source, "refs": list(care), "purpose": purpose, "kept_until": kept_until}
        connection.execute(text(queries.KEEP_LONGER), params)


def _bytea(value: bytes) -> str:
    return "\\x" + value.hex()


def _instant(at: datetime | None) -> str | None:
    """As PostgreSQL reads it; the last moment of all is its infinity."""
    if at is None:
        return None
    return "infinity" if at.year == datetime.max.year else at.isoformat()
