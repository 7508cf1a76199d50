"""Lists to locate as rows of cells: CSV, XLSX or JSON, read bit by bit; what the answers are is not known here.

A list is looked through once before anything is answered: what is wrong with the whole of it is told then. What is
wrong with a row is told in that row.
"""

import codecs
import csv
import datetime
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any, Literal, NamedTuple

import openpyxl
import orjson

from gismap.errors import BadInputError, TooLargeError
from gismap.limits import MAX_COLUMNS, check_extent, check_workbook, readable_workbook
from gismap.locating.batch import Cell

Kind = Literal["csv", "xlsx", "json"]
Opens = Callable[[], IO[bytes]]

MAX_ROW_CHARACTERS = 50_000
MAX_CHARACTERS = 1_000_000_000
"""Of a workbook, where one shared text may stand in every cell."""

_PIECE = 1 << 20
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SPACE = " \t\r\n"


class Row(NamedTuple):
    """The cells of a row, as many as there are columns, and what is wrong with it."""

    cells: list[Cell]
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that was looked through: its columns, about how many rows there are (a workbook may have empty ones), and
    the rows themselves, which may be read more than once."""

    kind: Kind
    columns: Sequence[str]
    count: int
    rows: Callable[[], Iterator[Row]]


def open_list(opens: Opens, name: str, kind: Kind, *, sheet: str | None = None, most: int | None = None) -> Listing:
    """Look through a list that `opens` opens, as often as it is called; `most` is how many rows it may have.

    Raises:
        BadInputError: empty, not what it is said to be, damaged, or without a heading.
        TooLargeError: more rows than `most`, or a workbook that unfolds to more than is read.
    """
    with closing(opens()) as stream:
        _check_head(stream.read(256), name, kind)
    if sheet is not None and kind != "xlsx":
        raise BadInputError(f"a {kind.upper()} has no sheets to choose from", field="sheet")
    if kind == "xlsx":
        return _open_xlsx(opens, name, sheet, most)
    return _open_csv(opens, name, most) if kind == "csv" else _open_json(opens, name, most)


def _check_head(head: bytes, name: str, kind: Kind) -> None:
    if not head:
        raise BadInputError(f"{name} is empty", field="file")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start[:1] == b"<":
        looks = "a web page or XML"
    elif head.startswith(_OLD_EXCEL):
        looks = "an old Excel workbook (.xls)"
    else:
        looks = "a workbook or archive" if head.startswith(_ZIP) else "text"
    if looks != ("a workbook or archive" if kind == "xlsx" else "text"):
        raise BadInputError(
            f"{name} is no {kind.upper()}, though it says so: it begins like {looks}; save it again as XLSX or CSV",
            field="file",
        )


def _check_count(name: str, count: int, most: int | None) -> None:
    if most is not None and count > most:
        raise TooLargeError(f"{name} holds more than the {most:,} rows that are read: split it", field="file")


def _named(name: str, heading: Iterable[Any]) -> list[str]:
    """The headings; trailing columns that have none are no columns."""
    names = ["" if cell is None else str(cell).strip() for cell in heading]
    while names and not names[-1]:
        names.pop()
    double = next((one for one in names if one and names.count(one) > 1), None)
    if double is not None:
        raise BadInputError(f"{name} has two columns called {double[:40]!r}: rename one", field="file")
    if not names:
        raise BadInputError(f"{name} has no heading: its first row must name the columns", field="file")
    check_extent(name, 0, len(names))
    return names


def _row(cells: list[Cell], width: int) -> Row:
    """A row of the width of the heading; what is beyond it is told, so that nothing is lost."""
    beyond = [cell for cell in cells[width:] if cell not in (None, "")]
    fitting = (cells + [None] * (width - len(cells)))[:width]
    if not beyond:
        return Row(fitting)
    told = f"the row has {len(cells)} values, the heading {width}: quote values that contain the separator"
    return Row(fitting, f"{told} (beyond it: {', '.join(map(str, beyond))[:200]})")


# ── CSV ──


@dataclass(frozen=True, slots=True)
class _Text:
    """How bytes are text; `is_broken`: some of them are not, which shows in the rows as lone surrogates."""

    encoding: str
    is_broken: bool

    def lines(self, opens: Opens) -> Iterator[str]:
        """The text, opened anew."""
        errors = "surrogateescape" if self.is_broken else "strict"
        with io.TextIOWrapper(opens(), self.encoding, errors, newline="") as text:
            yield from text


def _open_csv(opens: Opens, name: str, most: int | None) -> Listing:
    text = _encoding(opens, name)
    first = next((line for line in text.lines(opens) if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    columns, count = _look_through(text.lines(opens), name, delimiter)
    _check_count(name, count, most)

    def rows() -> Iterator[Row]:
        is_heading = True
        for cells in csv.reader(text.lines(opens), delimiter=delimiter):
            if not cells:
                continue
            if is_heading:
                is_heading = False
            else:
                yield _csv_row(cells, len(columns), check=text.is_broken)

    return Listing("csv", columns, count, rows)


def _csv_row(cells: list[Any], width: int, *, check: bool) -> Row:
    for k, cell in enumerate(cells):
        if cell[:1] == "-" and cell[1:].replace(".", "", 1).isdecimal():
            cells[k] = Decimal(cell)  # a number, and no formula that would need an apostrophe
    row = _row(cells, width)
    return _readable(row) if check else row


def _readable(row: Row) -> Row:
    """The row, with a word on what in it is no text."""
    try:
        "".join(cell for cell in row.cells if isinstance(cell, str)).encode()
    except UnicodeEncodeError:
        cells = [_shown(cell) if isinstance(cell, str) else cell for cell in row.cells]
        return Row(cells, "some characters of the row cannot be read: they are no UTF-8")
    return row


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _encoding(opens: Opens, name: str) -> _Text:
    """UTF-8 (all of it, or all but a few bytes), UTF-16 with its mark, or GB18030.

    A few broken bytes of UTF-8 may well be GB18030 all together, which would make nonsense of every name.
    """
    with closing(opens()) as stream:
        head = stream.read(4)
    if head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        if _decodes(opens, "utf-16"):
            return _Text("utf-16", is_broken=False)
    elif _decodes(opens, "utf-8-sig"):
        return _Text("utf-8-sig", is_broken=False)
    elif _is_nearly_utf8(opens):
        return _Text("utf-8-sig", is_broken=True)
    elif _decodes(opens, "gb18030"):
        return _Text("gb18030", is_broken=False)
    raise BadInputError(f"{name} is text in neither UTF-8 nor GB18030: save it as CSV UTF-8", field="file")


def _decodes(opens: Opens, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with closing(opens()) as stream:
        try:
            while piece := stream.read(_PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _is_nearly_utf8(opens: Opens) -> bool:
    """Whether far more characters beyond ASCII are UTF-8 than are not."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    good = broken = 0
    with closing(opens()) as stream:
        while piece := stream.read(_PIECE):
            text = decoder.decode(piece)
            if not text.isascii():
                escaped = sum(map(text.count, map(chr, range(0xDC80, 0xDD00))))
                broken += escaped
                good += sum(character > "\x7f" for character in text) - escaped
    return broken * 10 <= good


def _look_through(lines: Iterator[str], name: str, delimiter: str) -> tuple[list[str], int]:
    """The columns and the number of rows.

    Raises:
        BadInputError: no heading, or a quote that swallows the rest.
    """
    recent: list[str] = []
    last: list[str] = []

    def watched() -> Iterator[str]:
        for line in lines:
            recent.append(line)
            yield line

    reader = csv.reader(watched(), delimiter=delimiter)
    columns: list[str] = []
    count = -1
    try:
        for cells in reader:
            last, recent[:] = recent[:], []
            if cells and count < 0:
                columns = _named(name, cells)
            count += bool(cells)
    except csv.Error as error:
        raise BadInputError(f"{name}, line {reader.line_num}: {error}", field="file") from error
    try:
        list(csv.reader(last, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            line = reader.line_num - len(last) + 1
            raise BadInputError(f"{name}, line {line}: a quote is opened that is never closed", field="file") from error
    if not columns:
        raise BadInputError(f"{name} holds no rows", field="file")
    return columns, count


# ── XLSX ──


def _open_xlsx(opens: Opens, name: str, sheet: str | None, most: int | None) -> Listing:
    with readable_workbook(name), closing(opens()) as stream:
        parts = check_workbook(stream, name)
    count = max(max(parts.values(), default=0) - 1, 0)
    _check_count(name, count, most)
    columns = _named(name, next(_sheet_rows(opens, name, sheet), []))

    def rows() -> Iterator[Row]:
        found = _sheet_rows(opens, name, sheet)
        next(found)
        for cells in found:
            yield _row(cells, len(columns))

    return Listing("xlsx", columns, count, rows)


def _sheet_rows(opens: Opens, name: str, sheet: str | None) -> Iterator[list[Cell]]:
    """The rows of a sheet that hold anything; the first sheet where none is named."""
    with closing(opens()) as stream, readable_workbook(name):
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        if sheet is not None and sheet not in book.sheetnames:
            there_are = ", ".join(book.sheetnames)[:200]
            raise BadInputError(f"there is no sheet {sheet!r}; there are {there_are}", field="sheet")
        chosen = book[sheet or book.sheetnames[0]]
        chosen.reset_dimensions()  # some programs write wrong ones
        total = 0
        for values in chosen.iter_rows(values_only=True):
            cells = list(values)
            while cells and cells[-1] is None:
                cells.pop()
            characters = sum(len(cell) for cell in cells if isinstance(cell, str))
            total += characters
            if len(cells) > MAX_COLUMNS or characters > MAX_ROW_CHARACTERS or total > MAX_CHARACTERS:
                raise TooLargeError(f"{name} holds a row that is longer than rows that are read", field="file")
            if cells:
                yield [_plain(cell) for cell in cells]


def _plain(value: Any) -> Cell:
    """A cell of a workbook as text or a number."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


# ── JSON ──


def _open_json(opens: Opens, name: str, most: int | None) -> Listing:
    with closing(opens()) as stream:
        content = stream.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{name} is no JSON: it must be UTF-8", field="file") from error
    columns: dict[str, None] = {}
    count = 0
    for row in _objects(text, name):
        count += 1
        if any(isinstance(cell, dict | list) for cell in row.values()):
            _check_nested(row, name, count)
        columns.update(dict.fromkeys(row))
        check_extent(name, 0, len(columns))
        _check_count(name, count, most)
    if not columns:
        raise BadInputError(f"{name} holds no rows", field="file")
    names = list(columns)
    shown = [_shown(column) for column in names]
    if len(set(shown)) < len(shown):
        raise BadInputError(f"{name} has columns whose names are no text", field="file")

    def rows() -> Iterator[Row]:
        for row in _objects(text, name):
            yield _readable(Row([row.get(column) for column in names]))

    return Listing("json", shown, count, rows)


def _check_nested(row: dict[str, Any], name: str, number: int) -> None:
    try:
        orjson.dumps(row)
    except TypeError as error:
        raise BadInputError(f"{name}, row {number}: {error}", field="file") from error


def _objects(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The objects of an array, one after the other: all at once would take ten times as much memory as the text."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_whole)
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise BadInputError(f"{name} must be an array of rows: [{{…}}, {{…}}]", field="file")
    at = _skip(text, at + 1)
    number = 0
    while text[at : at + 1] != "]":
        number += 1
        try:
            row, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"{name} is no JSON: {str(error)[:200]} (row {number})", field="file") from error
        if not isinstance(row, dict):
            raise BadInputError(f'{name}, row {number}: a row is an object such as {{"x": 117, …}}', field="file")
        yield row
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise BadInputError(f"{name} is no JSON: after row {number} a comma or ] is missing", field="file")
    if _skip(text, at + 1) < len(text):
        raise BadInputError(f"{name} is no JSON: something follows the array", field="file")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _whole(digits: str) -> int | str:
    """A whole number; a longer one than others read exactly is a code, and stays as it was written."""
    return int(digits) if len(digits) < 16 else digits


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
