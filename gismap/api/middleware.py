"""What every request passes through: a limit on bodies, faults as answers, HEAD, and the headers of every answer."""

import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gismap.api.headers import security_headers
from gismap.api.problems import problem, unexpected


class BodyLimit:
    """Answers 413 to a body beyond the limit, by its declared length or as soon as it grows too long.

    `longer` are paths with a limit of their own.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, longer: Mapping[str, int]) -> None:
        self.app, self.max_bytes, self.longer = app, max_bytes, longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self.longer.get(scope["path"], self.max_bytes)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > max_bytes:
            await self._refuse(max_bytes, scope, receive, send)
            return
        received, is_answered = 0, False

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _TooLongError
            return message

        async def watched_send(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self.app(scope, limited_receive, watched_send)
        except _TooLongError:
            if not is_answered:
                await self._refuse(max_bytes, scope, receive, send)

    async def _refuse(self, max_bytes: int, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"the body is longer than {max_bytes:,} bytes"
        await problem(413, detail, type="too-large", field="body")(scope, receive, send)


class _TooLongError(BaseException):
    """Not an Exception, so that no handler between takes it for a fault of ours."""


class Faults:
    """Answers 500 where something fails unexpectedly, inside of what gives answers their headers; the log tells what.

    Starlette's own place for that is outside of all middleware, and there the exception goes on to the server, which
    logs its text: names and phones that the database has quoted in it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_answered = False

        async def watched_send(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except Exception as error:
            answer = await unexpected(Request(scope), error)
            if not is_answered:  # else the server finds the answer unfinished, and closes the connection
                await answer(scope, receive, send)


class HeadAsGet:
    """Answers HEAD wherever GET is answered: the same headers, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, send_without_body)


class SecurityHeaders:
    """Adds the headers that keep a page to its own host; scripts in a page need `request.state.csp_nonce`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["csp_nonce"] = nonce

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in security_headers(nonce, is_https=scope.get("scheme") == "https").items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
