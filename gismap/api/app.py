"""The HTTP application: puts routers, middleware and errors together; what is answered lives in the capabilities."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import BoundedSemaphore

from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gismap import __version__
from gismap.access.audit_routes import router as audit
from gismap.access.callers import Callers
from gismap.access.routes import router as session
from gismap.api import docs, health, problems
from gismap.api.logs import configure_logs
from gismap.api.middleware import BodyLimit, Faults, HeadAsGet, SecurityHeaders
from gismap.api.openapi import MISTAKES
from gismap.cards.routes import router as cards
from gismap.care.routes import router as care
from gismap.elements.routes import router as elements
from gismap.errors import EnvironmentProblemError
from gismap.handover.routes import router as revisions
from gismap.http import refuse_repeats
from gismap.locating.batch_routes import PATH as BATCH_PATH
from gismap.locating.batch_routes import router as locating_lists
from gismap.locating.routes import router as locating
from gismap.locating.snapshot import Snapshot
from gismap.pages.routes import router as pages
from gismap.planning.routes import router as plans
from gismap.resources import resource_dir
from gismap.settings import Settings, get_settings
from gismap.store.session import make_engine
from gismap.themes.routes import router as themes
from gismap.themes.signing_in import router as signing_in

ROUTERS = (
    health.router,
    locating,  # early, since a request is tried on one router after the other, and none is asked for more often
    docs.router,
    session,
    signing_in,
    elements,
    care,
    locating_lists,
    cards,
    revisions,
    plans,
    themes,
    audit,
    pages,
)

VENDOR_MAX_AGE_S = 86_400
MAX_WAITING = 200
"""Requests that may wait for a connection at once, each in a thread: more would wait longer than the pool's limit."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; its life span owns the engine on `settings.database_url`.

    Raises:
        EnvironmentProblemError: no database is set.
    """
    chosen = settings or get_settings()
    if chosen.database_url is None:
        raise EnvironmentProblemError("no database is set: name it in GISMAP_DATABASE_URL, or run `gismap up`")
    url = chosen.database_url

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.engine = make_engine(
            url,
            pool_size=chosen.pool_size,
            pool_timeout_s=chosen.pool_timeout_s,
            statement_timeout_ms=chosen.statement_timeout_ms,
        )
        app.state.callers = Callers(app.state.engine, chosen)
        followers = make_engine(url, pool_size=2)  # apart from the pool, so that neither waits for the other
        app.state.snapshot = Snapshot(followers, chosen.today, chosen.handover_days)
        app.state.snapshot.start()
        app.state.batches = BoundedSemaphore(chosen.max_batches)
        current_default_thread_limiter().total_tokens = chosen.pool_size + MAX_WAITING
        yield
        app.state.snapshot.stop()
        followers.dispose()
        app.state.engine.dispose()

    configure_logs()
    app = FastAPI(
        title="gismap",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_repeats)],
        responses=MISTAKES,
    )
    app.state.settings = chosen
    app.state.loading = lambda: None  # what of a demo is being loaded; whoever loads one says so
    for router in ROUTERS:
        app.include_router(router)
    vendor = resource_dir("web") / "vendor"
    if vendor.is_dir():
        app.mount("/vendor", CachedFiles(directory=vendor), name="vendor")
    problems.install(app)
    # The last added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=chosen.max_body_bytes, longer={BATCH_PATH: chosen.max_batch_bytes})
    app.add_middleware(GZipMiddleware, minimum_size=4096, compresslevel=4)
    app.add_middleware(Faults)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)
    return app


class CachedFiles(StaticFiles):
    """Files that change only with the version, which browsers may keep for a day."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with its caching header."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = f"public, max-age={VENDOR_MAX_AGE_S}"
        return response
