"""HTTP of locating."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, StrictStr

from gismap.access.values import Permission
from gismap.errors import BadInputError
from gismap.http import (
    Configuration,
    Database,
    Day,
    FiniteText,
    Parameters,
    Text,
    Tongue,
    json_response,
    permit,
)
from gismap.locating.service import locate, parse_near
from gismap.locating.wording import MAX_QUESTION, check_question, locate_text
from gismap.store.session import reading

router = APIRouter(prefix="/api", tags=["locating"])


Question = Annotated[StrictStr, Field(max_length=MAX_QUESTION)]


class LocateQuery(Parameters):
    """`GET /api/locate`: `x` and `y`, or `text`."""

    x: FiniteText | None = None
    y: FiniteText | None = None
    text: Question | None = None
    crs: Text = "cgcs2000"
    as_of: Day | None = None
    near: Text | None = None


@router.get("/locate", summary="Whose is a point or a place", dependencies=[permit(Permission.LOCATE)])
def locate_point(
    query: Annotated[LocateQuery, Query()], engine: Database, settings: Configuration, language: Tongue
) -> Response:
    """For a point (`x` the easting or longitude, `y` the northing or latitude) or a `text`: which grid, who answers.

    `near=layer:k` adds what is near.
    """
    near = parse_near(query.near) if query.near else []
    more: dict[str, Any] = {
        "crs": query.crs,
        "as_of": query.as_of or settings.today(),
        "near": near,
        "language": language,
        "far_km": settings.far_km,
    }
    if query.text is not None:
        if query.x is not None or query.y is not None:
            raise BadInputError("give a text or x and y, not both", field="text")
        check_question(query.text)
        with reading(engine) as connection:
            return json_response(locate_text(connection, query.text, **more))
    if query.x is None or query.y is None:
        raise BadInputError("give x and y, or a text", field="x" if query.x is None else "y")
    with reading(engine) as connection:
        return json_response(locate(connection, query.x, query.y, **more))
