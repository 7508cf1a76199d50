"""The SQL of locating a point: one statement that finds its grid, chain, people on duty and what is near."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gismap.store.area import box_around, units_above

POINT = "ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)"

CANDIDATES = 3
"""How many grids are named where none contains the point."""

STREET_REACH_M = 30
"""A border this close to a named street is described by it."""


@dataclass(frozen=True, slots=True)
class Near:
    """What to look for near a point: `k` elements of a layer, of one category if given."""

    layer: str
    category: str | None
    k: int

    @property
    def key(self) -> str:
        return self.layer if self.category is None else f"{self.layer}.{self.category}"


# The index grid_leaf_geom finds the leaves by box; a border point intersects every leaf that it touches.
OWNER = f"""
    SELECT unit_id, code, name, level, path,
           0::float8 AS metres, ST_Distance(ST_Boundary(geom)::geography, {POINT}::geography) AS border_m
    FROM grid
    WHERE is_leaf AND valid @> CAST(:as_of AS date) AND geom && {POINT} AND ST_Intersects(geom, {POINT})
"""

# The nearest in degrees bounds how far the nearest in metres can be.
NEAREST = f"""
    SELECT unit_id, code, name, level, path, ST_Distance(geom::geography, {POINT}::geography) AS metres
    FROM grid
    WHERE is_leaf AND valid @> CAST(:as_of AS date) AND geom && (
        SELECT {box_around(POINT, f"ST_Distance(geom::geography, {POINT}::geography)")}
        FROM grid
        WHERE is_leaf AND valid @> CAST(:as_of AS date)
        ORDER BY geom <-> {POINT} LIMIT 1
    )
    ORDER BY metres, code LIMIT {CANDIDATES}
"""

DUTY = """
    SELECT json_object_agg(duty, json_build_object('name', name, 'role', role, 'phone', phone))
    FROM duty_of((SELECT unit_id FROM chosen), CAST(:as_of AS date))
"""

STREET = f"""
    SELECT name FROM street
    WHERE geom && {box_around(POINT, str(STREET_REACH_M))} AND name IS NOT NULL
      AND ST_DWithin(geom::geography, {POINT}::geography, {STREET_REACH_M})
    ORDER BY ST_Distance(geom::geography, {POINT}::geography), name LIMIT 1
"""

# Without any outline it is not known what belongs to the district.
INSIDE_OUTLINE = f"""
    SELECT bool_or(ST_Intersects(geom, {POINT}))
    FROM jurisdiction_outline
    WHERE valid @> CAST(:as_of AS date)
"""

REVISION = """
    SELECT number FROM revision
    WHERE withdrawn_at IS NULL AND effective_from <= :as_of ORDER BY effective_from DESC LIMIT 1
"""

# Asked only where no leaf contains the point; `inside_outline` is null where no outline is known.
UNCOVERED = f"""
SELECT (SELECT json_agg(nearest) FROM ({NEAREST}) nearest) AS nearest, ({INSIDE_OUTLINE}) AS inside_outline;
"""

FIRST_DAY = "SELECT min(effective_from) FROM revision WHERE withdrawn_at IS NULL;"

LAYER_NAMES = "SELECT name FROM layer WHERE sensitivity <> 'person' AND name NOT IN ('grids', 'streets');"


def locate_statement(lon: float, lat: float, as_of: date, near: Sequence[Near]) -> tuple[str, dict[str, Any]]:
    """One statement, one row: `owners`, `chain`, `duty`, `near` (JSON), `street`, `revision`."""
    params: dict[str, Any] = {"lon": lon, "lat": lat, "as_of": as_of}
    near_sql = [_near(number, wanted, params) for number, wanted in enumerate(near)]
    return (
        f"""
        WITH owner AS MATERIALIZED ({OWNER}),
        chosen AS MATERIALIZED (SELECT * FROM owner ORDER BY code NULLS LAST, unit_id LIMIT 1)
        SELECT (SELECT json_agg(owner ORDER BY code NULLS LAST, unit_id) FROM owner) AS owners,
               ({units_above("(SELECT path FROM chosen)")}) AS chain,
               ({DUTY}) AS duty,
               json_build_object({", ".join(near_sql)}) AS near,
               ({STREET}) AS street,
               ({REVISION}) AS revision;
        """,
        params,
    )


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
