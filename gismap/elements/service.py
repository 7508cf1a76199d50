"""Who and what is in an area: resolves names, asks the store once, and puts the answer together as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import shapely
from sqlalchemy import Connection, text

from gismap.boundaries.service import check_near_district, find_unit
from gismap.elements import queries
from gismap.elements.care_counts import FEW, WITHHELD
from gismap.elements.conditions import contains_pattern
from gismap.elements.questions import (
    ALIASES,
    CARE_PERSONS,
    GRIDS,
    STREETS,
    Position,
    Question,
    encode_cursor,
)
from gismap.elements.suppression import THRESHOLD
from gismap.errors import BadInputError, ForbiddenError, NotFoundError
from gismap.i18n import Language
from gismap.store.area import CorridorArea, UnitArea, bounds_of


@dataclass(frozen=True, slots=True)
class CareCounts:
    """Published counts of persons in care in an area, `total` over all categories: {category: n}, or in place of n
    "withheld" for a unit and "< 5" for a free shape.

    In a free shape the largest whole units are added: `units_counted` of them, while `units_withheld` could not be.
    """

    month: date | None
    categories: dict[str, int | str]
    units_counted: int
    units_withheld: int


def find_resources(connection: Connection, question: Question, *, language: Language = "zh", far_km: float) -> bytes:
    """The FeatureCollection of a page, as JSON: `features`, `next` (null on the last page), `as_of`, and if asked
    `counts` of the whole area with `care` (what the counts of persons in care are made of). `limited_to` names the
    units that a limited asker sees elements of.

    Raises:
        NotFoundError: a layer does not exist.
        PositionError: the area, or the point to be near to, is far from the district.
    """
    check_layers(connection, question)
    _check_territory(question)
    if question.nearest is not None:
        point = (question.nearest.lon, question.nearest.lat) * 2
        check_near_district(connection, point, question.as_of, far_km)
    statement, params = queries.page_statement(question, language)
    row = connection.execute(text(statement), params).one()
    if row.features is None:
        _check_shapes_near(connection, question, far_km)
    cursor = encode_cursor(question.as_of, Position(row.last_layer, row.last_id)) if row.more else None
    head: dict[str, Any] = {"type": "FeatureCollection", "as_of": question.as_of, "next": cursor}
    if question.territories:
        head["limited_to"] = [low.rstrip("/").rpartition("/")[2] for low, _ in question.territories]
    if question.counts:
        head |= _all_counts(connection, question, row.counts)
    return orjson.dumps(head)[:-1] + b',"features":[' + (row.features or "").encode() + b"]}"


def _check_territory(question: Question) -> None:
    """Say that a unit lies outside of what the asker may see, instead of answering that it is empty."""
    for area in question.areas:
        if isinstance(area, UnitArea) and not overlaps(area.path, question.territories):
            raise ForbiddenError("this unit lies outside of your territory", field="unit")


def overlaps(path: str, territories: Sequence[tuple[str, str]]) -> bool:
    """Whether a unit lies in a territory, or holds one; no territories are the whole district."""
    return not territories or any(low <= path < high or low.startswith(path) for low, high in territories)


def check_layers(connection: Connection, question: Question) -> None:
    """Refuse layers that do not exist, and nearest among what has no place of its own."""
    layers = question.filter.layers
    if layers is None:
        return
    unknown = connection.execute(text(queries.UNKNOWN_LAYERS), {"names": list(layers)}).scalars().all()
    if unknown:
        known = ", ".join(connection.execute(text(queries.ALL_LAYERS)).scalars())
        missing = ", ".join(map(repr, unknown))
        raise NotFoundError(f"there is no layer {missing}; there are {known}", field="layers")
    if question.nearest is not None and set(layers) & {STREETS, GRIDS, CARE_PERSONS}:
        raise BadInputError(f"nearest is not asked of {STREETS}, {GRIDS} or {CARE_PERSONS}", field="nearest")


def _check_shapes_near(connection: Connection, question: Question, far_km: float) -> None:
    """An empty answer may come from swapped axes; one with features cannot, so that only the empty ones pay."""
    for area in question.areas:
        if not isinstance(area, UnitArea):
            check_near_district(connection, bounds_of(area), question.as_of, far_km)


def _all_counts(connection: Connection, question: Question, counts: str | None) -> dict[str, Any]:
    by_layer: dict[str, Any] = orjson.loads(counts or "{}")
    if not (question.filter.wants(CARE_PERSONS) and question.filter.is_of_layers_and_categories_only):
        return {"counts": by_layer}
    care = care_counts(connection, question)
    by_layer[CARE_PERSONS] = care.categories
    told = {"month": care.month, "units_counted": care.units_counted, "units_withheld": care.units_withheld}
    return {"counts": by_layer, "care": told}


def care_counts(connection: Connection, question: Question) -> CareCounts:
    """The counts of persons in care that may be told of the question's areas and categories."""
    statement, params = queries.care_statement(question)
    rows = connection.execute(text(statement), params).all()
    wanted = question.filter.categories
    is_free = bool(question.areas) and not (len(question.areas) == 1 and isinstance(question.areas[0], UnitArea))
    instead = FEW if is_free else WITHHELD
    categories: dict[str, int | str] = {}
    for row in rows:
        if row.category or wanted is None:
            categories[row.category or "total"] = row.shown if (row.shown or 0) >= THRESHOLD else instead
    total = next((row for row in rows if row.category == ""), None)
    if total is None:
        return CareCounts(None, {"total": FEW} if is_free and wanted is None else {}, 0, 0)
    return CareCounts(total.month, categories, total.units_counted, total.units_withheld)


def canonical_layers(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Layer names with the API's own name for persons in care understood."""
    return None if names is None else tuple(dict.fromkeys(ALIASES.get(name, name) for name in names))


def unit_area(connection: Connection, key: str, as_of: date, *, field: str = "unit") -> UnitArea:
    """The area of the unit with this code or identity on that day.

    Raises:
        NotFoundError: there is none.
    """
    unit = find_unit(connection, key, as_of, field=field)
    return UnitArea(unit.unit_id, unit.path)


def street_corridor(connection: Connection, name: str, half_width_m: float) -> CorridorArea:
    """The corridor along all parts of the street with this name.

    Raises:
        NotFoundError: no street has this name; similar ones are told.
    """
    line = connection.execute(text(queries.STREET_LINE), {"name": name}).scalar()
    if line is None:
        similar = connection.execute(text(queries.SIMILAR_STREETS), {"name": name}).scalars().all()
        hint = f"; did you mean {', '.join(similar)}?" if similar else ""
        raise NotFoundError(f"there is no street {name!r}{hint}", field="street")
    return CorridorArea(shapely.from_wkb(bytes(line)), half_width_m)


def street_lines(connection: Connection, source: str | None) -> list[shapely.Geometry]:
    """The centre-lines of all streets, or of those from one source (degrees)."""
    rows = connection.execute(text(queries.STREET_LINES), {"source": source})
    return [shapely.from_wkb(bytes(row.wkb)) for row in rows]


def list_layers(connection: Connection) -> list[dict[str, Any]]:
    """All layers with their titles."""
    return [dict(row) for row in connection.execute(text(queries.LAYERS)).mappings()]


def streets_like(connection: Connection, name: str, limit: int) -> list[dict[str, Any]]:
    """Streets whose name contains this text, the most similar first, with class and length."""
    params = {"name": name, "pattern": contains_pattern(name), "limit": limit}
    return [dict(row) for row in connection.execute(text(queries.STREETS_BY_NAME), params).mappings()]
