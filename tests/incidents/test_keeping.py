"""What is due by the clock, boundaries that change under open incidents, and categories with their clocks."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from os import environ
from pathlib import Path

import pytest
from shapely import MultiPolygon

from gismap.access.values import Role
from gismap.incidents.keeping import Category, do_what_is_due, end_category, set_category
from gismap.publishing import publish
from gismap.store.server import PrivateServer
from gismap.store.session import writing
from tests.conftest import TODAY, environment
from tests.districts import cell, small_county
from tests.incidents.conftest import EAST_SIDE, GRID, WEST_SIDE, County, running_county


@pytest.fixture()
def own(server: PrivateServer, incident_template: str, keyring_file: Path, tmp_path: Path) -> Iterator[County]:
    """A county whose boundaries a test may change."""
    yield from running_county(server, incident_template, keyring_file, tmp_path)


def test_open_incidents_follow_the_boundaries_and_closed_ones_stay(own: County) -> None:
    """The first grid goes to the east side; its neighbour in the north is joined to it, and ends."""
    moved, closed, joined, above = (own.report()["incident"] for _ in range(4))
    lon, lat = cell(0, 1).centroid.coords[0]
    north = own.report(x=lon, y=lat)["incident"]
    own.did(closed, "dispatch", "acknowledge", "handle", "resolve", "feedback", "close")
    own.act(above, "dispatch", unit=WEST_SIDE)
    before = own.shown(moved)
    drafts = []
    for draft in small_county():
        if draft.key == GRID:
            land = MultiPolygon([cell(0, 0).union(cell(0, 1))])
            drafts.append(replace(draft, parent=EAST_SIDE, geom=land))
        elif draft.key not in (WEST_SIDE, f"{WEST_SIDE}002"):
            drafts.append(draft)
    with writing(own.owner) as connection:
        publish(connection, drafts, effective_from=TODAY, today=TODAY, author="test", reason="test")
        assert do_what_is_due(connection, TODAY, actor="test").followed == 0, "once is enough"
    desk_east = own.as_(Role.DISPATCHER, EAST_SIDE)
    for number in (moved, joined, north):
        shown = own.shown(number, desk_east)
        assert (shown["unit"]["code"], shown["placed_unit"]["code"]) == (GRID, GRID)
        assert shown["history"][-1]["action"] == "follow"
    assert own.shown(north)["history"][-1]["detail"]["from"] != own.shown(north)["history"][-1]["detail"]["to"]
    assert own.shown(moved)["unit_at_report"] == before["unit_at_report"]
    assert own.shown(above)["unit"]["code"] == "370883001", "the nearest that still stands"
    assert [event["action"] for event in own.shown(closed)["history"]][-1] == "close"


def test_categories_and_their_clocks_are_edited_without_touching_what_is_in(county: County) -> None:
    lamp = Category("street_lamp", "路灯", "Street lamps", respond_minutes=30)
    with writing(county.owner) as connection:
        set_category(connection, lamp, actor="test")
    shown = county.shown(county.report(category="street_lamp")["incident"])
    times = [datetime.fromisoformat(shown[name]) for name in ("reported_at", "respond_by")]
    assert times[1] - times[0] == timedelta(minutes=30)
    with writing(county.owner) as connection:
        set_category(connection, replace(lamp, respond_minutes=60), actor="test")
        end_category(connection, "noise", actor="test")
    assert county.shown(shown["incident"])["respond_by"] == shown["respond_by"]
    told = county.desk.get("/api/incidents/categories").json()["categories"]
    assert {one["category"]: one["respond_minutes"] for one in told}["street_lamp"] == 60
    assert county.desk.post("/api/incidents", json={"category": "noise", "text": "吵"}).status_code == 400


def test_what_is_due_is_a_command_for_the_clock(county: County) -> None:
    number = county.report()["incident"]
    county.did(number, "offer")
    county.do("UPDATE incident SET claim_by = now() WHERE incident = :n", n=number)
    done = subprocess.run(
        [sys.executable, "-m", "gismap", "incident", "due"],
        env=environ | environment(county.urls), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"{number}" in done.stdout
    assert county.shown(number)["status"] == "dispatched"
