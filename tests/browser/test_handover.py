"""The map of a difference opens from a memory stick: three layers to compare, and nothing asked of any network."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gismap.handover.difference import between_revisions
from gismap.handover.difference_map import difference_map
from gismap.handover.paper import imprint_of
from gismap.store.session import reading, writing
from tests.browser.conftest import Visit
from tests.furnished import furnish
from tests.handover.conftest import put_in_force, redraw
from tests.planning.conftest import TODAY


@pytest.fixture()
def map_file(engine: Engine, tmp_path: Path) -> Path:
    furnish(engine, today=TODAY)
    with writing(engine) as connection:
        number = put_in_force(connection, redraw(connection))
    with reading(engine) as connection:
        told = between_revisions(connection, 1, number)
        imprint = imprint_of(connection, "王主任", datetime(2026, 11, 25, tzinfo=UTC), "zh")
    path = tmp_path / "交接.html"
    path.write_text(difference_map(told, imprint, "zh"), encoding="utf-8")
    return path


def test_before_after_and_moved_can_be_compared_without_any_network(visit: Visit, map_file: Path) -> None:
    page = visit(map_file.as_uri(), ready=".leaflet-overlay-pane path")
    shapes = page.locator(".leaflet-overlay-pane path")
    assert shapes.count() == 2 + 4 + 4  # two pairs; four grids before and after
    for name, left in (("原边界", 6), ("新边界", 2), ("易手的土地", 0)):
        page.get_by_label(name).uncheck()
        assert shapes.count() == left
    assert page.locator("aside").get_by_text("太平社区第2网格").count() > 0
    assert page.locator("aside .notice").is_visible()
    assert page.evaluate("window.hacked") is None
