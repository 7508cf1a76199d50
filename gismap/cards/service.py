"""The card of a unit (数字身份证): what it is, who answers, and people and things in numbers; across capabilities."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.boundaries.service import find_unit
from gismap.cards.queries import CARD
from gismap.elements.questions import Question
from gismap.elements.service import care_counts
from gismap.errors import ForbiddenError
from gismap.i18n import Language, say
from gismap.store.area import UnitArea


def unit_card(
    connection: Connection,
    key: str,
    as_of: date,
    language: Language = "zh",
    territories: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The card of the unit with this code or identity on a day; staff masked, persons in care only as published.

    `territories` are the ranges of paths that the asker may see; none is the whole district.

    Raises:
        NotFoundError: no unit is called so on that day.
        ForbiddenError: the unit does not lie inside one territory, so that its numbers would be of a part.
    """
    unit = find_unit(connection, key, as_of)
    if territories and not any(low <= unit.path < high for low, high in territories):
        raise ForbiddenError(f"{unit.name} lies outside of your territory, or reaches beyond it", field="unit")
    params = {"path": unit.path, "path_end": unit.path + "~", "as_of": as_of}
    card = dict(connection.execute(text(CARD), params).mappings().one())
    care = care_counts(connection, Question(as_of, [UnitArea(unit.unit_id, unit.path)]))
    team = [{**post, "title": say(f"role.{post['role']}", language)} for post in card["team"] or []]
    return card | {
        "level_title": say(f"level.{unit.level}", language),
        "chain": card["chain"] or [],
        "team": team,
        "counts": card["counts"] or {},
        "area_m2": round(card["area_m2"], 1),
        "care_persons": {"month": care.month, "counts": care.categories},
        "as_of": as_of,
    }
