"""A revision that is not in effect yet is withdrawn, and everything is as if it had never been published."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from shapely import LineString
from sqlalchemy import Connection, Engine, text

from gismap.access.accounts import add_account, grant
from gismap.access.values import Role
from gismap.boundaries.plan_operations import Merge, Split
from gismap.boundaries.plans import find_plan
from gismap.boundaries.service import list_revisions
from gismap.elements.writing import write_elements
from gismap.errors import ConflictError, NotFoundError
from gismap.locating.rulings import add_dispute, add_override
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import start_plan
from gismap.store.session import writing
from gismap.withdrawing import withdraw
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, building, centre
from tests.furnished import furnish
from tests.planning.conftest import TODAY, TOMORROW, edit, line

MINE, OTHER = COMMUNITIES
ONE, TWO = f"{MINE}001", f"{MINE}002"

# Everything that hangs on boundaries, but for the numbers that new rows get.
HANGING = {
    "grid": "unit_id, code, path, name, parent, is_leaf, geom::text, drawn::text, valid, published_by, retired_by",
    "jurisdiction_outline": "*",
    "lineage": "*",
    "element": "version_id, element_id, layer, unit_id, path, content, since, valid, attributes",
    "building": "*",
    "building_unit": "*",
    "care_person": "*",
    "assignment": "*",
    "access_grant": "*",
    "override": "*",
    "dispute": "*",
    "plan_unit": "plan_id, key, name, retired",
}


def state(connection: Connection) -> dict[str, list[Any]]:
    return {
        table: sorted(map(repr, connection.execute(text(f"SELECT {columns} FROM {table}")).all()))
        for table, columns in HANGING.items()
    }


@pytest.fixture()
def county(engine: Engine) -> Iterator[Connection]:
    """The furnished county, with grants in its grids, in a transaction."""
    furnish(engine, today=TODAY)
    with writing(engine) as connection:
        account = add_account(connection, "worker", "Somebody", None, made_by="test")
        units = connection.execute(text("SELECT unit_id FROM grid WHERE code IN (:a, :b)"), {"a": ONE, "b": TWO})
        for unit in units.scalars().all():
            end = datetime.now(UTC) + timedelta(days=90)
            grant(connection, account, Role.GRID_WORKER, unit, ends_at=end, granted_by="test")
        element = connection.execute(text("SELECT element_id FROM element WHERE source_ref = '1' LIMIT 1")).scalar_one()
        add_override(connection, element, None, TWO, "门牌归第二网格", since=TODAY, made_by="test")
        border = LineString([(WEST, SOUTH + STEP), (WEST + STEP, SOUTH + STEP)])
        add_dispute(connection, (ONE, TWO), TWO, border, "等待区里答复", reach_m=10, since=TODAY, made_by="test")
        yield connection


def merge_and_publish(county: Connection, day: date = TOMORROW) -> tuple[str, int]:
    """The grids of the one community become one, a part of which becomes another; posts, grants, things follow."""
    plan = start_plan(county, "合并", author="li.na", today=TODAY)
    edit(county, plan, Merge([TWO, ONE]))
    edit(county, plan, Split(TWO, line((0.6, -0.1), (0.502, 1.5), (0.6, 2.1))))
    done = publish_plan(county, plan, effective_from=day, today=TODAY, author="li.na", reason="r")
    assert done.elements_moved and done.assignments_ended and done.retired and done.grants_lapsed is not None
    return plan, done.number


def test_everything_is_set_back_exactly(county: Connection) -> None:
    before = state(county)
    plan, number = merge_and_publish(county)
    published = state(county)
    moved = ("grid", "lineage", "element", "assignment", "access_grant", "dispute")
    assert all(published[table] != before[table] for table in moved)
    withdraw(county, number, today=TODAY, author="li.na")
    after = state(county)
    for table in HANGING:
        if table != "plan_unit":
            assert after[table] == before[table], table
    assert [one["number"] for one in list_revisions(county)] == [1]
    assert find_plan(county, plan).published_as is None
    assert publish_plan(county, plan, effective_from=TOMORROW, today=TODAY, author="li.na", reason="r").number == 3


def test_what_came_in_between_stays_and_belongs_to_what_stands(county: Connection) -> None:
    _, number = merge_and_publish(county)
    lon, lat = centre(0, 0)
    drafts = [building("new", lon, lat), building("1", lon, lat, households=99)]
    write_elements(county, drafts, source="test", source_crs="EPSG:4490", since=TODAY)
    withdraw(county, number, today=TODAY, author="li.na")
    rows = county.execute(
        text("""
            SELECT e.source_ref, g.code, b.households FROM element e JOIN building b USING (version_id)
            JOIN grid g USING (unit_id)
            WHERE e.source_ref IN ('new', '1') AND e.layer = 'buildings' AND e.valid @> CAST(:day AS date)
              AND g.valid @> CAST(:day AS date)
            ORDER BY e.source_ref
        """),
        {"day": TOMORROW},
    ).all()
    assert [tuple(row) for row in rows] == [("1", TWO, 99), ("new", ONE, 24)]  # the first by a ruling


def test_a_post_or_grant_changed_since_is_named_and_nothing_is_withdrawn(county: Connection) -> None:
    _, number = merge_and_publish(county)
    ended = county.execute(text("SELECT id FROM publication_trace WHERE kind = 'assignment' LIMIT 1")).scalar_one()
    county.execute(text("UPDATE assignment SET role = 'sector_leader' WHERE assignment_id = :id"), {"id": ended})
    published = state(county)
    with pytest.raises(ConflictError, match=rf"post {ended} \(sector_leader|post {ended} .* was changed since"):
        withdraw(county, number, today=TODAY, author="li.na")
    assert state(county) == published


def test_what_was_granted_in_a_new_unit_is_named(county: Connection) -> None:
    _, number = merge_and_publish(county)
    unit = county.execute(
        text("SELECT unit_id FROM grid WHERE published_by = :n AND code = :c"), {"n": number, "c": f"{MINE}003"}
    ).scalar_one()
    account = county.execute(text("SELECT account_id FROM account WHERE username = 'worker'")).scalar_one()
    start = datetime.now(UTC) + timedelta(days=3)
    county.execute(
        text("""INSERT INTO access_grant (account_id, role, unit_id, granted_by, starts_at, ends_at)
                VALUES (:a, 'viewer', :u, 't', :s, :e)"""),
        {"a": account, "u": unit, "s": start, "e": start + timedelta(days=1)},
    )
    with pytest.raises(ConflictError, match=r"grant \d+ \(viewer in g.* was made since"):
        withdraw(county, number, today=TODAY, author="li.na")


def test_what_took_effect_is_superseded_and_only_the_newest_is_withdrawn(county: Connection) -> None:
    _, number = merge_and_publish(county)
    plan = start_plan(county, "再", author="li.na", today=TODAY)
    later = publish_plan(
        county, plan, effective_from=TOMORROW + timedelta(days=1), today=TODAY, author="li.na", reason="r"
    ).number
    with pytest.raises(ConflictError, match=f"revision {later} is built on {number}"):
        withdraw(county, number, today=TODAY, author="li.na")
    with pytest.raises(ConflictError, match="took effect"):
        withdraw(county, later, today=TOMORROW + timedelta(days=1), author="li.na")
    withdraw(county, later, today=TODAY, author="li.na")
    with pytest.raises(NotFoundError):
        withdraw(county, later, today=TODAY, author="li.na")
    withdraw(county, number, today=TODAY, author="li.na")
