"""HTTP of locating."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from gismap.access.values import Permission
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
from gismap.store.session import reading

router = APIRouter(prefix="/api", tags=["locating"])


class LocateQuery(Parameters):
    """`GET /api/locate`."""

    x: FiniteText
    y: FiniteText
    crs: Text = "cgcs2000"
    as_of: Day | None = None
    near: Text | None = None


@router.get("/locate", summary="Which grid is a point in, and who answers", dependencies=[permit(Permission.LOCATE)])
def locate_point(
    query: Annotated[LocateQuery, Query()], engine: Database, settings: Configuration, language: Tongue
) -> Response:
    """`x` is the easting or longitude, `y` the northing or latitude; `near=layer:k` adds what is near."""
    near = parse_near(query.near) if query.near else []
    with reading(engine) as connection:
        answer = locate(
            connection,
            query.x,
            query.y,
            crs=query.crs,
            as_of=query.as_of or settings.today(),
            near=near,
            language=language,
            far_km=settings.far_km,
        )
    return json_response(answer)
