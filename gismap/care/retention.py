"""Deletes what is not to be kept any longer: records past their time or purpose, and superseded versions."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from gismap.care import queries
from gismap.store import audit
from gismap.store.sealed import SCHEMAS, delete_versions

UNDO_DAYS = 30
"""Superseded versions are kept this long, so that an import can be taken back."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run deleted: persons, and superseded versions of others."""

    persons: int
    versions: int


def delete_overdue(connection: Connection, *, actor: str) -> Kept:
    """Delete in the caller's transaction, as the owner; entered with the identities of whom it concerned."""
    persons, purposes, versions = [], set(), 0
    for schema in SCHEMAS:
        overdue = connection.execute(text(queries.OVERDUE.format(schema=schema))).all()
        persons += [row.element_id for row in overdue]
        purposes |= {row.purpose for row in overdue}
        _delete(connection, queries.VERSIONS_OF, schema, persons=[row.element_id for row in overdue])
        versions += _delete(connection, queries.OLD_VERSIONS, schema, days=UNDO_DAYS)
    connection.execute(text(queries.DELETE_OLD_REVEALS))
    detail = {"number": len(persons), "persons": persons, "versions": versions, "purposes": sorted(purposes)}
    audit.append(connection, actor=actor, action="retention", subject="care persons", detail=detail)
    return Kept(len(persons), versions)


def _delete(connection: Connection, which: str, schema: str, **params: Any) -> int:
    versions = list(connection.execute(text(which.format(schema=schema)), params).scalars())
    delete_versions(connection, versions, schema)
    return len(versions)
