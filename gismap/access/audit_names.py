"""What the identities in entries of the audit log are called: users, accounts, units; never persons in care."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, text

ACCOUNTS = """
SELECT account_id, username, display_name AS name FROM account
WHERE account_id = ANY (:ids) OR username = ANY (:actors);
"""

# The newest version, also of a unit that stands no longer.
UNITS = """
SELECT DISTINCT ON (unit_id) unit_id, code, name FROM grid WHERE unit_id = ANY (:ids)
ORDER BY unit_id, lower(valid) DESC;
"""


def names_in(connection: Connection, entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Names by identity: `users` by username, `accounts` and `units` by identity, as far as these entries hold any."""
    actors: set[str] = set()
    ids: set[str] = set()
    for entry in entries:
        actors.add(entry["actor"])
        ids.add(entry["subject"].rpartition(" ")[2])
        ids.update(_texts(entry["detail"]))
    asked = {"ids": sorted(ids), "actors": sorted(actors)}
    accounts = connection.execute(text(ACCOUNTS), asked).all()
    units = connection.execute(text(UNITS), {"ids": asked["ids"]}).all()
    return {
        "users": {row.username: row.name for row in accounts if row.username in actors},
        "accounts": {
            row.account_id: {"username": row.username, "name": row.name} for row in accounts if row.account_id in ids
        },
        "units": {row.unit_id: {"code": row.code, "name": row.name} for row in units},
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
