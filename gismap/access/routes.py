"""HTTP of signing in: `/api/session`, and the cookie that a browser gets; what a session is lives in `sessions`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Engine

from gismap.access import signing_in
from gismap.access.callers import COOKIE, Callers, check_origin
from gismap.access.schemas import SignInBody, SignOutQuery
from gismap.access.sessions import find_caller, is_token
from gismap.access.values import WHOLE, Caller
from gismap.errors import ForbiddenError, UnauthenticatedError
from gismap.http import Configuration, CurrentCaller, NoQuery, json_only, json_response, open_to_all
from gismap.settings import Settings

router = APIRouter(prefix="/api/session", tags=["session"])


@router.post("", summary="Sign in", dependencies=[Depends(open_to_all), Depends(json_only)])
def sign_in(request: Request, body: SignInBody, _: Annotated[NoQuery, Query()], settings: Configuration) -> Response:
    """Sets the session's cookie and answers who one is; a session that the browser had before is ended."""
    _callers(request).admit(request)
    old_token = request.cookies.get(COOKIE)
    if old_token is not None or "origin" in request.headers:
        check_origin(request)  # a page of another site could sign its reader in as somebody else
    engine: Engine = request.app.state.engine
    address = request.client.host if request.client else "unknown"
    if body.demo is not None:
        if not _callers(request).may_visit():
            raise ForbiddenError("this is no demo: sign in with a username and a password", field="demo")
        token = signing_in.sign_in_to_demo(engine, settings, body.demo, address=address, old_token=old_token)
    else:
        assert body.username is not None and body.password is not None
        token = signing_in.sign_in(engine, settings, body.username, body.password, address=address, old_token=old_token)
    if old_token is not None:
        _callers(request).forget(old_token)
    caller = find_caller(engine, token, idle_s=settings.session_idle_s, today=settings.today())
    if caller is None:
        raise UnauthenticatedError("this session has ended; sign in again")
    response = _who(engine, caller)
    set_cookie(response, request, token, settings)
    return response


@router.get("", summary="Who one is", dependencies=[Depends(open_to_all)])
def who(request: Request, _: Annotated[NoQuery, Query()], caller: CurrentCaller) -> Response:
    """The caller's name, roles, permissions and territories (units by identity, or `district`)."""
    return _who(request.app.state.engine, caller)


@router.delete("", status_code=204, summary="Sign out", dependencies=[Depends(open_to_all)])
def sign_out(request: Request, query: Annotated[SignOutQuery, Query()], settings: Configuration) -> Response:
    """Ends the session of the cookie (`everywhere`: all sessions and keys of its account) and takes the cookie back."""
    _callers(request).admit(request)
    if "authorization" in request.headers:
        raise ForbiddenError("a key is no session to sign out of; it is ended with `gismap key revoke`")
    response = Response(status_code=204)
    token = request.cookies.get(COOKIE)
    if token is None:
        return response
    check_origin(request)
    if not is_token(token):
        raise UnauthenticatedError("this session has ended; sign in again")
    signing_in.sign_out(request.app.state.engine, settings, token, everywhere=query.everywhere)
    _callers(request).forget(token)
    response.delete_cookie(COOKIE, path="/")
    return response


def set_cookie(response: Response, request: Request, token: str, settings: Settings) -> None:
    """Give a browser the token of its session, for our own pages alone and out of their scripts' reach."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.session_s,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def _callers(request: Request) -> Callers:
    callers: Callers = request.app.state.callers
    return callers


def _who(engine: Engine, caller: Caller) -> Response:
    answer: dict[str, Any] = {
        "username": caller.username,
        "name": caller.name,
        "roles": signing_in.roles_of(engine, caller),
        "permissions": sorted(caller.territories),
        "territories": _territories(caller),
        "is_visitor": caller.is_visitor,
    }
    response = json_response(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


def _territories(caller: Caller) -> list[str]:
    """The units that a caller may do anything in: a path ends with the identity of its unit."""
    ranges = {each for several in caller.territories.values() for each in several}
    if WHOLE in ranges:
        return ["district"]
    return sorted(low.rstrip("/").rpartition("/")[2] for low, _ in ranges)
