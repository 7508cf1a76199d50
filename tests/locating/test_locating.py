"""Whose is a point: the verdict and its evidence, over HTTP, on a county with a gap and an outline."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely import MultiPolygon, Point
from sqlalchemy import text
from starlette.testclient import TestClient

from gismap.geometry.datums import gcj02_to_bd09, wgs84_to_gcj02
from gismap.settings import Settings
from gismap.store.server import DatabaseUrls, PrivateServer
from gismap.store.session import make_engine, writing
from tests.conftest import serving
from tests.districts import COMMUNITIES, COUNTY, SOUTH, STEP, TOWN, WEST, cell, centre
from tests.furnished import PERSON, PHONE, furnish

TODAY = Settings().today()
SW, NW = (COMMUNITIES[0] + code for code in ("001", "002"))
SE, NE = (COMMUNITIES[1] + code for code in ("001", "002"))
CELLS = {SW: cell(0, 0), NW: cell(0, 1), SE: cell(1, 0), NE: cell(1, 1)}
GEOD = Geod(ellps="GRS80")


def locate(client: TestClient, x: float, y: float, **more: Any) -> dict[str, Any]:
    answer = client.get("/api/locate", params={"x": repr(x), "y": repr(y), **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def codes(candidates: list[dict[str, Any]]) -> list[str]:
    return [one["code"] for one in candidates]


@pytest.fixture(scope="module")
def gapped(server: PrivateServer, template: str) -> Iterator[TestClient]:
    """The county by whose outline its north-eastern grid belongs to it, though no such grid is in force any more."""
    urls = server.create_database("gapped", template)
    engine = make_engine(urls.owner_url)
    furnish(engine, today=TODAY)
    with writing(engine) as connection:
        outline = shapely.to_wkb(MultiPolygon([cell(0, 0).union(cell(0, 1)).union(cell(1, 0)).union(cell(1, 1))]))
        connection.execute(
            text("""
                INSERT INTO jurisdiction_outline (unit_id, geom, authority, valid)
                SELECT unit_id, ST_GeomFromWKB(:outline, 4490), 'test', '[2026-01-01,)' FROM grid WHERE code = :county
            """),
            {"outline": outline, "county": COUNTY},
        )
        connection.execute(text("UPDATE grid SET valid = '[2026-01-01,2026-02-01)' WHERE code = :code"), {"code": NE})
    engine.dispose()
    with serving(urls) as client:
        yield client


def test_a_point_inside_a_grid_is_certain_and_tells_its_chain_and_people(client: TestClient) -> None:
    answer = locate(client, *centre(0, 0))
    parts = "verdict point grid chain candidates border moved staff near revision as_of why"
    assert answer.keys() == set(parts.split())
    assert answer["verdict"] == "certain"
    assert (answer["grid"]["code"], answer["grid"]["level"]) == (SW, 4)
    assert [(unit["code"], unit["level"]) for unit in answer["chain"]] == [(COUNTY, 1), (TOWN, 2), (COMMUNITIES[0], 3)]
    assert codes(answer["candidates"]) == [SW] and answer["candidates"][0]["distance_m"] == 0
    assert (answer["revision"], answer["as_of"]) == (1, TODAY.isoformat())


def test_people_on_duty_are_masked(client: TestClient) -> None:
    answer = client.get("/api/locate", params=dict(zip("xy", centre(0, 0), strict=True)))
    staff = answer.json()["staff"]
    assert staff["primary"] == {"name": "诸葛*", "role": "grid_leader", "phone": "139****5678"}
    assert staff["backup"]["role"] == "full_time_grid_worker"
    assert PERSON not in answer.text and PHONE not in answer.text


def test_a_grid_without_people_says_so(client: TestClient) -> None:
    assert locate(client, *centre(1, 1))["staff"] == {"primary": None, "backup": None}


@pytest.mark.parametrize(
    ("column", "row", "owners"),
    [
        (1, 0.5, [SW, SE]),
        (0.5, 1, [SW, NW]),
        (1.5, 1, [SE, NE]),
        (1, 1.5, [NW, NE]),
        (1, 1, [SW, NW, SE, NE]),
        (1, 0, [SW, SE]),
        (2, 1, [SE, NE]),
    ],
)
def test_a_point_on_a_shared_border_has_one_owner(
    client: TestClient, column: float, row: float, owners: list[str]
) -> None:
    answer = locate(client, WEST + STEP * column, SOUTH + STEP * row)
    assert (answer["verdict"], answer["grid"]["code"]) == ("boundary", owners[0])
    assert codes(answer["candidates"]) == owners
    assert {one["distance_m"] for one in answer["candidates"]} == {0}


@pytest.mark.parametrize(("column", "row"), [(0, 0), (2, 2), (0.5, 0), (2, 0.25)])
def test_the_outer_border_belongs_to_the_grid_inside(client: TestClient, column: float, row: float) -> None:
    assert locate(client, WEST + STEP * column, SOUTH + STEP * row)["verdict"] == "certain"


@given(st.integers(-2, 2), st.integers(-2, 2), st.sampled_from([0.0, 1e-9, 1e-12, 1e-6]))
@settings(max_examples=40, deadline=None)
def test_beside_a_vertex_the_owner_is_who_contains_the_point(client: TestClient, dx: int, dy: int, far: float) -> None:
    point = Point(WEST + STEP + dx * far, SOUTH + STEP + dy * far)
    owners = [code for code, square in CELLS.items() if square.intersects(point)]
    answer = locate(client, point.x, point.y)
    assert codes(answer["candidates"]) == owners
    assert answer["grid"]["code"] == owners[0]


@given(st.floats(WEST, WEST + 2 * STEP), st.floats(SOUTH, SOUTH + 2 * STEP))
@settings(max_examples=40, deadline=None)
def test_every_point_of_the_district_has_an_owner(client: TestClient, lon: float, lat: float) -> None:
    owners = [code for code, square in CELLS.items() if square.intersects(Point(lon, lat))]
    answer = locate(client, lon, lat)
    assert answer["grid"]["code"] == owners[0] and codes(answer["candidates"]) == owners


def test_a_point_in_a_hole_of_the_district_is_in_a_gap(gapped: TestClient) -> None:
    lon, lat = WEST + 1.25 * STEP, SOUTH + 1.5 * STEP
    answer = locate(gapped, lon, lat)
    assert (answer["verdict"], answer["grid"], answer["chain"]) == ("gap", None, [])
    assert answer["staff"] == {"primary": None, "backup": None}
    assert codes(answer["candidates"])[0] == NW
    metres = GEOD.inv(lon, lat, WEST + STEP, lat)[2]
    assert answer["candidates"][0]["distance_m"] == pytest.approx(metres, abs=0.06)
    told = [one["distance_m"] for one in answer["candidates"]]
    assert told == sorted(told) and "福安社区第2网格" in answer["why"]


def test_a_point_beyond_the_outline_is_outside(gapped: TestClient) -> None:
    answer = locate(gapped, WEST - STEP / 50, SOUTH + STEP / 2)  # nearer than the gap's middle, but beyond the outline
    assert (answer["verdict"], answer["grid"], codes(answer["candidates"])[0]) == ("outside", None, SW)


def test_without_an_outline_a_near_miss_is_a_gap_and_a_far_one_outside(client: TestClient) -> None:
    assert locate(client, WEST - 0.001, SOUTH + STEP / 2)["verdict"] == "gap"
    assert locate(client, WEST - 0.1, SOUTH + STEP / 2)["verdict"] == "outside"


def test_up_to_fifty_kilometres_away_is_outside_and_farther_a_mistake(client: TestClient) -> None:
    assert locate(client, WEST - 0.5, SOUTH)["verdict"] == "outside"
    answer = client.get("/api/locate", params={"x": WEST - 0.6, "y": SOUTH})
    assert (answer.status_code, answer.json()["field"]) == (400, "x")
    assert "54 km from the district" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("x", "y", "hint"),
    [
        ("35.405", "117.005", "swap"),
        ("35.405", "35.405", "swap"),
        ("117.005", "-35.405", "from the district"),
        ("0", "0", "from the district"),
        ("0", "90", "from the district"),
        ("180", "-90", "from the district"),
        ("500000", "3919000", "these look like metres"),
        ("nan", "35.4", "finite"),
        ("117", "inf", "finite"),
        ("117,0", "35.4", "number"),
        ("东经117", "35.4", "number"),
        ("1e999", "35.4", "finite"),
    ],
)
def test_a_position_that_cannot_be_is_refused_with_a_hint(client: TestClient, x: str, y: str, hint: str) -> None:
    answer = client.get("/api/locate", params={"x": x, "y": y})
    assert answer.status_code == 400 and hint in answer.json()["detail"], answer.text
    assert answer.json()["field"] in {"x", "y"}


def test_northing_given_for_easting_is_refused_with_the_surveyors_habit_in_mind(client: TestClient) -> None:
    answer = client.get("/api/locate", params={"x": 3919000, "y": 500500, "crs": "EPSG:4548"})
    assert answer.status_code == 400 and "Chinese surveyors write x for northing" in answer.json()["detail"]


def test_all_frames_say_the_same_of_one_point(client: TestClient) -> None:
    lon, lat = centre(1, 0)
    gcj = [float(value) for value in wgs84_to_gcj02(lon, lat)]
    frames = {
        "cgcs2000": (lon, lat),
        "wgs84": (lon, lat),
        "EPSG:4326": (lon, lat),
        "gcj02": gcj,
        "bd09": [float(value) for value in gcj02_to_bd09(*gcj)],
    }
    for epsg in (4548, 4527, 4509, 3857):  # 3° without and with zone, 6°, web maps
        frames[f"EPSG:{epsg}"] = Transformer.from_crs(4490, epsg, always_xy=True).transform(lon, lat)
    for crs, (x, y) in frames.items():
        answer = locate(client, x, y, crs=crs)
        assert answer["grid"]["code"] == SE, crs
        assert (answer["point"]["lon"], answer["point"]["lat"]) == pytest.approx((lon, lat), abs=2e-9), crs
        assert answer["point"]["source_crs"] == crs


@pytest.mark.parametrize("crs", ["EPSG:99999", "EPSG:4978", "EPSG:5773", "mars", "4548", "EPSG:0", "WGS 84'--"])
def test_an_unknown_frame_is_refused(client: TestClient, crs: str) -> None:
    answer = client.get("/api/locate", params={"x": 117.005, "y": 35.405, "crs": crs})
    assert (answer.status_code, answer.json()["field"]) == (400, "crs")


def test_near_tells_the_nearest_of_each_kind_in_order(client: TestClient) -> None:
    lon, lat = WEST + STEP * 0.9, SOUTH + STEP * 0.6
    near = locate(client, lon, lat, near="key_places:3,key_places.hospital,service_stations:5,staff:2,supplies:4")[
        "near"
    ]
    assert list(near) == ["key_places", "key_places.hospital", "service_stations", "staff", "supplies"]
    places = client.get("/api/resources", params={"layers": "key_places"}).json()["features"]
    metres = {place["id"]: GEOD.inv(lon, lat, *place["properties"]["anchor"])[2] for place in places}
    nearest = sorted(metres, key=metres.__getitem__)[:3]
    assert [place["element_id"] for place in near["key_places"]] == nearest
    assert [place["distance_m"] for place in near["key_places"]] == pytest.approx(
        [metres[one] for one in nearest], abs=0.06
    )
    assert [place["name"] for place in near["key_places.hospital"]] == ["人民医院"]
    assert (len(near["service_stations"]), near["supplies"]) == (1, [])
    assert [one["name"] for one in near["staff"]] == ["诸葛*", "诸葛*"]


@pytest.mark.parametrize(
    ("near", "status"),
    [
        ("key_places:0", 400),
        ("key_places:51", 400),
        ("key_places:-1", 400),
        ("key_places;drop", 400),
        (",", 400),
        ("key_places:1,key_places:2", 400),
        (",".join(f"l{n}" for n in range(9)), 400),
        ("dragons:1", 404),
        ("grids:1", 404),
        ("care_persons:1", 404),
        ("key_persons:1", 404),
    ],
)
def test_what_cannot_be_looked_for_near_is_refused(client: TestClient, near: str, status: int) -> None:
    answer = client.get("/api/locate", params={"x": 117.005, "y": 35.405, "near": near})
    assert (answer.status_code, answer.json()["field"]) == (status, "near")


def test_a_day_is_answered_by_its_own_boundaries(gapped: TestClient) -> None:
    assert locate(gapped, *centre(1, 1), as_of="2026-01-15")["grid"]["code"] == NE
    assert locate(gapped, *centre(1, 1), as_of="2026-02-01")["verdict"] == "gap"
    coming = locate(gapped, *centre(0, 0), as_of=(TODAY + timedelta(days=400)).isoformat())
    assert (coming["grid"]["code"], coming["revision"]) == (SW, 1)


def test_before_the_first_boundaries_there_is_no_answer(client: TestClient) -> None:
    answer = client.get("/api/locate", params={"x": 117.005, "y": 35.405, "as_of": "2025-12-31"})
    assert (answer.status_code, answer.json()["field"]) == (404, "as_of")
    assert date(2026, 1, 1).isoformat() in answer.json()["detail"]


def test_a_district_without_boundaries_says_so(database: DatabaseUrls) -> None:
    with serving(database) as empty:
        answer = empty.get("/api/locate", params={"x": 117.005, "y": 35.405})
        assert answer.status_code == 404 and "no boundaries" in answer.json()["detail"]
        assert empty.get("/api/resources", params={"bbox": "117,35,118,36"}).json()["features"] == []


def test_the_reason_is_given_in_the_readers_language(client: TestClient) -> None:
    lon, lat = WEST + STEP * 0.999, SOUTH + STEP / 2
    assert locate(client, lon, lat)["why"] == "在福安社区第1网格内,距边界 0.9 米(沿解放路)"
    english = client.get(
        "/api/locate", params={"x": lon, "y": lat}, headers={"Accept-Language": "fr, en-GB;q=0.8"}
    ).json()
    assert english["why"] == "In 福安社区第1网格, 0.9 m from its border (along 解放路)"
