"""Makes the published counts of persons in care: per unit and month, suppressed before they are stored.

What is withheld is decided in `suppression`; reading the counts is `queries`' business.
"""

from calendar import monthrange
from collections import defaultdict
from datetime import date

import numpy as np
from sqlalchemy import Connection, text

from gismap.elements.suppression import THRESHOLD, TOTAL, withheld
from gismap.errors import BadInputError, ConflictError
from gismap.store.copying import copy_rows

WITHHELD = "withheld"
"""What is said of a unit instead of a count that may not be shown: small, or needed to work out a small one."""

FEW = f"< {THRESHOLD}"
"""What is said of a free shape in which there is nothing to add up."""

# Whose record shows to somebody; drills count nobody.
PER_LEAF = """
SELECT e.path, e.category, count(*) AS number
FROM element e JOIN care_person c USING (version_id) JOIN purpose p USING (purpose)
WHERE e.layer = 'care_persons' AND e.path <> '' AND e.valid @> CAST(:day AS date)
  AND NOT p.is_drill AND p.ended_at IS NULL AND p.expires_at > now() AND c.kept_until > now()
GROUP BY 1, 2;
"""


IS_PUBLISHED = "SELECT EXISTS (SELECT FROM care_count WHERE month = :month);"


def publish_care_counts(connection: Connection, month: date, *, today: date) -> int:
    """Count the persons in care per unit and category at the end of `month`, or today while it lasts, and store what
    may be shown. Returns the number of cells that are withheld.

    A month is published once: two editions of it could be subtracted.

    Raises:
        ConflictError: it is published already.
        BadInputError: it has not begun.
    """
    first = month.replace(day=1)
    if first > today:
        raise BadInputError(f"{first:%Y-%m} has not begun", field="month")
    if connection.execute(text(IS_PUBLISHED), {"month": first}).scalar():
        raise ConflictError(f"the counts of {first:%Y-%m} are published already, once and for good", field="month")
    last = first.replace(day=monthrange(first.year, first.month)[1])
    day = min(last, today)
    units = connection.execute(
        text("SELECT unit_id, parent, path FROM grid WHERE valid @> CAST(:day AS date) ORDER BY length(path), path"),
        {"day": day},
    ).all()
    if not units:
        return 0
    row_of = {unit.unit_id: row for row, unit in enumerate(units)}
    counts, categories = _table(connection, day, row_of)
    if len(categories) == 1:
        return 0  # a district without persons in care has nothing to publish
    hidden = withheld(counts, np.array([row_of.get(unit.parent, -1) for unit in units]))
    copy_rows(
        connection,
        "care_count",
        ("unit_id", "month", "category", "shown"),
        (
            (unit.unit_id, first, category, None if hidden[row, column] else int(counts[row, column]))
            for row, unit in enumerate(units)
            for column, category in enumerate(categories)
        ),
    )
    return int(hidden.sum())


def _table(connection: Connection, day: date, row_of: dict[str, int]) -> tuple[np.ndarray, list[str]]:
    """Counts of every unit by category, and the categories; the first, '', is the sum of the others."""
    found: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for leaf in connection.execute(text(PER_LEAF), {"day": day}):
        for unit_id in leaf.path.rstrip("/").split("/"):
            found[leaf.category][row_of[unit_id]] += leaf.number
    categories = ["", *sorted(found)]
    counts = np.zeros((len(row_of), len(categories)), dtype=np.int64)
    for column, category in enumerate(categories[1:], start=1):
        for row, number in found[category].items():
            counts[row, column] = number
    counts[:, TOTAL] = counts.sum(axis=1)
    return counts, categories
