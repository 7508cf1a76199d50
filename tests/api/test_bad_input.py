"""Mistakes of callers: every one is a 4xx problem that names the cause and the field, whatever the endpoint."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

SEARCH = "/api/resources/search"
SQUARE = [[117.0, 35.4], [117.01, 35.4], [117.01, 35.41], [117.0, 35.41], [117.0, 35.4]]
BOW_TIE = [[117.0, 35.4], [117.01, 35.41], [117.01, 35.4], [117.0, 35.41], [117.0, 35.4]]


def assert_problem(answer: Any, status: int, field: str | None = None) -> str:
    """An RFC 9457 problem of that status about that field; returns its detail."""
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["type"] and problem["title"]
    assert problem.get("field") == field, problem
    assert problem["detail"].strip() and "Traceback" not in problem["detail"]
    return str(problem["detail"])


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/api/resources", "limit=0", "limit"),
        ("/api/resources", "limit=-1", "limit"),
        ("/api/resources", "limit=1000000000", "limit"),
        ("/api/resources", "limit=1001", "limit"),
        ("/api/resources", "limit=ten", "limit"),
        ("/api/resources", f"limit={'9' * 5000}", "limit"),
        ("/api/resources", "limt=5", "limt"),
        ("/api/resources", "limit=5&limit=6", "limit"),
        ("/api/resources", "bbox=117,35,118", "bbox"),
        ("/api/resources", "bbox=a,b,c,d", "bbox"),
        ("/api/resources", "bbox=118,35,117,36", "bbox"),
        ("/api/resources", "bbox=", "bbox"),
        ("/api/resources", "unit=", "unit"),
        ("/api/resources", "unit=370883&grid=370883", "grid"),
        ("/api/resources", "unit=%00", "unit"),
        ("/api/resources", f"name={'x' * 201}", "name"),
        ("/api/resources", "name=%00", "name"),
        ("/api/resources", "layers=,", "layers"),
        ("/api/resources", "as_of=0000-00-00", "as_of"),
        ("/api/resources", "as_of=2026-02-30", "as_of"),
        ("/api/resources", "as_of=20260201", "as_of"),
        ("/api/resources", "as_of=2026-02-01T00:00:00", "as_of"),
        ("/api/resources", "as_of=1769900000", "as_of"),
        ("/api/resources", "counts=perhaps", "counts"),
        ("/api/resources", "cursor=nonsense", "cursor"),
        ("/api/resources", "cursor=%F0%9F%8F%A0", "cursor"),
        ("/api/resources", "cursor=WzFd", "cursor"),
        ("/api/resources", "layers=streets&cursor=WyIyMDI2LTAxLTAxIiwic3RyZWV0cyIsInNhYmMiXQ", "cursor"),
        ("/api/locate", "x=117", "y"),
        ("/api/locate", "x=117&y=35.4&foo=1", "foo"),
        ("/api/locate", "x=117&y=35.4&x=117", "x"),
        ("/api/locate", "x=true&y=35.4", "x"),
        ("/api/streets", "", "name"),
        ("/api/streets", "name=a&limit=101", "limit"),
        ("/api/layers", "name=a", "name"),
        ("/api/grids", "parent=", "parent"),
        ("/api/grids/370883", "asof=2026-01-01", "asof"),
        ("/api/grids/%00", "", "unit"),
        ("/api/grids/370883/history", "as_of=2026-01-01", "as_of"),
        ("/api/revisions", "n=1", "n"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(client: TestClient, path: str, query: str, field: str) -> None:
    assert_problem(client.get(f"{path}?{query}"), 400, field)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/resources?unit=999", "unit"),
        ("/api/resources?grid=999", "grid"),
        ("/api/resources?unit=37088300100100", "unit"),
        ("/api/resources?layers=dragons", "layers"),
        ("/api/resources?unit=370883&as_of=2025-12-31", "unit"),
        ("/api/grids?parent=%27%20OR%201=1", "parent"),
        ("/api/grids/no-such", "unit"),
        ("/api/grids/370883/history/more", None),
        ("/api/grids/no-such/history", "unit"),
        ("/maps/no-such", None),
        ("/nothing/here", None),
    ],
)
def test_what_does_not_exist_is_not_found(client: TestClient, path: str, field: str | None) -> None:
    answer = client.get(path)
    assert_problem(answer, 404, answer.json().get("field") if field is None else field)


@pytest.mark.parametrize(
    ("polygon", "says"),
    [
        ({"type": "Polygon", "coordinates": [BOW_TIE]}, "crosses itself"),
        ({"type": "Polygon", "coordinates": []}, "empty"),
        ({"type": "Polygon", "coordinates": [[]]}, "empty"),
        ({"type": "MultiPolygon", "coordinates": []}, "empty"),
        ({"type": "Polygon", "coordinates": [SQUARE[:-1]]}, "not closed"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], SQUARE[0]]]}, "four positions"),
        ({"type": "Polygon", "coordinates": [[["117", None]] * 4]}, "two numbers"),
        ({"type": "Polygon", "coordinates": [[[True, False]] * 4]}, "two numbers"),
        ({"type": "Polygon", "coordinates": [[[117.0, 35.4, 0, 0, 0]] * 4]}, "two numbers"),
        ({"type": "Polygon", "coordinates": [[[y, x] for x, y in SQUARE]]}, "swap"),
        ({"type": "Polygon", "coordinates": [[[x * 4000, y * 1e5] for x, y in SQUARE]]}, "metres"),
        ({"type": "Point", "coordinates": [117, 35.4]}, "wanted: MultiPolygon or Polygon"),
        ({"type": "Polygon"}, "lists"),
        ({"type": ["Polygon"]}, "wanted"),
        ({"type": "Polygon", "coordinates": [SQUARE], "crs": {"properties": {"name": "EPSG:3857"}}}, "frame"),
        ([SQUARE, [[x + 1, y] for x, y in SQUARE]], "hole outside"),
        ([[[x + 5e-3 * i for x in SQUARE[0]] for i in range(10_100)]], "more than 10,000 vertices"),
        ("POLYGON((0 0, 1 1, 0 1, 0 0))", "GeoJSON geometry object"),
    ],
)
def test_a_shape_that_is_none_is_refused_with_its_fault(client: TestClient, polygon: Any, says: str) -> None:
    answer = client.post(SEARCH, json={"area": {"polygon": polygon}})
    assert answer.status_code == 400 and says in answer.json()["detail"], answer.text[:300]
    assert_problem(answer, 400, answer.json()["field"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 10**9}, "limit"),
        ({"limit": 10**400}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "5"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"nonsense": 1}, "nonsense"),
        ({"area": {}}, "area"),
        ({"area": {"unit": None}}, "area"),
        ({"area": {"unit": "370883", "bbox": [1, 2, 3, 4]}}, "area"),
        ({"area": {"bbox": [117, 35, 118]}}, "area.bbox"),
        ({"area": {"bbox": [True, 35, 118, 36]}}, "area.bbox.0"),
        ({"area": {"bbox": ["117", 35, 118, 36]}}, "area.bbox.0"),
        ({"area": {"bbox": [117, 35, 10**400, 36]}}, "area.bbox.2"),
        ({"area": {"circle": {"center": [117, 35.4], "radius_m": 0}}}, "area.circle.radius_m"),
        ({"area": {"circle": {"center": [117, 35.4], "radius_m": -5}}}, "area.circle.radius_m"),
        ({"area": {"circle": {"center": [117, 35.4], "radius_m": 1e9}}}, "area.circle.radius_m"),
        ({"area": {"circle": {"center": [117, 35.4]}}}, "area.circle.radius_m"),
        ({"area": {"circle": {"center": [35.4, 117], "radius_m": 5}}}, "y"),
        ({"area": {"corridor": {"half_width_m": 5}}}, "area.corridor"),
        ({"area": {"corridor": {"street": "人民路"}}}, "area.corridor.half_width_m"),
        ({"area": {"corridor": {"line": [[117, 35.4]], "half_width_m": 5}}}, "area.corridor.line"),
        ({"area": {"corridor": {"line": [[117, 35.4], [117, 35.4]], "half_width_m": 5}}}, "area.corridor.line"),
        ({"area": {"corridor": {"line": [[117, 35.4], [-63, -35.4]], "half_width_m": 5}}}, "area.corridor.line"),
        ({"area": {"corridor": {"line": [[117, -90], [117, 90]], "half_width_m": 5}}}, "area.corridor.line"),
        ({"area": {"circle": {"center": [0, 90], "radius_m": 100_000}}, "counts": True}, "x"),
        ({"area": {"polygon": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}}, "x"),
        ({"filter": {"layers": []}}, "filter.layers"),
        ({"filter": {"layers": ["a"] * 51}}, "filter.layers"),
        ({"filter": {"layers": "buildings"}}, "filter.layers"),
        ({"filter": {"category": ["a", 1]}}, "filter.category.1"),
        ({"filter": {"category": ""}}, "filter.category.0"),
        ({"filter": {"attributes": {"beds": [1]}}}, "filter.attributes.beds"),
        ({"filter": {"attributes": {"beds": {"min": "1"}}}}, "filter.attributes.beds.range.min"),
        ({"filter": {"name": ""}}, "filter.name"),
        ({"filter": {"name": "\0"}}, "filter.name"),
        ({"filter": {"use": "\0"}}, "filter.use"),
        ({"filter": {"floors": {"min": "1"}}}, "filter.floors.min"),
        ({"filter": {"floors": {"least": 1}}}, "filter.floors.least"),
        ({"filter": {"floors": 6}}, "filter.floors"),
        ({"nearest": {"point": [117.0, 35.4], "k": 0}}, "nearest.k"),
        ({"nearest": {"point": [117.0, 35.4], "k": 10**9}}, "nearest.k"),
        ({"nearest": {"point": [0.0, 0.0]}}, "x"),
        ({"nearest": {"point": [117.0, 35.4]}, "filter": {"layers": ["streets"]}}, "nearest"),
        ({"nearest": {"point": [117.0, 35.4]}, "cursor": "WyIyMDI2LTAxLTAxIiwiYSIsImIiXQ"}, "cursor"),
        ({"as_of": 0}, "as_of"),
        ({"as_of": "0000-00-00"}, "as_of"),
        ({"counts": "yes"}, "counts"),
        ([], "body"),
        ("text", "body"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_member_of_the_body_is_named(client: TestClient, body: Any, field: str) -> None:
    assert_problem(client.post(SEARCH, json=body), 400, field)


@pytest.mark.parametrize("value", ["\0", "\ud800", [1], None, {"min": "x"}, 10**400, "x" * 201])
def test_an_attribute_that_cannot_be_compared_is_refused(client: TestClient, value: Any) -> None:
    body = json.dumps({"filter": {"attributes": {"beds": value}}})
    answer = client.post(SEARCH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["field"].startswith("filter.attributes.beds"), answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b"\0",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"area":{"polygon":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"area":{"polygon":' + b"[" * 900 + b"]" * 900 + b"}}",
        b'{"filter":{"attributes":{"a":' + b"[" * 900 + b"]" * 900 + b"}}}",
        b'{"limit":' + b"9" * 100_000 + b"}",
        b'{"limit":NaN}',
        b'{"limit":5} trailing',
        b'{"filter":{"name":"\\ud800"}}',
        b'{"filter":{"attributes":{"\\ud800":1}}}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_that_is_no_json_of_ours_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(SEARCH, content=body, headers={"content-type": "application/json"})
    assert_problem(answer, 400, answer.json().get("field"))
    assert answer.json()["field"]
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("kind", [None, "text/plain", "application/xml", "multipart/form-data; boundary=x", "json"])
def test_a_body_that_does_not_say_it_is_json_is_unsupported(client: TestClient, kind: str | None) -> None:
    answer = client.post(SEARCH, content=b"{}", headers={"content-type": kind} if kind else {})
    assert_problem(answer, 415, "body")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/geo+json"])
def test_json_by_any_of_its_names_is_read(client: TestClient, kind: str) -> None:
    assert client.post(SEARCH, content=b"{}", headers={"content-type": kind}).status_code == 200


def test_a_shape_of_a_million_vertices_is_too_large(client: TestClient) -> None:
    body = b'{"area":{"polygon":[[' + b",".join([b"[117.0,35.4]"] * 1_000_000) + b"]]}}"
    headers = {"content-type": "application/json"}
    assert_problem(client.post(SEARCH, content=body, headers=headers), 413, "body")

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    assert_problem(client.post(SEARCH, content=in_pieces(), headers=headers), 413, "body")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", ["/api/layers", "/api/locate", "/health", "/maps/one"])
def test_a_method_that_is_not_offered_is_refused(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize("path", ["/health", "/api/layers", "/api/grids/370883", "/api/grids/none", "/docs"])
def test_head_answers_as_get_without_the_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("folder", ["/maps/static/", "/vendor/"])
@pytest.mark.parametrize(
    "name",
    ["..%2froutes.py", "..%2f..%2fsettings.py", "%2e%2e%2f%2e%2e%2fsettings.py", "..\\settings.py", "%00", "a" * 3000,
     "%2fetc%2fpasswd", "%2e%2e", "%2e", "nothing.js"],
)  # fmt: skip
def test_no_file_beyond_our_own_is_served(client: TestClient, folder: str, name: str) -> None:
    answer = client.get(folder + name)
    assert answer.status_code in {400, 404, 405}, answer.text[:200]
    assert "import" not in answer.text and "root:" not in answer.text


# ── whatever else may come ─────────────────────────────────────────────────────────────────────────────────────────

ODD_TEXT = st.sampled_from(
    ["", " ", "0", "-1", "1e400", "nan", "117", "35.4", "370883", "\0", "'", '"', "%", "a,b", "key_places:3", "🏠",
     "９", "true", "null", "2026-01-01", "9999-12-31", "0001-01-01", "117,35,118,36", "gcj02", "EPSG:4548",
     "buildings", "care_persons", "streets,grids", "[]", "{}", "../x", "x" * 300]
)  # fmt: skip
ODD = st.one_of(
    ODD_TEXT,
    st.text(max_size=5),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.floats(-180, 180),
    st.lists(st.floats(-90, 90), max_size=4),
    st.just([[list(spot) for spot in SQUARE]]),
)
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_no_fault(answer: Any) -> None:
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500, answer.text[:500]
        assert_problem(answer, answer.status_code, answer.json().get("field"))


@given(st.data())
@fuzz
def test_no_query_makes_a_fault_of_ours(client: TestClient, data: st.DataObject) -> None:
    document = client.app.openapi()  # type: ignore[attr-defined]
    paths = sorted(path for path, item in document["paths"].items() if path.startswith("/api/") and "get" in item)
    path = data.draw(st.sampled_from(paths))
    declared = [one["name"] for one in document["paths"][path]["get"].get("parameters", []) if one["in"] == "query"]
    names = st.sampled_from([*declared, "other"])
    query = data.draw(st.dictionaries(names, st.one_of(ODD_TEXT, st.text(max_size=8)), max_size=5))
    unit = data.draw(st.sampled_from(["370883", "370883001001001", "'", "\0", "9" * 300, "🏠", "..", "a/b"]))
    assert_no_fault(client.get(path.replace("{unit}", unit.replace("\0", "%00")), params=query))


BODIES = st.fixed_dictionaries(
    {},
    optional={
        "area": st.one_of(
            ODD,
            st.dictionaries(st.sampled_from(["unit", "bbox", "polygon", "circle", "corridor"]), ODD, max_size=2),
            st.fixed_dictionaries({"circle": st.fixed_dictionaries({"center": ODD, "radius_m": ODD})}),
            st.fixed_dictionaries({"corridor": st.fixed_dictionaries({"line": ODD, "half_width_m": ODD})}),
            st.fixed_dictionaries({"polygon": st.fixed_dictionaries({"type": ODD_TEXT, "coordinates": ODD})}),
            st.fixed_dictionaries(
                {"bbox": st.lists(st.one_of(st.floats(-180, 180), st.floats(34, 118)), min_size=4, max_size=4)}
            ),
        ),
        "filter": st.one_of(
            ODD,
            st.dictionaries(
                st.sampled_from(["layers", "category", "name", "attributes", "floors", "households", "use"]),
                st.one_of(
                    ODD,
                    st.lists(ODD_TEXT, max_size=3),
                    st.dictionaries(ODD_TEXT, st.one_of(ODD, st.fixed_dictionaries({"min": ODD})), max_size=2),
                ),
                max_size=3,
            ),
        ),
        "nearest": st.one_of(ODD, st.fixed_dictionaries({"point": st.lists(st.floats(-180, 180), max_size=3)})),
        "as_of": ODD,
        "counts": st.booleans(),
        "limit": st.one_of(st.integers(1, 1000), ODD),
        "cursor": ODD,
    },
)


@given(BODIES)
@fuzz
def test_no_body_makes_a_fault_of_ours(client: TestClient, body: Any) -> None:
    headers = {"content-type": "application/json"}
    assert_no_fault(client.post(SEARCH, content=json.dumps(body), headers=headers))
