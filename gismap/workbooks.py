"""Writes workbooks of tables; what a cell may hold is decided in `spreadsheets`, what they tell by each writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from gismap.errors import BadInputError
from gismap.spreadsheets import harmless


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook: a table with headings that can be filtered, printed on A4 as wide as the page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def write_workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    """Write XLSX. Text stays text (codes keep their zeros), numbers stay numbers.

    Raises:
        BadInputError: the file cannot be written.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in sheets:
        _fill(book.create_sheet(sheet.title), sheet)
    try:
        book.save(path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}", field="output") from error


_HEADING = PatternFill("solid", fgColor="24478F")
_WIDEST = 48


def _fill(into: Worksheet, sheet: Sheet) -> None:
    into.append([harmless(column) for column in sheet.columns])
    for cell in into[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), _HEADING
    for row in sheet.rows:
        into.append([harmless(value) for value in row])
    for number, heading in enumerate(sheet.columns, 1):
        widest = max([_width(heading), *(_width(row[number - 1]) for row in sheet.rows[:1000])])
        into.column_dimensions[get_column_letter(number)].width = min(widest + 2, _WIDEST)
    for cells in into.iter_rows(min_row=2):
        for cell in cells:
            cell.alignment = Alignment(vertical="top", wrap_text=True)
            if isinstance(cell.value, str):
                cell.number_format = "@"
            elif isinstance(cell.value, int | float):
                cell.number_format = "#,##0"
    into.freeze_panes = "A2"
    into.auto_filter.ref = into.dimensions
    into.print_title_rows = "1:1"
    into.page_setup.orientation, into.page_setup.paperSize = "landscape", "9"  # A4
    into.page_setup.fitToHeight = 0
    into.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _width(value: Any) -> int:
    """About how many digits wide a cell is: Chinese characters count twice."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in ("" if value is None else str(value)))
