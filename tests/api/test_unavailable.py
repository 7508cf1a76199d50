"""A slow question, an exhausted pool, a database that is away: 503 with Retry-After, and the service stays up."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from gismap.store.migrate import upgrade
from gismap.store.orphans import holds
from gismap.store.server import DatabaseUrls, PrivateServer
from tests.conftest import serving


@contextmanager
def locked_elements(database: DatabaseUrls) -> Iterator[None]:
    """While the block runs, every question about elements waits."""
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE element IN ACCESS EXCLUSIVE MODE"))
        yield
    engine.dispose()


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"] == "unavailable"


def test_a_question_that_takes_too_long_is_ended_and_the_next_is_answered(database: DatabaseUrls) -> None:
    with serving(database, statement_timeout_ms=150, pool_size=1) as client:
        with locked_elements(database):
            answer = client.get("/api/resources")
            assert_unavailable(answer)
            assert "took too long" in answer.json()["detail"]
        assert client.get("/api/resources").status_code == 200


def test_with_every_connection_taken_the_answer_comes_within_two_seconds(database: DatabaseUrls) -> None:
    with (
        serving(database, statement_timeout_ms=60_000, pool_size=2) as client,
        ThreadPoolExecutor(4) as threads,
        locked_elements(database),
    ):
        taken = [threads.submit(client.get, "/api/resources") for _ in range(2)]
        assert holds(lambda: client.app.state.engine.pool.checkedout() == 2, 5)  # type: ignore[attr-defined]
        begun = time.monotonic()
        waiting = threads.submit(client.get, "/api/layers")
        health = client.get("/health")
        assert health.status_code == 200 and time.monotonic() - begun < 0.25
        assert_unavailable(waiting.result())
        assert time.monotonic() - begun < 2
    assert [answer.result().status_code for answer in taken] == [200, 200]


def test_a_crowd_before_an_exhausted_pool_is_turned_away_as_fast(database: DatabaseUrls) -> None:
    with (
        serving(database, statement_timeout_ms=60_000, pool_size=2, pool_timeout_s=0.5) as client,
        ThreadPoolExecutor(100) as threads,
        locked_elements(database),
    ):
        crowd = [threads.submit(client.get, "/api/resources") for _ in range(100)]
        done, waiting = wait(crowd, timeout=6)
        assert len(waiting) == 2  # which hold the connections
        for answer in done:
            assert_unavailable(answer.result())


def test_a_database_that_is_away_is_said_and_its_return_is_noticed() -> None:
    with tempfile.TemporaryDirectory(prefix="gismap-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = PrivateServer(Path(folder), durable=False)
        urls = server.start()
        try:
            upgrade(urls.owner_url)
            with serving(urls) as client:
                assert client.get("/ready").json()["status"] == "ready"
                server.stop()
                for path in ("/ready", "/api/layers", "/api/locate?x=117&y=35"):
                    assert_unavailable(client.get(path))
                assert client.get("/health").json() == {"status": "ok"}
                server.start()
                assert client.get("/api/layers").status_code == 200
        finally:
            server.stop()


def test_a_database_of_another_version_is_not_ready(server: PrivateServer) -> None:
    with serving(server.create_database("without_schema"), key="none") as client:
        answer = client.get("/ready")
        assert_unavailable(answer)
        assert "schema none" in answer.json()["detail"]
