"""`gismap up`: holds the database, the service and the loading of a demo together, from start to clean end.

What the service answers is in `gismap.api`; how the private server lives is in `gismap.store.server`.
"""

import gc
import http
import http.client
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from gismap.access.callers import LOOPBACK
from gismap.access.signing_in import has_users
from gismap.api.app import create_app
from gismap.api.connections import Limits, protocol_within
from gismap.demo.filling import DemoProcess, Filling
from gismap.demo.land.sketch import check_sketch
from gismap.errors import EXIT_UNUSABLE, EnvironmentProblemError, GismapError, UnavailableError
from gismap.locating.gazetteer import read_pending
from gismap.planning.enforcing import carry_out_requests
from gismap.settings import Settings
from gismap.store.fitness import assert_fit
from gismap.store.migrate import status, upgrade
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine

NO_DEMO = "none"

REQUESTS_EVERY_S = 1.0

GRACE_S = 5
"""Requests under way may take this long to end when the service stops."""


def up(settings: Settings) -> int:
    """Run the service until SIGINT or SIGTERM; returns the exit code.

    Prints one line `ready http://…` on stdout once /health answers. Ends together with its private database server.

    Raises:
        EnvironmentProblemError: the port or the data folder is in use, there is no usable database, or other machines
            would be served although nobody can sign in.
        NotFoundError: there is no such demo.
    """
    if settings.demo != NO_DEMO:
        check_sketch(settings.demo)
    listener = _listen(settings.host, settings.port)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with listener, _database(settings) as connected:
            _check_users(connected)
            return _serve(connected, listener)
    except KeyboardInterrupt:
        return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends gismap as Ctrl-C does."""
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(f"gismap: {text}", file=sys.stderr, flush=True)


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything is started; connections wait until the service answers them."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise EnvironmentProblemError(
            f"Port {port} of {host} cannot be used: {error.strerror}. "
            "Stop what listens there, or choose another with --port."
        ) from error
    return listener


@contextmanager
def _database(settings: Settings) -> Iterator[Settings]:
    """The settings with the URLs of a running, migrated database: the configured one, or the private one."""
    if settings.database_url is not None:
        assert_fit(settings.database_url)
        _migrate(settings)
        yield settings
        return
    server = PrivateServer(settings.data_dir)
    stopping = threading.Event()
    try:
        urls = server.start()
        threading.Thread(target=_keep_running, args=(server, stopping), daemon=True).start()
        connected = settings.model_copy(update={"database_url": urls.service_url, "database_owner_url": urls.owner_url})
        _migrate(connected)
        yield connected
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second signal must not cut the clean end short
        stopping.set()
        server.stop()


def _keep_running(server: PrivateServer, stopping: threading.Event) -> None:
    """Start the database again when it was killed; the service's pool finds its way back by itself."""
    while True:
        server.wait()
        if stopping.is_set():
            return
        _say("the database ended unexpectedly; starting it again")
        server.stop()
        try:
            server.start()
        except GismapError as error:
            _say(error.detail)
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _migrate(settings: Settings) -> None:
    if settings.database_owner_url is not None:
        upgrade(settings.database_owner_url)
        read_pending(settings.database_owner_url)
        return
    current, head = status(str(settings.database_url))
    if current != head:
        raise EnvironmentProblemError(
            f"The database has schema {current or 'none'}, this gismap needs {head}: "
            "name its owner in GISMAP_DATABASE_OWNER_URL, and it is migrated at the start."
        )


def _check_users(settings: Settings) -> None:
    """Refuse to serve other machines while nobody could sign in: there is no default password to find out about."""
    if settings.host in LOOPBACK:
        return
    engine = make_engine(str(settings.database_url))
    try:
        if not has_users(engine):
            raise EnvironmentProblemError(
                f"{settings.host} can be reached from other machines, and nobody can sign in yet: make the first "
                "administrator with `gismap user add NAME --role administrator`, then start again",
                field="GISMAP_HOST",
            )
    finally:
        engine.dispose()


def _serve(settings: Settings, listener: socket.socket) -> int:
    app, demo = create_app(settings), _demo(settings)
    if demo is not None:
        app.state.loading = demo.stage
    server = uvicorn.Server(service_config(settings, app))
    gc.freeze()  # modules stay: going through them all would now and then stop every request for a third of a second
    threading.Thread(target=_announce, args=(settings, demo), daemon=True).start()
    stopping = threading.Event()
    publisher = threading.Thread(target=_carry_out, args=(settings, stopping), daemon=True)
    if settings.database_owner_url is not None:
        publisher.start()
    try:
        server.run(sockets=[listener])
    finally:
        stopping.set()
        if publisher.is_alive():
            publisher.join(GRACE_S)
        if demo is not None:
            demo.stop()
    return 0 if server.started else EXIT_UNUSABLE


def service_config(settings: Settings, app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves an application."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=settings.proxies != "",
        forwarded_allow_ips=settings.proxies,
        timeout_graceful_shutdown=GRACE_S,
        http=protocol_within(_limits(settings)),
        ws="none",
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        head_s=settings.head_timeout_s,
        body_s=settings.body_timeout_s,
        answer_s=settings.answer_timeout_s,
        max_head_bytes=settings.max_head_bytes,
        max_connections=settings.max_connections,
    )


def _demo(settings: Settings) -> DemoProcess | None:
    if settings.demo == NO_DEMO or settings.database_owner_url is None:
        return None  # only the owner writes
    return DemoProcess(Filling(settings.demo, settings.database_owner_url, settings.today(), settings.keyring_path))


def _carry_out(settings: Settings, stopping: threading.Event) -> None:
    """Publish what planners ask for on the console: only the owner writes boundaries, which the service is not."""
    engine = make_engine(str(settings.database_owner_url), pool_size=1)
    try:
        while not stopping.wait(REQUESTS_EVERY_S):
            try:
                answers = carry_out_requests(engine, settings.today())
            except UnavailableError:
                continue  # the database is being started again; what was asked stays asked
            for answer in answers:
                done = answer.publication
                _say(f"plan {answer.plan_id}: {answer.refusal if done is None else f'revision {done.number}'}")
    finally:
        engine.dispose()


def _announce(settings: Settings, demo: DemoProcess | None) -> None:
    """Say `ready` once a request was answered, then see to the demo, which may take a while."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port)
    try:
        connection.request("GET", "/health")
        healthy = connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return  # the service did not start and says why
    if healthy:
        print(f"ready http://{f'[{host}]' if ':' in host else host}:{settings.port}", flush=True)
        if demo is not None:
            demo.start_if_empty()
