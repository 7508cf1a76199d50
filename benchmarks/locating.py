"""Points located in bulk beside four others: points/s of CPU, time to build, memory, and equal answers.

    python -m benchmarks.locating [--grids 1600 100000] [--points 10000000] [--sample 200000] [--peers VENV]

Grids are irregular, with borders of many vertices that neighbours share exactly. All are asked with two arrays of
numbers, the best of three times counts, and peers answer a sample. Answers are compared on another sample, of which
half are vertices and points on borders or right beside them. PostGIS joins in a server of its own, with its points and
its index in place; what it holds is the index, its peak that of the backend. DuckDB comes from an environment that has
`duckdb` and `duckdb-extension-spatial` (VENV).
"""

import argparse
import ctypes
import gc
import io
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import psycopg2
import shapely
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.service import cpu_s
from gismap.geometry.ground import Shapes
from gismap.geometry.locator import Locator
from gismap.store.server import PrivateServer

WEST, SOUTH, WIDTH = 116.8, 35.2, 0.5
BENDS = 14
"""Vertices between the ends of every border: 61 to a grid, as in the demo county of Zoucheng."""

ROUNDS = 3

Points = NDArray[np.float64]
"""Longitudes and latitudes, (2, n)."""

Owners = Callable[[Points], NDArray[np.integer]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one way of locating took; CPU seconds, and megabytes beyond what there was before."""

    name: str
    build_s: float
    held_mb: float
    peak_mb: float
    points_per_s: float
    mismatches: int


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Points located in bulk")
    parser.add_argument("--grids", type=int, nargs="+", default=[1_600, 100_000])
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--sample", type=int, default=200_000)
    parser.add_argument("--peers", type=Path, help="an environment with DuckDB spatial")
    arguments = parser.parse_args()
    if arguments.peers is None:
        print("no DuckDB: name an environment that has it with --peers")
    table = Table(title=f"{arguments.points:,} random points, peers {arguments.sample:,}; one core")
    for column in ("grids", "with", "points/s", "times sjoin", "build s", "held MB", "peak MB", "other answers"):
        table.add_column(column, justify="left" if column == "with" else "right")
    for number in arguments.grids:
        rows = _measure(irregular_grids(number), arguments.points, arguments.sample, arguments.peers)
        sjoin = rows[0].points_per_s
        for row in rows:
            table.add_row(
                f"{number:,}",
                row.name,
                f"{row.points_per_s:,.0f}",
                f"{row.points_per_s / sjoin:,.0f}",
                f"{row.build_s:.2f}",
                f"{row.held_mb:,.0f}",
                f"{row.peak_mb:,.0f}",
                f"{row.mismatches:,}",
            )
        table.add_section()
    Console(width=110).print(table)


def irregular_grids(number: int, seed: int = 0) -> Shapes:
    """About `number` grids between lines that wander, over half a degree."""
    side = round(number**0.5)
    step, rng = WIDTH / side, np.random.default_rng(seed)
    at = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1), indexing="ij"), axis=-1).astype(float)
    corners = np.array([WEST, SOUTH]) + (at + rng.uniform(-0.3, 0.3, at.shape)) * step
    east = _bent(corners[:-1], corners[1:], step, rng)  # from each corner to the next one east
    north = _bent(corners[:, :-1], corners[:, 1:], step, rng)
    rings = np.concatenate(
        [east[:, :-1], north[1:], east[:, 1:, ::-1], north[:-1, :, ::-1], corners[:-1, :-1, None]], axis=2
    )
    cells = rings.reshape(side * side, -1, 2)
    return np.asarray(shapely.polygons(cells))


def _bent(
    start: NDArray[np.float64], end: NDArray[np.float64], step: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Borders from start on, without their ends, with vertices beside the straight line."""
    parts = np.linspace(0, 1, BENDS + 2)[:-1, None]
    line = start[..., None, :] * (1 - parts) + end[..., None, :] * parts
    line[..., 1:, :] += rng.uniform(-0.05, 0.05, line[..., 1:, :].shape) * step
    return np.asarray(line)


def _measure(grids: Shapes, points: int, sample: int, environment: Path | None) -> list[Measured]:
    many, few = _random_points(points), _random_points(sample)
    hard = np.hstack([few[:, : sample // 2], _border_points(grids, sample // 2)])
    truth = _with_tree(grids)(hard)
    ways = (
        ("geopandas sjoin", _with_sjoin, few),
        ("shapely STRtree", _with_tree, few),
        ("gismap", _with_locator, many),
    )
    rows = [_measured(name, build, grids, asked, hard, truth) for name, build, asked in ways]
    rows.append(_postgis(grids, few, hard, truth))
    if environment is not None:
        rows.append(_duckdb(environment, grids, few, hard, truth))
    return rows


def _measured(
    name: str, build: Callable[[Shapes], Owners], grids: Shapes, asked: Points, hard: Points, truth: NDArray[np.integer]
) -> Measured:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before must not hide what is taken now
    before = _memory_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    began = time.process_time()
    owners = build(grids)
    built = time.process_time()
    gc.collect()
    held, peak = _memory_mb("VmRSS") - before, _memory_mb("VmHWM") - before
    mismatches = int((owners(hard) != truth).sum())
    fastest_s = min(_cpu_s(owners, asked) for _ in range(ROUNDS))
    return Measured(name, built - began, held, peak, asked.shape[1] / fastest_s, mismatches)


def _cpu_s(owners: Owners, asked: Points) -> float:
    began = time.process_time()
    owners(asked)
    return time.process_time() - began


def _with_locator(grids: Shapes) -> Owners:
    locator = Locator([f"{k:06d}" for k in range(len(grids))], grids)
    return lambda points: locator.owners(points[0], points[1])


def _with_tree(grids: Shapes) -> Owners:
    tree = shapely.STRtree(grids)
    tree.query(grids[0])  # it is built by the first question
    return lambda points: _first(points.shape[1], *tree.query(shapely.points(*points), predicate="intersects"))


def _with_sjoin(grids: Shapes) -> Owners:
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(grids), crs=4490)
    frame.sindex.query(grids[0])

    def owners(points: Points) -> NDArray[np.integer]:
        asked = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*points), crs=4490)
        joined = asked.sjoin(frame, predicate="intersects")
        return _first(points.shape[1], joined.index.to_numpy(), joined["index_right"].to_numpy())

    return owners


def _postgis(grids: Shapes, few: Points, hard: Points, truth: NDArray[np.integer]) -> Measured:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        urls = stack.enter_context(PrivateServer(Path(folder), durable=False))
        connection = stack.enter_context(closing(psycopg2.connect(urls.owner_url.replace("+psycopg2", ""))))
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0")
        cursor.execute("CREATE TEMP TABLE grid (id int, geom geometry)")
        cursor.copy_expert("COPY grid FROM STDIN", _lines(enumerate(shapely.to_wkb(grids, hex=True))))
        began = _database_s()
        cursor.execute("CREATE INDEX ON grid USING gist (geom)")
        cursor.execute("ANALYZE grid")
        built = _database_s()
        cursor.execute("SELECT pg_relation_size('grid_geom_idx') / 1e6")
        held = float(cursor.fetchone()[0])
        fastest_s = min(_joined_s(cursor, few) for _ in range(ROUNDS))
        _joined_s(cursor, hard)
        cursor.execute("SELECT coalesce(grid, -1) FROM point LEFT JOIN owner USING (id) ORDER BY id")
        mismatches = int((np.array(cursor.fetchall())[:, 0] != truth).sum())
        peak = _memory_mb("VmHWM", connection.info.backend_pid)
    return Measured("PostGIS join", built - began, held, peak, few.shape[1] / fastest_s, mismatches)


def _joined_s(cursor: psycopg2.extensions.cursor, asked: Points) -> float:
    """CPU of the database for a join whose points are there already."""
    cursor.execute("DROP TABLE IF EXISTS point, owner; CREATE TEMP TABLE point (id int, geom geometry)")
    located = shapely.to_wkb(shapely.points(*asked), hex=True)
    cursor.copy_expert("COPY point FROM STDIN", _lines(enumerate(located)))
    cursor.execute("ANALYZE point")
    began = _database_s()
    cursor.execute(
        "CREATE TEMP TABLE owner AS SELECT point.id, min(grid.id) AS grid "
        "FROM point JOIN grid ON ST_Intersects(grid.geom, point.geom) GROUP BY point.id"
    )
    return _database_s() - began


def _lines(rows: Iterable[tuple[int, str]]) -> io.StringIO:
    return io.StringIO("".join(f"{number}\t{shape}\n" for number, shape in rows))


def _database_s() -> float:
    return cpu_s(os.getpid())[1]


def _duckdb(environment: Path, grids: Shapes, few: Points, hard: Points, truth: NDArray[np.integer]) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        rows = enumerate(shapely.to_wkb(grids, hex=True))
        (Path(folder) / "grids.csv").write_text("".join(f"{number},{shape}\n" for number, shape in rows))
        np.save(Path(folder) / "few.npy", few)
        np.save(Path(folder) / "hard.npy", hard)
        script = Path(__file__).with_name("duckdb_join.py")
        command = [str(environment / "bin" / "python"), str(script), folder]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        mismatches = int((np.load(Path(folder) / "owners.npy") != truth).sum())
    rate = few.shape[1] / said["join_s"]
    return Measured("DuckDB spatial", said["build_s"], said["held_mb"], said["peak_mb"], rate, mismatches)


def _first(number: int, points: NDArray[np.integer], grids: NDArray[np.integer]) -> NDArray[np.integer]:
    """Of every point the first of its grids, -1 where it has none."""
    first = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first, points, grids)
    return np.where(first == np.iinfo(np.int64).max, -1, first)


def _random_points(number: int, seed: int = 1) -> Points:
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(WEST, WEST + WIDTH, number), rng.uniform(SOUTH, SOUTH + WIDTH, number)])


def _border_points(grids: Shapes, number: int) -> Points:
    """Vertices, midpoints and the doubles next to them."""
    xy, ring = shapely.get_coordinates(grids, return_index=True)
    rng = np.random.default_rng(2)
    start = rng.choice(np.flatnonzero(ring[1:] == ring[:-1]), number)
    places = np.where(rng.random((number, 1)) < 0.5, xy[start], (xy[start] + xy[start + 1]) / 2)
    toward = rng.choice([-np.inf, np.inf], places.shape)
    return np.ascontiguousarray(np.where(rng.random(places.shape) < 0.3, np.nextafter(places, toward), places).T)


def _memory_mb(what: str, pid: int | None = None) -> float:
    status = Path(f"/proc/{pid or 'self'}/status").read_text()
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith(what + ":")) / 1024


if __name__ == "__main__":
    main()
