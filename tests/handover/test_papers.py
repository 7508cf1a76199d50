"""Certificates, lists, maps, workbooks and tasks as somebody opens them; what they may not hold, they do not."""

import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import Connection, text

from gismap.access.accounts import add_account, grant
from gismap.access.values import Role
from gismap.cli import main
from gismap.handover.certificate import certificate
from gismap.handover.certificate_page import certificate_page
from gismap.handover.difference import between_revisions
from gismap.handover.difference_map import difference_map
from gismap.handover.difference_page import difference_page
from gismap.handover.difference_table import workbook
from gismap.handover.paper import Imprint, imprint_of, write_paper
from gismap.handover.tasks import Task, tasks_of
from gismap.handover.values import Difference
from gismap.locating.rulings import add_override
from gismap.settings import get_settings
from gismap.store.session import make_engine, writing
from gismap.workbooks import write_workbook
from tests.conftest import Database, environment, key_of, serving
from tests.districts import TOWN
from tests.furnished import HOSTILE, PERSON, PHONE, furnish
from tests.handover.conftest import (
    ABSORBED,
    ABSORBING,
    EAST_SIDE,
    SPLIT,
    TOMORROW,
    WEST_SIDE,
    put_in_force,
    redraw,
    unit_of,
)
from tests.planning.conftest import TODAY

NOW = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
STAR = re.compile(r"[\u4e00-\u9fff]\*|\d{3}\*{4}\d{4}")
"""A masked name or phone."""


@pytest.fixture()
def imprint(county: Connection) -> Imprint:
    return imprint_of(county, "li.na", NOW, "zh")


@pytest.fixture()
def told(county: Connection) -> Difference:
    return between_revisions(county, 1, put_in_force(county, redraw(county)))


def assert_harmless(page: str) -> None:
    assert HOSTILE not in page and "<img src=x" not in page
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=.?https?:", page)
    assert PERSON not in page and PHONE not in page and not STAR.search(page)
    assert "内部使用" in page and "示例数据,非真实边界" in page and "li.na" in page


def test_a_certificate_says_what_was_proved_and_bears_its_notice(county: Connection, imprint: Imprint) -> None:
    page = certificate_page(certificate(county, 1), imprint, "zh")
    assert_harmless(page)
    assert page.count("✓") == 6 and "✗" not in page.replace("有 ✗ 的", "")
    assert certificate(county, 1).found["digest"] in page
    assert "福安社区" in certificate_page(certificate(county, 1, TOWN), imprint, "zh")
    county.execute(text("UPDATE grid SET geom = ST_Translate(geom, 0.001, 0) WHERE code = :c"), {"c": SPLIT})
    failed = certificate_page(certificate(county, 1), imprint, "zh")
    assert "不能作为证明" in failed and "✗</span>" in failed


def test_a_certificate_of_a_town_with_many_exceptions_is_one_page(
    county: Connection, imprint: Imprint, tmp_path: Path
) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("there is no Chromium here")
    buildings = county.execute(text("SELECT element_id FROM element WHERE layer = 'buildings'")).scalars().all()
    for building in buildings:
        add_override(county, building, "101", f"{EAST_SIDE}002", "该户户籍属东区", since=TODAY, made_by="t")
    one = certificate(county, put_in_force(county, redraw(county)))
    made = write_paper(tmp_path / "证书.pdf", certificate_page(one, imprint, "zh"))
    assert made.suffix == ".pdf"
    pages = re.findall(rb"/Type\s*/Page\b[^s]", made.read_bytes())
    assert len(pages) == 1


def test_where_there_is_no_chromium_the_page_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert write_paper(tmp_path / "证书.pdf", "<p>证书") == tmp_path / "证书.html"
    assert (tmp_path / "证书.html").read_text(encoding="utf-8") == "<p>证书"


def test_lists_and_the_map_name_things_and_no_persons(told: Difference, imprint: Imprint) -> None:
    for page in (difference_page(told, imprint, "zh"), difference_map(told, imprint, "zh")):
        assert_harmless(page)
        assert "太平社区第2网格" in page and "随网格终止" not in page  # nobody is posted there
    assert "人民路12号" in difference_page(told, imprint, "zh")


def test_a_workbook_has_a_row_per_pair_thing_and_post(told: Difference, tmp_path: Path) -> None:
    write_workbook(tmp_path / "交接.xlsx", workbook(told, "zh"))
    book = load_workbook(tmp_path / "交接.xlsx")
    assert book.sheetnames == ["合计", "按网格", "对象", "岗位", "单元变更"]
    things = list(book["对象"].iter_rows(min_row=2, values_only=True))
    assert len(things) == sum(len(pair.things) for pair in told.pairs)
    merged = [row for row in things if row[0] == ABSORBED]
    assert {row[2] for row in merged} == {ABSORBING} and sum(row[8] or 0 for row in merged) == 72
    assert book["对象"].auto_filter.ref and book["对象"].print_title_rows == "$1:$1"
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row]
    assert not any(PERSON in cell or PHONE in cell for cell in cells)


# ── the morning after ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture()
def tasks(county: Connection) -> list[Task]:
    account = add_account(county, "zhao.wei", "赵伟", None, made_by="t")
    ends_at = datetime(2099, 1, 1, tzinfo=UTC)
    grant(county, account, Role.GRID_WORKER, unit_of(county, ABSORBED), ends_at=ends_at, granted_by="t")
    staff = county.execute(text("SELECT element_id FROM staff LIMIT 1")).scalar_one()
    county.execute(
        text("INSERT INTO assignment (staff, unit_id, role, duty, valid) "
             "VALUES (:s, :u, 'full_time_grid_worker', 'backup', '[2026-01-01,)')"),
        {"s": staff, "u": unit_of(county, ABSORBED)},
    )  # fmt: skip
    place = county.execute(text("SELECT element_id FROM element WHERE layer = 'key_places' LIMIT 1")).scalar_one()
    add_override(county, place, None, ABSORBED, "由东区代管", since=TODAY, made_by="t")
    return tasks_of(county, put_in_force(county, redraw(county)), "zh")


def test_the_morning_after_tells_what_is_to_be_done(tasks: list[Task]) -> None:
    by_kind: dict[str, list[Task]] = {}
    for task in tasks:
        by_kind.setdefault(task.kind, []).append(task)
    assert {task.code for task in by_kind["reprint_card"]} == {SPLIT, ABSORBING}
    assert [task.code for task in by_kind["withdraw_card"]] == [ABSORBED]
    assert len(by_kind["print_card"]) == len(by_kind["fill_post"]) == 1
    assert [(task.code, task.what) for task in by_kind["post_ended"]] == [(ABSORBED, "专职网格员 B岗")]
    assert [(task.code, task.who) for task in by_kind["grant_ended"]] == [(ABSORBED, "zhao.wei")]
    assert next(task.what for task in by_kind["ruling_ended"]).endswith("由东区代管")
    assert (ABSORBED, "移交太平社区第1网格:3 栋 72 户、0 个场所") in {
        (task.code, task.what) for task in by_kind["call"]
    }
    assert not any(PERSON in str(task) or PHONE in str(task) for task in tasks)


# ── over HTTP and by commands ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def redrawn(server: Any, template: str) -> Iterator[Database]:
    """The furnished county with revision 2 published for tomorrow."""
    urls = server.create_database("redrawn", template)
    engine = make_engine(urls.owner_url)
    furnish(engine, today=TODAY)
    with writing(engine) as connection:
        put_in_force(connection, redraw(connection))
    engine.dispose()
    yield urls


def test_a_limited_caller_is_told_the_own_part(redrawn: Database) -> None:
    with serving(redrawn, key_of(redrawn, Role.VIEWER, WEST_SIDE)) as client:
        own = client.get("/api/revisions/2/certificate").json()
        assert own["unit"]["code"] == WEST_SIDE and own["holds"] and own["stated"]["buildings"] == 6
        assert client.get(f"/api/revisions/2/certificate?unit={EAST_SIDE}").status_code == 403
        assert client.get("/api/revisions/2/certificate?unit=370883").status_code == 403
        answer = client.get("/api/revisions/1/diff/2").json()
        assert {pair["from"]["code"] for pair in answer["pairs"]} == {SPLIT}
        assert {post["code"] for post in answer["posts"]} <= {SPLIT, f"{WEST_SIDE}002"}
    with serving(redrawn) as client:
        whole = client.get("/api/revisions/2/certificate").json()
        assert whole["unit"] is None and whole["stated"]["buildings"] == 12
        pairs = client.get("/api/revisions/1/diff/2").json()["pairs"]
        assert {pair["from"]["code"] for pair in pairs} == {SPLIT, ABSORBED}
        assert client.get("/api/revisions/9/certificate").status_code == 404
        assert client.get("/api/revisions/2/diff/1").status_code == 400


def test_the_service_sees_no_certificate_beyond_the_territory(redrawn: Database) -> None:
    engine = make_engine(redrawn.service_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM certificate")).scalar() == 0
    engine.dispose()


def test_commands_write_what_they_say(
    redrawn: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(redrawn).items():
        monkeypatch.setenv(name, value)

    def gismap(*arguments: str) -> tuple[int, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["gismap", "revision", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), capfd.readouterr().out

    digest = gismap("digest", "2")[1].strip()
    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert gismap("certificate", "2", "-o", f"{tmp_path}/c.json")[0] == 0
    assert digest in (tmp_path / "c.json").read_text(encoding="utf-8")
    for ending in ("xlsx", "html", "json"):
        assert gismap("diff", "1", "2", "-o", f"{tmp_path}/d.{ending}")[0] == 0
        assert (tmp_path / f"d.{ending}").stat().st_size > 500
    assert gismap("tasks", "2", "-o", f"{tmp_path}/t.xlsx")[0] == 0
    assert load_workbook(tmp_path / "t.xlsx")["次日任务"].max_row > 5
    assert gismap("diff", "1", "2", "-o", f"{tmp_path}/d.docx")[0] == 2
    assert TOMORROW.isoformat() in gismap("diff", "1", "2")[1]
    get_settings.cache_clear()
