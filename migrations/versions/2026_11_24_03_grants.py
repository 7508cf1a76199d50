"""When a grant begins: grants that follow boundaries begin on the day of the boundaries."""

from alembic import op

revision = "2026_11_24_03"
down_revision = "2026_11_24_02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Grants made so far have begun when they were made."""
    op.execute("""
        ALTER TABLE access_grant ADD COLUMN starts_at timestamptz;
        UPDATE access_grant SET starts_at = granted_at;
        ALTER TABLE access_grant ALTER COLUMN starts_at SET DEFAULT now(), ALTER COLUMN starts_at SET NOT NULL;
    """)


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE access_grant DROP COLUMN starts_at;")
