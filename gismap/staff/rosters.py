"""Makes the posts of a roster's staff what the roster says; staff themselves are written in `writing`."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, text

from gismap.errors import ConflictError
from gismap.staff.values import AssignmentDraft
from gismap.store.copying import copy_rows

STAGING = """
DROP TABLE IF EXISTS incoming_post, roster_post, stale_post;
CREATE TEMPORARY TABLE incoming_post (
    source_ref text, unit_id text COLLATE "C", role text, duty text
) ON COMMIT DROP;
"""

RESOLVE = """
CREATE TEMPORARY TABLE roster_post ON COMMIT DROP AS
SELECT e.element_id AS staff, i.unit_id, i.role, i.duty
FROM incoming_post i
JOIN element e ON e.source = :source AND e.source_ref = i.source_ref AND e.layer = 'staff' AND upper_inf(e.valid);
CREATE TEMPORARY TABLE stale_post ON COMMIT DROP AS
SELECT a.assignment_id, a.staff
FROM assignment a
WHERE a.staff IN (SELECT staff FROM roster_post) AND a.unit_id IS NOT NULL AND upper_inf(a.valid)
  AND NOT EXISTS (
      SELECT FROM roster_post r
      WHERE (r.staff, r.unit_id, r.role) = (a.staff, a.unit_id, a.role) AND r.duty IS NOT DISTINCT FROM a.duty);
"""

# A post that would end on the day it began, or before, never was.
END_STALE = """
DELETE FROM assignment a USING stale_post s
WHERE a.assignment_id = s.assignment_id AND lower(a.valid) >= CAST(:since AS date);
UPDATE assignment a SET valid = daterange(lower(a.valid), :since)
FROM stale_post s WHERE a.assignment_id = s.assignment_id;
"""

TAKEN = """
SELECT r.duty, coalesce(g.code, g.name, r.unit_id) AS unit, holder.source
FROM roster_post r
JOIN assignment a ON (a.unit_id, a.duty) = (r.unit_id, r.duty) AND a.staff <> r.staff
     AND (upper_inf(a.valid) OR upper(a.valid) > CAST(:since AS date))
LEFT JOIN element holder ON holder.element_id = a.staff AND upper_inf(holder.valid)
LEFT JOIN grid g ON g.unit_id = r.unit_id AND g.valid @> CAST(:since AS date)
ORDER BY unit LIMIT 1;
"""

ADD_NEW = """
INSERT INTO assignment (staff, unit_id, role, duty, valid)
SELECT r.staff, r.unit_id, r.role, r.duty, daterange(CAST(:since AS date), NULL)
FROM roster_post r
WHERE NOT EXISTS (
    SELECT FROM assignment a
    WHERE (a.staff, a.unit_id, a.role) = (r.staff, r.unit_id, r.role) AND a.duty IS NOT DISTINCT FROM r.duty
      AND upper_inf(a.valid))
RETURNING staff;
"""


def write_posts(connection: Connection, drafts: Sequence[AssignmentDraft], *, source: str, since: date) -> set[str]:
    """Give the staff of the drafts just these posts from `since` on; `unit` of a draft is an identity here.

    Posts that stay are left alone, others of the same staff end. Returns the staff (element_id) whose posts changed.

    Raises:
        ConflictError: a unit has a primary or backup already who is not among the drafts.
    """
    connection.execute(text(STAGING))
    copy_rows(
        connection,
        "incoming_post",
        ("source_ref", "unit_id", "role", "duty"),
        ((draft.staff, draft.unit, draft.role, draft.duty) for draft in drafts),
    )
    params = {"source": source, "since": since}
    connection.execute(text(RESOLVE), params)
    ended = connection.execute(text("SELECT staff FROM stale_post")).scalars().all()
    connection.execute(text(END_STALE), params)
    taken = connection.execute(text(TAKEN), params).first()
    if taken is not None:
        raise ConflictError(
            f"unit {taken.unit} has a {taken.duty} already, from source {taken.source}: "
            "end that post in a file of that source, or leave the duty empty",
            field="duty",
        )
    return {*ended, *connection.execute(text(ADD_NEW), params).scalars()}
