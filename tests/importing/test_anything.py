"""Whatever a file holds, an import understands it or says in one sentence why not; it never breaks down."""

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box

from gismap.errors import GismapError
from gismap.geometry.errors import GeometryError
from gismap.importing.forms import FORMS
from gismap.importing.preparing import Order, Prepared, Surroundings, prepare
from tests.districts import SOUTH, STEP, WEST
from tests.importing.conftest import TODAY, write_csv, write_vector, write_xlsx

DISTRICT = (WEST, SOUTH, WEST + 2 * STEP, SOUTH + 2 * STEP)
LAYERS = st.sampled_from([name for name in FORMS if name != "staff"])
HARD = ["", "117.005", "35.405", "nan", "inf", "-0", "1e400", "NULL", "学校", "POINT (1 2", "POINT EMPTY", "24,24"]
CELLS = st.one_of(st.text(max_size=12), st.sampled_from(HARD))
HEADINGS = st.sampled_from("编号 名称 类别 用途 层数 户数 各单元户数 lon lat WKT 数量 核验日期 备注 x y".split())
NUMBERS = st.one_of(
    st.floats(), st.integers(-(10**30), 10**30), st.none(), st.booleans(), st.just("1"), st.just(117.005)
)
NESTED = st.recursive(
    st.one_of(st.none(), st.lists(NUMBERS, max_size=4)), lambda inner: st.lists(inner, max_size=5), max_leaves=12
)
TYPES = st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon", "Nope"])
GEOMETRIES = st.one_of(
    st.none(),
    st.fixed_dictionaries({"type": TYPES, "coordinates": NESTED}),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
NAMES = st.one_of(st.sampled_from(["name", "category", "use", "floors", "id", "备注"]), st.text(max_size=4))
PROPERTIES = st.one_of(st.none(), st.dictionaries(NAMES, st.one_of(NUMBERS, NESTED, st.text(max_size=9)), max_size=4))
FEATURES = st.fixed_dictionaries({"type": st.just("Feature"), "geometry": GEOMETRIES, "properties": PROPERTIES})


def understood(layer: str, path: Path, crs: str = "cgcs2000") -> Prepared | None:
    """What an import makes of a file; None where it is refused with a reason."""
    around = Surroundings(FORMS[layer], None, DISTRICT, {}, TODAY, 50)
    try:
        return prepare(Order(layer, path, "s", crs=crs), around)
    except (GismapError, GeometryError) as error:
        assert error.detail and "\n" not in error.detail
        return None


def complete(prepared: Prepared | None) -> bool:
    """Whether every row that was read is a draft or a rejection."""
    if prepared is None:
        return True
    drafts = len(prepared.elements) + len(prepared.streets)
    return prepared.read == drafts + len({each.row for each in prepared.rejections})


@settings(max_examples=150, deadline=None)
@given(
    LAYERS, st.lists(HEADINGS, min_size=1, max_size=8, unique=True), st.lists(st.lists(CELLS, max_size=9), max_size=6)
)
def test_any_table(layer: str, headings: list[str], table: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        write_csv(path, [headings, *table], encoding="utf-8")
        assert complete(understood(layer, path))


@settings(max_examples=150, deadline=None)
@given(
    LAYERS,
    st.lists(FEATURES, max_size=5),
)
def test_any_geojson(layer: str, features: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        assert complete(understood(layer, path))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([".csv", ".geojson", ".xlsx", ".zip", ".osm", ".gpkg", ".shp"]), st.binary(max_size=200))
def test_any_bytes(ending: str, content: bytes) -> None:
    starts = {
        ".gpkg": b"SQLite format 3\0",
        ".xlsx": b"PK\x03\x04",
        ".zip": b"PK\x03\x04",
        ".shp": b"\0\0\x27\x0a",
        ".osm": b"<osm>",
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"t{ending}"
        path.write_bytes(starts.get(ending, b"") + content)
        assert complete(understood("key_places", path))


@pytest.mark.parametrize("ending", ["gpkg", "shp", "dbf", "shx", "xlsx", "geojson", "csv", "zip"])
def test_damaged_files(tmp_path: Path, ending: str) -> None:
    columns = {"id": [str(i) for i in range(40)], "category": ["学校"] * 40}
    read = tmp_path / f"p.{'shp' if ending in ('dbf', 'shx') else ending}"
    table = [[*columns, "lon", "lat"], *[[str(i), "学校", 117.005, 35.405] for i in range(40)]]
    if ending == "xlsx":
        write_xlsx(read, table)
    elif ending == "csv":
        write_csv(read, table)
    elif ending == "zip":
        import zipfile

        write_vector(tmp_path / "in.shp", columns, [box(117, 35.4, 117.001, 35.401)] * 40, encoding="GBK")
        with zipfile.ZipFile(read, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in tmp_path.glob("in.*"):
                archive.write(part, part.name)
    else:
        write_vector(read, columns, [Point(117.005, 35.405)] * 40)
    damaged = tmp_path / f"p.{ending}"
    good, chance = damaged.read_bytes(), random.Random(ending)
    for _ in range(25):
        content = bytearray(good)
        for _ in range(chance.choice([1, 3, 20])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        damaged.write_bytes(bytes(content[: chance.choice([len(content), chance.randrange(1, len(content))])]))
        assert complete(understood("key_places", read))
