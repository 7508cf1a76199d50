"""The SQL of locating: what is held in memory, and what is near a point."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gismap.store.area import box_around

POINT = "ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)"


@dataclass(frozen=True, slots=True)
class Near:
    """What to look for near a point: `k` elements of a layer, of one category if given."""

    layer: str
    category: str | None
    k: int

    @property
    def key(self) -> str:
        """What the answer calls it."""
        return self.layer if self.category is None else f"{self.layer}.{self.category}"


CHANGES = "SELECT topic, number FROM change;"

REVISION = """
SELECT number FROM revision
WHERE withdrawn_at IS NULL AND effective_from <= :as_of ORDER BY effective_from DESC LIMIT 1;
"""

FIRST_DAY = "SELECT min(effective_from) FROM revision WHERE withdrawn_at IS NULL;"

# From when until when nothing about boundaries changes around a day.
SPAN = """
SELECT max(day) FILTER (WHERE day <= :as_of) AS since, min(day) FILTER (WHERE day > :as_of) AS until
FROM (
    SELECT lower(valid) AS day FROM grid UNION SELECT upper(valid) FROM grid
    UNION SELECT lower(valid) FROM jurisdiction_outline UNION SELECT upper(valid) FROM jurisdiction_outline
    UNION SELECT effective_from FROM revision WHERE withdrawn_at IS NULL
) turns;
"""

# Leaves with their shape, in the order that decides ties; the units above them without.
UNITS = """
SELECT unit_id, code, name, level, path, CASE WHEN is_leaf THEN ST_AsBinary(geom) END AS wkb
FROM grid WHERE valid @> CAST(:as_of AS date) ORDER BY code NULLS LAST, unit_id;
"""

# What a revision replaced (none for the first), and what it put there.
REPLACED = """
SELECT unit_id, code, name, retired_by IS NOT DISTINCT FROM :revision AS was, ST_AsBinary(geom) AS wkb
FROM grid
WHERE is_leaf AND (published_by = :revision OR retired_by = :revision)
  AND EXISTS (SELECT FROM grid WHERE retired_by = :revision);
"""

BEGINS = "SELECT effective_from FROM revision WHERE number = :revision;"

OUTLINES = "SELECT ST_AsBinary(geom) FROM jurisdiction_outline WHERE valid @> CAST(:as_of AS date);"

DUTY_POSTS = "SELECT unit_id, role, duty, name, shown_phone, phone, since, until FROM duty_posts();"

NAMED_STREETS = "SELECT name, ST_AsBinary(geom) AS wkb FROM street WHERE name IS NOT NULL ORDER BY street_id;"

OVERRIDE_PLACES = """
SELECT override, element_id, name, door, unit_id, reason, since, until, wkb FROM override_places() ORDER BY override;
"""

DISPUTE_SEGMENTS = """
SELECT dispute, unit_a, unit_b, interim_unit, reason, reach_m, lower(valid) AS since, upper(valid) AS until,
       ST_AsBinary(geom) AS wkb
FROM dispute WHERE NOT isempty(valid) ORDER BY dispute;
"""

LAYER_NAMES = "SELECT name FROM layer WHERE sensitivity <> 'person' AND name NOT IN ('grids', 'streets');"


def near_statement(lon: float, lat: float, as_of: date, near: Sequence[Near]) -> tuple[str, dict[str, Any]]:
    """One statement, one row: `near` (JSON)."""
    params: dict[str, Any] = {"lon": lon, "lat": lat, "as_of": as_of}
    parts = [_near(number, wanted, params) for number, wanted in enumerate(near)]
    return f"SELECT json_build_object({', '.join(parts)}) AS near;", params


def _near(number: int, wanted: Near, params: dict[str, Any]) -> str:
    """SQL of a key and its elements, the nearest first: the k nearest in degrees bound the box of those in metres."""
    params |= {f"near_key_{number}": wanted.key, f"near_layer_{number}": wanted.layer, f"near_k_{number}": wanted.k}
    conditions = f"e.layer = :near_layer_{number} AND e.valid @> CAST(:as_of AS date)"
    if wanted.category is not None:
        params[f"near_category_{number}"] = wanted.category
        conditions += f" AND e.category = :near_category_{number}"
    metres = f"ST_Distance(e.anchor::geography, {POINT}::geography)"
    return f"""
        CAST(:near_key_{number} AS text), (
            SELECT coalesce(json_agg(json_build_object('element_id', element_id, 'name', name,
                                                       'distance_m', round(metres::numeric, 1))
                                     ORDER BY metres, element_id), '[]')
            FROM (
                SELECT e.element_id, coalesce(e.name, s.name) AS name, {metres} AS metres
                FROM element e LEFT JOIN staff_shown s ON s.element_id = e.element_id
                WHERE {conditions} AND e.anchor && (
                    SELECT {box_around(POINT, "max(metres)")}
                    FROM (
                        SELECT {metres} AS metres FROM element e
                        WHERE {conditions} ORDER BY e.anchor <-> {POINT} LIMIT :near_k_{number}
                    ) first
                )
                ORDER BY metres, e.element_id LIMIT :near_k_{number}
            ) found
        )"""
