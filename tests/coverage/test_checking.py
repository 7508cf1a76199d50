"""`gismap coverage check`: codes for scripts, forms for people and programs, one report however bad the file."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from tests.coverage.conftest import Run, codes, grid_squares, square, write_areas, write_features
from tests.districts import REAL_DATA


def test_a_clean_layer_passes_and_says_so_in_both_languages(gismap: Run, tmp_path: Path) -> None:
    path = write_areas(tmp_path / "grids.gpkg", grid_squares(4, 3))
    code, text, errors = gismap("coverage", "check", path)
    assert (code, errors) == (0, "")
    assert "12 个单元" in text
    assert "恰好属于一个单元" in text
    assert "exactly one unit" in gismap("coverage", "check", path, "--lang", "en")[1]


def test_the_json_is_as_documented(gismap: Run, tmp_path: Path) -> None:
    shapes = grid_squares(3, 3)
    path = write_areas(tmp_path / "grids.geojson", shapes[:4] + shapes[5:] + shapes[:1])
    code, text, _ = gismap("coverage", "check", path, "--format", "json", "--lang", "en")
    report = json.loads(text)
    assert code == 1
    assert report["units"] == 9
    assert report["area_m2"] == pytest.approx(8 * 363 * 444, rel=0.01)
    assert report["summary"] == {"duplicate": 1, "gap": 1}
    assert list(report["defects"][0]) == [
        "type", "units", "area_m2", "width_m", "length_m", "at", "remedy", "action"
    ]  # fmt: skip
    gap = report["defects"][1]
    assert (gap["type"], len(gap["units"])) == ("gap", 9)
    assert shapes[4].contains(shapely.Point(gap["at"]))
    assert gap["remedy"] == "Give it to a neighbour, or draw the unit that is missing"


def test_coverage_is_proved_against_an_outline_in_another_frame(gismap: Run, tmp_path: Path) -> None:
    shapes = grid_squares(3, 3)
    plane = write_areas(tmp_path / "grids.gpkg", shapes).with_name("plane.gpkg")
    pyogrio.write_dataframe(pyogrio.read_dataframe(tmp_path / "grids.gpkg").to_crs(4527), plane)
    outline = write_areas(tmp_path / "county.geojson", [shapely.union_all(shapes)], {"name": ["县"]})
    code, text, _ = gismap("coverage", "check", plane, "--within", outline, "--format", "json")
    assert (code, json.loads(text)["summary"]) == (0, {})
    missing = write_areas(tmp_path / "missing.gpkg", shapes[:8])
    code, text, _ = gismap("coverage", "check", missing, "--within", outline, "--format", "json")
    assert (code, json.loads(text)["summary"]) == (1, {"uncovered": 1})


def test_holes_that_are_listed_are_no_defects(gismap: Run, tmp_path: Path) -> None:
    shapes = grid_squares(3, 3)
    lake = shapely.box(117.005, 35.405, 117.007, 35.407)
    path = write_areas(tmp_path / "grids.gpkg", [*shapes[:4], shapely.difference(shapes[4], lake), *shapes[5:]])
    water = write_areas(tmp_path / "water.geojson", [lake], {"name": ["湖"]})
    assert "飞地或水面: 1" in gismap("coverage", "check", path)[1]
    assert gismap("coverage", "check", path, "--allow-holes", water)[0] == 0
    assert gismap("coverage", "check", path, "--allowed", "117.006,35.406")[0] == 0
    assert gismap("coverage", "check", path, "--allowed", "117.001,35.401")[0] == 1
    assert gismap("coverage", "check", path, "--allowed", "here")[0] == 64


def test_defects_go_to_qgis_as_geojson_and_geopackage(gismap: Run, tmp_path: Path) -> None:
    shapes = grid_squares(3, 1)
    shapes[1] = shapely.box(117.0039, 35.4, 117.008, 35.404)
    path = write_areas(tmp_path / "grids.gpkg", shapes)
    assert gismap("coverage", "check", path, "-o", tmp_path / "defects.geojson")[0] == 1
    assert gismap("coverage", "check", path, "-o", tmp_path / "defects.gpkg")[0] == 1
    for name in ("defects.geojson", "defects.gpkg"):
        (defect,) = pyogrio.read_dataframe(tmp_path / name).to_crs(4490).itertuples()
        assert (defect.type, defect.number) == ("overlap", 1)
        assert defect.geometry.equals_exact(shapely.box(117.0039, 35.4, 117.004, 35.404).normalize(), 1e-9) or (
            defect.geometry.area == pytest.approx(1e-4 * 0.004)
        )


def test_the_page_numbers_each_defect_and_loads_nothing(gismap: Run, tmp_path: Path) -> None:
    shapes = grid_squares(3, 3)
    path = write_areas(tmp_path / "grids.gpkg", [*shapes[:4], *shapes[5:]], {"name": ["<script>", *"abcdefg"]})
    assert gismap("coverage", "check", path, "-o", tmp_path / "page.html")[0] == 1
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'class="m gap" data-n="1"' in page
    assert 'class="close"' in page
    assert "<script>" not in page.replace('<script>"use strict"', "", 1)
    assert "http" not in page.replace("http://www.w3.org", "")


def test_one_bad_row_never_hides_the_others(gismap: Run, tmp_path: Path) -> None:
    open_ring = {"type": "Polygon", "coordinates": [square(117.01, 35)["coordinates"][0][:4]]}
    bow_tie = {
        "type": "Polygon",
        "coordinates": [[[117.1, 35], [117.11, 35.01], [117.11, 35], [117.1, 35.01], [117.1, 35]]],
    }
    beyond = {"type": "Polygon", "coordinates": [[[117, 36], [1e308, 36], [1e308, 36.1], [117, 36]]]}
    path = write_features(
        tmp_path / "bad.geojson",
        [
            ({"code": "good"}, square(117, 35)),
            ({"code": "open"}, open_ring),
            ({"code": "bow"}, bow_tie),
            ({"code": "far"}, beyond),
            ({"code": "point"}, {"type": "Point", "coordinates": [117, 35]}),
            ({"code": "none"}, None),
            ({"code": "again"}, square(117, 35)),
        ],
    )
    code, text, _ = gismap("coverage", "check", path, "--format", "json", "--lang", "en")
    found = {(defect["type"], *defect["units"]) for defect in json.loads(text)["defects"]}
    assert code == 1
    assert found == {
        ("invalid", "open"), ("invalid", "bow"), ("invalid", "far"), ("invalid", "point"), ("empty", "none"),
        ("duplicate", "good", "again"),
    }  # fmt: skip
    assert gismap("coverage", "check", path)[0] == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("hello", "no GeoJSON"),
        ('{"type":"FeatureCollection","features":[]}', "no rows"),
        ('{"type":"Point","coordinates":[117,35]}', "no polygons"),
    ],
)
def test_a_file_without_areas_is_refused_in_one_line(gismap: Run, tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "x.geojson").write_text(content)
    code, output, errors = gismap("coverage", "check", tmp_path / "x.geojson")
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert says in errors


def test_heights_are_left_out_and_double_codes_told_by_their_rows(gismap: Run, tmp_path: Path) -> None:
    tall = [shapely.force_3d(shape, 9.0) for shape in grid_squares(3, 1)]
    path = write_areas(tmp_path / "tall.gpkg", tall, {"code": ["a", "b", "a"]})
    code, text, _ = gismap("coverage", "check", path, "--format", "json", "--lang", "en")
    assert (code, json.loads(text)["summary"]) == (0, {})
    assert "stand more than once: a" in json.loads(text)["notes"][0]


def test_a_million_vertices_in_one_ring_are_checked(gismap: Run, tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 1_000_000)[:-1]
    reach = 0.05 + 0.001 * np.sin(9 * turn)
    coast = shapely.Polygon(np.column_stack([117 + reach * np.cos(turn), 35 + reach * np.sin(turn)]))
    path = write_areas(tmp_path / "coast.gpkg", [coast, shapely.box(117.2, 35, 117.21, 35.01)])
    assert gismap("coverage", "check", path)[0] == 0


ZONED = [shapely.box(39_500_000 + i * 100, 3_900_000, 39_500_100 + i * 100, 3_900_100) for i in range(3)]


def test_metres_that_are_labelled_as_degrees_are_measured_by_the_zone_in_their_eastings(
    gismap: Run, tmp_path: Path
) -> None:
    path = write_areas(tmp_path / "wrong.gpkg", ZONED, crs="EPSG:4326")
    code, text, _ = gismap("coverage", "check", path, "--format", "json", "--lang", "en")
    report = json.loads(text)
    assert (code, report["crs"], report["area_m2"]) == (0, "EPSG:4527", pytest.approx(30_000))
    assert "zone 39" in " ".join(report["notes"])


def test_metres_without_a_zone_are_measured_and_the_likely_frames_named(gismap: Run, tmp_path: Path) -> None:
    flat = [shapely.transform(shape, lambda xy: xy - [39_000_000, 0]) for shape in ZONED]
    flat[1] = shapely.box(500_090, 3_900_000, 500_200, 3_900_100)
    path = write_areas(tmp_path / "flat.shp", flat, {"code": codes(3)}, crs=None)
    report = json.loads(gismap("coverage", "check", path, "--format", "json", "--lang", "en")[1])
    assert report["crs"] is None
    assert [(d["type"], d["area_m2"], d["at"]) for d in report["defects"]] == [("overlap", 1000.0, None)]
    assert "EPSG:4548, EPSG:4549" in report["notes"][0]
    assert gismap("coverage", "check", path, "--format", "geojson")[0] == 2
    located = gismap("coverage", "check", path, "--crs", "EPSG:4548", "--format", "json")[1]
    assert json.loads(located)["defects"][0]["at"] == pytest.approx([117.001, 35.2295], abs=0.001)


if REAL_DATA is not None:

    def test_five_thousand_jittered_units_are_checked_in_seconds_of_cpu(gismap: Run) -> None:
        code, text, _ = gismap("coverage", "check", REAL_DATA / "boundaries" / "london_lsoa.gpkg", "--format", "json")
        report = json.loads(text)
        assert code == 1
        assert report["units"] == 4835
        assert report["summary"]["jitter"] < 1000
        assert set(report["summary"]) == {"invalid", "multipart", "jitter"}
