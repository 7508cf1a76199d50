"""The service's role, the district, its layers, the audit log and the outbox."""

from alembic import op

revision = "2026_11_23_01"
down_revision = None
branch_labels = None
depends_on = None

EXTENSIONS = """
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gist;
"""

# The role that serves requests owns nothing. Where the database is not ours the operator makes it, with a password.
ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gismap_service') THEN
        CREATE ROLE gismap_service NOLOGIN;
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO gismap_service;
"""

DISTRICT = """
CREATE TABLE district (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    title_zh text NOT NULL,
    title_en text NOT NULL,
    synthetic boolean NOT NULL   -- every map of a demo says so
);
"""

LAYERS = """
CREATE TABLE layer (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,40}$'),
    title_zh text NOT NULL,
    title_en text NOT NULL,
    geometry_type text NOT NULL CHECK (geometry_type IN ('point', 'line', 'polygon', 'any')),
    sensitivity text NOT NULL CHECK (sensitivity IN ('public', 'internal', 'person')),
    style jsonb NOT NULL DEFAULT '{}',
    built_in boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1   -- one more after every write, so that caches know
);
INSERT INTO layer (name, title_zh, title_en, geometry_type, sensitivity, built_in) VALUES
    ('grids', '网格', 'Governance grids', 'polygon', 'public', true),
    ('streets', '道路', 'Streets', 'line', 'public', true),
    ('staff', '网格力量', 'Grid staff', 'point', 'internal', true),
    ('buildings', '楼栋房屋', 'Buildings', 'polygon', 'internal', true),
    ('care_persons', '重点人口(关爱服务对象)', 'Persons in care', 'point', 'person', true),
    ('key_places', '重点场所', 'Key places', 'any', 'internal', true),
    ('service_stations', '服务站', 'Service stations', 'point', 'public', true),
    ('supplies', '应急物资', 'Supplies', 'point', 'internal', true),
    ('incidents', '事件', 'Incidents', 'point', 'internal', true);
"""

AUDIT = """
CREATE TABLE audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record jsonb NOT NULL,        -- {at, actor, action, subject, detail}
    previous text NOT NULL,       -- digest of the entry before
    digest text NOT NULL UNIQUE   -- SHA-256 over `previous` and the record's canonical JSON
);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log can only grow';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON district, outbox TO gismap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON layer TO gismap_service;
GRANT SELECT, INSERT ON audit TO gismap_service;
GRANT SELECT ON alembic_version TO gismap_service;  -- to tell that the schema is another version's
"""


def upgrade() -> None:
    """Create them."""
    for statements in (EXTENSIONS, ROLE, DISTRICT, LAYERS, AUDIT, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them; extensions and the role stay, since others may use them."""
    op.execute("DROP TABLE outbox, audit, layer, district; DROP FUNCTION audit_is_append_only;")
