"""Takes reports in: once for every key, located at once, the contact sealed; likely duplicates are told, not merged.

What becomes of a report afterwards is `service`.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection, text

from gismap.access.accounts import normal_username
from gismap.care.records import needed
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.geometry.codes import check_identity
from gismap.incidents import queries
from gismap.incidents.placing import Locating, place
from gismap.incidents.values import Placed, Report
from gismap.personal_numbers import personal_number
from gismap.store.keyring import Keyring, contact_place

ALIKE_M, ALIKE_H = 100, 48
"""Reports of one category this near and this close in time are likely the same matter."""


def once(
    connection: Connection, key: str | None, body: bytes, keyring: Keyring | None, make: Callable[[], bytes]
) -> bytes:
    """The answer that `make` gives, or the one that it gave when this caller sent the same key before.

    Whoever sends it at the same time waits for the first. The body, which may hold a phone, is kept as a keyed digest.

    Raises:
        ConflictError: the key came with another body.
    """
    if key is None:
        return make()
    digest = hashlib.sha256(body).digest() if keyring is None else keyring.digest(body.decode(), "incident body")
    before = connection.execute(text(queries.KEY_TAKEN), {"key": key, "body": digest}).one_or_none()
    if before is None:
        answer = make()
        connection.execute(text(queries.KEY_ANSWER), {"key": key, "answer": answer.decode()})
        return answer
    if not before.is_same:
        raise ConflictError("this key came with another report before: use a new one", field="Idempotency-Key")
    return str(before.answer).encode()


def report_incident(
    connection: Connection, locating: Locating, report: Report, keyring: Keyring | None
) -> dict[str, Any]:
    """Store a report and tell what became of it: its number, where it is, or what has to be decided about that.

    Raises:
        BadInputError: neither words nor a position, an unknown category, a number of a person in the words.
        NotFoundError: nobody is known by what the report says whom it is about.
        EnvironmentProblemError: there is a contact and no key to seal it with.
        PositionError, CrsError: no position.
    """
    _check(connection, report)
    about_account = _account(connection, report.about_user)
    placed = place(locating, report.position, report.words)
    asker = secrets.token_hex(8)
    sealed = _sealed(report, asker, keyring)
    told = {
        "category": report.category,
        "channel": report.channel,
        "words": report.words,
        "photos": list(report.photos),
        "as_reported": None if report.position is None else asdict(report.position),
        "about_staff": report.about_staff,
        "about_account": about_account,
        **asdict(placed),
    }
    number: int = connection.execute(
        text(queries.REPORT), {"report": orjson.dumps(told).decode(), "asker": asker, **sealed}
    ).scalar_one()
    return {
        "incident": number,
        "status": "to_place" if placed.unit is None else "reported",
        "asker": asker,
        "verdict": placed.verdict,
        "why": placed.why,
        "unit": placed.unit,
        "at": None if placed.lon is None else [placed.lon, placed.lat],
        "candidates": placed.candidates,
        "revision": placed.revision,
        "alike": _alike(connection, number, report.category, placed, sealed["digest"]),
    }


def _check(connection: Connection, report: Report) -> None:
    if report.words is None and report.position is None:
        raise BadInputError("say where it is: in words, or by x and y", field="text")
    known = connection.execute(text(queries.CATEGORIES)).all()
    if report.category not in {row.category for row in known}:
        there_are = ", ".join(row.category for row in known)
        raise BadInputError(f"there is no category {report.category!r}; there are {there_are}", field="category")
    number = None if report.words is None else personal_number(report.words)
    if number is not None:
        raise BadInputError(f"holds what looks like {number}: it belongs into `contact`, or nowhere", field="text")
    if report.about_staff is not None:
        identity = check_identity(report.about_staff)
        if connection.execute(text(queries.STAFF), {"staff": identity}).scalar() is None:
            raise NotFoundError("there are no such staff, or not for you", field="about_staff")


def _account(connection: Connection, username: str | None) -> str | None:
    if username is None:
        return None
    account: str | None = connection.execute(text(queries.ACCOUNT), {"username": normal_username(username)}).scalar()
    if account is None:
        raise NotFoundError("there is no such user", field="about_user")
    return account


def _sealed(report: Report, asker: str, keyring: Keyring | None) -> dict[str, Any]:
    """The contact as it is stored: sealed, and a keyed digest of the number."""
    if report.contact is None:
        return {"key": None, "sealed": None, "digest": None}
    ring = needed(keyring)
    phone = re.sub(r"[ \-()()]", "", report.contact.phone)
    if not re.fullmatch(r"\+?[0-9]{5,15}", phone):
        raise BadInputError("is no phone number: 5 to 15 digits", field="contact.phone")
    name = report.contact.name and " ".join(report.contact.name.split())
    key, sealed = ring.seal(orjson.dumps({"phone": phone, "name": name or None}).decode(), contact_place(asker))
    return {"key": key, "sealed": sealed, "digest": ring.digest(phone, "asker phone")}


def _alike(connection: Connection, number: int, category: str, placed: Placed, digest: bytes | None) -> Any:
    """What is likely the same matter, as far as the asker may see it."""
    params = {"incident": number, "category": category, "lon": placed.lon, "lat": placed.lat, "digest": digest}
    return connection.execute(text(queries.ALIKE), params | {"metres": ALIKE_M, "hours": ALIKE_H}).scalar_one()
