"""What an import replaced without keeping a version of it: streets, and the names and posts of staff."""

from alembic import op

revision = "2026_11_24_01"
down_revision = "2026_11_23_04"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE import_undo (
    batch bigint NOT NULL REFERENCES import_batch ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('street', 'staff', 'assignment')),   -- the row's table
    id text COLLATE "C" NOT NULL,   -- the row's key there
    before jsonb,                   -- the row as it was, shapes as hexadecimal EWKB; null: the import added it
    after text,                     -- digest of the row as the import left it; null: the import removed it
    PRIMARY KEY (batch, kind, id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON import_undo TO gismap_service;
"""


def upgrade() -> None:
    """Create it."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it; imports made before can then no longer be undone where they changed such rows."""
    op.execute("DROP TABLE import_undo;")
