"""Persons in care as records: purposes, categories, sealed fields, reveals, emergencies and sealed addresses."""

from alembic import op

revision = "2026_11_24_04"
down_revision = "2026_11_24_03"
branch_labels = None
depends_on = None

# A purpose without one of these columns cannot be stored, and a person without a purpose neither.
PURPOSES = """
CREATE TABLE purpose (
    purpose text COLLATE "C" PRIMARY KEY CHECK (purpose ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    title text NOT NULL CHECK (title <> ''),
    legal_basis text NOT NULL CHECK (legal_basis IN ('statutory_duty', 'consent')),
    legal_reference text NOT NULL CHECK (legal_reference <> ''),   -- the article, or where the consents are kept
    notice text NOT NULL CHECK (notice <> ''),                     -- what the persons were told
    notice_on date NOT NULL,
    assessment text NOT NULL CHECK (assessment <> ''),             -- reference of the impact assessment
    owner text NOT NULL CHECK (owner <> ''),                       -- who answers for it
    recipients text[] NOT NULL CHECK (cardinality(recipients) > 0),
    categories text[] NOT NULL CHECK (cardinality(categories) > 0),
    fields text[] NOT NULL DEFAULT '{}',                           -- the identity fields that it needs
    children text CHECK (children <> ''),   -- guardians' consent or the named duty; null: nobody under 14
    retention_days integer NOT NULL CHECK (retention_days BETWEEN 1 AND 3660),
    expires_at timestamptz NOT NULL,
    is_drill boolean NOT NULL DEFAULT false,                       -- made-up persons of a drill
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);

CREATE TABLE care_category (
    category text COLLATE "C" PRIMARY KEY CHECK (category <> ''),
    title_zh text NOT NULL CHECK (title_zh <> ''),
    title_en text NOT NULL CHECK (title_en <> ''),
    of_children boolean NOT NULL DEFAULT false,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    approved_by text CHECK (approved_by <> proposed_by),           -- it takes two
    approved_at timestamptz,
    CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);
INSERT INTO care_category (category, title_zh, title_en, of_children, proposed_by, approved_by, approved_at)
SELECT category, title_zh, title_en, category IN ('child_in_need', 'left_behind_child'), 'gismap', 'built-in', now()
FROM (VALUES
    ('living_alone_elderly', '独居老人', 'Elderly living alone'),
    ('very_old', '高龄老人', 'Very old'),
    ('disabled_self_care', '失能/半失能', 'Unable to care for themselves'),
    ('limited_mobility', '行动不便', 'Limited mobility'),
    ('disability', '残疾人', 'Persons with disabilities'),
    ('child_in_need', '困境儿童', 'Children in need'),
    ('left_behind_child', '留守儿童', 'Left-behind children'),
    ('expectant_mother', '孕产妇', 'Expectant and new mothers'),
    ('minimum_allowance', '低保户', 'Minimum allowance'),
    ('near_minimum_allowance', '低保边缘', 'Near minimum allowance'),
    ('destitute_support', '特困供养', 'Destitute support'),
    ('chronic_home_care', '慢病/需上门医护', 'Chronic illness, home care'),
    ('dialysis', '定期透析', 'Regular dialysis'),
    ('bereaved_family', '计生特殊家庭', 'Families who lost their only child'),
    ('veteran_family', '优抚对象', 'Veterans and their families'),
    ('evacuation_help', '应急转移需协助', 'Need help to evacuate'),
    ('temporary_hardship', '临时困难', 'Temporary hardship'),
    ('asked_for_help', '自愿登记求助', 'Registered for help')
) built_in (category, title_zh, title_en);
"""

# What is shown of a person is stored masked; what is not shown is stored sealed, with keys that are not in here. The
# path is kept equal to the element's by the foreign key.
RECORDS = """
CREATE TABLE care_person (
    version_id bigint PRIMARY KEY,
    path text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL REFERENCES purpose,
    fields text[] NOT NULL DEFAULT '{}',   -- which identity fields are kept
    shown_name text,                       -- 张*
    shown_phone text,                      -- 138****5678
    shown_id_number text,                  -- ****1234
    born_from smallint,                    -- first of the five years in one of which the person was born
    child_until timestamptz,               -- the 14th birthday; infinity: not known; null: no child
    kept_until timestamptz NOT NULL,
    lookup bytea,                          -- keyed digest of the identity number
    CONSTRAINT care_person_of_version FOREIGN KEY (version_id, path) REFERENCES element (version_id, path)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX care_person_lookup ON care_person (lookup) WHERE lookup IS NOT NULL;
CREATE INDEX care_person_purpose ON care_person (purpose);
CREATE INDEX care_person_kept ON care_person (kept_until);

CREATE TABLE care_secret (
    version_id bigint NOT NULL REFERENCES care_person ON DELETE CASCADE,
    field text COLLATE "C" NOT NULL,
    key_number smallint NOT NULL,
    sealed bytea NOT NULL,   -- AES-GCM, bound to the element and the field
    PRIMARY KEY (version_id, field)
);
CREATE INDEX care_secret_key ON care_secret (key_number);

-- A rotation takes old keys out of their file. Whoever read the file before must not seal with one of them after.
CREATE TABLE care_key (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    oldest smallint NOT NULL
);
INSERT INTO care_key (oldest) VALUES (1);
CREATE FUNCTION care_key_is_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.key_number < (SELECT oldest FROM care_key) THEN
        RAISE serialization_failure USING MESSAGE = 'this key was dropped by a rotation meanwhile; try again';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER key_is_kept BEFORE INSERT OR UPDATE OF key_number ON care_secret
FOR EACH ROW EXECUTE FUNCTION care_key_is_kept();

CREATE TABLE care_forgotten (
    digest bytea PRIMARY KEY,   -- keyed digest of what told a deleted person again in a file
    at timestamptz NOT NULL DEFAULT now()
);

-- Districts that were made up before there were purposes.
INSERT INTO purpose (purpose, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipients,
                     categories, retention_days, expires_at, made_by)
SELECT 'demo', '示例数据', 'statutory_duty', '示例', '示例', current_date, '示例', '示例', '{示例}',
       (SELECT array_agg(category) FROM care_category), 3660, now() + interval '10 years', 'demo'
WHERE EXISTS (SELECT FROM element WHERE layer = 'care_persons');
INSERT INTO care_person (version_id, path, purpose, child_until, kept_until)
SELECT version_id, path, 'demo', CASE WHEN of_children THEN timestamptz 'infinity' END, now() + interval '10 years'
FROM element LEFT JOIN care_category USING (category) WHERE layer = 'care_persons';

CREATE FUNCTION care_has_purpose() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM element e
        WHERE e.version_id = coalesce(NEW.version_id, OLD.version_id) AND e.layer = 'care_persons' AND NOT EXISTS (
            SELECT FROM care_person c JOIN purpose p USING (purpose) JOIN care_category k ON k.category = e.category
            WHERE c.version_id = e.version_id AND e.category = ANY (p.categories) AND k.approved_by IS NOT NULL))
    THEN
        RAISE check_violation USING
            MESSAGE = 'a person in care needs a purpose, and a category that it serves and two people have approved';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER care_has_purpose AFTER INSERT OR UPDATE OF category, layer ON element
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.layer = 'care_persons') EXECUTE FUNCTION care_has_purpose();
CREATE CONSTRAINT TRIGGER care_keeps_purpose AFTER UPDATE OF purpose OR DELETE ON care_person
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care_has_purpose();
"""

ROLES = """
INSERT INTO role_permission (role, permission)
SELECT role, unnest(permissions) FROM (VALUES
    ('care_worker',         '{see,locate,staff.call,care.count,care.read,care.reveal}'::text[]),
    ('child_data_officer',  '{see,care.count,care.read,care.reveal,care.child}'),
    ('emergency_responder', '{care.read,care.child}'),
    ('drill_responder',     '{care.drill}')
) bundle (role, permissions);
ALTER TABLE access_grant DROP CONSTRAINT access_grant_role;
ALTER TABLE access_grant ADD CONSTRAINT access_grant_role CHECK (role IN (
    'viewer', 'dispatcher', 'planner', 'grid_worker', 'care_worker', 'person_data_officer', 'child_data_officer',
    'auditor', 'administrator', 'emergency_responder', 'drill_responder'));
"""

# Lists of persons open for the workers of an area while an emergency lasts, and never longer than 72 hours at a time.
EMERGENCIES = """
CREATE TABLE emergency (
    emergency bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document text NOT NULL CHECK (document <> ''),   -- number of the authority's document
    unit_id text COLLATE "C" NOT NULL REFERENCES unit,
    reason text NOT NULL CHECK (reason <> ''),
    is_drill boolean NOT NULL,
    begins_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL,
    renews bigint REFERENCES emergency,
    declared_by text NOT NULL,
    CONSTRAINT at_most_72_hours CHECK (ends_at <= begins_at + interval '72 hours')
);
ALTER TABLE access_grant ADD COLUMN emergency bigint REFERENCES emergency,
    ADD CONSTRAINT emergencies_only CHECK (
        (emergency IS NOT NULL) = (role IN ('emergency_responder', 'drill_responder')));
CREATE FUNCTION grant_within_emergency() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.ends_at > (SELECT ends_at FROM emergency WHERE emergency = NEW.emergency) THEN
        RAISE check_violation USING MESSAGE = 'a grant of an emergency ends with it';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER within_emergency BEFORE INSERT OR UPDATE ON access_grant
FOR EACH ROW WHEN (NEW.emergency IS NOT NULL) EXECUTE FUNCTION grant_within_emergency();

-- Whoever works in the area no more has no list of it either.
CREATE FUNCTION grant_of_workers_only() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE access_grant e SET ends_at = greatest(e.starts_at, NEW.ends_at)
    WHERE e.account_id = NEW.account_id AND e.emergency IS NOT NULL AND e.ends_at > NEW.ends_at AND NOT EXISTS (
        SELECT FROM access_grant w
        LEFT JOIN grid theirs ON theirs.unit_id = w.unit_id AND upper_inf(theirs.valid)
        LEFT JOIN grid area ON area.unit_id = e.unit_id AND upper_inf(area.valid)
        WHERE w.account_id = e.account_id AND w.role IN ('dispatcher', 'grid_worker', 'care_worker')
          AND w.ends_at > NEW.ends_at AND (w.unit_id IS NULL OR area.path ^@ theirs.path));
    RETURN NULL;
END $$;
CREATE TRIGGER of_workers_only AFTER UPDATE OF ends_at ON access_grant
FOR EACH ROW WHEN (NEW.emergency IS NULL AND NEW.ends_at < OLD.ends_at) EXECUTE FUNCTION grant_of_workers_only();
"""

REVEALS = """
CREATE TABLE reveal (
    reveal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    element_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,        -- the session that may see
    fields text[] NOT NULL,
    reason text NOT NULL CHECK (char_length(btrim(reason)) >= 4),
    at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL CHECK (ends_at <= at + interval '15 minutes')
);
CREATE INDEX reveal_session ON reveal (digest, element_id);
"""

DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

# Whose record may be seen is settled here, for the policy and for all functions below: a purpose in force, a record
# that is still to be kept, the territory, and for children a permission of its own.
# It is said to be cheap, since it is asked of persons alone, and the planner would count it for every row near a box.
FUNCTIONS = f"""
CREATE FUNCTION care_shown(version bigint) RETURNS boolean LANGUAGE sql STABLE COST 1 {DEFINER} AS $$
    SELECT coalesce((
        SELECT c.path ^@ ANY (scope_of(CASE WHEN p.is_drill THEN 'care.drill' ELSE 'care.read' END))
               AND (c.child_until IS NULL OR c.child_until <= now() OR c.path ^@ ANY (scope_of('care.child')))
        FROM care_person c JOIN purpose p USING (purpose)
        WHERE c.version_id = version AND p.ended_at IS NULL AND p.expires_at > now() AND c.kept_until > now()), false)
$$;

-- The version of a person that holds today (a publication may have made one for a day to come), if the session may see
-- it and has the permission for it.
CREATE FUNCTION care_version(person text, permission text) RETURNS bigint LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT version_id FROM (
        SELECT e.version_id, e.path FROM element e
        WHERE e.element_id = person AND e.layer = 'care_persons' AND NOT isempty(e.valid)
          AND (upper_inf(e.valid) OR upper(e.valid) > session_day())
        ORDER BY e.since LIMIT 1) AS today
    WHERE care_shown(version_id) AND coalesce(path ^@ ANY (scope_of(permission)), false)
$$;

CREATE FUNCTION open_reveal(person text, wanted text[], why text, seconds integer) RETURNS timestamptz
LANGUAGE sql VOLATILE {DEFINER} AS $$
    INSERT INTO reveal (element_id, digest, fields, reason, ends_at)
    SELECT person, session_digest(), wanted, why, now() + make_interval(secs => seconds)
    FROM care_person WHERE version_id = care_version(person, 'care.reveal') AND wanted <@ fields
    RETURNING ends_at
$$;

CREATE FUNCTION revealed(person text) RETURNS TABLE (field text, key_number smallint, sealed bytea, ends_at timestamptz)
LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT s.field, s.key_number, s.sealed, max(r.ends_at)
    FROM reveal r JOIN care_secret s ON s.version_id = care_version(person, 'care.reveal') AND s.field = ANY (r.fields)
    WHERE r.element_id = person AND r.digest = session_digest() AND r.ends_at > now()
    GROUP BY s.field, s.key_number, s.sealed
$$;

CREATE FUNCTION care_found(wanted bytea) RETURNS SETOF text LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT DISTINCT e.element_id FROM care_person c JOIN element e USING (version_id)
    WHERE c.lookup = wanted AND c.version_id = care_version(e.element_id, 'care.reveal')
$$;

-- All that is kept of a person, for the person: every version, with what is sealed.
CREATE FUNCTION care_copy(person text)
RETURNS TABLE (since date, valid daterange, field text, key_number smallint, sealed bytea)
LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT e.since, e.valid, s.field, s.key_number, s.sealed
    FROM element e LEFT JOIN care_secret s USING (version_id)
    WHERE e.element_id = person AND care_version(person, 'care.write') IS NOT NULL
    ORDER BY e.since, s.field
$$;

-- Correct a field everywhere it is kept: what is wrong about a person does not stay as history.
CREATE FUNCTION care_correct(person text, corrected text, key smallint, secret bytea, shown json) RETURNS integer
LANGUAGE plpgsql VOLATILE {DEFINER} AS $$
DECLARE changed integer;
BEGIN
    IF care_version(person, 'care.write') IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE care_person c SET
        fields = CASE WHEN corrected = ANY (c.fields) THEN c.fields ELSE c.fields || corrected END,
        shown_name = CASE corrected WHEN 'name' THEN shown ->> 'name' ELSE shown_name END,
        shown_phone = CASE corrected WHEN 'phone' THEN shown ->> 'phone' ELSE shown_phone END,
        shown_id_number = CASE corrected WHEN 'id_number' THEN shown ->> 'id_number' ELSE shown_id_number END,
        lookup = CASE corrected WHEN 'id_number' THEN decode(shown ->> 'lookup', 'hex') ELSE lookup END,
        born_from = coalesce((shown ->> 'born_from')::smallint, born_from),
        child_until = CASE WHEN shown::jsonb ? 'child_until' THEN (shown ->> 'child_until')::timestamptz
                           ELSE child_until END
    FROM element e WHERE e.version_id = c.version_id AND e.element_id = person;
    GET DIAGNOSTICS changed = ROW_COUNT;
    INSERT INTO care_secret (version_id, field, key_number, sealed)
    SELECT version_id, corrected, key, secret FROM element JOIN care_person USING (version_id)
    WHERE element_id = person
    ON CONFLICT (version_id, field) DO UPDATE SET key_number = excluded.key_number, sealed = excluded.sealed;
    RETURN changed;
END $$;

-- Delete a person with all versions; `marks` keep the next file from bringing the person back. How many versions went.
CREATE FUNCTION care_forget(person text, marks bytea[]) RETURNS integer
LANGUAGE plpgsql VOLATILE {DEFINER} AS $$
DECLARE gone integer;
BEGIN
    IF care_version(person, 'care.write') IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM reveal WHERE element_id = person;
    DELETE FROM element WHERE element_id = person AND layer = 'care_persons';
    GET DIAGNOSTICS gone = ROW_COUNT;
    INSERT INTO care_forgotten (digest) SELECT unnest(marks) ON CONFLICT DO NOTHING;
    RETURN gone;
END $$;

-- Who looked at a person or did anything to the record: for whoever may see the record.
CREATE FUNCTION looks_at(person text, at_most integer)
RETURNS TABLE (seq bigint, at text, actor text, action text, detail jsonb) LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT a.seq, a.record ->> 'at', a.record ->> 'actor', a.record ->> 'action',
           (a.record -> 'detail') - 'persons'
    FROM audit a
    WHERE (a.record ->> 'subject' = 'person ' || person OR a.record -> 'detail' -> 'persons' ? person)
      AND care_version(person, 'care.read') IS NOT NULL
    ORDER BY a.seq DESC LIMIT at_most
$$;
CREATE INDEX audit_persons ON audit USING gin ((record -> 'detail' -> 'persons'));
"""

OURS = (
    "care_shown(bigint), care_version(text, text), open_reveal(text, text[], text, integer), revealed(text),"
    " care_found(bytea), care_copy(text), care_correct(text, text, smallint, bytea, json), care_forget(text, bytea[]),"
    " looks_at(text, integer)"
)

SEEN = "CASE WHEN {0} ^@ ANY ((SELECT scope_of('see'))::text[]) THEN true ELSE false END"

AUDITED = "path ^@ ANY ((SELECT scope_of('audit'))::text[])"

POLICIES = f"""
-- Units are looked up once for a statement, not for every entry; a list of persons names those that it was about.
DROP POLICY audit_seen ON audit;
CREATE POLICY audit_seen ON audit FOR SELECT TO gismap_service USING (
    coalesce('' = ANY ((SELECT scope_of('audit'))::text[]), false)
    OR record -> 'detail' ->> 'unit' = ANY (ARRAY(SELECT unit_id FROM grid WHERE {AUDITED}))
    OR record -> 'detail' -> 'units' ?| ARRAY(SELECT unit_id FROM grid WHERE {AUDITED}));
DROP POLICY element_seen ON element;
CREATE POLICY element_seen ON element FOR SELECT TO gismap_service USING (
    CASE WHEN layer = 'care_persons' THEN care_shown(version_id) ELSE {SEEN.format("path")} END);
ALTER TABLE care_person ENABLE ROW LEVEL SECURITY;
CREATE POLICY care_person_seen ON care_person FOR SELECT TO gismap_service USING (care_shown(version_id));

REVOKE EXECUTE ON FUNCTION {OURS}, care_has_purpose(), care_key_is_kept(), grant_within_emergency(),
    grant_of_workers_only() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {OURS} TO gismap_service;
GRANT SELECT ON purpose, care_category, emergency TO gismap_service;
GRANT SELECT (version_id, path, purpose, fields, shown_name, shown_phone, shown_id_number, born_from, child_until,
              kept_until) ON care_person TO gismap_service;
"""

# Out of search, tiles, maps and counts is what is not in the tables that these read. The columns are those of the
# tables, in their order.
SEALED = """
CREATE SCHEMA sealed;
CREATE TABLE sealed.element (LIKE element);
CREATE TABLE sealed.building (LIKE building);
CREATE TABLE sealed.building_unit (LIKE building_unit);
CREATE TABLE sealed.dwelling (LIKE dwelling);
CREATE TABLE sealed.care_person (LIKE care_person);
CREATE TABLE sealed.care_secret (LIKE care_secret);
CREATE TABLE seal (
    element_id text COLLATE "C" PRIMARY KEY REFERENCES digital_identity,
    reason text NOT NULL CHECK (reason <> ''),
    sealed_by text NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT now(),
    opening_asked_by text,
    opening_reason text
);
"""


def upgrade() -> None:
    """Create them, and let policies look at purposes."""
    for statements in (PURPOSES, RECORDS, ROLES, EMERGENCIES, REVEALS, FUNCTIONS, POLICIES, SEALED):
        op.execute(statements)


def downgrade() -> None:
    """Drop them; records go, what is sealed goes, and elements of persons stay as a category and a building."""
    op.execute(
        f"""
        DROP TABLE seal; DROP SCHEMA sealed CASCADE;
        DROP POLICY audit_seen ON audit;
        CREATE POLICY audit_seen ON audit FOR SELECT TO gismap_service USING (
            coalesce('' = ANY ((SELECT scope_of('audit'))::text[]), false)
            OR coalesce((SELECT true FROM grid g WHERE g.unit_id = record -> 'detail' ->> 'unit'
                         AND g.{AUDITED} LIMIT 1), false));
        DROP POLICY element_seen ON element;
        CREATE POLICY element_seen ON element FOR SELECT TO gismap_service USING (
            CASE WHEN layer = 'care_persons'
                 THEN {SEEN.format("path").replace("'see'", "'care.read'")} ELSE {SEEN.format("path")} END);
        DROP INDEX audit_persons;
        DROP TRIGGER care_has_purpose ON element; DROP TRIGGER within_emergency ON access_grant;
        DROP TRIGGER of_workers_only ON access_grant;
        DROP POLICY care_person_seen ON care_person; DROP TRIGGER care_keeps_purpose ON care_person;
        DROP TRIGGER key_is_kept ON care_secret;
        DROP FUNCTION {OURS}, care_has_purpose(), care_key_is_kept(), grant_within_emergency(),
            grant_of_workers_only();
        DELETE FROM access_grant WHERE role IN (
            'care_worker', 'child_data_officer', 'emergency_responder', 'drill_responder');
        DELETE FROM role_permission WHERE role IN (
            'care_worker', 'child_data_officer', 'emergency_responder', 'drill_responder');
        ALTER TABLE access_grant DROP CONSTRAINT access_grant_role, DROP CONSTRAINT emergencies_only,
            DROP COLUMN emergency;
        ALTER TABLE access_grant ADD CONSTRAINT access_grant_role CHECK (role IN ('viewer', 'dispatcher', 'planner',
            'grid_worker', 'person_data_officer', 'auditor', 'administrator'));
        DROP TABLE reveal, emergency, care_forgotten, care_key, care_secret, care_person, care_category, purpose;
        """
    )
