"""The SQL of certificates, differences and tasks; all of it reads, below the policies of whoever asks."""

REVISION = """
SELECT number, effective_from, to_char(published_at, 'YYYY-MM-DD"T"HH24:MI:SSOF') AS published_at, author, reason,
       certificate
FROM revision WHERE number = :number AND withdrawn_at IS NULL;
"""

# Units at and below a path on a day (grid_path), leaves with their shape.
UNITS = """
SELECT unit_id, code, name, level, path, is_leaf, area_m2, CASE WHEN is_leaf THEN ST_AsBinary(geom, 'NDR') END AS wkb
FROM grid WHERE valid @> CAST(:day AS date) AND path >= :low AND path < :high ORDER BY path;
"""

STATED = "SELECT stated FROM certificate WHERE revision = :number AND path = :path;"

# Grids of others that touch a unit's (grid_leaf_geom): what lies between them and it is a gap or an overlap, too.
NEIGHBOURS = """
SELECT g.unit_id, g.code, ST_AsBinary(g.geom, 'NDR') AS wkb
FROM grid top JOIN grid g ON g.geom && top.geom AND ST_Intersects(g.geom, top.geom)
WHERE top.path = :path AND top.valid @> CAST(:day AS date) AND g.is_leaf AND g.valid @> CAST(:day AS date)
  AND NOT (g.path >= :path AND g.path < :path_end);
"""

# What the grids below a path have to fill: the unit's own stored polygon, and the outline that an authority fixed.
OUTLINES = """
SELECT ST_AsBinary(ST_Union(g.geom)) AS wkb FROM grid g
WHERE g.valid @> CAST(:day AS date) AND (g.path = :path OR (:path = '' AND g.parent IS NULL))
UNION ALL
SELECT ST_AsBinary(ST_Union(o.geom)) FROM jurisdiction_outline o
JOIN grid g ON g.unit_id = o.unit_id AND g.valid @> CAST(:day AS date)
WHERE o.valid @> CAST(:day AS date) AND (g.path = :path OR (:path = '' AND g.parent IS NULL))
HAVING count(*) > 0;
"""

THINGS_BY_LEAF = """
SELECT e.path, count(*) FILTER (WHERE e.layer = 'buildings') AS buildings,
       count(*) FILTER (WHERE e.layer <> 'buildings') AS places, coalesce(sum(b.households), 0) AS households
FROM element e LEFT JOIN building b USING (version_id)
WHERE e.valid @> CAST(:day AS date) AND e.layer IN ('buildings', 'key_places', 'service_stations')
GROUP BY e.path;
"""

# Buildings and places that belong to a unit or lie in it, counted by how they belong there, and one by one where that
# is not regular. Whatever lies inside its own grid has one owner if grids do not overlap, which is checked beside this:
# only the others are looked up among all grids. Where grids meet, the lowest code owns; a ruling counts before the
# polygon. `astray` must never be. In the order of grids, so that each is prepared once.
THINGS = """
WITH top AS (
    SELECT geom FROM grid WHERE path = :path AND valid @> CAST(:day AS date)
), mine AS (
    SELECT version_id FROM element
    WHERE path >= :path AND path < :path_end AND valid @> CAST(:day AS date)
      AND layer IN ('buildings', 'key_places', 'service_stations')
    UNION
    SELECT e.version_id FROM top JOIN element e ON e.anchor && top.geom AND ST_Intersects(top.geom, e.anchor)
    WHERE e.valid @> CAST(:day AS date) AND e.layer IN ('buildings', 'key_places', 'service_stations')
), thing AS MATERIALIZED (
    SELECT e.version_id, e.element_id, e.part_of, e.layer, e.name, e.anchor, e.unit_id,
           e.path >= :path AND e.path < :path_end AS is_here
    FROM mine JOIN element e USING (version_id) ORDER BY e.unit_id
), laid AS MATERIALIZED (
    SELECT t.*, coalesce(ST_Contains(own.geom, t.anchor), false) AS is_inside
    FROM thing t LEFT JOIN grid own ON own.unit_id = t.unit_id AND own.is_leaf AND own.valid @> CAST(:day AS date)
), odd AS MATERIALIZED (
    SELECT l.*, found.owners, found.owner,
           CASE WHEN l.unit_id IS NULL AND found.owners = 0 THEN 'in_no_grid'
                WHEN l.unit_id IS DISTINCT FROM found.owner THEN
                    CASE WHEN EXISTS (SELECT FROM override o
                                      WHERE o.element_id IN (l.element_id, l.part_of) AND o.door = ''
                                        AND o.unit_id = l.unit_id AND o.valid @> CAST(:day AS date))
                         THEN 'ruled' ELSE 'astray' END
                WHEN found.owners > 1 THEN 'on_border'
                ELSE 'regular' END AS standing
    FROM laid l CROSS JOIN LATERAL (
        SELECT count(*) AS owners, (array_agg(g.unit_id ORDER BY g.code NULLS LAST, g.unit_id))[1] AS owner
        FROM grid g
        WHERE g.is_leaf AND g.valid @> CAST(:day AS date) AND g.geom && l.anchor AND ST_Intersects(g.geom, l.anchor)
    ) found
    WHERE NOT l.is_inside
)
SELECT (SELECT json_agg(counted) FROM (
            SELECT l.layer = 'buildings' AS is_building, coalesce(o.standing, 'regular') AS standing,
                   count(*) AS number, coalesce(sum(b.households), 0) AS households,
                   count(*) FILTER (WHERE l.layer = 'buildings' AND b.households IS NULL) AS unknown
            FROM laid l LEFT JOIN odd o USING (version_id) LEFT JOIN building b ON b.version_id = l.version_id
            WHERE l.is_here GROUP BY 1, 2
        ) counted) AS counts,
       (SELECT json_agg(json_build_object(
                   'element_id', o.element_id, 'layer', o.layer, 'name', o.name, 'why', o.standing,
                   'grid', (SELECT name FROM grid WHERE unit_id = o.unit_id AND valid @> CAST(:day AS date)),
                   'polygon', (SELECT name FROM grid WHERE unit_id = o.owner AND valid @> CAST(:day AS date)))
               ORDER BY o.layer, o.name, o.element_id)
        FROM odd o WHERE o.standing <> 'regular') AS exceptions;
"""

DOORS = """
SELECT o.element_id, e.name || ' ' || o.door AS name, g.name AS grid, h.name AS polygon
FROM override o
JOIN element e ON e.element_id = o.element_id AND e.valid @> CAST(:day AS date)
JOIN grid g ON g.unit_id = o.unit_id AND g.valid @> CAST(:day AS date)
LEFT JOIN grid h ON h.unit_id = e.unit_id AND h.valid @> CAST(:day AS date)
WHERE o.door <> '' AND o.valid @> CAST(:day AS date) AND e.path >= :path AND e.path < :path_end
ORDER BY o.override;
"""

# ── differences ────────────────────────────────────────────────────────────────────────────────────────────────────

# Leaves that changed between two days, and those beside them, which may own what lies on a border with them.
CHANGED_LEAVES = """
SELECT g.unit_id, g.code, g.name, g.path, ST_AsBinary(g.geom) AS wkb,
       g.valid @> CAST(:before AS date) AS stood, g.valid @> CAST(:after AS date) AS stands
FROM grid g
WHERE g.is_leaf AND (g.valid @> CAST(:before AS date) OR g.valid @> CAST(:after AS date))
  AND EXISTS (SELECT FROM grid c   -- grid_leaf_geom
              WHERE c.is_leaf AND c.geom && g.geom
                AND (c.valid @> CAST(:before AS date)) <> (c.valid @> CAST(:after AS date)));
"""

# Grids that are not near any change, but that something was ruled into or out of.
LEAVES_NAMED = """
SELECT unit_id, code, name, path, ST_AsBinary(geom) AS wkb
FROM grid WHERE unit_id = ANY(:units) AND valid @> CAST(:day AS date);
"""

# Things are counted, not pieces of overlaid polygons, most of which would be slivers. A thing that changed hands has a
# version with the old owner and one with the new: whoever sees either of them sees the thing. A ruling that held on the
# eve held before, whatever was ruled when the earlier boundaries began.
THINGS_MOVED = """
WITH shape AS MATERIALIZED (   -- a cast left in a condition bars the index below policies: it may tell what it casts
    SELECT is_new, key, rank, CAST(geom AS geometry) AS geom
    FROM jsonb_to_recordset(CAST(:shapes AS jsonb)) AS s (is_new boolean, key text, rank integer, geom text)
), hit AS (
    SELECT e.version_id, e.element_id, e.part_of, e.layer, e.category, e.name, s.is_new, s.key, s.rank AS at,
           rank() OVER (PARTITION BY e.element_id ORDER BY e.since DESC, e.version_id DESC) AS age
    FROM shape s JOIN element e ON e.anchor && s.geom AND ST_Intersects(s.geom, e.anchor)   -- element_anchor
    WHERE e.layer = ANY(:layers) AND NOT isempty(e.valid)
      AND (e.valid @> CAST(:after AS date)
           OR (e.retired_batch IS NULL AND e.valid && daterange(CAST(:before AS date), CAST(:after AS date), '[]')))
), owned AS (
    SELECT version_id, element_id, part_of, layer, category, name,
           (array_agg(key ORDER BY at) FILTER (WHERE NOT is_new))[1] AS old_key,
           (array_agg(key ORDER BY at) FILTER (WHERE is_new))[1] AS new_key
    FROM hit WHERE age = 1 GROUP BY 1, 2, 3, 4, 5, 6
), pair AS (
    SELECT o.version_id, o.element_id, o.layer, o.category, o.name,
           coalesce((SELECT x.unit_id FROM override x
                     WHERE x.element_id IN (o.element_id, o.part_of) AND x.door = ''
                       AND x.valid @> CAST(:eve AS date) LIMIT 1), o.old_key) AS old_key,
           coalesce((SELECT x.unit_id FROM override x
                     WHERE x.element_id IN (o.element_id, o.part_of) AND x.door = ''
                       AND x.valid @> CAST(:after AS date) LIMIT 1), o.new_key) AS new_key
    FROM owned o
)
SELECT p.old_key, p.new_key, p.element_id, p.layer, p.category, p.name, b.address, b.households
FROM pair p LEFT JOIN building b USING (version_id)
WHERE p.old_key IS DISTINCT FROM p.new_key
ORDER BY p.old_key, p.new_key, p.layer, p.name, p.element_id;
"""

# Masked; posts in units that end are over on the day itself, so that it is asked for the day before.
POSTS = """
SELECT t.unit_id AS unit, t.role, t.duty, t.name, t.phone
FROM post_shown t
WHERE t.unit_id = ANY(:units) AND t.valid @> CAST(:day AS date)
ORDER BY t.unit_id, t.duty DESC NULLS LAST, t.role, t.name;
"""

# What was published of whole units, in the last month before the change.
CARE = """
SELECT c.unit_id AS unit, c.category, c.shown, c.month
FROM care_count c
WHERE c.unit_id = ANY(:units) AND c.month = (SELECT max(month) FROM care_count WHERE month < CAST(:day AS date))
ORDER BY c.unit_id, c.category;
"""

DAY_OF = "SELECT effective_from FROM revision WHERE number = :number AND withdrawn_at IS NULL;"

CHANGED_UNITS = """
SELECT o.unit_id AS old_unit, n.unit_id AS new_unit, coalesce(n.level, o.level) AS level,
       o.code AS old_code, o.name AS old_name, o.path AS old_path, o.is_leaf AS old_leaf, o.area_m2 AS old_area_m2,
       n.code AS new_code, n.name AS new_name, n.path AS new_path, n.is_leaf AS new_leaf, n.area_m2 AS new_area_m2
FROM (SELECT * FROM grid WHERE valid @> CAST(:before AS date)) o
FULL JOIN (SELECT * FROM grid WHERE valid @> CAST(:after AS date)) n ON n.unit_id = o.unit_id
WHERE o.grid_version IS DISTINCT FROM n.grid_version
ORDER BY 3, coalesce(n.code, o.code), coalesce(n.unit_id, o.unit_id);
"""

# ── the morning after ──────────────────────────────────────────────────────────────────────────────────────────────

REVISION_BEFORE = """
SELECT number FROM revision WHERE effective_from < CAST(:day AS date) AND withdrawn_at IS NULL
ORDER BY effective_from DESC LIMIT 1;
"""

NAMES = "SELECT unit_id, code, name FROM grid WHERE valid @> CAST(:eve AS date);"

VACANT = """
SELECT unit FROM unnest(CAST(:units AS text[])) AS unit
WHERE NOT EXISTS (SELECT FROM assignment a
                  WHERE a.unit_id = unit AND a.duty = 'primary' AND a.valid @> CAST(:day AS date));
"""

ENDED_POSTS = """
SELECT s.shown_name AS name, s.shown_phone AS phone, t.before ->> 'role' AS role, t.before ->> 'duty' AS duty,
       t.before ->> 'unit_id' AS unit
FROM publication_trace t JOIN staff s ON s.element_id = t.before ->> 'staff'
WHERE t.revision = :number AND t.kind = 'assignment'
ORDER BY 5, 4 DESC NULLS LAST, 3, 1;
"""

ENDED_GRANTS = """
SELECT a.username, t.before ->> 'role' AS role, t.before ->> 'unit_id' AS unit,
       (SELECT json_agg(g.name ORDER BY m.id)
        FROM publication_trace m JOIN LATERAL (
            SELECT name FROM grid WHERE unit_id = m.after ->> 'unit_id' ORDER BY lower(valid) DESC LIMIT 1) g ON true
        WHERE m.revision = t.revision AND m.kind = 'grant' AND m.before IS NULL
          AND m.after ->> 'account_id' = t.before ->> 'account_id' AND m.after ->> 'role' = t.before ->> 'role') AS made
FROM publication_trace t JOIN account a ON CAST(a.account_id AS text) = t.before ->> 'account_id'
WHERE t.revision = :number AND t.kind = 'grant' AND t.before IS NOT NULL
ORDER BY 1, 2, 3;
"""

ENDED_RULINGS = """
SELECT 'override' AS kind, o.override AS number, p.name, nullif(o.door, '') AS door, o.unit_id AS unit, o.reason
FROM override o LEFT JOIN override_places() p USING (override) WHERE o.ended_by = :by
UNION ALL
SELECT 'dispute', d.dispute, NULL, NULL, d.interim_unit, d.reason FROM dispute d WHERE d.ended_by = :by
ORDER BY 1, 2;
"""

# ── nets ───────────────────────────────────────────────────────────────────────────────────────────────────────────

BUILDINGS = """
SELECT ST_X(e.anchor) AS lon, ST_Y(e.anchor) AS lat, coalesce(b.households, 0) AS households
FROM element e JOIN building b USING (version_id)
WHERE e.layer = 'buildings' AND e.valid @> CAST(:day AS date);
"""
