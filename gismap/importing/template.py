"""Writes the spreadsheet to fill for a layer: headings, lists of allowed values, an example row and notes."""

from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from gismap.errors import BadInputError
from gismap.importing.fields import Field, LayerForm
from gismap.importing.forms import form_of
from gismap.importing.grid_form import GRIDS
from gismap.spreadsheets import harmless

DATA_SHEET, NOTES_SHEET, LISTS_SHEET = "数据", "说明", "选项"
FIRST_ROW, LAST_ROW = 3, 5000
"""Rows that the lists of allowed values cover; headings stand above, in Chinese and English."""

_HEADING = PatternFill("solid", fgColor="1B5A97")
_REQUIRED = PatternFill("solid", fgColor="8F450D")
_EXAMPLE = Font(italic=True, color="808080")

_GUIDE = (
    ("在“数据”表中从第 4 行起填写,每行一个对象;第 3 行是示例,导入时自动跳过。",
     "Fill the sheet 数据 from row 4 on, one thing per row; row 3 is an example, which is left out."),
    ("深橙色标题为必填。列可以增加或删去;多出的列作为附加属性保存。",
     "Dark orange headings must be filled. Columns may be added or removed; others are kept as attributes."),
    ("编号、编码等列为文本格式,请勿改为数字,以免丢失前面的零。",
     "Codes are text: do not turn them into numbers, which lose their zeros."),
    ("不得填写身份证号、个人姓名和私人电话(网格力量名册的姓名和工作电话除外)。",
     "No identity numbers, names of persons or private phones (but for names and duty phones of a roster)."),
)  # fmt: skip
_GUIDE_OF_CARE = (
    _GUIDE[0],
    ("深橙色标题为必填。处理目的不需要的列须删去,否则整个文件被拒绝;导入时用 --purpose 说明处理目的。",
     "Dark orange headings must be filled. Remove columns that the purpose does not need, else the file is refused; "
     "--purpose names the purpose when importing."),
    _GUIDE[2],
    ("不得填写信访、违法犯罪、宗教、民族、政治面貌、艾滋病、涉毒等内容。导入后请妥善销毁本表。",
     "Nothing about petitions, offences, faith, ethnicity, political views, HIV, drugs. Destroy the file afterwards."),
)  # fmt: skip


def write_template(layer: str, path: Path) -> None:
    """Write the form of a layer, or of the grids, as XLSX.

    Raises:
        BadInputError: the file cannot be written, or nothing is imported into this layer.
        NotFoundError: there is no such layer.
    """
    if path.suffix.lower() != ".xlsx":
        raise BadInputError(f"a template is an XLSX file, not {path.suffix or 'one without an ending'}", field="output")
    form = GRIDS if layer == "grids" else form_of(layer, exists=False)
    book = Workbook()
    data = book.worksheets[0]
    data.title = DATA_SHEET
    _write_data(data, form)
    _write_notes(book.create_sheet(NOTES_SHEET), layer, form)
    _write_lists(book.create_sheet(LISTS_SHEET), data, form)
    try:
        book.save(path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}", field="output") from error


def _write_data(sheet: Worksheet, form: LayerForm) -> None:
    for number, field in enumerate(form.fields, 1):
        zh, en, example = (sheet.cell(row, number) for row in (1, 2, 3))
        zh.value, en.value, example.value = (harmless(text) for text in (field.zh, field.name, field.example))
        zh.fill = en.fill = _REQUIRED if field.required else _HEADING
        zh.font, en.font = Font(bold=True, color="FFFFFF"), Font(color="FFFFFF")
        example.font = _EXAMPLE
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = max(14, len(field.example) * 1.6)
        sheet.column_dimensions[letter].number_format = "@"
        for row in range(FIRST_ROW, FIRST_ROW + 200):  # a column's format alone does not reach new cells everywhere
            sheet.cell(row, number).number_format = "@"
    sheet.freeze_panes = "A3"


def _write_notes(sheet: Worksheet, layer: str, form: LayerForm) -> None:
    sheet.append([harmless(layer)])
    for lines in _GUIDE_OF_CARE if layer == "care_persons" else _GUIDE:
        for line in lines:
            sheet.append([line])
    sheet.append([])
    sheet.append(["列", "Column", "必填 Required", "可填的值 Allowed values", "说明", "Notes"])
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for field in form.fields:
        allowed = "、".join(f"{titles[0]} ({value})" for value, titles in field.choices.items())
        required = "是 yes" if field.required else ""
        texts = (field.zh, field.name, required, allowed, field.note_zh, field.note_en)
        sheet.append([harmless(text) for text in texts])
    for letter, width in zip("ABCDEF", (16, 18, 14, 60, 40, 50), strict=True):
        sheet.column_dimensions[letter].width = width
    for row in sheet.iter_rows(min_row=len(_GUIDE) * 2 + 3):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")


def _write_lists(sheet: Worksheet, data: Worksheet, form: LayerForm) -> None:
    """The allowed values in columns of a hidden sheet: a list written into the cell's rule may have 255 characters."""
    for number, field in enumerate(form.fields, 1):
        if not field.choices:
            continue
        titles = [words[0] for words in field.choices.values()]
        letter = get_column_letter(number)
        for row, title in enumerate(titles, 1):
            sheet.cell(row, number).value = harmless(title)
        rule = _rule(field, f"{LISTS_SHEET}!${letter}$1:${letter}${len(titles)}")
        rule.add(f"{letter}{FIRST_ROW}:{letter}{LAST_ROW}")
        data.add_data_validation(rule)
    sheet.sheet_state = "hidden"


def _rule(field: Field, cells: str) -> DataValidation:
    rule = DataValidation(type="list", formula1=cells, allow_blank=not field.required)
    rule.showErrorMessage = not field.open
    rule.errorTitle, rule.error = field.zh, "请从列表中选择"
    return rule
