"""What becomes of incidents: pages, one with its history, where it is, what is done with it, whom to call back.

What may be done when stands in one table (`incident_rule`), and the database refuses anything else; here its refusals
are put into words. Taking reports in is `intake`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text

from gismap.access.values import Caller, Permission
from gismap.boundaries.service import find_unit
from gismap.care.records import check_reason, needed
from gismap.elements.conditions import in_ranges, joined
from gismap.elements.service import overlaps
from gismap.errors import BadInputError, ConflictError, ForbiddenError, GismapError, NotFoundError
from gismap.i18n import Language
from gismap.incidents import queries
from gismap.incidents.placing import SURE, Locating
from gismap.incidents.values import Action, Position
from gismap.store import audit
from gismap.store.keyring import Keyring, contact_place


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents; None: whatever. `territories` are the asker's ranges of paths, none is the whole district."""

    unit: str | None = None
    status: str | None = None
    track: str | None = None
    since: datetime | None = None
    before: int | None = None
    limit: int = 50
    territories: Sequence[tuple[str, str]] = ()


def list_categories(connection: Connection, language: Language) -> list[dict[str, Any]]:
    """What can be reported, with its clocks."""
    rows = connection.execute(text(queries.CATEGORIES)).mappings()
    return [
        {"title": row[f"title_{language}"]} | {key: row[key] for key in row if not key.startswith("title_")}
        for row in rows
    ]


def list_incidents(connection: Connection, wanted: Wanted, *, today: date) -> dict[str, Any]:
    """A page of matters that the asker handles, the newest first; `next` is the `before` of the following page.

    Raises:
        NotFoundError: there is no such unit.
        ForbiddenError: it lies outside of the asker's territory.
    """
    conditions = ["true"]
    params: dict[str, Any] = {"today": today, "limit": wanted.limit + 1}
    if wanted.unit is not None:
        unit = find_unit(connection, wanted.unit, today)
        if not overlaps(unit.path, wanted.territories):
            raise ForbiddenError("this unit lies outside of your territory", field="unit")
        conditions.append("i.path >= :path AND i.path < :path_end")
        params |= {"path": unit.path, "path_end": unit.path + "~"}
    if wanted.territories:
        conditions.append(in_ranges(wanted.territories, params, path="i.path"))
    for name, condition in (
        ("status", "i.status = :status"),
        ("track", "i.track = :track"),
        ("since", "i.reported_at >= :since"),
        ("before", "i.incident < :before"),
    ):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(condition)
            params[name] = value
    rows = connection.execute(text(queries.PAGE.format(conditions=joined(conditions))), params).all()
    shown = rows[: wanted.limit]
    return {
        "incidents": [row.told for row in shown],
        "next": shown[-1].incident if len(rows) > wanted.limit else None,
    }


def show_incident(connection: Connection, incident: int, caller: Caller, *, today: date) -> dict[str, Any]:
    """One matter with its report, its history, and what the caller may do with it now.

    Raises:
        NotFoundError: there is none that the caller may see; whether one is hidden is not told.
    """
    row = _found(connection, incident, today)
    params = {"incident": incident, "round": row.round}
    rules = connection.execute(text(queries.RULES), {"track": row.track, "status": row.status}).all()
    return {
        **row.told,
        "report": {
            "verdict": row.told["verdict"],
            "why": row.why,
            "candidates": row.candidates,
            "revision": row.boundary_revision,
            "position": row.as_reported,
            "at": row.reported_at_place,
            "photos": row.photos,
            "is_about_staff": row.is_about_staff,
        },
        "askers": connection.execute(text(queries.ASKERS), params).scalar_one(),
        "ratings": connection.execute(text(queries.RATINGS), params).scalar_one(),
        "merged": connection.execute(text(queries.CHILDREN), params).scalar_one(),
        "history": connection.execute(text(queries.EVENTS), params).scalar_one(),
        "actions": [
            rule.action
            for rule in rules
            if rule.action != "third_return" and _may(caller, Permission(rule.permission), row.path)
        ],
    }


def place_incident(
    connection: Connection,
    locating: Locating,
    incident: int,
    position: Position | None,
    unit: str | None,
    reason: str | None,
) -> dict[str, Any]:
    """Decide where an incident is: at a position, in a unit, or both; the history keeps where it was before.

    Raises:
        BadInputError: neither, or no reason where one is needed.
        ConflictError: the position is in doubt and no unit is named; or it is too late for that.
        NotFoundError: there is no such incident for the caller, or no such unit.
        ForbiddenError: the caller dispatches elsewhere.
    """
    if position is None and unit is None:
        raise BadInputError("say where it is: by x and y, by a unit, or both", field="unit")
    _found(connection, incident, locating.today)
    chosen = None if unit is None else find_unit(connection, unit, locating.today).unit_id
    told: dict[str, Any] = {"unit": chosen}
    if position is not None:
        answer = locating.answer(position)
        if chosen is None and answer["verdict"] not in SURE:
            could_be = ", ".join(one["code"] or one["unit"] for one in answer["candidates"])
            raise ConflictError(f"{answer['why']}: name the unit, such as {could_be}", field="unit")
        told = {
            "unit": chosen or answer["grid"]["unit"],
            "lon": answer["point"]["lon"],
            "lat": answer["point"]["lat"],
            "verdict": answer["verdict"],
            "candidates": answer["candidates"],
            "revision": answer["revision"],
            "position": asdict(position),
        }
    why = None if reason is None else check_reason(reason)
    params = {"incident": incident, "reason": why, "placed": orjson.dumps(told).decode()}
    result = connection.execute(text(queries.PLACE), params).scalar_one()
    _raise_refusal(result, "place")
    return {"incident": incident, "status": result["status"], "unit": told["unit"]}


def act(
    connection: Connection, incident: int, action: Action, reason: str | None, more: Mapping[str, Any], *, today: date
) -> dict[str, Any]:
    """Do something with a matter; `more` holds what some actions take: unit, parent, askers, by, stars.

    Raises:
        NotFoundError: there is no such incident for the caller, or what the action names is not there.
        ConflictError: not in this status; somebody was faster; somebody has rated already or was not answered yet.
        ForbiddenError: the caller may not do that there.
        BadInputError: no reason, or something else is missing that the action takes.
    """
    named = dict(more)
    if "unit" in named:
        named["unit"] = find_unit(connection, named["unit"], today).unit_id
    why = None if reason is None else check_reason(reason)
    params = {"incident": incident, "action": action, "reason": why, "more": orjson.dumps(named).decode()}
    result = connection.execute(text(queries.ACT), params).scalar_one()
    _raise_refusal(result, action)
    return {"incident": incident, "status": result["status"]}


def reveal_contacts(
    connection: Connection, incident: int, reason: str, keyring: Keyring | None, caller: Caller, *, today: date
) -> dict[str, Any]:
    """Whom to call back, for whoever has to; who looked and why is entered in the audit log.

    Raises:
        NotFoundError: there is no such incident for the caller.
        ForbiddenError: the caller need not call.
        BadInputError: no reason.
        EnvironmentProblemError: the keys are not here.
    """
    row = _found(connection, incident, today)
    why = check_reason(reason)
    if not connection.execute(text(queries.MAY_CALL), {"incident": incident}).scalar():
        raise ForbiddenError(
            "only whoever has to call back is told whom: who took this, or a dispatcher when one is due"
        )
    sealed = connection.execute(text(queries.CONTACTS), {"incident": incident}).all()
    contacts = [
        {"asker": one.asker}
        | orjson.loads(needed(keyring).open(one.key_number, bytes(one.sealed), contact_place(one.asker)))
        for one in sealed
    ]
    detail = {"reason": why, "number": len(contacts)} | ({} if row.unit_id is None else {"unit": row.unit_id})
    audit.append(
        connection, actor=caller.username, action="reveal asker", subject=f"incident {incident}", detail=detail
    )
    return {"incident": incident, "contacts": contacts}


def _found(connection: Connection, incident: int, today: date) -> Any:
    row = connection.execute(text(queries.ONE), {"incident": incident, "today": today}).one_or_none()
    if row is None:
        raise _unknown()
    return row


def _unknown() -> NotFoundError:
    return NotFoundError("there is no such incident, or not for you", field="incident")


def _may(caller: Caller, permission: Permission, path: str) -> bool:
    return any(low <= path < high for low, high in caller.territories.get(permission, ()))


def _raise_refusal(result: Mapping[str, Any], action: str) -> None:
    """Put what the database refused into words."""
    refused = result.get("refused")
    if refused is None:
        return
    errors: dict[str, GismapError] = {
        "unknown": _unknown(),
        "rule": ConflictError(f"{action} is not for an incident that is {result.get('status')}", field="action"),
        "permission": ForbiddenError(f"this needs the permission {result.get('permission')} where it is dealt with"),
        "handler": ForbiddenError("somebody else took this: only they or a dispatcher may do that"),
        "reason": BadInputError("say why or what, in 4 characters or more; it stays in the history", field="reason"),
        "late": ConflictError("the time to claim this is over: it goes to whoever is on duty", field="action"),
        "top": ConflictError("this is with the topmost unit already", field="action"),
        "unit": BadInputError("name a unit that stands today", field="unit"),
        "line": ConflictError("it is about somebody of that unit, and has to stay past their line", field="unit"),
        "rater": NotFoundError("nobody of that name asked: rate by `community` or by an asker", field="by"),
        "rated": ConflictError("they have rated this already", field="by"),
        "untold": ConflictError(f"{result.get('askers')} who asked were not answered yet: give feedback first"),
        "parent": NotFoundError("there is no such incident to merge into, or not for you", field="parent"),
        "parent_status": ConflictError(f"it cannot be merged into one that is {result.get('status')}", field="parent"),
    }
    raise errors[refused]
