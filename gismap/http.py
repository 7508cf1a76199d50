"""What the routers of all capabilities share: the database, the day, strict parameter types and JSON answers.

Statuses of errors are in `gismap.errors`, their wire form in `gismap.api.problems`. What a request depends on is found
by coroutines, since a plain function would cost each request a trip to the thread pool.
"""

import re
from datetime import date
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError
from sqlalchemy import Engine

from gismap.access.callers import Callers
from gismap.access.values import Caller, Permission
from gismap.errors import BadInputError, ForbiddenError, MediaTypeError
from gismap.i18n import Language
from gismap.settings import Settings
from gismap.store.scope import looking_as

MAX_TEXT = 200
"""Characters of a name, code or other short text in a request."""


async def caller_of(request: Request) -> Caller:
    """Who asks.

    Raises:
        UnauthenticatedError: nobody is signed in.
    """
    callers: Callers = request.app.state.callers
    return await callers.of(request)


CurrentCaller = Annotated[Caller, Depends(caller_of)]


def permit(permission: Permission) -> Any:
    """The dependency of an endpoint that needs a permission, somewhere; where, the database sees to."""

    async def check(caller: CurrentCaller) -> None:
        if not caller.may(permission):
            raise ForbiddenError(f"this needs the permission {permission}")

    check.permission = permission  # type: ignore[attr-defined]
    return Depends(check)


async def open_to_all() -> None:
    """The dependency of an endpoint that tells nothing of a district and nobody's data."""


async def engine_of(request: Request, caller: CurrentCaller) -> Engine:
    """The engine that the application's life span owns, looking with the caller's eyes."""
    engine: Engine = request.app.state.engine
    return looking_as(engine, caller.token)


async def settings_of(request: Request) -> Settings:
    """The settings that the application was made with."""
    settings: Settings = request.app.state.settings
    return settings


async def language_of(request: Request) -> Language:
    """The caller's language: the first of `Accept-Language` that is ours, else the deployment's."""
    for part in request.headers.get("accept-language", "").split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code == "zh":
            return "zh"
        if code == "en":
            return "en"
    settings: Settings = request.app.state.settings
    return settings.language


async def refuse_repeats(request: Request) -> None:
    """Refuse a query parameter that is given twice, since only one of the two could be heeded."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"{name!r} is given more than once", field=name)


async def json_only(request: Request) -> None:
    """Refuse a body that does not say that it is JSON."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json" and not re.fullmatch(r"application/[^/]+\+json", media_type):
        raise MediaTypeError("the body must be JSON, sent as Content-Type: application/json", field="body")


Database = Annotated[Engine, Depends(engine_of)]
Configuration = Annotated[Settings, Depends(settings_of)]
Tongue = Annotated[Language, Depends(language_of)]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character is not text")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _iso_day(value: object) -> object:
    is_day = isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value))
    if not is_day:
        raise ValueError("must be a day such as 2026-11-22")
    return value


AnyText = Annotated[StrictStr, Field(max_length=MAX_TEXT), AfterValidator(_storable)]
"""Short text that a database can hold; may be empty. The limit on its length also refuses lone surrogates."""

Text = Annotated[AnyText, AfterValidator(_not_blank)]
"""Short text, not empty."""

Day = Annotated[date, BeforeValidator(_iso_day)]
"""A day, written 2026-11-22."""

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number in JSON: neither true nor "1", neither NaN nor infinite."""

FiniteText = Annotated[float, Field(allow_inf_nan=False)]
"""A number in a query string."""


class Parameters(BaseModel):
    """Base of query parameters and bodies: what is not declared is a mistake of the caller."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Read = TypeVar("Read", bound=Parameters)


class NoQuery(Parameters):
    """No parameters at all."""


def read_query(request: Request, model: type[Read]) -> Read:
    """The query string by its model, for the endpoint that is asked most often.

    As its parameter FastAPI would look into the type of every field with every request, which takes longer than finding
    the answer. `parameters_of` describes the model instead.

    Raises:
        RequestValidationError: as FastAPI would.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in error.errors()]) from error


def parameters_of(model: type[Parameters]) -> dict[str, Any]:
    """What the OpenAPI document says of a query, as FastAPI would say it."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": {key: value for key, value in field.items() if (key, value) != ("default", None)},
        }
        for name, field in schema["properties"].items()
    ]
    return {"parameters": parameters}


def names_in(text: str | None, field: str) -> list[str] | None:
    """The names in a comma-separated list; None when none was given.

    Raises:
        BadInputError: the list holds nothing.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise BadInputError("name at least one, separated by commas", field=field)
    return names


class GeoJsonResponse(JSONResponse):
    """GeoJSON as PostgreSQL wrote it; the class documents that it is JSON of that kind."""

    media_type = "application/geo+json"

    def render(self, content: str | bytes) -> bytes:
        return content.encode() if isinstance(content, str) else content


def json_response(value: Any) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), media_type="application/json")
