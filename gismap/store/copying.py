"""Bulk loading through COPY; knows the text format, not the tables."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson
import shapely
from sqlalchemy import Connection

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append `rows` to `table` in the caller's transaction; None is NULL, dicts and lists become JSON.

    `table` and `columns` are names from our own code, never from outside.
    """
    buffer = io.StringIO()
    buffer.writelines("\t".join(map(_field, row)) + "\n" for row in rows)
    buffer.seek(0)
    cursor = connection.connection.cursor()
    try:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", buffer)
    finally:
        cursor.close()


def ewkb(geometries: Sequence[shapely.Geometry | None] | np.ndarray, srid: int | None = 4490) -> np.ndarray:
    """Hexadecimal EWKB for COPY into geometry columns, one text (or None) per geometry; any Z is dropped."""
    array = np.array(geometries, dtype=object)
    if srid is not None:
        array = shapely.set_srid(array, srid)
    hexes: np.ndarray = shapely.to_wkb(array, hex=True, include_srid=srid is not None, output_dimension=2)
    return hexes


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (dict, list)):
        value = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return str(value).translate(_ESCAPES)
