"""HTTP of locating."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StrictStr
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from gismap.access.values import Caller, Permission
from gismap.errors import BadInputError
from gismap.http import (
    Configuration,
    CurrentCaller,
    Database,
    Day,
    FiniteText,
    Parameters,
    Text,
    engine_of,
    json_response,
    language_of,
    parameters_of,
    permit,
    read_query,
    settings_of,
)
from gismap.i18n import Language
from gismap.locating.queries import Near
from gismap.locating.rulings import list_rulings
from gismap.locating.service import Question, check_layers, locate, may_call, parse_near
from gismap.locating.snapshot import Snapshot
from gismap.locating.wording import MAX_QUESTION, answer_with_near, check_question
from gismap.settings import Settings
from gismap.store.session import reading

router = APIRouter(prefix="/api", tags=["locating"])


Words = Annotated[StrictStr, Field(max_length=MAX_QUESTION)]


class LocateQuery(Parameters):
    """`GET /api/locate`: `x` and `y`, or `text`."""

    x: FiniteText | None = None
    y: FiniteText | None = None
    text: Words | None = None
    crs: Text = "cgcs2000"
    accuracy: FiniteText | None = None
    as_of: Day | None = None
    near: Text | None = None


@router.get(
    "/locate",
    summary="Whose is a point or a place",
    dependencies=[permit(Permission.LOCATE)],
    openapi_extra=parameters_of(LocateQuery),
)
async def locate_point(request: Request, caller: CurrentCaller) -> Response:
    """For a point (`x` the easting or longitude, `y` the northing or latitude, `accuracy` the radius of its error in
    metres) or a `text`: which grid, who answers, how sure that is. `near=layer:k` adds what is near.
    """
    query = read_query(request, LocateQuery)
    near = parse_near(query.near) if query.near else []
    # Called here, since each as a dependency costs a third of what finding the answer does or more.
    question = _question(query, await settings_of(request), await language_of(request))
    snapshot: Snapshot = request.app.state.snapshot
    as_of = question.as_of
    if near or question.words or snapshot.held(as_of) is None or not snapshot.is_complete:
        engine = await engine_of(request, caller)
        answer = await run_in_threadpool(_answer, snapshot, question, engine, caller, near)
    else:
        answer = locate(snapshot, question, may_call(caller))
    return json_response(answer)


class RulingsQuery(Parameters):
    """`GET /api/rulings`."""

    as_of: Day | None = None


@router.get("/rulings", summary="What was ruled beside the polygons", dependencies=[permit(Permission.LOCATE)])
def rulings(query: Annotated[RulingsQuery, Query()], engine: Database, settings: Configuration) -> Response:
    """Overrides of buildings and doors, and disputed borders, in force on a day."""
    with reading(engine) as connection:
        return json_response(list_rulings(connection, query.as_of or settings.today()))


def _question(query: LocateQuery, settings: Settings, language: Language) -> Question:
    as_of = query.as_of or settings.today()
    more: dict[str, Any] = {"accuracy_m": query.accuracy, "language": language, "far_km": settings.far_km}
    if query.text is not None:
        if query.x is not None or query.y is not None:
            raise BadInputError("give a text or x and y, not both", field="text")
        check_question(query.text)
        return Question(0.0, 0.0, query.crs, as_of, words=query.text, **more)
    if query.x is None or query.y is None:
        raise BadInputError("give x and y, or a text", field="x" if query.x is None else "y")
    return Question(query.x, query.y, query.crs, as_of, **more)


def _answer(snapshot: Snapshot, question: Question, engine: Engine, caller: Caller, near: list[Near]) -> dict[str, Any]:
    with reading(engine) as connection:
        check_layers(connection, near)
        return answer_with_near(connection, snapshot, question, near, may_call(caller))
