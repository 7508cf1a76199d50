"""Runs `gismap …` in this process, without a database, and writes files of areas as others write them."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely

from gismap.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture()
def gismap(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Exit code, stdout and stderr of a command; one that asked for a database would fail."""
    monkeypatch.setenv("GISMAP_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("GISMAP_DATABASE_OWNER_URL", "postgresql://nobody@127.0.0.1:1/none")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gismap", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        output, errors = capfd.readouterr()
        return int(stop.value.code or 0), output, errors

    yield run


def grid_squares(columns: int, rows: int, *, size: float = 0.004) -> list[shapely.Polygon]:
    """Squares near Zoucheng in degrees that cover a patch of land once, from south-west on, row by row."""
    return [
        shapely.box(117 + i * size, 35.4 + j * size, 117 + (i + 1) * size, 35.4 + (j + 1) * size)
        for j in range(rows)
        for i in range(columns)
    ]


def codes(count: int) -> list[str]:
    return [f"370883001001{number:03d}" for number in range(1, count + 1)]


def write_areas(
    path: Path,
    shapes: Sequence[Any],
    columns: Mapping[str, Sequence[Any]] | None = None,
    crs: str | None = "EPSG:4490",
    **how: Any,
) -> Path:
    """A file of areas by its ending; `code` and `name` unless columns are given."""
    given = columns or {"code": codes(len(shapes)), "name": [f"第{i}网格" for i in range(1, len(shapes) + 1)]}
    geopandas.GeoDataFrame(dict(given), geometry=list(shapes), crs=crs).to_file(path, engine="pyogrio", **how)
    return path


def write_features(path: Path, features: Sequence[tuple[Mapping[str, Any], Any]], **members: Any) -> Path:
    """GeoJSON with whatever geometry, also such as no library would write."""
    listed = [{"type": "Feature", "properties": dict(p), "geometry": g} for p, g in features]
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": listed}), encoding="utf-8")
    return path


def square(west: float, south: float, size: float = 0.01) -> dict[str, Any]:
    return json.loads(shapely.to_geojson(shapely.box(west, south, west + size, south + size)))
