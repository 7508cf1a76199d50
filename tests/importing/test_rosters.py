"""A roster gives staff their posts: who is primary where, moved by the next roster, taken back by undo."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from gismap.errors import BadInputError, ConflictError
from gismap.importing.service import undo
from tests.districts import COMMUNITIES, TOWN
from tests.importing.conftest import TODAY, bring, counts, digest, reasons, rows, write_csv

G1, G2 = COMMUNITIES[0] + "001", COMMUNITIES[0] + "002"
HEADER = ["工号", "姓名", "手机号", "网格编码", "岗位", "AB岗", "备注"]
ROSTER = [
    HEADER,
    ["1", "王一", "19900000001", G1, "专职网格员", "A岗", ""],
    ["1", "王一", "19900000001", G2, "专职网格员", "B岗", ""],
    ["2", "欧阳二", "19900000002", G2, "专职网格员", "A岗", ""],
    ["3", "李三", "19900000003", "福安社区", "网格长", "", "13800001234"],
]
POSTS = """
SELECT e.source_ref, g.code, a.role, a.duty, lower(a.valid), upper(a.valid)
FROM assignment a JOIN element e ON e.element_id = a.staff AND upper_inf(e.valid)
JOIN grid g ON g.unit_id = a.unit_id ORDER BY 1, 2, 3, 5
"""


def roster(path: Path, table: list[list[str]] = ROSTER) -> Path:
    return write_csv(path / "roster.csv", table)


def test_a_roster_brings_staff_and_posts(county: Engine, tmp_path: Path) -> None:
    assert counts(bring(county, "staff", roster(tmp_path))) == (3, 0, 0, 0)
    assert rows(county, POSTS) == [
        ("1", G1, "full_time_grid_worker", "primary", TODAY, None),
        ("1", G2, "full_time_grid_worker", "backup", TODAY, None),
        ("2", G2, "full_time_grid_worker", "primary", TODAY, None),
        ("3", COMMUNITIES[0], "grid_leader", None, TODAY, None),
    ]
    assert rows(county, "SELECT name, phone, employment FROM staff_shown ORDER BY name") == [
        ("李*", "199****0003", "leader"), ("欧阳*", "199****0002", "full_time"), ("王*", "199****0001", "full_time"),
    ]  # fmt: skip
    assert rows(county, "SELECT DISTINCT name, attributes FROM element") == [(None, {})]


def test_staff_stand_in_their_grid_and_the_same_roster_changes_nothing(county: Engine, tmp_path: Path) -> None:
    bring(county, "staff", roster(tmp_path))
    (found,) = rows(county, "SELECT g.code FROM element e JOIN grid g USING (unit_id) WHERE e.source_ref = '1'")
    assert found == (G1,)
    before = digest(county)
    assert counts(bring(county, "staff", roster(tmp_path))) == (0, 0, 3, 0)
    assert digest(county) == before


def test_the_next_roster_moves_a_duty_and_undo_moves_it_back(county: Engine, tmp_path: Path) -> None:
    bring(county, "staff", roster(tmp_path))
    before = digest(county)
    moved = [
        HEADER,
        ["1", "王一", "19900000009", G1, "专职网格员", "B岗", ""],
        ["2", *ROSTER[3][1:3], G1, "专职网格员", "A岗", ""],
    ]
    outcome = bring(county, "staff", roster(tmp_path, moved))
    assert counts(outcome) == (0, 2, 0, 0)
    assert [row[:4] for row in rows(county, POSTS)] == [
        ("1", G1, "full_time_grid_worker", "backup"),
        ("2", G1, "full_time_grid_worker", "primary"),
        ("3", COMMUNITIES[0], "grid_leader", None),
    ]
    undo(county, outcome.batch or 0, actor="t")
    assert digest(county) == before


def test_undo_of_a_roster_takes_the_staff_away(county: Engine, tmp_path: Path) -> None:
    before = digest(county)
    undo(county, bring(county, "staff", roster(tmp_path)).batch or 0, actor="t")
    assert digest(county) == before


def test_rows_that_contradict_are_rejected(county: Engine, tmp_path: Path) -> None:
    table = [
        HEADER,
        ["1", "王一", "19900000001", G1, "专职网格员", "A岗", ""],
        ["2", "李二", "19900000002", G1, "专职网格员", "A岗", ""],
        ["1", "赵六", "19900000006", G2, "专职网格员", "", ""],
        ["4", "孙四", "19900000004", "370883009", "专职网格员", "", ""],
        ["5", "周五", "", TOWN, "片长", "", ""],
        ["6", "吴六", "19900000006", TOWN, "镇长", "", ""],
    ]
    found = dict(reasons(bring(county, "staff", roster(tmp_path, table))))
    assert sorted(found) == [3, 4, 5, 6, 7]
    assert "primary in an earlier row" in found[3] and "another person" in found[4] and "no unit" in found[5]


def test_a_roster_is_never_taken_in_part(county: Engine, tmp_path: Path) -> None:
    table = [*ROSTER, ["4", "孙四", "19900000004", "370883009", "专职网格员", "", ""]]
    with pytest.raises(BadInputError, match="taken whole"):
        bring(county, "staff", roster(tmp_path, table), skip_rejected=True)
    assert rows(county, "SELECT count(*) FROM staff") == [(0,)]


def test_a_post_that_another_roster_fills_is_a_conflict(county: Engine, tmp_path: Path) -> None:
    bring(county, "staff", roster(tmp_path))
    other = [HEADER, ["9", "钱九", "19900000009", G1, "专职网格员", "A岗", ""]]
    with pytest.raises(ConflictError, match=f"{G1} has a primary"):
        bring(county, "staff", roster(tmp_path, other), source="other")
    assert rows(county, "SELECT count(*) FROM staff") == [(3,)]


def test_a_roster_takes_no_identity_numbers(county: Engine, tmp_path: Path) -> None:
    table = [[*HEADER, "身份证号"], *[[*row, "x"] for row in ROSTER[1:]]]
    with pytest.raises(BadInputError, match="身份证号"):
        bring(county, "staff", roster(tmp_path, table))


def test_a_roster_needs_published_grids(nowhere: Engine, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no grids"):
        bring(nowhere, "staff", roster(tmp_path))
