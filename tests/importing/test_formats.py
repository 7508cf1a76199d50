"""Every format arrives: shapes in their grids, attributes, Chinese names in any encoding, frames transformed."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pyogrio
import pytest
from shapely import LineString, Point, box
from sqlalchemy import Engine

from gismap.geometry.datums import gcj02_to_bd09, wgs84_to_gcj02
from tests.districts import COMMUNITIES, centre
from tests.importing.conftest import PLACES, bring, counts, rows, write_csv, write_vector, write_xlsx

SOUTH_WEST = COMMUNITIES[0] + "001"
WHERE = """
SELECT e.source_ref, e.name, e.category, g.code
FROM element e LEFT JOIN grid g ON g.unit_id = e.unit_id
WHERE upper_inf(e.valid) ORDER BY e.source_ref
"""


def footprint() -> Any:
    lon, lat = centre(0, 0)
    return box(lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_with_chinese_headings_arrives_in_its_grids(county: Engine, tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "places.csv", PLACES, encoding)
    assert counts(bring(county, "key_places", path, crs="wgs84")) == (2, 0, 0, 0)
    assert rows(county, WHERE) == [
        ("p1", "第三实验小学", "school", SOUTH_WEST),
        ("p2", "福安养老院", "care_home", COMMUNITIES[1] + "002"),
    ]
    assert rows(county, "SELECT attributes FROM element ORDER BY source_ref") == [({},), ({"床位": 40},)]


def test_codes_of_a_workbook_stay_text(county: Engine, tmp_path: Path) -> None:
    table = [
        ["编号", "名称", "类别", "lon", "lat", "社区编码", "门牌"],
        [370883001001001, "店", "商店", 117.005, 35.405, "370883001001", "007"],
    ]
    bring(county, "key_places", write_xlsx(tmp_path / "p.xlsx", table), crs="cgcs2000")
    assert rows(county, "SELECT source_ref, attributes FROM element") == [
        ("370883001001001", {"社区编码": "370883001001", "address": "007"})
    ]


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "shp"])
def test_buildings_arrive_from_vector_files_with_their_record(county: Engine, tmp_path: Path, ending: str) -> None:
    columns = {"code": ["b1"], "name": ["1号楼"], "use": ["住宅"], "floors": [6], "units": ["24,20"]}
    how = {"encoding": "UTF-8"} if ending == "shp" else {}
    path = write_vector(tmp_path / f"b.{ending}", columns, [footprint()], **how)
    bring(county, "buildings", path, columns={"unit_households": "units"}, crs="cgcs2000")
    assert rows(county, WHERE) == [("b1", "1号楼", "residential", SOUTH_WEST)]
    assert rows(county, "SELECT floors, households, use FROM building") == [(6, 44, "residential")]
    assert rows(county, "SELECT number, households FROM building_unit ORDER BY number") == [(1, 24), (2, 20)]


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_shapefile_without_cpg_is_read_by_its_bytes(
    county: Engine, tmp_path: Path, encoding: str, zipped: bool
) -> None:
    path = write_vector(
        tmp_path / "楼.shp", {"id": ["b1"], "name": ["福安小区一号楼"]}, [footprint()], encoding=encoding
    )
    path.with_suffix(".cpg").unlink()
    if zipped:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for part in tmp_path.glob("楼.*"):
                archive.write(part, f"folder/{part.name}")
        path = tmp_path / "all.zip"
    bring(county, "buildings", path)
    assert rows(county, "SELECT name FROM element") == [("福安小区一号楼",)]


def test_a_shapefile_without_shx_is_read_and_nothing_is_written_beside_it(county: Engine, tmp_path: Path) -> None:
    path = write_vector(tmp_path / "b.shp", {"id": ["b1"]}, [footprint()])
    path.with_suffix(".shx").unlink()
    before = sorted(tmp_path.iterdir())
    assert counts(bring(county, "buildings", path)) == (1, 0, 0, 0)
    assert sorted(tmp_path.iterdir()) == before


def test_a_projected_frame_is_transformed_and_the_reported_shape_kept(county: Engine, tmp_path: Path) -> None:
    metric = geopandas.GeoSeries([Point(*centre(0, 0))], crs="EPSG:4490").to_crs("EPSG:4527")
    path = write_vector(tmp_path / "p.gpkg", {"id": ["a"], "category": ["school"]}, metric, crs="EPSG:4527")
    bring(county, "key_places", path)
    (found,) = rows(county, "SELECT source_crs, ST_X(anchor), ST_Y(anchor), ST_X(as_reported) FROM element")
    assert found[0] == "EPSG:4527"
    assert np.allclose(found[1:3], centre(0, 0), atol=1e-9)
    assert found[3] == pytest.approx(metric.x[0])


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_positions_from_phones_are_put_where_they_are(county: Engine, tmp_path: Path, crs: str) -> None:
    shifted = wgs84_to_gcj02(*centre(0, 0))
    lon, lat = gcj02_to_bd09(*shifted) if crs == "bd09" else shifted
    table = [["id", "name", "category", "lng", "lat"], ["a", "站", "学校", float(lon), float(lat)]]
    bring(county, "key_places", write_csv(tmp_path / "p.csv", table), crs=crs)
    (found,) = rows(county, "SELECT source_crs, ST_X(anchor), ST_Y(anchor) FROM element")
    assert found[0] == crs
    assert np.allclose(found[1:], centre(0, 0), atol=1e-9)


def test_streets_arrive_as_lines_with_our_classes(county: Engine, tmp_path: Path) -> None:
    lines = [LineString([(117, 35.4), (117.01, 35.4)]), LineString([(117, 35.41), (117.01, 35.41)])]
    path = write_vector(
        tmp_path / "s.gpkg", {"name": ["人民路", None], "fclass": ["primary_link", "living_street"]}, lines
    )
    assert counts(bring(county, "streets", path)) == (2, 0, 0, 0)
    assert rows(county, "SELECT name, street_class FROM street ORDER BY 2") == [(None, "lane"), ("人民路", "primary")]


def test_wkt_in_a_column_is_a_shape(county: Engine, tmp_path: Path) -> None:
    table = [["id", "name", "class", "WKT"], ["s1", "太平路", "次干路", "LINESTRING (117 35.4, 117.01 35.41)"]]
    bring(county, "streets", write_csv(tmp_path / "s.csv", table), crs="wgs84")
    assert rows(county, "SELECT source_ref, street_class, ST_NPoints(geom) FROM street") == [("s1", "secondary", 2)]


def test_an_import_can_add_a_layer(county: Engine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "trees.csv", [["id", "name", "lon", "lat"], ["t1", "古槐", 117.005, 35.405]])
    bring(county, "old_trees", path, crs="wgs84", title_zh="古树名木", title_en="Old trees")
    assert rows(county, "SELECT title_zh, built_in FROM layer WHERE name = 'old_trees'") == [("古树名木", False)]
    assert rows(county, "SELECT layer, name FROM element") == [("old_trees", "古槐")]


def test_without_any_grid_things_belong_to_nobody_yet(nowhere: Engine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "p.csv", PLACES)
    assert counts(bring(nowhere, "key_places", path, crs="wgs84")) == (2, 0, 0, 0)
    assert rows(nowhere, "SELECT DISTINCT unit_id, path FROM element") == [(None, "")]


def test_a_layer_of_a_geopackage_and_a_sheet_of_a_workbook_can_be_chosen(county: Engine, tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    for layer, name in (("a", "甲"), ("b", "乙")):
        write_vector(path, {"name": [name], "category": ["school"]}, [Point(*centre(0, 0))], layer=layer)
    bring(county, "key_places", path, sheet="b")
    assert rows(county, "SELECT name FROM element") == [("乙",)]


def test_tables_beside_the_layer_of_a_geopackage_are_no_choice(county: Engine, tmp_path: Path) -> None:
    path = write_vector(tmp_path / "b.gpkg", {"id": ["b1"]}, [footprint()])
    styles = pandas.DataFrame({"style": ["x"]})
    pyogrio.write_dataframe(styles, path, layer="layer_styles", append=False)
    assert counts(bring(county, "buildings", path)) == (1, 0, 0, 0)


def test_a_very_long_wkt_is_read(county: Engine, tmp_path: Path) -> None:
    line = LineString([(117 + i * 1e-7, 35.4 + (i % 2) * 1e-7) for i in range(10_000)])
    table = [["id", "name", "WKT"], ["s1", "长街", line.wkt]]
    bring(county, "streets", write_csv(tmp_path / "s.csv", table), crs="wgs84")
    assert rows(county, "SELECT ST_NPoints(geom) FROM street") == [(10_000,)]


def test_a_whole_folder_is_left_as_it_was(county: Engine, tmp_path: Path) -> None:
    path = write_vector(tmp_path / "b.gpkg", {"id": ["b1"]}, [footprint()])
    copy = shutil.copyfile(path, tmp_path / "copy.gpkg")
    bring(county, "buildings", path)
    assert path.read_bytes() == copy.read_bytes()
