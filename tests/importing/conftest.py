"""What tests of imports share: a published small county, files written as others write them, a short way to import."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pytest
from sqlalchemy import Engine, create_engine, text

from gismap.importing.preparing import Order
from gismap.importing.service import Outcome, import_file
from gismap.publishing import publish
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, normalised_url, reading, writing
from tests.districts import centre, small_county

FIRST, TODAY = date(2026, 1, 1), date(2026, 11, 24)

EMPTIED = """
DELETE FROM import_undo; DELETE FROM assignment; DELETE FROM staff; DELETE FROM element; DELETE FROM street;
DELETE FROM care_forgotten; DELETE FROM seal; DELETE FROM gazetteer_entry; DELETE FROM gazetteer_pending;
DELETE FROM import_mapping; DELETE FROM import_batch; DELETE FROM digital_identity;
ALTER TABLE import_batch ALTER COLUMN batch RESTART WITH 1;
DELETE FROM purpose;
DELETE FROM layer WHERE NOT built_in;
"""


@dataclass(frozen=True)
class Shared:
    """A database that the tests of a module share; each leaves it as it found it, which is quicker than a new one."""

    service: Engine
    owner: Engine

    def empty(self) -> None:
        """Take away what a test imported."""
        with self.owner.begin() as connection:
            connection.execute(text(EMPTIED))


def _shared(server: PrivateServer, template: str, name: str) -> Iterator[Shared]:
    urls = server.create_database(name, template)
    shared = Shared(make_engine(urls.owner_url), create_engine(normalised_url(urls.owner_url)))
    yield shared
    shared.service.dispose()
    shared.owner.dispose()


@pytest.fixture(scope="session")
def shared_empty(server: PrivateServer, template: str) -> Iterator[Shared]:
    yield from _shared(server, template, "importing_empty")


@pytest.fixture(scope="session")
def shared_county(server: PrivateServer, template: str) -> Iterator[Shared]:
    for shared in _shared(server, template, "importing_county"):
        publish_county(shared.service)
        yield shared


@pytest.fixture()
def nowhere(shared_empty: Shared) -> Iterator[Engine]:
    """An engine on a database without any boundaries."""
    yield shared_empty.service
    shared_empty.empty()


@pytest.fixture()
def county(shared_county: Shared) -> Iterator[Engine]:
    """An engine on a database with the small county published; boundaries are not to be changed."""
    yield shared_county.service
    shared_county.empty()


@pytest.fixture()
def own_county(engine: Engine) -> Engine:
    """An engine on a database of one's own with the small county published."""
    publish_county(engine)
    return engine


def publish_county(engine: Engine) -> None:
    """Publish the small county."""
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=TODAY, author="t", reason="t")


def bring(engine: Engine, layer: str, path: Path, *, since: date = TODAY, **options: Any) -> Outcome:
    """Import a file as of today."""
    order = Order(layer, path, options.pop("source", path.name), **options)
    return import_file(engine, order, since=since, actor="tester", far_km=50)


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    """Added, changed, unchanged, rejected."""
    return outcome.counts.added, outcome.counts.changed, outcome.counts.unchanged, outcome.rejected


def reasons(outcome: Outcome) -> list[tuple[int, str]]:
    """Rows and reasons of the rejections."""
    return [(each.row, each.reason) for each in outcome.rejections]


def rows(engine: Engine, sql: str, **params: Any) -> list[tuple[Any, ...]]:
    """What a query answers."""
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(text(sql), params)]


def digest(engine: Engine) -> dict[str, Any]:
    """A digest of every row of the tables that an import writes, but for batches and layer versions."""
    tables = {
        "element": "to_jsonb(t) || jsonb_build_object('geom', geom::text, 'anchor', anchor::text)",
        "building": "to_jsonb(t)",
        "building_unit": "to_jsonb(t)",
        "street": "to_jsonb(t) || jsonb_build_object('geom', geom::text)",
        "staff": "to_jsonb(t)",
        "assignment": "to_jsonb(t)",
    }
    summed = "SELECT md5(string_agg(row::text, '' ORDER BY row::text)) FROM (SELECT {row} AS row FROM {table} t) r"
    return {table: rows(engine, summed.format(table=table, row=row)) for table, row in tables.items()}


def write_csv(path: Path, table: Sequence[Sequence[Any]], encoding: str = "utf-8") -> Path:
    """A CSV file of these rows, the header first."""
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows(table)
    return path


def write_xlsx(path: Path, table: Iterable[Sequence[Any]], sheet: str = "Sheet1") -> Path:
    """A workbook with one sheet of these rows."""
    book = openpyxl.Workbook()
    book.worksheets[0].title = sheet
    for row in table:
        book.worksheets[0].append(list(row))
    book.save(path)
    return path


def write_vector(
    path: Path, columns: Mapping[str, Sequence[Any]], shapes: Sequence[Any], crs: str | None = "EPSG:4490", **how: Any
) -> Path:
    """A vector file in the format of its ending."""
    geopandas.GeoDataFrame(dict(columns), geometry=list(shapes), crs=crs).to_file(path, engine="pyogrio", **how)
    return path


PLACES = [
    ["编号", "名称", "类别", "经度", "纬度", "床位"],
    ["p1", "第三实验小学", "学校", centre(0, 0)[0], centre(0, 0)[1], ""],
    ["p2", "福安养老院", "养老院", centre(1, 1)[0], centre(1, 1)[1], "40"],
]
"""A table of two key places, in the south-west and the north-east grid of the small county."""
