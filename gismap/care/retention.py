"""Deletes what is not to be kept any longer: records past their time or purpose, and superseded versions."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from gismap.care import queries
from gismap.store import audit

UNDO_DAYS = 30
"""Superseded versions are kept this long, so that an import can be taken back."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run deleted: persons, and superseded versions of others."""

    persons: int
    versions: int


def delete_overdue(connection: Connection, *, actor: str) -> Kept:
    """Delete in the caller's transaction, as the owner; entered with the identities of whom it concerned."""
    overdue = connection.execute(text(queries.OVERDUE)).all()
    persons = [row.element_id for row in overdue]
    if persons:
        connection.execute(text(queries.DELETE_PERSONS), {"persons": persons})
    versions = connection.execute(text(queries.DELETE_OLD_VERSIONS), {"days": UNDO_DAYS}).rowcount
    connection.execute(text(queries.DELETE_OLD_REVEALS))
    detail = {
        "number": len(persons),
        "persons": persons,
        "versions": versions,
        "purposes": sorted({row.purpose for row in overdue}),
    }
    audit.append(connection, actor=actor, action="retention", subject="care persons", detail=detail)
    return Kept(len(persons), versions)
