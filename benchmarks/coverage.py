"""Checking and mending coverages beside mapshaper and maup on the same files: seconds of CPU, what is found and moved.

    python -m benchmarks.coverage [FILES…] [--mapshaper PATH] [--maup PYTHON]

Files are those of GISMAP_TEST_DATA (or ../shared/data) when none are given, and two made-up layers of 5,000 and 25,000
units. Peers are measured where they are installed: `mapshaper` on PATH or where said, maup by the Python that has it.
CPU is that of the whole process, start of the interpreter and reading the file included.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import shapely
from rich.console import Console
from rich.table import Table

LIMITS_S = {5_000: 3.0, 25_000: 8.0}
"""CPU that a check of so many units may take."""

GRID_M = 200.0
FOLDERS = (os.environ.get("GISMAP_TEST_DATA"), "../shared/data")
NAMES = ("london_lsoa", "denver_precincts2020_orig", "kr_submunicipalities_2013", "nyc_eds_2017")

MAUP = """
import sys, warnings, geopandas, maup
warnings.filterwarnings("ignore")
layer = geopandas.read_file(sys.argv[2])
if sys.argv[1] == "check":
    print("clean" if maup.doctor(layer, silent=True) else "not clean")
else:
    maup.smart_repair(layer).to_file(sys.argv[3]) if hasattr(maup, "smart_repair") else None
"""


@dataclass(frozen=True)
class Run:
    """What a command cost and said."""

    cpu_s: float
    code: int
    output: str


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="Coverage checks and repairs beside peers")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--mapshaper", default=shutil.which("mapshaper"))
    parser.add_argument("--maup", help="a Python with maup installed")
    asked = parser.parse_args()
    checks, repairs = _table("check", "s limit", "found"), _table("repair", "moved m²", "lost", "check after")
    with tempfile.TemporaryDirectory() as folder:
        files = asked.files or [*_real(), *(_lattice(Path(folder), count) for count in LIMITS_S)]
        for file in files:
            units = len(pyogrio.read_dataframe(file, columns=[]))
            _measure_checks(checks, file, units, asked.mapshaper, asked.maup)
            _measure_repairs(repairs, file, Path(folder), asked.mapshaper, asked.maup)
    console = Console(width=130)
    console.print(checks)
    console.print(repairs)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for name in ("file", "units", "tool", "CPU s", *columns):
        table.add_column(name, justify="right" if name in {"units", "CPU s", "s limit", "moved m²", "lost"} else "left")
    return table


def _real() -> list[Path]:
    folder = next((Path(each) / "boundaries" for each in FOLDERS if each and Path(each).is_dir()), None)
    if folder is None:
        print("real boundary files not found (GISMAP_TEST_DATA): only made-up ones are measured", file=sys.stderr)
        return []
    return [folder / f"{name}.gpkg" for name in NAMES]


def _lattice(folder: Path, count: int) -> Path:
    """Squares with bent borders of about 40 vertices; each twentieth is shaken by millimetres, some overlap or lack."""
    rng = np.random.default_rng(count)
    columns = round(count**0.5)
    units = []
    for k in range(count):
        x, y = 500_000 + k % columns * GRID_M, 3_900_000 + k // columns * GRID_M
        ring = shapely.get_coordinates(shapely.segmentize(shapely.box(x, y, x + GRID_M, y + GRID_M), 20.0))
        bent = ring + 8 * np.sin(ring[:, ::-1] / 37.0)
        if k % 20 == 0:
            bent[:-1] += rng.uniform(-0.003, 0.003, bent[:-1].shape)
            bent[-1] = bent[0]
        if k % 500 != 7:
            units.append(shapely.Polygon(bent).buffer(2.0 if k % 400 == 9 else 0.0))
    path = folder / f"lattice_{count}.gpkg"
    codes = [f"{number:06d}" for number in range(len(units))]
    geopandas.GeoDataFrame({"code": codes}, geometry=units, crs=4548).to_file(path, engine="pyogrio")
    return path


def _measure_checks(table: Table, file: Path, units: int, mapshaper: str | None, maup: str | None) -> None:
    run = _run([sys.executable, "-m", "gismap", "coverage", "check", str(file), "--format", "json"])
    summary = json.loads(run.output)["summary"] if run.code < 2 else {}
    limit = next((seconds for count, seconds in LIMITS_S.items() if units <= count), None)
    found = ", ".join(f"{kind} {count}" for kind, count in summary.items()) or "clean"
    table.add_row(file.stem, f"{units:,}", "gismap", f"{run.cpu_s:.2f}", "" if limit is None else f"{limit:.0f}", found)
    if mapshaper:
        run = _run([mapshaper, str(file), "-clean", "gap-fill-area=0", "sliver-control=0"])
        table.add_row("", "", "mapshaper", f"{run.cpu_s:.2f}", "", _last_line(run))
    if maup:
        run = _run([maup, "-c", MAUP, "check", str(file)])
        table.add_row("", "", "maup", f"{run.cpu_s:.2f}", "", _last_line(run))


def _measure_repairs(table: Table, file: Path, folder: Path, mapshaper: str | None, maup: str | None) -> None:
    ours = folder / f"{file.stem}_gismap.gpkg"
    run = _run([sys.executable, "-m", "gismap", "coverage", "repair", str(file), "-o", str(ours)])
    _add_repair(table, file, "gismap", run, ours)
    if mapshaper:
        theirs = folder / f"{file.stem}_mapshaper.geojson"
        run = _run([mapshaper, str(file), "-clean", "-o", str(theirs), "format=geojson"])
        _add_repair(table, file, "mapshaper", run, theirs)
    if maup:
        theirs = folder / f"{file.stem}_maup.gpkg"
        run = _run([maup, "-c", MAUP, "repair", str(file), str(theirs)])
        _add_repair(table, file, "maup", run, theirs)


def _add_repair(table: Table, file: Path, tool: str, run: Run, output: Path) -> None:
    """A row with what the tool did to the file; what moved is measured unit by unit."""
    before = pyogrio.read_dataframe(file)
    if not output.exists():
        table.add_row(file.stem, f"{len(before):,}", tool, f"{run.cpu_s:.2f}", "", "", _last_line(run))
        return
    after = pyogrio.read_dataframe(output)
    lost = len(before) - int((~after.geometry.is_empty & after.geometry.notna()).sum())
    moved = _moved(before, after) if len(after) == len(before) else "units missing"
    check = _run([sys.executable, "-m", "gismap", "coverage", "check", str(output), "--format", "json"])
    summary = json.loads(check.output)["summary"] if check.code < 2 else {}
    left = ", ".join(f"{kind} {count}" for kind, count in summary.items() if kind != "multipart") or "clean"
    table.add_row(file.stem, f"{len(before):,}", tool, f"{run.cpu_s:.2f}", moved, str(lost), left)


def _moved(before: geopandas.GeoDataFrame, after: geopandas.GeoDataFrame) -> str:
    """Half of what changed in all units: what one lost, another gained."""
    if after.crs != before.crs:
        after = after.set_crs(before.crs, allow_override=True)
    one, other = shapely.make_valid(before.geometry.values), shapely.make_valid(after.geometry.values)
    return f"{shapely.area(shapely.symmetric_difference(one, other)).sum() / 2:,.2f}"


def _run(command: list[str]) -> Run:
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime
    return Run(cpu, done.returncode, done.stdout if done.stdout.strip() else done.stderr)


def _last_line(run: Run) -> str:
    lines = [line for line in run.output.splitlines() if line.strip()]
    return lines[-1][:60] if lines else f"exit code {run.code}"


if __name__ == "__main__":
    main()
