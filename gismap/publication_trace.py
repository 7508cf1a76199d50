"""Notes what a publication changes of posts, grants and rulings, and sets it back when it is withdrawn.

Boundaries and the membership of elements need no notes: their versions tell by themselves what was before.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

# A post that ends on the day is shortened, one that would begin on it or later never comes to be.
NOTE_POSTS = """
INSERT INTO publication_trace (revision, kind, id, before, after)
SELECT :revision, 'assignment', assignment_id, to_jsonb(a),
       CASE WHEN lower(valid) < CAST(:day AS date)
            THEN to_jsonb(a) || jsonb_build_object('valid', daterange(lower(valid), :day)) END
FROM assignment a
WHERE unit_id = ANY(:units) AND (upper_inf(valid) OR upper(valid) > CAST(:day AS date));
"""

NOTE_GRANTS = """
INSERT INTO publication_trace (revision, kind, id, before, after)
SELECT :revision, 'grant', g.grant_id, to_jsonb(g) || jsonb_build_object('ends_at', ended.ends_at), to_jsonb(g)
FROM access_grant g JOIN unnest(CAST(:ended AS bigint[]), CAST(:ends AS timestamptz[])) AS ended (grant_id, ends_at)
     USING (grant_id)
UNION ALL
SELECT :revision, 'grant', g.grant_id, NULL, to_jsonb(g) FROM access_grant g WHERE g.grant_id = ANY(:made);
"""

# Rulings for units that end, noted before they are ended, and how that left them.
NOTE_RULINGS = """
INSERT INTO publication_trace (revision, kind, id, before)
SELECT :revision, 'override', override, to_jsonb(o) FROM override o
WHERE unit_id = ANY(:units) AND NOT isempty(valid) AND (upper_inf(valid) OR upper(valid) > CAST(:day AS date))
UNION ALL
SELECT :revision, 'dispute', dispute, to_jsonb(d) || jsonb_build_object('geom', CAST(geom AS text)) FROM dispute d
WHERE (unit_a = ANY(:units) OR unit_b = ANY(:units)) AND NOT isempty(valid)
  AND (upper_inf(valid) OR upper(valid) > CAST(:day AS date));
"""

NOTE_ENDED_RULINGS = """
UPDATE publication_trace t SET after = to_jsonb(o) FROM override o
WHERE t.revision = :revision AND t.kind = 'override' AND o.override = t.id;
UPDATE publication_trace t SET after = to_jsonb(d) || jsonb_build_object('geom', CAST(d.geom AS text)) FROM dispute d
WHERE t.revision = :revision AND t.kind = 'dispute' AND d.dispute = t.id;
"""

# What is not any more as the publication left it; somebody changed it since.
CHANGED_SINCE = """
SELECT t.kind, t.id, coalesce(t.before, t.after) AS row
FROM publication_trace t
LEFT JOIN assignment a ON t.kind = 'assignment' AND a.assignment_id = t.id
LEFT JOIN access_grant g ON t.kind = 'grant' AND g.grant_id = t.id
LEFT JOIN override o ON t.kind = 'override' AND o.override = t.id
LEFT JOIN dispute d ON t.kind = 'dispute' AND d.dispute = t.id
WHERE t.revision = :revision
  AND CASE t.kind WHEN 'assignment' THEN to_jsonb(a) WHEN 'grant' THEN to_jsonb(g) WHEN 'override' THEN to_jsonb(o)
                  ELSE to_jsonb(d) || jsonb_build_object('geom', CAST(d.geom AS text)) END IS DISTINCT FROM t.after
ORDER BY t.kind, t.id;
"""

# What came to hang on units that only this revision makes.
HANGING_ON = """
SELECT 'assignment' AS kind, assignment_id AS id, to_jsonb(a) AS row FROM assignment a WHERE unit_id = ANY(:units)
UNION ALL
SELECT 'grant', grant_id, to_jsonb(g) FROM access_grant g
WHERE unit_id = ANY(:units) AND grant_id NOT IN (
    SELECT id FROM publication_trace WHERE revision = :revision AND kind = 'grant')
UNION ALL
SELECT 'override', override, to_jsonb(o) FROM override o WHERE unit_id = ANY(:units)
UNION ALL
SELECT 'dispute', dispute, jsonb_build_object('reason', reason) FROM dispute
WHERE unit_a = ANY(:units) OR unit_b = ANY(:units)
ORDER BY kind, id;
"""

SET_BACK = """
UPDATE assignment a SET valid = CAST(t.before ->> 'valid' AS daterange)
FROM publication_trace t
WHERE t.revision = :revision AND t.kind = 'assignment' AND t.after IS NOT NULL AND a.assignment_id = t.id;
INSERT INTO assignment OVERRIDING SYSTEM VALUE
SELECT (jsonb_populate_record(NULL::assignment, t.before)).*
FROM publication_trace t WHERE t.revision = :revision AND t.kind = 'assignment' AND t.after IS NULL;
DELETE FROM access_grant g USING publication_trace t
WHERE t.revision = :revision AND t.kind = 'grant' AND t.before IS NULL AND g.grant_id = t.id;
UPDATE access_grant g SET ends_at = CAST(t.before ->> 'ends_at' AS timestamptz)
FROM publication_trace t
WHERE t.revision = :revision AND t.kind = 'grant' AND t.before IS NOT NULL AND g.grant_id = t.id;
UPDATE override o SET valid = CAST(t.before ->> 'valid' AS daterange), ended_by = t.before ->> 'ended_by'
FROM publication_trace t WHERE t.revision = :revision AND t.kind = 'override' AND o.override = t.id;
UPDATE dispute d SET valid = CAST(t.before ->> 'valid' AS daterange), ended_by = t.before ->> 'ended_by'
FROM publication_trace t WHERE t.revision = :revision AND t.kind = 'dispute' AND d.dispute = t.id;
DELETE FROM publication_trace WHERE revision = :revision;
"""


def note_posts(connection: Connection, revision: int, unit_ids: Collection[str], day: date) -> None:
    """Note the posts in units that end on a day, before they are ended."""
    connection.execute(text(NOTE_POSTS), {"revision": revision, "units": list(unit_ids), "day": day})


def note_grants(connection: Connection, revision: int, ended: Mapping[int, datetime], made: Sequence[int]) -> None:
    """Note grants that were ended, with the ends that they had before, and grants that were made instead."""
    values = {"revision": revision, "ended": list(ended), "ends": list(ended.values()), "made": list(made)}
    connection.execute(text(NOTE_GRANTS), values)


def note_rulings(connection: Connection, revision: int, unit_ids: Collection[str], day: date) -> None:
    """Note the rulings for units that end on a day, before they are ended."""
    connection.execute(text(NOTE_RULINGS), {"revision": revision, "units": list(unit_ids), "day": day})


def note_ended_rulings(connection: Connection, revision: int) -> None:
    """Note how those were left."""
    connection.execute(text(NOTE_ENDED_RULINGS), {"revision": revision})


def changed_since(connection: Connection, revision: int, new_units: Collection[str]) -> list[str]:
    """What was changed since the publication and keeps it from being set back exactly, in words."""
    changed = connection.execute(text(CHANGED_SINCE), {"revision": revision}).all()
    hanging = connection.execute(text(HANGING_ON), {"revision": revision, "units": list(new_units)}).all()
    return [f"{_told(row)} was changed since" for row in changed] + [f"{_told(row)} was made since" for row in hanging]


def set_back(connection: Connection, revision: int) -> None:
    """Make posts, grants and rulings what they were before the publication."""
    connection.execute(text(SET_BACK), {"revision": revision})


def _told(row: Any) -> str:
    if row.kind == "grant":
        return f"grant {row.id} ({row.row['role']} in {row.row['unit_id']})"
    if row.kind in ("override", "dispute"):
        return f"{row.kind} {row.id} ({row.row['reason']})"
    return f"post {row.id} ({row.row['role']} of {row.row['staff']} in {row.row['unit_id']})"
