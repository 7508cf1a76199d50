"""HTTP of units: their cards, their history, the units below one, and revisions."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from gismap.access.values import Permission
from gismap.boundaries.service import list_revisions, list_units, unit_history
from gismap.cards.service import unit_card
from gismap.http import (
    Configuration,
    CurrentCaller,
    Database,
    Day,
    NoQuery,
    Parameters,
    Text,
    Tongue,
    json_response,
    permit,
)
from gismap.store.session import reading

router = APIRouter(prefix="/api", tags=["grids"])

Key = Annotated[Text, Path(description="Code or identity of a unit of any level")]


class CardQuery(Parameters):
    """`GET /api/grids/{unit}`."""

    as_of: Day | None = None


class UnitsQuery(CardQuery):
    """`GET /api/grids`."""

    parent: Text | None = None


@router.get("/grids", summary="The units below a unit, or the topmost", dependencies=[permit(Permission.SEE)])
def units(query: Annotated[UnitsQuery, Query()], engine: Database, settings: Configuration) -> Response:
    """Units in the order of their codes."""
    with reading(engine) as connection:
        return json_response({"units": list_units(connection, query.parent, query.as_of or settings.today())})


@router.get("/grids/{unit}", summary="The card of a unit", dependencies=[permit(Permission.SEE)])
def card(
    unit: Key,
    query: Annotated[CardQuery, Query()],
    engine: Database,
    caller: CurrentCaller,
    settings: Configuration,
    language: Tongue,
) -> Response:
    """What it is, who answers, and people and things in numbers, on a day."""
    with reading(engine) as connection:
        day, territories = query.as_of or settings.today(), caller.limits(Permission.SEE)
        return json_response(unit_card(connection, unit, day, language, territories))


@router.get(
    "/grids/{unit}/history", summary="The versions of a unit and its lineage", dependencies=[permit(Permission.SEE)]
)
def history(unit: Key, _: Annotated[NoQuery, Query()], engine: Database) -> Response:
    """All versions, the newest first."""
    with reading(engine) as connection:
        return json_response(unit_history(connection, unit))


@router.get("/revisions", summary="All published revisions", dependencies=[permit(Permission.SEE)])
def revisions(_: Annotated[NoQuery, Query()], engine: Database) -> Response:
    """The newest first."""
    with reading(engine) as connection:
        return json_response({"revisions": list_revisions(connection)})
