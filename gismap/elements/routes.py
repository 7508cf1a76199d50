"""HTTP of elements: resources in an area, layers, streets by name."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from gismap.access.values import Permission
from gismap.elements import service
from gismap.elements.schemas import ResourcesQuery, SearchBody
from gismap.http import (
    Configuration,
    CurrentCaller,
    Database,
    GeoJsonResponse,
    NoQuery,
    Parameters,
    Text,
    Tongue,
    json_only,
    json_response,
    permit,
)
from gismap.store.session import reading

router = APIRouter(prefix="/api", tags=["resources"])


class StreetsQuery(Parameters):
    """`GET /api/streets`."""

    name: Text
    limit: Annotated[int, Field(ge=1, le=100)] = 10


@router.get(
    "/resources",
    summary="Who and what is in a unit or box",
    response_class=GeoJsonResponse,
    dependencies=[permit(Permission.SEE)],
)
def resources(
    query: Annotated[ResourcesQuery, Query()],
    engine: Database,
    caller: CurrentCaller,
    settings: Configuration,
    language: Tongue,
) -> Response:
    """A page of GeoJSON features; `next` is the cursor of the following page."""
    with reading(engine) as connection:
        question = replace(query.question(connection, settings.today()), territories=caller.limits(Permission.SEE))
        page = service.find_resources(connection, question, language=language, far_km=settings.far_km)
    return GeoJsonResponse(page)


@router.post(
    "/resources/search",
    summary="Who and what is in any area, by any filter, or nearest to a point",
    response_class=GeoJsonResponse,
    dependencies=[Depends(json_only), permit(Permission.SEE)],
)
def search(
    body: SearchBody,
    _: Annotated[NoQuery, Query()],
    engine: Database,
    caller: CurrentCaller,
    settings: Configuration,
    language: Tongue,
) -> Response:
    """As `GET /api/resources`, with every form of area and filter."""
    with reading(engine) as connection:
        question = replace(
            body.question(connection, settings.today(), settings.max_vertices),
            territories=caller.limits(Permission.SEE),
        )
        page = service.find_resources(connection, question, language=language, far_km=settings.far_km)
    return GeoJsonResponse(page)


@router.get("/layers", summary="All layers with their titles", dependencies=[permit(Permission.SEE)])
def layers(_: Annotated[NoQuery, Query()], engine: Database) -> Response:
    """Layers by name."""
    with reading(engine) as connection:
        return json_response({"layers": service.list_layers(connection)})


@router.get("/streets", summary="Streets by name", dependencies=[permit(Permission.SEE)])
def streets(query: Annotated[StreetsQuery, Query()], engine: Database) -> Response:
    """Streets whose name contains the text, the most similar first: what a corridor can be asked along."""
    with reading(engine) as connection:
        return json_response({"streets": service.streets_like(connection, query.name, query.limit)})
