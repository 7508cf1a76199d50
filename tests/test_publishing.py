"""Publishing a revision: what it refuses, what it stores, and that yesterday's answers stay as they were."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, affinity, union_all
from sqlalchemy import Connection, Engine, text

from gismap.boundaries.values import UnitDraft
from gismap.elements.writing import write_elements
from gismap.errors import BadInputError, ConflictError, CoverageError
from gismap.publishing import Publication, publish
from gismap.store.session import reading, writing
from tests.districts import COMMUNITIES, buildings_in_each_grid, small_county

FIRST, TODAY = date(2026, 1, 1), date(2026, 11, 23)
TOMORROW = TODAY + timedelta(days=1)


def put_in_force(connection: Connection, drafts: Sequence[UnitDraft], day: date, **more: object) -> Publication:
    return publish(connection, drafts, effective_from=day, today=TODAY, author="planner", reason="test", **more)


def merged(drafts: Sequence[UnitDraft], community: str) -> list[UnitDraft]:
    """The drafts with the grids of one community joined into its first grid."""
    mine = [draft for draft in drafts if draft.parent == community]
    whole = replace(mine[0], geom=MultiPolygon([union_all([draft.geom for draft in mine])]))
    return [draft for draft in drafts if draft.parent != community] + [whole]


def owners_of_buildings(connection: Connection, day: date) -> dict[str, str]:
    rows = connection.execute(
        text("""
            SELECT e.source_ref, g.code FROM element e JOIN grid g USING (unit_id)
            WHERE e.valid @> CAST(:day AS date) AND g.valid @> CAST(:day AS date)
        """),
        {"day": day},
    )
    return {row.source_ref: row.code for row in rows}


@pytest.fixture()
def county(engine: Engine) -> Engine:
    """A fresh small county with three buildings in every grid, in force since FIRST."""
    with writing(engine) as connection:
        put_in_force(connection, small_county(), FIRST)
        write_elements(connection, buildings_in_each_grid(), source="test", source_crs="EPSG:4490", since=FIRST)
    return engine


def test_parents_are_the_union_of_their_children(county: Engine) -> None:
    with reading(county) as connection:
        apart = connection.execute(
            text("""
                SELECT p.name FROM grid p JOIN grid c ON c.parent = p.unit_id
                GROUP BY p.unit_id, p.name, p.geom HAVING NOT ST_Equals(p.geom, ST_Union(c.geom))
            """)
        ).all()
        assert connection.execute(text("SELECT count(*) FROM grid WHERE NOT is_leaf")).scalar() == 4
    assert apart == []


def test_a_path_leads_from_the_county_to_the_leaf(county: Engine) -> None:
    with reading(county) as connection:
        row = connection.execute(
            text("SELECT path, unit_id, parent FROM grid WHERE code = :code"), {"code": COMMUNITIES[0] + "001"}
        ).one()
    segments = row.path.rstrip("/").split("/")
    assert len(segments) == 4
    assert segments[-2:] == [row.parent, row.unit_id]


def test_yesterday_keeps_its_owner_when_grids_merge(county: Engine) -> None:
    with writing(county) as connection:
        before = owners_of_buildings(connection, TODAY)
        result = put_in_force(connection, merged(small_county(), COMMUNITIES[0]), TOMORROW)
        assert owners_of_buildings(connection, TODAY) == before
        after = owners_of_buildings(connection, TOMORROW)
    assert result.retired == 1
    assert result.elements_moved == 3
    assert set(after.values()) == {COMMUNITIES[0] + "001", COMMUNITIES[1] + "001", COMMUNITIES[1] + "002"}
    assert sorted(after) == sorted(before)


def test_a_merger_is_written_down_with_its_shares(county: Engine) -> None:
    with writing(county) as connection:
        result = put_in_force(connection, merged(small_county(), COMMUNITIES[0]), TOMORROW)
        rows = connection.execute(
            text(
                "SELECT change, area_share, household_share FROM lineage WHERE revision = :n AND old_unit <> new_unit"
            ),
            {"n": result.number},
        ).all()
    assert [tuple(row) for row in rows] == [("merged", 1.0, 1.0)]


def test_subordinate_records_follow_their_building_into_the_new_grid(county: Engine) -> None:
    households = text("""
        SELECT sum(b.households), (SELECT sum(u.households) FROM building_unit u JOIN element e USING (version_id)
                                   WHERE e.valid @> CAST(:day AS date))
        FROM building b JOIN element e USING (version_id) WHERE e.valid @> CAST(:day AS date)
    """)
    with writing(county) as connection:
        put_in_force(connection, merged(small_county(), COMMUNITIES[0]), TOMORROW)
        assert (
            connection.execute(households, {"day": TODAY}).one()
            == connection.execute(households, {"day": TOMORROW}).one()
        )


def test_publishing_the_same_boundaries_again_makes_no_new_version(county: Engine) -> None:
    with writing(county) as connection:
        result = put_in_force(connection, small_county(), TOMORROW)
        assert connection.execute(text("SELECT count(*) FROM grid")).scalar() == 8
    assert (result.changed, result.retired, result.elements_moved) == (0, 0, 0)


def test_a_renamed_grid_keeps_its_identity(county: Engine) -> None:
    code = COMMUNITIES[0] + "001"
    drafts = [replace(draft, name="幸福网格") if draft.code == code else draft for draft in small_county()]
    with writing(county) as connection:
        put_in_force(connection, drafts, TOMORROW)
        rows = connection.execute(
            text("SELECT unit_id, name FROM grid WHERE code = :code ORDER BY valid"), {"code": code}
        ).all()
    assert len({row.unit_id for row in rows}) == 1
    assert [row.name for row in rows] == ["福安社区第1网格", "幸福网格"]


def moved_corner(draft: UnitDraft) -> UnitDraft:
    ring = list(draft.geom.geoms[0].exterior.coords)[:-1]
    return replace(draft, geom=MultiPolygon([Polygon([(ring[0][0] + 1e-3, ring[0][1] + 1e-3), *ring[1:]])]))


@pytest.mark.parametrize(
    "spoil",
    [
        moved_corner,
        lambda draft: replace(draft, geom=MultiPolygon([affinity.translate(draft.geom.geoms[0], 1e-4, 0)])),
        lambda draft: replace(draft, geom=MultiPolygon([affinity.scale(draft.geom.geoms[0], 1.1, 1.1)])),
    ],
    ids=["a corner pulled in", "shifted by ten metres", "grown over its neighbours"],
)
def test_boundaries_that_are_not_seamless_are_refused_whole(county: Engine, spoil: object) -> None:
    drafts = small_county()
    drafts[4] = spoil(drafts[4])
    with pytest.raises(CoverageError) as refusal, writing(county) as connection:
        put_in_force(connection, drafts, TOMORROW)
    assert refusal.value.defects
    with reading(county) as connection:
        assert connection.execute(text("SELECT max(number) FROM revision")).scalar() == 1


def test_a_missing_corner_grid_is_noticed_against_the_outline(engine: Engine) -> None:
    outline = MultiPolygon([union_all([draft.geom for draft in small_county() if draft.geom is not None])])
    with writing(engine) as connection:
        put_in_force(connection, small_county(), FIRST, outlines={"county": outline})
    drafts = [draft for draft in small_county() if draft.code != COMMUNITIES[1] + "002"]
    with pytest.raises(CoverageError, match="邹城市"), writing(engine) as connection:
        put_in_force(connection, drafts, TOMORROW)


def test_the_past_and_a_taken_day_are_refused(county: Engine) -> None:
    with pytest.raises(ConflictError, match="past"), writing(county) as connection:
        put_in_force(connection, small_county(), TODAY - timedelta(days=1))
    with writing(county) as connection:
        put_in_force(connection, small_county(), TOMORROW)
    with pytest.raises(ConflictError, match="later day"), writing(county) as connection:
        put_in_force(connection, small_county(), TOMORROW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: [], "no unit"),
        (lambda drafts: [*drafts, drafts[-1]], "same key"),
        (lambda drafts: [replace(drafts[0], parent="nowhere"), *drafts[1:]], "not among the units"),
        (lambda drafts: [*drafts[:-1], replace(drafts[-1], geom=None)], "without a polygon"),
        (lambda drafts: [*drafts[:-1], replace(drafts[-1], code=drafts[-2].code)], "given twice"),
        (lambda drafts: [*drafts[:-1], replace(drafts[-1], level=1)], "higher level"),
    ],
)
def test_drafts_that_are_no_hierarchy_are_refused_by_name(engine: Engine, change: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message), writing(engine) as connection:
        put_in_force(connection, change(small_county()), FIRST)


def test_the_certificate_can_be_recomputed_from_the_stored_leaves(county: Engine) -> None:
    with reading(county) as connection:
        stated = connection.execute(text("SELECT certificate FROM revision")).scalar()
        leaves = connection.execute(
            text("SELECT code, ST_AsBinary(geom, 'NDR') AS wkb FROM grid WHERE is_leaf ORDER BY code")
        ).all()
    digest = hashlib.sha256()
    for leaf in leaves:
        digest.update(leaf.code.encode() + b"\0" + bytes(leaf.wkb))
    assert stated["digest"] == digest.hexdigest()
    assert stated["leaves"] == 4


@settings(max_examples=60, deadline=None)
@given(x=st.integers(0, 2000), y=st.integers(0, 2000))
def test_every_point_of_the_county_has_exactly_one_owner(lattice: Connection, x: int, y: int) -> None:
    """Also on borders and corners, which these points (multiples of a twentieth of a cell) often hit."""
    lon, lat = 117.0 + x * 1e-5, 35.4 + y * 1e-5
    rows = lattice.execute(
        text("""
            SELECT code FROM grid
            WHERE is_leaf AND valid @> CAST(:day AS date)
              AND ST_Intersects(geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))
            ORDER BY code
        """),
        {"day": TODAY, "lon": lon, "lat": lat},
    ).all()
    on_border = x == 1000 or y == 1000
    assert len(rows) >= 1
    assert len(rows) == 1 or on_border


@pytest.fixture(scope="module")
def lattice(module_engine: Engine) -> object:
    with writing(module_engine) as connection:
        put_in_force(connection, small_county(), FIRST)
    with reading(module_engine) as connection:
        yield connection


def test_no_identity_is_given_twice_however_they_are_drawn(engine: Engine) -> None:
    """Of 30 bits each, 25,000 identities collide every fourth time; here they always would."""

    class Stuck(Random):
        """Draws every number a hundred times."""

        draws = 0

        def getrandbits(self, k: int, /) -> int:
            self.draws += 1
            return self.draws // 100 % 2**k

    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=TODAY, today=TODAY, author="t", reason="t", rng=Stuck())
        ids = connection.execute(text("SELECT unit_id FROM grid")).scalars().all()
    assert len(ids) == len(set(ids)) == len(small_county())
