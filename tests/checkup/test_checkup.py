"""A county's files together on one page: each thing wrong is told once, in words, and no person can be read from it."""

import csv
import re
from pathlib import Path
from typing import Any

import openpyxl
import pyogrio
import pytest
import shapely
from playwright.sync_api import Browser

from gismap.checkup.examining import Checkup, examine
from gismap.checkup.sources import Kind, Source, read_sources
from gismap.importing.template import write_template
from tests.coverage.conftest import Run, codes, gismap, grid_squares, write_areas

__all__ = ["gismap"]
CODES = codes(9)
NAMES = [f"福安社区第{i}网格" for i in range(1, 10)]
TEAM = (("网格长", "A岗"), ("专职网格员", "B岗"), ("兼职网格员", ""))


def sheet(path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(path)
    return path


def roster(path: Path, *, without: tuple[str, ...] = (), more: tuple[list[str], ...] = ()) -> Path:
    rows: list[list[Any]] = [["工号", "姓名", "手机号", "网格编码", "网格名称", "岗位", "AB岗"]]
    for number, (code, (role, duty)) in enumerate((c, post) for c in CODES if c not in without for post in TEAM):
        name = NAMES[CODES.index(code)]
        rows.append([f"W{number}", "王小明", f"1990000{number:04d}", code, name, role, duty])
    return sheet(path, [*rows, *more])


def boundary(path: Path, shapes: list[Any] | None = None) -> Path:
    columns = {"网格编码": CODES, "网格名称": NAMES, "所属社区": ["福安社区"] * 9}
    return write_areas(path, shapes or grid_squares(3, 3), columns)


def buildings(path: Path, shapes: list[Any], **more: list[Any]) -> Path:
    count = len(shapes)
    columns = {"编号": [f"B{i}" for i in range(count)], "名称": [f"{i}号楼" for i in range(count)], "层数": [6] * count}
    return write_areas(path, shapes, {**columns, **more})


def found(checkup: Checkup, section: str) -> list[str]:
    return [finding.key for each in checkup.sections if each.key == section for finding in each.findings]


def test_a_county_in_order_has_nothing_to_tell(tmp_path: Path) -> None:
    inside = [shapely.box(117.001, 35.401, 117.0011, 35.4011)]
    checkup = examine(
        [boundary(tmp_path / "g.gpkg"), roster(tmp_path / "r.xlsx"), buildings(tmp_path / "b.gpkg", inside)]
    )
    assert [source.kind for source in checkup.sources] == [Kind.BOUNDARY, Kind.ROSTER, Kind.BUILDINGS]
    assert (checkup.count, len(checkup.units), len(checkup.posts)) == (0, 9, 27)


def test_holes_and_overlaps_and_grids_without_an_owner_are_found(tmp_path: Path) -> None:
    shapes = grid_squares(3, 3)
    shapes[0] = shapely.box(117, 35.4, 117.005, 35.404)
    checkup = examine([boundary(tmp_path / "g.gpkg", shapes), roster(tmp_path / "r.xlsx", without=(CODES[4],))])
    assert [defect.type.value for defect in checkup.defects] == ["overlap"]
    assert found(checkup, "ownerless") == ["ownerless"]
    assert found(checkup, "vacant") == []


def test_vacancies_by_one_one_x_count_a_leader_of_the_community_for_all_its_grids(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["工号", "姓名", "手机号", "网格编码", "岗位"]]
    rows += [[f"F{i}", "李四", f"1990000{i:04d}", code, "专职网格员"] for i, code in enumerate(CODES)]
    rows += [[f"P{i}", "赵六", f"1991000{i:04d}", code, "兼职网格员"] for i, code in enumerate(CODES[:8])]
    leaderless = examine([boundary(tmp_path / "g.gpkg"), sheet(tmp_path / "r.xlsx", rows)])
    assert found(leaderless, "vacant") == ["vacant"] * 9
    led = [*rows, ["L1", "周五", "19920000000", "福安社区", "网格长"]]
    checkup = examine([tmp_path / "g.gpkg", sheet(tmp_path / "led.xlsx", led)])
    (vacancy,) = (finding for each in checkup.sections if each.key == "vacant" for finding in each.findings)
    assert vacancy.values["roles"] == ("part_time_grid_worker",)
    assert found(checkup, "numbers") == []


def test_people_with_two_posts_and_numbers_that_cannot_be_are_told(tmp_path: Path) -> None:
    more = (
        ["W0", "王小明", "19900000000", CODES[5], NAMES[5], "兼职网格员", ""],
        ["X1", "欧阳锋", "1380013800", CODES[1], NAMES[1], "兼职网格员", ""],
        ["X2", "陈一", "19900000001", CODES[1], NAMES[1], "专职网格员", "A岗"],
        ["X3", "陈二", "19930000001", "370883009009009", "没有", "专职网格员", ""],
    )
    checkup = examine([boundary(tmp_path / "g.gpkg"), roster(tmp_path / "r.xlsx", more=more)])
    assert sorted(found(checkup, "two_posts")) == ["shared_phone", "two_people", "two_posts"]
    assert sorted(found(checkup, "numbers")) == ["phone", "unknown_unit"]


def test_codes_of_no_scheme_of_elsewhere_and_used_twice_are_told(tmp_path: Path) -> None:
    spoilt = [*CODES[:6], "3708830010010", "320105001001001", CODES[0]]
    write_areas(tmp_path / "g.gpkg", grid_squares(3, 3), {"网格编码": spoilt, "网格名称": NAMES, "层级": [4] * 9})
    checkup = examine([tmp_path / "g.gpkg"])
    assert sorted(found(checkup, "numbers")) == ["code", "double_code", "foreign_code"]


def test_buildings_outside_astride_and_said_to_be_elsewhere_are_told(tmp_path: Path) -> None:
    lots = [
        shapely.box(117.001, 35.401, 117.0012, 35.4012),
        shapely.box(117.0039, 35.401, 117.0041, 35.4012),
        shapely.box(117.02, 35.401, 117.0202, 35.4012),
        shapely.box(117.0119, 35.401, 117.0121, 35.4012),
    ]
    path = buildings(tmp_path / "b.gpkg", lots, 网格编码=[CODES[1], CODES[0], CODES[2], CODES[2]])
    checkup = examine([boundary(tmp_path / "g.gpkg"), path])
    assert found(checkup, "misplaced") == ["said_elsewhere", "astride", "outside", "partly_outside"]


def test_a_file_of_elsewhere_is_one_finding(tmp_path: Path) -> None:
    far = [shapely.box(121 + i / 1000, 31, 121.0001 + i / 1000, 31.0001) for i in range(40)]
    checkup = examine([boundary(tmp_path / "g.gpkg"), buildings(tmp_path / "b.gpkg", far)])
    assert found(checkup, "misplaced") == ["all_outside"]


def test_names_that_disagree_between_files_are_told(tmp_path: Path) -> None:
    more = (["Y", "孙七", "19940000001", CODES[2], "平安社区第3网格", "兼职网格员", ""],)
    checkup = examine([boundary(tmp_path / "g.gpkg"), roster(tmp_path / "r.xlsx", more=more)])
    assert found(checkup, "names") == ["names_differ"]


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        ("staff", Kind.ROSTER),
        ("buildings", Kind.BUILDINGS),
        ("key_places", Kind.PLACES),
        ("grids", Kind.BOUNDARY),
    ],
)
def test_the_forms_that_are_given_out_are_recognised(tmp_path: Path, layer: str, kind: Kind) -> None:
    write_template(layer, tmp_path / "t.xlsx")
    (source,) = read_sources(tmp_path / "t.xlsx", "auto")
    assert isinstance(source, Source)
    assert source.kind is kind


def test_a_workbook_of_several_sheets_is_looked_at_sheet_by_sheet(tmp_path: Path) -> None:
    path = roster(tmp_path / "all.xlsx")
    book = openpyxl.load_workbook(path)
    places = book.create_sheet("场所")
    for row in (["名称", "类别", "经度", "纬度"], ["第三实验小学", "学校", "117.005", "35.405"]):
        places.append(row)
    book.create_sheet("说明").append(["填表说明"])
    book.save(path)
    checkup = examine([boundary(tmp_path / "g.gpkg"), path])
    assert [(source.name, source.kind) for source in checkup.sources[1:]] == [
        ("all.xlsx · Sheet", Kind.ROSTER),
        ("all.xlsx · 场所", Kind.PLACES),
    ]
    assert checkup.count == 0


def test_a_spreadsheet_of_places_in_gbk_and_a_bare_shapefile_are_understood(tmp_path: Path) -> None:
    boundary(tmp_path / "g.gpkg")
    plane = pyogrio.read_dataframe(tmp_path / "g.gpkg").to_crs(4527)
    pyogrio.write_dataframe(plane, tmp_path / "网格.shp", encoding="GB18030")
    for ending in (".prj", ".cpg", ".shx"):
        (tmp_path / f"网格{ending}").unlink()
    with (tmp_path / "场所.csv").open("w", encoding="gb18030", newline="") as stream:
        csv.writer(stream).writerows(
            [
                ["名称", "类别", "经度", "纬度"],
                ["第三实验小学", "学校", 117.005, 35.405],
                ["养老院", "养老院", 118, "北"],
            ]
        )
    checkup = examine([tmp_path / "网格.shp", tmp_path / "场所.csv"])
    assert [source.kind for source in checkup.sources] == [Kind.BOUNDARY, Kind.PLACES]
    assert (checkup.defects, found(checkup, "misplaced"), len(checkup.units)) == ([], [], 9)
    assert checkup.sources[1].problems == ((3, "'北' is no number"),)


def test_the_page_is_whole_by_itself_and_masks_everybody(gismap: Run, tmp_path: Path, browser: Browser) -> None:
    shapes = grid_squares(3, 3)
    shapes[0] = shapely.box(117, 35.4, 117.005, 35.404)
    more = (
        ["W0", "王小明", "19900000000", CODES[5], NAMES[5], "兼职网格员", ""],
        ["X1", "欧阳锋", "1380013800", CODES[1], NAMES[1], "兼职网格员", ""],
    )
    lots = [shapely.box(117.02, 35.401, 117.0202, 35.4012)]
    names = {"名称": ["张三家 13812345678 370883196001011234"]}
    arguments = [
        boundary(tmp_path / "g.gpkg", shapes),
        roster(tmp_path / "r.xlsx", more=more),
        buildings(tmp_path / "b.gpkg", lots, **names),
        tmp_path / "gone.xlsx",
    ]
    page = tmp_path / "report.html"
    code, text, _ = gismap("checkup", *arguments, "-o", page)
    assert (code, "发现" in text) == (1, True)
    html = page.read_text(encoding="utf-8")
    for secret in ("王小明", "欧阳锋", "19900000000", "13812345678", "370883196001011234", "1380013800"):
        assert secret not in html
    assert "王*" in html and "欧阳*" in html
    assert not re.search(r"(?:src|href)=\"(?!#)", html)
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri())
    assert tab.locator("#boundary article svg").count() == 1
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()
    assert asked == [page.as_uri()]


def test_files_of_which_none_can_be_used_are_refused_in_one_line(gismap: Run, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    code, output, errors = gismap("checkup", tmp_path / "x.csv", "-o", tmp_path / "r.html")
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert gismap("checkup")[0] == 64
