"""Nothing yet."""

revision = "2026_11_25_04"
down_revision = "2026_11_25_03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create it."""


def downgrade() -> None:
    """Drop it."""
