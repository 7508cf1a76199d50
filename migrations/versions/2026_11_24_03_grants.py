"""Grants that begin at a moment, posts and counts that are of the territory where a unit is, and who may call what."""

from alembic import op

revision = "2026_11_24_03"
down_revision = "2026_11_24_02"
branch_labels = None
depends_on = None

OWN_EYES = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

BEGINNINGS = """
ALTER TABLE access_grant ADD COLUMN starts_at timestamptz;
UPDATE access_grant SET starts_at = granted_at;
ALTER TABLE access_grant ALTER COLUMN starts_at SET DEFAULT now(), ALTER COLUMN starts_at SET NOT NULL;
ALTER TABLE scope ADD COLUMN starts_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE scope ALTER COLUMN starts_at DROP DEFAULT;
"""


def scope_functions(*, heeding: bool) -> str:
    """Statements that define what a session may, heeding when grants begin or (as before) not.

    What is yet to begin is in the scope already: policies compare it with the clock, as they do with its end. What has
    begun, has begun, also for a clock that jumps back. The lock on the session keeps two that refresh it apart.
    """
    begins = "CASE WHEN g.starts_at <= now() THEN '-infinity' ELSE g.starts_at END" if heeding else "'-infinity'"
    lasts = "g.ends_at > greatest(now(), g.starts_at)" if heeding else "g.ends_at > now()"
    column = "starts_at, " if heeding else ""
    begun = " AND starts_at <= now()" if heeding else ""
    return f"""
CREATE OR REPLACE FUNCTION refresh_scope(wanted bytea, today date) RETURNS void
LANGUAGE sql {OWN_EYES} AS $$
    SELECT FROM session WHERE digest = wanted FOR UPDATE;
    DELETE FROM scope WHERE digest = wanted;
    WITH territory AS (
        SELECT DISTINCT p.permission, coalesce(u.path, '') AS low, coalesce(u.path, '') || '~' AS high,
               CAST({begins} AS timestamptz) AS starts_at, least(g.ends_at, s.ends_at) AS ends_at
        FROM session s
        JOIN account a ON a.account_id = s.account_id AND a.disabled_at IS NULL
        JOIN access_grant g ON g.account_id = s.account_id AND {lasts}
        JOIN role_permission p ON p.role = g.role
        LEFT JOIN grid u ON u.unit_id = g.unit_id AND u.valid @> today
        WHERE s.digest = wanted
          AND (s.roles IS NULL OR g.role = ANY(s.roles))
          AND (g.unit_id IS NULL OR u.unit_id IS NOT NULL)   -- a unit that stands no more grants nothing
    )
    INSERT INTO scope (digest, permission, place, low, high, {column}ends_at)
    SELECT wanted, permission, row_number() OVER (PARTITION BY permission ORDER BY low, starts_at, ends_at),
           low, high, {column}ends_at
    FROM territory t
    WHERE NOT EXISTS (   -- one that is as wide and lasts as long
        SELECT FROM territory wider
        WHERE wider.permission = t.permission AND wider.low <= t.low AND t.low < wider.high
          AND wider.starts_at <= t.starts_at AND wider.ends_at >= t.ends_at
          AND (wider.low, wider.starts_at, wider.ends_at) <> (t.low, t.starts_at, t.ends_at));
    UPDATE session SET scoped_on = today WHERE digest = wanted;
$$;

CREATE OR REPLACE FUNCTION session_scope() RETURNS TABLE (permission text, ranges json)
LANGUAGE sql STABLE {OWN_EYES} AS $$
    SELECT permission, json_agg(json_build_array(low, high) ORDER BY low)
    FROM (SELECT DISTINCT permission, low, high FROM scope
          WHERE digest = session_digest(){begun} AND ends_at > now()) AS territory
    GROUP BY permission
$$;

CREATE OR REPLACE FUNCTION scope_of(wanted text) RETURNS text[]
LANGUAGE plpgsql STABLE {OWN_EYES} AS $$
BEGIN
    IF session_user = current_user THEN
        RETURN CASE WHEN wanted = 'staff.call' THEN '{{}}'::text[] ELSE '{{""}}' END;
    END IF;
    RETURN (SELECT array_agg(low) FROM scope
            WHERE digest = session_digest() AND permission = wanted{begun} AND ends_at > now());
END $$;
"""


# The day on which the asker's boundaries are, where the district lies: the server's own day is another zone's. And
# whether somebody's real data was brought into what may have been a demo, which is asked before anybody is let in.
HELPERS = f"""
CREATE FUNCTION session_day() RETURNS date LANGUAGE sql STABLE {OWN_EYES} AS $$
    SELECT coalesce((SELECT scoped_on FROM session WHERE digest = session_digest()), current_date)
$$;
CREATE FUNCTION holds_real_persons() RETURNS boolean LANGUAGE sql STABLE {OWN_EYES} AS $$
    SELECT EXISTS (SELECT FROM import_batch WHERE layer IN ('staff', 'care_persons') AND undone_at IS NULL)
$$;
"""

LASTS = "(upper_inf({0}.valid) OR upper({0}.valid) > (SELECT session_day()))"
HAS_PLACE = f"""({LASTS.format("g")} OR NOT EXISTS (
        SELECT FROM grid later WHERE later.unit_id = g.unit_id AND lower(later.valid) >= upper(g.valid)))"""
"""SQL: whether a version of a unit tells whose the unit is: it stands, is to come, or is the last that there was.

A unit that went to another territory is no business of the old one any more, with whatever hangs on it; what a unit
that has ended left behind (the published counts of its months, who held posts there) stays with the territory that it
was in at its end, since nobody else would be left to read it.
"""
ANY_VERSION = "true"


def in_scope(path: str, permission: str) -> str:
    """SQL: whether a path lies in a territory that the session has a permission in (see 2026_11_24_02)."""
    return f"CASE WHEN {path} ^@ ANY ((SELECT scope_of('{permission}'))::text[]) THEN true ELSE false END"


def hanging_on_units(which: str, lasting_post: str, lasting_unit: str) -> str:
    """Statements for what is seen because of its unit: posts, phones and counts, by `which` of the unit's versions."""
    return f"""
ALTER POLICY assignment_seen ON assignment USING (
    coalesce((SELECT true FROM grid g
              WHERE g.unit_id = assignment.unit_id AND {in_scope("g.path", "see")} AND {which} LIMIT 1), false));
ALTER POLICY care_count_seen ON care_count USING (
    unit_id IN (SELECT g.unit_id FROM grid g WHERE {in_scope("g.path", "care.count")} AND {which}));

CREATE OR REPLACE FUNCTION staff_phone(person text) RETURNS text
LANGUAGE sql STABLE {OWN_EYES} AS $$
    SELECT CASE WHEN EXISTS (
                    SELECT FROM assignment a JOIN grid g ON g.unit_id = a.unit_id
                    WHERE a.staff = person AND {lasting_post}
                      AND {lasting_unit} AND {in_scope("g.path", "staff.call")})
                THEN phone ELSE shown_phone END
    FROM staff WHERE element_id = person
$$;

CREATE OR REPLACE FUNCTION staff_told(person text, day date, role_titles json)
RETURNS TABLE (name text, phone text, employment text, posts json)
LANGUAGE sql STABLE STRICT ROWS 1 {OWN_EYES} AS $$
    SELECT s.shown_name, staff_phone(person), s.employment,
           (SELECT json_agg(json_build_object('role', a.role, 'title', role_titles ->> a.role, 'duty', a.duty,
                                              'unit', a.unit_id) ORDER BY a.role, a.unit_id)
            FROM assignment a
            WHERE a.staff = person AND a.valid @> day
              AND EXISTS (SELECT FROM grid g
                          WHERE g.unit_id = a.unit_id AND {in_scope("g.path", "see")} AND {which}))
    FROM staff s
    WHERE s.element_id = person
      AND EXISTS (SELECT FROM element e WHERE e.element_id = person AND {in_scope("e.path", "see")})
$$;
"""


CALLED_BY_THE_SERVICE = (
    "refresh_scope, session_scope, scope_of, session_day, staff_phone, staff_told, elements_named, duty_of, audit_head,"
    " holds_real_persons"
)
"""What its policies and queries call; functions with the owner's eyes are nobody else's."""


def upgrade() -> None:
    """Grants made so far have begun when they were made."""
    op.execute(BEGINNINGS)
    op.execute(scope_functions(heeding=True))
    op.execute(HELPERS)
    op.execute(hanging_on_units(HAS_PLACE, LASTS.format("a"), LASTS.format("g")))
    op.execute(f"REVOKE EXECUTE ON FUNCTION {CALLED_BY_THE_SERVICE}, audit_tail_follows FROM PUBLIC;")
    op.execute(f"GRANT EXECUTE ON FUNCTION {CALLED_BY_THE_SERVICE} TO gismap_service;")


def downgrade() -> None:
    """Let everybody call what they could, forget when grants begin, and drop the helpers."""
    lasts = "(upper_inf({0}.valid) OR upper({0}.valid) > current_date)"
    op.execute(hanging_on_units(ANY_VERSION, lasts.format("a"), lasts.format("g")))
    op.execute("DROP FUNCTION session_day, holds_real_persons;")
    op.execute(scope_functions(heeding=False))
    op.execute("ALTER TABLE scope DROP COLUMN starts_at; ALTER TABLE access_grant DROP COLUMN starts_at;")
    op.execute("""
        GRANT EXECUTE ON FUNCTION session_scope, scope_of, staff_phone, staff_told, elements_named, duty_of, audit_head,
            audit_tail_follows TO PUBLIC;
    """)
