"""Checks the part of the audit log that a caller sees, newest first; the whole of it is checked by its owner alone.

The service cannot read what is kept apart of the log's end, so that an end that was cut off does not show here: that,
and what was noted elsewhere, is for `gismap audit verify` (`gismap.store.audit`).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from gismap.store.audit import GENESIS, entry_digest

AT_ONCE = 5_000
MOST = 50_000
"""Entries that one check looks at: about two seconds."""

MOST_NAMED = 20
LAST_SEQ = 2**63 - 1

SEEN = "SELECT seq, record, previous, digest FROM audit WHERE seq < :before ORDER BY seq DESC LIMIT :some;"


@dataclass(frozen=True, slots=True)
class Check:
    """How many entries were looked at, from which number to which, and what is wrong with them.

    `linked`: whether each was also found to follow the one before it, which takes eyes that see all entries.
    `complete`: whether the first entry of what the caller sees was reached.
    """

    entries: int
    first: int | None
    last: int | None
    linked: bool
    complete: bool
    faults: list[dict[str, Any]]  # at most MOST_NAMED: {"seq", "fault": "changed" | "unlinked"}


def check_seen(connection: Connection, *, sees_all: bool, most: int = MOST) -> Check:
    """Look at the newest entries that the connection's session sees; none that are written meanwhile."""
    faults: list[dict[str, Any]] = []
    entries, last, follower, is_complete = 0, None, None, False
    while entries < most and not is_complete:
        values = {"before": LAST_SEQ if follower is None else follower.seq, "some": min(AT_ONCE, most - entries)}
        rows = connection.execute(text(SEEN), values).all()
        for row in rows:
            if row.digest != entry_digest(row.previous, row.record):
                faults.append({"seq": row.seq, "fault": "changed"})
            if sees_all and follower is not None and follower.previous != row.digest:
                faults.append({"seq": follower.seq, "fault": "unlinked"})
            last, follower, entries = last or row.seq, row, entries + 1
        is_complete = len(rows) < values["some"]
    if sees_all and is_complete and follower is not None and follower.previous != GENESIS:
        faults.append({"seq": follower.seq, "fault": "unlinked"})
    first = None if follower is None else follower.seq
    return Check(entries, first, last, sees_all, is_complete, faults[:MOST_NAMED])
