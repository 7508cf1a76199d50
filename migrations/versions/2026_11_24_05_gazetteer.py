"""The gazetteer: by what words places are found, kept beside the versions of what bears the names."""

from alembic import op

revision = "2026_11_24_05"
down_revision = "2026_11_24_04"
branch_labels = None
depends_on = None

# Names of persons, and of what befell somebody, are in no gazetteer.
BARRED = "('staff', 'care_persons', 'incidents')"

TABLES = """
CREATE TABLE gazetteer_stem (
    stem_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stem text COLLATE "C" NOT NULL UNIQUE,   -- a normalised name without its numbers
    size smallint NOT NULL                   -- how many grams it has
);
CREATE TABLE gazetteer_gram (
    gram text COLLATE "C" NOT NULL,          -- two characters, two sounds, or initials
    stem_id integer NOT NULL REFERENCES gazetteer_stem ON DELETE CASCADE,
    PRIMARY KEY (gram, stem_id)
);
CREATE INDEX gazetteer_gram_stem ON gazetteer_gram (stem_id);

-- A name hangs on the version that bears it, so that position, membership and days are those of the version itself.
CREATE TABLE gazetteer_entry (
    stem_id integer NOT NULL REFERENCES gazetteer_stem,
    numbers integer[] NOT NULL,              -- what must be told with the stem, in order
    counts text COLLATE "C" NOT NULL,        -- what each of them counts, a letter each
    upto integer,                            -- the last number is a range that ends here
    is_address boolean NOT NULL,
    version_id bigint REFERENCES element ON DELETE CASCADE,
    grid_version bigint REFERENCES grid ON DELETE CASCADE,
    street_id bigint REFERENCES street ON DELETE CASCADE,
    CHECK (num_nonnulls(version_id, grid_version, street_id) = 1)
);
CREATE INDEX gazetteer_entry_stem ON gazetteer_entry (stem_id);
CREATE INDEX gazetteer_entry_version ON gazetteer_entry (version_id) WHERE version_id IS NOT NULL;
CREATE INDEX gazetteer_entry_grid ON gazetteer_entry (grid_version) WHERE grid_version IS NOT NULL;
CREATE INDEX gazetteer_entry_street ON gazetteer_entry (street_id) WHERE street_id IS NOT NULL;

CREATE TABLE gazetteer_alias (
    alias text PRIMARY KEY,                  -- as it was given
    stem_id integer NOT NULL REFERENCES gazetteer_stem,
    numbers integer[] NOT NULL,
    counts text COLLATE "C" NOT NULL,
    means text NOT NULL,                     -- the name that it stands for
    means_stem integer NOT NULL REFERENCES gazetteer_stem,
    means_numbers integer[] NOT NULL,
    means_counts text COLLATE "C" NOT NULL,
    reviewed_by text NOT NULL,
    reviewed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX gazetteer_alias_stem ON gazetteer_alias (stem_id);
CREATE INDEX gazetteer_alias_means ON gazetteer_alias (means_stem);

-- What has a name that is not read yet; written by triggers, so that no writer can forget it.
CREATE TABLE gazetteer_pending (
    kind text NOT NULL CHECK (kind IN ('element', 'grid', 'street')),
    id bigint NOT NULL,
    PRIMARY KEY (kind, id)
);
"""

TRIGGERS = f"""
CREATE FUNCTION gazetteer_notes_elements() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO gazetteer_pending SELECT 'element', version_id FROM fresh
    WHERE layer NOT IN {BARRED} AND (name IS NOT NULL OR layer = 'buildings') ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION gazetteer_notes_renamed_element() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM gazetteer_entry WHERE version_id = NEW.version_id;
    INSERT INTO gazetteer_pending SELECT 'element', NEW.version_id WHERE NEW.layer NOT IN {BARRED}
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION gazetteer_notes_grids() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO gazetteer_pending SELECT 'grid', grid_version FROM fresh ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION gazetteer_notes_streets() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO gazetteer_pending SELECT 'street', street_id FROM fresh WHERE name IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION gazetteer_notes_renamed_street() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM gazetteer_entry WHERE street_id = NEW.street_id;
    INSERT INTO gazetteer_pending VALUES ('street', NEW.street_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- A stem that nothing bears any more is not kept: an import that was taken back leaves no names.
CREATE FUNCTION gazetteer_forgets() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM gazetteer_stem s USING (SELECT DISTINCT stem_id FROM stale) gone
    WHERE s.stem_id = gone.stem_id AND NOT EXISTS (SELECT FROM gazetteer_entry e WHERE e.stem_id = s.stem_id)
      AND NOT EXISTS (SELECT FROM gazetteer_alias a WHERE a.stem_id = s.stem_id OR a.means_stem = s.stem_id);
    RETURN NULL;
END $$;
CREATE TRIGGER gazetteer_added AFTER INSERT ON element REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION gazetteer_notes_elements();
CREATE TRIGGER gazetteer_renamed AFTER UPDATE OF name ON element
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION gazetteer_notes_renamed_element();
CREATE TRIGGER gazetteer_added AFTER INSERT ON grid REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION gazetteer_notes_grids();
CREATE TRIGGER gazetteer_added AFTER INSERT ON street REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION gazetteer_notes_streets();
CREATE TRIGGER gazetteer_renamed AFTER UPDATE OF name ON street
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION gazetteer_notes_renamed_street();
CREATE TRIGGER gazetteer_left AFTER DELETE ON gazetteer_entry REFERENCING OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION gazetteer_forgets();
INSERT INTO gazetteer_pending SELECT 'element', version_id FROM element
    WHERE layer NOT IN {BARRED} AND (name IS NOT NULL OR layer = 'buildings');
INSERT INTO gazetteer_pending SELECT 'grid', grid_version FROM grid;
INSERT INTO gazetteer_pending SELECT 'street', street_id FROM street WHERE name IS NOT NULL;
"""

# Whoever may locate finds places by their words anywhere, as whose a point is is told anywhere: the functions below
# look with the owner's eyes and ask for that permission. They tell names, addresses, positions and grids; persons are
# not in the gazetteer, and neither identities of elements nor attributes leave it.
QUESTIONS = """
CREATE FUNCTION gazetteer_stems(grams text[], most integer)
RETURNS TABLE (stem_id integer, stem text, entry_stem integer, own_numbers integer[], own_counts text,
               given_numbers integer[], given_counts text, means text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH hit AS MATERIALIZED (
        SELECT g.gram, p.stem_id
        FROM (SELECT DISTINCT unnest(grams) AS gram) g,
             LATERAL (SELECT p.stem_id FROM gazetteer_gram p WHERE p.gram = g.gram LIMIT 3001) p
        WHERE cardinality(scope_of('locate')) > 0
    ), weight AS (
        -- what is so common that it was cut off says nothing
        SELECT gram, CASE WHEN count(*) > 3000 THEN 0.01 ELSE 1 / (1 + ln(count(*))) END AS weight
        FROM hit GROUP BY gram
    ), best AS (
        SELECT h.stem_id, sum(w.weight) AS weight, count(*) AS hits
        FROM hit h JOIN weight w USING (gram) GROUP BY h.stem_id
    ), ranked AS (
        SELECT s.stem_id, s.stem FROM best b JOIN gazetteer_stem s USING (stem_id)
        ORDER BY b.weight * sqrt(b.hits::float8 / s.size) DESC, s.stem_id LIMIT most
    )
    SELECT r.stem_id, r.stem, r.stem_id, '{}', '', '{}', '', NULL FROM ranked r
    UNION ALL
    SELECT r.stem_id, r.stem, a.means_stem, a.numbers, a.counts, a.means_numbers, a.means_counts, a.means
    FROM ranked r JOIN gazetteer_alias a USING (stem_id)
$$;

CREATE FUNCTION gazetteer_entries(wanted integer[], asked integer[], day date)
RETURNS TABLE (stem_id integer, kind text, name text, address text, numbers integer[], counts text, upto integer,
               is_address boolean, path text, grid text, leaves integer, lon float8, lat float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH entry AS MATERIALIZED (
        SELECT e.* FROM gazetteer_entry e
        WHERE e.stem_id = ANY(wanted) AND cardinality(scope_of('locate')) > 0
          AND (e.numbers <@ asked
               OR e.upto IS NOT NULL AND trim_array(e.numbers, 1) <@ asked
                  AND EXISTS (SELECT FROM unnest(asked) n WHERE n BETWEEN e.numbers[cardinality(e.numbers)] AND e.upto))
        LIMIT 3000
    )
    SELECT e.stem_id, el.layer, el.name, b.address, e.numbers, e.counts, e.upto, e.is_address, el.path, g.name,
           (el.unit_id IS NOT NULL)::integer, ST_X(el.anchor), ST_Y(el.anchor)
    FROM entry e
    JOIN element el ON el.version_id = e.version_id AND el.valid @> day
    LEFT JOIN building b ON b.version_id = e.version_id
    LEFT JOIN grid g ON g.unit_id = el.unit_id AND g.valid @> day
    UNION ALL
    SELECT e.stem_id, 'units', g.name, NULL, e.numbers, e.counts, e.upto, false, g.path, g.name,
           CASE WHEN g.is_leaf THEN 1
                ELSE (SELECT count(*) FROM grid l WHERE l.is_leaf AND l.valid @> day AND l.path >= g.path
                                                    AND l.path < g.path || '~') END,
           ST_X(g.anchor), ST_Y(g.anchor)
    FROM entry e JOIN grid g ON g.grid_version = e.grid_version AND g.valid @> day
    UNION ALL
    SELECT e.stem_id, 'streets', min(s.name), NULL, e.numbers, e.counts, NULL, false, '', NULL, NULL,
           ST_X(ST_PointN(middle, 1)), ST_Y(ST_PointN(middle, 1))
    FROM (SELECT stem_id, numbers, counts, array_agg(street_id) AS streets FROM entry
          WHERE street_id IS NOT NULL GROUP BY stem_id, numbers, counts) e
    JOIN LATERAL (SELECT min(name) AS name, ST_Collect(geom) AS geom FROM street WHERE street_id = ANY(e.streets)) s
        ON true
    CROSS JOIN LATERAL (SELECT ST_ShortestLine(s.geom, ST_Centroid(s.geom)) AS middle) m
    GROUP BY e.stem_id, e.numbers, e.counts, middle
$$;

-- Buildings of one name: a compound or a village, told as one place; it stands at the one in the middle.
CREATE FUNCTION gazetteer_groups(wanted integer[], day date)
RETURNS TABLE (stem_id integer, things integer, leaves integer, path text, grid text, address text,
               lon float8, lat float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.stem_id, m.things, m.leaves, el.path, g.name, b.address, ST_X(el.anchor), ST_Y(el.anchor)
    FROM (
        SELECT e.stem_id, count(*)::integer AS things, count(DISTINCT el.path)::integer AS leaves,
               (array_agg(e.version_id ORDER BY el.path, e.numbers))[1 + count(*) / 2] AS middle
        FROM gazetteer_entry e JOIN element el ON el.version_id = e.version_id AND el.valid @> day
        WHERE e.stem_id = ANY(wanted) AND NOT e.is_address AND e.numbers <> '{}' AND el.layer = 'buildings'
          AND cardinality(scope_of('locate')) > 0
        GROUP BY e.stem_id
    ) m
    JOIN element el ON el.version_id = m.middle
    LEFT JOIN building b ON b.version_id = m.middle
    LEFT JOIN grid g ON g.unit_id = el.unit_id AND g.valid @> day
$$;

-- Where streets meet; what was drawn a few metres apart meets, too.
CREATE FUNCTION gazetteer_crossings(firsts integer[], seconds integer[], reach_m float8)
RETURNS TABLE (first integer, second integer, apart_m float8, lon float8, lat float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH pair AS (
        SELECT f.stem_id AS first, s.stem_id AS second, a.geom AS one, b.geom AS other
        FROM unnest(firsts, seconds) AS p (f_id, s_id)
        JOIN gazetteer_entry f ON f.stem_id = p.f_id JOIN street a ON a.street_id = f.street_id
        JOIN gazetteer_entry s ON s.stem_id = p.s_id JOIN street b ON b.street_id = s.street_id
        WHERE a.geom && ST_Expand(b.geom, reach_m / 80000) AND cardinality(scope_of('locate')) > 0
    )
    SELECT first, second, apart, ST_X(at), ST_Y(at)
    FROM pair,
         LATERAL (SELECT ST_ShortestLine(one, other) AS between) b,
         LATERAL (SELECT ST_Length(between::geography) AS apart) d,
         LATERAL (SELECT (ST_DumpPoints(CASE WHEN apart > 0 THEN ST_StartPoint(between)
                                             ELSE ST_Intersection(one, other) END)).geom AS at) x
    WHERE apart <= reach_m
    LIMIT 500
$$;

-- How many names wait to be read: an answer made meanwhile says so.
CREATE FUNCTION gazetteer_waiting() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM gazetteer_pending)
$$;
"""

GRANTS = "".join(
    f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {name} TO gismap_service;"
    for name in ("gazetteer_stems", "gazetteer_entries", "gazetteer_groups", "gazetteer_crossings", "gazetteer_waiting")
) + "".join(
    f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC;"
    for name in (
        "gazetteer_notes_elements", "gazetteer_notes_renamed_element", "gazetteer_notes_grids",
        "gazetteer_notes_streets", "gazetteer_notes_renamed_street", "gazetteer_forgets",
    )
)  # fmt: skip


def upgrade() -> None:
    """Create it; all names there are wait to be read."""
    for statements in (TABLES, TRIGGERS, QUESTIONS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop it."""
    for table in ("element", "grid", "street"):
        op.execute(f"DROP TRIGGER gazetteer_added ON {table};")
    for table in ("element", "street"):
        op.execute(f"DROP TRIGGER gazetteer_renamed ON {table};")
    op.execute("""
        DROP FUNCTION gazetteer_stems, gazetteer_entries, gazetteer_groups, gazetteer_crossings, gazetteer_waiting;
        DROP TABLE gazetteer_pending, gazetteer_alias, gazetteer_entry, gazetteer_gram, gazetteer_stem;
        DROP FUNCTION gazetteer_notes_elements, gazetteer_notes_renamed_element, gazetteer_notes_grids,
            gazetteer_notes_streets, gazetteer_notes_renamed_street, gazetteer_forgets;
    """)
