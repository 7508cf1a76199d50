"""HTTP of locating lists: a list comes in, the same rows go out while they are being answered.

A list is its sender's: it is kept in memory as long as it is being answered, and neither stored nor logged. Work is
done in threads, on a bounded number of lists at once, and ends when the sender goes away.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import BoundedSemaphore
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gismap.access.values import Caller, Permission
from gismap.errors import BadInputError, GismapError, MediaTypeError, UnavailableError
from gismap.http import (
    Configuration,
    CurrentCaller,
    Database,
    Day,
    FiniteText,
    Parameters,
    Text,
    Tongue,
    permit,
)
from gismap.locating.batch import Asker, Order, settled
from gismap.locating.batch_columns import find_places, parse_columns
from gismap.locating.batch_reading import open_list
from gismap.locating.batch_upload import KINDS, NAME, READ, form_for, is_read, read_upload
from gismap.locating.batch_writing import MEDIA_TYPES, Form, Tally, located, write_pieces
from gismap.locating.service import may_call, view_of
from gismap.locating.snapshot import Snapshot
from gismap.locating.wording import words_finder
from gismap.settings import Settings
from gismap.store import audit
from gismap.store.session import writing

router = APIRouter(prefix="/api/locate", tags=["locating"])

PATH = "/api/locate/batch"
MAX_ROWS = 1_000_000
PIECE_BYTES = 65_536
"""Of an answer at once: what is compressed between two other requests."""

log = structlog.get_logger()

_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM = {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
_ROWS = {"type": "array", "items": {"type": "object"}}
BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": _FORM},
        **{kind: {"schema": _ROWS if kind == "application/json" else {"type": "string"}} for kind in KINDS},
    },
}


class BatchQuery(Parameters):
    """`POST /api/locate/batch`."""

    crs: Text = "cgcs2000"
    accuracy: FiniteText | None = None
    as_of: Day | None = None
    columns: Text | None = None
    sheet: Text | None = None


@router.post(
    "/batch",
    summary="Which grid is each row of a list in, and who answers",
    dependencies=[permit(Permission.LOCATE)],
    response_class=StreamingResponse,
    responses={200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}}},
    openapi_extra={"requestBody": BODY},
)
async def locate_batch(
    request: Request,
    query: Annotated[BatchQuery, Query()],
    engine: Database,
    caller: CurrentCaller,
    settings: Configuration,
    language: Tongue,
) -> Response:
    """A CSV, XLSX or JSON (an array of objects) with columns of positions or words, named in Chinese or English or by
    `columns=x=…,y=…`; rows may tell their own frame and accuracy. The same rows come back in the same order, with the
    answer in further columns, in the form that `Accept` names. A row that cannot be answered says why.
    """
    if not is_read(request.headers.get("content-type", "")):
        raise MediaTypeError(f"the body must be {READ}, and say so in Content-Type", field="body")
    places: BoundedSemaphore = request.app.state.batches
    if not places.acquire(blocking=False):
        raise UnavailableError("as many lists as are taken at once are being located: try again in a moment")
    try:
        body = await _body(request)
        form, pieces = await run_in_threadpool(_begin, request, body, query, engine, caller, settings, language)
    except BaseException:
        places.release()
        raise
    headers = {"Content-Disposition": f'attachment; filename="located.{form}"'}
    return _Streamed(pieces, places.release, media_type=MEDIA_TYPES[form], headers=headers)


async def _body(request: Request) -> bytes:
    pieces = []
    try:
        async for piece in request.stream():
            pieces.append(piece)
    except ClientDisconnect as error:
        raise BadInputError("the list broke off before its end", field="body") from error
    return b"".join(pieces)


def _begin(
    request: Request,
    body: bytes,
    query: BatchQuery,
    engine: Engine,
    caller: Caller,
    settings: Settings,
    language: Tongue,
) -> tuple[Form, Iterator[bytes]]:
    """All that can be wrong with the whole of a list is found here; the rows are answered as they are taken."""
    upload = read_upload(request.headers["content-type"], body)
    form = form_for(request.headers.get("accept", ""), upload.kind)
    listing = open_list(lambda: io.BytesIO(upload.content), NAME, upload.kind, sheet=query.sheet, most=MAX_ROWS)
    places = find_places(listing.columns, parse_columns(query.columns))
    snapshot: Snapshot = request.app.state.snapshot
    order = Order(query.crs, query.accuracy, language, settings.far_km, may_call(caller))
    view = view_of(snapshot, query.as_of or settings.today())
    asked = (places.asked(row) for row in listing.rows())
    asker = Asker(view, settled(order, asked, view.boundaries.bounds), words_finder(engine))
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        detail = {"rows": listing.count, "form": form}
        audit.append(connection, actor=caller.username, action="locate list", subject="list", detail=detail)
    return form, _small(write_pieces(form, listing, located(listing, places, asker, Tally()), language))


def _small(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        for piece in pieces:
            for start in range(0, len(piece), PIECE_BYTES):
                yield piece[start : start + PIECE_BYTES]
    except GismapError as error:
        # The answer has begun, so that all that can be said is that it ends; the error may tell of the list.
        log.warning("a list broke off", error=type(error).__name__)
        raise RuntimeError("a list could not be answered to its end") from None


class _Streamed(StreamingResponse):
    """Pieces, and what is let go of when they were sent or nobody takes them any more."""

    def __init__(self, pieces: Iterator[bytes], release: Callable[[], None], **more: object) -> None:
        super().__init__(pieces, **more)  # type: ignore[arg-type]
        self._pieces, self._release = pieces, release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with closing(self._pieces):  # type: ignore[type-var]
                await super().__call__(scope, receive, send)
        finally:
            self._release()
