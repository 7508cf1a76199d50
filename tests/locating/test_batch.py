"""Lists of positions: the same rows come back with what `locate` says of each, over HTTP and on the command line."""

import csv
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from shapely import LineString
from sqlalchemy import text
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.api.app import create_app
from gismap.cli import main
from gismap.geometry.datums import wgs84_to_gcj02
from gismap.locating.batch import CHUNK, COLUMNS, headings
from gismap.locating.rulings import add_dispute, add_override
from gismap.settings import Settings, get_settings
from gismap.spreadsheets import SHEET_TYPE
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from tests.api.test_slow_clients import Limits, listening
from tests.conftest import Database, environment, fresh_database, key_of, serving
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, centre
from tests.furnished import PHONE, furnish

TODAY = Settings().today()
SW, NE = COMMUNITIES[0] + "001", COMMUNITIES[1] + "002"
MIDDLE = centre(0, 0)
PATH = "/api/locate/batch"
CSV = {"content-type": "text/csv"}
PATIENT = Limits(head_s=10, body_s=60, answer_s=60, max_head_bytes=65_536, max_connections=40)
GOOD = "117.005,35.405"


@dataclass(frozen=True)
class County:
    """The furnished county with a building that was ruled elsewhere and a disputed border; asked by a dispatcher."""

    urls: Database
    client: TestClient
    ruled: tuple[float, float]

    def located(self, content: bytes | str, headers: dict[str, str] = CSV, **params: Any) -> list[dict[str, Any]]:
        answer = self.client.post(
            PATH, content=content, params=params, headers=headers | {"accept": "application/json"}
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def refused(self, content: bytes | str, headers: dict[str, str] = CSV, **params: Any) -> tuple[int, str, str]:
        answer = self.client.post(PATH, content=content, params=params, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
        problem = answer.json()
        assert "\n" not in problem["detail"]
        return answer.status_code, problem.get("field", ""), problem["detail"]


@pytest.fixture(scope="module")
def county(server: PrivateServer, template: str) -> Iterator[County]:
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.owner_url)
        furnish(engine, today=TODAY)
        with writing(engine) as connection:
            query = """
                SELECT element_id, ST_X(e.anchor) AS x, ST_Y(e.anchor) AS y FROM element e JOIN grid USING (unit_id)
                WHERE layer = 'buildings' AND code = :code
                ORDER BY abs(ST_X(e.anchor) - 117.005) + abs(ST_Y(e.anchor) - 35.405) DESC LIMIT 1
            """
            row = connection.execute(text(query), {"code": SW}).one()
            add_override(connection, row.element_id, None, NE, "两社区会商纪要", since=TODAY, made_by="t")
            north = SOUTH + STEP
            segment = LineString([(WEST + STEP, north + STEP * 0.2), (WEST + STEP, north + STEP * 0.8)])
            units = (COMMUNITIES[0] + "002", NE)
            add_dispute(connection, units, NE, segment, "界线待定", reach_m=40, since=TODAY, made_by="t")
        engine.dispose()
        with serving(urls, key_of(urls, Role.DISPATCHER)) as client:
            yield County(urls, client, (row.x, row.y))


def table(rows: Sequence[Sequence[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def workbook(rows: Sequence[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def every_kind(county: County) -> list[dict[str, str]]:
    """Positions of every kind of verdict, in several frames, with and without accuracy, and ones that cannot be."""
    lon, lat = MIDDLE
    gcj = wgs84_to_gcj02(lon, lat)
    places = [
        (lon, lat), (WEST + STEP, lat), (WEST + STEP, SOUTH + STEP), (WEST, SOUTH), (WEST + STEP - 1e-9, lat),
        county.ruled, (WEST + STEP, SOUTH + STEP * 1.5), (WEST + STEP + 2e-4, SOUTH + STEP * 1.5),
        (WEST - 1e-3, lat), (WEST - 0.05, lat), (WEST - 2, lat), (lat, lon), (500_000, 3_900_000), (200, 35),
    ]  # fmt: skip
    asked = [{"x": repr(x), "y": repr(y)} for x, y in places]
    asked += [
        {"x": repr(WEST + STEP - 1e-4), "y": repr(lat), "accuracy": accuracy} for accuracy in ("5", "20", "0", "99999")
    ]
    asked += [
        {"x": repr(float(gcj[0])), "y": repr(float(gcj[1])), "crs": "gcj02"},
        {"x": "500454.2", "y": "3919000", "crs": "EPSG:4548"},
        {"x": "39500454.2", "y": "3919000", "crs": "EPSG:4527"},
        {"x": "3919000", "y": "500454.2", "crs": "EPSG:4548"},
        {"x": "117.005", "y": "35.405", "crs": "EPSG:4548"},
        {"x": "117.005", "y": "35.405", "crs": "beijing1954"},
    ]
    return asked


def test_every_kind_of_row_is_answered_as_locate_answers_it(county: County) -> None:
    asked = every_kind(county)
    rows = [["x", "y", "crs", "accuracy"], *([one.get(k, "") for k in ("x", "y", "crs", "accuracy")] for one in asked)]
    verdicts = set()
    for one, row in zip(asked, county.located(table(rows)), strict=True):
        alone = county.client.get("/api/locate", params=one)
        expected = alone.json()
        if alone.status_code != 200:
            assert row["error"] == expected["detail"], one
            assert {row[column] for column in COLUMNS if column != "error"} == {None}
            continue
        verdicts.add(row["verdict"])
        grid, staff = expected["grid"] or {}, expected["staff"]
        assert (row["verdict"], row["why"], row["error"]) == (expected["verdict"], expected["why"], None), one
        assert (row["grid_code"], row["grid_name"]) == (grid.get("code"), grid.get("name"))
        assert (row["lon"], row["lat"]) == (expected["point"]["lon"], expected["point"]["lat"])
        assert row["border_m"] == expected["border"]["distance_m"]
        assert row["primary_phone"] == (staff["primary"] or {}).get("phone")
        assert row["backup"] == (staff["backup"] or {}).get("name")
        assert (row["town"], row["community"]) == tuple(
            ([unit["name"] for unit in expected["chain"]] + [None] * 3)[1:3]
        )
        assert (row["revision"], row["as_of"]) == (expected["revision"], expected["as_of"])
    assert verdicts == {"certain", "boundary", "gap", "outside", "override", "disputed"}


def test_the_command_line_answers_as_http_does_but_for_phones(
    county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = every_kind(county)
    source = tmp_path / "in.csv"
    source.write_text(
        table([["编号", "经度", "纬度", "坐标系", "精度"],
               *([n, one["x"], one["y"], one.get("crs", ""), one.get("accuracy", "")] for n, one in enumerate(asked))]),
        encoding="gbk",
    )  # fmt: skip
    code, said, _ = command(county, monkeypatch, capfd, "--file", str(source), "-o", str(tmp_path / "out.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    over_http = county.located(source.read_bytes())
    assert code == 1 and f"{len(asked)} rows" in said and "error" in said
    assert [row["编号"] for row in rows] == [str(n) for n in range(len(asked))]
    phones = {row.pop("primary_phone") for row in rows} | {row.pop("backup_phone") for row in rows}
    told = {row.pop("primary_phone") for row in over_http} | {row.pop("backup_phone") for row in over_http}
    assert rows == over_http and phones == {None, "139****5678"} and told == {None, PHONE}


def command(
    county: County, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    for name, value in environment(county.urls).items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    monkeypatch.setattr(sys, "argv", ["gismap", "locate", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    get_settings.cache_clear()
    said, errors = capfd.readouterr()
    return int(stop.value.code or 0), said, errors


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "heading", [("经度", "纬度"), ("经度(°)", "纬度(°)"), ("X坐标", "Y坐标"), ("lon", "lat"), ("Longitude", "LATITUDE")]
)
def test_tables_are_read_however_spreadsheets_write_them(
    county: County, encoding: str, delimiter: str, heading: tuple[str, str]
) -> None:
    lines = [("名称", *heading), ("福安,小区", "117.005", "35.405"), ("甲", "１１７．００５", " 35.405 ")]
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(lines)
    rows = county.located(file.getvalue().encode(encoding))
    assert [(row["名称"], row["grid_code"]) for row in rows] == [("福安,小区", SW), ("甲", SW)]


def test_a_workbook_comes_back_as_a_workbook_with_its_cells_as_they_were(county: County) -> None:
    lines = [["编号", "经度", "纬度", "备注"], ["370883001001", 117.005, 35.405, "=1+1"], [12, None, 35.4, " 空 "]]
    sent = workbook([lines[0], lines[1], lines[2]])
    answer = county.client.post(PATH, content=sent, headers={"content-type": SHEET_TYPE, "accept-language": "zh"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, SHEET_TYPE), answer.text[:300]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    first, second, third = sheet.iter_rows(values_only=True)
    assert list(first) == [*lines[0], *headings("zh")]
    assert second[:3] == ("370883001001", 117.005, 35.405) and second[4:6] == ("确定", SW)
    assert third[:4] == (12, None, 35.4, " 空 ") and third[-1] == "x is empty"


def test_cells_that_would_run_are_text_and_numbers_stay_numbers(county: County) -> None:
    sent = table([["x", "y", "a", "=b"], ["117.005", "35.405", "=cmd|x", "-5.10"]])
    answer = county.client.post(PATH, content=sent, headers=CSV)
    assert answer.content.startswith(b"\xef\xbb\xbf") and answer.headers["content-type"] == "text/csv; charset=utf-8"
    heading, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heading[:4] == ["x", "y", "a", "'=b"] and row[:4] == ["117.005", "35.405", "'=cmd|x", "-5.10"]


def test_json_comes_back_as_json_with_what_was_in_it(county: County) -> None:
    sent = [{"id": 1, "lon": 117.005, "lat": 35.405, "tags": ["a"]}, {"id": 12345678901234567890, "lon": True}]
    answer = county.client.post(PATH, json=sent)
    assert answer.headers["content-type"] == "application/json"
    first, second = answer.json()
    assert (first["id"], first["tags"], first["grid_code"]) == (1, ["a"], SW)
    assert (second["id"], second["error"]) == ("12345678901234567890", "x='True' is no number")


@pytest.mark.parametrize(
    ("accept", "form"),
    [("*/*", "text/csv"), ("text/html, */*;q=0.1", "text/csv"), ("application/x-ndjson", "application/x-ndjson"),
     ("text/csv;q=0.2, application/geo+json", "application/geo+json"), (SHEET_TYPE, SHEET_TYPE)],
)  # fmt: skip
def test_accept_names_the_form(county: County, accept: str, form: str) -> None:
    answer = county.client.post(PATH, content=f"x,y\n{GOOD}\n", headers=CSV | {"accept": accept})
    assert answer.headers["content-type"].split(";")[0] == form
    if form == "application/geo+json":
        feature = answer.json()["features"][0]
        assert feature["geometry"] == {"type": "Point", "coordinates": [117.005, 35.405]}
    assert county.refused(f"x,y\n{GOOD}\n", CSV | {"accept": "image/png"})[:2] == (400, "accept")


def test_a_file_in_a_form_is_read_as_its_name_says(county: County) -> None:
    content = f"x,y\n{GOOD}\n".encode()
    for name, sent, kind in (
        ("表.csv", content, "text/csv"),
        ("a.xlsx", workbook([["x", "y"], [117.005, 35.405]]), SHEET_TYPE),
    ):
        answer = county.client.post(PATH, files={"file": (name, sent, "application/octet-stream")})
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind), answer.text
    two = county.client.post(PATH, files=[("a", ("a.csv", content)), ("b", ("b.csv", content))])
    assert (two.status_code, two.json()["field"]) == (400, "body")
    assert county.client.post(PATH, files={"file": ("a.pdf", content, "application/pdf")}).status_code == 415
    broken = {"content-type": "multipart/form-data; boundary=q"}
    assert county.refused(b"--q\r\nContent-Disposition: form-data; name=f\r\n\r\nx,y", broken)[:2] == (400, "body")


def test_rows_in_words_are_located_by_them_and_a_position_wins(county: County) -> None:
    sent = f"地址,经度,纬度\n福安社区第1网格,,\n哪里都不是,,\n福安社区第2网格,{GOOD}\n,,\n"
    named, unknown, placed, empty = county.located(sent)
    assert (named["verdict"], named["grid_code"]) == ("certain", SW) and "福安社区第1网格" in named["place"]
    assert (unknown["verdict"], unknown["grid_code"], unknown["lon"]) == ("not_found", None, None)
    assert (placed["grid_code"], placed["place"]) == (SW, None) and empty["error"] == "x is empty"
    (alone,) = county.located("address\n福安社区第1网格\n")
    assert alone["grid_code"] == SW
    (long,) = county.located(f"地址\n{'福' * 10_000}\n")
    assert "too many" in long["error"]


def test_columns_may_be_named(county: County) -> None:
    sent = f"甲,乙,经度,纬度\n{GOOD},1,1\n"
    assert county.located(sent, columns="x=甲,y=乙")[0]["grid_code"] == SW
    assert county.refused(sent, columns="x=丙,y=乙")[:2] == (400, "columns")
    assert county.refused(sent, columns="x=甲")[:2] == (400, "columns")
    assert county.refused(sent, columns="z")[:2] == (400, "columns")
    assert county.refused("甲,乙\n1,2\n")[:2] == (400, "columns")


def test_the_frame_of_a_list_is_told_where_one_alone_fits(county: County) -> None:
    rows = county.located("x,y\n500454.2,3919000\n500460,3919010\n,\n", crs="auto")
    assert [row["source_crs"] for row in rows] == ["EPSG:4548", "EPSG:4548", None]
    status, field, detail = county.refused(f"x,y\n{GOOD}\n", crs="auto")
    assert (status, field) == (400, "crs") and "gcj02" in detail and "bd09" in detail
    assert county.refused("x,y\n3919000,500454.2\n", crs="auto")[:2] == (400, "columns")
    assert county.refused("x,y\n1,2\n", crs="auto")[:2] == (400, "crs")
    assert county.located("地址\n福安社区第1网格\n", crs="auto")[0]["grid_code"] == SW


def test_bad_rows_say_why_and_none_is_dropped(county: County) -> None:
    sent = f"x,y,a\n{GOOD},\n,,\n\n{GOOD},1,2,3\nnan,35,\n1_1,35,\n{'9' * 10_000},35,\n\u00a0,35,\n{GOOD},end\n"
    rows = county.located(sent)
    assert [row["verdict"] for row in rows] == ["certain", *[None] * 6, "certain"]
    errors = [row["error"] or "" for row in rows]
    assert errors[1] == errors[6] == "x is empty" and "beyond it: 2, 3" in errors[2]
    assert errors[3] == "x='nan' is no number" and all(len(error) < 300 for error in errors)
    assert rows[5]["x"] == "9" * 10_000 and rows[-1]["a"] == "end"


def test_one_row_that_is_no_text_spoils_no_other(county: County) -> None:
    good = "名称,x,y\n" + "福安小区,117.005,35.405\n" * 300
    for broken in (b"\xff\xfe\xb8", "福".encode()[:2], "福".encode("gbk")):
        rows = county.located(good.encode() + broken + b",117.005,35.405\n")
        assert {row["verdict"] for row in rows[:-1]} == {"certain"} and rows[0]["名称"] == "福安小区"
        assert len(rows) == 301 and "cannot be read" in rows[-1]["error"]


def test_what_is_wrong_with_the_whole_list_is_told_in_one_line(county: County) -> None:
    good = f"x,y\n{GOOD}\n"
    html = b"<html><table><tr><td>117</td></tr></table></html>"
    xlsx = {"content-type": SHEET_TYPE}
    assert county.refused(html, xlsx)[:2] == (400, "file")
    assert county.refused(b"\xd0\xcf\x11\xe0" + bytes(100), xlsx)[:2] == (400, "file")
    assert county.refused(workbook([["x", "y"]])[:900], xlsx)[:2] == (400, "file")
    assert county.refused(workbook([["x", "y"]]), xlsx, sheet="none")[:2] == (400, "sheet")
    assert county.refused(good, xlsx)[:2] == (400, "file")
    assert county.refused(workbook([["x", "y"]]))[:2] == (400, "file")
    assert county.refused("")[:2] == (400, "file")
    assert county.refused("\n\n")[:2] == (400, "file")
    assert county.refused("x,x\n1,2\n")[:2] == (400, "file")
    assert county.refused(good + 'a,"b\n' + good)[:2] == (400, "file")
    assert county.refused(good, {"content-type": "application/x-www-form-urlencoded"})[0] == 415
    assert county.refused(good, {"content-type": "image/png"})[0] == 415
    assert county.refused(good, crs="mars")[:2] == (400, "crs")
    assert county.refused(good, accuracy="-1")[:2] == (400, "accuracy")
    assert county.refused(good, as_of="1999-01-01")[:2] == (404, "as_of")
    assert county.refused(good, colour="red")[:2] == (400, "colour")
    for body in ("{}", "[1]", "[", '[{"x": NaN}]', "[" * 50_000, '[{"x": 1} {"x": 2}]', '[{"x":1}] 1', "[]",
                 '[{"a": ' + "[" * 500 + "]" * 500 + "}]"):  # fmt: skip
        assert county.refused(body, {"content-type": "application/json"})[:2] == (400, "file"), body[:20]


def test_a_workbook_that_unfolds_to_gigabytes_is_refused(county: County) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/worksheets/s.xml", "w") as part:
        for _ in range(450):
            part.write(bytes(1_000_000))
    began = time.monotonic()
    assert county.refused(file.getvalue(), {"content-type": SHEET_TYPE})[:2] == (413, "file")
    assert time.monotonic() - began < 5


def test_only_lists_may_be_long_and_they_too_have_a_limit(county: County) -> None:
    long = "x,y\n" + f"{GOOD}\n" * 200
    with serving(county.urls, key_of(county.urls), max_body_bytes=1_000, max_batch_bytes=5_000) as client:
        assert client.post(PATH, content=long, headers=CSV).status_code == 200
        assert client.post(PATH, content=long * 2, headers=CSV).status_code == 413
        elsewhere = client.post("/api/resources/search", content=long, headers={"content-type": "application/json"})
        assert elsewhere.status_code == 413


def test_phones_in_a_list_are_full_only_where_the_sender_may_call(county: County) -> None:
    for role, unit, is_full in ((Role.VIEWER, None, False), (Role.GRID_WORKER, COMMUNITIES[1], False),
                                (Role.GRID_WORKER, COMMUNITIES[0], True)):  # fmt: skip
        with serving(county.urls, key_of(county.urls, role, unit)) as client:
            answer = client.post(PATH, content=f"x,y\n{GOOD}\n", headers=CSV).text
            assert (PHONE in answer, "139****5678" in answer) == (is_full, not is_full), (role, unit)


def test_a_list_is_entered_in_the_audit_log_by_its_length_alone(county: County) -> None:
    county.located(f"x,y,秘密\n{GOOD},保密内容\n{GOOD},2\n")
    engine = make_engine(county.urls.owner_url)
    with reading(engine) as connection:
        record = connection.execute(text("SELECT record FROM audit ORDER BY seq DESC LIMIT 1")).scalar_one()
    engine.dispose()
    assert (record["action"], record["subject"], record["detail"]) == (
        "locate list", "list", {"rows": 2, "form": "json"},
    )  # fmt: skip
    assert record["actor"].startswith("user-")


def test_a_list_of_a_past_day_is_answered_by_the_boundaries_of_that_day(county: County) -> None:
    x, y = county.ruled
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    row, before = (county.located(f"x,y\n{x!r},{y!r}\n", **day)[0] for day in ({}, {"as_of": yesterday}))
    assert (row["verdict"], row["grid_code"], row["as_of"]) == ("override", NE, TODAY.isoformat())
    assert (before["verdict"], before["grid_code"], before["as_of"]) == ("certain", SW, yesterday)


def test_columns_that_are_there_already_are_kept_beside_the_new_ones(county: County) -> None:
    answer = county.client.post(PATH, content=f"x,y,verdict\n{GOOD},mine\n", headers=CSV | {"accept-language": "en"})
    heading, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heading[2:4] == ["verdict", "verdict 2"] and row[2:4] == ["mine", "certain"]


# ── on the command line ────────────────────────────────────────────────────────────────────────────────────────────


def test_answers_are_never_written_over_a_file_nor_left_half(
    county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f"x,y\n{GOOD}\n")
    assert command(county, monkeypatch, capfd, "--file", str(source), "-o", str(source))[0] == 2
    assert source.read_text() == f"x,y\n{GOOD}\n"
    for arguments in (("-o", str(out), "--crs", "mars"), ("-o", str(tmp_path / "out.pdf")),
                      ("-o", str(tmp_path / "none" / "out.csv"))):  # fmt: skip
        code, said, errors = command(county, monkeypatch, capfd, "--file", str(source), *arguments)
        assert (code, said, errors.count("Traceback")) == (2, "", 0)
    for arguments in (("--file", str(source)), ("--file", str(source), "-o", str(out), "117", "35"), ("117",)):
        assert command(county, monkeypatch, capfd, *arguments)[0] == 64
    assert [file.name for file in tmp_path.iterdir()] == ["in.csv"]
    assert command(county, monkeypatch, capfd, "--file", str(source), "-o", str(out))[0] == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbfx,y,") and out.stat().st_mode & 0o044 == 0o044


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_list_that_is_stopped_leaves_nothing_behind(county: County, tmp_path: Path, number: int) -> None:
    source = tmp_path / "in.csv"
    source.write_text("x,y\n" + f"{GOOD}\n" * 300_000)
    command_line = [sys.executable, "-m", "gismap", "locate", "--file", str(source), "-o", str(tmp_path / "out.csv")]
    running = subprocess.Popen(command_line, env=environment(county.urls), stderr=subprocess.PIPE)
    ends = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) == 1 and time.monotonic() < ends and running.poll() is None:
        time.sleep(0.05)
    assert len(list(tmp_path.iterdir())) == 2
    running.send_signal(number)
    assert running.wait(20) == 130 and b"Traceback" not in (running.communicate()[1] or b"")
    assert [file.name for file in tmp_path.iterdir()] == ["in.csv"]


# ── while others ask ───────────────────────────────────────────────────────────────────────────────────────────────

MANY = 200 * CHUNK
"""Which takes far longer than the seconds in which a list must end that nobody takes."""


def test_while_a_list_is_answered_others_are_and_one_that_nobody_takes_ends(county: County) -> None:
    key = key_of(county.urls)
    body = ("x,y\n" + f"{GOOD}\n" * MANY).encode()
    app = create_app(Settings(database_url=county.urls.service_url, max_batches=1))
    with listening(app, PATIENT) as address:
        with closing(socket.create_connection(address, timeout=30)) as client:
            threading.Thread(target=client.sendall, args=(request(body, key),)).start()
            assert b"200 OK" in client.recv(4096)
            for _ in range(5):
                began = time.monotonic()
                assert ask(address, b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(
                    b"HTTP/1.1 200"
                )
                assert time.monotonic() - began < 1
            refused = ask(address, request(b"x,y\n1,2\n", key))
            assert refused.startswith(b"HTTP/1.1 503") and b"retry-after" in refused.lower()
        ends = time.monotonic() + 5
        while not (answer := ask(address, request(b"x,y\n" + GOOD.encode(), key))).startswith(b"HTTP/1.1 200"):
            assert time.monotonic() < ends, answer
            time.sleep(0.05)


def test_an_upload_that_breaks_off_frees_its_place(county: County) -> None:
    key = key_of(county.urls)
    app = create_app(Settings(database_url=county.urls.service_url, max_batches=1))
    with listening(app, PATIENT) as address:
        with closing(socket.create_connection(address, timeout=30)) as client:
            client.sendall(request(b"x,y\n" + bytes(5_000), key)[:-4_000])
        ends = time.monotonic() + 5
        while not (answer := ask(address, request(b"x,y\n" + GOOD.encode(), key))).startswith(b"HTTP/1.1 200"):
            assert time.monotonic() < ends, answer
            time.sleep(0.05)


def request(body: bytes, key: str) -> bytes:
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: text/csv\r\n"
    return f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def ask(address: tuple[str, int], request: bytes) -> bytes:
    with closing(socket.create_connection(address, timeout=30)) as client:
        client.sendall(request)
        said = b""
        while piece := client.recv(65_536):
            said += piece
    return said
