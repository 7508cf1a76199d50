"""The SQL that reads units and revisions; what is written is in `revisions`."""

# By code (B-tree) or identity (the exclusion constraint's GiST index).
UNIT = """
SELECT unit_id, code, name, level, path
FROM grid
WHERE (code = :key OR unit_id = :key) AND valid @> CAST(:as_of AS date)
ORDER BY code = :key DESC NULLS LAST LIMIT 1;
"""

CALLED = """
SELECT coalesce(code, unit_id) AS key FROM grid
WHERE name = :name AND valid @> CAST(:as_of AS date)
ORDER BY level, key LIMIT 3;
"""

UNIT_EVER = """
SELECT unit_id FROM grid WHERE code = :key OR unit_id = :key ORDER BY valid DESC LIMIT 1;
"""

BOUNDS = """
SELECT ST_XMin(extent) AS west, ST_YMin(extent) AS south, ST_XMax(extent) AS east, ST_YMax(extent) AS north
FROM (SELECT ST_Extent(drawn) AS extent FROM grid WHERE parent IS NULL AND valid @> CAST(:as_of AS date)) roots;
"""

REVISIONS = """
SELECT number, effective_from, author, reason, certificate, published_at
FROM revision WHERE withdrawn_at IS NULL ORDER BY number DESC;
"""

CHILDREN = """
SELECT unit_id AS unit, code, name, level, is_leaf, kind, zone_type, area_m2,
       json_build_array(ST_X(anchor), ST_Y(anchor)) AS anchor
FROM grid
WHERE parent IS NOT DISTINCT FROM :parent AND valid @> CAST(:as_of AS date)
ORDER BY code NULLS LAST, name, unit_id;
"""

VERSIONS = """
SELECT code, name, level, kind, zone_type, parent, area_m2, lower(valid) AS since, upper(valid) AS until,
       published_by, retired_by
FROM grid WHERE unit_id = :unit_id ORDER BY valid DESC;
"""

# Every link that touches the unit, with the other unit's latest name.
LINEAGE = """
SELECT l.revision, r.effective_from, l.change, l.old_unit, o.code AS old_code, o.name AS old_name,
       l.new_unit, n.code AS new_code, n.name AS new_name, l.area_share, l.household_share
FROM lineage l
JOIN revision r ON r.number = l.revision
LEFT JOIN LATERAL (SELECT code, name FROM grid WHERE unit_id = l.old_unit ORDER BY valid DESC LIMIT 1) o ON true
LEFT JOIN LATERAL (SELECT code, name FROM grid WHERE unit_id = l.new_unit ORDER BY valid DESC LIMIT 1) n ON true
WHERE :unit_id IN (l.old_unit, l.new_unit)
ORDER BY l.revision DESC, l.old_unit, l.new_unit;
"""
