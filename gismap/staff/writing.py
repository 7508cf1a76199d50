"""Writes staff and their assignments; who is on duty is asked elsewhere."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, text

from gismap.elements.values import ElementDraft
from gismap.errors import BadInputError
from gismap.staff.values import AssignmentDraft
from gismap.store.copying import copy_rows

STAGING = """
DROP TABLE IF EXISTS incoming_staff;
CREATE TEMPORARY TABLE incoming_staff (source_ref text, person_name text, phone text, employment text) ON COMMIT DROP;
"""

UPSERT = """
INSERT INTO staff (element_id, person_name, phone, employment)
SELECT e.element_id, i.person_name, i.phone, i.employment
FROM incoming_staff i
JOIN element e ON e.source = :source AND e.source_ref = i.source_ref AND e.layer = 'staff' AND upper_inf(e.valid)
ON CONFLICT (element_id) DO UPDATE
SET person_name = excluded.person_name, phone = excluded.phone, employment = excluded.employment;
"""


def write_staff(connection: Connection, drafts: Sequence[ElementDraft], *, source: str) -> None:
    """Store the names and duty phones of staff whose elements of the same source are already written."""
    connection.execute(text(STAGING))
    copy_rows(
        connection,
        "incoming_staff",
        ("source_ref", "person_name", "phone", "employment"),
        (
            (draft.source_ref, draft.staff.person_name, draft.staff.phone, draft.staff.employment)
            for draft in drafts
            if draft.staff is not None
        ),
    )
    connection.execute(text(UPSERT), {"source": source})


def write_assignments(
    connection: Connection, drafts: Sequence[AssignmentDraft], *, source: str, unit_ids: Mapping[str, str]
) -> None:
    """Store the posts of staff of one source; `unit_ids` translates the keys of unit drafts to identities.

    Raises:
        BadInputError: a draft names staff or a unit that does not exist.
    """
    rows = connection.execute(
        text(
            "SELECT source_ref, element_id FROM element WHERE source = :source AND layer = 'staff' AND upper_inf(valid)"
        ),
        {"source": source},
    )
    staff = {row.source_ref: row.element_id for row in rows}
    for draft in drafts:
        if draft.staff not in staff:
            raise BadInputError(f"there is no staff {draft.staff} in source {source}", field="staff")
        if draft.unit not in unit_ids:
            raise BadInputError(f"there is no unit {draft.unit}", field="unit")
    copy_rows(
        connection,
        "assignment",
        ("staff", "unit_id", "role", "duty", "valid"),
        ((staff[one.staff], unit_ids[one.unit], one.role, one.duty, f"[{one.since},)") for one in drafts),
    )


def end_assignments(connection: Connection, unit_ids: Collection[str], day: date) -> int:
    """End the posts in units that stop existing on `day`; later posts there are dropped. Returns how many."""
    ended = connection.execute(
        text("""
            UPDATE assignment SET valid = daterange(lower(valid), :day)
            WHERE unit_id = ANY(:units) AND valid @> CAST(:day AS date) AND lower(valid) < CAST(:day AS date)
        """),
        {"units": list(unit_ids), "day": day},
    ).rowcount
    dropped = connection.execute(
        text("DELETE FROM assignment WHERE unit_id = ANY(:units) AND lower(valid) >= CAST(:day AS date)"),
        {"units": list(unit_ids), "day": day},
    ).rowcount
    return ended + dropped
