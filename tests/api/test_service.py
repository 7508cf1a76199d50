"""What the service says of itself, and the headers that keep its pages to our own host."""

import re

from starlette.testclient import TestClient

from gismap.api.health import newest_schema


def test_health_and_readiness_are_told_apart(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    ready = client.get("/ready").json()
    assert (ready["status"], ready["schema"], ready["revision"]) == ("ready", newest_schema(), 1)
    assert ready["district"].startswith("邹城")


def test_every_answer_keeps_to_our_own_host(client: TestClient) -> None:
    for path in ("/health", "/api/layers", "/docs", "/no/such", "/api/locate?x=1"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'self'") and "http" not in policy
        assert "form-action 'self'" in policy  # which default-src does not stand for
        assert headers["x-content-type-options"] == "nosniff"


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert not re.search(r"(src|href)=[\"'](https?:)?//", page.text)
    (nonce,) = re.findall(r'nonce="([^"]+)"', page.text)
    assert f"'nonce-{nonce}'" in page.headers["content-security-policy"]
    assert nonce not in client.get("/docs").text  # it serves once


def test_the_openapi_document_tells_mistakes_as_they_are_answered(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for operation in item.values():
            assert "422" not in operation["responses"], path
            assert "application/problem+json" in operation["responses"]["4XX"]["content"]


def test_the_openapi_document_describes_parameters_that_are_read_at_once(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    told = {one["name"]: one for one in document["paths"]["/api/locate"]["get"]["parameters"]}
    assert list(told) == ["x", "y", "text", "crs", "accuracy", "as_of", "near"]
    assert not any(one["required"] for one in told.values())
    assert told["crs"]["schema"]["default"] == "cgcs2000" and "default" not in told["x"]["schema"]


def test_long_answers_are_compressed_for_who_asks(client: TestClient) -> None:
    plain = client.get("/api/resources?limit=1000", headers={"Accept-Encoding": "identity"})
    packed = client.get("/api/resources?limit=1000", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
