"""Files that cannot be used say why in one sentence and change nothing; one bad row never hides the others."""

import json
from pathlib import Path
from typing import Any

import pytest
from shapely import Point, Polygon, box
from sqlalchemy import Engine

from gismap.errors import BadInputError, GismapError, NotFoundError
from gismap.geometry.errors import CrsError
from tests.districts import centre
from tests.importing.conftest import PLACES, bring, counts, reasons, rows, write_csv, write_vector, write_xlsx

LON, LAT = centre(0, 0)


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"category": "school", **properties}}


def geojson(path: Path, *features: Any, **members: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": list(features)}), encoding="utf-8")
    return path


def point(x: Any, y: Any) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("a.gpkg", b"", "empty"),
        ("a.gpkg", b"hello, I am text and no database", "no GeoPackage"),
        ("a.shp", b"{}", "no Shapefile"),
        ("a.geojson", b"SQLite format 3\0 and so on", "no GeoJSON"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [{"type": "Fea', "truncated"),
        ("a.geojson", b'{"type": "Topology"}', "no GeoJSON FeatureCollection"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": []}', "no rows"),
        ("a.osm", b"<?xml version='1.0'?><osm version='0.6'><node id='1' lat='35'", "truncated"),
        ("a.osm", b"<html></html>", "no OSM XML"),
        ("a.xlsx", b"PK\x03\x04 and then nothing of use", "workbook"),
        ("a.xlsx", b"id,name\n1,x", "no XLSX"),
        ("a.zip", b"PK\x03\x04 and then nothing of use", "unpacked"),
        ("a.csv", b"\xff\xff\xff\x81", "neither UTF-8 nor GB18030"),
        ("a.csv", b"\n\n", "no rows"),
        ("a.csv", b"id,name,category,lon,lat\n", "no rows"),
        ("a.dwg", b"AC1027", "files ending in"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    nowhere: Engine, tmp_path: Path, name: str, content: bytes, cause: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError, match=cause):
        bring(nowhere, "key_places", tmp_path / name)


@pytest.mark.parametrize("ending", ["gpkg", "shp", "xlsx"])
def test_a_truncated_file_is_refused_whole(nowhere: Engine, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"p.{ending}"
    many = 400
    if ending == "xlsx":
        write_xlsx(path, [PLACES[0], *[[f"p{i}", *PLACES[1][1:]] for i in range(many)]])
    else:
        columns = {"id": [f"p{i}" for i in range(many)], "category": ["school"] * many}
        write_vector(path, columns, [Point(LON, LAT)] * many)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInputError):
        bring(nowhere, "key_places", path, crs="cgcs2000")
    assert rows(nowhere, "SELECT count(*) FROM element") == [(0,)]


def test_a_missing_file_and_an_unknown_layer_are_named(nowhere: Engine, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be opened"):
        bring(nowhere, "key_places", tmp_path / "none.csv")
    with pytest.raises(NotFoundError, match="key_places"):
        bring(nowhere, "key_place", write_csv(tmp_path / "p.csv", PLACES))
    for layer in ("care_persons", "incidents", "grids"):
        with pytest.raises(BadInputError):
            bring(nowhere, layer, tmp_path / "p.csv")


def test_a_file_without_a_frame_needs_one_and_shows_what_it_could_be(nowhere: Engine, tmp_path: Path) -> None:
    with pytest.raises(CrsError, match=r"--crs.*117.*wgs84.*gcj02"):
        bring(nowhere, "key_places", write_csv(tmp_path / "p.csv", PLACES))
    metres = [["id", "category", "x", "y"], ["a", "school", 39_500_123.0, 3_918_000.0]]
    with pytest.raises(CrsError, match="EPSG:4527"):
        bring(nowhere, "key_places", write_csv(tmp_path / "m.csv", metres))
    with pytest.raises(CrsError, match="unknown"):
        bring(nowhere, "key_places", write_csv(tmp_path / "p.csv", PLACES), crs="EPSG:999999")


def test_metres_labelled_as_degrees_are_refused(nowhere: Engine, tmp_path: Path) -> None:
    path = geojson(tmp_path / "m.geojson", feature(point(500123.0, 3918000.0)))
    with pytest.raises(BadInputError, match=r"cannot be degrees.*metres without zone"):
        bring(nowhere, "key_places", path)
    metric = write_vector(tmp_path / "d.gpkg", {"category": ["school"]}, [Point(LON, LAT)], crs="EPSG:4548")
    with pytest.raises(BadInputError, match="look like degrees"):
        bring(nowhere, "key_places", metric)


def test_the_old_crs_member_of_geojson_is_honoured(nowhere: Engine, tmp_path: Path) -> None:
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    path = geojson(tmp_path / "m.geojson", feature(point(500123.0, 3918000.0)), crs=named)
    bring(nowhere, "key_places", path)
    assert rows(nowhere, "SELECT source_crs, round(ST_X(anchor)) FROM element") == [("EPSG:4548", 117)]


def test_bad_features_are_listed_beside_good_ones(county: Engine, tmp_path: Path) -> None:
    ring = [[LON, LAT], [LON + 1e-3, LAT], [LON + 1e-3, LAT + 1e-3], [LON, LAT + 1e-3]]
    bow = [[LON, LAT], [LON + 1e-3, LAT + 1e-3], [LON + 1e-3, LAT], [LON, LAT + 1e-3], [LON, LAT]]
    path = geojson(
        tmp_path / "mixed.geojson",
        feature(point(LON, LAT)),
        feature({"type": "Polygon", "coordinates": [ring]}),
        feature({"type": "Polygon", "coordinates": [bow]}),
        feature(point(float("nan"), LAT)),
        feature(point(LAT, LON)),
        feature(point(LON + 5, LAT)),
        feature(None),
        feature(point("x", None)),
        feature({"type": "GeometryCollection", "geometries": []}),
        feature(point(LON, LAT), name="NUL\0"),
        feature(point(LON, LAT), name="「引号」'\"; 🏠"),
    )
    outcome = bring(county, "key_places", path)
    found = dict(reasons(outcome))
    assert sorted(found) == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    for row, cause in {
        2: "not closed", 3: "crosses itself", 4: "finite", 5: "swap x and y", 6: "km from the district", 10: "NUL",
    }.items():  # fmt: skip
        assert cause in found[row]
    assert rows(county, "SELECT count(*) FROM element") == [(0,)]
    assert counts(bring(county, "key_places", path, skip_rejected=True)) == (2, 0, 0, 9)
    assert ("「引号」'\"; 🏠",) in rows(county, "SELECT name FROM element")


def test_swapped_eastings_are_told_without_any_district(nowhere: Engine, tmp_path: Path) -> None:
    table = [["id", "category", "x", "y"], ["a", "school", 3_918_000.0, 500_123.0]]
    outcome = bring(nowhere, "key_places", write_csv(tmp_path / "p.csv", table), crs="EPSG:4548")
    assert "swap x and y" in reasons(outcome)[0][1]


def test_cells_that_are_no_values_are_rejected_with_row_and_column(county: Engine, tmp_path: Path) -> None:
    table = [
        ["编号", "名称", "用途", "层数", "户数", "各单元户数", "lon", "lat"],
        ["1", "一", "住宅楼", "六", "10", "", LON, LAT],
        ["2", "二", "城堡", "6", "10", "", LON, LAT],
        ["3", "三", "", "6", "-1", "", LON, LAT],
        ["4", "四", "", "6", "50", "24,24", LON, LAT],
        ["5", "五", "", "6", "", "", "很东", LAT],
        ["6", "六", "", "6", "", "", "", ""],
        ["", "七", "", "6", "", "", LON, LAT],
        ["1", "又一", "", "6", "", "", LON, LAT],
        ["9", "九", "", "6", "", "", LON, LAT, "多余"],
    ]
    outcome = bring(county, "buildings", write_csv(tmp_path / "b.csv", table), crs="wgs84")
    assert [(each.row, each.field) for each in outcome.rejections] == [
        (2, "层数"), (3, "用途"), (4, "户数"), (5, "households"), (6, "lon"), (7, "lon"), (8, "编号"),
        (9, "编号"), (10, "row"),
    ]  # fmt: skip
    assert outcome.read == 9


def test_columns_must_exist_on_both_sides(county: Engine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "p.csv", PLACES)
    with pytest.raises(BadInputError, match="it has 编号"):
        bring(county, "key_places", path, crs="wgs84", columns={"name": "标题"})
    with pytest.raises(BadInputError, match="no column of this layer"):
        bring(county, "key_places", path, crs="wgs84", columns={"nom": "名称"})
    with pytest.raises(BadInputError, match="no column for category"):
        bring(county, "key_places", write_csv(tmp_path / "q.csv", [["lon", "lat"], [LON, LAT]]), crs="wgs84")
    with pytest.raises(BadInputError, match="no columns of positions"):
        bring(county, "key_places", write_csv(tmp_path / "r.csv", [["id", "类别"], ["a", "学校"]]), crs="wgs84")


def test_a_wrong_sheet_or_layer_is_named_with_those_that_exist(county: Engine, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="Sheet1"):
        bring(county, "key_places", write_xlsx(tmp_path / "p.xlsx", PLACES), crs="wgs84", sheet="数据")
    path = tmp_path / "two.gpkg"
    for layer in ("a", "b"):
        write_vector(path, {"category": ["school"]}, [Point(LON, LAT)], layer=layer)
    with pytest.raises(BadInputError, match=r"a, b.*--sheet"):
        bring(county, "key_places", path)


def test_a_shapefile_without_attributes_or_frame_says_so(county: Engine, tmp_path: Path) -> None:
    path = write_vector(tmp_path / "b.shp", {"id": ["1"]}, [box(LON, LAT, LON + 1e-4, LAT + 1e-4)])
    path.with_suffix(".prj").unlink()
    with pytest.raises(CrsError, match="--crs"):
        bring(county, "buildings", path)
    path.with_suffix(".dbf").unlink()
    with pytest.raises(BadInputError, match=r"\.dbf"):
        bring(county, "buildings", path, crs="wgs84")


def test_a_polygon_of_a_geopackage_that_crosses_itself_is_listed(county: Engine, tmp_path: Path) -> None:
    bow = Polygon([(LON, LAT), (LON + 1e-3, LAT + 1e-3), (LON + 1e-3, LAT), (LON, LAT + 1e-3)])
    path = write_vector(tmp_path / "b.gpkg", {"id": ["good", "bad"]}, [box(LON, LAT, LON + 1e-4, LAT + 1e-4), bow])
    assert [row for row, _ in reasons(bring(county, "buildings", path))] == [2]


def test_a_failure_while_writing_leaves_nothing(
    county: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise GismapError("the disk is full")

    monkeypatch.setattr("gismap.importing.service.audit.append", fail)
    with pytest.raises(GismapError):
        bring(county, "key_places", write_csv(tmp_path / "p.csv", PLACES), crs="wgs84")
    assert rows(county, "SELECT (SELECT count(*) FROM element), (SELECT count(*) FROM import_batch)") == [(0, 0)]
