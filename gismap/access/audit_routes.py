"""HTTP of the audit log."""

from collections.abc import Iterator
from dataclasses import asdict
from io import StringIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import Engine

from gismap.access.audit_check import check_seen
from gismap.access.audit_log import AT_ONCE, Wanted, enter_check, enter_look, look, summary, write_csv, write_jsonl
from gismap.access.audit_names import names_in
from gismap.access.values import Permission
from gismap.http import Configuration, CurrentCaller, Database, Day, NoQuery, Parameters, Text, json_response, permit
from gismap.spreadsheets import MARK
from gismap.store.session import reading, writing

router = APIRouter(prefix="/api/audit", tags=["audit"])

LAST_SEQ = 2**63 - 1

class AuditFilter(Parameters):
    """Which entries; `subject` may be the identity alone, or the name of the account that something was done to."""

    who: Text | None = None
    subject: Text | None = None
    unit: Text | None = None
    action: Text | None = None
    since: Day | None = None
    until: Day | None = None

    def wanted(self) -> Wanted:
        """The same, for the log."""
        return Wanted(self.who, self.subject, self.unit, self.since, self.until, self.action)


class AuditQuery(AuditFilter):
    """`GET /api/audit`."""

    before: Annotated[int, Field(ge=1, le=LAST_SEQ)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    counts: bool = False


class AuditExport(AuditFilter):
    """`GET /api/audit/export`."""

    format: Literal["csv", "jsonl"] = "csv"


@router.get("", summary="Who did what, the newest first", dependencies=[permit(Permission.AUDIT)])
def audit_log(
    query: Annotated[AuditQuery, Query()], engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """A page of entries, and what the identities in them are called; `next` is the `before` of the following page.

    `counts=true` adds how many entries there are in all, by action and by user. Reading is itself entered.
    """
    wanted, zone = query.wanted(), settings.timezone
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        entries = look(connection, wanted, zone=zone, limit=query.limit, before=query.before)
        answer: dict[str, Any] = {"entries": [dict(entry) for entry in entries], "names": names_in(connection, entries)}
        if query.counts:
            answer["counts"] = summary(connection, wanted, zone=zone)
        enter_look(connection, wanted, actor=caller.username, action="read audit log")
    answer["next"] = entries[-1]["seq"] if len(entries) == query.limit else None
    return json_response(answer)


@router.get(
    "/export",
    summary="The same entries as a file",
    dependencies=[permit(Permission.AUDIT)],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}, "application/x-ndjson": {}}}},
)
def export(
    query: Annotated[AuditExport, Query()], engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """All entries that are wanted, the newest first, as CSV without formulas or as JSON lines. Exporting is entered."""
    wanted = query.wanted()
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        newest = look(connection, wanted, zone=settings.timezone, limit=1)
        enter_look(connection, wanted, actor=caller.username, action="export audit log")
    before = newest[0]["seq"] + 1 if newest else 1
    name = f"gismap-audit-{settings.today()}.{query.format}"
    return StreamingResponse(
        _pieces(engine, wanted, query.format, zone=settings.timezone, before=before),
        media_type="text/csv; charset=utf-8" if query.format == "csv" else "application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post("/check", summary="Check the entries that one sees", dependencies=[permit(Permission.AUDIT)])
def check(_: Annotated[NoQuery, Query()], engine: Database, caller: CurrentCaller, settings: Configuration) -> Response:
    """Whether the newest entries are as they were written, and (for an auditor of the whole district) whether each
    follows the one before it. That the end was not cut off is checked by `gismap audit verify` alone. It is entered.
    """
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        found = check_seen(connection, sees_all=not caller.limits(Permission.AUDIT))
        enter_check(connection, found, actor=caller.username)
    return json_response(asdict(found))


def _pieces(engine: Engine, wanted: Wanted, form: str, *, zone: str, before: int) -> Iterator[str]:
    """A file in pieces, each read in a transaction of its own: a slow client holds no connection."""
    is_first = True
    while True:
        with reading(engine) as connection:
            entries = look(connection, wanted, zone=zone, limit=AT_ONCE, before=before)
        piece = StringIO()
        if form == "jsonl":
            write_jsonl(entries, piece)
        else:
            piece.write(MARK if is_first else "")
            write_csv(entries, piece, heading=is_first)
        yield piece.getvalue()
        if len(entries) < AT_ONCE:
            return
        is_first, before = False, entries[-1]["seq"]
