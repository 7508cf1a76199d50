"""The SQL of batches, mappings and layers that an import adds."""

LOCK = "SELECT pg_advisory_xact_lock(:key);"

LAYER_EXISTS = "SELECT EXISTS (SELECT FROM layer WHERE name = :layer);"

ADD_LAYER = """
INSERT INTO layer (name, title_zh, title_en, geometry_type, sensitivity)
VALUES (:layer, :title_zh, :title_en, 'any', 'internal') ON CONFLICT DO NOTHING;
"""

MAPPING = "SELECT columns FROM import_mapping WHERE source = :source AND layer = :layer;"

REMEMBER = """
INSERT INTO import_mapping (source, layer, columns) VALUES (:source, :layer, CAST(:columns AS jsonb))
ON CONFLICT (source, layer) DO UPDATE SET columns = excluded.columns;
"""

# Every unit of the day by code, identity and name; a name that two bear names neither.
UNITS = """
SELECT unit_id, code, name, count(*) OVER (PARTITION BY name) AS namesakes, ST_X(anchor) AS lon, ST_Y(anchor) AS lat
FROM grid WHERE valid @> CAST(:since AS date);
"""

BUILDINGS = """
SELECT e.element_id, e.source_ref, e.name, b.address, ST_AsBinary(e.anchor) AS wkb, false AS is_sealed
FROM element e JOIN building b USING (version_id) WHERE e.valid @> CAST(:since AS date)
UNION ALL
SELECT e.element_id, e.source_ref, e.name, b.address, ST_AsBinary(e.anchor), true
FROM sealed.element e JOIN sealed.building b USING (version_id) WHERE e.valid @> CAST(:since AS date);
"""

SEALED_PERSONS = "SELECT source_ref FROM sealed.element WHERE source = :source AND layer = 'care_persons';"

ADD_BATCH = """
INSERT INTO import_batch (layer, source, file_name, file_digest, source_crs, actor, counts)
VALUES (:layer, :source, :file_name, :file_digest, :source_crs, :actor, '{}') RETURNING batch;
"""

COUNT_BATCH = "UPDATE import_batch SET counts = CAST(:counts AS jsonb) WHERE batch = :batch;"

BATCH = "SELECT batch, layer, source, undone_at FROM import_batch WHERE batch = :batch FOR UPDATE;"

LATEST_BATCHES = "SELECT batch FROM import_batch WHERE undone_at IS NULL ORDER BY batch DESC LIMIT 5;"

UNDONE = """
UPDATE import_batch SET undone_at = now() WHERE batch = :batch;
"""

BUMP_LAYER = "UPDATE layer SET version = version + 1 WHERE name = :layer;"

# Of the staff whose posts changed, those whose own record did not.
ONLY_POSTS_CHANGED = """
SELECT count(DISTINCT element_id) FROM element
WHERE element_id = ANY(:staff) AND upper_inf(valid) AND batch IS DISTINCT FROM :batch;
"""

KNOWN_PLACES = """
SELECT called, ST_X(e.anchor) AS lon, ST_Y(e.anchor) AS lat
FROM element e
LEFT JOIN building b USING (version_id)
CROSS JOIN LATERAL (
    SELECT DISTINCT called FROM unnest(ARRAY[e.name, b.address, e.attributes ->> 'address']) AS called
) names
WHERE e.valid @> CAST(:as_of AS date) AND e.layer NOT IN ('staff', 'care_persons', 'incidents') AND called IS NOT NULL;
"""
