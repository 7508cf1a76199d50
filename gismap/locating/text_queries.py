"""The SQL of locating by words: what the gazetteer holds, asked by functions that look with the owner's eyes."""

STEMS = """
SELECT (SELECT json_agg(s) FROM gazetteer_stems(:grams, :most) s) AS stems, gazetteer_waiting() AS waiting
"""

# One round trip: the places under the stems, and compounds as one place each.
ENTRIES = """
SELECT (SELECT json_agg(e) FROM gazetteer_entries(:stems, :numbers, :as_of) e) AS entries,
       (SELECT json_agg(g) FROM gazetteer_groups(:likely, :as_of) g) AS groups
"""

CROSSINGS = "SELECT * FROM gazetteer_crossings(:firsts, :seconds, :reach_m)"

BY_CODE = """
SELECT g.unit_id, g.name, g.code, g.is_leaf, g.path, ST_X(g.anchor) AS lon, ST_Y(g.anchor) AS lat,
       (SELECT count(*) FROM grid l WHERE l.is_leaf AND l.valid @> CAST(:as_of AS date) AND l.path >= g.path
                                      AND l.path < g.path || '~') AS leaves
FROM grid g
WHERE (g.code = :code OR g.division_code = :code) AND g.valid @> CAST(:as_of AS date)
ORDER BY g.level DESC LIMIT 1
"""

# In which grids candidates lie, in their order; a position in no grid has none.
GRIDS_AT = """
SELECT p.place, g.unit_id AS unit, g.code, g.name
FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[])) WITH ORDINALITY AS p (lon, lat, place)
CROSS JOIN LATERAL ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4490) AS at
JOIN LATERAL (
    SELECT unit_id, code, name FROM grid
    WHERE is_leaf AND valid @> CAST(:as_of AS date) AND geom && at AND ST_Intersects(geom, at)
    ORDER BY code NULLS LAST, unit_id LIMIT 1
) g ON true
ORDER BY p.place
"""
