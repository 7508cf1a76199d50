"""One process that serves the application with one more endpoint, which returns a constant after the same checks.

    python -m benchmarks.constant  # the database in GISMAP_DATABASE_URL; says its port on stdout

The service itself has no such endpoint; it is the floor of whatever is answered by Python over HTTP.
"""

import socket

import uvicorn
from fastapi import Response

from gismap.access.values import Permission
from gismap.api.app import create_app
from gismap.http import json_response, permit
from gismap.settings import get_settings
from gismap.up import service_config

PATH = "/constant"


def main() -> None:
    """Serve until told to stop."""
    settings = get_settings()
    app = create_app(settings)

    @app.get(PATH, dependencies=[permit(Permission.LOCATE)])
    async def constant() -> Response:
        return json_response({"status": "ok"})

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(service_config(settings, app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
