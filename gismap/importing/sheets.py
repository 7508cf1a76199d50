"""Reads CSV and XLSX into columns of text: codes keep their zeros, positions are not looked for yet."""

import csv
import datetime
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl

from gismap.errors import BadInputError
from gismap.importing.values import Rejection, Table, objects
from gismap.limits import check_cells, check_extent, check_workbook, readable_workbook

csv.field_size_limit(50_000_000)  # a cell may hold the WKT of a whole district

_EXACT_INTEGER = 10**15
"""Beyond this, a spreadsheet has rounded a code that was typed as a number."""


def read_csv(path: Path) -> Table:
    """The rows of a CSV in UTF-8 (with or without BOM), UTF-16 with BOM or GB18030; comma, semicolon or tab.

    Raises:
        BadInputError: another encoding, or no header.
    """
    text = _decoded(path)
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    numbered: list[tuple[int, list[str]]] = []
    start, cells = 1, 0
    try:
        for values in reader:
            cells += len(values)
            check_extent(path.name, len(numbered), len(values))
            check_cells(path.name, cells)
            numbered.append((start, [value.strip() for value in values]))
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadInputError(f"{path.name}, line {reader.line_num}: {error}", field="file") from error
    return _table(path, numbered)


def read_xlsx(path: Path, sheet: str | None) -> Table:
    """The rows of a sheet; the first one where none is named. Numbers become text as they are shown.

    Raises:
        BadInputError: damaged, no such sheet, or no header.
    """
    with readable_workbook(path.name):
        with path.open("rb") as stream:
            check_workbook(stream, path.name)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        names = list(book.sheetnames)
    try:
        if sheet is not None and sheet not in names:
            raise BadInputError(f"there is no sheet {sheet!r}; there are {', '.join(names)}", field="sheet")
        with readable_workbook(path.name):
            chosen = book[sheet or names[0]]
            chosen.reset_dimensions()  # some programs write wrong ones
            numbered = list(_rows(path.name, chosen.iter_rows(values_only=True)))
    finally:
        book.close()
    return _table(path, numbered)


def sheet_names(path: Path) -> list[str]:
    """The sheets of a workbook that are not hidden.

    Raises:
        BadInputError: damaged.
    """
    with readable_workbook(path.name):
        with path.open("rb") as stream:
            check_workbook(stream, path.name)
        book = openpyxl.load_workbook(path, read_only=True, keep_links=False)
        try:
            return [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
        finally:
            book.close()


def _rows(name: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, list[Any]]]:
    """Numbered rows with anything in them: a row may give a number, and a cell a column, far beyond the others."""
    cells = characters = 0
    for number, values in enumerate(rows, 1):
        check_extent(name, number, 1)
        texts: list[Any] = []
        for value in values:
            text = _cell(value)
            texts.append(text)
            cells, characters = cells + 1, characters + len(text or "")
            check_cells(name, cells, characters)
        while texts and texts[-1] is None:
            texts.pop()
        if texts:
            yield number, texts


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    encodings = ("utf-16",) if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInputError(f"{path.name} is text in neither UTF-8 nor GB18030: save it as CSV UTF-8", field="file")


def _table(path: Path, numbered: Sequence[tuple[int, list[Any]]]) -> Table:
    filled = [(number, values) for number, values in numbered if any(value not in (None, "") for value in values)]
    if not filled:
        raise BadInputError(f"{path.name} holds no rows", field="file")
    names = _header(path, filled[0][1])
    width, rejections, kept, rows = len(names), [], [], []
    for number, values in filled[1:]:
        extra = [value for value in values[width:] if value not in (None, "")]
        if extra:
            reason = f"the row has {len(values)} values, the header {width}: quote values that contain the separator"
            rejections.append(Rejection(number, "row", reason))
        elif any(isinstance(value, _Rounded) for value in values):
            at = next(i for i, value in enumerate(values) if isinstance(value, _Rounded))
            reason = "a code of more than 15 digits was rounded by the spreadsheet: format the column as text"
            rejections.append(Rejection(number, names[at] or "row", reason))
        else:
            kept.append(([value if value != "" else None for value in values] + [None] * width)[:width])
            rows.append(number)
    columns = {name: objects([row[i] for row in kept]) for i, name in enumerate(names) if name is not None}
    return Table(columns, np.array(rows, dtype=np.int64), rejections=rejections)


def _header(path: Path, values: Iterable[Any]) -> list[str | None]:
    """Names of columns; a column without a heading is left out, unless nothing has one."""
    names = [str(value).strip() if value not in (None, "") else None for value in values]
    while names and names[-1] is None:
        names.pop()
    named = [name for name in names if name is not None]
    double = next((name for name in named if named.count(name) > 1), None)
    if double is not None:
        raise BadInputError(f"{path.name} has two columns called {double!r}: rename one", field="file")
    return names


class _Rounded(str):
    """A number too long for a spreadsheet to hold exactly."""

    __slots__ = ()


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if abs(value) >= _EXACT_INTEGER:
            return _Rounded(value)
        return str(int(value)) if float(value).is_integer() else repr(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value).strip()
