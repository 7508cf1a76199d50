"""What tests of persons in care share: the small county with some whose names and numbers are kept, and their keys."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from shapely import Point
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.care.purposes import add_purpose
from gismap.care.values import IdentityField, fourteenth_birthday
from gismap.care.writing import write_care
from gismap.elements.values import ElementDraft
from gismap.elements.writing import write_elements
from gismap.publishing import publish
from gismap.settings import Settings
from gismap.store.keyring import read_keyring
from gismap.store.scope import looking_as
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from tests.conftest import Database, fresh_database, key_of, serving
from tests.districts import COMMUNITIES, buildings_in_each_grid, centre, small_county
from tests.furnished import SINCE, in_care, purpose

MINE, OTHER = COMMUNITIES
TODAY = Settings().today()
KEPT = datetime(2099, 1, 1, tzinfo=UTC)


def id_number(birth: str, sequence: int = 123) -> str:
    """An identity number that passes its check, of nobody."""
    digits = f"370883{birth.replace('-', '')}{sequence:03d}"
    weighed = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(digits))
    return digits + "10X98765432"[weighed % 11]


CHILD_BORN = TODAY.replace(day=1, year=TODAY.year - 8).isoformat()

PEOPLE: dict[str, tuple[str, tuple[int, int], dict[str, str]]] = {
    "zhang": ("living_alone_elderly", (0, 0), {
        "name": "张桂英", "phone": "13812345678", "id_number": id_number("1940-05-17"), "birth_date": "1940-05-17",
        "door": "2单元301室", "need": "需要送餐与陪诊",
    }),
    "ouyang": ("limited_mobility", (0, 1), {"name": "欧阳建国", "phone": "0537-5551234", "birth_date": "1951-02-03"}),
    "li": ("disability", (1, 0), {
        "name": "李秀兰", "phone": "+85298765432", "id_number": id_number("1962-11-30", 46), "door": "1单元102室",
    }),
    "child": ("child_in_need", (0, 0), {
        "name": "王小宝", "birth_date": CHILD_BORN, "guardian": "王大宝 2026-01-05 同意", "phone": "13998887777",
    }),
    "plain": ("asked_for_help", (1, 1), {}),
}  # fmt: skip
"""By reference: category, cell and what is kept. Nobody of them exists."""

PHONES = {ref: fields["phone"].replace("-", "") for ref, (_, _, fields) in PEOPLE.items() if "phone" in fields}
SECRETS = {value for _, _, fields in PEOPLE.values() for name, value in fields.items() if name != "birth_date"} | set(
    PHONES.values()
)
"""What may be in no answer but a revealed one."""


def persons() -> list[ElementDraft]:
    """The drafts of everybody, each in the first building of the cell."""
    drafts = []
    for ref, (category, (column, row), fields) in PEOPLE.items():
        child_until = None
        if ref == "child":
            birth = fourteenth_birthday(datetime.fromisoformat(fields["birth_date"]).date())
            child_until = datetime(birth.year, birth.month, birth.day, tzinfo=UTC)
        kept = fields | ({"phone": PHONES[ref]} if ref in PHONES else {})
        draft = in_care(
            ref,
            Point(centre(column, row)),
            category,
            fields=kept,
            kept_until=KEPT,
            child_until=child_until,
            content=ref,
        )
        drafts.append(ElementDraft(**{**_parts(draft), "part_of": str(1 + 3 * (2 * column + row))}))
    return drafts


def _parts(draft: ElementDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in ElementDraft.__dataclass_fields__}


@dataclass
class County:
    """A database with the persons, the keys of their fields, and ways to ask it."""

    urls: Database
    owner: Engine
    service: Engine
    keyring_path: Path
    ids: Mapping[str, str]
    running: ExitStack
    clients: dict[str, TestClient] = field(default_factory=dict)

    def as_(self, role: Role, unit: str | None = None, **account: Any) -> TestClient:
        """The service as somebody of this role meets it; the same session each time."""
        name = f"{role} {unit} {account}"
        if name not in self.clients:
            self.clients[name] = self.new_session(key_of(self.urls, role, unit, **account))
        return self.clients[name]

    def new_session(self, token: str) -> TestClient:
        """A client that brings this token, on the one application of this database."""
        if "app" not in self.clients:
            self.clients["app"] = self.running.enter_context(serving(self.urls, token, keyring=self.keyring_path))
        app = self.clients["app"].app
        return TestClient(app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {token}"})

    def asked(self, token: str, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """What the service's role is answered by the database for the session with this token."""
        with writing(looking_as(self.service, token)) as connection:
            return [tuple(row) for row in connection.execute(text(sql), params)]

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """What the owner of the tables is answered."""
        with reading(self.owner) as connection:
            return [tuple(row) for row in connection.execute(text(sql), params)]

    def value(self, sql: str, **params: Any) -> Any:
        return self.rows(sql, **params)[0][0]

    def do(self, sql: str, **params: Any) -> None:
        """A statement of the owner of the tables, for what only time does otherwise."""
        with writing(self.owner) as connection:
            connection.execute(text(sql), params)


def token_of(client: TestClient) -> str:
    return str(client.headers["authorization"]).removeprefix("Bearer ")


@pytest.fixture(scope="session")
def care_template(server: PrivateServer, template: str, keyring_file: Path) -> tuple[str, Mapping[str, str]]:
    """The name of a database with the county and the persons, to clone, and their identities."""
    urls = server.create_database("care_template", template)
    engine = make_engine(urls.owner_url)
    elements = [*buildings_in_each_grid(), *persons()]
    with writing(engine) as connection:
        publish(connection, small_county(), effective_from=SINCE, today=TODAY, author="test", reason="test")
        write_elements(connection, elements, source="test", source_crs="EPSG:4490", since=SINCE)
        add_purpose(connection, purpose(fields=list(IdentityField)), made_by="test")
        write_care(connection, elements, keyring=read_keyring(keyring_file))
    with reading(engine) as connection:
        found = connection.execute(text("SELECT source_ref, element_id FROM element WHERE layer = 'care_persons'"))
        ids = {row.source_ref: row.element_id for row in found}
    engine.dispose()
    return "care_template", ids


@contextmanager
def copied(
    server: PrivateServer, care_template: tuple[str, Mapping[str, str]], keyring_file: Path, folder: Path
) -> Iterator[County]:
    """A copy of the county with a keyring of its own, which is dropped at the end."""
    name, ids = care_template
    keyring_path = folder / "keyring.json"
    shutil.copy(keyring_file, keyring_path)
    with fresh_database(server, name) as urls:
        owner, service = make_engine(urls.owner_url), make_engine(urls.service_url)
        with ExitStack() as running:
            yield County(urls, owner, service, keyring_path, ids, running)
        owner.dispose()
        service.dispose()


@pytest.fixture(scope="module")
def shared(
    server: PrivateServer,
    care_template: tuple[str, Mapping[str, str]],
    keyring_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[County]:
    """One that the tests of a module leave as it was, but for reveals and entries in the log."""
    with copied(server, care_template, keyring_file, tmp_path_factory.mktemp("care")) as county:
        yield county


@pytest.fixture()
def own(
    server: PrivateServer, care_template: tuple[str, Mapping[str, str]], keyring_file: Path, tmp_path: Path
) -> Iterator[County]:
    """One that a test may change."""
    with copied(server, care_template, keyring_file, tmp_path) as county:
        yield county


def everything(county: County) -> str:
    """All that is in the database, as text: what a backup would hold."""
    with closing(psycopg2.connect(str(county.urls.owner_url).replace("+psycopg2", ""))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'sealed') AND tablename <> 'spatial_ref_sys'"
        )
        tables = [row[0] for row in cursor.fetchall()]
        parts = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            parts += [row[0] for row in cursor.fetchall()]
    return "\n".join(parts)
