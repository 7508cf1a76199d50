"""`kill -9` of whoever publishes, or of PostgreSQL under it, at any moment: the old revision whole, or the new one."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gismap.boundaries.plan_edits import release_lock
from gismap.boundaries.plan_operations import Merge, Split
from gismap.elements.writing import write_elements
from gismap.planning.enforcing import Answer, ask_to_publish, carry_out_requests
from gismap.planning.proposing import start_plan
from gismap.publishing import publish
from gismap.store.migrate import upgrade
from gismap.store.orphans import holds
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from tests.districts import COMMUNITIES, buildings_in_each_grid, small_county
from tests.planning.conftest import FIRST, TODAY, TOMORROW, edit, line

ONE, TWO = f"{COMMUNITIES[0]}001", f"{COMMUNITIES[0]}002"

# The process that publishes, made to stop for ever where it is told to: before a step, or after the commit.
PUBLISHER = """
import sys, time
from importlib import import_module
from gismap.planning import enforcing
from gismap.settings import Settings
from gismap.store.session import make_engine

url, place = sys.argv[1:]

def stop(*_args, **_more):
    print("here", flush=True)
    time.sleep(600)

if place != "after":
    module, _, name = place.rpartition(".")
    setattr(import_module(module), name, stop)
enforcing.carry_out_requests(make_engine(url), Settings().today())
stop()
"""

PLACES = [
    "gismap.boundaries.revisions.insert_revision",
    "gismap.boundaries.revisions.insert_versions",
    "gismap.publishing.end_assignments",
    "gismap.publishing._announce",
    "gismap.boundaries.plan_talk.close_request",
    "after",
]

STATE = """
SELECT (SELECT max(number) FROM revision) AS revision,
       (SELECT count(*) FROM grid) AS versions,
       (SELECT count(*) FROM lineage WHERE revision = 2) AS links,
       (SELECT count(*) FROM element WHERE since = CAST(:day AS date)) AS moved,
       (SELECT count(*) FROM plan WHERE published_as = 2) AS published,
       (SELECT count(*) FROM publish_request WHERE done_at IS NULL) AS asked,
       (SELECT count(*) FROM audit WHERE record ->> 'action' = 'publish') AS entries,
       (SELECT count(*) FROM element e
        WHERE e.valid @> CAST(:day AS date) AND NOT EXISTS (
            SELECT FROM grid g WHERE g.unit_id = e.unit_id AND g.is_leaf AND g.valid @> CAST(:day AS date)
              AND ST_Intersects(g.geom, e.anchor))) AS astray;
"""

OLD = {"revision": 1, "versions": 8, "links": 0, "moved": 0, "published": 0, "asked": 1, "entries": 1, "astray": 0}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the server's user can reach."""
    with tempfile.TemporaryDirectory(prefix="gismap-killed-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[PrivateServer]:
    """A server of its own, durable, since it is killed."""
    server = PrivateServer(folder)
    server.start()
    upgrade(server.create_database("killed_template").owner_url)
    yield server
    server.stop()


def ask(engine: Engine) -> None:
    """Make a county whose planner has asked for a plan to be published."""
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="planner", reason="first")
        write_elements(connection, buildings_in_each_grid(), source="test", source_crs="EPSG:4490", since=FIRST)
        plan = start_plan(connection, "改", author="li.na", today=TODAY)
        edit(connection, plan, Merge([TWO, ONE]))
        edit(connection, plan, Split(TWO, line((0.6, -0.1), (0.502, 1.5), (0.6, 2.1))))
        release_lock(connection, plan, "li.na")
        ask_to_publish(connection, plan, effective_from=TOMORROW, today=TODAY, actor="li.na", reason="r")


def state(engine: Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        return dict(connection.execute(text(STATE), {"day": TOMORROW}).mappings().one())


@contextmanager
def publishing_up_to(engine: Engine, place: str) -> Iterator[subprocess.Popen[str]]:
    url = engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, url, place], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "here\n"
            yield process
        finally:
            process.kill()


def assert_whole(engine: Engine, place: str) -> None:
    found = state(engine)
    if place != "after":
        assert found == OLD
        # what was asked is still asked, and done as soon as PostgreSQL knows that the other is gone
        answers: list[Answer] = []
        assert holds(lambda: bool(answers.extend(carry_out_requests(engine, TODAY)) or answers), 10)
        assert answers[0].publication is not None
        found = state(engine)
    assert found["moved"] > 0 and found["links"] > 0 and found["versions"] > 8
    assert {**found, "moved": 0, "links": 0, "versions": 8} == OLD | {
        "revision": 2, "published": 1, "asked": 0, "entries": 2,
    }  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_publisher_is_killed(engine: Engine, place: str) -> None:
    ask(engine)
    with publishing_up_to(engine, place) as process:
        assert place == "after" or state(engine) == OLD  # nothing half-done shows to anybody
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert_whole(engine, place)


@pytest.mark.parametrize("place", PLACES[1::2])
def test_postgresql_is_killed(cluster: PrivateServer, folder: Path, place: str) -> None:
    engine = make_engine(cluster.create_database(f"killed_{PLACES.index(place)}", "killed_template").owner_url)
    ask(engine)
    with publishing_up_to(engine, place):
        os.kill(int((folder / "pg" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        cluster.stop()
        cluster.start()
    engine.dispose()
    assert_whole(engine, place)
    engine.dispose()
