"""Rulings on whose something is, beside the polygons: overrides of a building or door, and disputed borders.

They hold from a day on and end on one; past days keep theirs. What `locate` makes of them is in `service`.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import shapely
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gismap.boundaries.service import find_unit
from gismap.elements.membership import reassign_from
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.geometry.codes import check_identity
from gismap.store import audit

LARGEST_REACH_M = 500.0

ENDED = {"override": "end override", "dispute": "end dispute"}
"""What the end of a ruling is called in the audit log, by its kind."""

ELEMENT = """
SELECT layer, name FROM element WHERE element_id = :element AND upper_inf(valid) AND NOT isempty(valid);
"""

ADD_OVERRIDE = """
INSERT INTO override (element_id, door, unit_id, reason, valid, made_by)
VALUES (:element, :door, :unit, :reason, daterange(CAST(:since AS date), NULL), :by) RETURNING override;
"""

ADD_DISPUTE = """
INSERT INTO dispute (geom, reach_m, unit_a, unit_b, interim_unit, reason, valid, made_by)
VALUES (ST_GeomFromWKB(:wkb, 4490), :reach_m, :unit_a, :unit_b, :interim, :reason,
        daterange(CAST(:since AS date), NULL), :by)
RETURNING dispute;
"""

# What begins on that day, or later, never holds.
END = """
UPDATE {table} SET valid = CASE WHEN lower(valid) < CAST(:day AS date) THEN daterange(lower(valid), :day)
                                ELSE 'empty' END, ended_by = :by
WHERE {table} = :number AND NOT isempty(valid) AND (upper_inf(valid) OR upper(valid) > CAST(:day AS date))
RETURNING {table};
"""

END_WITH_UNITS = """
WITH ended AS (
    UPDATE override SET valid = daterange(lower(valid), greatest(lower(valid), CAST(:day AS date))), ended_by = :by
    WHERE unit_id = ANY(:units) AND NOT isempty(valid) AND (upper_inf(valid) OR upper(valid) > CAST(:day AS date))
    RETURNING 1
), settled AS (
    UPDATE dispute SET valid = daterange(lower(valid), greatest(lower(valid), CAST(:day AS date))), ended_by = :by
    WHERE (unit_a = ANY(:units) OR unit_b = ANY(:units)) AND NOT isempty(valid)
      AND (upper_inf(valid) OR upper(valid) > CAST(:day AS date))
    RETURNING 1
)
SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM settled);
"""

OVERRIDES = """
SELECT o.override, o.element_id AS element, p.name, nullif(o.door, '') AS door, o.unit_id AS unit, g.code,
       g.name AS unit_name, o.reason, lower(o.valid) AS since, upper(o.valid) AS until, o.made_by
FROM override o JOIN override_places() p USING (override)
LEFT JOIN grid g ON g.unit_id = o.unit_id AND g.valid @> CAST(:as_of AS date)
WHERE o.valid @> CAST(:as_of AS date) ORDER BY o.override;
"""

DISPUTES = """
SELECT d.dispute, d.unit_a, a.name AS name_a, d.unit_b, b.name AS name_b, d.interim_unit AS interim, d.reason,
       d.reach_m, ST_AsGeoJSON(d.geom, 7)::json AS geometry, lower(d.valid) AS since, upper(d.valid) AS until, d.made_by
FROM dispute d
LEFT JOIN grid a ON a.unit_id = d.unit_a AND a.valid @> CAST(:as_of AS date)
LEFT JOIN grid b ON b.unit_id = d.unit_b AND b.valid @> CAST(:as_of AS date)
WHERE d.valid @> CAST(:as_of AS date) ORDER BY d.dispute;
"""


def add_override(
    connection: Connection, element: str, door: str | None, unit: str, reason: str, *, since: date, made_by: str
) -> int:
    """Rule that a building or place, or one door of it, belongs to a unit from a day on; returns its number.

    Raises:
        NotFoundError: there is no such element or unit.
        BadInputError: no reason, or the unit is no grid.
        ConflictError: another ruling holds on it.
    """
    identity, why = check_identity(element), _reason(reason)
    row = connection.execute(text(ELEMENT), {"element": identity}).one_or_none()
    if row is None or row.layer in {"staff", "care_persons"}:
        raise NotFoundError(f"there is no building or place {identity}", field="element")
    unit_id = _leaf(connection, unit, since)
    values = {"element": identity, "door": (door or "").strip(), "unit": unit_id, "reason": why}
    number = _added(connection, ADD_OVERRIDE, values | {"since": since, "by": made_by})
    reassign_from(connection, since)
    detail = {"element": identity, "unit": unit_id, "since": since.isoformat(), "reason": why}
    audit.append(connection, actor=made_by, action="add override", subject=f"override {number}", detail=detail)
    return number


def add_dispute(
    connection: Connection,
    units: tuple[str, str],
    interim: str,
    segment: shapely.Geometry,
    reason: str,
    *,
    reach_m: float,
    since: date,
    made_by: str,
) -> int:
    """Say that two units claim the land along a segment (degrees), and which answers meanwhile; returns its number.

    Raises:
        NotFoundError: there is no such unit.
        BadInputError: no line, no reason, the same unit twice, or an interim owner that is neither.
    """
    why = _reason(reason)
    if segment.geom_type not in {"LineString", "MultiLineString"} or segment.is_empty:
        raise BadInputError("a segment is a line in degrees", field="line")
    if not 1 <= reach_m <= LARGEST_REACH_M:
        raise BadInputError(f"from 1 to {LARGEST_REACH_M:,.0f} metres", field="reach")
    first, second, chosen = (_leaf(connection, unit, since) for unit in (*units, interim))
    if first == second or chosen not in {first, second}:
        raise BadInputError("a dispute is between two units, of which one answers meanwhile", field="interim")
    lines = shapely.MultiLineString([segment]) if segment.geom_type == "LineString" else segment
    values = {"wkb": shapely.to_wkb(lines), "reach_m": reach_m, "unit_a": first, "unit_b": second, "interim": chosen}
    number = _added(connection, ADD_DISPUTE, values | {"reason": why, "since": since, "by": made_by})
    detail = {"unit": first, "other": second, "interim": chosen, "since": since.isoformat(), "reason": why}
    audit.append(connection, actor=made_by, action="add dispute", subject=f"dispute {number}", detail=detail)
    return number


def end_ruling(connection: Connection, kind: str, number: int, *, day: date, ended_by: str) -> None:
    """End an override or dispute on a day, from which on the polygons count again.

    Raises:
        NotFoundError: there is none in force.
    """
    values = {"number": number, "day": day, "by": ended_by}
    if connection.execute(text(END.format(table=kind)), values).scalar() is None:
        raise NotFoundError(f"there is no {kind} {number} in force", field=kind)
    if kind == "override":
        reassign_from(connection, day)
    detail = {"from": day.isoformat()}
    audit.append(connection, actor=ended_by, action=ENDED[kind], subject=f"{kind} {number}", detail=detail)


def end_with_units(connection: Connection, units: Collection[str], day: date, *, ended_by: str) -> int:
    """End what rules for units that stop existing on a day; returns how many rulings."""
    values = {"units": list(units), "day": day, "by": ended_by}
    return int(connection.execute(text(END_WITH_UNITS), values).scalar_one())


def list_rulings(connection: Connection, as_of: date) -> dict[str, Sequence[dict[str, Any]]]:
    """Overrides and disputes in force on a day."""
    return {
        name: [dict(row) for row in connection.execute(text(query), {"as_of": as_of}).mappings()]
        for name, query in (("overrides", OVERRIDES), ("disputes", DISPUTES))
    }


def _added(connection: Connection, statement: str, values: dict[str, Any]) -> int:
    savepoint = connection.begin_nested()
    try:
        return int(connection.execute(text(statement), values).scalar_one())
    except IntegrityError as error:
        savepoint.rollback()
        raise ConflictError("another ruling holds on it: end that one first", field="element") from error


def _leaf(connection: Connection, unit: str, day: date) -> str:
    found = find_unit(connection, unit, day)
    if not connection.execute(
        text("SELECT is_leaf FROM grid WHERE unit_id = :unit AND valid @> CAST(:day AS date)"),
        {"unit": found.unit_id, "day": day},
    ).scalar():
        raise BadInputError(f"{found.name} has grids of its own: name one of them", field="unit")
    return found.unit_id


def _reason(reason: str) -> str:
    why = " ".join(reason.split())
    if not 4 <= len(why) <= 500:
        raise BadInputError("say why, in 4 to 500 characters", field="reason")
    return why
