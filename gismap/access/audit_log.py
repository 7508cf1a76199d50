"""Reads the audit log for people: filtered, newest first, counted, as pages or as files; every look is itself entered.

What is entered is decided where it happens; the chain itself is `gismap.store.audit`, what entries are about is named
in `audit_names`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, text

from gismap.access.audit_check import Check
from gismap.errors import NotFoundError
from gismap.spreadsheets import write_table
from gismap.store import audit

AT_ONCE = 1_000
MOST_ACTORS = 50
"""Users that a summary counts one by one."""

# A unit is named by code or identity, on whatever day; below it counts as in it. A person in care is also found in
# lists that somebody looked at. Times are ISO 8601 in UTC, so that they compare as text.
FOUND = """
FROM audit
WHERE (CAST(:who AS text) IS NULL OR record ->> 'actor' = :who)
  AND (CAST(:subject AS text) IS NULL OR record ->> 'subject' = ANY (
        CAST(:subjects AS text[]) || ARRAY(SELECT 'account ' || account_id FROM account WHERE username = :subject))
        OR record -> 'detail' -> 'persons' @> to_jsonb(CAST(:identity AS text)))
  AND (CAST(:action AS text) IS NULL OR record ->> 'action' = :action)
  AND (CAST(:since AS text) IS NULL OR record ->> 'at' >= :since)
  AND (CAST(:until AS text) IS NULL OR record ->> 'at' < :until)
  AND (CAST(:unit AS text) IS NULL
       OR record -> 'detail' ->> 'unit' = ANY (ARRAY(SELECT unit_id FROM below))
       OR record -> 'detail' -> 'units' ?| ARRAY(SELECT unit_id FROM below))
"""

BELOW = """
WITH below AS MATERIALIZED (
    SELECT below.unit_id FROM grid wanted
    JOIN grid below ON below.path >= wanted.path AND below.path < wanted.path || '~'
    WHERE wanted.unit_id = :unit OR wanted.code = :unit
)
"""

# A list that also showed persons of elsewhere is told to an auditor of a part without saying whom.
DETAIL = """
CASE WHEN record -> 'detail' ? 'units' AND coalesce('' = ANY ((SELECT scope_of('audit'))::text[]), false) IS FALSE
          AND NOT record -> 'detail' -> 'units' <@ (
              SELECT coalesce(jsonb_agg(unit_id), '[]') FROM grid
              WHERE path ^@ ANY ((SELECT scope_of('audit'))::text[]))
     THEN (record -> 'detail') - '{persons,units,number}'::text[] ELSE record -> 'detail' END
"""

ENTRIES = f"""
{BELOW}
SELECT seq, record ->> 'at' AS at, record ->> 'actor' AS actor, record ->> 'action' AS action,
       record ->> 'subject' AS subject, {DETAIL} AS detail
{FOUND} AND (CAST(:before AS bigint) IS NULL OR seq < :before)
ORDER BY seq DESC LIMIT :limit;
"""

SUMMARY = f"""
{BELOW}
SELECT record ->> 'action' AS action, record ->> 'actor' AS actor, count(*) AS entries,
       min(record ->> 'at') AS earliest, max(record ->> 'at') AS latest
{FOUND}
GROUP BY 1, 2;
"""

SUBJECT_KINDS = (
    "account", "session", "key", "revision", "batch", "person", "purpose", "care category", "emergency",
    "sealed address", "incident", "incident category",
)  # fmt: skip
"""What a subject is called by before its identity: whoever asks may leave it out."""

EVER_STOOD = "SELECT EXISTS (SELECT FROM grid WHERE unit_id = :unit OR code = :unit);"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; None: whatever. Both days are included."""

    who: str | None = None
    subject: str | None = None
    unit: str | None = None
    since: date | None = None
    until: date | None = None
    action: str | None = None


def look(connection: Connection, wanted: Wanted, *, zone: str, limit: int, before: int | None = None) -> Sequence[Any]:
    """The newest entries with numbers below `before`, at most `limit`; days are those of the time zone.

    Raises:
        NotFoundError: there never was such a unit.
    """
    values = {**_values(connection, wanted, zone), "before": before, "limit": limit}
    return connection.execute(text(ENTRIES), values).mappings().all()


def summary(connection: Connection, wanted: Wanted, *, zone: str) -> dict[str, Any]:
    """How many entries are wanted in all, by action and by user, the most first, and when the first and last were made.

    Raises:
        NotFoundError: there never was such a unit.
    """
    rows = connection.execute(text(SUMMARY), _values(connection, wanted, zone)).all()
    by_action: Counter[str] = Counter()
    by_actor: Counter[str] = Counter()
    for row in rows:
        by_action[row.action] += row.entries
        by_actor[row.actor] += row.entries
    return {
        "entries": by_action.total(),
        "earliest": min((row.earliest for row in rows), default=None),
        "latest": max((row.latest for row in rows), default=None),
        "by_action": [{"action": action, "entries": count} for action, count in by_action.most_common()],
        "by_actor": [{"actor": actor, "entries": count} for actor, count in by_actor.most_common(MOST_ACTORS)],
        "actors": len(by_actor),
    }


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


def enter_check(connection: Connection, found: Check, *, actor: str) -> None:
    """Enter that somebody checked the log, and what came of it."""
    detail = {"entries": found.entries, "first": found.first, "last": found.last, "faults": len(found.faults)}
    audit.append(connection, actor=actor, action="check audit log", subject="audit", detail=detail)


def write_jsonl(entries: Iterable[Any], file: IO[str]) -> int:
    """One entry a line; returns how many."""
    count = 0
    for entry in entries:
        file.write(orjson.dumps(dict(entry)).decode() + "\n")
        count += 1
    return count


def write_csv(entries: Iterable[Any], file: IO[str], *, heading: bool = True) -> int:
    """A table that a spreadsheet opens without running anything; returns how many entries."""
    columns = ("seq", "at", "actor", "action", "subject", "detail")
    texts = (dict(entry) | {"detail": orjson.dumps(entry["detail"]).decode()} for entry in entries)
    return write_table(file, columns if heading else None, ([cells[name] for name in columns] for cells in texts))


def _values(connection: Connection, wanted: Wanted, zone: str) -> dict[str, Any]:
    if wanted.unit is not None and not connection.execute(text(EVER_STOOD), {"unit": wanted.unit}).scalar():
        raise NotFoundError(f"there never was a unit {wanted.unit!r}: name it by its code or identity", field="unit")
    named = [] if wanted.subject is None else [f"{kind} {wanted.subject}" for kind in SUBJECT_KINDS]
    return {
        "who": wanted.who,
        "subject": wanted.subject,
        "subjects": [wanted.subject, *named],
        "identity": (wanted.subject or "").rpartition(" ")[2],
        "action": wanted.action,
        "unit": wanted.unit,
        "since": _instant(wanted.since, zone),
        "until": _instant(wanted.until, zone, days=1),
    }


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
