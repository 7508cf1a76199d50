"""Units over time, revisions, lineage, jurisdiction outlines and plans."""

from alembic import op

revision = "2026_11_23_02"
down_revision = "2026_11_23_01"
branch_labels = None
depends_on = None

REVISIONS = """
CREATE TABLE revision (
    number integer PRIMARY KEY CHECK (number > 0),
    effective_from date NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    certificate jsonb NOT NULL,   -- {units, leaves, area_m2, defects, digest}
    published_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX revision_one_per_day ON revision (effective_from) WHERE withdrawn_at IS NULL;
"""

GRIDS = """
CREATE TABLE unit (
    unit_id text COLLATE "C" PRIMARY KEY CHECK (unit_id ~ '^g[0-9a-z]+$')
);

CREATE TABLE grid (
    grid_version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit_id text COLLATE "C" NOT NULL REFERENCES unit,
    code text COLLATE "C",
    division_code text COLLATE "C" CHECK (division_code ~ '^[0-9]{12}$'),
    path text COLLATE "C" NOT NULL CHECK (path LIKE '%/'),
    name text NOT NULL CHECK (name <> ''),
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 5),
    is_leaf boolean NOT NULL,
    kind text NOT NULL CHECK (kind IN ('general', 'dedicated', 'micro')),
    zone_type text CHECK (zone_type IN ('residential_compound', 'bungalow_area', 'commercial', 'rural')),
    governance_mode text,
    parent text COLLATE "C" REFERENCES unit,
    geom geometry(MultiPolygon, 4490) NOT NULL,   -- of a parent: the union of its leaves
    drawn geometry(MultiPolygon, 4490) NOT NULL,  -- simplified to about 10 m for whole-district maps
    anchor geometry(Point, 4490) NOT NULL,        -- inside `geom`; labels and staff stand here
    area_m2 double precision NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    published_by integer NOT NULL REFERENCES revision,
    retired_by integer REFERENCES revision,
    CONSTRAINT grid_one_version_per_day EXCLUDE USING gist (unit_id WITH =, valid WITH &&),
    CONSTRAINT grid_one_owner_per_code EXCLUDE USING gist (code WITH =, valid WITH &&) WHERE (code IS NOT NULL)
);
CREATE INDEX grid_leaf_geom ON grid USING gist (geom, valid) WHERE is_leaf;   -- whose is this point, on that day
CREATE INDEX grid_path ON grid (path);                                        -- everything below a unit
CREATE INDEX grid_code ON grid (code);
CREATE INDEX grid_parent ON grid (parent);
CREATE INDEX grid_name ON grid USING gin (name gin_trgm_ops);

CREATE TABLE jurisdiction_outline (
    unit_id text COLLATE "C" NOT NULL REFERENCES unit,
    geom geometry(MultiPolygon, 4490) NOT NULL,
    authority text NOT NULL,   -- who fixed this outline
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    EXCLUDE USING gist (unit_id WITH =, valid WITH &&)
);

CREATE TABLE lineage (
    revision integer NOT NULL REFERENCES revision,
    old_unit text COLLATE "C" REFERENCES unit,
    new_unit text COLLATE "C" REFERENCES unit,
    change text NOT NULL
        CHECK (change IN ('created', 'continued', 'split', 'merged', 'renamed', 'reshaped', 'retired')),
    area_share double precision,        -- of the old unit's area
    household_share double precision,   -- of the old unit's households
    UNIQUE NULLS NOT DISTINCT (revision, old_unit, new_unit)
);
"""

PLANS = """
CREATE TABLE plan (
    plan_id text PRIMARY KEY,
    title text NOT NULL,
    author text NOT NULL,
    base_revision integer REFERENCES revision,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_as integer REFERENCES revision
);
CREATE TABLE plan_unit (
    plan_id text NOT NULL REFERENCES plan ON DELETE CASCADE,
    key text NOT NULL,
    parent text,
    unit_id text COLLATE "C" REFERENCES unit,   -- the published unit that this continues
    code text,
    division_code text,
    name text NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 5),
    kind text NOT NULL,
    zone_type text,
    governance_mode text,
    geom geometry(MultiPolygon, 4490),          -- leaves only
    PRIMARY KEY (plan_id, key)
);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON revision, grid, jurisdiction_outline TO gismap_service;
GRANT SELECT, INSERT ON unit, lineage TO gismap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON plan, plan_unit TO gismap_service;
"""


def upgrade() -> None:
    """Create them."""
    for statements in (REVISIONS, GRIDS, PLANS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE plan_unit, plan, lineage, jurisdiction_outline, grid, unit, revision;")
