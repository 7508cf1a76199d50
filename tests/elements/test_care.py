"""Persons in care: never a feature, never a small count, and nothing that subtracting answers would tell."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import box
from sqlalchemy import text
from starlette.testclient import TestClient

from gismap.elements.suppression import THRESHOLD, withheld
from gismap.settings import Settings
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading
from tests.conftest import serving
from tests.districts import COMMUNITIES, COUNTY, SOUTH, STEP, WEST, cell, centre
from tests.furnished import IN_CARE, furnish_with_care

TODAY = Settings().today()
CELLS = {COMMUNITIES[column] + f"{row + 1:03d}": cell(column, row) for column in range(2) for row in range(2)}


@dataclass(frozen=True)
class Cared:
    """The application on a county with persons in care, their identities, and what is published of them by unit."""

    client: TestClient
    secrets: set[str]
    published: dict[tuple[str, str], int | None]

    def search(self, **body: Any) -> dict[str, Any]:
        answer = self.client.post("/api/resources/search", json=body)
        assert answer.status_code == 200, answer.text
        assert not any(secret in answer.text for secret in self.secrets)
        return dict(answer.json())


@pytest.fixture(scope="module")
def cared(server: PrivateServer, template: str) -> Iterator[Cared]:
    urls = server.create_database("cared", template)
    engine = make_engine(urls.owner_url)
    furnish_with_care(engine, today=TODAY)
    with reading(engine) as connection:
        secrets = connection.execute(text("SELECT element_id FROM element WHERE layer = 'care_persons'")).scalars()
        counts = connection.execute(text("SELECT code, category, shown FROM care_count JOIN grid USING (unit_id)"))
        cared = Cared(None, set(secrets), {(row.code, row.category): row.shown for row in counts})  # type: ignore[arg-type]
    engine.dispose()
    with serving(urls) as client:
        yield Cared(client, cared.secrets, cared.published)


def test_a_person_in_care_is_no_feature_whatever_is_asked(cared: Cared) -> None:
    assert len(cared.secrets) == sum(IN_CARE.values())
    lon, lat = centre(0, 0)
    areas: list[dict[str, Any]] = [
        {},
        {"area": {"unit": COUNTY}},
        {"area": {"unit": COMMUNITIES[0] + "001"}},
        {"area": {"bbox": [lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4]}},
        {"area": {"circle": {"center": [lon, lat], "radius_m": 1}}},
        {"area": {"polygon": [shapely.geometry.mapping(cell(0, 0))["coordinates"][0]]}},
        {"area": {"corridor": {"line": [[lon, lat], [lon + 0.01, lat]], "half_width_m": 5}}},
        {"nearest": {"point": [lon, lat], "k": 1000}},
    ]
    filters: list[dict[str, Any]] = [
        {},
        {"layers": ["care_persons"]},
        {"layers": ["key_persons", "buildings", "staff"]},
        {"category": ["living_alone_elderly", "disability", "left_behind_child"]},
        {"attributes": {"x": 1}},
    ]
    for area, filter_ in itertools.product(areas, filters):
        body = area | {"filter": filter_, "limit": 1000}
        if "nearest" in area and {"care_persons", "key_persons"} & set(filter_.get("layers", [])):
            assert cared.client.post("/api/resources/search", json=body).status_code == 400
            continue
        answer = cared.search(**body)
        assert {feature["properties"]["layer"] for feature in answer["features"]} <= {"buildings"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/resources?limit=1000",
        "/api/resources?layers=care_persons&counts=true&limit=1000",
        "/api/resources?layers=key_persons&name=a",
        "/api/resources?layers=care_persons&cursor=WyIyMDI2LTExLTIwIiwiY2FyZV9wZXJzb25zIiwiMCJd",
        f"/api/grids/{COUNTY}",
        f"/api/grids/{COMMUNITIES[0]}001",
        f"/api/grids/{COMMUNITIES[0]}001/history",
        "/api/locate?x=117.005&y=35.405&near=buildings:50,staff:50,key_places:50",
        "/api/layers",
        "/maps/one",
    ],
)
def test_no_page_names_a_person_in_care(cared: Cared, path: str) -> None:
    answer = cared.client.get(path)
    assert answer.status_code == 200
    assert not any(secret in answer.text for secret in cared.secrets)


def told(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(answer["counts"]["care_persons"])


def test_a_unit_tells_what_is_published_of_it(cared: Cared) -> None:
    for code in CELLS:
        expected = {category or "total": "withheld" if shown is None else shown
                    for (leaf, category), shown in cared.published.items() if leaf == code}  # fmt: skip
        assert told(cared.search(area={"unit": code}, counts=True)) == expected
        assert cared.client.get(f"/api/grids/{code}").json()["care_persons"]["counts"] == expected
    assert told(cared.search(area={"unit": COUNTY}, counts=True))["total"] == 48
    assert told(cared.search(counts=True)) == told(cared.search(area={"unit": COUNTY}, counts=True))


@pytest.mark.parametrize("width", [1e-5, 1e-3, STEP * 0.999])
def test_a_shape_that_holds_no_whole_grid_tells_nothing(cared: Cared, width: float) -> None:
    lon, lat = centre(0, 0)
    shape = box(lon - width / 2, lat - width / 2, lon + width / 2, lat + width / 2)
    for area in ({"bbox": list(shape.bounds)}, {"polygon": shapely.geometry.mapping(shape)},
                 {"circle": {"center": [lon, lat], "radius_m": width * 45_000}}):  # fmt: skip
        answer = cared.search(area=area, counts=True)
        assert told(answer) == {"total": "< 5"} and answer["care"]["units_counted"] == 0


def test_in_a_circle_or_corridor_too_only_whole_grids_are_told(cared: Cared) -> None:
    code, (lon, lat) = COMMUNITIES[0] + "001", centre(0, 0)
    farthest_m = Geod(ellps="GRS80").inv(lon, lat, WEST, SOUTH)[2]
    short = [[lon, lat], [lon + 1e-6, lat]]
    for metres, counted in ((farthest_m - 1, 0), (farthest_m * 1.03, 1)):
        circle = cared.search(area={"circle": {"center": [lon, lat], "radius_m": metres}}, counts=True)
        corridor = cared.search(area={"corridor": {"line": short, "half_width_m": metres}}, counts=True)
        for answer in (circle, corridor):
            assert answer["care"]["units_counted"] + answer["care"]["units_withheld"] == counted
            assert told(answer)["total"] == ((counted and cared.published[code, ""]) or "< 5")


def test_a_winding_line_is_answered_in_time(cared: Cared) -> None:
    winding = [[WEST + 1e-6 * n, SOUTH + 2 * STEP * (n % 2)] for n in range(5000)]
    answer = cared.search(area={"corridor": {"line": winding, "half_width_m": 5000}}, counts=True)
    assert answer["counts"]["buildings"] == {"residential": 12}
    assert told(answer)["total"] == cared.published[COUNTY, ""] and answer["care"]["units_counted"] == 1


@given(
    st.floats(WEST - STEP, WEST + STEP),
    st.floats(SOUTH - STEP, SOUTH + STEP),
    st.floats(STEP / 2, 3 * STEP),
    st.floats(STEP / 2, 3 * STEP),
)
@settings(max_examples=40, deadline=None)
def test_a_free_shape_adds_up_what_is_published_of_the_largest_whole_units_and_nothing_else(
    cared: Cared, west: float, south: float, width: float, height: float
) -> None:
    """So the difference of two shapes is made of published figures too, and tells nothing that they do not."""
    shape = box(west, south, west + width, south + height)
    inside = {code for code, square in CELLS.items() if shape.covers(square)}
    for community in COMMUNITIES:
        if {community + "001", community + "002"} <= inside:
            inside = inside - {community + "001", community + "002"} | {community}
    inside = {COUNTY} if inside >= set(COMMUNITIES) else inside
    expected: Counter[str] = Counter()
    for (code, category), shown in cared.published.items():
        if code in inside:
            expected[category or "total"] += shown or 0
    for area in ({"bbox": list(shape.bounds)}, {"polygon": shapely.geometry.mapping(shape)}):
        counts = told(cared.search(area=area, counts=True))
        assert counts == ({key: n or "< 5" for key, n in expected.items()} or {"total": "< 5"})


def test_filters_that_only_elements_have_tell_no_count_of_persons(cared: Cared) -> None:
    for filter_ in ({"name": "1"}, {"attributes": {"beds": 1}}, {"floors": {"min": 1}}, {"use": "residential"}):
        answer = cared.search(filter=filter_, counts=True)
        assert "care_persons" not in answer["counts"] and "care" not in answer


def test_a_category_is_told_alone_as_it_is_told_among_others(cared: Cared) -> None:
    together = told(cared.search(area={"unit": COUNTY}, counts=True))
    alone = told(cared.search(area={"unit": COUNTY}, filter={"category": ["living_alone_elderly"]}, counts=True))
    assert alone == {"living_alone_elderly": together["living_alone_elderly"]}


def test_before_any_count_was_published_nothing_is_told(cared: Cared) -> None:
    assert cared.search(area={"unit": COUNTY}, counts=True)["care"]["month"] == TODAY.replace(day=1).isoformat()
    answer = cared.search(area={"unit": COUNTY}, counts=True, as_of="2026-01-31")
    assert told(answer) == {} and answer["care"]["month"] is None


# ── what is withheld ───────────────────────────────────────────────────────────────────────────────────────────────

FLAT, DEEP = [-1, 0, 0, 0], [-1, 0, 0, 1, 1, 2, 2]
"""Parents by row: a county of three grids, and one of two communities of two grids each."""

small = st.integers(0, 9)


@given(st.sampled_from([FLAT, DEEP]), st.lists(st.tuples(small, small), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_no_hidden_count_can_be_worked_out_from_what_is_shown(
    parents: list[int], counts: list[tuple[int, int]]
) -> None:
    """For every hidden count there is another table that shows the same; looked for among all within 2 of the true."""
    leaves = [row for row in range(len(parents)) if row not in parents]
    truth = np.array(counts)[: len(leaves)]
    table = summed(truth[:, :, None], parents, leaves)[:, :, 0]
    hidden = withheld(table, np.array(parents))
    assert hidden[table < THRESHOLD].all()
    free = [
        np.arange(max(truth[n, column] - 2, 0), truth[n, column] + 3)
        if hidden[leaf, 1 + column]
        else truth[n, [column]]
        for n, leaf in enumerate(leaves)
        for column in range(2)
    ]
    cells = np.array([grid.ravel() for grid in np.meshgrid(*free, indexing="ij")])
    others = summed(cells.reshape(len(leaves), 2, -1), parents, leaves)
    possible = others[:, :, (others == table[:, :, None])[~hidden].all(axis=0)]
    assert (possible.min(axis=2) < possible.max(axis=2))[hidden].all()


def summed(cells: np.ndarray, parents: list[int], leaves: list[int]) -> np.ndarray:
    """Whole tables (units × total and categories × tables) from the categories of their leaves."""
    tables = np.zeros((len(parents), 3, cells.shape[2]), dtype=np.int64)
    tables[leaves, 1:] = cells
    tables[:, 0] = tables[:, 1:].sum(axis=1)
    for row in range(len(parents) - 1, 0, -1):
        tables[parents[row]] += tables[row]
    return tables
