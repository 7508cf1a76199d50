"""What users do with a map: switch layers, look things up, ask whose a point is and what is in an area, measure, print.

On the furnished small county, whose answers are known.
"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from gismap.themes import rows
from tests.browser.conftest import Visit
from tests.districts import COMMUNITIES, COUNTY, centre
from tests.furnished import HOSTILE, PERSON, PHONE

GRID, GRID_NAME = f"{COMMUNITIES[0]}001", "福安社区第1网格"
LON, LAT = centre(0, 0)


def on_screen(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place lies in the window."""
    x, y = page.evaluate(
        """([lon, lat]) => {
            const { x, y } = gismap.map.latLngToContainerPoint([lat, lon]);
            const box = gismap.map.getContainer().getBoundingClientRect();
            return [box.left + x, box.top + y];
        }""",
        [lon, lat],
    )
    return x, y


def entry(page: Page, text: str) -> Locator:
    """A line of the legend."""
    return page.locator("#legend .entry").filter(has=page.get_by_text(text, exact=True))


def pins(page: Page) -> int:
    """Places on the map, alone or in a cluster."""
    return int(
        page.evaluate("""() => [...document.querySelectorAll('.leaflet-marker-pane .pin, .leaflet-marker-pane .ring')]
            .reduce((sum, icon) => sum + (icon.matches('.pin') ? 1 : Number(icon.textContent)), 0)""")
    )


def test_the_legend_counts_what_is_drawn_and_hides_it(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/one")
    assert pins(page) == 7
    schools = entry(page, "学校与幼儿园")
    assert schools.locator(".count").inner_text() == "1"
    schools.locator("input").uncheck()
    assert pins(page) == 6
    schools.locator("input").check()
    assert pins(page) == 7
    for text, count in (("网格", 4), ("社区/管区", 2), ("网格力量", 6), ("楼栋房屋", 12), ("住户", 288)):
        assert entry(page, text).locator(".count").inner_text() == str(count)


def test_buildings_can_be_switched_off_and_staff_on(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/one")
    drawn = "Object.values(gismap.map._layers).filter((one) => one.feature?.properties.floors).length"
    assert page.evaluate(drawn) == 12
    entry(page, "楼栋房屋").locator("input").uncheck()
    assert page.evaluate(drawn) == 0
    entry(page, "网格力量").locator("input").check()
    page.mouse.click(*on_screen(page, LON, LAT))
    expect(page.locator(".card").last).to_contain_text(GRID_NAME)


def test_outlines_that_a_page_cannot_hold_are_fetched_when_one_comes_close(
    visit: Visit, county_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_OUTLINES", 0)
    page = visit(f"{county_url}/maps/one?unit={COUNTY}")
    expect(page.locator(".tag .s-buildings")).to_have_count(0)
    entry(page, "楼栋房屋").locator("input").uncheck()
    entry(page, "楼栋房屋").locator("input").check()
    expect(page.locator(".tag .s-buildings").first).to_have_text("楼 3")
    page.evaluate("([lat, lon]) => void gismap.map.setView([lat, lon], 17.5, { animate: false })", [LAT, LON])
    numbers = page.locator(".tag.number")
    expect(numbers).to_have_count(2)
    assert sorted(numbers.all_inner_texts()) == ["2号楼", "3号楼"]  # the grid's name stands on the first
    expect(page.locator(".tag .s-buildings")).to_have_count(0)
    page.mouse.click(*on_screen(page, LON, LAT))
    for text in ("福安小区1号楼", "住宅楼", "6", "24", GRID_NAME):
        expect(page.locator(".card").last).to_contain_text(text)


def test_persons_in_care_are_numbers_on_grids_and_few_are_not_told(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/one")
    entry(page, "重点人口(关爱服务)").locator("input").check()
    chips = page.locator(".tag .s-care_persons")
    expect(chips.first).to_be_visible()
    shown = [chip.removeprefix("关 ") for chip in chips.all_inner_texts()]
    assert "—" in shown and all(count == "—" or int(count) >= 5 for count in shown)
    page.locator("#search").fill(GRID)
    page.keyboard.press("Enter")
    page.locator(".card details.care summary").click()
    expect(page.locator(".card .care li").first).to_contain_text("不公布")


def test_a_class_of_a_choropleth_can_be_hidden(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/staff")
    filled = "Object.values(gismap.map._layers).filter((one) => one.options?.fillOpacity > 0.8 && one.feature).length"
    vacant = entry(page, "A岗空缺")
    assert vacant.locator(".count").inner_text() == "1"
    before = page.evaluate(filled)
    vacant.locator("input").uncheck()
    assert page.evaluate(filled) == before - 1


def test_kinds_of_grids_are_told_apart_without_their_colours(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/staff")
    swatch = "(element) => getComputedStyle(element).backgroundImage"
    kinds = [entry(page, text).locator(".swatch").evaluate(swatch) for text in ("A、B岗齐备", "A岗空缺")]
    assert kinds[0] == "none" and kinds[1].startswith("url(")
    fills = """Object.values(gismap.map._layers).filter((one) => one.options?.fillOpacity === 0.82)
        .map((one) => one.options.fillColor instanceof CanvasPattern)"""
    assert sorted(page.evaluate(fills)) == [False, False, False, True]


def test_the_heat_can_be_hidden(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/heat")
    heat = page.locator(".leaflet-heatmap-layer")
    expect(heat).to_have_count(1)
    entry(page, "重点场所").locator("input").uncheck()
    expect(heat).to_have_count(0)


def test_searching_a_name_opens_the_card_of_the_grid(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/one")
    page.locator("#search").fill("福安社区第1")
    page.keyboard.press("Enter")
    card = page.locator(".card").last
    for text in (GRID_NAME, GRID, "邹城市 › 钢山街道 › 福安社区", "A岗", "网格长", "诸葛*", "139****5678"):
        expect(card).to_contain_text(text)
    page.locator("#search").fill("加油站")
    page.keyboard.press("Enter")
    expect(page.locator(".card").last).to_contain_text("城南加油站")
    page.locator("#search").fill("解放")
    expect(page.locator(".found")).to_contain_text("解放路道路")
    page.locator("#search").fill("福安小区1号楼")
    expect(page.locator("#found-0")).to_contain_text("福安小区1号楼")
    page.keyboard.press("Enter")
    for text in ("福安小区1号楼", "住宅楼", "24"):
        expect(page.locator(".card").last).to_contain_text(text)
    page.locator("#search").fill("没有这个")
    expect(page.locator(".found")).to_contain_text("没有找到“没有这个”")


def test_a_pasted_coordinate_and_enter_tell_whose_it_is(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/")
    assert page.evaluate("document.activeElement.id") == "point"
    page.keyboard.type(f"{LON}, {LAT}")
    page.keyboard.press("Enter")
    answer = page.locator(".answer").first
    for text in ("归属明确", GRID_NAME, "邹城市 › 钢山街道 › 福安社区", "A岗", "B岗", "诸葛*", "专职网格员"):
        expect(answer).to_contain_text(text)
    assert answer.locator("h2").evaluate("(one) => getComputedStyle(one).fontSize") == "28px"


def test_swapped_coordinates_are_told_and_nonsense_is_refused_in_the_readers_words(
    visit: Visit, county_url: str
) -> None:
    page = visit(f"{county_url}/", refused="/api/locate")
    for typed in (f"{LAT}, {LON}", "200, 300", ""):
        page.locator("#point").fill(typed)
        page.keyboard.press("Enter")
        problem = page.locator(".answer .problem").first
        expect(problem).to_be_visible()
        assert re.search("[\u4e00-\u9fff]", problem.inner_text()) and not re.search("[A-Za-z]{3}", problem.inner_text())


def test_a_sentence_tells_whose_it_is_and_a_tie_is_asked_back(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/")
    page.locator("#point").fill("福安社区第1网格漏水谁负责")
    page.keyboard.press("Enter")
    answer = page.locator(".answer").first
    for words in ("归属明确", GRID_NAME, "漏水", "A岗"):
        expect(answer).to_contain_text(words)
    page.locator("#point").fill("福安社区")
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("需要确认")
    expect(answer.locator("h2")).to_have_count(0)
    answer.locator("button[data-at]").first.click()
    expect(answer).to_contain_text("福安社区第")
    page.locator("#point").fill("哪里都不是的地方")
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("没有找到")


def test_a_point_is_picked_on_the_map(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/")
    page.get_by_role("button", name="在图上点选").click()
    page.mouse.click(*on_screen(page, *centre(1, 1)))
    expect(page.locator(".answer").first).to_contain_text("太平社区第2网格")
    expect(page.locator(".answer").first).to_contain_text("空缺")
    assert page.locator(".card").count() == 0


def test_a_drawn_area_is_counted_and_its_things_are_drawn(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/")
    page.get_by_role("tab", name="查资源").click()
    page.get_by_role("button", name="画范围").click()
    corners = [(-3.5e-3, -3.5e-3), (3.5e-3, -3.5e-3), (3.5e-3, 3.5e-3), (-3.5e-3, 3.5e-3)]
    places = [on_screen(page, LON + dx, LAT + dy) for dx, dy in corners]
    for place in places:
        page.mouse.click(*place)
    page.keyboard.press("Enter")
    answer = page.locator(".answer").nth(1)
    expect(answer).to_contain_text("楼栋房屋 3")
    expect(answer).to_contain_text("重点场所 4")
    expect(answer).to_contain_text("服务站 1")
    expect(answer).to_contain_text("网格力量 2")
    expect(answer).to_contain_text("图上显示全部 10 项")
    assert page.locator(".leaflet-sketch-pane path").count() >= 10


def test_a_circle_and_a_code_are_areas_too(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/", refused="/api/resources/search")
    page.get_by_role("tab", name="查资源").click()
    page.get_by_label("半径").select_option("200")
    page.get_by_role("button", name="点选圆心").click()
    page.mouse.click(*on_screen(page, LON, LAT))
    answer = page.locator(".answer").nth(1)
    expect(answer).to_contain_text("服务站 1")
    for key in (GRID, GRID_NAME):
        page.get_by_label("网格名称或编码").fill(key)
        page.keyboard.press("Enter")
        expect(answer).to_contain_text("重点场所 6" if key == GRID else "重点场所")
    page.get_by_label("网格名称或编码").fill("999")
    page.keyboard.press("Enter")
    expect(answer.locator(".problem")).to_contain_text("没有")


def test_a_distance_is_measured(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/one")
    page.get_by_role("button", name="测量距离").click()
    page.mouse.click(*on_screen(page, *centre(0, 0)))
    page.mouse.dblclick(*on_screen(page, *centre(1, 0)))
    label = page.locator(".length")
    expect(label).to_be_visible()
    assert 880 < float(label.inner_text().removesuffix(" m")) < 930
    assert page.locator(".card").count() == 0


def test_the_map_fills_the_screen_on_demand(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/one")
    page.get_by_role("button", name="全屏").click()
    page.wait_for_function("document.fullscreenElement !== null")
    page.get_by_role("button", name="退出全屏").click()
    page.wait_for_function("document.fullscreenElement === null")


def test_the_print_view_is_one_sheet_with_what_a_map_on_paper_needs(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/maps/one")
    page.get_by_role("button", name="打印版式").click()
    for text in ("示例数据,非真实边界", "边界第 1 版", "截至"):
        expect(page.locator("body")).to_contain_text(text)
    assert page.locator(".stamp").is_visible() and page.locator(".north").is_visible()
    assert page.locator(".leaflet-control-scale-line").is_visible()
    assert not page.locator(".search").is_visible() and not page.locator(".tools").is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    page.get_by_role("button", name="返回").click()
    assert page.locator(".search").is_visible()


def test_hostile_names_are_text_wherever_they_are_shown(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/")
    page.locator("#search").fill("hacked")
    expect(page.locator(".found b").first).to_have_text(HOSTILE)
    page.keyboard.press("Enter")
    expect(page.locator(".card h3")).to_have_text(HOSTILE)
    page.locator("#point").fill(f"{LON}, {LAT}")
    page.keyboard.press("Enter")
    expect(page.locator(".answer").first).to_contain_text(HOSTILE)
    assert page.evaluate("window.hacked") is None


def test_a_page_holds_no_whole_name_and_no_whole_phone(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/")
    source = page.content()
    assert PERSON not in source and PHONE not in source and "诸葛*" in source


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(visit: Visit, county_url: str) -> None:
    page = visit(f"{county_url}/")
    tools = {"放大", "缩小", "显示全域", "测量距离", "打印版式", "全屏"}
    wanted = tools | {"search", "网格", "查归属", "在图上点选", "point"}
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(70):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate("""() => {
            const one = document.activeElement;
            const label = one.closest("label")?.querySelector(".text")?.textContent;
            return [one.id || one.title || label || one.textContent, getComputedStyle(one).outlineStyle !== "none"];
        }""")
        reached.add(name)
        assert outlined or name.strip() == "" or page.evaluate("document.activeElement === document.body"), name
    assert wanted <= reached


@pytest.mark.parametrize("path", ["/", "/maps/one"])
def test_hit_areas_are_large_enough(visit: Visit, county_url: str, path: str) -> None:
    page = visit(county_url + path)
    small = page.evaluate("""() => {
        const controls = "button, a[href], label.entry, input:not([type=checkbox]), select";
        return [...document.querySelectorAll(controls)].filter((one) => one.offsetParent)
            .map((one) => [one.title || one.textContent, one.getBoundingClientRect().height])
            .filter(([, height]) => height < 31.5);
    }""")
    assert small == []
