"""Counts posts by unit; who holds them is told elsewhere."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, text

POSTS = """
SELECT unit_id, count(*) AS posts FROM assignment
WHERE unit_id = ANY(:units) AND valid @> CAST(:day AS date) GROUP BY unit_id;
"""


def posts_in(connection: Connection, unit_ids: Collection[str], day: date) -> dict[str, int]:
    """How many posts each of these units has on a day; those without any are left out."""
    rows = connection.execute(text(POSTS), {"units": list(unit_ids), "day": day})
    return {row.unit_id: row.posts for row in rows}
