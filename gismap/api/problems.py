"""Every error as an RFC 9457 problem; which error has which status is in `gismap.errors`."""

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gismap.errors import STATUS, CoverageError, GismapError
from gismap.geometry.errors import GeometryError

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 2

log = structlog.get_logger()


def problem(
    status: int, detail: str, *, type: str, field: str | None = None, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """A problem details answer; `more` are members of its type."""
    body = {"type": type, "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if field is not None:
        body["field"] = field
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
    app.add_exception_handler(Exception, _unexpected)


async def _known(_: Request, error: Exception) -> Response:
    assert isinstance(error, GismapError | GeometryError)
    status = status_of(error)
    more = {"defects": error.defects} if isinstance(error, CoverageError) else {}
    return problem(
        status,
        error.detail,
        type=error.type if isinstance(error, GismapError) else "bad-geometry",
        field=error.field,
        headers={"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None,
        **more,
    )


async def _unreadable(_: Request, error: Exception) -> Response:
    """What FastAPI and Pydantic refuse: the first fault, named by its place in the query or body."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    field = ".".join(where[1:]) or where[0]
    if first["type"] == "json_invalid":
        return problem(400, f"the body is no JSON: {first['ctx']['error']}", type="bad-json", field="body")
    if first["type"] == "extra_forbidden":
        return problem(400, f"there is no parameter {field!r} here", type="unknown-parameter", field=field)
    return problem(400, first["msg"].removeprefix("Value error, "), type="bad-input", field=field)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem(error.status_code, str(error.detail), type=kind, headers=dict(error.headers or {}))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return problem(500, "Something went wrong on our side; the log tells what.", type="internal")
