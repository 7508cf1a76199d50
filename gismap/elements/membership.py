"""Moves elements to the leaves of a new revision; past days keep the membership that they had."""

from datetime import date

from sqlalchemy import Connection, text

# A ruling on a building counts before its polygon, for what is part of it, too.
#
# Every version that stands on the day or begins later, with the leaf that its anchor has from then on, where that
# differs: what was recorded later than the day (the first boundaries may lie in the past) belongs somewhere, too.
MOVED = """
CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
WITH owner AS (
    SELECT DISTINCT ON (e.version_id) e.version_id, g.unit_id, g.path
    FROM grid g
    JOIN element e ON e.anchor && g.geom AND ST_Intersects(g.geom, e.anchor)
    WHERE g.is_leaf AND (upper_inf(g.valid) OR upper(g.valid) > CAST(:day AS date))
      AND g.valid @> greatest(CAST(:day AS date), e.since)
      AND NOT isempty(e.valid) AND (upper_inf(e.valid) OR upper(e.valid) > CAST(:day AS date))
    ORDER BY e.version_id, g.code NULLS LAST, g.unit_id
)
SELECT e.version_id, e.since, coalesce(r.unit_id, o.unit_id) AS unit_id, coalesce(r.path, o.path, '') AS path
FROM element e LEFT JOIN owner o USING (version_id)
LEFT JOIN LATERAL (
    SELECT g.unit_id, g.path FROM override x
    JOIN grid g ON g.unit_id = x.unit_id AND g.valid @> greatest(CAST(:day AS date), e.since)
    WHERE x.element_id IN (e.element_id, e.part_of) AND x.door = ''
      AND x.valid @> greatest(CAST(:day AS date), e.since)
    LIMIT 1
) r ON true
WHERE NOT isempty(e.valid) AND (upper_inf(e.valid) OR upper(e.valid) > CAST(:day AS date))
  AND (e.unit_id, e.path)
      IS DISTINCT FROM (coalesce(r.unit_id, o.unit_id), coalesce(r.path, o.path, ''));
"""

# A version that begins on that very day has no past to keep.
MOVE_IN_PLACE = """
UPDATE element e SET unit_id = m.unit_id, path = m.path
FROM moved m WHERE m.version_id = e.version_id AND m.since >= CAST(:day AS date);
"""

CLOSE = """
UPDATE element e SET valid = daterange(e.since, :day)
FROM moved m WHERE m.version_id = e.version_id AND m.since < CAST(:day AS date);
"""

REOPEN = """
INSERT INTO element (element_id, layer, name, category, geom, anchor, unit_id, path, attributes, part_of, source,
                     source_ref, source_crs, as_reported, content, since, valid, batch)
SELECT e.element_id, e.layer, e.name, e.category, e.geom, e.anchor, m.unit_id, m.path, e.attributes, e.part_of,
       e.source, e.source_ref, e.source_crs, e.as_reported, e.content, :day, daterange(CAST(:day AS date), NULL),
       e.batch
FROM element e JOIN moved m USING (version_id)
WHERE m.since < CAST(:day AS date);
"""

# Subordinate records belong to a version: the new version has its own copy.
SUCCESSORS = """
CREATE TEMPORARY TABLE successor ON COMMIT DROP AS
SELECT old.version_id AS old_version, new.version_id AS new_version, new.path
FROM moved m
JOIN element old USING (version_id)
JOIN element new ON new.element_id = old.element_id AND new.valid @> CAST(:day AS date)
WHERE m.since < CAST(:day AS date);
"""

COPY_SUBORDINATES = """
INSERT INTO building (version_id, path, address, floors, households, use)
SELECT s.new_version, s.path, b.address, b.floors, b.households, b.use
FROM building b JOIN successor s ON s.old_version = b.version_id;
INSERT INTO building_unit (version_id, path, number, households)
SELECT s.new_version, s.path, u.number, u.households
FROM building_unit u JOIN successor s ON s.old_version = u.version_id;
INSERT INTO dwelling (version_id, path, unit_number, floor, door)
SELECT s.new_version, s.path, d.unit_number, d.floor, d.door
FROM dwelling d JOIN successor s ON s.old_version = d.version_id;
INSERT INTO care_person (version_id, path, purpose, fields, shown_name, shown_phone, shown_id_number, born_from,
                         child_until, kept_until, lookup)
SELECT s.new_version, s.path, c.purpose, c.fields, c.shown_name, c.shown_phone, c.shown_id_number, c.born_from,
       c.child_until, c.kept_until, c.lookup
FROM care_person c JOIN successor s ON s.old_version = c.version_id;
INSERT INTO care_secret (version_id, field, key_number, sealed)
SELECT s.new_version, x.field, x.key_number, x.sealed
FROM care_secret x JOIN successor s ON s.old_version = x.version_id;
"""


def reassign_elements(connection: Connection, day: date) -> int:
    """Give every element standing on `day`, or recorded for later, the leaf and path that its anchor has from then on.

    Returns how many elements changed hands or path. Versions that begin on `day` or later are changed in place; others
    are closed the day before and followed by a new version with its subordinate records.
    """
    connection.execute(text("DROP TABLE IF EXISTS moved, successor"))
    moved = connection.execute(text(MOVED), {"day": day}).rowcount
    for statement in (MOVE_IN_PLACE, CLOSE, REOPEN, SUCCESSORS):
        connection.execute(text(statement), {"day": day})
    connection.execute(text(COPY_SUBORDINATES))
    return moved


LATER_REVISIONS = """
SELECT effective_from FROM revision
WHERE effective_from > CAST(:day AS date) AND withdrawn_at IS NULL ORDER BY effective_from;
"""


def reassign_from(connection: Connection, day: date, *, later_only: bool = False) -> None:
    """As `reassign_elements`, on a day (unless `later_only`) and on those of later revisions."""
    if not later_only:
        reassign_elements(connection, day)
    for later in connection.execute(text(LATER_REVISIONS), {"day": day}).scalars().all():
        reassign_elements(connection, later)


def household_shares(connection: Connection, day: date) -> dict[tuple[str, str], float]:
    """What share of the households of a leaf of the day before belongs to which leaf on `day`: {(old, new): share}."""
    rows = connection.execute(
        text("""
            SELECT old.unit_id AS old_unit, new.unit_id AS new_unit,
                   sum(b.households) / sum(sum(b.households)) OVER (PARTITION BY old.unit_id) AS share
            FROM element old
            JOIN building b USING (version_id)
            JOIN element new ON new.element_id = old.element_id AND new.valid @> CAST(:day AS date)
            WHERE old.valid @> CAST(:day AS date) - 1 AND old.unit_id IS NOT NULL AND new.unit_id IS NOT NULL
              AND b.households > 0
            GROUP BY 1, 2
        """),
        {"day": day},
    )
    return {(row.old_unit, row.new_unit): float(row.share) for row in rows}


# Pairs of versions that a publication made of one: the later one begins on its day and says the same but for the unit.
# Its subordinate records go with it; those of the earlier one were never touched.
JOIN_VERSIONS = """
WITH later AS (
    DELETE FROM element n USING element o
    WHERE n.since = CAST(:day AS date) AND lower(n.valid) = CAST(:day AS date)
      AND o.element_id = n.element_id AND upper(o.valid) = CAST(:day AS date) AND o.since < n.since
      AND o.content = n.content AND o.source = n.source AND o.source_ref = n.source_ref
    RETURNING o.version_id, n.valid
)
SELECT version_id, upper(valid) AS until FROM later;
"""

LENGTHEN = """
UPDATE element e SET valid = daterange(e.since, j.until)
FROM unnest(CAST(:versions AS bigint[]), CAST(:untils AS date[])) AS j (version_id, until)
WHERE j.version_id = e.version_id;
"""


def join_versions(connection: Connection, day: date) -> int:
    """Make one again of versions that changed hands on `day`, which is still to come: how many.

    Whose the joined versions are is what they were; later ones are given their leaf by `reassign_elements`.
    """
    rows = connection.execute(text(JOIN_VERSIONS), {"day": day}).all()
    values = {"versions": [row.version_id for row in rows], "untils": [row.until for row in rows]}
    connection.execute(text(LENGTHEN), values)
    return len(rows)
