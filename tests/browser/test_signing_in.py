"""A reader signs in and out by keyboard, sees who they are, and is told what was wrong."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit


@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_a_reader_signs_in_by_keyboard_and_out_again(visit: Visit, county_url: str, language: str) -> None:
    page = visit(f"{county_url}/maps/one", language=language)
    visitor, sign_in, demo = ("访客", "登录", "调度员") if language == "zh-CN" else ("Visitor", "Sign in", "Dispatcher")
    expect(page.locator(".who")).to_contain_text(visitor)
    page.locator(".who").get_by_text(sign_in).click()
    page.wait_for_selector("body.ready")
    expect(page.locator("input[name=username]")).to_be_focused()
    page.get_by_role("button", name=demo, exact=True).press("Enter")
    page.wait_for_selector("#bar .who button")
    assert "/maps/one" in page.url
    expect(page.locator(".who")).to_contain_text("示例调度员")
    page.locator(".who button").click()
    page.wait_for_url("**/sign-in**")


def test_a_wrong_password_is_told_beside_the_form(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/sign-in", refused="/api/session")
    page.keyboard.type("somebody")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确")
    expect(page.locator("input[name=password]")).to_be_focused()
