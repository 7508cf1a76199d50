"""How long a connection may take, and how much of a head it may send; what a request means is not known here.

uvicorn waits for the rest of a request, and for an answer to be taken, as long as a client likes. Here there are
deadlines: for the head, for the body, and for taking the answer. Whoever misses one is told so (408) where nothing else
is being sent, and the connection ends. What waits between two requests ends by uvicorn's own `timeout_keep_alive`.
"""

import asyncio
import secrets
from asyncio import TimerHandle
from dataclasses import dataclass
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gismap.api.headers import security_headers
from gismap.api.problems import problem

Part = Literal["head", "body"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may take, and how many there may be."""

    head_s: float
    body_s: float
    answer_s: float
    max_head_bytes: int
    max_connections: int


def protocol_within(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol for `uvicorn.Config(http=…)` that keeps to these limits."""

    class Within(_LimitedProtocol):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.limits = limits

    return Within


class _LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which calls the methods below as the parts of a request arrive."""

    limits: Limits
    _awaited: Part | None = None
    _arrival: TimerHandle | None = None
    _taking: TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            self._end(503, "there are more connections than are served at once; try again in a moment", "unavailable")
        else:
            self._await("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        if self._taking is not None:
            self._taking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._awaited is None:  # also for blank lines between requests, for which the parser calls nothing
            self._await("head")
        self._head_bytes += len(data)
        super().data_received(data)
        if self._awaited == "head" and self._head_bytes > self.limits.max_head_bytes:
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._awaited is None:
            self._await("head")

    def on_headers_complete(self) -> None:
        if self.transport.is_closing() or self._head_length() > self.limits.max_head_bytes:
            self._refuse_head()
            raise ValueError("the head is too long")  # ends the parsing; nobody is told, the connection is closed
        if self._taking is not None and self.transport.get_write_buffer_size() == 0:
            self._taking.cancel()
        self._await("body")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._await(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.get_write_buffer_size() > 0:
            self._await_taking()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_taking()

    def send_400_response(self, msg: str) -> None:
        self._end(400, f"{msg.rstrip('.')}: it is no HTTP", "bad-request")

    def _head_length(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_head(self) -> None:
        detail = f"the request line and headers are longer than {self.limits.max_head_bytes:,} bytes"
        self._end(431, detail, "too-large")

    def _await(self, part: Part | None) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
        self._awaited, self._arrival, self._head_bytes = part, None, 0
        if part is not None:
            seconds = self.limits.head_s if part == "head" else self.limits.body_s
            self._arrival = self.loop.call_later(seconds, self._missed)

    def _missed(self) -> None:
        """The rest of a request did not come in time."""
        if self._awaited == "head" and self._is_answering():
            self._await("head")  # blank lines or the next request, while this one is still being worked on
        elif self._awaited == "head" and self.scope is None:
            self.transport.abort()  # nothing was asked for
        else:
            self._end(408, f"the {self._awaited} of the request did not arrive in time", "too-slow")

    def _await_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
        self._taking = self.loop.call_later(self.limits.answer_s, self._check_taken)

    def _check_taken(self) -> None:
        if self.transport.get_write_buffer_size() > 0:
            self.transport.abort()

    def _is_answering(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def _end(self, status: int, detail: str, kind: str) -> None:
        """Close, with a problem as the last word unless an answer has begun; whoever works on it is told."""
        if self.transport.is_closing():
            return
        self._await(None)
        begun = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if begun or self.pipeline:
            self.transport.abort()
            return
        self.transport.write(_raw(status, detail, kind))
        self.transport.close()
        self._await_taking()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()


def _raw(status: int, detail: str, kind: str) -> bytes:
    answer = problem(
        status,
        detail,
        type=kind,
        headers=security_headers(secrets.token_urlsafe(16), is_https=False) | {"Connection": "close"},
    )
    lines = [b"%s: %s\r\n" % pair for pair in answer.raw_headers]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", bytes(answer.body)])
