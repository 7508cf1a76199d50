"""Which kinds of care there are: those that ship, and those that two people added; what is barred stays out."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from gismap.care import queries
from gismap.care.barred import BARRED_OF_PERSONS, mentions
from gismap.errors import BadInputError, ConflictError, ForbiddenError, NotFoundError
from gismap.store import audit

LONGEST = 40


def list_categories(connection: Connection, *, waiting: bool = False) -> Sequence[dict[str, Any]]:
    """Categories that two people stand for, or those that wait for the second."""
    rows = connection.execute(text(queries.CATEGORIES), {"waiting": waiting}).mappings()
    return [dict(row) for row in rows]


def propose_category(
    connection: Connection, title_zh: str, title_en: str, *, of_children: bool, proposed_by: str
) -> str:
    """Ask for a category, which a second person has to approve; returns its key, the Chinese title.

    Raises:
        BadInputError: it is barred, or no title.
        ConflictError: there is such a category.
    """
    for title in (title_zh, title_en):
        if not 1 <= len(title.strip()) <= LONGEST or not title.isprintable():
            raise BadInputError(f"a title has 1 to {LONGEST} printable characters", field="title")
        if mentions(title, BARRED_OF_PERSONS):
            raise BadInputError("such a category is never kept of anybody", field="title")
    category = title_zh.strip()
    values = {"category": category, "title_zh": category, "title_en": title_en.strip(), "of_children": of_children}
    if connection.execute(text(queries.PROPOSE_CATEGORY), values | {"by": proposed_by}).scalar() is None:
        raise ConflictError(f"there is a category {category!r} already, or it waits for approval", field="title")
    _enter(connection, proposed_by, "propose care category", category)
    return category


def approve_category(connection: Connection, category: str, *, approved_by: str) -> None:
    """Let a proposed category be used.

    Raises:
        NotFoundError: nothing of this name waits.
        ForbiddenError: whoever proposed it cannot be the second person.
    """
    proposed_by = connection.execute(text(queries.WAITING_CATEGORY), {"category": category}).scalar()
    if proposed_by is None:
        raise NotFoundError(f"no category {category!r} waits for approval", field="category")
    if proposed_by == approved_by:
        raise ForbiddenError("a category takes two people: another one has to approve it", field="as")
    connection.execute(text(queries.APPROVE_CATEGORY), {"category": category, "by": approved_by})
    _enter(connection, approved_by, "approve care category", category)


def _enter(connection: Connection, actor: str, action: str, category: str) -> None:
    audit.append(connection, actor=actor, action=action, subject=f"care category {category}", detail={})
