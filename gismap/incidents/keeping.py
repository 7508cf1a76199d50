"""What the owner of the tables does with incidents: categories and their clocks, and what is due by the clock."""

import re
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import Connection, text

from gismap.errors import BadInputError, NotFoundError
from gismap.incidents import queries
from gismap.store import audit

KEYS_KEPT_DAYS = 7
CONTACTS_KEPT_DAYS = 180
"""After a matter was closed."""


@dataclass(frozen=True, slots=True)
class Category:
    """Something that can be reported, with its clocks; those of reports that are in already stay as they were."""

    category: str
    title_zh: str
    title_en: str
    about_staff: bool = False
    acknowledge_minutes: int = 120
    respond_minutes: int = 240
    resolve_days: int = 5
    claim_minutes: int = 120


@dataclass(frozen=True, slots=True)
class Due:
    """Which incidents fell back to duty, how many followed boundaries, how many contacts were forgotten."""

    fell_back: list[int]
    followed: int
    forgotten: int


def set_category(connection: Connection, category: Category, *, actor: str) -> None:
    """Add a category, or change it.

    Raises:
        BadInputError: no name, no title, or a clock that is none.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", category.category):
        raise BadInputError("a name is of small letters, digits and _", field="category")
    if not category.title_zh.strip() or not category.title_en.strip():
        raise BadInputError("a category has a title in both languages", field="title")
    clocks = (category.acknowledge_minutes, category.respond_minutes, category.resolve_days, category.claim_minutes)
    if not all(0 < clock <= 1_000_000 for clock in clocks):
        raise BadInputError("a clock runs from 1 to 1,000,000", field="clock")
    connection.execute(text(queries.SET_CATEGORY), asdict(category))
    subject = f"incident category {category.category}"
    audit.append(connection, actor=actor, action="set incident category", subject=subject, detail=asdict(category))


def end_category(connection: Connection, category: str, *, actor: str) -> None:
    """Take no more reports of a category.

    Raises:
        NotFoundError: there is none.
    """
    if connection.execute(text(queries.END_CATEGORY), {"category": category}).scalar() is None:
        raise NotFoundError(f"there is no category {category!r}", field="category")
    subject = f"incident category {category}"
    audit.append(connection, actor=actor, action="end incident category", subject=subject, detail={})


def do_what_is_due(connection: Connection, today: date, *, actor: str, contacts_days: int = CONTACTS_KEPT_DAYS) -> Due:
    """Give what nobody claimed in time to whoever is on duty, let what is open follow boundaries that came into force,
    and forget keys that nobody sends any more, and contacts so many days after their matter was closed.
    """
    fell_back = sorted(connection.execute(text(queries.FALL_BACK)).scalars())
    connection.execute(text(queries.FORGET_KEYS), {"days": KEYS_KEPT_DAYS})
    forgotten: int = connection.execute(text(queries.FORGET_CONTACTS), {"days": contacts_days}).scalar_one()
    if forgotten:
        detail = {"number": forgotten, "days": contacts_days}
        audit.append(connection, actor=actor, action="retention", subject="incident", detail=detail)
    return Due(fell_back, follow_boundaries(connection, today), forgotten)


def follow_boundaries(connection: Connection, today: date) -> int:
    """Let what is open follow the boundaries of a day; how many moved."""
    followed: int = connection.execute(text(queries.FOLLOW), {"today": today}).scalar_one()
    return followed
