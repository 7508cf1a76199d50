"""Other servers of features on the database of a benchmark, run from an environment of their own; tipg and pygeoapi.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install tipg pygeoapi uvicorn psycopg2-binary sqlalchemy geoalchemy2

They are served a table of leaves in a schema of its own, in the frame that they read
filters in, without the chain and the staff that we answer with.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlencode

from sqlalchemy import Engine, make_url, text

from benchmarks.service import free_port
from gismap.errors import EnvironmentProblemError
from gismap.store.session import writing

START_S = 60

TABLE = """
CREATE SCHEMA peer;
CREATE TABLE peer.leaf AS
SELECT row_number() OVER (ORDER BY code) AS id, code, name,
    CAST(ST_SetSRID(ST_Multi(geom), 4326) AS geometry(MultiPolygon, 4326)) AS geom
FROM grid
WHERE is_leaf AND valid @> CAST(:as_of AS date);
ALTER TABLE peer.leaf ADD PRIMARY KEY (id);
CREATE INDEX ON peer.leaf USING gist (geom);
ANALYZE peer.leaf;
"""

DROP = "DROP SCHEMA IF EXISTS peer CASCADE;"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another server: where it listens, its process, and the ways to ask it for the leaf at a point."""

    name: str
    port: int
    pid: int
    paths: Mapping[str, Callable[[float, float], str]]


@contextmanager
def peer_table(owner: Engine, as_of: date) -> Iterator[None]:
    """The table of leaves of a day, as long as it is needed."""
    with writing(owner) as connection:
        connection.execute(text(DROP))
        connection.execute(text(TABLE), {"as_of": as_of})
    yield
    with writing(owner) as connection:
        connection.execute(text(DROP))


@contextmanager
def tipg(environment: Path, owner_url: str) -> Iterator[Peer]:
    """tipg; asked with a CQL2 filter."""
    url = make_url(owner_url)
    env = {
        "DATABASE_URL": f"postgresql://{url.username}@{quote(str(url.query['host']), safe='')}/{url.database}",
        "TIPG_DB_SCHEMAS": '["peer"]',
    }
    with _served(environment, "tipg.main:app", env) as (port, pid):
        yield Peer(
            "tipg", port, pid, {"as it is": _tipg_path, "no geometry": lambda lon, lat: _tipg_path(lon, lat, "none")}
        )


def _tipg_path(lon: float, lat: float, geometry: str = "geom") -> str:
    question = {"filter": f"S_INTERSECTS(geom,POINT({lon!r} {lat!r}))", "filter-lang": "cql2-text", "f": "geojson"}
    return "/collections/peer.leaf/items?" + urlencode({**question, "geom-column": geometry, "limit": 2})


@contextmanager
def pygeoapi(environment: Path, owner_url: str, folder: Path) -> Iterator[Peer]:
    """pygeoapi; asked with a CQL filter."""
    config, document = folder / "pygeoapi.json", folder / "openapi.yml"
    port = free_port()
    config.write_text(json.dumps(_pygeoapi_config(owner_url, port)))  # JSON is YAML
    env = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(document)}
    generate = [str(environment / "bin" / "pygeoapi"), "openapi", "generate", str(config), "--output-file"]
    subprocess.run([*generate, str(document)], env=os.environ | env, check=True, capture_output=True)
    with _served(environment, "pygeoapi.starlette_app:APP", env, port) as (port, pid):
        yield Peer(
            "pygeoapi",
            port,
            pid,
            {"as it is": _pygeoapi_path, "no geometry": lambda lon, lat: _pygeoapi_path(lon, lat, "true")},
        )


def _pygeoapi_path(lon: float, lat: float, skip: str = "false") -> str:
    question = {"filter": f"INTERSECTS(geom, POINT({lon!r} {lat!r}))", "filter-lang": "cql-text", "f": "json"}
    return "/collections/leaf/items?" + urlencode({**question, "skipGeometry": skip, "limit": 2})


def _pygeoapi_config(owner_url: str, port: int) -> dict[str, object]:
    url = make_url(owner_url)
    address = f"http://127.0.0.1:{port}"
    texts = {"title": "leaves", "description": "leaves", "keywords": ["leaves"]}
    provider = {
        "type": "feature",
        "name": "PostgreSQL",
        "data": {
            "host": url.query["host"],
            "dbname": url.database,
            "user": url.username,
            "password": "",
            "search_path": ["peer", "public"],
        },
        "id_field": "id",
        "table": "leaf",
        "geom_field": "geom",
        "count": False,
    }
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": address,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "language": "en-US",
            "map": {"url": address, "attribution": ""},
            "limits": {"default_items": 10, "max_items": 10},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {**texts, "keywords_type": "theme", "terms_of_service": address, "url": address},
            "license": {"name": "none", "url": address},
            "provider": {"name": "none", "url": address},
            "contact": {"name": "none"},
        },
        "resources": {
            "leaf": {
                "type": "collection",
                **texts,
                "links": [],
                "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}},
                "providers": [provider],
            }
        },
    }


@contextmanager
def _served(environment: Path, app: str, env: dict[str, str], port: int | None = None) -> Iterator[tuple[int, int]]:
    """An application under uvicorn with its fastest parts, one process, as ours is served."""
    port = port or free_port()
    command = [str(environment / "bin" / "python"), "-m", "uvicorn", app, "--port", str(port), "--no-access-log"]
    command += ["--log-level", "warning", "--http", "httptools", "--loop", "asyncio"]
    process = subprocess.Popen(command, env=os.environ | env)
    try:
        _wait_for(f"http://127.0.0.1:{port}/", process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address):
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise EnvironmentProblemError(f"{address} did not start")
