"""Takes back what a batch wrote of elements: its versions go, those that it replaced stand again.

Identities that it gave stay taken.
"""

from sqlalchemy import Connection, text

from gismap.elements.membership import reassign_elements
from gismap.errors import ConflictError

# A publication copies versions with their batch, so that those that follow from boundaries are no later change.
CHANGED_LATER = """
SELECT count(DISTINCT e.element_id)
FROM element e JOIN import_batch b ON b.batch = :batch
WHERE e.element_id IN (SELECT element_id FROM element WHERE batch = :batch OR retired_batch = :batch)
  AND (e.batch = :batch AND e.retired_batch IS NOT NULL
       OR e.batch IS DISTINCT FROM :batch AND e.recorded_at > b.imported_at);
"""

RELIED_ON = """
WITH added AS (
    SELECT element_id FROM element WHERE batch = :batch
    EXCEPT SELECT element_id FROM element WHERE batch IS DISTINCT FROM :batch
)
SELECT count(*) FROM element p JOIN added ON added.element_id = p.part_of WHERE p.batch IS DISTINCT FROM :batch;
"""

SEALED = "SELECT count(DISTINCT element_id) FROM sealed.element WHERE batch = :batch OR retired_batch = :batch;"

REMOVE = "DELETE FROM element WHERE batch = :batch;"

# Versions that a batch replaced followed one another without a gap, the last one open.
REOPEN = """
WITH was AS (
    SELECT version_id, daterange(since, lead(since) OVER (PARTITION BY element_id ORDER BY since)) AS valid
    FROM element WHERE retired_batch = :batch
)
UPDATE element e SET valid = was.valid, retired_batch = NULL FROM was WHERE was.version_id = e.version_id;
"""

PUBLISHED_SINCE = """
SELECT r.effective_from FROM revision r JOIN import_batch b ON b.batch = :batch
WHERE r.published_at > b.imported_at AND r.withdrawn_at IS NULL ORDER BY r.effective_from;
"""


def take_back_elements(connection: Connection, batch: int) -> tuple[int, int]:
    """Undo the batch's writes in the caller's transaction; returns how many versions went and how many stand again.

    Raises:
        ConflictError: an element was changed later, is sealed, or is part of one that the batch added.
    """
    params = {"batch": batch}
    sealed = connection.execute(text(SEALED), params).scalar_one()
    if sealed:
        raise ConflictError(
            f"{sealed} elements of batch {batch} are sealed: it can be taken back once they are opened", field="batch"
        )
    changed = connection.execute(text(CHANGED_LATER), params).scalar_one()
    if changed:
        raise ConflictError(
            f"{changed} elements of batch {batch} were changed after it: undo the later import first", field="batch"
        )
    relied_on = connection.execute(text(RELIED_ON), params).scalar_one()
    if relied_on:
        raise ConflictError(
            f"{relied_on} elements are parts of some that batch {batch} added: undo their import first", field="batch"
        )
    removed = connection.execute(text(REMOVE), params).rowcount
    reopened = connection.execute(text(REOPEN), params).rowcount
    for day in connection.execute(text(PUBLISHED_SINCE), params).scalars().all():
        reassign_elements(connection, day)
    return removed, reopened
