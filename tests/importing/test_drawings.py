"""KML of several folders, KMZ, DXF of closed and open lines with Chinese text, and zips of several Shapefiles."""

import zipfile
from pathlib import Path

import geopandas
import pytest
import shapely

from gismap.errors import BadInputError
from gismap.importing.reading import read_table

KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>福安社区</name>
<Placemark><name>第1网格</name><ExtendedData><Data name="code"><value>001</value></Data></ExtendedData>
<Polygon><outerBoundaryIs><LinearRing>
<coordinates>117,35,9 117.01,35,9 117.01,35.01,9 117,35,9</coordinates></LinearRing></outerBoundaryIs>
</Polygon></Placemark></Folder>
<Folder><name>和平社区</name><Folder><name>北</name>
<Placemark><name>第2网格</name><MultiGeometry>
<Polygon><outerBoundaryIs><LinearRing><coordinates>117,36 117.01,36 117.01,36.01 117,36</coordinates></LinearRing>
</outerBoundaryIs></Polygon>
<Polygon><outerBoundaryIs><LinearRing><coordinates>118,36 118.01,36 118.01,36.01 118,36</coordinates></LinearRing>
</outerBoundaryIs></Polygon></MultiGeometry></Placemark></Folder>
<Placemark><name>开口</name><Polygon><outerBoundaryIs><LinearRing>
<coordinates>117,37 117.01,37 117.01,37.01 117,37.01</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
<Placemark><name>坏</name><Polygon><outerBoundaryIs><LinearRing><coordinates>117,x</coordinates></LinearRing>
</outerBoundaryIs></Polygon></Placemark></Folder></Document></kml>
"""


def test_a_kml_gives_the_placemarks_of_all_folders(tmp_path: Path) -> None:
    (tmp_path / "g.kml").write_text(KML, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "g.kmz", "w") as archive:
        archive.writestr("doc.kml", KML)
    for name in ("g.kml", "g.kmz"):
        table = read_table(tmp_path / name, "grids")
        assert table.columns["folder"].tolist() == ["福安社区", "和平社区 / 北"]
        assert table.columns["code"].tolist() == ["001", None]
        assert [shape.geom_type for shape in table.geom] == ["Polygon", "MultiPolygon"]
        assert [each.row for each in table.rejections] == [3, 4]
        assert table.crs == "wgs84"
        kept = read_table(tmp_path / name, "grids", keep_broken=True)
        assert [None if shape is None else shape.is_valid for shape in kept.geom] == [True, True, True, None]


def dxf(path: Path, entities: list[list[tuple[int, object]]], codepage: str = "ANSI_936") -> Path:
    pairs: list[tuple[int, object]] = [(0, "SECTION"), (2, "HEADER"), (9, "$ACADVER"), (1, "AC1015")]
    pairs += [(9, "$DWGCODEPAGE"), (3, codepage), (0, "ENDSEC"), (0, "SECTION"), (2, "ENTITIES")]
    pairs += [pair for entity in entities for pair in entity] + [(0, "ENDSEC"), (0, "EOF")]
    path.write_bytes("".join(f"{code:>3}\r\n{value}\r\n" for code, value in pairs).encode("gbk"))
    return path


def polyline(layer: str, corners: list[tuple[float, float]], *, closed: bool) -> list[tuple[int, object]]:
    head: list[tuple[int, object]] = [(0, "LWPOLYLINE"), (8, layer), (90, len(corners)), (70, int(closed))]
    return head + [pair for x, y in corners for pair in ((10, x), (20, y))]


def text(at: tuple[float, float], says: str) -> list[tuple[int, object]]:
    return [(0, "TEXT"), (8, "文字"), (10, at[0]), (20, at[1]), (40, 2.5), (1, says)]


X, Y = 39_500_000.0, 3_900_000.0
CELL = [(X, Y), (X + 100, Y), (X + 100, Y + 100), (X, Y + 100)]


def test_a_drawing_becomes_cells_that_are_called_what_is_written_in_them(tmp_path: Path) -> None:
    path = dxf(
        tmp_path / "g.dxf",
        [
            polyline("网格", CELL, closed=True),
            polyline("网格", [(X + 100, Y), (X + 200, Y), (X + 200, Y + 100), (X + 100, Y + 100)], closed=False),
            [(0, "LINE"), (8, "网格"), (10, X + 200), (20, Y), (11, X + 300), (21, Y)],
            [(0, "LINE"), (8, "网格"), (10, X + 300), (20, Y), (11, X + 200), (21, Y + 100)],
            polyline("道路", [(X, Y - 50), (X + 300, Y - 50)], closed=False),
            text((X + 50, Y + 50), "福安社区第1网格"),
            text((X + 50, Y + 40), "12"),
            text((X + 150, Y + 50), "{\\fSimSun;福安社区第2网格}"),
        ],
    )
    table = read_table(path, "grids")
    assert sorted(map(str, table.columns["name"])) == ["None", "福安社区第1网格", "福安社区第2网格"]
    assert sorted(shape.area for shape in table.geom) == [5_000, 10_000, 10_000]
    assert table.crs is None
    with pytest.raises(BadInputError, match="enclose nothing"):
        read_table(path, "grids", "道路")


def test_arcs_of_polylines_are_followed(tmp_path: Path) -> None:
    bulged = polyline("0", CELL[:2], closed=True)
    bulged.insert(6, (42, 1))  # a half circle
    table = read_table(dxf(tmp_path / "arc.dxf", [bulged]), "grids")
    assert table.geom[0].area == pytest.approx(3.14159 * 50**2 / 2, rel=0.01)


@pytest.mark.parametrize("content", ["", "no drawing", "  0\nSECTION\n 10\n", "  0\nSECTION\n  2\nENTITIES\nx\ny\n"])
def test_what_is_no_drawing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.dxf").write_text(content)
    with pytest.raises(BadInputError):
        read_table(tmp_path / "x.dxf", "grids")


def test_a_zip_of_several_shapefiles_with_chinese_names_is_chosen_from(tmp_path: Path) -> None:
    stand_ins = {"AAAA": "网格", "BBBB": "社区"}
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for number, name in enumerate(stand_ins, 1):
            table = geopandas.GeoDataFrame({"n": [number]}, geometry=[shapely.box(*CELL[0], *CELL[2])], crs=4527)
            table.to_file(tmp_path / f"{name}.shp", engine="pyogrio")
            for ending in ("shp", "dbf", "shx"):
                archive.write(tmp_path / f"{name}.{ending}", f"{name}.{ending}")
    packed = (tmp_path / "set.zip").read_bytes()
    for name, chinese in stand_ins.items():  # as Windows packs them: GBK, and no word of it
        packed = packed.replace(f"{name}.".encode(), f"{chinese}.".encode("gbk"))
    (tmp_path / "set.zip").write_bytes(packed)
    with pytest.raises(BadInputError, match="网格, 社区"):
        read_table(tmp_path / "set.zip", "grids")
    assert read_table(tmp_path / "set.zip", "grids", "社区").columns["n"].tolist() == [2]
