"""Staff and their assignments."""

from alembic import op

revision = "2026_11_23_04"
down_revision = "2026_11_23_03"
branch_labels = None
depends_on = None

STAFF = """
CREATE TABLE staff (
    element_id text COLLATE "C" PRIMARY KEY REFERENCES digital_identity,
    person_name text NOT NULL,
    phone text NOT NULL,   -- the duty phone
    employment text NOT NULL CHECK (employment IN ('full_time', 'part_time', 'leader', 'volunteer'))
);

CREATE TABLE assignment (
    assignment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    staff text COLLATE "C" NOT NULL REFERENCES staff,
    unit_id text COLLATE "C" REFERENCES unit,
    element_id text COLLATE "C" REFERENCES digital_identity,   -- a building, lane or shop street
    role text NOT NULL,
    duty text CHECK (duty IN ('primary', 'backup')),           -- AB岗; null: a member of the team
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    CHECK (num_nonnulls(unit_id, element_id) = 1),
    CONSTRAINT assignment_one_per_duty
        EXCLUDE USING gist (unit_id WITH =, duty WITH =, valid WITH &&) WHERE (duty IS NOT NULL)
);
CREATE INDEX assignment_unit ON assignment (unit_id);
CREATE INDEX assignment_staff ON assignment (staff);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON staff, assignment TO gismap_service;
"""


def upgrade() -> None:
    """Create them."""
    for statements in (STAFF, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE assignment, staff;")
