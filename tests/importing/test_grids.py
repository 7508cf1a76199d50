"""Boundaries from a file: a whole hierarchy, or the leaves of some parents beside what stands."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely import Polygon, box
from sqlalchemy import Engine

from gismap.errors import CoverageError
from gismap.importing.grids import import_grids
from gismap.importing.preparing import Order
from gismap.importing.values import Rejection
from gismap.publishing import Publication
from gismap.store.session import writing
from tests.districts import COMMUNITIES, COUNTY, SOUTH, STEP, TOWN, WEST, cell
from tests.importing.conftest import PLACES, TODAY, bring, rows, write_csv, write_vector

TOMORROW = TODAY + timedelta(days=1)
TREE = (
    "SELECT g.code, g.name, g.level, p.code FROM grid g LEFT JOIN grid p ON p.unit_id = g.parent AND upper_inf(p.valid)"
)


def publish_file(
    engine: Engine, path: Path, day: date = TODAY, **options: Any
) -> tuple[Publication | None, list[Rejection]]:
    with writing(engine) as connection:
        done, rejections, _ = import_grids(
            connection, Order("grids", path, path.name, **options),
            effective_from=day, today=TODAY, author="t", reason="t", far_km=50,
        )  # fmt: skip
    return done, rejections


def test_flat_leaves_bring_the_units_above_them(engine: Engine, tmp_path: Path) -> None:
    columns = {
        "网格编码": [f"{COMMUNITIES[0]}001", f"{COMMUNITIES[1]}001"],
        "网格名称": ["甲", "乙"],
        "社区编码": list(COMMUNITIES),
        "社区名称": ["福安社区", "太平社区"],
        "镇街编码": [TOWN] * 2,
        "镇街名称": ["钢山街道"] * 2,
        "区县编码": [COUNTY] * 2,
        "区县名称": ["邹城市"] * 2,
        "区域类型": ["小区", None],
    }
    done, rejections = publish_file(engine, write_vector(tmp_path / "g.gpkg", columns, [cell(0, 0), cell(1, 0)]))
    assert (rejections, done and done.certificate["leaves"]) == ([], 2)
    assert sorted(rows(engine, TREE)) == sorted(
        [
            (COUNTY, "邹城市", 1, None),
            (TOWN, "钢山街道", 2, COUNTY),
            *((code, name, 3, TOWN) for code, name in zip(COMMUNITIES, ("福安社区", "太平社区"), strict=True)),
            *((f"{code}001", name, 4, code) for code, name in zip(COMMUNITIES, "甲乙", strict=True)),
        ]
    )


@pytest.mark.parametrize("day", [date(2026, 1, 1), TODAY, TODAY + timedelta(days=3)])
def test_what_was_imported_before_there_were_grids_belongs_to_them_then(
    engine: Engine, tmp_path: Path, day: date
) -> None:
    bring(engine, "key_places", write_csv(tmp_path / "p.csv", PLACES[:2]), crs="wgs84")
    table = [["编码", "名称", "层级", "WKT"], ["370883", "邹城市", "1", cell(0, 0).wkt]]
    publish_file(engine, write_csv(tmp_path / "g.csv", table), day, crs="cgcs2000")
    owner = "SELECT g.code FROM element e JOIN grid g USING (unit_id, path) WHERE upper_inf(e.valid)"
    assert rows(engine, owner) == [("370883",)]


def test_rows_without_shape_are_the_units_above(engine: Engine, tmp_path: Path) -> None:
    table = [
        ["编码", "名称", "层级", "上级", "WKT"],
        [COUNTY, "邹城市", "1", "", ""],
        ["", "北管区", "3", COUNTY, ""],
        [f"{COMMUNITIES[0]}001", "甲村", "4", "北管区", cell(0, 0).wkt],
    ]
    done, rejections = publish_file(engine, write_csv(tmp_path / "g.csv", table), crs="cgcs2000")
    assert (rejections, done and done.changed) == ([], 3)
    assert ("甲村", 4) in rows(engine, "SELECT name, level FROM grid WHERE is_leaf")


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4548"])
def test_a_layer_may_hold_units_above_without_shapes(engine: Engine, tmp_path: Path, crs: str) -> None:
    columns = {"code": ["county", "g"], "name": ["邹城市", "甲"], "level": [1, 4], "parent": [None, "county"]}
    shapes = geopandas.GeoSeries([None, cell(0, 0)], crs="EPSG:4490").to_crs(crs)
    done, rejections = publish_file(engine, write_vector(tmp_path / "g.gpkg", columns, shapes, crs=crs))
    assert (rejections, done and done.changed) == ([], 2)


def test_leaves_of_one_parent_are_replaced_and_the_others_stay(own_county: Engine, tmp_path: Path) -> None:
    columns = {"code": [f"{COMMUNITIES[0]}001"], "name": ["合并网格"], "parent": [COMMUNITIES[0]]}
    both = shapely.coverage_union_all([cell(0, 0), cell(0, 1)])
    done, rejections = publish_file(own_county, write_vector(tmp_path / "g.gpkg", columns, [both]), TOMORROW)
    assert rejections == []
    assert done is not None and (done.retired, done.certificate["leaves"]) == (1, 3)
    standing = "SELECT code FROM grid WHERE is_leaf AND upper_inf(valid) ORDER BY code"
    assert [code for (code,) in rows(own_county, standing)] == [
        f"{COMMUNITIES[0]}001", f"{COMMUNITIES[1]}001", f"{COMMUNITIES[1]}002",
    ]  # fmt: skip


def test_a_border_may_have_a_vertex_on_one_side_only(own_county: Engine, tmp_path: Path) -> None:
    columns = {"code": [f"{COMMUNITIES[0]}00{i}" for i in (1, 2)], "name": ["南", "北"], "parent": [COMMUNITIES[0]] * 2}
    east, middle = WEST + STEP, SOUTH + STEP / 2
    south = box(WEST, SOUTH, east, middle)
    north = Polygon(
        [(WEST, middle), (east, middle), (east, SOUTH + STEP), (east, SOUTH + 2 * STEP), (WEST, SOUTH + 2 * STEP)]
    )
    path = write_vector(tmp_path / "g.gpkg", columns, [south, north])
    done, rejections = publish_file(own_county, path, TOMORROW)
    assert (rejections, done and done.certificate["leaves"]) == ([], 4)


def test_grids_with_a_gap_are_refused_whole(county: Engine, tmp_path: Path) -> None:
    columns = {"code": [f"{COMMUNITIES[0]}001"], "name": ["南"], "parent": [COMMUNITIES[0]]}
    part = box(WEST, SOUTH, WEST + STEP * 1.05, SOUTH + STEP)
    path = write_vector(tmp_path / "g.gpkg", columns, [part])
    with pytest.raises(CoverageError, match="not seamless"):
        publish_file(county, path, TOMORROW)
    assert rows(county, "SELECT count(*) FROM revision") == [(1,)]


def test_unknown_parents_are_rejected_by_row(county: Engine, tmp_path: Path) -> None:
    columns = {"code": ["a", "b"], "name": ["甲", "乙"], "parent": ["370883999", None]}
    path = write_vector(tmp_path / "g.gpkg", columns, [cell(5, 5), cell(6, 5)])
    done, rejections = publish_file(county, path, TOMORROW)
    assert done is None
    assert [(each.row, each.field) for each in rejections] == [(1, "parent"), (2, "parent")]
