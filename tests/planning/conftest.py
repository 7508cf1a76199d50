"""The small county in force, with three buildings in every grid, and plans on it."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from shapely import LineString
from sqlalchemy import Connection, Engine

from gismap.boundaries.plan_operations import Edit, Rules
from gismap.elements.writing import write_elements
from gismap.geometry.codes import DEFAULT_SCHEME
from gismap.planning.editing import Outcome, edit_plan
from gismap.planning.proposing import start_plan
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.session import writing
from tests.districts import SOUTH, STEP, WEST, buildings_in_each_grid, small_county

FIRST = date(2026, 1, 1)
TODAY = Settings().today()
TOMORROW = TODAY + timedelta(days=1)
RULES = Rules(DEFAULT_SCHEME, "zh")


def line(*points: tuple[float, float]) -> LineString:
    """A line in units of cells from the county's corner."""
    return LineString([(WEST + STEP * x, SOUTH + STEP * y) for x, y in points])


def edit(connection: Connection, plan: str, what: Edit, actor: str = "li.na") -> Outcome:
    return edit_plan(connection, plan, what, actor=actor, today=TODAY, rules=RULES)


@pytest.fixture()
def county(engine: Engine) -> Iterator[Connection]:
    """A transaction in which the county stands with its buildings."""
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        write_elements(connection, buildings_in_each_grid(), source="test", source_crs="EPSG:4490", since=FIRST)
        yield connection


@pytest.fixture()
def plan(county: Connection) -> str:
    """An empty plan of the whole district."""
    return start_plan(county, "2027年调整", author="li.na", today=TODAY)
