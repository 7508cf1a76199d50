"""Plans that planners edit together: edits, locks, comments, sign-offs, requests; what a publication moved."""

from alembic import op

revision = "2026_11_24_07"
down_revision = "2026_11_24_06"
branch_labels = None
depends_on = None

OWN_EYES = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

TABLES = """
ALTER TABLE plan
    ADD COLUMN path text COLLATE "C" NOT NULL DEFAULT '',       -- of the unit that it is about; '' is the district
    ADD COLUMN needs_signoff boolean NOT NULL DEFAULT false,    -- all units concerned must agree before publication
    ADD COLUMN lock_holder text,                                -- who edits it now
    ADD COLUMN lock_until timestamptz;
ALTER TABLE plan_unit
    ADD COLUMN retired boolean NOT NULL DEFAULT false,          -- the published unit ends with this plan
    ADD COLUMN path text COLLATE "C" NOT NULL DEFAULT '',       -- where it stands, or what it is to stand below
    ADD COLUMN goes_to text COLLATE "C" NOT NULL DEFAULT '';    -- where it will stand
CREATE INDEX plan_unit_geom ON plan_unit USING gist (geom);

CREATE TABLE plan_edit (
    plan_id text NOT NULL REFERENCES plan ON DELETE CASCADE,
    seq integer NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    detail jsonb NOT NULL,
    before jsonb NOT NULL,   -- rows of plan_unit by key, shapes as hexadecimal EWKB; null: there was none
    after jsonb NOT NULL,
    -- dropped: undone for good; settled: before a rebase
    state text NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped', 'settled')),
    PRIMARY KEY (plan_id, seq)
);
CREATE TABLE plan_held (   -- grids that refuse edits
    plan_id text NOT NULL REFERENCES plan ON DELETE CASCADE,
    key text NOT NULL,
    reason text NOT NULL,
    held_by text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (plan_id, key)
);
CREATE TABLE plan_comment (
    comment bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id text NOT NULL REFERENCES plan ON DELETE CASCADE,
    key text,                -- the unit that it is about; null: the plan
    author text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    said text NOT NULL CHECK (said <> '')
);
CREATE INDEX plan_comment_plan ON plan_comment (plan_id);
CREATE TABLE plan_signoff (
    plan_id text NOT NULL REFERENCES plan ON DELETE CASCADE,
    unit_id text COLLATE "C" NOT NULL REFERENCES unit,
    path text COLLATE "C" NOT NULL DEFAULT '',
    part text NOT NULL,      -- digest of the unit's part of the difference: another part asks for another word
    verdict text NOT NULL CHECK (verdict IN ('agree', 'object')),
    reason text CHECK (verdict = 'agree' OR reason <> ''),
    signed_by text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (plan_id, unit_id)
);
CREATE TABLE publish_request (
    request bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id text NOT NULL REFERENCES plan ON DELETE CASCADE,
    effective_from date NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    outline_authority text,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    revision integer REFERENCES revision,
    refusal jsonb            -- why it was not done: {type, detail, defects}
);
CREATE UNIQUE INDEX publish_request_open ON publish_request (plan_id) WHERE done_at IS NULL;

CREATE TABLE publication_trace (   -- what else a publication changed, so that it can be set back before its day
    revision integer NOT NULL REFERENCES revision,
    kind text NOT NULL CHECK (kind IN ('assignment', 'grant', 'override', 'dispute')),
    id bigint NOT NULL,
    before jsonb,            -- null: the publication made it
    after jsonb,             -- null: the publication took it away
    PRIMARY KEY (revision, kind, id)
);
"""

# A unit of a plan belongs where the unit that it continues stands in the newest boundaries; a new one, where the
# nearest published unit above it stands. The database finds that out by itself, whatever the service says.
PLACES = f"""
CREATE FUNCTION plan_place(plan text, unit text) RETURNS text LANGUAGE plpgsql STABLE {OWN_EYES} AS $$
DECLARE
    at text := unit;
    found text;
BEGIN
    FOR depth IN 1..8 LOOP
        SELECT g.path INTO found FROM grid g WHERE g.unit_id = at ORDER BY lower(g.valid) DESC LIMIT 1;
        IF found IS NOT NULL THEN RETURN found; END IF;
        SELECT u.parent INTO at FROM plan_unit u WHERE u.plan_id = plan AND u.key = at;
        IF at IS NULL THEN RETURN ''; END IF;
    END LOOP;
    RETURN '';
END $$;

CREATE FUNCTION plan_unit_is_placed() RETURNS trigger LANGUAGE plpgsql {OWN_EYES} AS $$
BEGIN
    NEW.path := plan_place(NEW.plan_id, coalesce(NEW.unit_id, NEW.parent));
    NEW.goes_to := CASE
        WHEN EXISTS (SELECT FROM (SELECT g.parent FROM grid g WHERE g.unit_id = NEW.unit_id
                                  ORDER BY lower(g.valid) DESC LIMIT 1) stands
                     WHERE stands.parent IS NOT DISTINCT FROM NEW.parent) THEN NEW.path
        ELSE plan_place(NEW.plan_id, NEW.parent) END;
    RETURN NEW;
END $$;
CREATE TRIGGER is_placed BEFORE INSERT OR UPDATE ON plan_unit FOR EACH ROW EXECUTE FUNCTION plan_unit_is_placed();

CREATE FUNCTION plan_signoff_is_placed() RETURNS trigger LANGUAGE plpgsql {OWN_EYES} AS $$
BEGIN
    NEW.path := plan_place(NEW.plan_id, NEW.unit_id);
    RETURN NEW;
END $$;
CREATE TRIGGER is_placed BEFORE INSERT OR UPDATE ON plan_signoff FOR EACH ROW EXECUTE FUNCTION plan_signoff_is_placed();
REVOKE EXECUTE ON FUNCTION plan_place, plan_unit_is_placed, plan_signoff_is_placed FROM PUBLIC;

-- Whether a plan about the unit at a path is the business of somebody's territories: above or below them.
CREATE FUNCTION plan_in_reach(about text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(bool_or(about ^@ mine OR mine ^@ about), false) FROM unnest(scope_of('plan')) AS mine
$$;

UPDATE plan_unit SET key = key;   -- places those of earlier plans
"""


def in_scope(path: str) -> str:
    """SQL: whether a path lies in a territory where the session may plan (see 2026_11_24_02)."""
    return f"CASE WHEN {path} ^@ ANY ((SELECT scope_of('plan'))::text[]) THEN true ELSE false END"


MAY_PLAN = "cardinality((SELECT scope_of('plan'))) > 0"
OF_REACH = """EXISTS (SELECT FROM plan p
        WHERE p.plan_id = {0}.plan_id AND p.published_as IS NULL AND plan_in_reach(p.path))"""
# What was requested to be published is published as it was then.
OPEN = (
    OF_REACH
    + """
    AND NOT EXISTS (SELECT FROM publish_request r WHERE r.plan_id = {0}.plan_id AND r.done_at IS NULL)"""
)
TALKS = ("plan_edit", "plan_held", "plan_comment")

POLICIES = (
    f"""
CREATE POLICY plan_made ON plan FOR INSERT TO gismap_service WITH CHECK (plan_in_reach(path) AND published_as IS NULL);
CREATE POLICY plan_kept ON plan FOR UPDATE TO gismap_service
    USING (plan_in_reach(path) AND published_as IS NULL) WITH CHECK (plan_in_reach(path) AND published_as IS NULL);
CREATE POLICY plan_unit_made ON plan_unit FOR INSERT TO gismap_service
    WITH CHECK ({in_scope("path")} AND {in_scope("goes_to")} AND {OPEN.format("plan_unit")});
CREATE POLICY plan_unit_gone ON plan_unit FOR DELETE TO gismap_service
    USING ({in_scope("path")} AND {OPEN.format("plan_unit")});

ALTER TABLE plan_signoff ENABLE ROW LEVEL SECURITY;
CREATE POLICY plan_signoff_seen ON plan_signoff FOR SELECT TO gismap_service USING ({MAY_PLAN});
CREATE POLICY plan_signoff_made ON plan_signoff FOR INSERT TO gismap_service WITH CHECK ({in_scope("path")});
CREATE POLICY plan_signoff_gone ON plan_signoff FOR DELETE TO gismap_service USING ({in_scope("path")});

ALTER TABLE publish_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY publish_request_seen ON publish_request FOR SELECT TO gismap_service USING ({MAY_PLAN});
CREATE POLICY publish_request_made ON publish_request FOR INSERT TO gismap_service
    WITH CHECK ({MAY_PLAN} AND done_at IS NULL AND revision IS NULL AND refusal IS NULL AND NOT EXISTS (
        SELECT FROM plan_unit u
        WHERE u.plan_id = publish_request.plan_id AND NOT ({in_scope("u.path")} AND {in_scope("u.goes_to")})));
CREATE POLICY publish_request_gone ON publish_request FOR DELETE TO gismap_service
    USING (done_at IS NULL AND {OF_REACH.format("publish_request")});
"""
    + "".join(
        f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY {table}_seen ON {table} FOR SELECT TO gismap_service USING ({MAY_PLAN});
CREATE POLICY {table}_made ON {table} FOR INSERT TO gismap_service WITH CHECK ({OF_REACH.format(table)});
"""
        for table in TALKS
    )
    + f"""
CREATE POLICY plan_edit_kept ON plan_edit FOR UPDATE TO gismap_service
    USING ({OF_REACH.format("plan_edit")}) WITH CHECK ({OF_REACH.format("plan_edit")});
CREATE POLICY plan_held_gone ON plan_held FOR DELETE TO gismap_service USING ({OF_REACH.format("plan_held")});
"""
)

# The service writes drafts and what is said of them; boundaries are the owner's, who carries out what is requested.
GRANTS = """
GRANT INSERT (plan_id, title, author, base_revision, path, needs_signoff),
      UPDATE (title, base_revision, lock_holder, lock_until) ON plan TO gismap_service;
GRANT INSERT, DELETE ON plan_unit TO gismap_service;
GRANT SELECT, INSERT (plan_id, seq, actor, action, detail, before, after), UPDATE (state)
    ON plan_edit TO gismap_service;
GRANT SELECT, INSERT (plan_id, key, reason, held_by), DELETE ON plan_held TO gismap_service;
GRANT SELECT, INSERT (plan_id, key, author, said) ON plan_comment TO gismap_service;
GRANT SELECT, INSERT (plan_id, unit_id, part, verdict, reason, signed_by), DELETE ON plan_signoff TO gismap_service;
GRANT SELECT, INSERT (plan_id, effective_from, reason, outline_authority, asked_by), DELETE
    ON publish_request TO gismap_service;
"""


def upgrade() -> None:
    """Create them."""
    for statements in (TABLES, PLACES, POLICIES, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them; plans lose what they retire, and who said what of them."""
    op.execute("""
        REVOKE INSERT, DELETE ON plan_unit FROM gismap_service;
        REVOKE INSERT (plan_id, title, author, base_revision, path, needs_signoff),
               UPDATE (title, base_revision, lock_holder, lock_until) ON plan FROM gismap_service;
        DROP POLICY plan_unit_gone ON plan_unit; DROP POLICY plan_unit_made ON plan_unit;
        DROP POLICY plan_kept ON plan; DROP POLICY plan_made ON plan;
        DROP TABLE publication_trace, publish_request, plan_signoff, plan_comment, plan_held, plan_edit;
        DROP TRIGGER is_placed ON plan_unit;
        DROP FUNCTION plan_in_reach, plan_signoff_is_placed, plan_unit_is_placed, plan_place;
        DELETE FROM plan_unit WHERE retired;
        DROP INDEX plan_unit_geom;
        ALTER TABLE plan_unit DROP COLUMN goes_to, DROP COLUMN path, DROP COLUMN retired;
        ALTER TABLE plan DROP COLUMN lock_until, DROP COLUMN lock_holder, DROP COLUMN needs_signoff, DROP COLUMN path;
    """)
