"""Who sends a request: found by cookie or key, remembered for a second; on a demo of this machine a visitor is let in.

What a caller may do is a matter of grants (`sessions`), how often one may ask is of `pace`; signing in is in `routes`.
"""

import time
from collections import OrderedDict
from threading import Lock
from urllib.parse import urlsplit

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gismap.access.demo_accounts import VISITOR, is_made_up, open_demo_session
from gismap.access.pace import Pace
from gismap.access.sessions import find_caller, is_token
from gismap.access.throttle import neighbourhood
from gismap.access.values import Caller
from gismap.errors import ForbiddenError, UnauthenticatedError
from gismap.settings import Settings

COOKIE = "gismap_session"
REMEMBERED_S = 1.0
REMEMBERED = 2_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Callers:
    """The callers of one application."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._lock = Lock()
        self._remembered: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._visitor_token: str | None = None
        self._visiting = (-REMEMBERED_S, False)
        self._pace = Pace(settings.requests_per_s, settings.request_burst)

    async def of(self, request: Request) -> Caller:
        """Who sent a request.

        Raises:
            UnauthenticatedError: nobody that is known.
            ForbiddenError: a page of another site asked for a change in somebody's name.
            TooManyError: the same caller, or the same address without being anybody, asks too often.
        """
        key = _key_in(request)
        token = key or request.cookies.get(COOKIE)
        if token is None:
            self.admit(request)
            known = self._known_visitor()
            return known if known is not None else await run_in_threadpool(self._visitor)
        caller = self._recall(token)
        if caller is None and is_token(token):
            if token not in self._remembered:
                self._pace.check(_address_of(request))  # whoever guesses tokens must not keep the database busy
            caller = await run_in_threadpool(self._find, token)
        if caller is None or (caller.kind == "key") != (key is not None):
            self.admit(request)
            raise UnauthenticatedError("this session has ended; sign in again")
        self._pace.take(caller.session_id)
        if key is None and request.method not in SAFE_METHODS:
            check_origin(request)
        return caller

    def admit(self, request: Request) -> None:
        """Count a request of somebody who is nobody yet, by address.

        Raises:
            TooManyError: there were too many from there.
        """
        self._pace.take(_address_of(request))

    def forget(self, token: str) -> None:
        """Let the next request with this token be looked up."""
        with self._lock:
            self._remembered.pop(token, None)

    def may_visit(self) -> bool:
        """Whether anybody may look around: in a made-up district or none, served to this machine alone."""
        if self._settings.host not in LOOPBACK:
            return False
        at, may = self._visiting
        if time.monotonic() - at >= REMEMBERED_S:
            may = is_made_up(self._engine)
            self._visiting = (time.monotonic(), may)
        return may

    def _recall(self, token: str) -> Caller | None:
        with self._lock:
            at, caller = self._remembered.get(token, (-REMEMBERED_S, None))
        return caller if time.monotonic() - at < REMEMBERED_S else None

    def _find(self, token: str, *, is_visitor: bool = False) -> Caller | None:
        settings = self._settings
        caller = find_caller(
            self._engine, token, idle_s=settings.session_idle_s, today=settings.today(), is_visitor=is_visitor
        )
        if caller is None or (caller.is_of_demo and not self.may_visit()):
            return None  # not worth remembering: whoever guesses would push out those who are somebody
        with self._lock:
            self._remembered[token] = (time.monotonic(), caller)
            self._remembered.move_to_end(token)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return caller

    def _known_visitor(self) -> Caller | None:
        """The visitor that was let in within the last second, found without a thread or the database."""
        at, may = self._visiting
        if not may or time.monotonic() - at >= REMEMBERED_S or self._visitor_token is None:
            return None
        caller = self._recall(self._visitor_token)
        return caller if caller is not None and caller.territories else None

    def _visitor(self) -> Caller:
        if not self.may_visit():
            raise UnauthenticatedError("sign in first")
        caller = None
        if self._visitor_token is not None:
            caller = self._recall(self._visitor_token) or self._find(self._visitor_token, is_visitor=True)
        if caller is None:
            self._visitor_token, _ = open_demo_session(self._engine, self._settings, VISITOR)
            caller = self._find(self._visitor_token, is_visitor=True)
        if caller is None or not caller.territories:  # whoever revoked the visitor's grant wants no visitors
            raise UnauthenticatedError("sign in first")
        return caller


def _key_in(request: Request) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _address_of(request: Request) -> str:
    return neighbourhood(request.client.host if request.client else "unknown")


def check_origin(request: Request) -> None:
    """Refuse what pages of other sites ask for in the name of whoever opened them. Browsers send `Origin` with every
    request that is not safe, and no page can forge it; what is no browser uses a key. A page that came in the clear may
    not speak for one that came over TLS; the other way round is a proxy that ends TLS without being named.

    Raises:
        ForbiddenError: the request does not come from a page of ours.
    """
    try:
        origin = urlsplit(request.headers.get("origin", ""))
    except ValueError:  # a bracket that is not closed
        origin = urlsplit("")
    is_safe = origin.scheme in {"https", request.url.scheme}
    if not is_safe or not origin.netloc or origin.netloc != request.headers.get("host"):
        raise ForbiddenError("this does not come from a page of ours; devices send a key instead", field="Origin")
