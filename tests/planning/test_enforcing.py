"""Publishing plans: two at once, what they are refused for, and that nothing is half-published then."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from shapely import MultiPolygon, union_all
from sqlalchemy import Connection, Engine, text

from gismap.boundaries.plan_operations import MoveVertex, Put, Split
from gismap.errors import ConflictError, CoverageError
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import start_plan
from gismap.publishing import publish
from gismap.store.session import reading, writing
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, small_county
from tests.planning.conftest import FIRST, TODAY, TOMORROW, edit, line

ONE, TWO = (f"{COMMUNITIES[0]}00{n}" for n in (1, 2))


def put_in_force(connection: Connection, plan: str, day: date = TOMORROW, authority: str | None = None) -> int:
    return publish_plan(
        connection, plan, effective_from=day, today=TODAY, author="li.na", reason="r", outline_authority=authority
    ).number


def test_of_two_publications_at_once_one_is_done_and_the_other_told(engine: Engine) -> None:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        plans = [start_plan(connection, name, author=name, today=TODAY) for name in ("甲", "乙")]
        for plan, code in zip(plans, (ONE, TWO), strict=True):
            edit(connection, plan, Put(code, {"name": plan}))

    def try_to(plan: str) -> object:
        try:
            with writing(engine) as connection:
                return put_in_force(connection, plan)
        except ConflictError as refusal:
            return refusal.detail

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(try_to, plans))
    assert 2 in outcomes and any("rebase it first" in str(outcome) for outcome in outcomes)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT max(number) FROM revision")).scalar() == 2
        named = connection.execute(text("SELECT name FROM grid WHERE published_by = 2")).scalars().all()
    assert named == [plans[outcomes.index(2)]]


@pytest.fixture()
def outlined(engine: Engine) -> Engine:
    """The county with an outline that an authority fixed."""
    outline = MultiPolygon([union_all([draft.geom for draft in small_county() if draft.geom is not None])])
    with writing(engine) as connection:
        publish(
            connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first",
            outlines={"county": outline},
        )  # fmt: skip
    return engine


def test_a_split_at_the_outline_leaves_it_where_it_is(outlined: Engine) -> None:
    """The new vertex lies on the outline but for rounding, which is no change of it."""
    with writing(outlined) as connection:
        plan = start_plan(connection, "x", author="li.na", today=TODAY)
        edit(connection, plan, Split(ONE, line((0.3, -0.1), (0.37, 1.1))))
        edit(connection, plan, Split(TWO, line((-0.1, 1.31), (1.1, 1.47))))
        assert put_in_force(connection, plan) == 2


def test_an_outline_moves_only_in_the_name_of_an_authority(outlined: Engine) -> None:
    with writing(outlined) as connection:
        plan = start_plan(connection, "x", author="li.na", today=TODAY)
        edit(connection, plan, MoveVertex((WEST, SOUTH), (WEST - STEP / 10, SOUTH - STEP / 10)))
        with pytest.raises(CoverageError, match="outline of 邹城市"):
            put_in_force(connection, plan)
        assert put_in_force(connection, plan, authority="县人民政府") == 2


def test_the_past_a_taken_day_and_a_second_time_are_refused(engine: Engine) -> None:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        plan = start_plan(connection, "x", author="li.na", today=TODAY)
        edit(connection, plan, Put(ONE, {"name": "甲"}))
        with pytest.raises(ConflictError, match="is past"):
            put_in_force(connection, plan, TODAY - timedelta(days=1))
        assert put_in_force(connection, plan) == 2
        with pytest.raises(ConflictError, match="already published as revision 2"):
            put_in_force(connection, plan, TOMORROW + timedelta(days=1))
        later = start_plan(connection, "y", author="li.na", today=TODAY)
        edit(connection, later, Put(ONE, {"name": "乙"}))
        with pytest.raises(ConflictError, match="choose a later day"):
            put_in_force(connection, later)
