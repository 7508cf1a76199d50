"""Requests that Schemathesis makes of our OpenAPI document, each sent by every role: no fault, nothing undocumented.

They are the same in every run. What no schema knows of (odd names, odd bodies) is tried in `test_matrix`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import text
from starlette.testclient import TestClient

from gismap.access.values import Role
from gismap.store.keyring import new_keyring, write_keyring
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, reading
from tests.access.test_matrix import an_app
from tests.conftest import TODAY, key_of, serving
from tests.districts import COMMUNITIES
from tests.furnished import PERSON, PHONE, furnish

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = {
    each.ok().label: each.ok() for each in schemathesis.openapi.from_dict(an_app().openapi()).get_all_operations()
}
CASES = 14
"""Of each operation; half of them fit its schema, and half of them break it."""


class County:
    """The county as everybody meets it, and what callers from one community must not be told."""

    def __init__(
        self, known: TestClient, nobody: TestClient, keys: dict[str, str], hidden: dict[str, list[str]]
    ) -> None:
        self.known, self.nobody, self.keys, self.hidden = known, nobody, keys, hidden
        self.callers = [*keys, "visitor", "nobody"]
        self.permissions = {caller: self._permissions(caller) for caller in self.callers}

    def ask(self, caller: str, request: dict[str, Any]) -> Any:
        client = self.nobody if caller == "nobody" else self.known
        client.cookies.clear()
        key = {"authorization": f"Bearer {self.keys[caller]}"} if caller in self.keys else {}
        return client.request(**(request | {"headers": request["headers"] | key}), follow_redirects=False)

    def assert_nothing_slips_out(self, caller: str, answer: str) -> None:
        may = self.permissions[caller]
        assert PERSON not in answer and (PHONE not in answer or "staff.call" in may)
        knows = {"care.read", "audit"}.intersection(may)  # the log names persons by their identities alone
        assert knows or not any(person in answer for person in self.hidden["persons"])
        assert caller == "visitor" or not any(element in answer for element in self.hidden["elsewhere"])

    def _permissions(self, caller: str) -> list[str]:
        request = {"method": "GET", "url": "/api/session", "headers": {}}
        return list(self.ask(caller, request).json().get("permissions", []))


@pytest.fixture(scope="module")
def county(server: PrivateServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    urls = server.create_database("every_request", template)
    engine = make_engine(urls.owner_url)
    furnish(engine, today=TODAY)
    with reading(engine) as connection:
        found = connection.execute(text("SELECT element_id, layer, code FROM element JOIN grid USING (unit_id)")).all()
    engine.dispose()
    hidden = {
        "persons": [row.element_id for row in found if row.layer == "care_persons"],
        "elsewhere": [row.element_id for row in found if not row.code.startswith(COMMUNITIES[0])],
    }
    keyring: Path = tmp_path_factory.mktemp("keys") / "keyring.json"
    write_keyring(keyring, new_keyring())
    keys = {role.value: key_of(urls, role, COMMUNITIES[0]) for role in Role}
    more = {"keyring": keyring, "requests_per_s": 0}  # else the pace of a caller would be all that is answered
    with serving(urls, **more) as known, serving(urls, host="0.0.0.0", **more) as nobody:
        for client in (known, nobody):
            del client.headers["authorization"]
        yield County(known, nobody, keys, hidden)


def sent(case: Any) -> dict[str, Any]:
    """A case as a request of our client."""
    told = case.as_transport_kwargs(base_url="http://testserver")
    body = {"content" if name == "data" else name: told[name] for name in ("json", "data") if name in told}
    return {key: told[key] for key in ("method", "url", "params")} | {"headers": dict(told["headers"])} | body


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_role_gets_a_fault_of_ours_or_what_is_not_documented(county: County, label: str) -> None:
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    statuses = set()

    @given(case=st.one_of(OPERATIONS[label].as_strategy(mode) for mode in modes))
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        request = sent(case)
        for caller in county.callers:
            answer = county.ask(caller, request)
            statuses.add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)
            county.assert_nothing_slips_out(caller, answer.text)
            if answer.status_code >= 400:
                assert not re.search(r"Traceback|psycopg|sqlalchemy|SELECT ", answer.text)

    ask()
    assert statuses, "nothing was asked"
