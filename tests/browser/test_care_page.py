"""The person-data officer sees masks, reveals with a reason for a while, corrects, copies and deletes with proof."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from shapely import Point
from sqlalchemy import text

from gismap.care import records
from gismap.care.purposes import add_purpose
from gismap.care.writing import write_care
from gismap.elements.writing import write_elements
from gismap.publishing import describe_district, publish
from gismap.settings import Settings
from gismap.store.keyring import new_keyring, write_keyring
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, writing
from tests.browser.conftest import Visit, served
from tests.browser.test_audit_page import signed_in
from tests.browser.test_pages import HAN, TEXTS
from tests.districts import COMMUNITIES, buildings_in_each_grid, centre, small_county
from tests.furnished import ALONE, DISABLED, SINCE, SOURCE, in_care, purpose

OFFICER = "人员数据管理员"
TODAY = Settings().today()

NUMBER = "11010519491231002X"
KEPT = [
    {"name": "诸葛小明", "phone": "13912345678", "id_number": NUMBER, "door": "2单元301", "need": "每周送药"},
    {"name": "欧阳建国", "phone": "13811112222", "door": "1单元101"},
    {"name": "王秀英", "phone": "13700001111"},
]  # fmt: skip
IN_FULL = [value for fields in KEPT for value in fields.values()]


@pytest.fixture(scope="module")
def address(server: PrivateServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service on a small demo with three persons in care, two of them in the first community."""
    keyring, path = new_keyring(), tmp_path_factory.mktemp("keys") / "keyring.json"
    write_keyring(path, keyring)
    urls = server.create_database("care_page", template)
    engine = make_engine(urls.owner_url)
    persons = [
        in_care(f"p{n}", Point(centre(n // 2, 0)), DISABLED if n == 1 else ALONE, fields=fields)
        for n, fields in enumerate(KEPT)
    ]
    with writing(engine) as connection:
        describe_district(connection, "邹城", "Zoucheng", synthetic=True)
        publish(connection, small_county(), effective_from=SINCE, today=TODAY, author="test", reason="test")
        elements = [*buildings_in_each_grid(), *persons]
        write_elements(connection, elements, source=SOURCE, source_crs="EPSG:4490", since=SINCE)
        add_purpose(connection, purpose(), made_by="test")
        write_care(connection, elements, keyring=keyring)
    engine.dispose()
    with served(urls, keyring=path) as url:
        yield url


def officer(visit: Visit, address: str, **how: object) -> Page:
    page = signed_in(visit, address, "/care", OFFICER if how.get("language") is None else "Person-data officer", **how)
    page.wait_for_selector("tbody")
    return page


def chosen(page: Page, name: str) -> Page:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector("#panel .fields li")
    return page


def revealed(page: Page, name: str, reason: str = "电话回访") -> Page:
    page.locator("#panel .fields li", has_text=name).get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name=reason, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="显示", exact=True).click()
    page.wait_for_selector(".revealed")
    return page


def test_everybody_is_masked_in_a_list_by_unit_and_category(visit: Visit, address: str) -> None:
    page = officer(visit, address)
    expect(page.locator("#found")).to_have_text("共 3 人")
    expect(page.locator("tbody")).to_contain_text("139****5678")
    assert not any(value in page.content() for value in IN_FULL)
    page.locator("input[name=unit]").fill(COMMUNITIES[0])
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_text("共 2 人")
    page.locator("select[name=category]").select_option(DISABLED)
    page.get_by_role("button", name="筛选", exact=True).click()
    expect(page.locator("#found")).to_have_text("共 1 人")
    assert page.url.endswith("/care")


def test_a_field_is_shown_for_a_reason_and_a_while_and_it_is_told_who_looked(visit: Visit, address: str) -> None:
    page = chosen(officer(visit, address), "诸葛*")
    page.locator("#panel .fields li", has_text="电话").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="显示", exact=True).click()
    expect(dialog).to_be_visible()  # no reason, no phone
    expect(dialog).to_contain_text("五分钟")
    dialog.get_by_label("理由").fill("核实送药时间")
    dialog.get_by_role("button", name="显示", exact=True).click()
    expect(page.locator(".revealed")).to_have_text("13912345678")
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"[45]:\d\d"))
    looks = page.locator("#panel .looks li").first
    expect(looks).to_contain_text("查看明文")
    expect(looks).to_contain_text("电话 · 核实送药时间")
    kept = page.evaluate("JSON.stringify([location.href, history.state, {...localStorage}, {...sessionStorage}])")
    assert "139" not in kept and page.url.endswith("/care")
    page.emulate_media(media="print")
    expect(page.locator(".revealed")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="立即隐藏").click()
    assert "13912345678" not in page.content()


def test_what_was_shown_hides_again_by_itself(visit: Visit, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "REVEALED_S", 2)
    page = revealed(chosen(officer(visit, address), "王*"), "电话")
    expect(page.get_by_role("status")).to_have_text("明文已隐藏")
    assert "13700001111" not in page.content()


def test_whoever_leaves_the_page_and_comes_back_finds_nothing_revealed(visit: Visit, address: str) -> None:
    page = revealed(chosen(officer(visit, address), "诸葛*"), "单元与房号")
    expect(page.locator(".revealed")).to_have_text("2单元301")
    page.get_by_role("link", name="地图", exact=True).click()
    page.wait_for_selector("body.ready .who nav a")
    assert page.locator(".who nav a").get_attribute("href") == "/care"
    page.go_back()
    page.wait_for_selector("tbody")
    assert "2单元301" not in page.content() and page.locator("#panel .title").count() == 0


def test_a_number_is_looked_up_without_being_kept_anywhere(visit: Visit, address: str) -> None:
    page = officer(visit, address)
    page.get_by_role("button", name="按身份证号查找").click()
    page.keyboard.type(NUMBER)
    page.get_by_role("dialog").get_by_role("button", name="核对数据").click()
    page.get_by_role("dialog").get_by_role("button", name="查找", exact=True).click()
    expect(page.locator("#found")).to_have_text("共 1 人")
    expect(page.locator("tbody")).to_contain_text("诸葛*")
    assert NUMBER not in page.content() and page.url.endswith("/care")
    page.get_by_role("button", name="返回列表").click()
    expect(page.locator("#found")).to_have_text("共 3 人")


def test_a_record_is_opened_and_closed_by_keyboard(visit: Visit, address: str) -> None:
    page = officer(visit, address)
    name = page.get_by_role("button", name="欧阳*", exact=True)
    name.press("Enter")
    page.wait_for_selector("#panel .fields li")
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(name).to_be_focused()
    assert page.locator("#panel .title").count() == 0


def test_the_person_gets_a_correction_a_copy_and_a_deletion_each_with_proof(
    visit: Visit, address: str, tmp_path: Path
) -> None:
    page = chosen(officer(visit, address), "欧阳*")
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="更正").click()
    dialog.get_by_label("电话").fill("13999998888")
    dialog.get_by_role("button", name="登记有误").click()
    dialog.get_by_role("button", name="更正", exact=True).click()
    expect(dialog).to_contain_text("审计记录摘要")
    dialog.get_by_role("button", name="完成").click()
    expect(page.locator("#panel .fields")).to_contain_text("139****8888")

    page.get_by_role("button", name="提供副本").click()
    dialog.get_by_role("button", name="本人要求").click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="下载副本").click()
    download.value.save_as(tmp_path / "copy.json")
    copy = json.loads((tmp_path / "copy.json").read_text(encoding="utf-8"))
    assert (
        copy["versions"][-1]["fields"] | {"phone": "13999998888", "name": "欧阳建国"} == copy["versions"][-1]["fields"]
    )
    expect(page.get_by_role("status")).to_contain_text("副本已下载")

    page.get_by_role("button", name="删除").click()
    expect(dialog).to_contain_text("无法恢复")
    dialog.get_by_role("button", name="本人要求").click()
    dialog.get_by_label("我已核实请求人的身份").check()
    dialog.get_by_role("button", name="永久删除").click()
    expect(dialog).to_contain_text("已删除")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="保存凭证").click()
    download.value.save_as(tmp_path / "proof.json")
    proof = json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))
    assert proof["action"] == "delete person" and len(proof["entry"]) == 64
    dialog.get_by_role("button", name="完成").click()
    expect(page.locator("#found")).to_have_text("共 2 人")
    expect(page.locator("tbody")).not_to_contain_text("欧阳*")


def test_what_cannot_be_is_said_where_it_was_filled_in(visit: Visit, address: str) -> None:
    page = signed_in(visit, address, "/care", OFFICER, refused="/api/care/persons")
    page.wait_for_selector("tbody")
    chosen(page, "王*")
    page.get_by_role("button", name="更正").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("电话").fill("12")
    dialog.get_by_role("button", name="登记有误").click()
    dialog.get_by_role("button", name="更正", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("“电话”的内容无法使用")
    dialog.get_by_role("button", name="取消").click()
    page.locator("input[name=unit]").fill("999")
    page.locator("input[name=unit]").press("Enter")
    expect(page.locator("#refused")).to_have_text("没有这个单元,请填写编码")


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, {"width": 834, "height": 1112}], ids=str)
def test_an_english_page_fits_its_screen_and_keeps_chinese_for_names_only(
    visit: Visit, address: str, size: dict[str, int]
) -> None:
    page = officer(visit, address, language="en-GB", size=size)
    page.get_by_role("button", name="诸葛*", exact=True).click()
    page.wait_for_selector("#panel .looks li")
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    words = {word for told in page.evaluate(TEXTS) for word in HAN.findall(told)}
    names, reasons = (
        {"中文", "示例人员数据管理员", "诸葛", "欧阳", "关爱走访"},
        {"电话回访", "核对数据", "核实送药时间"},
    )
    assert {word for word in words if not re.search("社区|网格|楼", word)} <= names | reasons


def test_without_a_purpose_the_page_says_how_to_record_one(visit: Visit, server: PrivateServer, template: str) -> None:
    urls = server.create_database("care_page_empty", template)
    engine = make_engine(urls.owner_url)
    with writing(engine) as connection:
        describe_district(connection, "邹城", "Zoucheng", synthetic=True)
        publish(connection, small_county(), effective_from=SINCE, today=TODAY, author="test", reason="test")
        assert connection.execute(text("SELECT count(*) FROM purpose")).scalar() == 0
    engine.dispose()
    with served(urls) as address:
        page = signed_in(visit, address, "/care", OFFICER)
        expect(page.locator("#list pre")).to_have_text("gismap care purpose add …")
