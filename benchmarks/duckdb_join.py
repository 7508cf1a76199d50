"""Points joined to grids by DuckDB spatial; a script for an environment with `duckdb` and `duckdb-extension-spatial`.

    VENV/bin/python duckdb_join.py FOLDER  # reads grids.csv, few.npy, hard.npy; writes owners.npy, says figures as JSON

It knows nothing of gismap. One thread; the join makes its own tree of the grids each time, as DuckDB does since 1.3.
"""

import json
import sys
import time
from pathlib import Path

import duckdb
import duckdb_extension_spatial
import numpy as np

ROUNDS = 3

JOIN = """
SELECT p.id AS id, min(g.id) AS grid FROM points p JOIN grid g ON ST_Intersects(g.geom, ST_Point(p.x, p.y))
GROUP BY p.id
"""


def main(folder: Path) -> None:
    """Load, build, join."""
    extension = next(Path(duckdb_extension_spatial.__file__).parent.rglob("spatial.duckdb_extension"))
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute(f"LOAD '{extension}'")
    before, began = memory_mb("VmRSS"), time.process_time()
    columns = "{'id': 'INTEGER', 'wkb': 'VARCHAR'}"
    connection.execute(
        "CREATE TABLE grid AS SELECT id, ST_GeomFromHEXWKB(wkb) AS geom FROM "
        f"read_csv('{folder}/grids.csv', columns = {columns}, header = false, max_line_size = 10000000)"
    )
    build_s, held_mb = time.process_time() - began, memory_mb("VmRSS") - before
    np.save(folder / "owners.npy", owners(connection, np.load(folder / "hard.npy")))
    few, times = np.load(folder / "few.npy"), []
    for _ in range(ROUNDS):
        began = time.process_time()
        owners(connection, few)
        times.append(time.process_time() - began)
    peak_mb = memory_mb("VmHWM") - before
    print(json.dumps({"build_s": build_s, "held_mb": held_mb, "peak_mb": peak_mb, "join_s": min(times)}))


def owners(connection: duckdb.DuckDBPyConnection, asked: np.ndarray) -> np.ndarray:
    """Of every point its first grid, -1 where it has none."""
    points = {"id": np.arange(asked.shape[1]), "x": asked[0], "y": asked[1]}
    connection.register("points", points)
    found = connection.execute(JOIN).fetchnumpy()
    first = np.full(asked.shape[1], -1)
    first[found["id"]] = found["grid"]
    return first


def memory_mb(what: str) -> float:
    """Of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what + ":")) / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]))
