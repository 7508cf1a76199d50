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
