"""How often one may try to sign in: per user and per address, the same for users that do not exist.

An attempt counts as failed from its start, so that a thousand at once are no way around; success takes it back. What is
stored are digests, so that the table lists neither users nor addresses.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address

from sqlalchemy import Connection, text

from gismap.access import queries
from gismap.errors import TooManyError

WINDOW_S = 900
OF_USER, OF_ADDRESS = 5, 20
"""Failures within the window after which no more attempts are heeded."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt under way."""

    user: str
    address: str
    at: datetime


def begin_attempt(connection: Connection, username: str, address: str) -> Attempt:
    """Count an attempt, failed until it is forgiven.

    Raises:
        TooManyError: too many have failed.
    """
    subjects = {"user": _digest("user", username), "address": _digest("address", neighbourhood(address))}
    connection.execute(text(queries.QUEUE), subjects)
    limits = {"of_user": OF_USER, "of_address": OF_ADDRESS, "seconds": WINDOW_S}
    wait_s = connection.execute(text(queries.WAIT), subjects | limits).scalar()
    if wait_s is not None and wait_s > 0:
        raise TooManyError("too many attempts to sign in have failed; try again later", retry_after_s=wait_s)
    at = connection.execute(text(queries.FAILED), subjects).scalars().first()
    assert at is not None
    return Attempt(subjects["user"], subjects["address"], at)


def forgive(connection: Connection, attempt: Attempt) -> None:
    """The attempt was good: forget it, and what failed for its user before."""
    values = {"user": attempt.user, "address": attempt.address, "at": attempt.at}
    connection.execute(text(queries.FORGIVE), values)


def _digest(kind: str, name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=16, person=kind.encode()).hexdigest()


def neighbourhood(address: str) -> str:
    """The address, or the /64 of an IPv6 address: whoever has one has all of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.exploded[:19]
    return address
