"""How PostgreSQL answers on 50,000 elements: by the indexes that the questions were written for."""

from collections.abc import Iterator
from typing import Any

import pytest
from shapely import LineString, MultiPolygon, Polygon
from sqlalchemy import Connection, text

from gismap.boundaries.values import UnitDraft
from gismap.cards.queries import CARD
from gismap.elements.queries import page_statement
from gismap.elements.questions import Filter, Nearest, Position, Question
from gismap.locating.queries import Near, near_statement
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.area import BoxArea, CircleArea, CorridorArea, PolygonArea, UnitArea
from gismap.store.maintenance import refresh_statistics
from gismap.store.scope import looking_as
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from tests.conftest import Database, key_of
from tests.districts import SOUTH, STEP, WEST, cell
from tests.elements.conftest import FIRST

TODAY = Settings().today()
SIDE = 12

# Quicker than drafts: what is under test is the reading.
ELEMENTS = """
CREATE TEMPORARY TABLE strewn AS
SELECT n, lpad(n::text, 11, '0') AS id,
       (ARRAY['buildings', 'key_places', 'supplies', 'care_persons'])[1 + n % 4] AS layer,
       ST_SetSRID(ST_MakePoint(:west + :side * :step * random(), :south + :side * :step * random()), 4490) AS spot
FROM generate_series(1, 50000) AS n;
INSERT INTO digital_identity (element_id, layer) SELECT id, layer FROM strewn;
INSERT INTO purpose (purpose, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipients,
                     categories, retention_days, expires_at, made_by)
SELECT 'visits', 't', 'consent', 't', 't', :day, 't', 't', '{t}', array_agg(category), 365, 'infinity', 't'
FROM care_category;
INSERT INTO element (element_id, layer, name, category, geom, anchor, unit_id, path, source, source_ref, source_crs,
                     content, since, valid)
SELECT id, layer, CASE WHEN layer <> 'care_persons' THEN '地点' || n END,
       CASE WHEN layer <> 'care_persons' THEN 'c' || n % 7 ELSE 'very_old' END, spot, spot, unit_id, path,
       't', n::text, 'EPSG:4490', '', :day, daterange(:day, NULL)
FROM strewn JOIN grid ON is_leaf AND geom && spot AND ST_Contains(geom, spot);
INSERT INTO care_person (version_id, path, purpose, kept_until)
SELECT version_id, path, 'visits', 'infinity' FROM element WHERE layer = 'care_persons';
"""


@pytest.fixture(scope="module")
def large_county(server: PrivateServer, template: str) -> Database:
    """A county of 144 grids and 50,000 elements."""
    urls = server.create_database("large", template)
    engine = make_engine(urls.owner_url)
    leaves = [
        UnitDraft(f"{x}-{y}", f"网格{x}-{y}", 4, "county", f"3708830010{x:02d}{y:03d}", geom=MultiPolygon([cell(x, y)]))
        for x in range(SIDE)
        for y in range(SIDE)
    ]
    with writing(engine) as connection:
        drafts = [UnitDraft("county", "邹城市", 1, code="370883"), *leaves]
        publish(connection, drafts, effective_from=FIRST, today=TODAY, author="t", reason="t")
        params = {"west": WEST, "south": SOUTH, "side": SIDE, "step": STEP, "day": FIRST}
        connection.execute(text(ELEMENTS), params)
    refresh_statistics(urls.owner_url)
    engine.dispose()
    return urls


@pytest.fixture(scope="module", params=["owner", "viewer of the district", "viewer of one grid"])
def large(large_county: Database, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """The county seen by its owner, and under row-level security by callers of a wide and of a narrow territory."""
    if request.param == "owner":
        engine = scoped = make_engine(large_county.owner_url)
    else:
        unit = "370883001005005" if request.param == "viewer of one grid" else None
        engine = make_engine(large_county.service_url)
        scoped = looking_as(engine, key_of(large_county, unit=unit))
    with reading(scoped) as connection:
        yield connection
    engine.dispose()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def indexes_used(connection: Connection, statement: str, params: dict[str, Any]) -> set[str]:
    """The indexes of a plan that reads no element by reading them all."""
    plan = connection.execute(text("EXPLAIN (FORMAT JSON) " + statement), params).scalar_one()
    found = list(nodes(plan[0]["Plan"]))
    read_whole = [node for node in found if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "element"]
    assert not read_whole, read_whole
    return {node["Index Name"] for node in found if "Index Name" in node}


def path_of(connection: Connection, code: str) -> str:
    return str(connection.execute(text("SELECT path FROM grid WHERE code = :code"), {"code": code}).scalar())


LON, LAT = WEST + 5 * STEP, SOUTH + 5 * STEP
BOX = BoxArea((LON, LAT, LON + STEP / 2, LAT + STEP / 2))
TRIANGLE = PolygonArea(Polygon([(LON, LAT), (LON + STEP, LAT), (LON, LAT + STEP)]))
STREET = CorridorArea(LineString([(LON, LAT), (LON + STEP, LAT + STEP / 3)]), 50)


@pytest.mark.parametrize("filter_", [Filter(), Filter(layers=["buildings"], categories=["c1"])], ids=["all", "some"])
@pytest.mark.parametrize("counts", [False, True], ids=["page", "counts"])
@pytest.mark.parametrize("area", [BOX, TRIANGLE, CircleArea(LON, LAT, 300), STREET], ids=lambda one: type(one).__name__)
def test_shapes_are_asked_of_the_spatial_index(large: Connection, area: Any, counts: bool, filter_: Filter) -> None:
    statement = page_statement(Question(TODAY, [area], filter_, counts=counts))
    assert "element_anchor" in indexes_used(large, *statement)


def test_a_unit_is_asked_of_the_path_index(large: Connection) -> None:
    area = UnitArea("", path_of(large, "370883001005005"))
    assert "element_path" in indexes_used(large, *page_statement(Question(TODAY, [area])))
    assert "element_path" in indexes_used(large, *page_statement(Question(TODAY, [area], counts=True)))
    card = {"path": area.path, "path_end": area.path + "~", "as_of": TODAY}
    assert "element_path" in indexes_used(large, CARD, card)


def test_the_nearest_are_asked_of_the_spatial_index(large: Connection) -> None:
    for filter_ in (Filter(), Filter(layers=["buildings"]), Filter(layers=["supplies"], categories=["c3"])):
        question = Question(TODAY, [], filter_, nearest=Nearest(LON, LAT, 10))
        assert "element_anchor" in indexes_used(large, *page_statement(question))


def test_the_next_page_of_the_whole_district_is_asked_of_the_page_index(large: Connection) -> None:
    for after in (None, Position("key_places", "00000025001")):
        statement = page_statement(Question(TODAY, after=after))
        assert "element_page" in indexes_used(large, *statement)


def test_what_has_a_name_is_looked_up_one_by_one(large: Connection) -> None:
    """The names themselves are searched inside `elements_named`, where row-level security does not hide the index."""
    for filter_ in (Filter(name="地点12345"), Filter(layers=["buildings"], name="地点12345")):
        used = indexes_used(large, *page_statement(Question(TODAY, [], filter_)))
        assert used & {"element_pkey", "element_version_path"} and "element_page" not in used


def test_what_is_near_is_asked_of_the_spatial_index(large: Connection) -> None:
    statement = near_statement(LON, LAT, TODAY, [Near("buildings", None, 5), Near("key_places", "c1", 3)])
    assert "element_anchor" in indexes_used(large, *statement)
