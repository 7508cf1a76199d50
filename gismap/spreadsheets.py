"""Tables that a spreadsheet opens without running anything in them; what they tell is each writer's own business."""

import csv
from collections.abc import Iterable, Sequence
from typing import IO, Any

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula; the wide ones where they are set to Chinese or Japanese."""


def harmless(cell: Any) -> Any:
    """A cell that is no formula: text that begins like one, or with a control character, gets an apostrophe before it.

    >>> harmless("=1+1"), harmless(-5), harmless("网格")
    ("'=1+1", -5, '网格')
    """
    if not isinstance(cell, str):
        return cell
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell[:1] in {"\t", "\r", "\n"} else cell


def write_table(file: IO[str], columns: Sequence[str] | None, rows: Iterable[Sequence[Any]]) -> int:
    """Write CSV, without a heading where `columns` is None; returns the number of rows."""
    table = csv.writer(file)
    if columns is not None:
        table.writerow([harmless(column) for column in columns])
    count = 0
    for row in rows:
        table.writerow([harmless(cell) for cell in row])
        count += 1
    return count
