"""Records of persons in care as they are shown: masked pages, one field revealed for a while with a reason, look-up by
identity number, and who looked. Every look is an entry in the audit log, in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.boundaries.service import find_unit
from gismap.care import queries
from gismap.care.values import IdentityField, age_band, clean_field
from gismap.care.writing import lookup_of, place_of
from gismap.elements.conditions import in_ranges, joined
from gismap.elements.service import overlaps
from gismap.errors import BadInputError, EnvironmentProblemError, ForbiddenError, NotFoundError
from gismap.geometry.codes import check_identity
from gismap.personal_numbers import personal_number
from gismap.store import audit
from gismap.store.keyring import Keyring

REVEALED_S = 300
"""How long a revealed field is shown."""

SHORTEST_REASON = 4
LOOKS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records; None: whatever. `territories` are the ranges of paths of the asker, none is the whole district."""

    unit: str | None = None
    category: str | None = None
    purpose: str | None = None
    after: str | None = None
    limit: int = 100
    of_drill: bool = False
    territories: Sequence[tuple[str, str]] = ()


def list_persons(connection: Connection, wanted: Wanted, *, today: date, actor: str) -> dict[str, Any]:
    """A page of masked records by identity; `next` is the `after` of the following page.

    Raises:
        NotFoundError: there is no such unit.
        ForbiddenError: it lies outside of the asker's territory.
    """
    conditions = ["p.is_drill" if wanted.of_drill else "NOT p.is_drill"]
    params: dict[str, Any] = {"today": today, "limit": wanted.limit + 1}
    unit_id = None
    if wanted.unit is not None:
        unit = find_unit(connection, wanted.unit, today)
        unit_id = unit.unit_id
        if not overlaps(unit.path, wanted.territories):
            raise ForbiddenError("this unit lies outside of your territory", field="unit")
        conditions.append("e.path >= :path AND e.path < :path_end")
        params |= {"path": unit.path, "path_end": unit.path + "~"}
    if wanted.territories:
        conditions.append(in_ranges(wanted.territories, params, path="e.path"))
    for column, value in (("e.category", wanted.category), ("c.purpose", wanted.purpose)):
        if value is not None:
            conditions.append(f"{column} = :{column[2:]}")
            params[column[2:]] = value
    if wanted.after is not None:
        conditions.append("e.element_id > :after")
        params["after"] = wanted.after
    statement = f"{queries.RECORD} AND {joined(conditions)} ORDER BY e.element_id LIMIT :limit"
    rows = connection.execute(text(statement), params).all()
    shown = rows[: wanted.limit]
    _enter(connection, actor, "list persons in care", "care persons", shown, unit=unit_id, category=wanted.category)
    return {
        "persons": [_told(row, today) for row in shown],
        "next": shown[-1].element_id if len(rows) > wanted.limit else None,
    }


def show_person(
    connection: Connection, person: str, keyring: Keyring | None, *, today: date, actor: str
) -> dict[str, Any]:
    """One masked record, with the fields that this session has revealed and may still see.

    Raises:
        NotFoundError: there is none that the asker may see.
    """
    row = find_record(connection, person, today)
    fields, ends_at = _revealed(connection, row.element_id, keyring)
    _enter(connection, actor, "read person", f"person {row.element_id}", [row], unit=row.unit_id, fields=sorted(fields))
    told = _told(row, today)
    if fields:
        told["revealed"] = {"fields": fields, "until": ends_at}
    return told


def reveal(
    connection: Connection,
    person: str,
    wanted: Sequence[IdentityField],
    reason: str,
    keyring: Keyring | None,
    *,
    today: date,
    actor: str,
) -> dict[str, Any]:
    """Show fields of one record in full to this session for a while; who, which and why is entered.

    Raises:
        NotFoundError: there is no such record that the asker may see.
        ForbiddenError: the asker may see it masked only.
        BadInputError: no reason, or a field that is not kept.
    """
    row = find_record(connection, person, today)
    why = check_reason(reason)
    missing = [field for field in wanted if field not in row.fields]
    if missing or not wanted:
        raise BadInputError(
            f"kept of this person: {', '.join(row.fields) or 'nothing that could be revealed'}", field="fields"
        )
    check_may(connection, row.element_id, "care.reveal")
    params = {"person": row.element_id, "fields": list(wanted), "reason": why, "seconds": REVEALED_S}
    ends_at = connection.execute(text(queries.OPEN_REVEAL), params).scalar_one()
    fields, _ = _revealed(connection, row.element_id, keyring)
    shown = {str(field): fields[field] for field in wanted}
    detail = {"fields": sorted(wanted), "reason": why, "until": ends_at.isoformat(timespec="seconds")}
    _enter(connection, actor, "reveal", f"person {row.element_id}", [row], unit=row.unit_id, **detail)
    return {"element_id": row.element_id, "fields": shown, "until": ends_at}


def look_up(
    connection: Connection, id_number: str, reason: str, keyring: Keyring | None, *, today: date, actor: str
) -> dict[str, Any]:
    """The masked records with this identity number; the number itself is entered nowhere.

    Raises:
        BadInputError: no identity number, or no reason.
    """
    number, why = clean_field(IdentityField.ID_NUMBER, id_number, today), check_reason(reason)
    ring = needed(keyring)
    found = connection.execute(text(queries.FOUND), {"lookup": lookup_of(ring, number)}).scalars().all()
    rows = [find_record(connection, person, today) for person in found]
    _enter(connection, actor, "look up person", "care persons", rows, reason=why)
    return {"persons": [_told(row, today) for row in rows]}


def looks(connection: Connection, person: str, *, today: date) -> dict[str, Any]:
    """Who looked at a record or changed it, the newest first.

    Raises:
        NotFoundError: there is none that the asker may see.
    """
    row = find_record(connection, person, today)
    found = connection.execute(text(queries.LOOKS), {"person": row.element_id, "at_most": LOOKS_AT_ONCE}).mappings()
    return {"looks": [dict(look) for look in found]}


def find_record(connection: Connection, person: str, today: date) -> Any:
    """The record of a person by the identity as typed.

    Raises:
        NotFoundError: there is none that the asker may see; whether one is hidden is not told.
    """
    identity = check_identity(person)
    params = {"today": today, "person": identity}
    row = connection.execute(text(f"{queries.RECORD} AND e.element_id = :person"), params).one_or_none()
    if row is None:
        raise NotFoundError("there is no such person, or not for you", field="person")
    return row


def check_may(connection: Connection, person: str, permission: str) -> None:
    """Refuse who sees a record and may not do this with it.

    Raises:
        ForbiddenError: the permission is missing where the person lives.
    """
    if not connection.execute(text(queries.MAY), {"person": person, "permission": permission}).scalar():
        raise ForbiddenError(f"this needs the permission {permission} where the person lives")


def check_reason(reason: str) -> str:
    """The reason in one line.

    Raises:
        BadInputError: it is none, or holds what must not be in the log.
    """
    why = " ".join(reason.split())
    if len(why) < SHORTEST_REASON:
        raise BadInputError(
            f"say why, in {SHORTEST_REASON} characters or more; it is entered in the log", field="reason"
        )
    number = personal_number(why)
    if number is not None:
        raise BadInputError(f"holds what looks like {number}, and is entered in the log: leave it out", field="reason")
    return why


def needed(keyring: Keyring | None) -> Keyring:
    """The keyring, which has to be there.

    Raises:
        EnvironmentProblemError: there is none.
    """
    if keyring is None:
        raise EnvironmentProblemError(
            "the keys of sealed fields are not here: name their file in GISMAP_KEYRING", field="GISMAP_KEYRING"
        )
    return keyring


def _revealed(connection: Connection, person: str, keyring: Keyring | None) -> tuple[dict[str, str], Any]:
    rows = connection.execute(text(queries.REVEALED), {"person": person}).all()
    fields = {
        row.field: needed(keyring).open(row.key_number, bytes(row.sealed), place_of(person, row.field)) for row in rows
    }
    return fields, min((row.ends_at for row in rows), default=None)


def _told(row: Any, today: date) -> dict[str, Any]:
    """A record as it is told by default; what is not kept is left out."""
    building = {"element_id": row.building, "name": row.building_name, "address": row.address}
    unit = {"unit": row.unit_id, "code": row.code, "name": row.unit_name}
    told = {
        "element_id": row.element_id,
        "category": row.category,
        "purpose": row.purpose,
        "name": row.shown_name,
        "phone": row.shown_phone,
        "id_number": row.shown_id_number,
        "age": None if row.born_from is None else age_band(row.born_from, today),
        "is_child": row.is_child,
        "building": {key: value for key, value in building.items() if value is not None} or None,
        "unit": unit if row.unit_id is not None else None,
        "at": [row.lon, row.lat],
        "has": list(row.fields),
        "until": row.kept_until,
    }
    return {key: value for key, value in told.items() if value is not None}


def _enter(connection: Connection, actor: str, action: str, subject: str, rows: Sequence[Any], **detail: Any) -> None:
    told = {name: value for name, value in detail.items() if value is not None}
    told["units"] = sorted({row.unit_id for row in rows} - {None})  # so that auditors of these see it
    persons = [row.element_id for row in rows]
    audit.append(
        connection,
        actor=actor,
        action=action,
        subject=subject,
        detail={**told, "number": len(rows), "persons": persons},
    )
