"""Tables that a spreadsheet opens without running anything in them; what they tell is each writer's own business."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any
from xml.sax.saxutils import escape

from gismap.errors import TooLargeError

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula; the wide ones where they are set to Chinese or Japanese."""


def harmless(cell: Any) -> Any:
    """A cell that is no formula: text that begins like one, or with a control character, gets an apostrophe before it.

    >>> harmless("=1+1"), harmless(-5), harmless("网格")
    ("'=1+1", -5, '网格')
    """
    if not isinstance(cell, str) or cell[:1].isalnum():  # most cells, quickly
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


MARK = "\ufeff"
"""What lets spreadsheets read Chinese in a CSV."""

MAX_SHEET_ROWS = 1_048_576
"""Of a sheet, with its heading."""

SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_MAX_SHEET_BYTES = 2_000_000_000  # before it is packed; beyond, an archive needs a form that not every program reads
_EXACT = 10**15  # a longer number is a code, of which a spreadsheet would keep 15 digits
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET_TYPE}.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="gismap" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def csv_pieces(columns: Sequence[str], chunks: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """A CSV in UTF-8, a piece for each chunk of rows."""
    heading: Sequence[str] | None = columns
    for rows in chunks:
        piece = io.StringIO(newline="")
        piece.write(MARK if heading is not None else "")
        write_table(piece, heading, rows)
        heading = None
        yield piece.getvalue().encode()


def sheet_pieces(columns: Sequence[str], chunks: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """An XLSX of one sheet, a piece for each chunk of rows; numbers are numbers, everything else is text.

    openpyxl would keep the sheet in a file until its end, and take ten times as long.

    Raises:
        TooLargeError: more than a sheet can hold.
    """
    written, rows, size = _Unseekable(), 1, 0
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as book:
        for name, part in _PARTS.items():
            book.writestr(name, _DECLARED + part)
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'{_DECLARED}<worksheet xmlns="{_SHEETS}"><sheetData>{_sheet_row(columns)}'.encode())
            for chunk in chunks:
                piece = "".join(map(_sheet_row, chunk)).encode()
                rows, size = rows + len(chunk), size + len(piece)
                if rows > MAX_SHEET_ROWS or size > _MAX_SHEET_BYTES:
                    raise TooLargeError("this is more than a sheet can hold: ask for CSV", field="file")
                sheet.write(piece)
                yield written.taken()
            sheet.write(b"</sheetData></worksheet>")
    yield written.taken()


def _sheet_row(cells: Sequence[Any]) -> str:
    return f"<row>{''.join(map(_sheet_cell, cells))}</row>"


def _sheet_cell(cell: Any) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < _EXACT:
        return f"<c><v>{cell!r}</v></c>"
    text = escape(_NO_XML.sub("\ufffd", str(harmless(cell))))
    space = ' xml:space="preserve"' if text != text.strip() else ""
    return f'<c t="inlineStr"><is><t{space}>{text}</t></is></c>'


class _Unseekable(io.RawIOBase):
    """What an archive is written to, and taken away from bit by bit."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
