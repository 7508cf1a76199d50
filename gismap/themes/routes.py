"""HTTP of the thematic maps: `/maps/{theme}`, the start page `/`, and the pages' own scripts and styles."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from sqlalchemy import Engine

from gismap.access.values import Permission
from gismap.errors import NotFoundError, StillLoadingError
from gismap.http import Configuration, CurrentCaller, Database, Day, Parameters, Text, Tongue, open_to_all, permit
from gismap.i18n import Language
from gismap.themes.assets import STATIC, STATIC_URL, with_nonce
from gismap.themes.rows import NothingPublishedError
from gismap.themes.service import PageMemory, Wanted
from gismap.themes.specs import theme_named

router = APIRouter(tags=["maps"])
memory = PageMemory()


class MapParameters(Parameters):
    """What a map may be asked for beside its theme."""

    lang: Language | None = None
    as_of: Day | None = None
    unit: Text | None = None


async def wanted_by(
    caller: CurrentCaller, asked: Annotated[MapParameters, Query()], settings: Configuration, tongue: Tongue
) -> Wanted:
    """What a caller asks for, but for the theme."""
    return Wanted(
        theme=theme_named("one"),
        language=asked.lang or tongue,
        as_of=asked.as_of or settings.today(),
        unit=asked.unit,
        territories=tuple(caller.limits(Permission.SEE)),
    )


@router.get(
    "/",
    response_class=HTMLResponse,
    summary="The one map, with boxes to locate a point and to search an area",
    dependencies=[permit(Permission.SEE)],
)
def start_page(request: Request, engine: Database, wanted: Annotated[Wanted, Depends(wanted_by)]) -> Response:
    return _page(request, engine, replace(wanted, theme=theme_named("one")), desk=True)


@router.get(
    "/maps/{theme}", response_class=HTMLResponse, summary="A thematic map", dependencies=[permit(Permission.SEE)]
)
def thematic_map(
    request: Request, theme: str, engine: Database, wanted: Annotated[Wanted, Depends(wanted_by)]
) -> Response:
    return _page(request, engine, replace(wanted, theme=theme_named(theme)), desk=False)


@router.get(STATIC_URL + "/{name}", include_in_schema=False, dependencies=[Depends(open_to_all)])
def static_file(name: str) -> Response:
    if name not in {path.name for path in STATIC.iterdir()}:
        raise NotFoundError(f"there is no file {name}", field="name")
    return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})


def _page(request: Request, engine: Engine, wanted: Wanted, *, desk: bool) -> Response:
    try:
        html = memory.page(engine, wanted, desk=desk)
    except NothingPublishedError as error:
        stage = request.app.state.loading()
        if stage is None:
            raise
        raise StillLoadingError(stage or "start") from error
    return HTMLResponse(with_nonce(html, request.state.csp_nonce), headers={"Cache-Control": "private, no-store"})
