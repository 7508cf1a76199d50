"""Random edits and publications: one owner everywhere on every day, parents the union of children, the past kept."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString
from sqlalchemy import Connection, Engine, text

from gismap.boundaries.plan_operations import Edit, Merge, MoveVertex, Put, Reshape, Split
from gismap.boundaries.plan_sheet import Sheet
from gismap.boundaries.service import unit_history
from gismap.boundaries.values import UnitDraft
from gismap.elements.writing import write_elements
from gismap.errors import GismapError
from gismap.geometry.errors import GeometryError
from gismap.planning.checking import check_plan
from gismap.planning.editing import turn_back
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import start_plan
from gismap.publishing import publish
from gismap.store.session import writing
from gismap.withdrawing import withdraw
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, buildings_in_each_grid, small_county
from tests.planning.conftest import FIRST, TODAY, edit

POINTS = [(WEST + STEP * (0.06 + 0.13 * i), SOUTH + STEP * (0.07 + 0.13 * j)) for i in range(15) for j in range(15)]

# Who owns each of the points, by the interior of a leaf or (on a border) by the lowest code.
OWNERS = """
SELECT p.n, array_agg(g.unit_id ORDER BY g.code NULLS LAST, g.unit_id) AS owners,
       count(*) FILTER (WHERE ST_Contains(g.geom, p.at)) AS inside
FROM (SELECT n, ST_SetSRID(ST_MakePoint(lon, lat), 4490) AS at
      FROM unnest(CAST(:lons AS float[]), CAST(:lats AS float[])) WITH ORDINALITY AS q (lon, lat, n)) p
LEFT JOIN grid g ON g.is_leaf AND g.valid @> CAST(:day AS date) AND ST_Intersects(g.geom, p.at)
GROUP BY p.n ORDER BY p.n;
"""

# Parents whose land is not that of their children, by more than rounding.
APART = """
SELECT p.name FROM grid p JOIN grid c ON c.parent = p.unit_id AND c.valid @> CAST(:day AS date)
WHERE p.valid @> CAST(:day AS date)
GROUP BY p.unit_id, p.name, p.geom
HAVING ST_Area(ST_SymDifference(p.geom, ST_Union(c.geom))) > 1e-14;
"""

MEMBERS = """
SELECT e.source_ref, e.unit_id FROM element e WHERE e.valid @> CAST(:day AS date) ORDER BY 1;
"""

UNITS = "SELECT unit_id, code, name, parent, path, is_leaf FROM grid WHERE valid @> CAST(:day AS date) ORDER BY 1;"


def owners(connection: Connection, day: date) -> list[list[str]]:
    """Every point's owner on a day: exactly one inside, or those who meet there."""
    values = {"lons": [lon for lon, _ in POINTS], "lats": [lat for _, lat in POINTS], "day": day}
    rows = connection.execute(text(OWNERS), values).all()
    assert all(row.inside == 1 or (row.inside == 0 and len(row.owners) > 1 and row.owners[0]) for row in rows), day
    return [row.owners for row in rows]


def answers(connection: Connection, day: date) -> Any:
    members = [tuple(row) for row in connection.execute(text(MEMBERS), {"day": day})]
    units = [tuple(row) for row in connection.execute(text(UNITS), {"day": day})]
    return owners(connection, day), members, units


def some_edit(rng: random.Random, leaves: list[UnitDraft]) -> Edit:
    """An edit that a planner might try; some cannot be done."""
    unit = rng.choice(leaves)
    assert unit.geom is not None
    west, south, east, north = unit.geom.bounds
    span = max(east - west, north - south)
    lon, lat = west + rng.uniform(0.2, 0.8) * (east - west), south + rng.uniform(0.2, 0.8) * (north - south)
    down = rng.random() < 0.5
    bend = (lon + rng.uniform(-0.2, 0.2) * (east - west), lat + rng.uniform(-0.2, 0.2) * (north - south))
    ends = [(lon, south - span), (lon, north + span)] if down else [(west - span, lat), (east + span, lat)]
    line = LineString([ends[0], bend, ends[1]])
    beside = [other for other in leaves if other.key != unit.key and other.geom.distance(unit.geom) < 1e-9]
    match rng.randrange(6) if beside else 0:
        case 0 | 1:
            return Split(unit.key, line)
        case 2:
            return Reshape(unit.key, rng.choice(beside).key, line)
        case 3:
            return Merge([unit.key, rng.choice(beside).key])
        case 4:
            at = rng.choice(list(unit.geom.geoms[0].exterior.coords))
            return MoveVertex(at, (at[0] + rng.uniform(-1, 1) * STEP / 20, at[1] + rng.uniform(-1, 1) * STEP / 20))
        case _:
            return Put(unit.key, {"name": f"改名{rng.randrange(1000)}"})


def on_the_rim(at: tuple[float, ...]) -> bool:
    return any(
        abs(value - edge) < 1e-9 for value, low in ((at[0], WEST), (at[1], SOUTH)) for edge in (low, low + 2 * STEP)
    )


def draft(connection: Connection, rng: random.Random) -> str:
    """A plan after a few edits that could be done, some of them undone again; the district keeps its outline."""
    plan = start_plan(connection, "随机", author="li.na", today=TODAY)
    day = connection.execute(text("SELECT max(effective_from) FROM revision WHERE withdrawn_at IS NULL")).scalar_one()
    for _ in range(rng.randint(1, 4)):
        leaves = [unit for unit in Sheet(connection, plan, day).all() if unit.geom is not None]
        what = some_edit(rng, leaves)
        if isinstance(what, MoveVertex) and on_the_rim(what.at):
            continue
        try:
            with connection.begin_nested():
                done = edit(connection, plan, what)
        except (GismapError, GeometryError):
            continue
        if done.defects:
            assert isinstance(what, MoveVertex), (what, done.defects)  # a corner may be pulled over a border
            turn_back(connection, plan, actor="li.na", today=TODAY)
        elif rng.random() < 0.2:
            turn_back(connection, plan, actor="li.na", today=TODAY)
    assert check_plan(connection, plan, TODAY) == []
    return plan


@pytest.fixture(scope="module")
def county(module_engine: Engine) -> Engine:
    with writing(module_engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        write_elements(connection, buildings_in_each_grid(), source="test", source_crs="EPSG:4490", since=FIRST)
    return module_engine


@given(st.integers(0, 10**9))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_day_keeps_its_answers_and_has_one_owner_everywhere(county: Engine, seed: int) -> None:
    rng = random.Random(seed)
    with county.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SET TRANSACTION READ WRITE"))
        told = {FIRST: answers(connection, FIRST), TODAY: answers(connection, TODAY)}
        day = TODAY
        for _ in range(3):
            plan = draft(connection, rng)
            day += timedelta(days=rng.randint(1, 5))
            number = publish_plan(connection, plan, effective_from=day, today=TODAY, author="li.na", reason="r").number
            if rng.random() < 0.3:
                withdraw(connection, number, today=TODAY, author="li.na")
            for other, answer in told.items():
                assert answers(connection, other) == answer, other
            told[day] = answers(connection, day)
            assert connection.execute(text(APART), {"day": day}).all() == []
        transaction.rollback()


def test_the_history_of_a_grid_tells_what_became_of_its_land(county: Engine) -> None:
    with county.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SET TRANSACTION READ WRITE"))
        one, two = (f"{COMMUNITIES[0]}00{n}" for n in (1, 2))
        steps: list[Edit] = [
            Split(one, LineString([(WEST + 0.25 * STEP, SOUTH - STEP), (WEST + 0.25 * STEP, SOUTH + 1.5 * STEP)])),
            Merge([two, one], "福安大网格"),
        ]
        for number, what in enumerate(steps, start=1):
            plan = start_plan(connection, "历史", author="li.na", today=TODAY)
            edit(connection, plan, what)
            day = TODAY + timedelta(days=number)
            publish_plan(connection, plan, effective_from=day, today=TODAY, author="li.na", reason="r")
        links = {
            (link["old_code"], link["new_code"], link["change"]): round(link["area_share"] or 0, 3)
            for link in unit_history(connection, one)["lineage"]
        }
        assert links == {
            (one, one, "reshaped"): 0.75,
            (one, f"{COMMUNITIES[0]}003", "split"): 0.25,
            (one, two, "merged"): 1.0,
            (one, None, "retired"): 0,
            (None, one, "created"): 0,
        }
        shares = unit_history(connection, f"{COMMUNITIES[0]}003")["lineage"]
        assert any(
            link["change"] == "split" and link["household_share"] is None for link in shares
        )  # no building there
        renamed = unit_history(connection, two)["versions"]
        assert list(dict.fromkeys(version["name"] for version in renamed)) == ["福安大网格", "福安社区第2网格"]
        transaction.rollback()
