"""HTTP of the audit log."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from gismap.access.audit_log import Wanted, enter_look, look
from gismap.access.values import Permission
from gismap.http import Configuration, CurrentCaller, Database, Day, Parameters, Text, json_response, permit
from gismap.store.session import writing

router = APIRouter(prefix="/api", tags=["audit"])

LAST_SEQ = 2**63 - 1


class AuditQuery(Parameters):
    """`GET /api/audit`."""

    who: Text | None = None
    subject: Text | None = None
    unit: Text | None = None
    since: Day | None = None
    until: Day | None = None
    before: Annotated[int, Field(ge=1, le=LAST_SEQ)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


@router.get("/audit", summary="Who did what, the newest first", dependencies=[permit(Permission.AUDIT)])
def audit_log(
    query: Annotated[AuditQuery, Query()], engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """A page of entries; `next` is the `before` of the following page. Reading is itself entered."""
    wanted = Wanted(query.who, query.subject, query.unit, query.since, query.until)
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        entries = look(connection, wanted, zone=settings.timezone, limit=query.limit, before=query.before)
        enter_look(connection, wanted, actor=caller.username, action="read audit log")
    following = entries[-1]["seq"] if len(entries) == query.limit else None
    return json_response({"entries": [dict(entry) for entry in entries], "next": following})
