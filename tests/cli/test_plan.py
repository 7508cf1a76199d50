"""`gismap plan …` and `gismap revision …`: a plan from nothing or a file to a revision and back, by commands alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from shapely import box, to_geojson
from sqlalchemy import Engine

from gismap.publishing import publish
from gismap.settings import get_settings
from gismap.store.session import writing
from tests.cli.test_ask import Command
from tests.conftest import Database, environment
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, cell, small_county
from tests.planning.conftest import FIRST, TODAY, TOMORROW

MINE, OTHER = COMMUNITIES
ONE, TWO = f"{MINE}001", f"{MINE}002"


def line(*points: tuple[float, float]) -> str:
    return ", ".join(f"{WEST + STEP * x} {SOUTH + STEP * y}" for x, y in points)


@pytest.fixture()
def gismap(
    database: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
    for name, value in environment(database).items():
        monkeypatch.setenv(name, value)
    yield Command(monkeypatch, capfd)
    get_settings.cache_clear()


def test_a_plan_is_drawn_agreed_published_and_withdrawn(gismap: Command) -> None:
    plan = gismap("plan", "new", "2027年调整", "--needs-signoff")[1].strip()
    split = gismap.answer("plan", "edit", "split", plan, ONE, "--line", line((0.3, -0.1), (0.35, 1.1)), "--names", "甲")
    assert split["into"] == ["福安社区第1网格", "甲"]
    gismap.answer("plan", "edit", "reshape", plan, ONE, f"{OTHER}001", "--line", line((0.8, 0), (1.2, 0.5), (0.9, 1)))
    gismap.answer("plan", "edit", "set", plan, TWO, "--name", "乙", "--zone-type", "rural")
    assert gismap.answer("plan", "edit", "undo", plan)["action"] == "undo put"
    assert gismap("plan", "check", plan) == (0, "", "gismap: seamless\n")
    assert len(gismap.answer("plan", "diff", plan)["units"]) == 3
    assert gismap("plan", "comment", plan, "请核对", "--unit", ONE)[0] == 0
    assert "请核对" in gismap("plan", "comment", plan)[1]
    publish_it = ("plan", "publish", plan, "--effective-from", TOMORROW.isoformat(), "--reason", "道路改造")
    assert "still missing" in gismap(*publish_it)[2]
    assert gismap("plan", "sign", plan)[0] == 1
    for unit in COMMUNITIES:
        gismap("plan", "sign", plan, "--unit", unit)
    assert gismap("plan", "sign", plan)[0] == 0
    assert gismap(*publish_it)[1].startswith("revision 2 from")
    assert "not in effect yet" in gismap("revision", "list")[1]
    assert "is withdrawn" in gismap("revision", "withdraw", "2")[1]
    assert "put" in gismap("plan", "history", plan)[1] and "draft" in gismap("plan", "list")[1]


def test_a_file_becomes_a_plan_which_ends_what_it_lacks(gismap: Command, tmp_path: Path) -> None:
    whole = cell(0, 0).union(cell(0, 1))
    feature = {"type": "Feature", "geometry": json.loads(to_geojson(box(*whole.bounds))),
               "properties": {"code": ONE, "name": "福安大网格", "parent": MINE}}  # fmt: skip
    file = tmp_path / "新网格.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    plan = gismap("plan", "import", str(file))[1].strip()
    changes = {unit["code"]: unit["change"] for unit in gismap.answer("plan", "diff", plan)["units"]}
    assert changes == {ONE: ["renamed", "reshaped", "typed"], TWO: ["retired"]}
    assert gismap("plan", "check", plan)[0] == 0


def test_mistakes_are_one_line_and_exit_code_2(gismap: Command, tmp_path: Path) -> None:
    plan = gismap("plan", "new", "x")[1].strip()
    for arguments, says in (
        (("plan", "check", "nowhere"), "there is no plan"),
        (("plan", "edit", "split", plan, ONE, "--line", "here"), "is no position"),
        (("plan", "edit", "replace", plan, ONE, "--shape", str(tmp_path / "none.geojson")), "cannot be read"),
        (("plan", "edit", "set", plan, ONE, "--code", TWO), "is that of"),
        (("plan", "publish", plan, "--effective-from", "2026-02-01", "--reason", "r"), "is past"),
        (("revision", "withdraw", "1"), "took effect"),
    ):
        code, output, errors = gismap(*arguments)
        assert (code, output) == (2, "") and says in errors and errors.count("\n") == 1, errors


def test_an_edit_that_leaves_a_defect_says_so(gismap: Command) -> None:
    plan = gismap("plan", "new", "x")[1].strip()
    land = box(WEST, SOUTH, WEST + 1.5 * STEP, SOUTH + STEP).wkt
    code, output, errors = gismap("plan", "edit", "replace", plan, ONE, "--shape", land)
    assert code == 1 and json.loads(output)["edit"] == 1 and '"overlap"' in errors
