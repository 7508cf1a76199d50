"""HTTP of what a publication means: its certificate, and what changes hands from one revision to another."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from gismap.access.values import Permission
from gismap.handover.certificate import certificate
from gismap.handover.difference import between_revisions
from gismap.http import CurrentCaller, Database, NoQuery, Parameters, Text, json_response, permit
from gismap.store.session import reading

router = APIRouter(prefix="/api/revisions", tags=["revisions"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of a revision")]


class CertificateQuery(Parameters):
    """`GET /api/revisions/{number}/certificate`."""

    unit: Text | None = None


@router.get(
    "/{number}/certificate", summary="What a revision states, proved anew", dependencies=[permit(Permission.SEE)]
)
def certify(
    number: Number, query: Annotated[CertificateQuery, Query()], engine: Database, caller: CurrentCaller
) -> Response:
    """Of a unit, or of all that the caller may see: areas, counts, gaps, overlaps, exceptions and the digest."""
    with reading(engine) as connection:
        return json_response(certificate(connection, number, query.unit, caller.limits(Permission.SEE)).as_dict())


@router.get(
    "/{a}/diff/{b}", summary="What changes hands from one revision to another", dependencies=[permit(Permission.SEE)]
)
def difference(
    a: Number, b: Number, _: Annotated[NoQuery, Query()], engine: Database, caller: CurrentCaller
) -> Response:
    """By pair of grids: land, buildings, households, places and posts, as far as the caller may see them."""
    with reading(engine) as connection:
        return json_response(between_revisions(connection, a, b, caller.limits(Permission.SEE)).as_dict())
