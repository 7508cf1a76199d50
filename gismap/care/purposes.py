"""Purposes: why records of persons are kept, on what basis, for whom and until when. Without one there is no record."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from gismap.care import queries
from gismap.care.values import IdentityField, Purpose
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.settings import get_settings
from gismap.store import audit

LONGEST = timedelta(days=3 * 366)
"""A purpose is looked at anew at least this often."""


def add_purpose(connection: Connection, purpose: Purpose, *, made_by: str) -> None:
    """Record a purpose.

    Raises:
        BadInputError: something is missing, naming what; or it lasts too long.
        ConflictError: there is one of this name.
    """
    _check(purpose)
    known = {row["category"] for row in connection.execute(text(queries.CATEGORIES), {"waiting": False}).mappings()}
    unknown = [category for category in purpose.categories if category not in known]
    if unknown:
        raise BadInputError(f"there is no category {', '.join(unknown)}; `gismap care category list`", field="category")
    if connection.execute(text(queries.ADD_PURPOSE), _row(purpose) | {"made_by": made_by}).scalar() is None:
        raise ConflictError(f"there is a purpose {purpose.purpose!r} already", field="purpose")
    detail = {**_row(purpose), "notice_on": purpose.notice_on.isoformat(), "expires_at": purpose.expires_at.isoformat()}
    audit.append(connection, actor=made_by, action="add purpose", subject=f"purpose {purpose.purpose}", detail=detail)


def end_purpose(connection: Connection, purpose: str, *, actor: str) -> None:
    """End a purpose: its records show to nobody any more, and the next retention run deletes them.

    Raises:
        NotFoundError: there is none in force.
    """
    if connection.execute(text(queries.END_PURPOSE), {"purpose": purpose}).scalar() is None:
        raise NotFoundError(f"there is no purpose {purpose!r} in force", field="purpose")
    audit.append(connection, actor=actor, action="end purpose", subject=f"purpose {purpose}", detail={})


def list_purposes(connection: Connection) -> Sequence[dict[str, Any]]:
    """All purposes but those of drills, with the number of records where the asker may count them."""
    return [dict(row) for row in connection.execute(text(queries.PURPOSES)).mappings()]


def purpose_in_force(connection: Connection, purpose: str) -> Purpose:
    """The purpose of this name.

    Raises:
        NotFoundError: there is none in force.
    """
    row = connection.execute(text(queries.PURPOSE), {"purpose": purpose}).mappings().one_or_none()
    if row is None:
        names = ", ".join(row["purpose"] for row in list_purposes(connection) if row["is_in_force"])
        raise NotFoundError(
            f"there is no purpose {purpose!r} in force; there are: {names or 'none, record one'}", field="purpose"
        )
    return Purpose(**{**row, "fields": [IdentityField(field) for field in row["fields"]]})


def _check(purpose: Purpose) -> None:
    for name in ("title", "legal_reference", "notice", "assessment", "owner"):
        if not getattr(purpose, name).strip():
            raise BadInputError("a purpose needs it; nothing is recorded without", field=name)
    if not any(one.strip() for one in purpose.recipients):
        raise BadInputError("name at least one recipient", field="recipients")
    if not purpose.categories:
        raise BadInputError("name at least one category of care", field="category")
    if purpose.legal_basis not in {"statutory_duty", "consent"}:
        raise BadInputError("must be statutory_duty or consent", field="legal-basis")
    if not 1 <= purpose.retention_days <= 3660:
        raise BadInputError("records are kept 1 to 3,660 days", field="retention-days")
    now = datetime.now(purpose.expires_at.tzinfo)
    if not now < purpose.expires_at <= now + LONGEST:
        raise BadInputError("a purpose ends in the future, within three years; renew it then", field="expires-on")
    if purpose.notice_on > get_settings().today():
        raise BadInputError("the persons have to be told first", field="notice-on")


def _row(purpose: Purpose) -> dict[str, Any]:
    return asdict(purpose) | {name: list(getattr(purpose, name)) for name in ("recipients", "categories", "fields")}
