"""Who may see what: accounts, sessions, grants, and row-level security on everything that belongs to a territory."""

from alembic import op

revision = "2026_11_24_02"
down_revision = "2026_11_24_01"
branch_labels = None
depends_on = None


ACCOUNTS = """
CREATE TABLE account (
    account_id text COLLATE "C" PRIMARY KEY CHECK (account_id ~ '^u[0-9a-z]{6}$'),
    username text NOT NULL UNIQUE CHECK (username <> ''),   -- NFKC, small letters
    display_name text NOT NULL,
    password_hash text,              -- Argon2id; null: no signing in with a password
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by text NOT NULL,
    disabled_at timestamptz
);

CREATE TABLE access_grant (
    grant_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL REFERENCES account,
    role text NOT NULL,
    unit_id text COLLATE "C" REFERENCES unit,   -- null: the whole district
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL                -- a revoked grant has ended
);
CREATE INDEX access_grant_account ON access_grant (account_id, ends_at);
CREATE INDEX access_grant_unit ON access_grant (unit_id) WHERE unit_id IS NOT NULL;

CREATE TABLE session (
    digest bytea PRIMARY KEY,        -- SHA-256 of the token; the token itself is nowhere
    session_id text COLLATE "C" NOT NULL UNIQUE,   -- what it is called in lists and in the audit log
    account_id text COLLATE "C" NOT NULL REFERENCES account,
    kind text NOT NULL CHECK (kind IN ('console', 'key')),
    title text,                      -- what a key is for
    roles text[],                    -- a key's roles; null: all that the account has
    made_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL,
    scoped_on date                   -- the day whose boundaries its scope was made of
);
CREATE INDEX session_account ON session (account_id);

CREATE TABLE sign_in_failure (
    subject text NOT NULL,           -- keyed digest of a username or an address
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_failure_subject ON sign_in_failure (subject, at);
"""

# What a role may do, told once: policies read it through `scope`, the application through `scope` as well.
PERMISSIONS = """
CREATE TABLE role_permission (
    role text NOT NULL,
    permission text NOT NULL,
    PRIMARY KEY (role, permission)
);
INSERT INTO role_permission (role, permission)
SELECT role, unnest(permissions) FROM (VALUES
    ('viewer',              '{see,locate,care.count}'::text[]),
    ('dispatcher',          '{see,locate,staff.call,care.count}'),
    ('planner',             '{see,locate,care.count,plan}'),
    ('grid_worker',         '{see,locate,staff.call,care.count}'),
    ('person_data_officer', '{see,care.count,care.read,care.reveal,care.write}'),
    ('auditor',             '{audit}'),
    ('administrator',       '{account}')
) bundle (role, permissions);
ALTER TABLE access_grant ADD CONSTRAINT access_grant_role CHECK (role IN (
    'viewer', 'dispatcher', 'planner', 'grid_worker', 'person_data_officer', 'auditor', 'administrator'));
"""

# One row per session, permission and territory, nested territories left out: what policies compare paths with. It is
# made of grants and paths when a session is opened, and anew when either changes.
SCOPE = """
CREATE TABLE scope (
    digest bytea NOT NULL REFERENCES session ON DELETE CASCADE,
    permission text NOT NULL,
    place smallint NOT NULL,         -- 1, 2, … of the territories
    low text COLLATE "C" NOT NULL,   -- the range of paths: low <= path < high
    high text COLLATE "C" NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (digest, permission, place)
);

CREATE FUNCTION refresh_scope(wanted bytea, today date) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM scope WHERE digest = wanted;
    WITH territory AS (
        SELECT p.permission, coalesce(u.path, '') AS low, coalesce(u.path, '') || '~' AS high,
               least(max(g.ends_at), s.ends_at) AS ends_at
        FROM session s
        JOIN account a ON a.account_id = s.account_id AND a.disabled_at IS NULL
        JOIN access_grant g ON g.account_id = s.account_id AND g.ends_at > now()
        JOIN role_permission p ON p.role = g.role
        LEFT JOIN grid u ON u.unit_id = g.unit_id AND u.valid @> today
        WHERE s.digest = wanted
          AND (s.roles IS NULL OR g.role = ANY(s.roles))
          AND (g.unit_id IS NULL OR u.unit_id IS NOT NULL)   -- a unit that stands no more grants nothing
        GROUP BY p.permission, u.path, s.ends_at
    )
    INSERT INTO scope (digest, permission, place, low, high, ends_at)
    SELECT wanted, permission, row_number() OVER (PARTITION BY permission ORDER BY low), low, high, ends_at
    FROM territory t
    WHERE NOT EXISTS (
        SELECT FROM territory wider
        WHERE wider.permission = t.permission AND wider.low <> t.low
          AND wider.low <= t.low AND t.low < wider.high AND wider.ends_at >= t.ends_at);
    UPDATE session SET scoped_on = today WHERE digest = wanted;
$$;

-- The session of this transaction is named by its token, which an injected statement cannot know.
CREATE FUNCTION session_digest() RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.current_setting('gismap.session', true), 'UTF8'))
$$;

-- What the session of this transaction may do, and where; for the application, which decides what to offer.
CREATE FUNCTION session_scope() RETURNS TABLE (permission text, ranges json)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT permission, json_agg(json_build_array(low, high) ORDER BY place)
    FROM scope WHERE digest = session_digest() AND ends_at > now() GROUP BY permission
$$;

-- Where the session of this transaction has a permission: paths that everything there begins with. The owner at the
-- machine has all of them everywhere, but that phones stay masked.
CREATE FUNCTION scope_of(wanted text) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF session_user = current_user THEN
        RETURN CASE WHEN wanted = 'staff.call' THEN '{}'::text[] ELSE '{""}' END;
    END IF;
    RETURN (SELECT array_agg(low) FROM scope
            WHERE digest = session_digest() AND permission = wanted AND ends_at > now());
END $$;
"""


def in_scope(path: str, permission: str) -> str:
    """SQL: whether a path lies in a territory that the session has a permission in; false without a session.

    A prefix is safe since paths are made of closed segments. The sub-select is evaluated once; a function would be for
    every row. `CASE` keeps the planner from answering by the index on the path and from expecting few rows: it cannot
    know how wide a territory is, and would read the index of a whole district for a box of a few houses. Queries name
    the territory once more, as constants.
    """
    return f"CASE WHEN {path} ^@ ANY ((SELECT scope_of('{permission}'))::text[]) THEN true ELSE false END"


# Records of a version carry its path, kept equal by the foreign key, so that a policy needs no second table.
PATHS = """
ALTER TABLE element ADD CONSTRAINT element_version_path UNIQUE (version_id, path);
""" + "".join(
    f"""
ALTER TABLE {table} ADD COLUMN path text COLLATE "C";
UPDATE {table} t SET path = e.path FROM element e WHERE e.version_id = t.version_id;
ALTER TABLE {table} ALTER COLUMN path SET NOT NULL,
    ADD CONSTRAINT {table}_of_version FOREIGN KEY (version_id, path) REFERENCES element (version_id, path)
        ON UPDATE CASCADE ON DELETE CASCADE;
"""
    for table in ("building", "building_unit", "dwelling")
)

POLICIES = (
    f"""
ALTER TABLE element ENABLE ROW LEVEL SECURITY;
CREATE POLICY element_seen ON element FOR SELECT TO gismap_service USING (
    CASE WHEN layer = 'care_persons' THEN {in_scope("path", "care.read")} ELSE {in_scope("path", "see")} END);
"""
    + "".join(
        f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY {table}_seen ON {table} FOR SELECT TO gismap_service USING ({in_scope("path", "see")});
"""
        for table in ("building", "building_unit", "dwelling")
    )
    + f"""
ALTER TABLE care_count ENABLE ROW LEVEL SECURITY;
CREATE POLICY care_count_seen ON care_count FOR SELECT TO gismap_service USING (
    unit_id IN (SELECT g.unit_id FROM grid g WHERE {in_scope("g.path", "care.count")}));
ALTER TABLE plan ENABLE ROW LEVEL SECURITY;
CREATE POLICY plan_seen ON plan FOR SELECT TO gismap_service USING (cardinality((SELECT scope_of('plan'))) > 0);
ALTER TABLE plan_unit ENABLE ROW LEVEL SECURITY;
CREATE POLICY plan_unit_seen ON plan_unit FOR SELECT TO gismap_service
    USING (cardinality((SELECT scope_of('plan'))) > 0);
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_seen ON audit FOR SELECT TO gismap_service USING (
    coalesce('' = ANY ((SELECT scope_of('audit'))::text[]), false)
    OR coalesce((SELECT true FROM grid g
                 WHERE g.unit_id = record -> 'detail' ->> 'unit' AND {in_scope("g.path", "audit")} LIMIT 1), false));
CREATE POLICY audit_added ON audit FOR INSERT TO gismap_service WITH CHECK (true);
"""
)

# Of staff the service may read the masked columns alone. Posts show in their unit's territory, and with a post its
# holder; that is looked up with LIMIT, since PostgreSQL may answer EXISTS by reading all of the other table. Full duty
# phones, and who is on duty anywhere, are told by functions that look with the owner's eyes and ask for the permission
# themselves.
STAFF = f"""
CREATE INDEX grid_unit ON grid (unit_id);
ALTER TABLE staff
    ADD COLUMN shown_name text GENERATED ALWAYS AS (masked_name(person_name)) STORED,
    ADD COLUMN shown_phone text GENERATED ALWAYS AS (masked_phone(phone)) STORED;
ALTER TABLE assignment ENABLE ROW LEVEL SECURITY;
CREATE POLICY assignment_seen ON assignment FOR SELECT TO gismap_service USING (
    coalesce((SELECT true FROM grid g
              WHERE g.unit_id = assignment.unit_id AND {in_scope("g.path", "see")} LIMIT 1), false));
ALTER TABLE staff ENABLE ROW LEVEL SECURITY;
CREATE POLICY staff_seen ON staff FOR SELECT TO gismap_service USING (
    coalesce((SELECT true FROM element e WHERE e.element_id = staff.element_id LIMIT 1),
             (SELECT true FROM assignment a WHERE a.staff = staff.element_id LIMIT 1), false));

-- Whose post has ended, or whose unit has gone elsewhere, is nobody to call any more.
CREATE FUNCTION staff_phone(person text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN EXISTS (
                    SELECT FROM assignment a JOIN grid g ON g.unit_id = a.unit_id
                    WHERE a.staff = person AND (upper_inf(a.valid) OR upper(a.valid) > current_date)
                      AND (upper_inf(g.valid) OR upper(g.valid) > current_date) AND {in_scope("g.path", "staff.call")})
                THEN phone ELSE shown_phone END
    FROM staff WHERE element_id = person
$$;

-- A member of staff as a page of features tells of them. STRICT: for what is no staff it is not even planned.
CREATE FUNCTION staff_told(person text, day date, role_titles json)
RETURNS TABLE (name text, phone text, employment text, posts json)
LANGUAGE sql STABLE STRICT ROWS 1 SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.shown_name, staff_phone(person), s.employment,
           (SELECT json_agg(json_build_object('role', a.role, 'title', role_titles ->> a.role, 'duty', a.duty,
                                              'unit', a.unit_id) ORDER BY a.role, a.unit_id)
            FROM assignment a
            WHERE a.staff = person AND a.valid @> day
              AND EXISTS (SELECT FROM grid g WHERE g.unit_id = a.unit_id AND {in_scope("g.path", "see")}))
    FROM staff s
    WHERE s.element_id = person
      AND EXISTS (SELECT FROM element e WHERE e.element_id = person AND {in_scope("e.path", "see")})
$$;

-- ILIKE may not use its index before the policies were asked, since it could tell of names; here it may, and tells what
-- is in scope. Staff are found by the masked name only: a name that can be searched can be guessed.
CREATE FUNCTION elements_named(pattern text) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT version_id FROM element WHERE name ILIKE pattern AND layer <> 'care_persons' AND {in_scope("path", "see")}
    UNION ALL
    SELECT e.version_id FROM staff s JOIN element e USING (element_id)
    WHERE s.shown_name ILIKE pattern AND {in_scope("e.path", "see")}
$$;

CREATE FUNCTION duty_of(unit text, day date) RETURNS TABLE (role text, duty text, name text, phone text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.role, a.duty, s.shown_name, staff_phone(s.element_id)
    FROM assignment a JOIN staff s ON s.element_id = a.staff
    WHERE a.unit_id = unit AND a.duty IS NOT NULL AND a.valid @> day AND cardinality(scope_of('locate')) > 0
$$;

DROP VIEW post_shown, staff_shown;
CREATE VIEW staff_shown WITH (security_invoker) AS
SELECT element_id, shown_name AS name, staff_phone(element_id) AS phone, employment FROM staff;
CREATE VIEW post_shown WITH (security_invoker) AS
SELECT a.staff, a.unit_id, a.element_id, a.role, a.duty, a.valid, s.name, s.phone, s.employment
FROM assignment a JOIN staff_shown s ON s.element_id = a.staff;
"""

OPEN_STAFF = """
DROP VIEW post_shown, staff_shown;
DROP FUNCTION duty_of, elements_named, staff_told, staff_phone;
DROP POLICY staff_seen ON staff;
DROP POLICY assignment_seen ON assignment;
ALTER TABLE staff DISABLE ROW LEVEL SECURITY, DROP COLUMN shown_name, DROP COLUMN shown_phone;
ALTER TABLE assignment DISABLE ROW LEVEL SECURITY;
CREATE VIEW staff_shown AS
SELECT element_id, masked_name(person_name) AS name, masked_phone(phone) AS phone, employment FROM staff;
CREATE VIEW post_shown AS
SELECT a.staff, a.unit_id, a.element_id, a.role, a.duty, a.valid, s.name, s.phone, s.employment
FROM assignment a JOIN staff_shown s ON s.element_id = a.staff;
GRANT SELECT ON staff_shown, post_shown TO gismap_service;
DROP INDEX grid_unit;
"""

# The service answers. Imports, publications and demos are written by the owner; the service's own are sign-ins alone.
GRANTS = """
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM gismap_service;
GRANT SELECT ON alembic_version, district, layer, revision, unit, grid, jurisdiction_outline, lineage, street, element,
    building, building_unit, dwelling, care_count, plan, plan_unit, role_permission, assignment,
    staff_shown, post_shown TO gismap_service;
GRANT SELECT (element_id, shown_name, shown_phone, employment) ON staff TO gismap_service;
GRANT SELECT, INSERT ON audit TO gismap_service;
GRANT SELECT, INSERT ON account, access_grant TO gismap_service;   -- a demo's; grants of others are the owner's
GRANT UPDATE (password_hash) ON account TO gismap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON session, sign_in_failure TO gismap_service;
REVOKE EXECUTE ON FUNCTION refresh_scope FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_scope TO gismap_service;
"""

# A chain does not tell that its end was cut off, so that its end is kept apart; the service cannot write there.
AUDIT_TAIL = """
CREATE FUNCTION audit_head() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$ SELECT digest FROM audit ORDER BY seq DESC LIMIT 1 $$;

CREATE TABLE audit_tail (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    entries bigint NOT NULL,
    digest text NOT NULL             -- of the last entry
);
INSERT INTO audit_tail (entries, digest) SELECT count(*), coalesce(audit_head(), repeat('0', 64)) FROM audit;
CREATE FUNCTION audit_tail_follows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE audit_tail SET entries = entries + 1, digest = NEW.digest;
    RETURN NULL;
END $$;
CREATE TRIGGER tail_follows AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_tail_follows();
CREATE INDEX audit_actor ON audit ((record ->> 'actor'), seq);
CREATE INDEX audit_subject ON audit ((record ->> 'subject'), seq);
"""


def upgrade() -> None:
    """Create them, and close what was open."""
    for statements in (ACCOUNTS, PERMISSIONS, SCOPE, PATHS, POLICIES, STAFF, AUDIT_TAIL, GRANTS):
        op.execute(statements)


POLICED = {
    "element": "element_seen",
    "building": "building_seen",
    "building_unit": "building_unit_seen",
    "dwelling": "dwelling_seen",
    "care_count": "care_count_seen",
    "plan": "plan_seen",
    "plan_unit": "plan_unit_seen",
    "audit": "audit_seen",
}

OPEN_GRANTS = """
GRANT SELECT, INSERT, UPDATE ON district, outbox TO gismap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON layer TO gismap_service;
GRANT SELECT, INSERT, UPDATE ON revision, grid, jurisdiction_outline TO gismap_service;
GRANT SELECT, INSERT ON unit, lineage, digital_identity TO gismap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON plan, plan_unit, import_batch, import_mapping, import_undo, element,
    building, building_unit, dwelling, street, care_count, staff, assignment TO gismap_service;
"""


def downgrade() -> None:
    """Open what was closed, and drop them."""
    op.execute(OPEN_STAFF)
    op.execute("DROP POLICY audit_added ON audit;")
    for table, policy in POLICED.items():
        op.execute(f"DROP POLICY {policy} ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;")
    for table in ("building", "building_unit", "dwelling"):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_of_version, DROP COLUMN path;")
    op.execute("ALTER TABLE element DROP CONSTRAINT element_version_path;")
    op.execute("DROP TRIGGER tail_follows ON audit; DROP INDEX audit_actor, audit_subject; DROP TABLE audit_tail;")
    op.execute("DROP FUNCTION audit_tail_follows, audit_head, session_scope, scope_of, session_digest, refresh_scope;")
    op.execute("DROP TABLE scope, session, access_grant, role_permission, sign_in_failure, account;")
    op.execute(OPEN_GRANTS)
