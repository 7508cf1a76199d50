"""The form to fill: what it offers, and that it comes back as it was filled."""

from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import Engine

from gismap.errors import BadInputError
from gismap.importing.forms import FORMS
from gismap.importing.template import write_template
from tests.districts import COMMUNITIES, centre
from tests.importing.conftest import bring, counts, rows

POSITION = {"x": centre(0, 0)[0], "y": centre(0, 0)[1]}
FILLED = {
    "buildings": {"key": "007", "name": "1号楼", "use": "住宅楼", "floors": 6, "unit_households": "24,20", **POSITION},
    "streets": {"key": "s1", "name": "人民路", "street_class": "主干路", "wkt": "LINESTRING (117 35.4, 117.01 35.4)"},
    "key_places": {"key": "1", "name": "三小", "category": "学校", "x": "117.005", "y": "35.405"},
    "service_stations": {"key": "1", "name": "站", **POSITION},
    "supplies": {
        "key": "1",
        "name": "栓",
        "category": "消火栓",
        "quantity": 2,
        "last_verified": "2026/3/1",
        **POSITION,
    },
    "staff": {
        "key": "001",
        "person_name": "王一",
        "phone": 19900000001,
        "unit": COMMUNITIES[0] + "001",
        "role": "网格长",
        "duty": "A岗",
    },
}


@pytest.mark.parametrize("layer", FILLED)
def test_a_filled_template_comes_back_without_its_example(county: Engine, tmp_path: Path, layer: str) -> None:
    path = tmp_path / f"{layer}.xlsx"
    write_template(layer, path)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    names = [cell.value for cell in sheet[2]]
    for name, value in FILLED[layer].items():
        sheet.cell(4, names.index(name) + 1).value = value
    book.save(path)
    outcome = bring(county, layer, path, crs="cgcs2000")
    assert counts(outcome) == (1, 0, 0, 0)
    assert outcome.notes[0] == "row 3: the example of the template was left out"


def test_codes_in_a_filled_template_keep_their_zeros(county: Engine, tmp_path: Path) -> None:
    test_a_filled_template_comes_back_without_its_example(county, tmp_path, "buildings")
    assert rows(county, "SELECT source_ref FROM element") == [("007",)]


@pytest.mark.parametrize("layer", [*FORMS, "grids"])
def test_a_template_offers_the_allowed_values_and_explains_them(tmp_path: Path, layer: str) -> None:
    write_template(layer, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["数据", "说明", "选项"]
    lists = book.worksheets[0].data_validations.dataValidation
    assert layer == "service_stations" or lists
    for each in lists:
        sheet, cells = each.formula1.split("!")
        assert all(cell.value for column in book[sheet][cells.replace("$", "")] for cell in column)
    assert "示例" in [cell.value for cell in book.worksheets[0][3]]


def test_an_unfilled_template_and_other_endings_are_refused(county: Engine, tmp_path: Path) -> None:
    write_template("buildings", tmp_path / "t.xlsx")
    with pytest.raises(BadInputError, match="no rows but the example"):
        bring(county, "buildings", tmp_path / "t.xlsx")
    with pytest.raises(BadInputError, match="XLSX"):
        write_template("buildings", tmp_path / "t.csv")
