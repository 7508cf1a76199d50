"""`gismap map`: one file that opens from a memory stick without any network, and tells nothing about persons."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from gismap.settings import Settings
from gismap.store.server import DatabaseUrls
from gismap.themes.specs import THEMES
from tests.browser.conftest import Visit
from tests.conftest import environment
from tests.districts import COMMUNITIES
from tests.furnished import HOSTILE, PERSON, PHONE


def gismap_map(urls: DatabaseUrls, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "gismap", "map", *arguments],
        env=os.environ | environment(urls),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def one_map(furnished: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one map of the furnished county as a file."""
    file = tmp_path_factory.mktemp("maps") / "one.html"
    done = gismap_map(furnished, "one", "-o", str(file), "--user", "王主任")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}\n", "")
    return file


def test_a_file_opens_without_any_network(visit: Visit, one_map: Path) -> None:
    page = visit(one_map.as_uri())
    assert page.evaluate("gismap.units.length") == 8
    assert page.locator(".stamp").is_visible() and page.locator(".pin, .ring").count() > 0
    page.locator("#search").fill("hacked")
    page.keyboard.press("Enter")
    assert page.locator(".card h3").inner_text() == HOSTILE
    assert page.evaluate("window.hacked") is None
    assert page.locator("#desk").count() == 0


def test_a_file_says_who_made_it_when_and_until_when(visit: Visit, one_map: Path) -> None:
    page = visit(one_map.as_uri())
    imprint = page.locator("#imprint").inner_text()
    page.get_by_role("button", name="打印版式").click()
    on_paper = page.locator(".sheet-foot").inner_text()
    today = Settings().today()
    for text in ("内部使用", "王主任", f"{today:%Y-%m-%d}", f"{today + timedelta(days=30):%Y-%m-%d}"):
        assert text in imprint and text in on_paper
    assert "示例数据,非真实边界" in on_paper


def test_a_file_holds_nobody(one_map: Path) -> None:
    source = one_map.read_text(encoding="utf-8")
    for text in (PERSON, PHONE, PERSON[:2] + "*", PHONE[:3] + "****"):
        assert text not in source
    document = source.split('id="gismap-document">')[1].split("</script>")[0]
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", document)


def test_a_file_names_nothing_to_load(one_map: Path) -> None:
    source = one_map.read_text(encoding="utf-8")
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]*\s(?:src|href)=["'](?!data:)""", source)
    images = [found.strip("\"' ") for found in re.findall(r"url\(([^)]*)\)", source)]
    made_here = "${"  # an address that the page writes of what it has drawn itself
    assert [image[:40] for image in images if not image.startswith(("data:", "#", made_here))] == []
    assert "@import" not in source


def test_a_file_is_limited_to_a_unit_and_speaks_english(furnished: DatabaseUrls, visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "density.html"
    done = gismap_map(furnished, "density", "-o", str(file), "--unit", COMMUNITIES[1], "--lang", "en")
    assert done.returncode == 0, done.stderr
    page = visit(file.as_uri())
    assert page.evaluate("gismap.units.map((unit) => unit.level)") == [3, 4, 4]
    assert "Internal use only" in page.locator("#imprint").inner_text()


@pytest.mark.parametrize("theme", sorted(set(THEMES) - {"one"}))
def test_every_theme_makes_a_file(visit: Visit, furnished: DatabaseUrls, tmp_path: Path, theme: str) -> None:
    from datetime import datetime

    from gismap.store.session import make_engine
    from gismap.themes.service import Wanted, map_file

    engine = make_engine(furnished.owner_url)
    wanted = Wanted(THEMES[theme], "zh", Settings().today())
    (tmp_path / "map.html").write_text(map_file(engine, wanted, user="t", now=datetime(2026, 11, 24)), encoding="utf-8")
    engine.dispose()
    assert visit((tmp_path / "map.html").as_uri()).locator(".layers h2").is_visible()


@pytest.mark.parametrize(
    ("arguments", "code", "cause"),
    [
        (("tea", "-o", "{}/a.html"), 2, "no theme 'tea'"),
        (("one", "-o", "{}/none/a.html"), 2, "no folder"),
        (("one", "-o", "{}"), 2, "cannot be written: Is a directory"),
        (("one", "-o", "{}/a.html", "--unit", "999"), 2, "no unit 999"),
        (("one", "-o", "{}/a.html", "--as-of", "tomorrow"), 64, "tomorrow"),
        (("one",), 64, "--output"),
    ],
)
def test_a_file_that_cannot_be_made_is_refused_with_its_cause(
    furnished: DatabaseUrls, tmp_path: Path, arguments: tuple[str, ...], code: int, cause: str
) -> None:
    done = gismap_map(furnished, *(part.format(tmp_path) for part in arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert cause in done.stderr and "Traceback" not in done.stderr
    if code == 2:
        assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.html"))
