"""Seals everything anew with the newest key; what a key is lives in `gismap.store.keyring`."""

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from gismap.care import queries
from gismap.care.writing import place_of
from gismap.errors import BadInputError
from gismap.store import audit
from gismap.store.keyring import Keyring, contact_place, read_keyring, with_new_key, write_keyring
from gismap.store.sealed import SCHEMAS
from gismap.store.session import writing

AT_ONCE = 1_000


def rotate(engine: Engine, path: Path, *, actor: str) -> tuple[int, int]:
    """Add a key to the file, seal all fields with it, and take the old keys out of the file; returns the number of the
    key and how many fields were sealed anew. A run that was cut short is carried on by the next.

    Raises:
        BadInputError: there is no keyring.
        EnvironmentProblemError: the file cannot be read or written, or a value cannot be opened.
    """
    keyring = read_keyring(path)
    if keyring is None:
        raise BadInputError(f"there is no keyring at {path}: `gismap keyring init` makes one", field="GISMAP_KEYRING")
    if len(keyring.keys) == 1:
        keyring = with_new_key(keyring)
        write_keyring(path, keyring)  # before anything is sealed with it
    resealed = 0
    for schema in SCHEMAS:
        while done := _reseal_some(engine, keyring, schema):
            resealed += done
    while done := _reseal_some_contacts(engine, keyring):
        resealed += done
    newest = Keyring({keyring.newest: keyring.keys[keyring.newest]}, keyring.digest_key)
    with writing(engine) as connection:
        connection.execute(text(queries.KEEP_WRITERS_OUT))
        resealed += sum(_reseal(connection, keyring, schema) for schema in SCHEMAS)  # what was written meanwhile
        resealed += _reseal_contacts(connection, keyring)
        connection.execute(text(queries.DROP_OLDER_KEYS), {"newest": keyring.newest})
        detail = {"key": keyring.newest, "fields": resealed}
        audit.append(connection, actor=actor, action="rotate keys", subject="keyring", detail=detail)
    write_keyring(path, newest)
    return keyring.newest, resealed


def _reseal_some(engine: Engine, keyring: Keyring, schema: str) -> int:
    with writing(engine) as connection:
        return _reseal(connection, keyring, schema, some=AT_ONCE)


def _reseal(connection: Connection, keyring: Keyring, schema: str, some: int | None = None) -> int:
    """Seal `some` or all fields anew that are sealed with another key; returns how many."""
    old = text(queries.OLD_SECRETS.format(schema=schema))
    sealed = []
    for row in connection.execute(old, {"newest": keyring.newest, "some": some}):
        place = place_of(row.element_id, row.field)
        key, value = keyring.seal(keyring.open(row.key_number, bytes(row.sealed), place), place)
        sealed.append({"version": row.version_id, "field": row.field, "key": key, "sealed": value})
    if sealed:
        connection.execute(text(queries.RESEAL.format(schema=schema)), sealed)
    return len(sealed)


def _reseal_some_contacts(engine: Engine, keyring: Keyring) -> int:
    with writing(engine) as connection:
        return _reseal_contacts(connection, keyring, some=AT_ONCE)


def _reseal_contacts(connection: Connection, keyring: Keyring, some: int | None = None) -> int:
    """The same for the contacts of those who reported incidents."""
    sealed = []
    for row in connection.execute(text(queries.OLD_CONTACTS), {"newest": keyring.newest, "some": some}):
        place = contact_place(row.asker)
        key, value = keyring.seal(keyring.open(row.key_number, bytes(row.sealed), place), place)
        sealed.append({"asker": row.asker, "key": key, "sealed": value})
    if sealed:
        connection.execute(text(queries.RESEAL_CONTACT), sealed)
    return len(sealed)
