"""Every answer of every route has the headers that keep it to itself: answers, errors, redirects, files and faults."""

import re
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.access.test_matrix import ENDPOINTS, EXAMPLES
from tests.conftest import Database, serving

PAGE = {"Accept": "text/html"}
KEPT = ("/maps/static/", "/vendor/")
"""Our own files, which know nothing of anybody and may be kept."""


def assert_keeps_to_itself(answer: Any) -> None:
    headers = answer.headers
    policy = {part.split()[0]: part.split()[1:] for part in headers["content-security-policy"].split(";")}
    assert policy["default-src"] == ["'self'"] and policy["object-src"] == ["'none'"]
    for directive in ("base-uri", "form-action", "frame-ancestors"):  # default-src does not stand for these
        assert policy[directive] == ["'self'"]
    for directive in ("script-src", "style-src"):
        own, nonce = policy[directive]
        assert own == "'self'" and re.fullmatch(r"'nonce-[\w-]{22}'", nonce)
    assert not any("http" in source or "*" in source or "eval" in source for part in policy.values() for source in part)
    assert [name for name, sources in policy.items() if "'unsafe-inline'" in sources] == ["style-src-attr"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    if not answer.request.url.path.startswith(KEPT) or answer.status_code >= 400:
        assert "no-store" in headers["cache-control"]
    assert "server" not in headers and "x-powered-by" not in headers


@pytest.fixture(scope="module")
def strangers(furnished: Database) -> Any:
    with serving(furnished, host="0.0.0.0") as client:
        del client.headers["authorization"]
        client.follow_redirects = False
        yield client


@pytest.mark.parametrize("key", ENDPOINTS, ids=" ".join)
def test_every_route_answers_with_them_whatever_it_answers(
    client: TestClient, strangers: TestClient, key: tuple[str, str]
) -> None:
    method, path = key
    request = dict(EXAMPLES[key].inside) if key in EXAMPLES else {}  # one without an example fails in test_matrix
    place = dict.fromkeys(re.findall(r"{(\w+)}", path), "x") | request.pop("place", {})
    for asked in (client, strangers):
        for more in (request, {"params": {"nonsense": "1"}}, {"headers": PAGE}):
            assert_keeps_to_itself(asked.request(method, path.format(**place), **more, follow_redirects=False))
        other = "PUT" if method != "PUT" else "PATCH"
        assert_keeps_to_itself(asked.request(other, path.format(**place)))


@pytest.mark.parametrize(
    "path", ["/nothing", "/vendor/nothing", "/maps/static/nothing", "/openapi.json", "/api/", "//"]
)
def test_what_is_no_endpoint_answers_with_them(client: TestClient, path: str) -> None:
    assert_keeps_to_itself(client.get(path))
    assert_keeps_to_itself(client.head(path, headers=PAGE))


def test_our_own_files_answer_with_them_also_when_nothing_has_changed(client: TestClient) -> None:
    for path in ("/maps/static/map.js", "/vendor/manifest.json"):
        first = client.get(path)
        assert_keeps_to_itself(first)
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code in {200, 304}
        assert_keeps_to_itself(again)


def test_whoever_is_sent_to_sign_in_is_sent_with_them(strangers: TestClient) -> None:
    answer = strangers.get("/maps/one", headers=PAGE)
    assert answer.status_code == 303
    assert_keeps_to_itself(answer)


def test_a_fault_of_ours_is_answered_with_them_and_a_body_too_long(furnished: Database) -> None:
    with serving(furnished, max_body_bytes=1000) as client:
        app: FastAPI = client.app  # type: ignore[assignment]
        app.state.callers = None
        for headers in ({}, PAGE):
            answer = client.get("/maps/one", headers=headers)
            assert answer.status_code == 500
            assert_keeps_to_itself(answer)
        answer = client.post("/api/session", content=b"x" * 2000, headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert_keeps_to_itself(answer)


def test_whoever_came_by_https_is_told_to_stay_with_it(client: TestClient) -> None:
    with TestClient(client.app, base_url="https://testserver") as safe:
        for path in ("/health", "/nothing", "/maps/static/map.js"):
            assert safe.get(path).headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in client.get("/health").headers
