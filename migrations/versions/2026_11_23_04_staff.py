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

# What is told of staff: the surname and a star, whatever the length of the name; the ends of the phone.
MASKING = """
CREATE FUNCTION masked_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN char_length(name) > 2 AND left(name, 2) = ANY (
                    '{欧阳,司马,上官,诸葛,东方,皇甫,尉迟,公孙,慕容,令狐,长孙,宇文,司徒,司空,夏侯,轩辕,端木,百里,南宫,西门,'
                    '独孤,呼延,澹台,公冶,宗政,濮阳,淳于,单于,太叔,申屠,仲孙,钟离,闻人,赫连,鲜于,拓跋}')
                THEN left(name, 2) ELSE left(name, 1) END || '*'
$$;
CREATE FUNCTION masked_phone(phone text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN phone ~ '^1[0-9]{10}$' THEN left(phone, 3) ELSE '' END || '****'
           || CASE WHEN char_length(phone) >= 7 THEN right(phone, 4) ELSE '' END
$$;
"""

# Maps, lists, answers and exports read these views, so that nobody has to remember to mask.
VIEWS = """
CREATE VIEW staff_shown AS
SELECT element_id, masked_name(person_name) AS name, masked_phone(phone) AS phone, employment FROM staff;

CREATE VIEW post_shown AS
SELECT a.staff, a.unit_id, a.element_id, a.role, a.duty, a.valid, s.name, s.phone, s.employment
FROM assignment a JOIN staff_shown s ON s.element_id = a.staff;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON staff, assignment TO gismap_service;
GRANT SELECT ON staff_shown, post_shown TO gismap_service;
"""


def upgrade() -> None:
    """Create them."""
    for statements in (STAFF, MASKING, VIEWS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP VIEW post_shown, staff_shown; DROP FUNCTION masked_name, masked_phone;")
    op.execute("DROP TABLE assignment, staff;")
