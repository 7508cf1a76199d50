"""A sealed address is out of search, tiles, maps, counts and lists, with everybody there, until two people open it."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.elements.care_counts import publish_care_counts
from gismap.elements.sealing import list_seals, open_seal, seal
from gismap.errors import BadInputError, ForbiddenError, GismapError, NotFoundError
from gismap.geometry.codes import check_identity
from gismap.publishing import publish
from gismap.store.sealed import TABLES
from gismap.store.session import reading, writing
from gismap.themes.specs import THEMES
from tests.care.conftest import MINE, OTHER, PEOPLE, SECRETS, TODAY, County
from tests.care.test_rights import exchanged
from tests.care.test_seeing import OFFICER, WORKER, leaks, listed, reveal
from tests.districts import COUNTY, SOUTH, STEP, WEST, centre

NAME, ADDRESS = "福安小区1号楼", "人民路1号"
LON, LAT = centre(0, 0)
WHY = "受保护证人"


def home_of(county: County, ref: str = "zhang") -> str:
    return str(county.value("SELECT part_of FROM element WHERE element_id = :it", it=county.ids[ref]))


def put(county: County, element: str) -> int:
    with writing(county.owner) as connection:
        return seal(connection, element, WHY, sealed_by="first")


def open_(county: County, element: str, who: str) -> bool:
    with writing(county.owner) as connection:
        return open_seal(connection, element, "核实完毕", opened_by=who)


def asked(client: TestClient) -> dict[str, Any]:
    """What a caller is answered about the place, in every way that there is."""
    spot = {"circle": {"center": [LON, LAT], "radius_m": 30}}
    searches = {
        "box": {"area": {"bbox": [WEST, SOUTH, WEST + STEP, SOUTH + STEP]}, "counts": True},
        "spot": {"area": spot, "counts": True},
        "unit": {"area": {"unit": f"{MINE}001"}, "counts": True},
        "name": {"filter": {"name": NAME}},
        "nearest": {"nearest": {"point": [LON, LAT], "k": 50}, "filter": {"layers": ["buildings"]}},
        "past": {"area": spot, "as_of": "2026-03-01"},
    }
    answers = {
        name: client.post("/api/resources/search", json={**body, "limit": 200}) for name, body in searches.items()
    }
    near = {"x": LON, "y": LAT, "near": "buildings:50"}
    gets: dict[str, tuple[str, dict[str, Any]]] = {
        "locate": ("/api/locate", near),
        "card": (f"/api/grids/{MINE}001", {}),
        "resources": ("/api/resources", {"unit": f"{MINE}001", "counts": "true"}),
        **{f"map {theme}": (f"/maps/{theme}", {"unit": MINE}) for theme in THEMES},
    }
    answers |= {name: client.get(path, params=params) for name, (path, params) in gets.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 200)
    return answers


@pytest.mark.parametrize("role", [WORKER, Role.DISPATCHER, Role.VIEWER])
def test_nothing_says_that_there_is_a_sealed_address(own: County, role: Role) -> None:
    home, client = home_of(own), own.as_(role, MINE)
    open_before = asked(client)
    assert all(home in open_before[name].text for name in ("box", "spot", "unit", "name", "nearest", "locate", "past"))
    before = open_before["unit"].json()["counts"]["buildings"]
    assert put(own, home) == 3
    answers = asked(client)
    for name, answer in answers.items():
        assert home not in answer.text and not {own.ids["zhang"], own.ids["child"]} & set(answer.text.split('"')), name
        if name != "card":
            assert f'"{NAME}"' not in answer.text and f'"{ADDRESS}"' not in answer.text, name
    assert sum(answers["unit"].json()["counts"]["buildings"].values()) == sum(before.values()) - 1
    assert answers["card"].json() != open_before["card"].json()


def test_whoever_lives_there_is_in_no_list_look_up_or_reveal_that_was_open(own: County) -> None:
    client, zhang = own.as_(Role.CHILD_DATA_OFFICER), own.ids["zhang"]
    reveal(client, zhang, "name", "phone")
    put(own, home_of(own))
    assert listed(client).keys() == {own.ids[ref] for ref in ("ouyang", "li", "plain")}
    body = {"id_number": PEOPLE["zhang"][2]["id_number"], "reason": "核对身份"}
    assert client.post("/api/care/persons/lookup", json=body).json() == {"persons": []}
    for answer in (client.get(f"/api/care/persons/{zhang}"), reveal(client, zhang, "name"),
                   client.get(f"/api/care/persons/{zhang}/looks")):  # fmt: skip
        assert answer.status_code == 404 and not leaks(answer.text)
    with writing(own.owner) as connection:
        publish_care_counts(connection, TODAY, today=TODAY)
    assert own.rows("SELECT 1 FROM care_count WHERE category IN ('living_alone_elderly', 'child_in_need')") == []


def rows_of(county: County) -> dict[str, list[Any]]:
    return {table: county.rows(f"SELECT t::text FROM {table} t ORDER BY 1") for table in ("element", *TABLES)}


def test_two_different_people_open_it_and_everything_is_as_it_was(own: County) -> None:
    home, before = home_of(own), rows_of(own)
    put(own, home)
    with pytest.raises(GismapError):
        put(own, home)
    assert not open_(own, home, "second")
    with pytest.raises(ForbiddenError, match="second person"):
        open_(own, home, "second")
    assert own.rows("SELECT 1 FROM element WHERE element_id = :it", it=home) == []
    with reading(own.owner) as connection:
        assert [row["element"] for row in list_seals(connection)] == [home]
    assert open_(own, home, "third")
    assert rows_of(own) == before
    assert own.rows("SELECT 1 FROM seal") == [] and own.rows("SELECT 1 FROM sealed.element") == []
    with pytest.raises(NotFoundError):
        open_(own, home, "third")
    entered = own.rows("SELECT record ->> 'action', record ->> 'actor' FROM audit WHERE record ->> 'subject' = :it"
                       " ORDER BY seq", it=f"sealed address {home}")  # fmt: skip
    assert entered == [("seal address", "first"), ("ask to open address", "second"), ("open address", "third")]


def test_what_was_published_meanwhile_holds_for_what_is_opened(own: County) -> None:
    home = home_of(own)
    put(own, home)
    with writing(own.owner) as connection:
        publish(connection, exchanged(), effective_from=TODAY, today=TODAY, author="t", reason="t")
    assert own.rows("SELECT 1 FROM element WHERE element_id = :it", it=home) == []
    open_(own, home, "second")
    assert open_(own, home, "third")
    zhang = own.ids["zhang"]
    assert zhang in listed(own.as_(WORKER, OTHER)) and zhang not in listed(own.as_(WORKER, MINE))
    assert reveal(own.as_(WORKER, OTHER), zhang, "name").json()["fields"] == {"name": PEOPLE["zhang"][2]["name"]}


@pytest.mark.parametrize("reason", ["", "  ", "abc", "电话13812345678"])
def test_it_takes_a_reason_to_seal_and_to_open(shared: County, reason: str) -> None:
    for act in (seal, open_seal):
        who = {"sealed_by": "a"} if act is seal else {"opened_by": "a"}
        with pytest.raises(BadInputError), writing(shared.owner) as connection:
            act(connection, home_of(shared), reason, **who)  # type: ignore[operator]


def test_an_address_is_sealed_not_a_person_and_nothing_that_is_not_there(shared: County) -> None:
    for element in (shared.ids["zhang"], "00000000000"):
        with pytest.raises(GismapError), writing(shared.owner) as connection:
            seal(connection, check_identity(element), WHY, sealed_by="a")


def test_tables_out_of_sight_have_the_columns_of_those_in_sight(shared: County) -> None:
    columns = (
        "SELECT table_name, array_agg(column_name || ' ' || data_type ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = :schema AND table_name = ANY (:tables)"
        " GROUP BY 1 ORDER BY 1"
    )
    tables = ["element", *TABLES]
    there, here = (shared.rows(columns, schema=schema, tables=tables) for schema in ("sealed", "public"))
    assert there == here and len(there) == len(tables)


# ── maps ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("role", [WORKER, Role.DISPATCHER])
def test_no_map_of_any_theme_holds_a_person_whoever_asks(shared: County, theme: str, role: Role) -> None:
    client = shared.as_(role)
    assert role != WORKER or listed(client)
    page = client.get(f"/maps/{theme}")
    assert page.status_code == 200
    assert not any(person in page.text for person in shared.ids.values())
    assert not any(shown in page.text for shown in ("张*", "欧阳*", "138****5678")) and not SECRETS & set(
        page.text.split()
    )
    assert not leaks(page.text)


def test_no_search_lists_a_person_not_even_for_who_reads_the_records(shared: County) -> None:
    for client in (shared.as_(WORKER), shared.as_(OFFICER)):
        for body in (
            {},
            {"filter": {"layers": ["care_persons"]}},
            {"area": {"unit": COUNTY}},
            {"filter": {"name": "张"}},
        ):
            answer = client.post("/api/resources/search", json={**body, "limit": 200})
            assert answer.status_code == 200
            assert not any(person in answer.text for person in shared.ids.values()) and not leaks(answer.text)
