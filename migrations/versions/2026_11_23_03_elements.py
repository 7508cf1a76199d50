"""Master elements with their subordinate records, streets, imports and published care counts."""

from alembic import op

revision = "2026_11_23_03"
down_revision = "2026_11_23_02"
branch_labels = None
depends_on = None

IMPORTS = """
CREATE TABLE import_batch (
    batch bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    layer text NOT NULL REFERENCES layer,
    source text NOT NULL,
    file_name text NOT NULL,
    file_digest text NOT NULL,
    source_crs text NOT NULL,
    actor text NOT NULL,
    counts jsonb NOT NULL,   -- {read, added, changed, unchanged, rejected}
    imported_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz
);
CREATE TABLE import_mapping (
    source text NOT NULL,
    layer text NOT NULL REFERENCES layer,
    columns jsonb NOT NULL,  -- {ours: theirs}
    PRIMARY KEY (source, layer)
);
"""

ELEMENTS = """
CREATE TABLE digital_identity (
    element_id text COLLATE "C" PRIMARY KEY CHECK (element_id ~ '^[0-9A-Z]{11}$'),
    layer text NOT NULL REFERENCES layer
);

CREATE TABLE element (
    version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    element_id text COLLATE "C" NOT NULL REFERENCES digital_identity,
    layer text COLLATE "C" NOT NULL REFERENCES layer,
    name text,
    category text COLLATE "C",
    geom geometry(Geometry, 4490) NOT NULL,    -- what is drawn
    anchor geometry(Point, 4490) NOT NULL,     -- what decides membership, counts and search
    unit_id text COLLATE "C" REFERENCES unit,  -- the leaf; null where no grid lies
    path text COLLATE "C" NOT NULL DEFAULT '', -- of that leaf; '' where no grid lies
    attributes jsonb NOT NULL DEFAULT '{}',
    part_of text COLLATE "C" REFERENCES digital_identity,
    source text NOT NULL,
    source_ref text NOT NULL,
    source_crs text NOT NULL,
    as_reported geometry,                      -- the coordinates as they came, where they were transformed
    content text NOT NULL,                     -- digest of what a source said, to tell whether it says something new
    recorded_at timestamptz NOT NULL DEFAULT now(),
    since date NOT NULL,                       -- first day of this version
    valid daterange NOT NULL,                  -- empty: replaced on the very day it began
    batch bigint REFERENCES import_batch,      -- the import that wrote this version
    retired_batch bigint REFERENCES import_batch,
    CONSTRAINT element_one_version_per_day EXCLUDE USING gist (element_id WITH =, valid WITH &&),
    CONSTRAINT persons_have_no_name CHECK (layer NOT IN ('staff', 'care_persons') OR name IS NULL),
    CONSTRAINT care_persons_have_no_attributes CHECK (layer <> 'care_persons' OR attributes = '{}')
);
CREATE INDEX element_anchor ON element USING gist (anchor);                  -- what is in a shape
CREATE INDEX element_path ON element (path, layer, category);                -- what is in a unit, and how many
CREATE INDEX element_page ON element (layer, element_id);                    -- a stable page
CREATE INDEX element_name ON element USING gin (name gin_trgm_ops);          -- name contains
CREATE INDEX element_source ON element (source, source_ref);                 -- the same file again
CREATE INDEX element_part_of ON element (part_of) WHERE part_of IS NOT NULL;
CREATE INDEX element_batch ON element (batch) WHERE batch IS NOT NULL;
CREATE INDEX element_retired_batch ON element (retired_batch) WHERE retired_batch IS NOT NULL;
"""

SUBORDINATES = """
CREATE TABLE building (
    version_id bigint PRIMARY KEY REFERENCES element ON DELETE CASCADE,
    address text,
    floors smallint CHECK (floors >= 0),             -- null: not known
    households integer CHECK (households >= 0),      -- null: not known
    use text NOT NULL
);
CREATE TABLE building_unit (
    version_id bigint NOT NULL REFERENCES building ON DELETE CASCADE,
    number smallint NOT NULL,
    households integer NOT NULL CHECK (households >= 0),
    PRIMARY KEY (version_id, number)
);
CREATE TABLE dwelling (
    version_id bigint NOT NULL REFERENCES building ON DELETE CASCADE,
    unit_number smallint,    -- null in a courtyard
    floor smallint,
    door text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (version_id, unit_number, door)
);
"""

STREETS = """
CREATE TABLE street (
    street_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text,
    street_class text NOT NULL
        CHECK (street_class IN ('trunk', 'primary', 'secondary', 'tertiary', 'residential', 'lane', 'track')),
    geom geometry(MultiLineString, 4490) NOT NULL,
    source text NOT NULL,
    source_ref text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    batch bigint REFERENCES import_batch,
    UNIQUE (source, source_ref)
);
CREATE INDEX street_geom ON street USING gist (geom);
CREATE INDEX street_name ON street USING gin (name gin_trgm_ops);
CREATE INDEX street_batch ON street (batch) WHERE batch IS NOT NULL;
"""

# Only what may be published is kept here: a count below the threshold, or one that would reveal such a count, is null.
CARE_COUNTS = """
CREATE TABLE care_count (
    unit_id text COLLATE "C" NOT NULL REFERENCES unit,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    category text COLLATE "C" NOT NULL,   -- '' is the sum over all categories
    shown integer,
    PRIMARY KEY (unit_id, month, category)
);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE, DELETE
    ON import_batch, import_mapping, element, building, building_unit, dwelling, street, care_count TO gismap_service;
GRANT SELECT, INSERT ON digital_identity TO gismap_service;
"""


def upgrade() -> None:
    """Create them."""
    for statements in (IMPORTS, ELEMENTS, SUBORDINATES, STREETS, CARE_COUNTS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    op.execute(
        "DROP TABLE care_count, street, dwelling, building_unit, building, element, digital_identity,"
        " import_mapping, import_batch;"
    )
