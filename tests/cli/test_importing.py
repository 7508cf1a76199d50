"""`gismap import` and `gismap template`: a line of result, reasons on stderr, codes for scripts, all or nothing."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gismap.publishing import describe_district
from gismap.settings import Settings
from gismap.store.session import writing
from tests.conftest import Database, Gismap, commands, environment
from tests.districts import COMMUNITIES, cell
from tests.importing.conftest import PLACES, publish_county, rows, write_csv
from tests.importing.test_rosters import roster


@pytest.fixture()
def gismap(database: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Gismap]:
    with commands(database, monkeypatch, capfd) as run:
        yield run


def test_import_repeat_and_undo(gismap: Gismap, engine: Engine, tmp_path: Path) -> None:
    publish_county(engine)
    path = write_csv(tmp_path / "places.csv", PLACES)
    command = ("import", "key_places", path, "--crs", "wgs84")
    summary = "2 read, 2 added, 0 changed, 0 unchanged, 0 rejected\n"
    assert gismap(*command, "--dry-run") == (0, f"dry run: {summary}", "")
    code, output, errors = gismap(*command)
    assert (code, errors) == (0, "")
    assert output.startswith("batch ") and output.endswith(summary)
    batch = output.split()[1].rstrip(":")
    unchanged = "nothing to do: 2 read, 0 added, 0 changed, 2 unchanged, 0 rejected\n"
    assert gismap(*command) == (1, unchanged, "")
    assert gismap("import", "undo", batch) == (
        0, f"batch {batch}: undone, key_places from places.csv are as before\n", "",
    )  # fmt: skip
    code, _, errors = gismap("import", "undo", batch)
    assert (code, errors) == (2, f"gismap: batch: batch {batch} is undone already\n")


def test_rejected_rows_are_listed_and_reported(gismap: Gismap, tmp_path: Path) -> None:
    table = [PLACES[0], *[[f"x{i}", "店", "商店", "东", 35.4, ""] for i in range(25)], *PLACES[1:]]
    path = write_csv(tmp_path / "places.csv", table)
    command = ("import", "key_places", path, "--crs", "wgs84", "--report", tmp_path / "report.csv")
    code, output, errors = gismap(*command)
    assert (code, output[:16]) == (1, "nothing imported")
    lines = errors.splitlines()
    assert lines[0] == "row 2: 经度: '东' is no number"
    assert (len(lines), lines[-1]) == (21, "and 5 more; --report FILE.csv lists them all")
    with (tmp_path / "report.csv").open(encoding="utf-8-sig") as stream:
        assert len(list(csv.DictReader(stream))) == 25
    code, output, _ = gismap(*command, "--skip-rejected")
    assert code == 0
    assert output.endswith("27 read, 2 added, 0 changed, 0 unchanged, 25 rejected\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("key_places", "none.csv"), 2, "gismap: file: none.csv cannot be opened"),
        (("care_persons", "none.csv"), 2, "gismap: purpose: no person without a purpose"),
        (("places", "none.csv"), 2, "gismap: layer: there is no layer 'places'"),
        (("key_places", "none.csv", "--columns", "name"), 2, "gismap: columns: 'name' is not of the form"),
        (("key_places", "none.csv", "--since", "2999-01-01"), 2, "gismap: since: 2999-01-01 is yet to come"),
        (("key_places",), 64, "FILE"),
        (("undo", "x"), 64, "batch"),
        (("undo", "7"), 2, "gismap: batch: there is no batch 7"),
        (("grids", "none.csv"), 64, "effective-from"),
    ],
)
def test_mistakes_are_one_line(gismap: Gismap, arguments: tuple[str, ...], code: int, says: str) -> None:
    found, output, errors = gismap("import", *arguments)
    assert (found, output) == (code, "")
    assert says.lower() in errors.lower() and "Traceback" not in errors
    if code == 2:
        assert errors.count("\n") == 1


def test_a_template_is_written_and_grids_are_published(gismap: Gismap, engine: Engine, tmp_path: Path) -> None:
    assert gismap("template", "staff", "-o", tmp_path / "t.xlsx") == (0, f"{tmp_path / 't.xlsx'}\n", "")
    table = [
        ["编码", "名称", "层级", "上级", "WKT"],
        ["370883", "邹城市", "1", "", ""],
        ["370883001001001", "甲", "4", "370883", cell(0, 0).wkt],
        ["370883001001002", "乙", "4", "370883", cell(0, 1).wkt],
    ]
    command = ("import", "grids", write_csv(tmp_path / "g.csv", table), "--effective-from", "2026-01-01")
    code, output, errors = gismap(*command, "--crs", "cgcs2000")
    assert (code, output, errors) == (
        0, "revision 1 from 2026-01-01: 2 grids, 3 units new or changed, 0 retired\n", "",
    )  # fmt: skip
    assert rows(engine, "SELECT count(*) FROM grid WHERE is_leaf") == [(2,)]


def test_what_became_of_grants_in_grids_that_ended_is_told(gismap: Gismap, engine: Engine, tmp_path: Path) -> None:
    publish_county(engine)
    for name, code in (("li", f"{COMMUNITIES[0]}001"), ("wang", f"{COMMUNITIES[0]}002"), ("zhao", COMMUNITIES[1])):
        gismap("user", "add", name, "--role", "viewer", "--unit", code, "--no-password")
    header = ["编码", "名称", "层级", "上级", "WKT"]
    south, north = cell(0, 0).wkt, cell(0, 1).wkt
    recoded = [[f"{COMMUNITIES[0]}00{n}", f"新{n}", "4", COMMUNITIES[0], wkt] for n, wkt in ((8, south), (9, north))]
    joined = [[f"{COMMUNITIES[0]}007", "合并网格", "4", COMMUNITIES[0], cell(0, 0).union(cell(0, 1)).wkt]]
    said = []
    for days, table in ((0, recoded), (1, joined)):
        path = write_csv(tmp_path / "g.csv", [header, *table])
        day = Settings().today() + timedelta(days=days)
        code, _, errors = gismap("import", "grids", path, "--effective-from", day, "--crs", "cgcs2000")
        said.append((code, errors))
    assert said[0] == (0, "gismap: 2 grants followed their land into other units\n")
    code, errors = said[1]
    lines = [line.partition(" (")[2] for line in errors.splitlines()]
    assert (code, len(lines)) == (0, 2) and lines[0] == (
        "li: viewer in 新8) was not followed for 100% of the land, now in 合并网格, whose other land was not granted; "
        "grant anew where it is right"
    )
    assert lines[1].startswith("wang: viewer in 新9) ")


def test_a_demo_that_real_people_are_imported_into_says_that_it_is_none_any_more(
    gismap: Gismap, engine: Engine, tmp_path: Path
) -> None:
    publish_county(engine)
    with writing(engine) as connection:
        describe_district(connection, "邹城", "Zoucheng", synthetic=True)
    command = ("import", "staff", roster(tmp_path))
    assert "real people" not in gismap(*command, "--dry-run")[2]
    code, output, errors = gismap(*command)
    (said,) = [line for line in errors.splitlines() if "real people" in line]
    assert code == 0 and said.startswith("gismap: this demo holds real people now") and "gismap user add" in said
    assert gismap("import", "undo", output.split()[1].rstrip(":"))[0] == 0


def test_overlapping_grids_are_refused_with_their_defects(gismap: Gismap, engine: Engine, tmp_path: Path) -> None:
    table = [
        ["编码", "名称", "层级", "上级", "WKT"],
        ["370883", "邹城市", "1", "", ""],
        ["a", "甲", "4", "370883", "POLYGON ((117 35.4, 117.01 35.4, 117.01 35.41, 117 35.41, 117 35.4))"],
        ["b", "乙", "4", "370883", "POLYGON ((117 35.405, 117.01 35.405, 117.01 35.42, 117 35.42, 117 35.405))"],
    ]
    command = ("import", "grids", write_csv(tmp_path / "g.csv", table), "--effective-from", "2026-01-01")
    code, output, errors = gismap(*command, "--crs", "cgcs2000")
    assert (code, output) == (2, "")
    assert '"overlap"' in errors and "nothing was published" in errors.splitlines()[-1]
    assert rows(engine, "SELECT count(*) FROM revision") == [(0,)]


def test_a_killed_import_leaves_nothing(database: Database, engine: Engine, tmp_path: Path) -> None:
    """The process is killed while its transaction holds what it has written so far."""
    many = [[f"p{i}", "店", "商店", 117 + i * 1e-6, 35.4, ""] for i in range(20_000)]
    path = write_csv(tmp_path / "many.csv", [PLACES[0], *many])
    command = [sys.executable, "-m", "gismap", "import", "key_places", str(path), "--crs", "wgs84"]
    process = subprocess.Popen(command, env=os.environ | environment(database), stdout=subprocess.PIPE)
    locks = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'import_batch'"
    until = time.monotonic() + 60
    while rows(engine, f"{locks} AND l.mode = 'RowExclusiveLock'") == [(0,)] and time.monotonic() < until:
        assert process.poll() is None, "the import ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert rows(engine, "SELECT (SELECT count(*) FROM element), (SELECT count(*) FROM import_batch)") == [(0, 0)]
