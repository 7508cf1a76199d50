"""How often one may ask: each caller by themselves, whoever is nobody by address, the time of day without a say."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from gismap.access import pace
from gismap.access.pace import Pace
from gismap.access.sessions import is_token
from gismap.access.throttle import neighbourhood
from gismap.errors import TooManyError
from tests.conftest import Database, key_of, serving

SLOW = {"requests_per_s": 0.01, "request_burst": 3}
"""Three requests, and the next one in a minute and a half."""


class Clock:
    """A clock that goes as told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def allowed(one: Pace, caller: str, tries: int) -> int:
    """How many of so many requests at once are heeded."""
    heeded = 0
    for _ in range(tries):
        try:
            one.take(caller)
            heeded += 1
        except TooManyError as error:
            assert error.retry_after_s >= 1
    return heeded


def test_after_a_burst_requests_are_heeded_at_an_even_rate() -> None:
    clock = Clock()
    one = Pace(50, clock=clock)
    assert allowed(one, "li", 1000) == 250
    clock.now += 1
    assert allowed(one, "li", 1000) == 50
    clock.now += 3600
    assert allowed(one, "li", 1000) == 250
    assert allowed(one, "wang", 1000) == 250


def test_a_clock_that_jumps_back_neither_fills_nor_locks_a_bucket() -> None:
    clock = Clock()
    one = Pace(1, 3, clock=clock)
    assert allowed(one, "li", 9) == 3
    clock.now -= 1_000_000
    assert allowed(one, "li", 9) == 0
    clock.now += 2
    assert allowed(one, "li", 9) == 2


def test_however_many_ask_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "REMEMBERED", 100)
    one = Pace(1, 3, clock=Clock())
    for number in range(1000):
        one.take(f"address-{number}")
        allowed(one, "busy", 1)
    assert len(one._buckets) == 100
    assert allowed(one, "busy", 9) == 0  # who asks all the time is not forgotten


def test_many_at_once_get_no_more_than_one_after_the_other() -> None:
    one = Pace(0.001, 100)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: allowed(one, "li", 50), range(8))) == 100


def test_no_limit_can_be_chosen() -> None:
    assert allowed(Pace(0), "li", 10_000) == 10_000


def test_an_ipv6_network_counts_as_one_address() -> None:
    assert neighbourhood("2001:db8:1:2::1") == neighbourhood("2001:db8:1:2:ffff::9") != neighbourhood("2001:db8:1:3::1")
    assert neighbourhood("192.0.2.1") != neighbourhood("192.0.2.2")


@pytest.fixture()
def slow(furnished: Database) -> Iterator[TestClient]:
    """A service where everybody may ask three times, asked by nobody in particular."""
    with serving(furnished, **SLOW) as client:
        del client.headers["authorization"]
        yield client


def test_each_caller_has_a_bucket_of_their_own(furnished: Database, slow: TestClient) -> None:
    for key in (key_of(furnished), key_of(furnished)):
        answers = [slow.get("/api/layers", headers={"authorization": f"Bearer {key}"}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
        problem = answers[-1].json()
        assert (problem["type"], answers[-1].headers["content-type"]) == ("too-many", "application/problem+json")
        assert 80 <= int(answers[-1].headers["retry-after"]) <= 100
    assert slow.get("/api/layers").status_code == 200


def test_visitors_share_the_bucket_of_their_address_and_not_of_the_visitor(furnished: Database) -> None:
    with serving(furnished, **SLOW) as client:
        statuses = {}
        for address in ("192.0.2.1", "192.0.2.2"):
            guest = TestClient(client.app, client=(address, 1))
            statuses[address] = [guest.get("/api/layers").status_code for _ in range(4)]
        assert list(statuses.values()) == [[200] * 3 + [429]] * 2


def test_whoever_guesses_tokens_is_counted_by_address_and_does_not_slow_down_others(
    furnished: Database, slow: TestClient
) -> None:
    known = {"authorization": f"Bearer {key_of(furnished)}"}
    assert slow.get("/api/layers", headers=known).status_code == 200
    guesses = [f"{number:043d}" for number in range(5)]
    assert all(map(is_token, guesses))
    statuses = [slow.get("/api/layers", headers={"authorization": f"Bearer {guess}"}).status_code for guess in guesses]
    assert statuses == [401] * 3 + [429] * 2
    assert slow.get("/api/layers", headers=known).status_code == 200


def test_signing_in_and_its_page_are_counted_too(slow: TestClient) -> None:
    body = {"username": "li.na", "password": "a wrong password"}
    statuses = [slow.post("/api/session", json=body).status_code for _ in range(2)] + [
        slow.get("/sign-in").status_code for _ in range(2)
    ]
    assert statuses == [401, 401, 200, 429]


def test_health_and_static_files_are_never_counted(slow: TestClient) -> None:
    for path in ("/health", "/ready", "/maps/static/tokens.css"):
        assert {slow.get(path).status_code for _ in range(10)} == {200}, path
