"""Remembers how an import changed rows of tables that keep no versions, so that it can be taken back exactly.

Which rows an import may change is the caller's to say; elements have versions and need no journal.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from gismap.errors import ConflictError

Condition = tuple[str, Mapping[str, Any]]
"""Which rows of a table are watched: SQL over the alias `t`, from our own code, with its parameters."""

_KEYS = {"street": "street_id", "staff": "element_id", "assignment": "assignment_id"}
_COLUMNS = {
    "street": "name street_class geom source source_ref recorded_at batch".split(),
    "staff": "person_name phone employment".split(),
    "assignment": "staff unit_id element_id role duty valid".split(),
}
_ROWS = {
    table: f"t.{key}::text AS id, to_jsonb(t)"
    + (" || jsonb_build_object('geom', t.geom::text)" if "geom" in _COLUMNS[table] else "")
    for table, key in _KEYS.items()
}


def watch(connection: Connection, table: str, condition: Condition) -> None:
    """Note the rows as they are, until the end of the transaction."""
    where, params = condition
    connection.execute(
        text(f"""
            DROP TABLE IF EXISTS before_{table};
            CREATE TEMPORARY TABLE before_{table} ON COMMIT DROP AS
            SELECT {_ROWS[table]} AS row FROM {table} t WHERE {where};
        """),
        params,
    )


def record(connection: Connection, table: str, condition: Condition, batch: int) -> int:
    """Keep what became of the watched rows, and of new ones that meet the condition; returns how many changed."""
    where, params = condition
    return connection.execute(
        text(f"""
            INSERT INTO import_undo (batch, kind, id, before, after)
            SELECT :batch, '{table}', coalesce(b.id, a.id), b.row, md5(a.row::text)
            FROM before_{table} b
            FULL JOIN (SELECT {_ROWS[table]} AS row FROM {table} t WHERE {where}) a ON a.id = b.id
            WHERE a.row IS DISTINCT FROM b.row
        """),
        {**params, "batch": batch},
    ).rowcount


def take_back(connection: Connection, batch: int) -> None:
    """Make the rows what they were before the batch.

    Raises:
        ConflictError: something changed one of them since.
    """
    kinds = connection.execute(text("SELECT DISTINCT kind FROM import_undo WHERE batch = :batch"), {"batch": batch})
    found = set(kinds.scalars())
    touched = [table for table in _KEYS if table in found]
    for table in touched:
        _check_untouched(connection, table, batch)
    for table in reversed(touched):  # posts go before the staff who hold them
        _run(connection, _REMOVE_ADDED, table, batch)
    for table in touched:
        _run(connection, _RESTORE_CHANGED, table, batch)
        _run(connection, _RESTORE_REMOVED, table, batch)
    connection.execute(text("DELETE FROM import_undo WHERE batch = :batch"), {"batch": batch})


def _check_untouched(connection: Connection, table: str, batch: int) -> None:
    changed = connection.execute(
        text(f"""
            SELECT count(*) FROM import_undo u
            LEFT JOIN (SELECT {_ROWS[table]} AS row FROM {table} t) a ON a.id = u.id
            WHERE u.batch = :batch AND u.kind = '{table}' AND md5(a.row::text) IS DISTINCT FROM u.after
        """),
        {"batch": batch},
    ).scalar_one()
    if changed:
        raise ConflictError(
            f"{changed} rows of batch {batch} were changed after it, by a later import or new boundaries: "
            "undo that import first, or import a corrected file",
            field="batch",
        )


_REMOVE_ADDED = """
DELETE FROM {table} t USING import_undo u
WHERE u.batch = :batch AND u.kind = '{table}' AND u.before IS NULL AND t.{key}::text = u.id;
"""

_RESTORE_CHANGED = """
UPDATE {table} t SET ({columns}) = ROW({old_columns})
FROM import_undo u, jsonb_populate_record(NULL::{table}, u.before) o
WHERE u.batch = :batch AND u.kind = '{table}' AND u.before IS NOT NULL AND u.after IS NOT NULL AND t.{key}::text = u.id;
"""

_RESTORE_REMOVED = """
INSERT INTO {table} ({key}, {columns}) OVERRIDING SYSTEM VALUE
SELECT o.{key}, {old_columns}
FROM import_undo u, jsonb_populate_record(NULL::{table}, u.before) o
WHERE u.batch = :batch AND u.kind = '{table}' AND u.after IS NULL;
"""


def _run(connection: Connection, statement: str, table: str, batch: int) -> None:
    columns = _COLUMNS[table]
    names = {
        "table": table,
        "key": _KEYS[table],
        "columns": ", ".join(columns),
        "old_columns": ", ".join(f"o.{column}" for column in columns),
    }
    connection.execute(text(statement.format(**names)), {"batch": batch})
