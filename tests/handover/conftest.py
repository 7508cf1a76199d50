"""The furnished county, of which one grid is split and two are merged tomorrow."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from gismap.boundaries.plan_operations import Merge, Split
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import start_plan
from tests.districts import COMMUNITIES
from tests.furnished import furnish
from tests.planning.conftest import TODAY, edit, line

WEST_SIDE, EAST_SIDE = COMMUNITIES
SPLIT, ABSORBING, ABSORBED = f"{WEST_SIDE}001", f"{EAST_SIDE}001", f"{EAST_SIDE}002"
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture(scope="module")
def furnished_county(module_engine: Engine) -> Engine:
    furnish(module_engine, today=TODAY)
    return module_engine


@pytest.fixture()
def county(furnished_county: Engine) -> Iterator[Connection]:
    """The furnished county at revision 1, in a transaction that is taken back."""
    with furnished_county.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")
        yield connection
        connection.rollback()


def redraw(connection: Connection, title: str = "2027年调整") -> str:
    """A plan that cuts the first grid in two from north to south and joins the two grids of the east."""
    plan = start_plan(connection, title, author="li.na", today=TODAY)
    edit(connection, plan, Split(SPLIT, line((0.52, -0.5), (0.52, 1.5)), ["新网格"]))
    edit(connection, plan, Merge([ABSORBING, ABSORBED], None))
    return plan


def put_in_force(connection: Connection, plan: str) -> int:
    done = publish_plan(
        connection, plan, effective_from=TOMORROW, today=TODAY, author="li.na", reason="调整"
    )  # fmt: skip
    return done.number


def unit_of(connection: Connection, code: str) -> str:
    found = connection.execute(text("SELECT unit_id FROM grid WHERE code = :code LIMIT 1"), {"code": code}).scalar_one()
    return str(found)


def path_of(connection: Connection, code: str) -> str:
    found = connection.execute(text("SELECT path FROM grid WHERE code = :code LIMIT 1"), {"code": code}).scalar_one()
    return str(found)
