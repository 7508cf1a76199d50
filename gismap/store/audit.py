"""Appends to the audit log; what is worth an entry is decided by the callers.

Each entry's digest covers the digest before it and the entry's canonical JSON, so that a change or a deletion
shows.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text

LOCK_KEY = 0x67_6D_61_75
GENESIS = "0" * 64


def append(connection: Connection, *, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
    """Add one entry in the caller's transaction; entries of concurrent transactions queue behind a lock."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    previous = connection.execute(text("SELECT audit_head()")).scalar() or GENESIS
    record = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": detail,
    }
    connection.execute(
        text("INSERT INTO audit (record, previous, digest) VALUES (CAST(:record AS jsonb), :previous, :digest)"),
        {"record": orjson.dumps(record).decode(), "previous": previous, "digest": entry_digest(previous, record)},
    )


def entry_digest(previous: str, record: dict[str, Any]) -> str:
    """SHA-256 (hex) over the digest before and the record's canonical JSON (sorted keys, UTF-8, no spaces)."""
    return hashlib.sha256(previous.encode() + orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()
