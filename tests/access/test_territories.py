"""Each caller sees their own territory and nothing of another, by whatever way they ask; the database sees to it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from shapely import MultiPolygon, union_all
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from gismap.access.accounts import end_grant
from gismap.access.callers import COOKIE
from gismap.access.values import Role
from gismap.boundaries.values import UnitDraft
from gismap.elements.writing import write_elements
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.scope import looking_as
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from tests.conftest import Database, fresh_database, key_of, serving
from tests.districts import COMMUNITIES, SOUTH, STEP, TOWN, WEST, buildings_in_each_grid, cell
from tests.furnished import PERSON, PHONE, SINCE, furnish

MINE, OTHER = COMMUNITIES
LON_MINE, LON_OTHER, LAT = WEST + STEP / 2, WEST + 1.5 * STEP, SOUTH + STEP / 2
TODAY = Settings().today()
COUNT = "SELECT count(*) FROM element"


@pytest.fixture(scope="module")
def mine(furnished: Database) -> Iterator[TestClient]:
    """The service as a grid worker of one community meets it."""
    with serving(furnished, key_of(furnished, Role.GRID_WORKER, MINE)) as client:
        yield client


@pytest.fixture(scope="module")
def all_of_it(furnished: Database) -> Iterator[TestClient]:
    """The service as a dispatcher of the whole district meets it."""
    with serving(furnished, key_of(furnished, Role.DISPATCHER)) as client:
        yield client


@pytest.fixture(scope="module")
def service(furnished: Database) -> Iterator[Engine]:
    engine = make_engine(furnished.service_url)
    yield engine
    engine.dispose()


def units_of(answer: dict[str, object]) -> set[str]:
    features = answer["features"]
    assert isinstance(features, list)
    return {feature["properties"]["unit"]["code"][:12] for feature in features if "unit" in feature["properties"]}


WAYS = [
    {},
    {"area": {"bbox": [WEST, SOUTH, WEST + 2 * STEP, SOUTH + 2 * STEP]}},
    {"area": {"circle": {"center": [LON_OTHER, LAT], "radius_m": 5000}}},
    {"area": {"polygon": [[[-179, -89], [179, -89], [179, 89], [-179, 89], [-179, -89]]]}},
    {"area": {"corridor": {"street": "人民路", "half_width_m": 3000}}},
    {"area": {"unit": "370883"}},
    {"nearest": {"point": [LON_OTHER, LAT], "k": 1000}},
    {"filter": {"name": "楼"}},
    {"filter": {"layers": ["staff", "buildings"]}},
    {"filter": {"floors": {"min": 1}}},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_whatever_is_asked_only_the_own_community_answers(
    mine: TestClient, all_of_it: TestClient, way: dict[str, object]
) -> None:
    body = {**way, "limit": 1000, "counts": "nearest" not in way}
    seen, there = (client.post("/api/resources/search", json=body) for client in (mine, all_of_it))
    assert (seen.status_code, there.status_code) == (200, 200), seen.text
    assert units_of(seen.json()) <= {MINE} and units_of(there.json()) == {MINE, OTHER}
    assert seen.json()["limited_to"] and "limited_to" not in there.json()
    if body["counts"]:
        for layer, categories in seen.json()["counts"].items():
            if layer in ("buildings", "staff"):
                assert sum(categories.values()) < sum(there.json()["counts"][layer].values())


def test_a_unit_elsewhere_is_refused_rather_than_said_to_be_empty(mine: TestClient) -> None:
    for path in (f"/api/resources?unit={OTHER}", f"/api/grids/{OTHER}", f"/maps/one?unit={OTHER}", "/api/grids/370883"):
        answer = mine.get(path)
        assert answer.status_code == 403 and "territory" in answer.json()["detail"], path
    assert mine.get(f"/api/grids/{MINE}").status_code == 200


def test_a_map_holds_the_own_community_alone(mine: TestClient) -> None:
    page = mine.get("/maps/one").text
    assert f"{MINE}001" in page and f"{OTHER}001" not in page


def test_whose_a_point_is_is_told_everywhere_with_phones_in_full_in_the_own_territory(mine: TestClient) -> None:
    def staff_at(lon: float) -> dict[str, str]:
        answer = mine.get("/api/locate", params={"x": lon, "y": LAT}).json()
        return dict(answer["staff"]["primary"])

    assert staff_at(LON_MINE)["phone"] == PHONE
    assert staff_at(LON_OTHER)["phone"] == PHONE[:3] + "****" + PHONE[-4:]
    assert PERSON not in (staff_at(LON_MINE)["name"], staff_at(LON_OTHER)["name"])


ENDED_POST = """
INSERT INTO assignment (staff, unit_id, role, valid)
SELECT (SELECT a.staff FROM assignment a JOIN grid USING (unit_id) WHERE code = :theirs AND duty = 'primary'),
       unit_id, 'grid_leader', daterange(:since, CAST(:since AS date) + 1)
FROM grid WHERE code = :ours;
"""

UNIT_THAT_WAS_OURS = """
INSERT INTO grid (unit_id, code, path, name, level, is_leaf, kind, parent, geom, drawn, anchor, area_m2, valid,
                  published_by)
SELECT t.unit_id, t.code, o.path || t.unit_id || '/', t.name, t.level, t.is_leaf, t.kind, o.unit_id, t.geom, t.drawn,
       t.anchor, t.area_m2, daterange(CAST(:since AS date) - 1, :since), t.published_by
FROM grid t, grid o WHERE t.code = :theirs AND o.code = left(:ours, 12);
"""


@pytest.mark.parametrize(
    "past", [ENDED_POST, UNIT_THAT_WAS_OURS], ids=["a post that has ended", "a unit that has gone"]
)
def test_what_was_ours_once_opens_no_phone_elsewhere(server: PrivateServer, template: str, past: str) -> None:
    with fresh_database(server, template) as urls:
        owner = make_engine(urls.owner_url)
        furnish(owner, today=TODAY)
        with writing(owner) as connection:
            values = {"ours": f"{MINE}001", "theirs": f"{OTHER}001", "since": SINCE}
            assert connection.execute(text(past), values).rowcount == 1
        owner.dispose()
        with serving(urls, key_of(urls, Role.GRID_WORKER, MINE)) as client:
            answer = client.get("/api/locate", params={"x": LON_OTHER, "y": LAT}).json()
        assert answer["staff"]["primary"]["phone"] == PHONE[:3] + "****" + PHONE[-4:]


POSTS_AND_COUNTS = """
SELECT (SELECT count(*) FROM post_shown JOIN grid g USING (unit_id) WHERE g.code = :code),
       (SELECT count(*) FROM care_count JOIN grid g USING (unit_id) WHERE g.code = :code);
"""


def posts_and_counts(urls: Database, key: str, code: str) -> tuple[int, int]:
    """How many posts, and how many published counts of persons in care, a caller sees in a unit of whatever day."""
    service = make_engine(urls.service_url)
    with reading(looking_as(service, key)) as connection:
        found = tuple(connection.execute(text(POSTS_AND_COUNTS), {"code": code}).one())
    service.dispose()
    return found


def test_posts_and_counts_of_a_unit_that_was_ours_once_are_none_of_our_business(
    server: PrivateServer, template: str
) -> None:
    with fresh_database(server, template) as urls:
        owner = make_engine(urls.owner_url)
        furnish(owner, today=TODAY)
        mine, theirs = (key_of(urls, Role.GRID_WORKER, code) for code in COMMUNITIES)
        code = f"{OTHER}001"
        before = posts_and_counts(urls, theirs, code)
        assert min(before) > 0 and posts_and_counts(urls, mine, code) == (0, 0)
        with writing(owner) as connection:
            values = {"ours": f"{MINE}001", "theirs": code, "since": SINCE}
            assert connection.execute(text(UNIT_THAT_WAS_OURS), values).rowcount == 1
        owner.dispose()
        assert posts_and_counts(urls, mine, code) == (0, 0)
        assert posts_and_counts(urls, theirs, code) == (2 * before[0], 2 * before[1])  # joined with both versions
        with serving(urls, mine) as client:
            page = client.post("/api/resources/search", json={"filter": {"layers": ["staff"]}}).json()
            ids = {feature["properties"]["unit"]["code"][:12] for feature in page["features"]}
            assert ids == {MINE}


def test_what_a_unit_left_behind_stays_with_the_territory_that_it_ended_in(
    server: PrivateServer, template: str
) -> None:
    with fresh_database(server, template) as urls:
        owner = make_engine(urls.owner_url)
        furnish(owner, today=TODAY)
        mine, theirs = (key_of(urls, Role.GRID_WORKER, code) for code in COMMUNITIES)
        code = f"{MINE}001"
        before = posts_and_counts(urls, mine, code)
        with writing(owner) as connection:
            connection.execute(text("UPDATE grid SET valid = daterange(lower(valid), :today) WHERE code = :code"),
                               {"today": TODAY, "code": code})  # fmt: skip
        owner.dispose()
        assert min(before) > 0
        assert (posts_and_counts(urls, mine, code), posts_and_counts(urls, theirs, code)) == (before, (0, 0))


def test_a_viewer_sees_no_phone_in_full(client: TestClient) -> None:
    for path in ("/api/resources?layers=staff", f"/api/grids/{MINE}001", f"/api/locate?x={LON_MINE}&y={LAT}", "/"):
        assert PHONE not in client.get(path).text, path


def test_counts_of_persons_in_care_are_told_in_the_own_territory(mine: TestClient, service: Engine) -> None:
    key = mine.headers["authorization"].removeprefix("Bearer ")
    with reading(looking_as(service, key)) as connection:
        codes = connection.execute(text("SELECT DISTINCT left(code, 12) FROM care_count JOIN grid USING (unit_id)"))
        assert set(codes.scalars()) == {MINE}


def test_a_map_drawn_for_a_session_that_just_ended_is_kept_for_nobody_else(furnished: Database) -> None:
    """For a second a caller is remembered whose session shows nothing any more: a map is drawn, of nothing."""
    ended, other = (key_of(furnished, Role.GRID_WORKER, MINE) for _ in range(2))
    url, owner = f"/maps/places?unit={MINE}&as_of={TODAY - timedelta(days=1)}", make_engine(furnished.owner_url)
    with serving(furnished, ended) as client:
        client.get("/api/session")
        with writing(owner) as connection:
            connection.execute(text("DELETE FROM session WHERE digest = sha256(:key)"), {"key": ended.encode()})
        client.get(url)
        assert "人民医院" in client.get(url, headers={"Authorization": f"Bearer {other}"}).text
    owner.dispose()


# ── the database's own wall ────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_session_there_is_nothing_of_a_territory(service: Engine) -> None:
    for token in (None, "", "guessed", "' OR true --"):
        with reading(looking_as(service, token)) as connection:
            for table in ("element", "building", "building_unit", "staff_shown", "post_shown", "care_count", "plan"):
                assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, (token, table)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT person_name FROM staff",
        "SELECT phone FROM staff",
        "SELECT * FROM scope",
        "SELECT * FROM digital_identity",
        "SELECT * FROM import_batch",
        "UPDATE element SET name = 'x'",
        "DELETE FROM audit",
        "UPDATE access_grant SET ends_at = 'infinity'",
        "UPDATE account SET disabled_at = NULL",
    ],
)
def test_the_service_cannot_look_behind_its_views(furnished: Database, service: Engine, statement: str) -> None:
    key = key_of(furnished, Role.PERSON_DATA_OFFICER)
    with pytest.raises(DBAPIError, match="permission denied"), writing(looking_as(service, key)) as connection:
        connection.execute(text(statement))


OUR_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, p.prosecdef AS with_own_eyes,
       coalesce(array_to_string(p.proconfig, ' '), '') AS settings,
       EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS acl
               WHERE acl.grantee = 0 AND acl.privilege_type = 'EXECUTE') AS for_everybody
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e');
"""


def test_functions_with_the_owners_eyes_have_a_fixed_path_and_are_not_for_everybody(furnished: Database) -> None:
    owner = make_engine(furnished.owner_url)
    with reading(owner) as connection:
        functions = {row.name: row for row in connection.execute(text(OUR_FUNCTIONS)) if row.with_own_eyes}
    owner.dispose()
    assert {"scope_of(text)", "refresh_scope(bytea,date)", "staff_phone(text)", "audit_head()"} <= functions.keys()
    paths = {name: row.settings for name, row in functions.items()}
    assert {name for name, path in paths.items() if path != "search_path=pg_catalog, public, pg_temp"} == set()
    assert {name for name, row in functions.items() if row.for_everybody} == set()


def test_a_table_of_ones_own_does_not_come_before_ours(furnished: Database, service: Engine) -> None:
    """Whoever can inject statements could make a temporary `scope`, if a function looked for it there first."""
    key = key_of(furnished, Role.GRID_WORKER, MINE)
    with writing(looking_as(service, key)) as connection:
        before = connection.execute(text(COUNT)).scalar()
        connection.execute(text("CREATE TEMPORARY TABLE scope (digest bytea, permission text, place int, low text, "
                                "high text, starts_at timestamptz, ends_at timestamptz) ON COMMIT DROP"))  # fmt: skip
        connection.execute(text("INSERT INTO pg_temp.scope VALUES (sha256(:key), 'see', 1, '', '~', '-infinity', "
                                "'infinity')"), {"key": key.encode()})  # fmt: skip
        assert connection.execute(text(COUNT)).scalar() == before


def test_an_injected_statement_can_neither_widen_the_scope_nor_write(furnished: Database, service: Engine) -> None:
    key = key_of(furnished, Role.GRID_WORKER, MINE)
    with reading(looking_as(service, key)) as connection:
        mine_alone = connection.execute(text(COUNT)).scalar()
        assert mine_alone
        for trick in (
            "SET row_security = off",
            "SELECT set_config('gismap.session', 'guessed', true)",
            "SET ROLE gismap_owner",
            "SET TRANSACTION READ WRITE",
        ):
            with pytest.raises(DBAPIError), connection.begin_nested():
                connection.execute(text(f"{trick}; {COUNT}")).scalar_one()
                connection.execute(text("INSERT INTO session SELECT * FROM session"))
        assert connection.execute(text(COUNT)).scalar() == mine_alone


def test_an_injected_statement_cannot_read_the_tokens_of_others_off_the_server(
    furnished: Database, service: Engine
) -> None:
    key = key_of(furnished)
    with reading(looking_as(service, key)) as asking, reading(service) as injected:
        asking.execute(text(COUNT))
        activity = injected.execute(text("SELECT pid, query FROM pg_stat_activity")).all()
        assert asking.execute(text("SELECT pg_backend_pid()")).scalar() in {row.pid for row in activity}
        assert not any(key in (row.query or "") for row in activity)


def test_a_pooled_connection_keeps_nothing_of_a_session_after_errors_neither(furnished: Database) -> None:
    engine = make_engine(furnished.service_url, pool_size=1)
    key = key_of(furnished)
    with reading(looking_as(engine, key)) as connection:
        assert connection.execute(text(COUNT)).scalar()
    with pytest.raises(DBAPIError), reading(looking_as(engine, key)) as connection:
        connection.execute(text("SELECT 1 / 0"))
    with reading(looking_as(engine, None)) as connection:
        assert connection.execute(text(COUNT)).scalar() == 0
    with reading(engine) as connection:
        assert connection.execute(text(COUNT)).scalar() == 0
    engine.dispose()


def test_a_grant_that_ended_a_second_ago_shows_nothing(furnished: Database, service: Engine) -> None:
    key = key_of(furnished, Role.VIEWER, ends_in_s=-1)
    with serving(furnished, key) as client:
        assert client.get("/api/resources").status_code == 403
    with reading(looking_as(service, key)) as connection:
        assert connection.execute(text(COUNT)).scalar() == 0


def test_a_grant_that_ends_while_a_session_lasts_is_compared_with_the_clock(
    furnished: Database, service: Engine
) -> None:
    key = key_of(furnished)
    owner = make_engine(furnished.owner_url)
    with reading(looking_as(service, key)) as connection:
        assert connection.execute(text(COUNT)).scalar()
    with writing(owner) as connection:
        connection.execute(text("UPDATE scope SET ends_at = now() - interval '1 second' WHERE digest = sha256(:key)"),
                           {"key": key.encode()})  # fmt: skip
    owner.dispose()
    with reading(looking_as(service, key)) as connection:
        assert connection.execute(text(COUNT)).scalar() == 0


def test_a_path_that_begins_like_another_is_a_stranger(database: Database) -> None:
    """Ranges on digits leak: 3708830011 lies inside the range of 370883001. Paths have closed segments."""
    owner, service = make_engine(database.owner_url), make_engine(database.service_url)
    with writing(owner) as connection:
        connection.execute(
            text("""
                INSERT INTO digital_identity SELECT lpad(n::text, 11, '0'), 'key_places' FROM generate_series(1, 2) n;
                INSERT INTO element (element_id, layer, geom, anchor, path, source, source_ref, source_crs, content,
                                     since, valid)
                SELECT lpad(n::text, 11, '0'), 'key_places', p, p, path, 's', n::text, 'x', '', DATE '2026-01-01',
                       '[2026-01-01,)'
                FROM (VALUES (1, '370883001/'), (2, '3708830011/')) AS v (n, path),
                     (SELECT ST_SetSRID(ST_MakePoint(117, 35), 4490) AS p) at;
            """)
        )
        key = key_of(database)
        connection.execute(text("UPDATE scope SET low = '370883001/', high = '370883001/~'"))
    with writing(owner) as connection:
        connection.execute(text("UPDATE scope SET low = '370883001/', high = '370883001/~'"))
    with reading(looking_as(service, key)) as connection:
        assert connection.execute(text("SELECT path FROM element")).scalars().all() == ["370883001/"]
    owner.dispose()
    service.dispose()


def test_a_unit_whose_code_begins_like_another_is_another(server: PrivateServer, template: str) -> None:
    """370883001 and 3708830011: by code, by grant and by whatever is asked."""

    def column(x: int) -> MultiPolygon:
        return MultiPolygon([union_all([cell(x, 0), cell(x, 1)])])

    longer = TOWN + "1"
    drafts = [
        UnitDraft("county", "邹城市", 1, code="370883"),
        UnitDraft("town", "钢山街道", 2, "county", code=TOWN),
        UnitDraft("longer", "千泉街道", 2, "county", code=longer),
        UnitDraft("west", "西网格", 4, "town", code=f"{TOWN}001001", geom=column(0)),
        UnitDraft("east", "东网格", 4, "longer", code=f"{longer}001001", geom=column(1)),
    ]
    with fresh_database(server, template) as urls:
        owner = make_engine(urls.owner_url)
        with writing(owner) as connection:
            publish(connection, drafts, effective_from=SINCE, today=TODAY, author="t", reason="t")
            elements = buildings_in_each_grid()
            write_elements(connection, elements, source="t", source_crs="EPSG:4490", since=SINCE)
        owner.dispose()
        for mine, other in ((TOWN, longer), (longer, TOWN)):
            with serving(urls, key_of(urls, Role.GRID_WORKER, mine)) as client:
                for way in ({}, {"area": {"unit": mine}}, {"nearest": {"point": [LON_OTHER, LAT], "k": 50}}):
                    features = client.post("/api/resources/search", json=way).json()["features"]
                    assert {one["properties"]["unit"]["code"] for one in features} == {f"{mine}001001"}
                assert client.get("/api/resources", params={"unit": other}).status_code == 403


# ── visitors ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_demo_on_this_machine_lets_a_visitor_in_and_nothing_else_does(
    furnished: Database, database: Database
) -> None:
    with serving(furnished) as client:
        del client.headers["authorization"]
        assert client.get("/api/resources").status_code == 200
        assert client.get("/api/resources", headers={"authorization": "Bearer forged"}).status_code == 401
    with serving(furnished, host="0.0.0.0") as client:
        del client.headers["authorization"]
        assert client.get("/api/resources").status_code == 401
    owner = make_engine(database.owner_url)
    with writing(owner) as connection:
        connection.execute(text("INSERT INTO district VALUES (true, '邹城市', 'Zoucheng', false)"))
    owner.dispose()
    with serving(database) as client:
        del client.headers["authorization"]
        answer = client.get("/api/resources")
        assert (answer.status_code, answer.json()["type"]) == (401, "unauthenticated")


PERSONS_IMPORTED = """
INSERT INTO import_batch (layer, source, file_name, file_digest, source_crs, actor, counts)
VALUES (:layer, 's', 'f', 'd', 'EPSG:4490', 't', '{"added": 1}');
"""


@pytest.mark.parametrize("layer", ["staff", "care_persons"])
def test_a_demo_that_holds_real_people_is_no_demo_until_that_is_undone(
    server: PrivateServer, template: str, layer: str
) -> None:
    with fresh_database(server, template) as urls:
        owner = make_engine(urls.owner_url)
        furnish(owner, today=TODAY)
        with serving(urls) as client:
            del client.headers["authorization"]
            assert client.get("/api/layers").status_code == 200
            assert client.post("/api/session", json={"demo": "planner"}).status_code == 200
            signed_in = client.cookies[COOKIE]
            cookie = {"Cookie": f"{COOKIE}={signed_in}"}
            client.cookies.clear()
            with writing(owner) as connection:
                connection.execute(text(PERSONS_IMPORTED), {"layer": layer})
            a_second_later(client)
            assert client.get("/api/layers").status_code == 401
            assert client.get("/api/layers", headers=cookie).status_code == 401
            assert client.post("/api/session", json={"demo": "planner"}).status_code == 403
            with writing(owner) as connection:
                connection.execute(text("UPDATE import_batch SET undone_at = now()"))
            a_second_later(client)
            assert client.get("/api/layers").status_code == 200
            assert client.get("/api/layers", headers=cookie).status_code == 200
        owner.dispose()


def a_second_later(client: TestClient) -> None:
    """What is remembered for a second is forgotten."""
    callers = client.app.state.callers  # type: ignore[attr-defined]
    callers._remembered.clear()
    callers._visiting = (callers._visiting[0] - 2, callers._visiting[1])


def test_a_demo_users_session_is_nobodys_where_others_can_connect(furnished: Database) -> None:
    with serving(furnished) as client:
        del client.headers["authorization"]
        client.post("/api/session", json={"demo": "planner"})
        cookie = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    with serving(furnished, host="0.0.0.0") as client:
        del client.headers["authorization"]
        assert client.get("/api/layers", headers=cookie).status_code == 401


VISITORS_GRANT = """
SELECT grant_id FROM access_grant JOIN account USING (account_id) WHERE username = 'demo-visitor';
"""


def test_a_visitor_whose_grant_was_revoked_is_asked_to_sign_in_and_costs_no_session_each_time(
    server: PrivateServer, template: str
) -> None:
    with fresh_database(server, template) as urls:
        owner = make_engine(urls.owner_url)
        with serving(urls) as client:
            del client.headers["authorization"]
            assert client.get("/api/layers").status_code == 200
            with writing(owner) as connection:
                end_grant(connection, connection.execute(text(VISITORS_GRANT)).scalar_one(), actor="t")
            for _ in range(3):
                a_second_later(client)
                assert client.get("/api/layers").status_code == 401
            assert client.get("/sign-in").status_code == 200
        with reading(owner) as connection:
            sessions = "SELECT count(*) FROM session WHERE kind = 'console'"
            assert connection.execute(text(sessions)).scalar() == 1
        owner.dispose()
