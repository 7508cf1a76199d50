"""The one map of a demo: its size, the time to make it, and the time until a browser has drawn it.

python -m benchmarks.maps [--demo zoucheng]
"""

import argparse
import gzip
import tempfile
import time
import urllib.request
from datetime import datetime
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.service import Service, serving
from gismap.settings import Settings
from gismap.store.session import make_engine
from gismap.themes.service import Wanted, map_file
from gismap.themes.specs import theme_named

DRAWN = "body.ready"
RUNS = 3
MB = 1e6


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Size and times of the one map")
    parser.add_argument("--demo", default="zoucheng")
    demo = parser.parse_args().demo
    table = Table(title=f"the one map of {demo}")
    for column in ("", "size MB", "gzip MB", "made s", "made again s", "drawn in Chromium s"):
        table.add_column(column, justify="right" if column else "left")
    with serving(demo) as service, tempfile.TemporaryDirectory() as folder:
        first_s, page = _fetched(service)
        again_s, _ = _fetched(service)
        table.add_row(
            "served at /", *_sizes(page), f"{first_s:.2f}", f"{again_s:.3f}", f"{_drawn_s(service.address):.2f}"
        )
        file = Path(folder) / "one.html"
        began = time.perf_counter()
        _write_file(service, file)
        made_s = time.perf_counter() - began
        table.add_row("one file", *_sizes(file.read_bytes()), f"{made_s:.2f}", "", f"{_drawn_s(file.as_uri()):.2f}")
    Console(width=120).print(table)


def _fetched(service: Service) -> tuple[float, bytes]:
    began = time.perf_counter()
    with urllib.request.urlopen(f"{service.address}/") as answer:
        page = answer.read()
    return time.perf_counter() - began, page


def _write_file(service: Service, file: Path) -> None:
    """As `gismap map one` does, in this process, without the start of an interpreter."""
    engine = make_engine(service.urls.owner_url)
    wanted = Wanted(theme_named("one"), "zh", Settings().today())
    file.write_text(map_file(engine, wanted, user="bench", now=datetime.now().astimezone()), encoding="utf-8")
    engine.dispose()


def _sizes(page: bytes) -> tuple[str, str]:
    return f"{len(page) / MB:.2f}", f"{len(gzip.compress(page, 4)) / MB:.2f}"


def _drawn_s(address: str) -> float:
    """Seconds from the request until the map is drawn; the median of a few loads."""
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for _ in range(RUNS):
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            began = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.wait_for_selector(DRAWN)
            times.append(time.perf_counter() - began)
            page.close()
        browser.close()
    return sorted(times)[len(times) // 2]


if __name__ == "__main__":
    main()
