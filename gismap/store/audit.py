"""Appends to the audit log and verifies it; what is worth an entry is decided by the callers.

Each entry's digest covers the digest before it and the entry's canonical JSON, so that a change or a deletion
shows.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text

LOCK_KEY = 0x67_6D_61_75
GENESIS = "0" * 64
AT_ONCE = 5_000


def append(connection: Connection, *, actor: str, action: str, subject: str, detail: dict[str, Any]) -> str:
    """Add one entry in the caller's transaction and return its digest; concurrent ones queue behind a lock."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    previous = connection.execute(text("SELECT audit_head()")).scalar() or GENESIS
    record = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": detail,
    }
    digest = entry_digest(previous, record)
    connection.execute(
        text("INSERT INTO audit (record, previous, digest) VALUES (CAST(:record AS jsonb), :previous, :digest)"),
        {"record": orjson.dumps(record).decode(), "previous": previous, "digest": digest},
    )
    return digest


def entry_digest(previous: str, record: dict[str, Any]) -> str:
    """SHA-256 (hex) over the digest before and the record's canonical JSON (sorted keys, UTF-8, no spaces)."""
    return hashlib.sha256(previous.encode() + orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found: how many entries, the last one, and what is wrong (nothing: empty)."""

    entries: int
    seq: int
    digest: str
    faults: Sequence[str]


def verify(connection: Connection, noted: Mapping[int, str] | None = None) -> Verdict:
    """Walk the whole log as its owner, first thing in a transaction.

    `noted` are digests by number that were written down elsewhere before. Found are: entries that were changed, taken
    out, put in or moved, and an end that was cut off. Whoever may rewrite all tables could make a new chain and a new
    end of it; that only shows against what was noted elsewhere.
    """
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))  # entries go on being written
    faults: list[str] = []
    entries, seq, before = 0, 0, GENESIS
    missing = dict(noted or {})
    for row in _entries(connection):
        if row.digest != entry_digest(row.previous, row.record):
            faults.append(f"entry {row.seq} was changed")
        if row.previous != before:
            faults.append(_broken_link(connection, row, seq))
        if row.seq in missing and missing.pop(row.seq) != row.digest:
            faults.append(f"entry {row.seq} is not the one that was noted")
        entries, seq, before = entries + 1, row.seq, row.digest
    faults += [f"entry {number}, which was noted, is missing" for number in sorted(missing)]
    tail = connection.execute(text("SELECT entries, digest FROM audit_tail")).one()
    if tail.digest != before:
        faults.append(f"after entry {seq} the end was cut off, or something was put there")
    if tail.entries != entries:
        faults.append(f"there are {entries} entries, but {tail.entries} were written")
    return Verdict(entries, seq, before, faults)


def _entries(connection: Connection) -> Iterator[Any]:
    seq = -(2**63)  # an entry that was put in may have any number
    query = text("SELECT seq, record, previous, digest FROM audit WHERE seq > :seq ORDER BY seq LIMIT :some")
    while rows := connection.execute(query, {"seq": seq, "some": AT_ONCE}).all():
        yield from rows
        seq = rows[-1].seq


def _broken_link(connection: Connection, row: Any, before: int) -> str:
    """Why an entry does not follow the one with the number `before`."""
    follows = connection.execute(text("SELECT seq FROM audit WHERE digest = :it"), {"it": row.previous}).scalar()
    if follows is None and row.previous != GENESIS:
        return f"before entry {row.seq} something is missing or was changed"
    if follows is not None and follows > row.seq:
        return f"entry {row.seq} was moved or put in"
    return f"between entries {follows or 'none'} and {row.seq} something was put in or moved, such as entry {before}"
