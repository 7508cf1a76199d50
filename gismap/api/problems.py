"""Every error as an RFC 9457 problem, or as a page for a browser; its status is settled in `gismap.errors`."""

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from gismap.errors import STATUS, CoverageError, GismapError, RebaseError, TooManyError, UnauthenticatedError
from gismap.geometry.errors import GeometryError
from gismap.http import language_of
from gismap.i18n import Language
from gismap.themes.notices import notice_page
from gismap.themes.signing_in import sign_in_url

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 2
MAX_DETAIL, MAX_FIELD = 2_000, 200
"""Characters; both may name what a caller has made up, at any length."""

log = structlog.get_logger()


def problem(
    status: int, detail: str, *, type: str, field: str | None = None, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """A problem details answer; `more` are members of its type."""
    body = {"type": type, "title": HTTPStatus(status).phrase, "status": status, "detail": detail[:MAX_DETAIL]}
    if field is not None:
        body["field"] = field[:MAX_FIELD]
    return Response(orjson.dumps(body | more), status, headers, PROBLEM_JSON)


def status_of(error: Exception) -> int:
    """The HTTP status of an error; the most derived class in the table wins."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def install(app: FastAPI) -> None:
    """Let the application answer every error as a problem."""
    app.add_exception_handler(GismapError, _known)
    app.add_exception_handler(GeometryError, _known)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)


async def _answer(
    request: Request,
    status: int,
    detail: str,
    *,
    type: str,
    field: str | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """The problem, or for a browser that opened a page of ours a page that says so in the reader's words."""
    if not _wants_page(request):
        return problem(status, detail, type=type, field=field, headers=headers, **more)
    asked = request.query_params.get("lang")
    language: Language = "en" if asked == "en" else "zh" if asked == "zh" else await language_of(request)
    return HTMLResponse(notice_page(type, status, detail, language), status, headers)


def _wants_page(request: Request) -> bool:
    return (
        request.method in {"GET", "HEAD"}
        and not request.url.path.startswith("/api/")
        and "text/html" in request.headers.get("accept", "")
    )


def _headers_of(error: Exception, status: int) -> dict[str, str] | None:
    if isinstance(error, TooManyError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, GismapError | GeometryError)
    if isinstance(error, UnauthenticatedError) and _wants_page(request):
        return RedirectResponse(sign_in_url(request), HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    status = status_of(error)
    more = {"defects": error.defects} if isinstance(error, CoverageError) else {}
    more |= {"conflicts": error.conflicts} if isinstance(error, RebaseError) else {}
    return await _answer(
        request,
        status,
        error.detail,
        type=error.type if isinstance(error, GismapError) else "bad-geometry",
        field=error.field,
        headers=_headers_of(error, status),
        **more,
    )


async def _unreadable(request: Request, error: Exception) -> Response:
    """What FastAPI and Pydantic refuse: the first fault, named by its place in the query or body."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    field = ".".join(where[1:]) or where[0]
    if first["type"] == "json_invalid":
        return problem(400, f"the body is no JSON: {first['ctx']['error']}", type="bad-json", field="body")
    if first["type"] == "extra_forbidden":
        detail = f"there is no parameter {field!r} here"
        return await _answer(request, 400, detail, type="unknown-parameter", field=field)
    return await _answer(request, 400, first["msg"].removeprefix("Value error, "), type="bad-input", field=field)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:  # what FastAPI says of bodies that break its parser
        return problem(400, "the body cannot be read as JSON", type="bad-json", field="body")
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    path = request.url.path[:100]
    says = {404: f"there is nothing at {path}", 405: f"{request.method} is not offered at {path}"}
    detail = says.get(error.status_code, str(error.detail))
    return await _answer(request, error.status_code, detail, type=kind, headers=dict(error.headers or {}))


async def unexpected(request: Request, error: Exception) -> Response:
    """The answer to a fault of ours, which is logged."""
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return await _answer(request, 500, "Something went wrong on our side; the log tells what.", type="internal")
