"""Writes elements and streets in bulk: one staging table, a handful of statements, no row-by-row work.

Identity for repeated writing is layer + source + source_ref. What is unchanged is left alone, what changed gets a new
version from its day on; nothing here reads files or decides what is acceptable.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from random import Random, SystemRandom
from typing import Any

import numpy as np
import orjson
import shapely
from sqlalchemy import Connection, text

from gismap.elements.membership import reassign_from
from gismap.elements.values import ElementDraft, StreetDraft
from gismap.errors import BadInputError
from gismap.geometry.codes import new_identity
from gismap.store.copying import copy_rows, ewkb

STAGING_COLUMNS = (
    "source_ref element_id layer name category geom anchor attributes part_of as_reported content"
    " address floors households use units dwellings"
).split()

STAGING = """
DROP TABLE IF EXISTS incoming;
CREATE TEMPORARY TABLE incoming (
    source_ref text, element_id text COLLATE "C", layer text COLLATE "C", name text, category text,
    geom geometry, anchor geometry, attributes jsonb, part_of text COLLATE "C", as_reported geometry, content text,
    address text, floors smallint, households integer, use text, units jsonb, dwellings jsonb,
    replaces bigint, unchanged boolean NOT NULL DEFAULT false, version_id bigint
) ON COMMIT DROP;
"""


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a write did, in rows."""

    added: int
    changed: int
    unchanged: int


def write_elements(
    connection: Connection,
    drafts: Sequence[ElementDraft],
    *,
    source: str,
    source_crs: str,
    since: date,
    batch: int | None = None,
    rng: Random | None = None,
) -> WriteCounts:
    """Write the drafts in the caller's transaction, as of the day `since`.

    New identities are drawn from `rng` (from the system when None; a demo gives a seeded one). Membership follows from
    the anchor and the leaves of that day, the lowest code where leaves meet.

    Raises:
        BadInputError: a source_ref is given twice in one layer, or `part_of` names nothing.
    """
    _stage(connection, drafts, rng or SystemRandom())
    parameters = {"source": source, "source_crs": source_crs, "since": since, "batch": batch}
    for statement in (LEAVE_SEALED, MATCH, CLOSE_REPLACED, ADD_IDENTITIES):
        connection.execute(text(statement), parameters)
    _resolve_parts(connection, source)
    connection.execute(text(INSERT_VERSIONS), parameters)
    for statement in (INSERT_BUILDINGS, INSERT_BUILDING_UNITS, INSERT_DWELLINGS, BUMP_LAYERS):
        connection.execute(text(statement))
    row = connection.execute(text(COUNT)).one()
    is_ruled = bool(connection.execute(text(IS_RULED)).scalar())
    reassign_from(connection, since, later_only=not is_ruled)
    return WriteCounts(added=row.added, changed=row.changed, unchanged=len(drafts) - row.added - row.changed)


def _stage(connection: Connection, drafts: Sequence[ElementDraft], rng: Random) -> None:
    keys = {(draft.layer, draft.source_ref) for draft in drafts}
    if len(keys) != len(drafts):
        raise BadInputError("two rows have the same identity; name a column that tells them apart", field="key")
    geoms = np.array([draft.geom for draft in drafts], dtype=object)
    anchors = np.array([draft.anchor for draft in drafts], dtype=object)
    missing = ~shapely.is_geometry(anchors)
    anchors[missing] = shapely.point_on_surface(geoms[missing])
    geom, anchor = ewkb(geoms), ewkb(anchors)
    reported = ewkb([draft.as_reported for draft in drafts], srid=None)
    connection.execute(text(STAGING))
    copy_rows(
        connection,
        "incoming",
        STAGING_COLUMNS,
        (
            (
                draft.source_ref,
                new_identity(rng),
                draft.layer,
                draft.name,
                draft.category,
                geom[i],
                anchor[i],
                dict(draft.attributes),
                draft.part_of,
                reported[i],
                _content_digest(draft, geom[i], anchor[i]),
                *_building_fields(draft),
            )
            for i, draft in enumerate(drafts)
        ),
    )
    connection.execute(text("CREATE INDEX ON incoming USING gist (anchor); ANALYZE incoming;"))


def _building_fields(draft: ElementDraft) -> tuple[Any, ...]:
    building = draft.building
    if building is None:
        return (None,) * 6
    return (
        building.address,
        building.floors,
        building.households,
        building.use,
        [asdict(unit) for unit in building.units],
        [asdict(dwelling) for dwelling in building.dwellings],
    )


def _content_digest(draft: ElementDraft, geom: str, anchor: str) -> str:
    staff = draft.staff and asdict(draft.staff)
    care = draft.care and (draft.care.purpose, draft.care.content)
    content = (
        geom,
        anchor,
        draft.name,
        draft.category,
        draft.attributes,
        draft.part_of,
        staff,
        *((care,) if care else ()),
        *_building_fields(draft),
    )
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


# What is sealed stays as it is, whatever a file says of it.
LEAVE_SEALED = """
DELETE FROM incoming i USING sealed.element s
WHERE s.source = :source AND s.source_ref = i.source_ref AND s.layer = i.layer;
"""

# A row of the same layer, source and reference is the same thing, whatever changed about it.
MATCH = """
UPDATE incoming i
SET element_id = e.element_id, replaces = e.version_id, unchanged = (e.content = i.content)
FROM element e
WHERE e.source = :source AND e.source_ref = i.source_ref AND e.layer = i.layer AND upper_inf(e.valid);
"""

# A version that began on the same day, or begins later, is replaced altogether and keeps no day of its own.
CLOSE_REPLACED = """
UPDATE element e
SET valid = CASE WHEN e.since < CAST(:since AS date) THEN daterange(e.since, :since) ELSE 'empty' END,
    retired_batch = :batch
FROM incoming i
WHERE e.element_id = i.element_id AND i.replaces IS NOT NULL AND NOT i.unchanged
  AND NOT isempty(e.valid) AND (upper_inf(e.valid) OR upper(e.valid) > CAST(:since AS date));
"""

ADD_IDENTITIES = """
INSERT INTO digital_identity (element_id, layer) SELECT element_id, layer FROM incoming WHERE replaces IS NULL;
"""

# The leaves drive the join, so that PostGIS prepares each polygon once for all the anchors in its box.
INSERT_VERSIONS = """
WITH owner AS (
    SELECT DISTINCT ON (i.element_id) i.element_id, g.unit_id, g.path
    FROM grid g
    JOIN incoming i ON i.anchor && g.geom AND ST_Intersects(g.geom, i.anchor)
    WHERE g.is_leaf AND g.valid @> CAST(:since AS date) AND NOT i.unchanged
    ORDER BY i.element_id, g.code NULLS LAST, g.unit_id
), written AS (
    INSERT INTO element (element_id, layer, name, category, geom, anchor, unit_id, path, attributes, part_of, source,
                         source_ref, source_crs, as_reported, content, since, valid, batch)
    SELECT i.element_id, i.layer, i.name, i.category, i.geom, i.anchor, o.unit_id, coalesce(o.path, ''), i.attributes,
           i.part_of, :source, i.source_ref, :source_crs, i.as_reported, i.content, :since,
           daterange(CAST(:since AS date), NULL), :batch
    FROM incoming i LEFT JOIN owner o USING (element_id)
    WHERE NOT i.unchanged
    RETURNING version_id, element_id
)
UPDATE incoming i SET version_id = w.version_id FROM written w WHERE w.element_id = i.element_id;
"""

INSERT_BUILDINGS = """
INSERT INTO building (version_id, path, address, floors, households, use)
SELECT i.version_id, e.path, i.address, i.floors, i.households, i.use
FROM incoming i JOIN element e USING (version_id)
WHERE i.use IS NOT NULL;
"""

INSERT_BUILDING_UNITS = """
INSERT INTO building_unit (version_id, path, number, households)
SELECT i.version_id, e.path, u.number, u.households
FROM incoming i JOIN element e USING (version_id),
     jsonb_to_recordset(i.units) AS u(number smallint, households integer);
"""

INSERT_DWELLINGS = """
INSERT INTO dwelling (version_id, path, unit_number, floor, door)
SELECT i.version_id, e.path, d.unit_number, d.floor, d.door
FROM incoming i JOIN element e USING (version_id),
     jsonb_to_recordset(i.dwellings) AS d(unit_number smallint, floor smallint, door text);
"""

BUMP_LAYERS = """
UPDATE layer SET version = version + 1
WHERE name IN (SELECT layer FROM incoming WHERE version_id IS NOT NULL);
"""

COUNT = """
SELECT count(*) FILTER (WHERE NOT unchanged AND replaces IS NOT NULL) AS changed,
       count(*) FILTER (WHERE replaces IS NULL) AS added
FROM incoming;
"""

IS_RULED = "SELECT EXISTS (SELECT FROM override WHERE NOT isempty(valid));"

RESOLVE_PARTS = """
UPDATE incoming i SET part_of = e.element_id
FROM (
    SELECT source_ref, element_id FROM element WHERE source = :source AND upper_inf(valid)
    UNION
    SELECT source_ref, element_id FROM incoming
) e
WHERE i.part_of = e.source_ref;
"""

UNRESOLVED_PART = """
SELECT i.part_of FROM incoming i
WHERE i.part_of IS NOT NULL AND NOT EXISTS (SELECT FROM digital_identity d WHERE d.element_id = i.part_of)
LIMIT 1;
"""


def _resolve_parts(connection: Connection, source: str) -> None:
    connection.execute(text(RESOLVE_PARTS), {"source": source})
    stray = connection.execute(text(UNRESOLVED_PART)).scalar()
    if stray is not None:
        raise BadInputError(f"{stray} is neither in this source nor a stored element", field="part_of")


STREET_STAGING = """
DROP TABLE IF EXISTS incoming_street;
CREATE TEMPORARY TABLE incoming_street (source_ref text, name text, street_class text, geom geometry) ON COMMIT DROP;
"""

UPSERT_STREETS = """
WITH written AS (
    INSERT INTO street (name, street_class, geom, source, source_ref, batch)
    SELECT name, street_class, ST_Multi(geom), :source, source_ref, :batch FROM incoming_street
    ON CONFLICT (source, source_ref) DO UPDATE
    SET name = excluded.name, street_class = excluded.street_class, geom = excluded.geom, recorded_at = now()
    WHERE (street.name, street.street_class, ST_AsBinary(street.geom))
          IS DISTINCT FROM (excluded.name, excluded.street_class, ST_AsBinary(excluded.geom))
    RETURNING xmax = 0 AS is_new
), bumped AS (
    UPDATE layer SET version = version + 1 WHERE name = 'streets' AND EXISTS (SELECT FROM written)
)
SELECT count(*) FILTER (WHERE is_new) AS added, count(*) FILTER (WHERE NOT is_new) AS changed FROM written;
"""


def write_streets(
    connection: Connection, drafts: Sequence[StreetDraft], *, source: str, batch: int | None = None
) -> WriteCounts:
    """Write street centre-lines; a street has no versions, since no answer for a past day depends on it.

    Raises:
        BadInputError: a source_ref is given twice.
    """
    if len({draft.source_ref for draft in drafts}) != len(drafts):
        raise BadInputError("two streets have the same identity; name a column that tells them apart", field="key")
    geom = ewkb([draft.geom for draft in drafts])
    connection.execute(text(STREET_STAGING))
    copy_rows(
        connection,
        "incoming_street",
        ("source_ref", "name", "street_class", "geom"),
        ((draft.source_ref, draft.name, draft.street_class, geom[i]) for i, draft in enumerate(drafts)),
    )
    row = connection.execute(text(UPSERT_STREETS), {"source": source, "batch": batch}).one()
    return WriteCounts(row.added, row.changed, len(drafts) - row.added - row.changed)
