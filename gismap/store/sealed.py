"""Moves the rows of an element, and of its parts, out of the tables that everything reads, and back again.

The schema `sealed` has the same tables with the same columns; the service cannot read it.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

SCHEMAS = ("public", "sealed")
"""What is in sight, and what is not."""

TABLES = ("building", "building_unit", "dwelling", "care_person", "care_secret")
"""Subordinate records, in the order in which they refer to one another."""

WITH_PARTS = """
WITH RECURSIVE whole (element_id) AS (
    SELECT CAST(:element AS text) COLLATE "C"
    UNION
    SELECT e.element_id FROM {schema}.element e JOIN whole ON e.part_of = whole.element_id
)
SELECT element_id FROM whole;
"""


def put_away(connection: Connection, element_id: str) -> list[str]:
    """Move an element and its parts away, all versions of them; returns their identities."""
    elements = _whole(connection, element_id, "public")
    _copy(connection, elements, source="public", target="sealed")
    connection.execute(text("DELETE FROM element WHERE element_id = ANY(:elements)"), {"elements": elements})
    return elements


def take_out(connection: Connection, element_id: str) -> list[str]:
    """Move them back as they were; returns their identities."""
    elements = _whole(connection, element_id, "sealed")
    _copy(connection, elements, source="sealed", target="public")
    for table in TABLES:
        _of_versions(connection, f"DELETE FROM sealed.{table} t", elements, "sealed")
    connection.execute(text("DELETE FROM sealed.element WHERE element_id = ANY(:elements)"), {"elements": elements})
    return elements


def delete_versions(connection: Connection, versions: Sequence[int], schema: str) -> None:
    """Delete versions of elements with their subordinate records, which no foreign key does out of sight."""
    params = {"versions": list(versions)}
    for table in (*TABLES, "element"):
        connection.execute(text(f"DELETE FROM {schema}.{table} WHERE version_id = ANY(:versions)"), params)


def _whole(connection: Connection, element_id: str, schema: str) -> list[str]:
    return list(connection.execute(text(WITH_PARTS.format(schema=schema)), {"element": element_id}).scalars())


def _copy(connection: Connection, elements: Sequence[str], *, source: str, target: str) -> None:
    overriding = "OVERRIDING SYSTEM VALUE" if target == "public" else ""
    connection.execute(
        text(f"""
            INSERT INTO {target}.element {overriding}
            SELECT * FROM {source}.element WHERE element_id = ANY(:elements)
        """),
        {"elements": elements},
    )
    for table in TABLES:
        _of_versions(connection, f"INSERT INTO {target}.{table} SELECT t.* FROM {source}.{table} t", elements, source)


def _of_versions(connection: Connection, statement: str, elements: Sequence[str], schema: str) -> None:
    connection.execute(
        text(f"""
            {statement} WHERE t.version_id IN (
                SELECT version_id FROM {schema}.element WHERE element_id = ANY(:elements))
        """),
        {"elements": elements},
    )
