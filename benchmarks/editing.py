"""What an edit of a plan costs on a district of 1,600 grids: the check around it, and the whole edit with its counts.

    python -m benchmarks.editing [--side 40] [--edits 200]

The district is made up: a lattice whose corners are shifted and whose borders are bent, 40 vertices a grid, with five
buildings in each. Edits are random splits, mergers, moved borders and corners; each is one transaction of a planner.
The check is timed inside of it, with its look-ups in the database. The check of the whole, which finds the same, is
beside it.
"""

import argparse
import random
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from shapely import LineString, MultiPolygon, Polygon
from sqlalchemy import Engine

from gismap.boundaries.plan_operations import Edit, Merge, Put, Reshape, Rules, Split
from gismap.boundaries.plan_sheet import Sheet
from gismap.boundaries.values import UnitDraft
from gismap.elements.values import BuildingDraft, ElementDraft
from gismap.elements.writing import write_elements
from gismap.errors import GismapError
from gismap.geometry.codes import DEFAULT_SCHEME
from gismap.geometry.errors import GeometryError
from gismap.planning import editing
from gismap.planning.checking import check_around, check_plan
from gismap.planning.proposing import start_plan
from gismap.publishing import publish
from gismap.store.maintenance import refresh_statistics
from gismap.store.migrate import upgrade
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing

MOST_MS = 50
WEST, SOUTH, STEP = 117.0, 35.4, 0.004
BENDS = 10
DAY = date(2026, 1, 1)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="The cost of an edit")
    parser.add_argument("--side", type=int, default=40)
    parser.add_argument("--edits", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gismap-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with PrivateServer(Path(folder)) as urls:
            upgrade(urls.owner_url)
            engine = make_engine(urls.owner_url)
            furnish(engine, arguments.side)
            refresh_statistics(urls.owner_url)
            checks, edits, whole = measure(engine, arguments.edits)
            engine.dispose()
    table = Table(title=f"{arguments.side**2} grids, {len(edits)} edits")
    for column in ("what", "median ms", "p95 ms", "most ms", "at most"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, times, limit in (
        ("check around an edit", checks, f"p95 {MOST_MS}"),
        ("edit with check and counts", edits, ""),
        ("check of the whole", whole, ""),
    ):
        ms = 1000 * np.array(times)
        table.add_row(what, f"{np.median(ms):.1f}", f"{np.percentile(ms, 95):.1f}", f"{ms.max():.1f}", limit)
    Console().print(table)


def measure(engine: Engine, count: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of each check and edit, and of some checks of the whole."""
    rng = random.Random(7)
    checks: list[float] = []
    edits: list[float] = []

    def timed(*args: object) -> object:
        start = time.perf_counter()
        found = check_around(*args)  # type: ignore[arg-type]
        checks.append(time.perf_counter() - start)
        return found

    editing.check_around = timed  # type: ignore[assignment,attr-defined]
    with writing(engine) as connection:
        plan = start_plan(connection, "基准", author="bench", today=DAY)
        leaves = [unit for unit in Sheet(connection, plan, DAY).all() if unit.geom is not None]
    rules = Rules(DEFAULT_SCHEME, "zh")
    while len(edits) < count:
        what = some_edit(rng, leaves)
        before = len(checks)
        try:
            with writing(engine) as connection:
                start = time.perf_counter()
                editing.edit_plan(connection, plan, what, actor="bench", today=DAY, rules=rules)
                edits.append(time.perf_counter() - start)
        except (GismapError, GeometryError):
            del checks[before:]  # a grid that an earlier edit ended, or a line that does not fit
    whole = []
    with reading(engine) as connection:
        for _ in range(5):
            start = time.perf_counter()
            assert check_plan(connection, plan, DAY) == []
            whole.append(time.perf_counter() - start)
    return checks, edits, whole


def some_edit(rng: random.Random, leaves: list[UnitDraft]) -> Edit:
    """A random edit; some cannot be done after others."""
    unit = rng.choice(leaves)
    assert unit.geom is not None
    west, south, east, north = unit.geom.bounds
    lon = west + rng.uniform(0.3, 0.7) * (east - west)
    line = LineString([(lon, south - STEP / 2), (lon + rng.uniform(-1, 1) * STEP / 10, north + STEP / 2)])
    beside = [
        other
        for other in leaves
        if other.key != unit.key and other.geom is not None and other.geom.distance(unit.geom) < 1e-9
    ]
    kind = rng.randrange(5)
    if kind < 2:
        return Split(unit.key, line)
    if kind == 2:
        return Merge([unit.key, rng.choice(beside).key])
    return Reshape(unit.key, rng.choice(beside).key, line) if kind == 3 else Put(unit.key, {"name": "改名"})


def furnish(engine: Engine, side: int) -> None:
    """Store the made-up district."""
    drafts, elements = district(side)
    with writing(engine) as connection:
        publish(connection, drafts, effective_from=DAY, today=DAY, author="bench", reason="bench")
        write_elements(connection, elements, source="bench", source_crs="EPSG:4490", since=DAY)


def district(side: int) -> tuple[list[UnitDraft], list[ElementDraft]]:
    """The made-up district: its units and buildings."""
    rng = np.random.default_rng(1)
    corners = np.stack(np.meshgrid(range(side + 1), range(side + 1), indexing="ij"), -1).astype(float)
    corners[1:-1, 1:-1] += rng.uniform(-0.2, 0.2, (side - 1, side - 1, 2))
    corners = corners * STEP + (WEST, SOUTH)

    def border(a: tuple[int, int], b: tuple[int, int]) -> np.ndarray:
        start, end = corners[a], corners[b]
        bends = np.random.default_rng(hash((a, b)) % 2**32).uniform(-0.03, 0.03, (BENDS + 1, 2)) * STEP
        bends[[0, -1]] = 0
        if 0 in (a[0] + b[0], a[1] + b[1]) or 2 * side in (a[0] + b[0], a[1] + b[1]):
            bends[:] = 0
        line: np.ndarray = start + np.linspace(0, 1, BENDS + 1)[:, None] * (end - start) + bends
        return line

    drafts = [UnitDraft("c", "示例县", 1, code="370883"), UnitDraft("t", "示例镇", 2, "c", code="370883001")]
    elements = []
    for i in range(side):
        code = f"370883001{i + 1:03d}"
        drafts.append(UnitDraft(code, f"社区{i + 1}", 3, "t", code=code))
        for j in range(side):
            a, b, c, d = (i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)
            ring = np.vstack([border(a, b), border(b, c)[1:], border(d, c)[::-1][1:], border(a, d)[::-1][1:]])
            grid = f"{code}{j + 1:03d}"
            drafts.append(UnitDraft(grid, f"网格{grid[-6:]}", 4, code, code=grid, geom=MultiPolygon([Polygon(ring)])))
            for n in range(5):
                at = corners[a] + STEP * np.array([0.3 + 0.1 * n, 0.5])
                elements.append(_building(f"{grid}-{n}", at))
    return drafts, elements


def _building(ref: str, at: np.ndarray) -> ElementDraft:
    lon, lat = at
    shape = Polygon([(lon, lat), (lon + 1e-4, lat), (lon + 1e-4, lat + 1e-4), (lon, lat + 1e-4)])
    return ElementDraft(
        "buildings", ref, shape, category="residential", building=BuildingDraft(None, 6, 20, "residential", ())
    )


if __name__ == "__main__":
    main()
