"""Whatever is written for spreadsheets holds text that begins like a formula as text."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

import gismap
from gismap.access.audit_log import write_csv
from gismap.importing import template
from gismap.importing.forms import form_of
from gismap.spreadsheets import harmless, write_table

HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "=cmd|'/c calc'!A1",
]


@pytest.mark.parametrize("cell", HOSTILE)
def test_text_that_begins_like_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["网格", "a=1", "", "'=1", 5, -5, 1.5, None, True])
def test_other_cells_stay_as_they_are(cell: object) -> None:
    assert harmless(cell) == cell


def test_headings_are_text_too() -> None:
    file = io.StringIO()
    assert write_table(file, ["=a", "b"], [[1, "@x"], [-2, "y"]]) == 2
    assert file.getvalue().split() == ["'=a,b", "1,'@x", "-2,y"]


def test_the_audit_log_as_a_table_runs_nothing() -> None:
    entries = [
        {"seq": n, "at": "2026", "actor": text, "action": text, "subject": text, "detail": {"=a": text}}
        for n, text in enumerate(HOSTILE)
    ]
    file = io.StringIO(newline="")
    write_csv(entries, file)
    rows = list(csv.reader(io.StringIO(file.getvalue(), newline="")))[1:]
    assert [row[2] for row in rows] == [f"'{text}" for text in HOSTILE]


def test_a_template_with_hostile_titles_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = form_of("key_places", exists=True)
    fields = [replace(field, zh=f"={field.zh}", example="=1+1", note_zh="@x", note_en="-x",
                      choices={key: (f"={titles[0]}", *titles[1:]) for key, titles in field.choices.items()})
              for field in form.fields]  # fmt: skip
    monkeypatch.setattr(template, "form_of", lambda *_, **__: replace(form, fields=tuple(fields)))
    template.write_template("key_places", tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert "'=1+1" in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "n"}


def test_there_is_one_place_that_writes_tables() -> None:
    """A writer that does not pass by `gismap.spreadsheets` is found here."""
    for path in Path(gismap.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if path.name != "spreadsheets.py":
            assert not re.search(r"csv\.(Dict)?[wW]riter|\.to_csv|\.to_excel|xlsxwriter|odf", source), path
        if re.search(r"\bWorkbook\(", source):
            assert "from gismap.spreadsheets import harmless" in source, path
