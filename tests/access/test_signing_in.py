"""Signing in: who may, who may not, what a browser is given, and that nothing tells which users exist."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from gismap.access.accounts import add_account, disable, grant, set_password
from gismap.access.callers import COOKIE
from gismap.access.throttle import OF_ADDRESS, OF_USER
from gismap.access.values import Role
from gismap.settings import Settings
from gismap.store.session import make_engine, reading, writing
from gismap.themes.signing_in import local_path
from tests.conftest import Database, fresh_database, key_of, serving

PASSWORD = "correct horse battery"
HOME = {"Origin": "http://testserver"}
PAGE = {"Accept": "text/html,*/*"}
TODAY = Settings().today()
Answer = Any


@pytest.fixture(scope="module")
def people(server: Any, template: str) -> Iterator[Database]:
    """A database with a real (empty) district, and users with passwords in it."""
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.owner_url)
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO district VALUES (true, '邹城市', 'Zoucheng', false)"))
            for name in ("li.na", "wang.wei", "zhao", "sun"):
                add_user(connection, name)
        engine.dispose()
        yield urls


def add_user(connection: Any, name: str, password: str | None = PASSWORD) -> str:
    """An account with a dispatcher's grant; its identity."""
    account_id = add_account(connection, name, f"{name} 女士", password, made_by="test")
    ends_at = datetime.now(UTC) + timedelta(days=1)
    grant(connection, account_id, Role.DISPATCHER, None, ends_at=ends_at, granted_by="test")
    return account_id


@pytest.fixture()
def owner(people: Database) -> Iterator[Engine]:
    engine = make_engine(people.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture()
def browsing(people: Database, owner: Engine) -> Iterator[TestClient]:
    """A browser that nobody has signed in on, or failed to."""
    with writing(owner) as connection:
        connection.execute(text("DELETE FROM sign_in_failure"))
    with serving(people) as client:
        del client.headers["authorization"]
        client.headers.update(HOME)
        yield client


def sign_in(client: TestClient, username: str = "li.na", password: str = PASSWORD, **more: Any) -> Answer:
    return client.post("/api/session", json={"username": username, "password": password}, **more)


def asked_with(client: TestClient, token: str) -> int:
    """The status for whoever sends this cookie and no other, once what is remembered for a second was forgotten."""
    client.app.state.callers.forget(token)  # type: ignore[attr-defined]
    client.cookies.clear()
    return client.get("/api/session", headers={"Cookie": f"{COOKIE}={token}"}).status_code


def entries(owner: Engine, action: str) -> list[dict[str, Any]]:
    with reading(owner) as connection:
        found = connection.execute(
            text("SELECT record FROM audit WHERE record->>'action' = :action ORDER BY seq"), {"action": action}
        )
        return list(found.scalars())


# ── the session and its cookie ─────────────────────────────────────────────────────────────────────────────────────


def test_who_signs_in_is_told_who_they_are(browsing: TestClient) -> None:
    answer = sign_in(browsing)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "username": "li.na",
        "name": "li.na 女士",
        "roles": ["dispatcher"],
        "permissions": [
            "care.count",
            "incident.dispatch",
            "incident.handle",
            "incident.report",
            "locate",
            "see",
            "staff.call",
        ],
        "territories": ["district"],
        "is_visitor": False,
    }
    assert browsing.get("/api/session").json() == answer.json()
    assert browsing.get("/api/layers").status_code == 200


def test_the_cookie_stays_with_our_own_pages_and_out_of_scripts(browsing: TestClient) -> None:
    (cookie,) = SimpleCookie(sign_in(browsing).headers["set-cookie"]).values()
    assert (cookie.key, cookie["path"], cookie["httponly"], cookie["samesite"]) == (COOKIE, "/", True, "strict")
    assert (cookie["secure"], cookie["domain"], len(cookie.value)) == ("", "", 43)
    with TestClient(browsing.app, base_url="https://testserver") as safe:
        headers = sign_in(safe, headers={"Origin": "https://testserver"}).headers
        assert "; Secure" in headers["set-cookie"]


def test_signing_in_again_ends_the_session_before(browsing: TestClient) -> None:
    sign_in(browsing)
    first = browsing.cookies[COOKIE]
    sign_in(browsing, "wang.wei")
    second = browsing.cookies[COOKIE]
    assert first != second
    assert (asked_with(browsing, first), asked_with(browsing, second)) == (401, 200)


def test_signing_out_ends_the_session_and_takes_the_cookie_back(browsing: TestClient, owner: Engine) -> None:
    sign_in(browsing)
    token = browsing.cookies[COOKIE]
    answer = browsing.delete("/api/session")
    assert answer.status_code == 204 and COOKIE not in browsing.cookies
    assert asked_with(browsing, token) == 401
    assert browsing.delete("/api/session").status_code == 204  # there is nothing to end, and nothing wrong
    assert entries(owner, "sign out")[-1]["actor"] == "li.na"


def test_signing_out_everywhere_ends_all_sessions_of_the_account_and_no_others(browsing: TestClient) -> None:
    tokens = []
    for name in ("li.na", "li.na", "wang.wei"):
        browsing.cookies.clear()
        sign_in(browsing, name)
        tokens.append(browsing.cookies[COOKIE])
    browsing.cookies.clear()
    cookie = {"Cookie": f"{COOKIE}={tokens[0]}"}
    assert browsing.delete("/api/session?everywhere=true", headers=cookie).status_code == 204
    assert [asked_with(browsing, token) for token in tokens] == [401, 401, 200]
    assert browsing.delete("/api/session?everywhere=true", headers=cookie).status_code == 401


@pytest.mark.parametrize(
    "moved", ["ends_at = now()", "seen_at = now() - interval '31 minutes'"], ids=["absolute", "idle"]
)
def test_a_session_ends_by_the_clock(browsing: TestClient, owner: Engine, moved: str) -> None:
    sign_in(browsing)
    token = browsing.cookies[COOKIE]
    with writing(owner) as connection:
        connection.execute(text(f"UPDATE session SET {moved} WHERE digest = sha256(:token)"), {"token": token.encode()})
    assert asked_with(browsing, token) == 401


def test_looking_around_keeps_a_session_from_getting_idle_but_not_beyond_its_end(
    browsing: TestClient, owner: Engine
) -> None:
    sign_in(browsing)
    token = browsing.cookies[COOKIE]
    with writing(owner) as connection:
        connection.execute(
            text("UPDATE session SET seen_at = now() - interval '29 minutes' WHERE digest = sha256(:token)"),
            {"token": token.encode()},
        )
    assert asked_with(browsing, token) == 200
    with reading(owner) as connection:
        row = connection.execute(
            text("SELECT now() - seen_at < interval '1 minute', ends_at - made_at FROM session "
                 "WHERE digest = sha256(:token)"),
            {"token": token.encode()},
        ).one()  # fmt: skip
    assert tuple(row) == (True, timedelta(seconds=Settings().session_s))


def test_sessions_end_with_the_account_and_with_its_password(browsing: TestClient, owner: Engine) -> None:
    with writing(owner) as connection:
        account_id = add_user(connection, "leaving")
    for act in (
        lambda connection: set_password(connection, account_id, "another good password", actor="test"),
        lambda connection: disable(connection, account_id, actor="test"),
    ):
        browsing.cookies.clear()
        password = PASSWORD if sign_in(browsing, "leaving").status_code == 200 else "another good password"
        assert sign_in(browsing, "leaving", password).status_code == 200
        token = browsing.cookies[COOKIE]
        with writing(owner) as connection:
            act(connection)
        assert asked_with(browsing, token) == 401
    assert sign_in(browsing, "leaving", "another good password").status_code == 401


def test_many_may_sign_in_at_once(browsing: TestClient) -> None:
    def one(name: str) -> int:
        with TestClient(browsing.app, headers=HOME) as client:  # a cookie jar of its own
            return int(sign_in(client, name).status_code)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, ["li.na", "wang.wei", "zhao", "sun", "li.na"])) == [200] * 5


# ── what is refused ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_password_and_a_missing_user_are_answered_alike_and_throttled_alike(browsing: TestClient) -> None:
    answers = {
        name: [sign_in(browsing, name, "a wrong password") for _ in range(OF_USER + 1)] for name in ("li.na", "nobody")
    }
    for known, unknown in zip(*answers.values(), strict=True):
        assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert [answer.status_code for answer in answers["li.na"]] == [401] * OF_USER + [429]
    assert 1 <= int(answers["nobody"][-1].headers["retry-after"]) <= 900
    assert sign_in(browsing, "li.na").status_code == 429  # with the right password, too
    assert sign_in(browsing, "wang.wei").status_code == 200


def test_whoever_waits_may_try_again_and_success_forgives(browsing: TestClient, owner: Engine) -> None:
    for _ in range(OF_USER):
        sign_in(browsing, "li.na", "a wrong password")
    with writing(owner) as connection:
        connection.execute(text("UPDATE sign_in_failure SET at = at - interval '15 minutes'"))
    for _ in range(OF_USER - 1):
        assert sign_in(browsing, "li.na", "a wrong password").status_code == 401
    assert sign_in(browsing, "li.na").status_code == 200
    assert sign_in(browsing, "li.na", "a wrong password").status_code == 401


def test_an_address_that_tries_many_users_has_to_wait(browsing: TestClient, owner: Engine) -> None:
    with writing(owner) as connection:
        sign_in(browsing, "user-0", "a wrong password")
        connection.execute(
            text("INSERT INTO sign_in_failure (subject) SELECT subject FROM "
                 "(SELECT subject FROM sign_in_failure) s, generate_series(2, :n)"), {"n": OF_ADDRESS},
        )  # fmt: skip
    assert sign_in(browsing, "wang.wei").status_code == 429


def test_attempts_at_once_are_no_way_around_the_throttle(browsing: TestClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: sign_in(browsing, "zhao", "a wrong password").status_code, range(12)))
    assert sorted(statuses) == [401] * OF_USER + [429] * (12 - OF_USER)


def test_what_is_stored_of_failures_names_nobody(browsing: TestClient, owner: Engine) -> None:
    sign_in(browsing, "my-password-in-the-wrong-box", "a wrong password")
    sign_in(browsing, "li.na", "a wrong password")
    with reading(owner) as connection:
        subjects = connection.execute(text("SELECT subject FROM sign_in_failure")).scalars().all()
        log = str(connection.execute(text("SELECT json_agg(record)::text FROM audit")).scalar())
    assert not any("li.na" in subject or "testclient" in subject for subject in subjects)
    assert "my-password" not in log and "a wrong password" not in log and PASSWORD not in log
    assert [entry["actor"] for entry in entries(owner, "failed sign-in")][-2:] == ["nobody", "li.na"]


@pytest.mark.parametrize("spelt", ["LI.NA", "ｌｉ．ｎａ", "  li.na ", "ℓi.na"])
def test_width_and_case_of_a_username_do_not_matter(browsing: TestClient, spelt: str) -> None:
    assert sign_in(browsing, spelt).json()["username"] == "li.na"


def test_a_look_alike_of_another_alphabet_is_another_user(browsing: TestClient) -> None:
    assert sign_in(browsing, "li.nа").status_code == 401  # a Cyrillic а


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"username": "li.na"}, "body"),
        ({"password": PASSWORD}, "body"),
        ({"username": "li.na", "password": PASSWORD, "demo": "viewer"}, "body"),
        ({"username": "li.na", "demo": "viewer"}, "body"),
        ({"username": "li.na", "password": "x" * 1_000_000}, "password"),
        ({"username": "x" * 1_000_000, "password": PASSWORD}, "username"),
        ({"username": "li\0na", "password": PASSWORD}, "username"),
        ({"username": "li\u202ena", "password": PASSWORD}, "username"),
        ({"username": "li.na", "password": "\0"}, "password"),
        ({"username": ["li.na"], "password": PASSWORD}, "username"),
        ({"username": "li.na", "password": {"$ne": ""}}, "password"),
        ({"demo": "root"}, "demo"),
        ({"username": "li.na", "password": PASSWORD, "role": "administrator"}, "role"),
    ],
    ids=range(14),
)
def test_a_body_that_cannot_be_meant_is_refused_at_once(browsing: TestClient, body: dict[str, Any], field: str) -> None:
    began = time.monotonic()
    answer = browsing.post("/api/session", json=body)
    assert time.monotonic() - began < 1
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert PASSWORD not in answer.text


def test_pages_of_other_sites_can_neither_sign_in_nor_out_nor_change_anything(browsing: TestClient) -> None:
    for foreign in (
        "http://evil.example",
        "null",
        "http://testserver.evil.example",
        "http://testserver:81",
        "http://[",
    ):
        assert sign_in(browsing, headers={"Origin": foreign}).status_code == 403, foreign
    form = {"username": "li.na", "password": PASSWORD}
    assert browsing.post("/api/session", data=form).status_code == 415
    sign_in(browsing)
    token = browsing.cookies[COOKIE]
    for foreign in ("http://evil.example", ""):
        headers = {"Origin": foreign}
        assert browsing.delete("/api/session", headers=headers).status_code == 403
        assert browsing.post("/api/resources/search", json={}, headers=headers).status_code == 403
    assert asked_with(browsing, token) == 200


def test_a_page_that_came_in_the_clear_does_not_speak_for_one_that_came_over_tls(browsing: TestClient) -> None:
    with TestClient(browsing.app, base_url="https://testserver") as safe:
        assert sign_in(safe, headers={"Origin": "http://testserver"}).status_code == 403
        assert sign_in(safe, headers={"Origin": "https://testserver"}).status_code == 200
        assert safe.delete("/api/session", headers={"Origin": "http://testserver"}).status_code == 403
    with TestClient(browsing.app) as behind_a_proxy:  # that ends TLS and is not named
        assert sign_in(behind_a_proxy, headers={"Origin": "https://testserver"}).status_code == 200
        for odd in ("ftp://testserver", "testserver", "//testserver"):
            assert sign_in(behind_a_proxy, headers={"Origin": odd}).status_code == 403, odd


def test_a_token_that_was_replayed_after_signing_out_is_nobody(browsing: TestClient) -> None:
    """Also at once, while the caller is remembered, and from another browser."""
    sign_in(browsing)
    token = {"Cookie": f"{COOKIE}={browsing.cookies[COOKIE]}"}
    assert browsing.get("/api/layers").status_code == 200
    browsing.delete("/api/session")
    with TestClient(browsing.app) as another:
        assert another.get("/api/layers", headers=token).status_code == 401


def test_forged_and_foreign_tokens_are_nobody(people: Database, browsing: TestClient) -> None:
    key = key_of(people)
    for token in ("forged", "x" * 5_000, "%00", "' OR true --", key):
        assert asked_with(browsing, token) == 401, token
    sign_in(browsing)
    token = browsing.cookies[COOKIE]
    browsing.cookies.clear()
    assert browsing.get("/api/session", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert browsing.get("/api/session", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert browsing.delete("/api/session", headers={"Authorization": f"Bearer {key}"}).status_code == 403


def test_a_cookie_that_decodes_to_what_no_database_takes_is_nobody(browsing: TestClient) -> None:
    nul = {"Cookie": f'{COOKIE}="\\000"', **HOME}
    assert browsing.get("/api/layers", headers=nul).status_code == 401
    assert browsing.delete("/api/session", headers=nul).status_code == 401
    assert browsing.get("/sign-in", headers=nul).status_code == 200
    assert sign_in(browsing, headers=nul).status_code == 200


def test_an_account_without_a_password_has_no_password(browsing: TestClient, owner: Engine) -> None:
    with writing(owner) as connection:
        add_user(connection, "device", None)
    for password in ("", "nobody has this password", "None"):
        assert sign_in(browsing, "device", password).status_code == 401


# ── demos ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", Role)
def test_a_demo_on_this_machine_has_a_user_of_each_role(furnished: Database, role: Role) -> None:
    with serving(furnished) as client:
        del client.headers["authorization"]
        assert client.get("/api/session").json()["is_visitor"]
        answer = client.post("/api/session", json={"demo": role}).json()
        assert (answer["username"], answer["roles"], answer["is_visitor"]) == (f"demo-{role}", [role], False)


def test_a_disabled_account_of_a_demo_lets_nobody_in(server: Any, template: str) -> None:
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.owner_url)
        with serving(urls) as client:
            del client.headers["authorization"]
            assert client.get("/api/session").json()["is_visitor"]
            assert client.post("/api/session", json={"demo": "planner"}).status_code == 200
        with writing(engine) as connection:
            for account_id in connection.execute(
                text("SELECT account_id FROM account WHERE made_by = 'demo'")
            ).scalars():
                disable(connection, account_id, actor="test")
        engine.dispose()
        with serving(urls) as client:
            del client.headers["authorization"]
            assert client.get("/api/session").status_code == 401
            assert client.post("/api/session", json={"demo": "planner"}).status_code == 401


def test_nowhere_else_is_anybody_let_in_without_a_password(furnished: Database, browsing: TestClient) -> None:
    assert browsing.post("/api/session", json={"demo": "administrator"}).status_code == 403
    with serving(furnished, host="0.0.0.0") as client:
        del client.headers["authorization"]
        assert client.post("/api/session", json={"demo": "viewer"}).status_code == 403


# ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_browser_that_has_to_sign_in_is_led_there_and_back(browsing: TestClient) -> None:
    answer = browsing.get("/maps/one?lang=en", headers=PAGE, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fmaps%2Fone%3Flang%3Den")
    page = browsing.get(answer.headers["location"], headers=PAGE)
    assert page.status_code == 200 and 'data-next="/maps/one?lang=en"' in page.text
    assert "data-role" not in page.text and "gismap user add" not in page.text
    assert browsing.get("/api/layers", headers=PAGE).status_code == 401
    assert browsing.get("/maps/one", headers={"Accept": "*/*"}).status_code == 401


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example", "", "x"],
)
def test_the_way_back_leads_nowhere_else(browsing: TestClient, wanted: str) -> None:
    assert local_path(wanted) == "/"
    assert 'data-next="/"' in browsing.get("/sign-in", params={"next": wanted}).text


def test_what_is_in_the_address_is_no_markup(browsing: TestClient) -> None:
    page = browsing.get("/sign-in", params={"next": '/"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page


def test_the_page_tells_how_to_make_the_first_administrator(database: Database) -> None:
    with serving(database, host="0.0.0.0") as client:
        for language, says in (("zh", "还没有可以用密码登录的账号"), ("en", "Nobody can sign in")):
            page = client.get(f"/sign-in?lang={language}").text
            assert says in page and "gismap user add NAME --role administrator" in page


def test_a_cookie_that_has_ended_does_not_keep_a_visitor_out(furnished: Database) -> None:
    with serving(furnished) as client:
        del client.headers["authorization"]
        client.cookies.set(COOKIE, "ended", domain="testserver.local", path="/")
        assert client.get("/", headers=PAGE, follow_redirects=False).status_code == 303
        client.get("/sign-in")
        assert client.get("/", headers=PAGE, follow_redirects=False).status_code == 200
