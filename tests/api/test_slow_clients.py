"""Clients that dawdle are let go, busy ones are not: a real service on a socket, with short deadlines."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gismap.api.app import create_app
from gismap.api.connections import Limits, protocol_within
from gismap.settings import Settings
from tests.conftest import Database

SOON = Limits(head_s=0.5, body_s=0.5, answer_s=0.5, max_head_bytes=4000, max_connections=40)
PATIENCE_S = 8.0
BIG = b"x" * 8_000_000
Address = tuple[str, int]


@contextmanager
def listening(app: ASGIApp, limits: Limits = SOON) -> Iterator[Address]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=protocol_within(limits),
        log_level="critical",
        timeout_keep_alive=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture(scope="module")
def service(furnished: Database) -> Iterator[Address]:
    with listening(create_app(Settings(database_url=furnished.service_url))) as address:
        yield address


@contextmanager
def connected(address: Address) -> Iterator[socket.socket]:
    with closing(socket.create_connection(address, timeout=PATIENCE_S)) as client:
        yield client


def all_of(client: socket.socket) -> bytes:
    """What is sent until the other side ends the connection, however it does."""
    said = b""
    try:
        while piece := client.recv(65536):
            said += piece
    except ConnectionError:
        pass
    return said


def dribble(client: socket.socket, text: bytes, pause_s: float = 0.1) -> bytes:
    """Send a byte now and then until the service has had enough; what it says, and it must say it in time."""
    started = time.monotonic()
    client.settimeout(pause_s)
    said = b""
    for number in range(int(PATIENCE_S / pause_s)):
        try:
            client.sendall(text[number : number + 1] or b"a")
            piece = client.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            break
        said += piece
        if not piece:
            break
    assert time.monotonic() - started < PATIENCE_S / 2
    return said


def assert_refused(said: bytes, status: int) -> None:
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), said[:200]
    lines = head.lower().split(b"\r\n")
    assert b"connection: close" in lines and b"x-content-type-options: nosniff" in lines
    assert b"content-type: application/problem+json" in lines and b'"detail":"' in body


@pytest.mark.parametrize(
    "text",
    [
        b"GET /" + b"a" * 500,
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 500,
    ],
)
def test_a_head_that_comes_byte_by_byte_is_given_up(service: Address, text: bytes) -> None:
    with connected(service) as client:
        assert_refused(dribble(client, text), 408)


def test_blank_lines_for_ever_are_given_up(service: Address) -> None:
    with connected(service) as client:
        assert dribble(client, b"\r\n" * 500) == b""


@pytest.mark.parametrize("path", ["/api/resources/search", "/api/session"])
@pytest.mark.parametrize("kind", ["Content-Length: 500", "Transfer-Encoding: chunked"])
def test_a_body_that_comes_byte_by_byte_is_answered_408(service: Address, path: str, kind: str) -> None:
    with connected(service) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{kind}\r\n\r\n"
        client.sendall(head.encode())
        said = dribble(client, b"1f4\r\n" + b" " * 400 if "chunked" in kind else b" " * 400)
        assert_refused(said, 408)


def test_a_body_that_nobody_asked_for_cannot_hold_the_connection(service: Address) -> None:
    with connected(service) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        said = dribble(client, b" " * 500)
        assert said.startswith(b"HTTP/1.1 200 ")


def test_a_head_that_stops_is_given_up(service: Address) -> None:
    with connected(service) as client:
        client.sendall(b"G")
        assert_refused(all_of(client), 408)


def test_a_connection_that_asks_nothing_is_closed_without_a_word(service: Address) -> None:
    with connected(service) as client:
        assert all_of(client) == b""


def test_thirty_slow_clients_do_not_keep_others_out(service: Address) -> None:
    with connected(service) as first:
        slow = [socket.create_connection(service, timeout=PATIENCE_S) for _ in range(30)]
        for each in slow:
            each.sendall(b"GET /health HTTP/1.1\r\nX-Slow: ")
        first.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
        for each in slow:
            assert_refused(all_of(each), 408)
            each.close()


def test_a_head_without_end_is_refused_at_once(service: Address) -> None:
    for text in (b"GET /" + b"a" * 100_000, b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n"):
        with connected(service) as client:
            try:
                client.sendall(text)
            except ConnectionError:
                continue  # the service had closed before all was sent
            said = all_of(client)
            assert said == b"" or said.startswith(b"HTTP/1.1 431 ")
    with connected(service) as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 1000 + b"\r\n")
        assert_refused(all_of(client), 431)


@pytest.mark.parametrize(
    "text", [b"\0" * 10, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_http_gets_a_problem_with_our_headers(service: Address, text: bytes) -> None:
    with connected(service) as client:
        client.sendall(text)
        assert_refused(all_of(client), 400)


def test_more_connections_than_there_may_be_are_told_so(furnished: Database) -> None:
    few = Limits(head_s=5, body_s=5, answer_s=5, max_head_bytes=4000, max_connections=3)
    with listening(create_app(Settings(database_url=furnished.service_url)), few) as address:
        held = [socket.create_connection(address, timeout=PATIENCE_S) for _ in range(3)]
        for each in held:
            each.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert each.recv(65536).startswith(b"HTTP/1.1 200 ")
        with connected(address) as client:
            assert_refused(all_of(client), 503)
        for each in held:
            each.close()


async def big_answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await Response(BIG)(scope, receive, send)


def test_an_answer_that_nobody_takes_is_given_up() -> None:
    with listening(big_answer) as address, connected(address) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1000, socket.MSG_PEEK)
        waiting = threading.Event()
        assert not waiting.wait(SOON.answer_s * 3)  # what is tested is that time goes by without reading
        said = all_of(client)
        assert 0 < len(said) < len(BIG)


def test_an_answer_that_is_taken_in_time_is_whole() -> None:
    with listening(big_answer) as address, connected(address) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert all_of(client).count(b"x") >= len(BIG)


def test_a_connection_is_kept_for_further_requests(service: Address) -> None:
    """Longer than any deadline for one request: deadlines are for requests, not for connections."""
    with connected(service) as client:
        until = time.monotonic() + SOON.head_s + SOON.body_s
        asked = 0
        while time.monotonic() < until:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            asked += 1
        assert asked > 5


def test_requests_that_are_sent_at_once_are_answered_in_turn(service: Address) -> None:
    with connected(service) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        said = b""
        while said.count(b"HTTP/1.1 200 ") < 5 or not said.endswith(b"}"):
            said += client.recv(65536)
        assert said.count(b'{"status":"ok"}') == 5
