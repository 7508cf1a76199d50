"""HTTP of incidents: taking them in, pages, one with its history, placing it, and what is done with it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from gismap.access.values import Permission
from gismap.http import (
    Configuration,
    CurrentCaller,
    Database,
    NoQuery,
    Tongue,
    json_only,
    json_response,
    permit,
)
from gismap.i18n import Language
from gismap.incidents import intake, service
from gismap.incidents.placing import Locating
from gismap.incidents.schemas import LARGEST, ActionBody, IncidentsQuery, PlaceBody, ReasonBody, ReportBody
from gismap.incidents.service import Wanted
from gismap.settings import Settings
from gismap.store.keyring import read_keyring
from gismap.store.session import reading, writing

router = APIRouter(prefix="/api/incidents", tags=["incidents"])

Number = Annotated[int, Path(ge=1, le=LARGEST)]
Nothing = Annotated[NoQuery, Query()]
Key = Annotated[
    Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")] | None,
    Header(alias="Idempotency-Key", description="The same key again gets the same answer, and makes nothing new."),
]


def _locating(connection: Connection, request: Request, settings: Settings, language: Language) -> Locating:
    return Locating(connection, request.app.state.snapshot, settings.today(), language, settings.far_km)


@router.post(
    "",
    summary="Report an incident",
    status_code=201,
    dependencies=[Depends(json_only), permit(Permission.REPORT_INCIDENT)],
)
def report(
    request: Request,
    body: ReportBody,
    _: Nothing,
    engine: Database,
    settings: Configuration,
    language: Tongue,
    key: Key = None,
) -> Response:
    """Located at once by its `text`, its position or both; what is in doubt waits (`to_place`) with the `candidates`.
    `alike` are likely the same matter. A contact is sealed.
    """
    keyring = read_keyring(settings.keyring_path)
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        locating = _locating(connection, request, settings, language)

        def make() -> bytes:
            told = intake.report_incident(connection, locating, body.report(), keyring)
            return bytes(json_response(told).body)

        answer = intake.once(connection, key, body.model_dump_json().encode(), keyring, make)
    return Response(answer, 201, media_type="application/json")


@router.get("", summary="Incidents, the newest first", dependencies=[permit(Permission.HANDLE_INCIDENT)])
def incidents(
    query: Annotated[IncidentsQuery, Query()], engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """A page by unit, status, track and day of report; `next` is the `cursor` of the following page."""
    since = None if query.since is None else settings.beginning_of(query.since)
    territories = caller.limits(Permission.HANDLE_INCIDENT)
    wanted = Wanted(query.unit, query.status, query.track, since, query.cursor, query.limit, territories)
    with reading(engine) as connection:
        return json_response(service.list_incidents(connection, wanted, today=settings.today()))


@router.get(
    "/categories", summary="What can be reported, with its clocks", dependencies=[permit(Permission.REPORT_INCIDENT)]
)
def categories(_: Nothing, engine: Database, language: Tongue) -> Response:
    """Categories with their titles and how long acknowledging, a first response and resolving may take."""
    with reading(engine) as connection:
        return json_response({"categories": service.list_categories(connection, language)})


@router.get("/{incident}", summary="One incident with its history", dependencies=[permit(Permission.HANDLE_INCIDENT)])
def incident(
    incident: Number, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """The report as it came, where the matter has got to, and which `actions` the caller may take now."""
    with reading(engine) as connection:
        return json_response(service.show_incident(connection, incident, caller, today=settings.today()))


@router.post(
    "/{incident}/place",
    summary="Decide where an incident is",
    dependencies=[Depends(json_only), permit(Permission.DISPATCH_INCIDENT)],
)
def place(
    request: Request,
    incident: Number,
    body: PlaceBody,
    _: Nothing,
    engine: Database,
    settings: Configuration,
    language: Tongue,
) -> Response:
    """At a position, in a unit, or both. Whose it is is settled anew; the history keeps where it was."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        locating = _locating(connection, request, settings, language)
        placed = service.place_incident(connection, locating, incident, body.position(), body.unit, body.reason)
    return json_response(placed)


@router.post(
    "/{incident}/actions",
    summary="Do something with an incident",
    dependencies=[Depends(json_only), permit(Permission.HANDLE_INCIDENT)],
)
def actions(incident: Number, body: ActionBody, _: Nothing, engine: Database, settings: Configuration) -> Response:
    """One action, if its status and the caller's permissions there allow it; a claim is won by one alone."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        done = service.act(connection, incident, body.action, body.reason, body.more(), today=settings.today())
    return json_response(done)


@router.post(
    "/{incident}/contacts",
    summary="Whom to call back",
    dependencies=[Depends(json_only), permit(Permission.HANDLE_INCIDENT)],
)
def contacts(
    incident: Number, body: ReasonBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """For whoever has to call back alone; who looked and why is entered."""
    keyring = read_keyring(settings.keyring_path)
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        told = service.reveal_contacts(connection, incident, body.reason, keyring, caller, today=settings.today())
    return json_response(told)
