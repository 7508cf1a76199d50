"""Writing elements: identity over repeated writes, versions over time, membership on borders."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from shapely import LineString, Point
from sqlalchemy import Engine, text

from gismap.elements.values import ElementDraft, StreetDraft
from gismap.elements.writing import WriteCounts, write_elements, write_streets
from gismap.errors import BadInputError
from gismap.publishing import publish
from gismap.store.session import reading, writing
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, buildings_in_each_grid, small_county

FIRST, TODAY = date(2026, 1, 1), date(2026, 11, 23)
HERE = {"source": "test", "source_crs": "EPSG:4490"}


@pytest.fixture()
def county(engine: Engine) -> Engine:
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="t", reason="t")
    return engine


def place(ref: str, lon: float, lat: float, **more: object) -> ElementDraft:
    return ElementDraft("key_places", ref, Point(lon, lat), category="school", name="实验小学", **more)


def code_of(engine: Engine, ref: str) -> str | None:
    with reading(engine) as connection:
        return connection.execute(
            text("""
                SELECT g.code FROM element e LEFT JOIN grid g ON g.unit_id = e.unit_id AND g.valid @> e.since
                WHERE e.source_ref = :ref AND upper_inf(e.valid)
            """),
            {"ref": ref},
        ).scalar_one()


def test_writing_twice_changes_nothing(county: Engine) -> None:
    drafts = buildings_in_each_grid()
    with writing(county) as connection:
        assert write_elements(connection, drafts, since=FIRST, **HERE) == WriteCounts(12, 0, 0)
        assert write_elements(connection, drafts, since=TODAY, **HERE) == WriteCounts(0, 0, 12)


def test_a_change_keeps_the_identity_and_the_past(county: Engine) -> None:
    before, after = place("a", 117.005, 35.405), place("a", 117.005, 35.405, attributes={"beds": 40})
    with writing(county) as connection:
        write_elements(connection, [before], since=FIRST, **HERE)
        assert write_elements(connection, [after], since=TODAY, **HERE) == WriteCounts(0, 1, 0)
        rows = connection.execute(
            text("SELECT element_id, attributes, lower(valid), upper(valid) FROM element ORDER BY valid")
        ).all()
    assert len({row.element_id for row in rows}) == 1
    assert [tuple(row)[1:] for row in rows] == [({}, FIRST, TODAY), ({"beds": 40}, TODAY, None)]


def test_a_correction_on_the_same_day_leaves_one_version_for_that_day(county: Engine) -> None:
    with writing(county) as connection:
        write_elements(connection, [place("a", 117.005, 35.405)], since=TODAY, **HERE)
        write_elements(connection, [place("a", 117.006, 35.405)], since=TODAY, **HERE)
        valid = connection.execute(
            text("SELECT ST_X(anchor) FROM element WHERE valid @> CAST(:day AS date)"), {"day": TODAY}
        ).scalars()
        assert list(valid) == [117.006]


@pytest.mark.parametrize(
    ("lon", "lat", "owner"),
    [
        (WEST + STEP / 2, SOUTH + STEP / 2, COMMUNITIES[0] + "001"),
        (WEST + STEP, SOUTH + STEP / 2, COMMUNITIES[0] + "001"),  # the border of the two communities
        (WEST + STEP, SOUTH + STEP, COMMUNITIES[0] + "001"),  # where all four grids meet
        (WEST + 2 * STEP, SOUTH + 2 * STEP, COMMUNITIES[1] + "002"),  # the outer corner
        (WEST + 3 * STEP, SOUTH, None),
    ],
)
def test_the_anchor_decides_whose_an_element_is_and_ties_go_to_the_lowest_code(
    county: Engine, lon: float, lat: float, owner: str | None
) -> None:
    with writing(county) as connection:
        write_elements(connection, [place("a", lon, lat)], since=FIRST, **HERE)
    assert code_of(county, "a") == owner


def test_an_element_written_before_a_coming_revision_follows_it(county: Engine) -> None:
    coming = TODAY + timedelta(days=10)
    drafts = [replace(draft, name="新名") if draft.level == 4 else draft for draft in small_county()]
    dropped = [draft for draft in drafts if draft.code != COMMUNITIES[1] + "002"]
    with writing(county) as connection:
        publish(connection, dropped, effective_from=coming, today=TODAY, author="t", reason="t")
        write_elements(connection, [place("a", 117.015, 35.415)], since=TODAY, **HERE)
        rows = connection.execute(text("SELECT unit_id IS NULL AS homeless FROM element ORDER BY valid")).scalars()
        assert list(rows) == [False, True]


def test_a_part_finds_its_whole_by_reference(county: Engine) -> None:
    whole = buildings_in_each_grid()[0]
    part = place("a", 117.005, 35.405, part_of=whole.source_ref)
    with writing(county) as connection:
        write_elements(connection, [whole, part], since=FIRST, **HERE)
        linked = connection.execute(
            text("SELECT w.source_ref FROM element p JOIN element w ON w.element_id = p.part_of")
        ).scalars()
        assert list(linked) == [whole.source_ref]


def test_a_part_of_nothing_is_refused(county: Engine) -> None:
    with pytest.raises(BadInputError, match="nobody"), writing(county) as connection:
        write_elements(connection, [place("a", 117.005, 35.405, part_of="nobody")], since=FIRST, **HERE)


def test_two_rows_with_one_identity_are_refused(county: Engine) -> None:
    with pytest.raises(BadInputError, match="same identity"), writing(county) as connection:
        write_elements(connection, [place("a", 117.005, 35.405)] * 2, since=FIRST, **HERE)


def test_text_with_tabs_quotes_and_backslashes_arrives_as_it_was(county: Engine) -> None:
    name = "「老\t街」\\N 'x' \"y\" 🏠\n二号"
    with writing(county) as connection:
        write_elements(connection, [replace(place("a", 117.005, 35.405), name=name)], since=FIRST, **HERE)
        assert connection.execute(text("SELECT name FROM element")).scalar() == name


def test_streets_written_again_are_updated_in_place(engine: Engine) -> None:
    street = StreetDraft("s1", LineString([(117, 35.4), (117.01, 35.4)]), "primary", "人民路")
    with writing(engine) as connection:
        assert write_streets(connection, [street], source="test") == WriteCounts(1, 0, 0)
        assert write_streets(connection, [street], source="test") == WriteCounts(0, 0, 1)
        assert write_streets(connection, [replace(street, name="建设路")], source="test") == WriteCounts(0, 1, 0)
        assert connection.execute(text("SELECT name FROM street")).scalars().all() == ["建设路"]
