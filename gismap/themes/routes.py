"""HTTP of the thematic maps: `/maps/{theme}`, the start page `/`, and the pages' own scripts and styles."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from sqlalchemy import Engine

from gismap.errors import NotFoundError, UnavailableError
from gismap.http import Configuration, Database, Day, Parameters, Text, Tongue
from gismap.i18n import Language
from gismap.themes.assets import STATIC, STATIC_URL, with_nonce
from gismap.themes.rows import NothingPublishedError
from gismap.themes.service import PageMemory, Wanted
from gismap.themes.specs import theme_named

router = APIRouter(tags=["maps"])
memory = PageMemory()


class StillLoadingError(UnavailableError):
    """The demo is on its way; the text says which part of it."""

    type = "still-loading"


class MapParameters(Parameters):
    """What a map may be asked for beside its theme."""

    lang: Language | None = None
    as_of: Day | None = None
    unit: Text | None = None


Asked = Annotated[MapParameters, Query()]


@router.get("/", response_class=HTMLResponse, summary="The one map, with boxes to locate a point and to search an area")
def start_page(request: Request, asked: Asked, engine: Database, settings: Configuration, tongue: Tongue) -> Response:
    wanted = Wanted(theme_named("one"), asked.lang or tongue, asked.as_of or settings.today(), asked.unit)
    return _page(request, engine, wanted, desk=True)


@router.get("/maps/{theme}", response_class=HTMLResponse, summary="A thematic map")
def thematic_map(
    request: Request, theme: str, asked: Asked, engine: Database, settings: Configuration, tongue: Tongue
) -> Response:
    wanted = Wanted(theme_named(theme), asked.lang or tongue, asked.as_of or settings.today(), asked.unit)
    return _page(request, engine, wanted, desk=False)


@router.get(STATIC_URL + "/{name}", include_in_schema=False)
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
