"""What a map's document holds: numbers that add up over the levels, and nothing about persons that may not be told."""

from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Engine, text

from gismap.settings import Settings
from gismap.store.server import DatabaseUrls
from gismap.store.session import make_engine, reading
from gismap.themes.content import gather
from gismap.themes.queries import Extent, unit_path
from gismap.themes.specs import THEMES
from tests.districts import COMMUNITIES, COUNTY
from tests.furnished import GRIDS, PERSON, PHONE


@pytest.fixture(scope="module")
def county(furnished: DatabaseUrls) -> Any:
    engine = make_engine(furnished.owner_url)
    yield engine
    engine.dispose()


def document(engine: Engine, theme: str, *, unit: str | None = None, persons: bool = True) -> dict[str, Any]:
    with reading(engine) as connection:
        return gathered(connection, theme, unit=unit, persons=persons)


def gathered(connection: Connection, theme: str, *, unit: str | None = None, persons: bool = True) -> dict[str, Any]:
    today = Settings().today()
    path = unit_path(connection, unit, today) if unit else ""
    content = gather(connection, THEMES[theme], Extent(today, path), "zh", persons=persons)
    found: dict[str, Any] = orjson.loads(content.document)
    found["units"] = {row[1]: dict(zip(found["fields"], row, strict=True)) for row in found["units"]}
    return found


def test_numbers_of_a_unit_are_the_sum_of_what_lies_below(county: Engine) -> None:
    units = document(county, "one")["units"]
    for field, total in (("buildings", 12), ("households", 288), ("places", 6), ("stations", 1), ("staff", 6)):
        assert units[COUNTY][field] == sum(units[grid][field] for grid in GRIDS) == total
        assert units[COMMUNITIES[0]][field] == sum(units[grid][field] for grid in GRIDS[:2])


@pytest.mark.parametrize("theme", THEMES)
def test_the_numbers_of_a_unit_are_the_same_on_every_map(county: Engine, theme: str) -> None:
    assert document(county, theme)["units"] == document(county, "one")["units"]


def test_who_stands_in_for_a_neighbour_counts_once_where_his_own_post_is(county: Engine) -> None:
    own, other = GRIDS[1], GRIDS[3]
    with county.connect() as connection:
        connection.execute(text("SET TRANSACTION READ WRITE"))
        connection.execute(
            text("""
                INSERT INTO assignment (staff, unit_id, role, duty, valid)
                SELECT a.staff, other.unit_id, a.role, 'backup', a.valid
                FROM assignment a JOIN grid own USING (unit_id), grid other
                WHERE own.code = :own AND a.duty = 'primary' AND other.code = :other
            """),
            {"own": own, "other": other},
        )
        whole, part = (gathered(connection, "load", unit=unit) for unit in (None, COMMUNITIES[1]))
        connection.rollback()
    assert [len(team) for team in whole["teams"].values()].count(1) == 1, "he is told where he stands in"
    assert (whole["units"][own]["staff"], whole["units"][other]["staff"]) == (2, 0)
    assert whole["units"][COUNTY]["staff"] == 6
    assert part["units"][COMMUNITIES[1]]["staff"] == 2, "the neighbour is not of this unit"


def test_the_map_of_a_unit_holds_only_what_lies_in_it(county: Engine) -> None:
    found = document(county, "one", unit=COMMUNITIES[1])
    assert set(found["units"]) == {COMMUNITIES[1], *GRIDS[2:]}
    assert found["units"][COMMUNITIES[1]]["parent"] == -1
    assert found["places"] == [] and len(found["buildings"]) == 6


def test_posts_without_persons_are_counted(county: Engine) -> None:
    told, untold = (document(county, "staff", persons=persons)["teams"] for persons in (True, False))
    assert ["grid_leader", "primary", PERSON[:2] + "*", PHONE[:3] + "****" + PHONE[-4:]] in next(iter(told.values()))
    assert next(iter(untold.values())) == [["grid_leader", "primary", 1], ["full_time_grid_worker", "backup", 1]]


def test_counts_of_persons_in_care_come_suppressed(county: Engine) -> None:
    care = document(county, "one")["care"]["counts"]
    shown = [count for counts in care.values() for count in counts.values()]
    assert None in shown and all(count is None or count >= 5 for count in shown)
    assert "care_persons" not in {row[1] for row in document(county, "one")["places"]}


@pytest.mark.parametrize("theme", [name for name, theme in THEMES.items() if theme.fill])
def test_every_leaf_is_in_a_class_that_the_legend_counts(county: Engine, theme: str) -> None:
    found = document(county, theme)
    leaves = [bool(unit["leaf"]) for unit in found["units"].values()]
    classes = found["fill"]["classes"]
    assert [one is not None for one in classes] == leaves
    for index, entry in enumerate(found["fill"]["entries"]):
        assert entry["count"] == classes.count(index) > 0
