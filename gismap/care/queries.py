"""The SQL of persons in care; who may see which record is settled in migration 2026_11_24_04."""

CATEGORIES = """
SELECT category, title_zh, title_en, of_children, proposed_by, approved_by
FROM care_category WHERE (approved_by IS NULL) = :waiting ORDER BY proposed_at, category;
"""

PROPOSE_CATEGORY = """
INSERT INTO care_category (category, title_zh, title_en, of_children, proposed_by)
VALUES (:category, :title_zh, :title_en, :of_children, :by) ON CONFLICT DO NOTHING RETURNING category;
"""

WAITING_CATEGORY = "SELECT proposed_by FROM care_category WHERE category = :category AND approved_by IS NULL;"

APPROVE_CATEGORY = "UPDATE care_category SET approved_by = :by, approved_at = now() WHERE category = :category;"

ADD_PURPOSE = """
INSERT INTO purpose (purpose, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipients,
                     categories, fields, children, retention_days, expires_at, made_by)
VALUES (:purpose, :title, :legal_basis, :legal_reference, :notice, :notice_on, :assessment, :owner, :recipients,
        :categories, :fields, :children, :retention_days, :expires_at, :made_by)
ON CONFLICT DO NOTHING RETURNING purpose;
"""

END_PURPOSE = """
UPDATE purpose SET ended_at = now()
WHERE purpose = :purpose AND ended_at IS NULL AND expires_at > now() AND NOT is_drill RETURNING purpose;
"""

PURPOSES = """
SELECT purpose, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipients, categories,
       fields, children, retention_days, expires_at, ended_at IS NULL AND expires_at > now() AS is_in_force
FROM purpose WHERE NOT is_drill ORDER BY purpose;
"""

PURPOSE = """
SELECT purpose, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipients, categories,
       fields, children, retention_days, expires_at
FROM purpose WHERE purpose = :purpose AND ended_at IS NULL AND expires_at > now() AND NOT is_drill;
"""

# What `write_elements` has staged in this transaction.
WRITTEN = """
SELECT i.source_ref, i.element_id, i.version_id, e.path
FROM incoming i JOIN element e USING (version_id) WHERE i.layer = 'care_persons';
"""

KEEP_LONGER = """
UPDATE care_person c SET kept_until = greatest(c.kept_until, :kept_until)
FROM element e
WHERE e.version_id = c.version_id AND e.layer = 'care_persons' AND upper_inf(e.valid)
  AND e.source = :source AND e.source_ref = ANY (:refs) AND c.purpose = :purpose;
"""

# One row per record. Its place is the building's point; the unit and the building show where the asker may see them.
RECORD = """
SELECT e.version_id, e.element_id, e.category, c.purpose, c.fields, c.shown_name, c.shown_phone, c.shown_id_number,
       c.born_from, c.child_until IS NOT NULL AND c.child_until > now() AS is_child, c.kept_until, e.path,
       round(ST_X(e.anchor)::numeric, 7)::float8 AS lon, round(ST_Y(e.anchor)::numeric, 7)::float8 AS lat,
       h.element_id AS building, h.name AS building_name, b.address, g.unit_id, g.code, g.name AS unit_name
FROM element e
JOIN care_person c USING (version_id)
JOIN purpose p USING (purpose)
LEFT JOIN element h ON h.element_id = e.part_of AND h.valid @> CAST(:today AS date)
LEFT JOIN building b ON b.version_id = h.version_id
LEFT JOIN grid g ON g.path = e.path AND g.valid @> CAST(:today AS date)
WHERE e.layer = 'care_persons' AND CASE WHEN e.valid @> CAST(:today AS date) THEN true ELSE false END
"""

FOUND = "SELECT care_found(:lookup);"

OPEN_REVEAL = "SELECT open_reveal(:person, :fields, :reason, :seconds);"

REVEALED = "SELECT field, key_number, sealed, ends_at FROM revealed(:person) ORDER BY field;"

MAY = "SELECT care_version(:person, :permission) IS NOT NULL;"

LOOKS = "SELECT seq, at, actor, action, detail FROM looks_at(:person, :at_most);"

COPY = "SELECT since, valid, field, key_number, sealed FROM care_copy(:person);"

PURPOSE_OF_PERSON = """
SELECT p.title, p.legal_basis, p.legal_reference, p.notice, p.notice_on, p.owner, p.recipients, p.retention_days,
       p.expires_at, p.fields, p.purpose, p.children
FROM element e JOIN care_person c USING (version_id) JOIN purpose p USING (purpose)
WHERE e.element_id = :person AND e.valid @> CAST(:today AS date);
"""

CORRECT = "SELECT care_correct(:person, :field, CAST(:key AS smallint), :sealed, CAST(:shown AS json));"

FORGET = "SELECT care_forget(:person, :marks);"

FORGOTTEN = "SELECT digest FROM care_forgotten;"

SOURCE_OF = """
SELECT source, source_ref FROM element WHERE element_id = :person ORDER BY since DESC LIMIT 1;
"""

# Whose time is over, or whose purpose is, in sight or at a sealed address.
OVERDUE = """
SELECT DISTINCT e.element_id, c.purpose
FROM {schema}.element e JOIN {schema}.care_person c USING (version_id) JOIN purpose p USING (purpose)
WHERE upper_inf(e.valid) AND NOT isempty(e.valid)
  AND (c.kept_until <= now() OR p.expires_at <= now() OR p.ended_at IS NOT NULL)
ORDER BY e.element_id;
"""

DELETE_PERSONS = "DELETE FROM element WHERE element_id = ANY (:persons) AND layer = 'care_persons';"

VERSIONS_OF = "SELECT version_id FROM {schema}.element WHERE element_id = ANY (:persons) AND layer = 'care_persons';"

# What of earlier versions no undo needs any more.
OLD_VERSIONS = """
SELECT version_id FROM {schema}.element
WHERE layer = 'care_persons' AND NOT (upper_inf(valid) AND NOT isempty(valid))
  AND recorded_at < now() - make_interval(days => :days)
  AND (isempty(valid) OR upper(valid) < current_date - CAST(:days AS integer));
"""

DELETE_OLD_REVEALS = "DELETE FROM reveal WHERE ends_at < now() - interval '1 day';"

OLD_SECRETS = """
SELECT s.version_id, s.field, s.key_number, s.sealed, e.element_id
FROM {schema}.care_secret s JOIN {schema}.element e USING (version_id)
WHERE s.key_number <> :newest ORDER BY s.version_id, s.field LIMIT :some FOR UPDATE OF s;
"""

RESEAL = """
UPDATE {schema}.care_secret SET key_number = :key, sealed = :sealed WHERE version_id = :version AND field = :field;
"""

OLD_CONTACTS = """
SELECT asker, key_number, sealed FROM asker
WHERE key_number <> :newest ORDER BY asker LIMIT :some FOR UPDATE;
"""

RESEAL_CONTACT = "UPDATE asker SET key_number = :key, sealed = :sealed WHERE asker = :asker;"

# Waits for whoever is writing secrets, and keeps others waiting until the transaction ends.
KEEP_WRITERS_OUT = "LOCK TABLE care_secret, sealed.care_secret, asker IN SHARE ROW EXCLUSIVE MODE;"

DROP_OLDER_KEYS = "UPDATE care_key SET oldest = :newest;"

DRILL_HOMES = """
SELECT e.element_id, ST_AsBinary(e.anchor) AS wkb
FROM element e JOIN building b USING (version_id)
WHERE e.path ^@ :path AND e.valid @> CAST(:today AS date) AND b.households > 0
ORDER BY md5(e.element_id || :seed) LIMIT :some;
"""

ADD_DRILL_PURPOSE = """
INSERT INTO purpose (purpose, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipients,
                     categories, retention_days, expires_at, is_drill, made_by)
SELECT :purpose, '演练', 'statutory_duty', :document, '演练数据', :today, '演练数据', :by, '{演练}',
       array_agg(category), 4, :ends_at, true, :by
FROM care_category WHERE approved_by IS NOT NULL;
"""

END_DRILL = "UPDATE purpose SET ended_at = now() WHERE purpose = :purpose AND is_drill AND ended_at IS NULL;"

PERSONS_OF = "SELECT DISTINCT element_id FROM element JOIN care_person USING (version_id) WHERE purpose = :purpose;"
