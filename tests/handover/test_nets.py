"""Two departments' grids laid over each other: who shares what, where they contradict, and one net of both."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from openpyxl import load_workbook
from shapely import box

from gismap.geometry.coverage import find_defects
from gismap.geometry.overlay import NOBODY
from gismap.handover.nets import Buildings, Comparison, Net, compare_nets, crosstab
from tests.districts import SOUTH, STEP, WEST


def land(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """In steps of the small county's lattice."""
    return box(WEST + STEP * west, SOUTH + STEP * south, WEST + STEP * east, SOUTH + STEP * north)


POLICE = {"警一": land(0, 0, 1, 1), "警二": land(1, 0, 2, 1), "警三": land(0, 1, 2, 2)}
CITY = {"城一": land(0, 0, 1, 1.002), "城二": land(1, 0, 1.5, 1.002), "城三": land(1.5, 0, 2, 1.002)}
"""The first is nearly the same, the second and third share a grid of the police, and the north is nobody's."""


def net(title: str, grids: dict[str, shapely.Polygon]) -> Net:
    shapes = np.empty(len(grids), dtype=object)
    shapes[:] = list(grids.values())
    return Net(title, [None] * len(grids), list(grids), shapes)


AT = [(0.5, 0.5, 30), (1.2, 0.5, 10), (1.3, 0.5, 20), (1.7, 0.5, 70), (0.5, 1.5, 40), (5.0, 5.0, 9)]


def buildings() -> Buildings:
    points = shapely.points([WEST + STEP * x for x, _, _ in AT], [SOUTH + STEP * y for _, y, _ in AT])
    return Buildings(points, np.array([n for _, _, n in AT]))


@pytest.fixture(scope="module")
def told() -> Comparison:
    return compare_nets(net("公安", POLICE), net("城管", CITY), buildings(), near_share=0.1, min_area_m2=500,
                        min_width_m=10)  # fmt: skip


def test_the_matrix_tells_households_and_area_of_every_pair(told: Comparison) -> None:
    by_pair = {(one.first, one.second): one for one in told.shared}
    assert (by_pair[1, 1].households, by_pair[1, 1].buildings, by_pair[1, 2].households) == (30, 2, 70)
    assert by_pair[1, 1].share_of_first == pytest.approx(0.5, abs=0.001)
    assert by_pair[2, NOBODY].households == 40
    households = sum(one.households for one in told.shared)
    assert households == 170 and told.in_neither == 1


def test_conflicts_are_told_by_kind(told: Comparison) -> None:
    found = {(one.kind, "ab"[one.net], told.nets[one.net].names[one.grid]): one for one in told.conflicts}
    split = found["split", "a", "警二"]
    assert [(told.nets[1].names[index], share) for index, share in split.others] == [("城三", 0.7), ("城二", 0.3)]
    assert ("near", "a", "警一") in found
    assert found["uncovered", "a", "警三"].households == 40
    assert not any(kind == "overlap" for kind, _, _ in found)


def test_overlaps_inside_one_net_are_told(told: Comparison) -> None:
    del told
    double = net("公安", POLICE | {"警四": land(0.5, 0.5, 1, 1)})
    found = compare_nets(double, net("城管", CITY), None, near_share=0.1, min_area_m2=500, min_width_m=10)
    assert [(one.kind, one.grid, one.others[0][0]) for one in found.conflicts if one.kind == "overlap"] == [
        ("overlap", 0, 3)
    ]


def test_the_proposal_is_seamless_and_names_both(told: Comparison) -> None:
    assert find_defects([str(i) for i in range(len(told.proposal))], [part.geom for part in told.proposal]) == []
    assert sorted(told.named(part) for part in told.proposal) == ["警一·城一", "警三", "警二·城三", "警二·城二"]
    assert sum(households for _, households in told.counts) == 170


def test_the_crosstab_adds_up(told: Comparison) -> None:
    rows = crosstab(told, "households")
    assert [row[0] for row in rows] == ["警一", "警二", "警三", None]
    assert sum(cell or 0 for row in rows for cell in row[1:]) == 170


def test_the_command_needs_no_database(tmp_path: Path) -> None:
    files = []
    for name, grids in (("公安", POLICE), ("城管", CITY)):
        features = [
            {"type": "Feature", "properties": {"name": key}, "geometry": shapely.geometry.mapping(shape)}
            for key, shape in grids.items()
        ]
        files.append(tmp_path / f"{name}.geojson")
        files[-1].write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    homes = tmp_path / "楼栋.csv"
    rows = [f"{i}号楼,{WEST + STEP * x},{SOUTH + STEP * y},{n}" for i, (x, y, n) in enumerate(AT)]
    homes.write_text("\n".join(["名称,经度,纬度,户数", *rows]), encoding="utf-8")
    environment = {**os.environ, "GISMAP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}

    def gismap(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gismap", "nets", *map(str, files), "--crs", "cgcs2000", *more]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    done = gismap("--buildings", str(homes), "-o", str(tmp_path / "r.xlsx"), "--proposal", str(tmp_path / "p.gpkg"))
    assert done.returncode == 1, done.stderr  # they contradict
    book = load_workbook(tmp_path / "r.xlsx")
    assert book.sheetnames == ["合计", "冲突", "对照", "按户数", "按面积(m²)", "建议"]
    meta, _, _, fields = pyogrio.raw.read(tmp_path / "p.gpkg")
    assert meta["crs"] == "EPSG:4490" and len(fields[0]) == 4
    assert sorted(fields[list(meta["fields"]).index("name")]) == ["警一·城一", "警三", "警二·城三", "警二·城二"]
    page = gismap("-o", str(tmp_path / "r.html"))
    assert page.returncode == 1 and "被分割" in (tmp_path / "r.html").read_text(encoding="utf-8")
