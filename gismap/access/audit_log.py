"""Reads the audit log for people: filtered, newest first, as pages or as files; every look is an entry of its own.

What is entered is decided where it happens; the chain itself is `gismap.store.audit`.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, text

from gismap.errors import NotFoundError
from gismap.store import audit

AT_ONCE = 1_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""

# A unit is named by code or identity, on whatever day; below it counts as in it. Times are ISO 8601 in UTC, so that
# they compare as text.
ENTRIES = """
SELECT seq, record ->> 'at' AS at, record ->> 'actor' AS actor, record ->> 'action' AS action,
       record ->> 'subject' AS subject, record -> 'detail' AS detail
FROM audit
WHERE (CAST(:before AS bigint) IS NULL OR seq < :before)
  AND (CAST(:who AS text) IS NULL OR record ->> 'actor' = :who)
  AND (CAST(:subject AS text) IS NULL OR record ->> 'subject' = :subject)
  AND (CAST(:since AS text) IS NULL OR record ->> 'at' >= :since)
  AND (CAST(:until AS text) IS NULL OR record ->> 'at' < :until)
  AND (CAST(:unit AS text) IS NULL OR record -> 'detail' ->> 'unit' IN (
        SELECT below.unit_id FROM grid wanted
        JOIN grid below ON below.path >= wanted.path AND below.path < wanted.path || '~'
        WHERE wanted.unit_id = :unit OR wanted.code = :unit))
ORDER BY seq DESC LIMIT :limit;
"""

EVER_STOOD = "SELECT EXISTS (SELECT FROM grid WHERE unit_id = :unit OR code = :unit);"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; None: whatever. Both days are included."""

    who: str | None = None
    subject: str | None = None
    unit: str | None = None
    since: date | None = None
    until: date | None = None


def look(connection: Connection, wanted: Wanted, *, zone: str, limit: int, before: int | None = None) -> Sequence[Any]:
    """The newest entries with numbers below `before`, at most `limit`; days are those of the time zone.

    Raises:
        NotFoundError: there never was such a unit.
    """
    if wanted.unit is not None and not connection.execute(text(EVER_STOOD), {"unit": wanted.unit}).scalar():
        raise NotFoundError(f"there never was a unit {wanted.unit!r}: name it by its code or identity", field="unit")
    values = {"who": wanted.who, "subject": wanted.subject, "unit": wanted.unit, "before": before, "limit": limit}
    values["since"] = _instant(wanted.since, zone)
    values["until"] = _instant(wanted.until, zone, days=1)
    return connection.execute(text(ENTRIES), values).mappings().all()


def all_of(connection: Connection, wanted: Wanted, *, zone: str) -> Iterator[Any]:
    """All entries, newest first, some at a time."""
    before: int | None = None
    while rows := look(connection, wanted, zone=zone, limit=AT_ONCE, before=before):
        yield from rows
        before = rows[-1]["seq"]


def enter_look(connection: Connection, wanted: Wanted, *, actor: str, action: str) -> None:
    """Enter that somebody reads or exports the log, and what of it."""
    asked = {name: value for name, value in asdict(wanted).items() if value is not None}
    audit.append(connection, actor=actor, action=action, subject="audit", detail={"asked": _as_text(asked)})


def write_jsonl(entries: Iterator[Any], file: IO[str]) -> int:
    """One entry a line; returns how many."""
    count = 0
    for entry in entries:
        file.write(orjson.dumps(dict(entry)).decode() + "\n")
        count += 1
    return count


def write_csv(entries: Iterator[Any], file: IO[str]) -> int:
    """A table that a spreadsheet opens without running anything; returns how many entries."""
    columns = ("seq", "at", "actor", "action", "subject", "detail")
    table = csv.writer(file)
    table.writerow(columns)
    count = 0
    for entry in entries:
        cells = {**entry, "detail": orjson.dumps(entry["detail"]).decode()}
        table.writerow([harmless(cells[column]) for column in columns])
        count += 1
    return count


def harmless(cell: Any) -> Any:
    """A cell that is no formula: text that begins like one gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _instant(day: date | None, zone: str, *, days: int = 0) -> str | None:
    """The beginning of a day, `days` later, as entries write it."""
    if day is None:
        return None
    try:
        begins = datetime.combine(day, time(), ZoneInfo(zone)) + timedelta(days=days)
        return begins.astimezone(UTC).isoformat(timespec="milliseconds")
    except OverflowError:  # the first or last day that there is
        return day.isoformat() if days == 0 else None


def _as_text(asked: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in asked.items()}
