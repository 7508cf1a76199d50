"""One process that serves the application with one more endpoint beside locating, which returns a constant.

    python -m benchmarks.constant  # the database in GISMAP_DATABASE_URL; says its port on stdout

The constant comes after the same checks of whoever asks; it is the floor of what this server can answer with.
"""

import gc
import socket

import uvicorn
from fastapi import Response

from gismap.access.values import Permission
from gismap.api.app import create_app
from gismap.http import json_response, permit
from gismap.locating.routes import router
from gismap.settings import get_settings
from gismap.up import service_config

PATH = "/api/constant"


def main() -> None:
    """Serve until told to stop."""
    settings = get_settings()

    @router.get(PATH.removeprefix(router.prefix), dependencies=[permit(Permission.LOCATE)])
    async def constant() -> Response:
        return json_response({"status": "ok"})

    app = create_app(settings)
    gc.freeze()  # as the service does
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(service_config(settings, app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
