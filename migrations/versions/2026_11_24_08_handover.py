"""What each publication stated of every unit, frozen on the day of publication."""

from alembic import op

revision = "2026_11_24_08"
down_revision = "2026_11_24_07"
branch_labels = None
depends_on = None

# `unit_id` and `path` are '' for the whole district. Counts of things are told in the territory alone.
CERTIFICATES = """
CREATE TABLE certificate (
    revision integer NOT NULL REFERENCES revision,
    unit_id text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    stated jsonb NOT NULL,   -- {units, leaves, area_m2, digest, buildings, places, households, …}
    PRIMARY KEY (revision, unit_id)
);
ALTER TABLE certificate ENABLE ROW LEVEL SECURITY;
CREATE POLICY certificate_seen ON certificate FOR SELECT TO gismap_service USING (
    CASE WHEN path ^@ ANY ((SELECT scope_of('see'))::text[]) THEN true ELSE false END);
GRANT SELECT ON certificate TO gismap_service;

CREATE FUNCTION certificate_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a certificate is never changed';
END $$;
CREATE TRIGGER is_frozen BEFORE UPDATE ON certificate FOR EACH STATEMENT EXECUTE FUNCTION certificate_is_frozen();
"""


def upgrade() -> None:
    """Create them."""
    op.execute(CERTIFICATES)


def downgrade() -> None:
    """Drop them; what the revision itself states stays."""
    op.execute("DROP TABLE certificate; DROP FUNCTION certificate_is_frozen;")
