"""Every page loads from our own host only, without a complaint, in either language, on a desk and on a phone."""

import re

import pytest
from playwright.sync_api import Page

from gismap.themes.specs import THEMES
from tests.browser.conftest import Visit

PHONE = {"width": 390, "height": 844}

LATIN = re.compile(r"[A-Za-z]{2,}")
NOT_CHINESE = {"English", "CGCS", "WGS", "GCJ", "BD", "Jenks", "km", "AED"}
"""Words of a Chinese page that are names of frames and methods, or units."""

HAN = re.compile(r"[\u4e00-\u9fff]{2,}")

TEXTS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, (node) =>
        node.parentElement.closest("script, style, code") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode.textContent.trim());
    for (const element of document.querySelectorAll("[title], [aria-label], [placeholder]")) {
        texts.push(element.title, element.ariaLabel ?? "", element.placeholder ?? "");
    }
    return [document.title, ...texts].filter(Boolean);
}"""

INSIDE = """() => {
    const { map, doc: { bounds: [west, south, east, north] } } = gismap;
    const [a, b] = [map.latLngToContainerPoint([north, west]), map.latLngToContainerPoint([south, east])];
    const { x, y } = map.getSize();
    return { inside: a.x >= 0 && a.y >= 0 && b.x <= x && b.y <= y,
             share: Math.max((b.x - a.x) / x, (b.y - a.y) / y) };
}"""

NAMES = """() => {
    const { district, street_names, places, teams } = gismap.doc;
    const names = [street_names.map(([name]) => name), gismap.units.flatMap(({ name, label }) => [name, label]),
                   places.map((row) => row[3]), Object.values(teams).flat().map((row) => row[2])];
    return [district.title, ...names.flat()].filter(Boolean);
}"""


def left_over(page: Page, pattern: re.Pattern[str], allowed: set[str]) -> set[str]:
    """Words in the page's own texts (not in names of places and people) that match and are not allowed."""
    names = sorted((str(name) for name in page.evaluate(NAMES)), key=len, reverse=True)
    found = set()
    for text in page.evaluate(TEXTS):
        for name in names:
            text = text.replace(name, "")  # noqa: PLW2901
        found |= set(pattern.findall(text)) - allowed
    return found


@pytest.mark.parametrize("path", ["/", *(f"/maps/{theme}" for theme in THEMES)])
def test_every_map_fits_its_district_and_speaks_chinese(visit: Visit, luodian_url: str, path: str) -> None:
    page = visit(luodian_url + path)
    fit = page.evaluate(INSIDE)
    assert fit["inside"] and fit["share"] > 0.8
    assert page.locator(".stamp").inner_text() == "示例数据,非真实边界"
    assert left_over(page, LATIN, NOT_CHINESE) == set()


@pytest.mark.parametrize("theme", ["one", "staff", "density"])
def test_an_english_page_keeps_chinese_for_names_only(visit: Visit, luodian_url: str, theme: str) -> None:
    page = visit(f"{luodian_url}/maps/{theme}?lang=en")
    assert page.locator(".stamp").inner_text() == "Sample data, not real boundaries"
    assert left_over(page, HAN, {"中文"}) == set()


def test_a_link_switches_the_language_and_stays_on_the_map(visit: Visit, luodian_url: str) -> None:
    page = visit(f"{luodian_url}/maps/density")
    page.get_by_text("English", exact=True).click()
    page.wait_for_selector("body.ready")
    assert page.url.endswith("/maps/density?lang=en")
    page.get_by_role("link", name="Staff").click()
    page.wait_for_selector("body.ready")
    assert page.get_by_role("heading", name="Staff").is_visible()


def test_the_documentation_of_the_interface_works_without_internet(visit: Visit, luodian_url: str) -> None:
    page = visit(f"{luodian_url}/docs", ready=".opblock")
    assert page.locator(".opblock").count() >= 8


@pytest.mark.parametrize("path", ["/", "/maps/households"])
def test_on_a_phone_the_map_fills_the_screen_and_sheets_open_over_it(visit: Visit, luodian_url: str, path: str) -> None:
    page = visit(luodian_url + path, size=PHONE)
    box = page.locator(".folium-map").bounding_box()
    assert box and box["width"] == PHONE["width"] and box["height"] > PHONE["height"] * 0.75
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    legend = page.locator("#legend")
    assert not legend.is_visible()
    page.get_by_role("button", name="图例").click()
    assert legend.is_visible()
    page.get_by_role("button", name="图例").click()
    assert not legend.is_visible()
