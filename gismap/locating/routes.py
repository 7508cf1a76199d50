"""HTTP of locating."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from gismap.access.values import Caller, Permission
from gismap.http import (
    Configuration,
    CurrentCaller,
    Database,
    Day,
    FiniteText,
    Parameters,
    Text,
    Tongue,
    json_response,
    permit,
)
from gismap.locating.queries import Near
from gismap.locating.rulings import list_rulings
from gismap.locating.service import Question, find_near, locate, may_call, parse_near
from gismap.locating.snapshot import Snapshot
from gismap.store.session import reading

router = APIRouter(prefix="/api", tags=["locating"])


class LocateQuery(Parameters):
    """`GET /api/locate`."""

    x: FiniteText
    y: FiniteText
    crs: Text = "cgcs2000"
    accuracy: FiniteText | None = None
    as_of: Day | None = None
    near: Text | None = None


@router.get("/locate", summary="Which grid is a point in, and who answers", dependencies=[permit(Permission.LOCATE)])
async def locate_point(
    request: Request,
    query: Annotated[LocateQuery, Query()],
    engine: Database,
    caller: CurrentCaller,
    settings: Configuration,
    language: Tongue,
) -> Response:
    """`x` is the easting or longitude, `y` the northing or latitude, `accuracy` the radius of the position's error in
    metres; `near=layer:k` adds what is near.
    """
    near = parse_near(query.near) if query.near else []
    as_of = query.as_of or settings.today()
    question = Question(query.x, query.y, query.crs, as_of, query.accuracy, language, settings.far_km)
    snapshot: Snapshot = request.app.state.snapshot
    if near or snapshot.held(as_of) is None or not snapshot.is_complete:
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


def _answer(snapshot: Snapshot, question: Question, engine: Engine, caller: Caller, near: list[Near]) -> dict[str, Any]:
    answer = locate(snapshot, question, may_call(caller))
    if near:
        with reading(engine) as connection:
            point = answer["point"]
            answer["near"] = find_near(connection, point["lon"], point["lat"], question.as_of, near)
    return answer
