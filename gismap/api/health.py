"""Whether the service lives, and whether it can answer from its database."""

from functools import cache

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import text

from gismap.errors import UnavailableError
from gismap.http import json_response, open_to_all
from gismap.resources import resource_dir
from gismap.store.session import reading

router = APIRouter(tags=["service"])

STATE = """
SELECT (SELECT title_zh FROM district) AS district,
       (SELECT max(number) FROM revision WHERE withdrawn_at IS NULL) AS revision;
"""


@router.get("/health", summary="The process answers; the database is not asked", dependencies=[Depends(open_to_all)])
async def health() -> dict[str, str]:
    """Always `ok`."""
    return {"status": "ok"}


@router.get("/ready", summary="The database answers and has this version's schema", dependencies=[Depends(open_to_all)])
def ready(request: Request) -> Response:
    """The schema's version and what is stored; `district` and `revision` are null until a district is loaded."""
    with reading(request.app.state.engine) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current != newest_schema():
            raise UnavailableError(f"the database has schema {current or 'none'}, this version needs {newest_schema()}")
        state = connection.execute(text(STATE)).mappings().one()
        return json_response({"status": "ready", "schema": current, **state})


@cache
def newest_schema() -> str | None:
    """The newest schema version that this gismap knows."""
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    return ScriptDirectory.from_config(config).get_current_head()
