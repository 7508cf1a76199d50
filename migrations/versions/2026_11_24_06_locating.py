"""What locating keeps in memory: when to read it anew, duty posts, and rulings that say otherwise than the polygons."""

from alembic import op

revision = "2026_11_24_06"
down_revision = "2026_11_24_05"
branch_labels = None
depends_on = None

DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

# An element, or one of its doors, that belongs to another grid than the polygon says; and borders that two claim. What
# was taken back has ended: past days keep it.
RULINGS = """
CREATE TABLE override (
    override bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    element_id text COLLATE "C" NOT NULL REFERENCES digital_identity,
    door text COLLATE "C" NOT NULL DEFAULT '',   -- as on the plate; '': the whole building or place
    unit_id text COLLATE "C" NOT NULL REFERENCES unit,
    reason text NOT NULL CHECK (reason <> ''),
    valid daterange NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_by text,
    CONSTRAINT override_one_per_door EXCLUDE USING gist (element_id WITH =, door WITH =, valid WITH &&)
);

CREATE TABLE dispute (
    dispute bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    geom geometry(MultiLineString, 4490) NOT NULL,   -- the segment of the border
    reach_m double precision NOT NULL CHECK (reach_m BETWEEN 1 AND 500),   -- how far from it the answer is in doubt
    unit_a text COLLATE "C" NOT NULL REFERENCES unit,
    unit_b text COLLATE "C" NOT NULL REFERENCES unit CHECK (unit_b <> unit_a),
    interim_unit text COLLATE "C" NOT NULL CHECK (interim_unit IN (unit_a, unit_b)),
    reason text NOT NULL CHECK (reason <> ''),
    valid daterange NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_by text
);
"""

# One counter a topic, raised by every statement that changes it: a process that looks each second misses nothing, and a
# notification spares it the wait.
CHANGES = """
CREATE TABLE change (
    topic text COLLATE "C" PRIMARY KEY,
    number bigint NOT NULL DEFAULT 1
);
INSERT INTO change (topic) VALUES ('boundaries'), ('duty'), ('streets'), ('rulings');
""" + f"""
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    UPDATE change SET number = number + 1 WHERE topic = TG_ARGV[0];
    PERFORM pg_notify('gismap_change', TG_ARGV[0]);
    RETURN NULL;
END $$;
""" + "".join(
    f"""
CREATE TRIGGER {table}_changes AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION note_change('{topic}');
"""
    for table, topic in (
        ("grid", "boundaries"),
        ("revision", "boundaries"),
        ("jurisdiction_outline", "boundaries"),
        ("assignment", "duty"),
        ("staff", "duty"),
        ("street", "streets"),
        ("override", "rulings"),
        ("dispute", "rulings"),
    )
)

# Who is on duty anywhere is told to every dispatcher, so that a process may keep it for all of them: masked names, and
# duty phones in full, which it tells to whoever has `staff.call` there.
FUNCTIONS = f"""
CREATE FUNCTION duty_posts()
RETURNS TABLE (unit_id text, role text, duty text, name text, shown_phone text, phone text, since date, until date)
LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT a.unit_id, a.role, a.duty, s.shown_name, s.shown_phone, s.phone, lower(a.valid), upper(a.valid)
    FROM assignment a JOIN staff s ON s.element_id = a.staff
    WHERE a.duty IS NOT NULL AND a.unit_id IS NOT NULL
$$;

CREATE FUNCTION override_places()
RETURNS TABLE (override bigint, element_id text, name text, door text, unit_id text, reason text, since date,
               until date, wkb bytea)
LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT o.override, o.element_id, e.name, o.door, o.unit_id, o.reason, lower(o.valid), upper(o.valid),
           ST_AsBinary(e.geom)
    FROM override o
    JOIN LATERAL (SELECT name, geom FROM element e
                  WHERE e.element_id = o.element_id AND e.layer NOT IN ('staff', 'care_persons')
                  ORDER BY since DESC LIMIT 1) e ON true
    WHERE NOT isempty(o.valid)
$$;
REVOKE EXECUTE ON FUNCTION note_change(), duty_posts(), override_places() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION duty_posts(), override_places() TO gismap_service;
GRANT SELECT ON change, dispute, override TO gismap_service;
"""


def upgrade() -> None:
    """Create them."""
    for statements in (RULINGS, CHANGES, FUNCTIONS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    for table in ("grid", "revision", "jurisdiction_outline", "assignment", "staff", "street"):
        op.execute(f"DROP TRIGGER {table}_changes ON {table};")
    op.execute("""
        DROP FUNCTION duty_posts(), override_places();
        DROP TABLE override, dispute, change;
        DROP FUNCTION note_change();
    """)
