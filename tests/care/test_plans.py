"""How PostgreSQL lists persons among 40,000 elements, 20,000 of them persons: by indexes, asking of those alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from shapely import MultiPolygon
from sqlalchemy import create_engine, event, make_url, text

from gismap.access.values import Role
from gismap.boundaries.values import UnitDraft
from gismap.care.records import Wanted, list_persons
from gismap.elements.queries import page_statement
from gismap.elements.questions import Filter, Question
from gismap.publishing import publish
from gismap.store.area import BoxArea
from gismap.store.maintenance import refresh_statistics
from gismap.store.scope import looking_as
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, normalised_url, reading, writing
from tests.care.conftest import TODAY
from tests.conftest import Database, fresh_database, key_of
from tests.districts import COUNTY, SOUTH, STEP, WEST, cell
from tests.elements.conftest import FIRST
from tests.elements.test_plans import nodes

SIDE, COMMUNITY = 8, "370883001003"

STREWN = """
CREATE TEMPORARY TABLE strewn AS
SELECT n, lpad(n::text, 11, '0') AS id,
       (ARRAY['buildings', 'care_persons'])[1 + n % 2] AS layer,
       ST_SetSRID(ST_MakePoint(:west + :side * :step * random(), :south + :side * :step * random()), 4490) AS spot
FROM generate_series(1, 40000) AS n;
INSERT INTO digital_identity (element_id, layer) SELECT id, layer FROM strewn;
INSERT INTO purpose (purpose, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipients,
                     categories, retention_days, expires_at, made_by)
SELECT 'visits', 't', 'consent', 't', 't', :day, 't', 't', '{t}', array_agg(category), 365, 'infinity', 't'
FROM care_category;
INSERT INTO element (element_id, layer, category, geom, anchor, unit_id, path, source, source_ref, source_crs,
                     content, since, valid)
SELECT id, layer, CASE WHEN layer <> 'care_persons' THEN 'c' WHEN n % 400 = 3 THEN 'dialysis' ELSE 'very_old' END,
       spot, spot, unit_id, path, 't', n::text, 'EPSG:4490', '', :day, daterange(:day, NULL)
FROM strewn JOIN grid ON is_leaf AND geom && spot AND ST_Contains(geom, spot);
INSERT INTO care_person (version_id, path, purpose, kept_until)
SELECT version_id, path, 'visits', 'infinity' FROM element WHERE layer = 'care_persons';
"""


@pytest.fixture(scope="module")
def large(server: PrivateServer, template: str) -> Iterator[Database]:
    """A county of eight communities with eight grids each."""
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.owner_url)
        drafts = [UnitDraft("county", "邹城市", 1, code=COUNTY)]
        for x in range(SIDE):
            code = f"370883001{x:03d}"
            drafts.append(UnitDraft(code, f"社区{x}", 3, "county", code))
            drafts += [
                UnitDraft(f"{x}-{y}", f"网格{x}-{y}", 4, code, f"{code}{y:03d}", geom=MultiPolygon([cell(x, y)]))
                for y in range(SIDE)
            ]
        with writing(engine) as connection:
            publish(connection, drafts, effective_from=FIRST, today=TODAY, author="t", reason="t")
            params = {"west": WEST, "south": SOUTH, "side": SIDE, "step": STEP, "day": FIRST}
            connection.execute(text(STREWN), params)
        engine.dispose()
        refresh_statistics(urls.owner_url)
        superuser = create_engine(normalised_url(str(server.urls().superuser_url)), isolation_level="AUTOCOMMIT")
        with superuser.connect() as connection:
            name = make_url(urls.owner_url).database
            connection.execute(text(f"ALTER DATABASE {name} SET track_functions = 'all'"))
        superuser.dispose()
        yield urls


CALLERS = {"officer of the district": (Role.PERSON_DATA_OFFICER, None), "worker": (Role.CARE_WORKER, COMMUNITY)}


@pytest.fixture(scope="module", params=CALLERS)
def caller(large: Database, request: pytest.FixtureRequest) -> Iterator[tuple[Any, list[tuple[str, str]]]]:
    """The service's engine for the eyes of a caller, and the caller's territories."""
    role, unit = CALLERS[request.param]
    engine = make_engine(large.service_url)
    scoped = looking_as(engine, key_of(large, role, unit))
    with reading(scoped) as connection:
        path = connection.execute(text("SELECT path FROM grid WHERE code = :code"), {"code": unit}).scalar()
    yield scoped, [] if unit is None else [(path, path + "~")]
    engine.dispose()


def looked_at(engine: Any) -> int:
    """How often the policy has asked whether a person shows, by one connection or another."""
    with reading(engine) as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'care_shown'"
    with reading(engine) as connection:
        return int(connection.execute(text(calls)).scalar_one())


WANTED = [{}, {"unit": COMMUNITY}, {"unit": f"{COMMUNITY}004"}, {"after": "00000020003"}, {"category": "dialysis"},
          {"unit": COMMUNITY, "category": "very_old", "purpose": "visits"}]  # fmt: skip


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_a_page_of_persons_is_read_by_an_index_and_asks_little_of_the_policy(
    caller: tuple[Any, list[tuple[str, str]]], wanted: dict[str, str]
) -> None:
    scoped, territories = caller
    asked: list[tuple[str, dict[str, Any]]] = []

    def note(_connection: Any, statement: Any, _many: Any, params: dict[str, Any], _options: Any) -> None:
        asked.append((str(statement), params))

    before = looked_at(scoped)
    event.listen(scoped, "before_execute", note)
    try:
        with writing(scoped) as connection:
            page = list_persons(connection, Wanted(limit=50, territories=territories, **wanted), today=TODAY, actor="t")
    finally:
        event.remove(scoped, "before_execute", note)
    assert len(page["persons"]) == 50 or "category" in wanted
    assert 0 < looked_at(scoped) - before < 5_500  # a community has 2,500, each of whom is asked about twice
    statement, params = next(each for each in asked if "LIMIT :limit" in each[0])
    with reading(scoped) as connection:
        plan = connection.execute(text("EXPLAIN (FORMAT JSON) " + statement), params).scalar_one()
    read_whole = [node for node in nodes(plan[0]["Plan"]) if node["Node Type"] == "Seq Scan"]
    assert not {"element", "care_person"} & {node["Relation Name"] for node in read_whole}, read_whole


def test_a_search_of_other_layers_never_asks_whether_somebody_shows(large: Database) -> None:
    engine = make_engine(large.service_url)
    scoped = looking_as(engine, key_of(large, Role.CARE_WORKER))
    box = BoxArea((WEST, SOUTH, WEST + 3 * STEP, SOUTH + 3 * STEP))
    before = looked_at(scoped)
    with reading(scoped) as connection:
        for filter_ in (Filter(), Filter(layers=["buildings", "staff"])):
            for counts in (False, True):
                question = Question(TODAY, [box], filter_, counts=counts, limit=500)
                connection.execute(*map_text(page_statement(question))).all()
    assert looked_at(scoped) == before
    engine.dispose()


def map_text(statement: tuple[str, dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    return text(statement[0]), statement[1]
