"""Plans: grids between streets proposed, checked and published beside and below what already stands."""

from datetime import date
from pathlib import Path

import pytest
import shapely
from shapely import LineString
from sqlalchemy import Connection, Engine, text

from gismap.boundaries.plans import find_plan, list_plans
from gismap.boundaries.service import find_unit
from gismap.elements.values import StreetDraft
from gismap.elements.writing import write_elements, write_streets
from gismap.errors import BadInputError, ConflictError, CoverageError, NotFoundError
from gismap.geometry.codes import parse_scheme
from gismap.geometry.errors import CodeError, ShapeError
from gismap.planning.checking import check_plan
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import Above, Proposal, propose_from_streets
from gismap.publishing import publish
from gismap.store.session import reading, writing
from tests.districts import STEP, WEST, building, small_county

FIRST, TODAY, LATER = date(2026, 1, 1), date(2026, 6, 1), date(2026, 7, 1)
COUNTY, TOWN, NEW = Above("370883", "邹城市"), Above("370883001", "钢山街道"), Above("370883001003", "新村社区")
EAST_OF_COUNTY = WEST + 3 * STEP  # the small county is two cells wide


def lattice(west: float, south: float, columns: int = 2, rows: int = 2) -> list[StreetDraft]:
    """Streets that enclose columns × rows blocks of a third of the small county's cells, with ends that stick out."""
    side, out = STEP / 3, STEP / 30
    east, north = west + columns * side, south + rows * side
    lines = [LineString([(west + i * side, south - out), (west + i * side, north + out)]) for i in range(columns + 1)]
    lines += [LineString([(west - out, south + j * side), (east + out, south + j * side)]) for j in range(rows + 1)]
    return [StreetDraft(f"{west}-{number}", line, "tertiary") for number, line in enumerate(lines)]


def streets(engine: Engine, drafts: list[StreetDraft], source: str = "survey") -> None:
    with writing(engine) as connection:
        write_streets(connection, drafts, source=source)


def propose(connection: Connection, *above: Above, source: str | None = None) -> Proposal:
    return propose_from_streets(connection, above, source=source, today=TODAY, author="planner")


def publish_first(connection: Connection, plan_id: str, **more: str) -> int:
    return publish_plan(
        connection, plan_id, effective_from=TODAY, today=TODAY, author="planner", reason="first", **more
    ).number


def test_streets_of_an_empty_database_become_a_published_district(engine: Engine) -> None:
    streets(engine, lattice(EAST_OF_COUNTY, 35.4))
    with writing(engine) as connection:
        write_elements(
            connection,
            [building("1", EAST_OF_COUNTY + STEP / 2, 35.4 + STEP / 6)],
            source="survey",
            source_crs="EPSG:4490",
            since=TODAY,
        )
        made = propose(connection, COUNTY, TOWN, NEW)
        assert (made.grids, made.taken) == (4, 0)
        assert check_plan(connection, made.plan_id, TODAY) == []
        assert publish_first(connection, made.plan_id) == 1
    with reading(engine) as connection:
        # Numbered west to east from the north: the building stands in the south-east.
        owner = connection.execute(text("SELECT g.code, g.name FROM element e JOIN grid g USING (unit_id)")).one()
        assert owner == ("370883001003004", "新村社区第4网格")
        assert connection.execute(text("SELECT title_zh, synthetic FROM district")).one() == ("邹城市", False)
        assert find_unit(connection, "370883001", TODAY).level == 2


def test_a_plan_changes_nothing_until_it_is_published_and_is_published_once(engine: Engine) -> None:
    streets(engine, lattice(EAST_OF_COUNTY, 35.4))
    with writing(engine) as connection:
        made = propose(connection, COUNTY, TOWN, NEW)
        with pytest.raises(NotFoundError):
            find_unit(connection, "370883001", TODAY)
        assert [(row.leaves, row.published_as) for row in list_plans(connection)] == [(4, None)]
        publish_first(connection, made.plan_id)
        assert find_plan(connection, made.plan_id).published_as == 1
        with pytest.raises(ConflictError, match="already published as revision 1"):
            publish_first(connection, made.plan_id)


def test_grids_beside_a_district_keep_what_stands_and_skip_blocks_that_are_taken(engine: Engine) -> None:
    streets(engine, lattice(EAST_OF_COUNTY, 35.4) + lattice(WEST + STEP / 10, 35.4))
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        standing = connection.execute(text("SELECT code, unit_id FROM grid ORDER BY code")).all()
        made = propose(connection, COUNTY, TOWN, NEW)
        assert (made.grids, made.taken) == (4, 4)
        publish_plan(connection, made.plan_id, effective_from=LATER, today=TODAY, author="planner", reason="more")
        after = connection.execute(
            text("SELECT code, unit_id FROM grid WHERE valid @> CAST(:day AS date) ORDER BY code"), {"day": LATER}
        ).all()
        assert set(standing) < set(after)
        assert len(after) == len(standing) + 5  # a community and four grids
        with pytest.raises(ConflictError, match="already cover every block"):
            propose(connection, NEW, source="survey")


def test_numbers_go_on_where_the_community_ended(engine: Engine) -> None:
    streets(engine, lattice(WEST + 2 * STEP, 35.4, 1, 1))
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        made = propose(connection, Above("370883001002"))
        (grid,) = find_plan(connection, made.plan_id).units
        assert (grid.code, grid.name) == ("370883001002003", "太平社区第3网格")


def test_codes_follow_the_scheme_of_the_place(engine: Engine) -> None:
    streets(engine, lattice(EAST_OF_COUNTY, 35.4, 1, 1))
    with writing(engine) as connection:
        made = propose_from_streets(
            connection, [COUNTY, TOWN], source=None, today=TODAY, author="planner", scheme=parse_scheme("9+4")
        )
        assert [unit.code for unit in find_plan(connection, made.plan_id).units][-1] == "3708830010001"


def test_an_outline_grows_only_in_the_name_of_an_authority(engine: Engine) -> None:
    streets(engine, lattice(EAST_OF_COUNTY, 35.4))
    outline = shapely.MultiPolygon([shapely.box(WEST, 35.4, WEST + 2 * STEP, 35.4 + 2 * STEP)])
    with writing(engine) as connection:
        publish(
            connection,
            small_county(),
            effective_from=FIRST,
            today=TODAY,
            author="planner",
            reason="first",
            outlines={"county": outline},
        )
        made = propose(connection, COUNTY, TOWN, NEW)
        with pytest.raises(CoverageError, match="outline of 邹城市"):
            publish_plan(connection, made.plan_id, effective_from=LATER, today=TODAY, author="planner", reason="more")
        publish_plan(
            connection,
            made.plan_id,
            effective_from=LATER,
            today=TODAY,
            author="planner",
            reason="more",
            outline_authority="县人民政府",
        )
        authorities = connection.execute(text("SELECT authority FROM jurisdiction_outline ORDER BY valid")).scalars()
        assert list(authorities) == ["planner", "县人民政府"]


def test_a_plan_that_overlaps_its_neighbours_is_told_and_refused(engine: Engine) -> None:
    block = shapely.box(EAST_OF_COUNTY, 35.4, EAST_OF_COUNTY + STEP, 35.4 + STEP)
    streets(engine, [StreetDraft("ring", block.exterior, "tertiary")])
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        made = propose(connection, COUNTY, TOWN, NEW)
        assert check_plan(connection, made.plan_id, TODAY) == []
        connection.execute(
            text("UPDATE plan_unit SET geom = ST_Multi(ST_Translate(geom, :east, 0.001)) WHERE geom IS NOT NULL"),
            {"east": -1.5 * STEP},
        )
        assert {defect.type for defect in check_plan(connection, made.plan_id, TODAY)} == {"overlap"}
        with pytest.raises(CoverageError, match="not seamless"):
            publish_plan(connection, made.plan_id, effective_from=LATER, today=TODAY, author="planner", reason="no")
        assert connection.execute(text("SELECT count(*) FROM revision")).scalar() == 1


@pytest.mark.parametrize(
    ("above", "error", "said"),
    [
        ((), BadInputError, "name the units above"),
        ((Above("370883"),), BadInputError, "does not exist yet"),
        ((Above("37x883", "邹城市"),), CodeError, "no division code"),
    ],
)
def test_a_chain_that_cannot_be_is_refused(
    engine: Engine, above: tuple[Above, ...], error: type[Exception], said: str
) -> None:
    streets(engine, lattice(EAST_OF_COUNTY, 35.4))
    with reading(engine) as connection, pytest.raises(error, match=said):
        propose(connection, *above)


def test_without_streets_or_blocks_there_is_no_proposal(engine: Engine) -> None:
    with reading(engine) as connection, pytest.raises(BadInputError, match="there are no streets"):
        propose(connection, COUNTY)
    streets(engine, [StreetDraft("one", LineString([(117, 35.4), (117.01, 35.4)]), "tertiary")])
    with reading(engine) as connection, pytest.raises(ShapeError, match="enclose no block"):
        propose(connection, COUNTY)


def test_the_real_streets_of_dachang_become_seamless_grids(engine: Engine, real_data: Path) -> None:
    import pyogrio

    lines = pyogrio.read_dataframe(real_data / "osm" / "baoshan_shu_map.osm", layer="lines")
    lines = lines[lines["highway"].notna()]
    streets(engine, [StreetDraft(row.osm_id, row.geometry, "tertiary", row.name) for row in lines.itertuples()], "osm")
    with writing(engine) as connection:
        made = propose(
            connection, Above("310113", "宝山区"), Above("310113103", "大场镇"), Above("310113103001", "上大社区")
        )
        assert made.grids > 50
        assert check_plan(connection, made.plan_id, TODAY) == []
        assert publish_first(connection, made.plan_id) == 1
