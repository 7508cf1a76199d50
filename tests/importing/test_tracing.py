"""In which frame a file is: told by names and addresses that are known, with wrong and missing ones among them."""

import csv
from pathlib import Path
from random import Random

import pytest
from pyproj import Transformer
from sqlalchemy import Engine, text

from gismap.errors import BadInputError
from gismap.geometry.datums import gcj02_to_bd09, wgs84_to_gcj02
from gismap.geometry.detective import Outcome
from gismap.importing.preparing import Order
from gismap.importing.tracing import describe, trace_frame
from gismap.settings import Settings
from gismap.store.session import reading

TODAY = Settings().today()


def as_(crs: str, lon: float, lat: float) -> tuple[float, float]:
    if crs == "gcj02":
        x, y = wgs84_to_gcj02(lon, lat)
    elif crs == "bd09":
        x, y = gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))
    elif crs == "wgs84":
        return lon, lat
    else:
        x, y = Transformer.from_crs(4490, crs, always_xy=True).transform(lon, lat)
    return float(x), float(y)


def places(engine: Engine) -> list[tuple[str, float, float]]:
    with reading(engine) as connection:
        rows = connection.execute(
            text("""
                SELECT max(name) AS name, max(ST_X(anchor)) AS lon, max(ST_Y(anchor)) AS lat FROM element
                WHERE layer = 'key_places' AND name IS NOT NULL GROUP BY name HAVING count(*) = 1 ORDER BY name
            """)
        )
        return [(row.name, row.lon, row.lat) for row in rows]


def a_file(folder: Path, rows: list[tuple[str, float, float]], heads: tuple[str, ...] = ("名称", "x", "y")) -> Path:
    path = folder / "places.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heads, *rows])
    return path


@pytest.mark.parametrize("crs", ["wgs84", "gcj02", "bd09", "EPSG:4549", "EPSG:4528"])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_frame_of_a_file_is_told_by_its_names(
    luodian_engine: Engine, tmp_path: Path, crs: str, swapped: bool
) -> None:
    rng = Random(1)
    rows = []
    for number, (name, lon, lat) in enumerate(places(luodian_engine)[:60]):
        wrong = rng.uniform(-0.01, 0.01) if number % 5 == 0 else 0.0  # every fifth is somewhere else
        x, y = as_(crs, lon + wrong + rng.gauss(0, 1e-4), lat - wrong + rng.gauss(0, 1e-4))
        rows.append((name, *((y, x) if swapped else (x, y))))
    with reading(luodian_engine) as connection:
        path = a_file(tmp_path, [*rows, ("不认识的地方", 1.0, 2.0)])
        trace = trace_frame(connection, Order("buildings", path, "t"), TODAY)
    assert trace.finding.outcome is Outcome.DECIDED and trace.finding.hypothesis is not None
    assert (trace.finding.hypothesis.frame.name, trace.finding.hypothesis.swapped) == (crs, swapped)
    assert trace.finding.evidence[0].median_m < 40 and trace.rows == len(rows) + 1
    assert ("swapped" in describe(trace.finding.hypothesis)) == swapped


def test_too_few_known_names_decide_nothing(luodian_engine: Engine, tmp_path: Path) -> None:
    with reading(luodian_engine) as connection:
        known = places(luodian_engine)[:3]
        trace = trace_frame(connection, Order("buildings", a_file(tmp_path, known), "t"), TODAY)
        assert trace.finding.outcome is Outcome.TOO_FEW and trace.finding.hypothesis is None
        with pytest.raises(BadInputError, match="names or addresses"):
            path = a_file(tmp_path, known, ("号", "x", "y"))
            trace_frame(connection, Order("buildings", path, "t"), TODAY)
