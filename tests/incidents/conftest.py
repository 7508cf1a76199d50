"""What tests of incidents share: the small county with people on duty, asked by whoever is wanted, and its keys."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.settings import Settings
from gismap.store.scope import looking_as
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading, writing
from tests.conftest import Database, fresh_database, key_of, serving
from tests.districts import COMMUNITIES, centre
from tests.furnished import furnish

WEST_SIDE, EAST_SIDE = COMMUNITIES
GRID = f"{WEST_SIDE}001"
CALLER, NUMBER = "欧阳明月", "13777766655"
WHY = "现场核实后登记"


@dataclass
class County:
    """A county and its service, asked by whoever is wanted."""

    urls: Database
    owner: Engine
    service: Engine
    keyring_path: Path
    running: ExitStack
    keys: dict[tuple[Any, ...], str] = field(default_factory=dict)
    app: list[TestClient] = field(default_factory=list)

    def as_(self, role: Role, unit: str | None = None, who: int = 0) -> TestClient:
        """The service as somebody of this role meets it; `who` tells several of them apart."""
        token = self.keys.setdefault((role, unit, who), "") or key_of(self.urls, role, unit)
        self.keys[role, unit, who] = token
        if not self.app:
            self.app.append(
                self.running.enter_context(serving(self.urls, token, keyring=self.keyring_path, pool_timeout_s=30))
            )
        return TestClient(self.app[0].app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {token}"})

    @property
    def desk(self) -> TestClient:
        """A dispatcher of the whole district."""
        return self.as_(Role.DISPATCHER)

    def report(self, client: TestClient | None = None, **more: Any) -> dict[str, Any]:
        """A report from the middle of the first grid, unless it says something else."""
        lon, lat = centre(0, 0)
        body = {"category": "facility", "x": lon, "y": lat} | more
        answer = (client or self.desk).post("/api/incidents", json={k: v for k, v in body.items() if v is not None})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def act(self, number: int, action: str, client: TestClient | None = None, **more: Any) -> Any:
        body = {"action": action, "reason": WHY} | more
        return (client or self.desk).post(f"/api/incidents/{number}/actions", json=body)

    def did(self, number: int, *actions: str, client: TestClient | None = None) -> str:
        """Do one after the other; the status at the end."""
        for action in actions:
            answer = self.act(number, action, client)
            assert answer.status_code == 200, (action, answer.text)
        return str(answer.json()["status"])

    def shown(self, number: int, client: TestClient | None = None) -> dict[str, Any]:
        answer = (client or self.desk).get(f"/api/incidents/{number}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def asked(self, client: TestClient, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """What the service's role is answered by the database for the session of a client."""
        token = str(client.headers["authorization"]).removeprefix("Bearer ")
        with writing(looking_as(self.service, token)) as connection:
            return [tuple(row) for row in connection.execute(text(sql), params)]

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """What the owner of the tables is answered."""
        with reading(self.owner) as connection:
            return [tuple(row) for row in connection.execute(text(sql), params)]

    def do(self, sql: str, **params: Any) -> None:
        """A statement of the owner of the tables, for what only time does otherwise."""
        with writing(self.owner) as connection:
            connection.execute(text(sql), params)


@pytest.fixture(scope="session")
def incident_template(server: PrivateServer, template: str) -> str:
    urls = server.create_database("incident_template", template)
    engine = make_engine(urls.owner_url)
    furnish(engine, today=Settings().today())
    engine.dispose()
    return "incident_template"


def running_county(server: PrivateServer, template: str, keyring_file: Path, folder: Path) -> Iterator[County]:
    """A copy of the county with a keyring of its own, which is dropped at the end."""
    keyring_path = folder / "keyring.json"
    shutil.copy(keyring_file, keyring_path)
    with fresh_database(server, template) as urls:
        owner, service = make_engine(urls.owner_url), make_engine(urls.service_url)
        with ExitStack() as running:
            yield County(urls, owner, service, keyring_path, running)
        owner.dispose()
        service.dispose()


@pytest.fixture(scope="module")
def county(
    server: PrivateServer, incident_template: str, keyring_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[County]:
    """One for the tests of a module, which look at incidents of their own."""
    yield from running_county(server, incident_template, keyring_file, tmp_path_factory.mktemp("incidents"))
