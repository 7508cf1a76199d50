"""An auditor reads the log in words, follows it by person, user and unit, takes it along and checks it; by keyboard."""

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from gismap.access.accounts import add_account, grant
from gismap.access.values import Role
from gismap.settings import Settings
from gismap.store import audit
from gismap.store.server import DatabaseUrls, PrivateServer
from gismap.store.session import make_engine, writing
from tests.browser.conftest import Visit, served
from tests.browser.test_pages import HAN, TEXTS
from tests.districts import COMMUNITIES
from tests.furnished import HOSTILE, furnish

TABLET, ACROSS = {"width": 834, "height": 1112}, {"width": 1112, "height": 834}


@pytest.fixture(scope="module")
def address(server: PrivateServer, template: str) -> Iterator[str]:
    """The service on a small demo with a log: 120 sign-ins, a grant in a community, a failure, a hostile name."""
    urls: DatabaseUrls = server.create_database("audit_page", template)
    engine = make_engine(urls.owner_url)
    furnish(engine, today=Settings().today())
    with writing(engine) as connection:
        unit = connection.execute(
            text("SELECT unit_id FROM grid WHERE code = :code"), {"code": COMMUNITIES[0]}
        ).scalar()
        for number in range(120):
            detail = {"address": f"10.0.0.{number}"}
            audit.append(connection, actor="li.na", action="sign in", subject=f"session s{number}", detail=detail)
        audit.append(
            connection, actor="nobody", action="failed sign-in", subject="session", detail={"address": HOSTILE}
        )
        li = add_account(connection, "li.na", "李娜", None, made_by="root")
        ends = datetime.now(UTC) + timedelta(days=30)
        grant(connection, li, Role.GRID_WORKER, unit, ends_at=ends, granted_by="root")
    engine.dispose()
    with served(urls) as url:
        yield url


def signed_in(visit: Visit, address: str, path: str, role: str = "审计员", **how: object) -> Page:
    """A page as a demo's user sees it who signed in on the way there."""
    page = visit(f"{address}/sign-in?next={path}", **how)
    label = "Auditor" if role == "审计员" and how.get("language") else role
    page.get_by_role("button", name=label, exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.wait_for_selector("body.ready")
    return page


def rows(page: Page) -> list[str]:
    return page.locator("tbody tr").all_inner_texts()


def test_an_auditor_lands_on_the_log_and_reads_it_in_words(visit: Visit, address: str) -> None:
    page = signed_in(visit, address, "/")
    assert page.url.endswith("/audit")
    expect(page.locator("#found")).to_contain_text("最新 50 条")
    granted = page.locator("tbody tr", has_text="授权").last
    expect(granted).to_contain_text("角色 网格员".replace(" ", ""), use_inner_text=False)
    expect(granted.get_by_role("link", name=re.compile("账号 li.na"))).to_be_visible()
    assert "{" not in granted.inner_text()
    assert page.evaluate("window.hacked") is None


def test_each_entry_leads_to_all_about_its_user_its_subject_and_its_unit(visit: Visit, address: str) -> None:
    page = signed_in(visit, address, "/audit?action=grant")
    granted = page.locator("tbody tr").first
    granted.locator(".subject a").click()
    page.wait_for_selector("body.ready:has(tbody)")
    assert "subject=account" in page.url and any("新建账号" in row for row in rows(page))
    page.go_back()
    page.wait_for_selector("body.ready:has(tbody)")
    page.locator("tbody tr").first.locator("dd a").click()
    page.wait_for_selector("body.ready:has(tbody)")
    assert page.url.endswith(f"/audit?unit={COMMUNITIES[0]}") and page.locator("input[name=unit]").input_value()
    assert all("授权" in row for row in rows(page))
    page.get_by_role("link", name="root").first.click()
    page.wait_for_selector("body.ready:has(tbody)")
    assert page.url.endswith("/audit?who=root")


def test_filters_are_filled_in_by_keyboard_and_pages_follow_one_another(visit: Visit, address: str) -> None:
    page = signed_in(visit, address, "/audit")
    page.locator("input[name=who]").focus()
    page.keyboard.type("li.na")
    page.keyboard.press("Enter")
    page.wait_for_selector("tbody")
    expect(page.locator("#found")).to_have_text("最新 50 条,共 120 条")
    for shown in ("最新 100 条,共 120 条", "共 120 条记录"):
        page.locator("#more").press("Enter")
        expect(page.locator("#found")).to_have_text(shown)
    assert page.locator("tbody tr").count() == 120 and not page.locator("#more").is_visible()
    expect(page.locator("#counts .total")).to_have_text("120 条记录")


def test_a_file_holds_what_is_filtered(visit: Visit, address: str, tmp_path: Path) -> None:
    page = signed_in(visit, address, "/audit?action=failed+sign-in")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["action"] for line in lines] == ["failed sign-in"]


def test_the_chain_is_checked_on_the_spot(visit: Visit, address: str) -> None:
    page = signed_in(visit, address, "/audit")
    page.get_by_role("button", name="核对记录").click()
    expect(page.locator("#checked")).to_contain_text("内容完好,前后相接")
    page.locator("#chain summary").click()
    expect(page.locator("#chain pre")).to_contain_text("gismap audit verify")


def test_what_does_not_fit_is_said_where_it_was_filled_in(visit: Visit, address: str) -> None:
    page = signed_in(visit, address, "/audit?who=nobody-at-all")
    expect(page.locator("#list")).to_contain_text("没有符合条件的记录")
    page.get_by_role("link", name="清除").click()
    page.wait_for_selector("tbody")
    page = signed_in(visit, address, "/audit?unit=999", refused="/api/audit")
    expect(page.get_by_role("alert").first).to_have_text("从未有过这个单元,请填写单元编码")
    expect(page.locator("input[name=unit]")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="重试")).to_be_visible()


@pytest.mark.parametrize(
    "size", [{"width": 1440, "height": 900}, ACROSS, TABLET, {"width": 390, "height": 844}], ids=str
)
def test_an_english_page_fits_its_screen_and_keeps_chinese_for_names_only(
    visit: Visit, address: str, size: dict[str, int]
) -> None:
    page = signed_in(visit, address, "/audit?lang=en", language="en-GB", size=size)
    page.wait_for_selector("tbody")
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    words = {word for told in page.evaluate(TEXTS) for word in HAN.findall(told)}
    assert words <= {"中文", "李娜", "示例审计员", "福安社区"}


def test_a_visitor_is_led_nowhere_and_told_nothing(visit: Visit, address: str) -> None:
    page = visit(f"{address}/audit", ready="main", refused="/audit")
    assert page.locator("h1").inner_text() == "无权查看"
    assert visit(f"{address}/maps/one").locator(".who nav a").count() == 0
