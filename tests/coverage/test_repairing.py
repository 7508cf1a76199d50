"""`gismap coverage repair` and `nest`: the same form out as in, attributes and frame kept, a ledger, exit codes."""

import csv
import json
from pathlib import Path

import openpyxl
import pyogrio
import pytest
import shapely

from tests.coverage.conftest import Run, codes, grid_squares, write_areas
from tests.districts import REAL_DATA


def spoilt() -> list[shapely.Polygon]:
    shapes = grid_squares(3, 3)
    west, south, east, north = shapes[4].bounds
    shapes[4] = shapely.box(west - 2e-6, south, east, north)
    return shapes


@pytest.mark.parametrize(("ending", "frame"), [("gpkg", 4490), ("shp", 4527), ("geojson", 4326), ("geojson", 4527)])
def test_a_repair_keeps_form_attributes_and_frame_and_then_passes_the_check(
    gismap: Run, tmp_path: Path, ending: str, frame: int
) -> None:
    columns = {"编码": codes(9), "户数": list(range(300, 309)), "名称": ["福安社区第一网格"] * 9}
    write_areas(tmp_path / "whole.gpkg", spoilt(), columns)
    source = tmp_path / f"in.{ending}"
    how = {"encoding": "GB18030"} if ending == "shp" else {"RFC7946": "NO"} if ending == "geojson" else {}
    pyogrio.write_dataframe(pyogrio.read_dataframe(tmp_path / "whole.gpkg").to_crs(frame), source, **how)
    output = tmp_path / f"out.{ending}"
    code, text, _ = gismap("coverage", "repair", source, "-o", output, "--ledger", tmp_path / "ledger.json")
    assert (code, "已写入" in text) == (0, True)
    encoding = "GB18030" if ending == "shp" else None
    before, after = (pyogrio.read_dataframe(path, encoding=encoding) for path in (source, output))
    assert before.drop(columns="geometry").equals(after.drop(columns="geometry"))
    assert before.crs == after.crs
    assert gismap("coverage", "check", output)[0] == 0
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    assert ledger["moved_m2"] == pytest.approx(0.18 * 444, rel=0.02)
    assert ledger["lost"] == []
    assert ledger["moves"][0]["why"] == "overlap"
    assert gismap("coverage", "repair", output, "-o", tmp_path / f"again.{ending}")[0] == 0
    again = pyogrio.read_dataframe(tmp_path / f"again.{ending}", encoding=encoding)
    assert again.geometry.geom_equals_exact(after.geometry, 0).all()


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_spreadsheet_with_wkt_stays_one(gismap: Run, tmp_path: Path, ending: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["编码", "图形"])
    for code, shape in zip(codes(9), spoilt(), strict=True):
        sheet.append([code, shape.wkt])
    book.save(tmp_path / "in.xlsx")
    assert gismap("coverage", "repair", tmp_path / "in.xlsx", "-o", tmp_path / f"out.{ending}")[0] == 0
    assert gismap("coverage", "check", tmp_path / f"out.{ending}")[0] == 0
    if ending == "csv":
        with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as stream:
            assert [row["编码"] for row in csv.DictReader(stream)] == codes(9)


def test_what_waits_for_a_person_is_listed_and_done_when_accepted(gismap: Run, tmp_path: Path) -> None:
    shapes = grid_squares(3, 3)
    west, south, east, north = shapes[4].bounds
    shapes[4] = shapely.box(west - 4e-4, south, east, north)
    path = write_areas(tmp_path / "in.gpkg", shapes)
    code, text, _ = gismap("coverage", "repair", path, "-o", tmp_path / "out.gpkg", "--lang", "en")
    assert code == 1
    assert "would change by more than 1 %" in text
    assert gismap("coverage", "repair", path, "-o", tmp_path / "out.gpkg", "--accept")[0] == 0
    assert gismap("coverage", "check", tmp_path / "out.gpkg")[0] == 0


def test_wrong_outputs_are_refused_before_the_work(gismap: Run, tmp_path: Path) -> None:
    path = write_areas(tmp_path / "in.gpkg", grid_squares(2, 1))
    assert gismap("coverage", "repair", path, "-o", tmp_path / "out.pdf")[0] == 2
    assert gismap("coverage", "repair", path, "-o", tmp_path / "no" / "out.gpkg")[0] == 2
    assert gismap("coverage", "repair", path)[0] == 64


def test_nesting_proposes_parents_and_writes_them(gismap: Run, tmp_path: Path) -> None:
    shapes = grid_squares(4, 1)
    below = write_areas(tmp_path / "grids.gpkg", shapes)
    above = write_areas(
        tmp_path / "towns.gpkg",
        [shapely.union_all(shapes[:2]), shapely.box(117.0081, 35.4, 117.016, 35.404)],
        {"code": ["t1", "t2"]},
    )
    code, text, _ = gismap(
        "coverage", "nest", below, above, "--format", "json", "-o", tmp_path / "out.gpkg",
        "--parents-output", tmp_path / "parents.gpkg",
    )  # fmt: skip
    audit = json.loads(text)
    assert (code, audit["straddling"], audit["differing"]) == (1, 1, 1)
    assert pyogrio.read_dataframe(tmp_path / "out.gpkg")["parent"].tolist() == ["t1", "t1", "t2", "t2"]
    proposed = pyogrio.read_dataframe(tmp_path / "parents.gpkg")
    assert proposed.geometry.iloc[1].equals(shapely.union_all(shapes[2:]))
    assert gismap("coverage", "nest", below, tmp_path / "parents.gpkg")[0] == 0


if REAL_DATA is not None:

    def test_a_jittered_city_is_mended_by_moving_less_than_a_few_square_metres(gismap: Run, tmp_path: Path) -> None:
        source = REAL_DATA / "boundaries" / "london_lsoa.gpkg"
        code, _, _ = gismap(
            "coverage", "repair", source, "-o", tmp_path / "out.gpkg", "--ledger", tmp_path / "ledger.json"
        )
        ledger = json.loads((tmp_path / "ledger.json").read_text())
        assert (code, ledger["lost"], ledger["decisions"]) == (0, [], [])
        assert ledger["moved_m2"] < 2
        assert shapely.coverage_is_valid(pyogrio.read_dataframe(tmp_path / "out.gpkg").geometry.values)

    def test_real_parents_that_were_simplified_apart_all_differ(gismap: Run) -> None:
        folder = REAL_DATA / "boundaries"
        _, text, _ = gismap(
            "coverage", "nest", folder / "kr_submunicipalities_2013.gpkg", folder / "kr_municipalities_2013.gpkg",
            "--format", "json",
        )  # fmt: skip
        assert (json.loads(text)["parents"], json.loads(text)["differing"]) == (251, 251)
