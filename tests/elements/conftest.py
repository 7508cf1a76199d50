"""A small county strewn with elements at random and on its borders, and a second opinion on what lies where."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import LineString, Point
from sqlalchemy import text
from starlette.testclient import TestClient

from gismap.elements.values import ElementDraft, StreetDraft
from gismap.elements.writing import write_elements, write_streets
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.session import make_engine, reading, writing
from tests.conftest import serving
from tests.districts import SOUTH, STEP, WEST, building, small_county

FIRST = date(2026, 1, 1)
NAMES = ("实验小学", "100%纯棉_厂", "反\\斜杠", "引'号\"店", "🏠之家", "Café École")
CATEGORIES = ("school", "factory", None)


@dataclass(frozen=True)
class Scattered:
    """The application on the strewn county, and its elements as plain arrays."""

    client: TestClient
    ids: np.ndarray
    lonlat: np.ndarray
    rows: list[dict[str, Any]]

    def search(self, **body: Any) -> dict[str, Any]:
        answer = self.client.post("/api/resources/search", json={"limit": 1000, **body})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def found(self, **body: Any) -> set[str]:
        answer = self.search(**body)
        ids = [feature["id"] for feature in answer["features"]]
        assert len(ids) == len(set(ids)) and answer["next"] is None
        return set(ids)

    def where(self, mask: np.ndarray) -> set[str]:
        return set(self.ids[mask])


def strewn_elements() -> list[ElementDraft]:
    """400 buildings and places up to a quarter of a cell beyond the county, and 25 on its vertices and edges."""
    rng = Random(1)
    spots = [
        (rng.uniform(WEST - STEP / 4, WEST + 2.25 * STEP), rng.uniform(SOUTH - STEP / 4, SOUTH + 2.25 * STEP))
        for _ in range(400)
    ]
    spots += [(WEST + STEP * i / 2, SOUTH + STEP * j / 2) for i in range(5) for j in range(5)]
    return [
        building(str(n), lon, lat, households=n % 40, name=NAMES[n % 6])
        if n % 3 == 0
        else ElementDraft(
            ("key_places", "supplies")[n % 2],
            str(n),
            Point(lon, lat),
            category=CATEGORIES[n % 3],
            name=NAMES[n % 6],
            attributes={"beds": n % 10, "kind": f"k{n % 4}", "open": n % 2 == 0},
        )
        for n, (lon, lat) in enumerate(spots)
    ]


@pytest.fixture(scope="session")
def scattered(server: Any, template: str) -> Iterator[Scattered]:
    """The strewn county; to be read only."""
    urls = server.create_database("scattered", template)
    engine = make_engine(urls.owner_url)
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=FIRST, today=Settings().today(), author="t", reason="t")
        write_elements(connection, strewn_elements(), source="test", source_crs="EPSG:4490", since=FIRST)
        north, east = SOUTH + 2 * STEP, WEST + 2 * STEP
        write_streets(
            connection,
            [
                StreetDraft("1", LineString([(WEST, SOUTH), (WEST + STEP, SOUTH + STEP / 2)]), "primary", "人民路"),
                StreetDraft("2", LineString([(WEST + STEP, SOUTH + STEP), (east, north)]), "primary", "人民路"),
                StreetDraft("3", LineString([(WEST, north), (east, SOUTH)]), "lane", "书院巷"),
            ],
            source="test",
        )
    with reading(engine) as connection:
        rows = connection.execute(
            text("""
                SELECT element_id, layer, category, name, attributes, ST_X(anchor) AS lon, ST_Y(anchor) AS lat,
                       floors, households, use
                FROM element LEFT JOIN building USING (version_id) ORDER BY element_id
            """)
        )
        elements = [dict(row) for row in rows.mappings()]
    engine.dispose()
    with serving(urls) as client:
        yield Scattered(
            client,
            np.array([row["element_id"] for row in elements]),
            np.array([(row["lon"], row["lat"]) for row in elements]),
            elements,
        )


def points(scattered: Scattered) -> np.ndarray:
    """The anchors as shapely points."""
    return np.asarray(shapely.points(scattered.lonlat))
