"""The page `/sign-in` and the way to it; what signing in does is `/api/session` (`gismap.access.routes`)."""

from html import escape
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import StrictStr
from starlette.concurrency import run_in_threadpool

from gismap.access.callers import COOKIE, Callers
from gismap.access.signing_in import has_passwords
from gismap.access.values import Role
from gismap.errors import UnauthenticatedError
from gismap.http import Parameters, Tongue, open_to_all
from gismap.i18n import Language, say
from gismap.themes.assets import ICON, STATIC_URL

URL = "/sign-in"
LONGEST_NEXT = 2_000
FIRST_USER = "gismap user add NAME --role administrator"

router = APIRouter(tags=["session"])


class SignInPage(Parameters):
    """Where to go on, and in which language; an address that is not ours is left out rather than refused."""

    next: StrictStr = "/"
    lang: Language | None = None


PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{sign_in} · {product}</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{static}/tokens.css">
<link rel="stylesheet" href="{static}/notice.css">
<link rel="stylesheet" href="{static}/sign-in.css">
</head>
<body>
<header class="bar"><a href="/">{product}</a><a class="tongue" href="{tongue}">{other_language}</a></header>
<main>
<h1>{sign_in}</h1>
<form id="sign-in" method="post" data-next="{next}">
<label>{username}<input name="username" autocomplete="username" autocapitalize="off" spellcheck="false" maxlength="100"
 required autofocus></label>
<label>{password}<input name="password" type="password" autocomplete="current-password" maxlength="200"
 required></label>
<p role="alert" id="error" data-wrong="{wrong}" data-wait="{wait}" data-failed="{failed}"></p>
<button type="submit">{sign_in}</button>
</form>
{more}
</main>
<script src="{static}/sign-in.js"></script>
</body>
</html>
"""


@router.get(URL, response_class=HTMLResponse, summary="The page to sign in on", dependencies=[Depends(open_to_all)])
async def sign_in_page(request: Request, asked: Annotated[SignInPage, Query()], tongue: Tongue) -> Response:
    """A form; on a demo, its users too; before anybody can sign in, how to make the first administrator."""
    callers: Callers = request.app.state.callers
    callers.admit(request)
    is_demo, is_first = await run_in_threadpool(_state, request)
    language, wanted = asked.lang or tongue, local_path(asked.next)
    page = _page(language, wanted, is_demo=is_demo, is_first=is_first)
    response = HTMLResponse(page, headers={"Cache-Control": "private, no-store"})
    if COOKIE in request.cookies:
        await _take_back_what_ended(request, response)
    return response


def sign_in_url(request: Request) -> str:
    """The address of the page for somebody who wanted to open this one."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{URL}?{urlencode({'next': wanted})}" if len(wanted) <= LONGEST_NEXT else URL


def local_path(wanted: str) -> str:
    """The path, or `/` for what a browser could take for an address elsewhere (`//host`, `/\\host`, a line break)."""
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_local and len(wanted) <= LONGEST_NEXT else "/"


def _state(request: Request) -> tuple[bool, bool]:
    callers: Callers = request.app.state.callers
    return callers.may_visit(), not has_passwords(request.app.state.engine)


async def _take_back_what_ended(request: Request, response: Response) -> None:
    """A cookie of a session that has ended would keep its browser from looking around as a visitor."""
    callers: Callers = request.app.state.callers
    try:
        await callers.of(request)
    except UnauthenticatedError:
        response.delete_cookie(COOKIE, path="/")


def _page(language: Language, wanted: str, *, is_demo: bool, is_first: bool) -> str:
    texts = {
        key: escape(say(f"access.{key}", language))
        for key in ("sign_in", "username", "password", "wrong", "wait", "failed")
    }
    other = urlencode({"next": wanted, "lang": "en" if language == "zh" else "zh"})
    more = (_demo(language, wanted) if is_demo else "") + (_first(language) if is_first else "")
    return PAGE.format(
        lang="zh-CN" if language == "zh" else "en",
        product=escape(say("product", language)),
        icon=ICON,
        static=STATIC_URL,
        tongue=escape(f"{URL}?{other}"),
        other_language=say("map.other_language", language),
        next=escape(wanted),
        more=more,
        **texts,
    )


def _demo(language: Language, wanted: str) -> str:
    buttons = "".join(
        f'<button type="button" data-role="{role}">{escape(say(f"access.role.{role}", language))}</button>'
        for role in Role
    )
    around = escape(say("access.look_around", language))
    return (
        f"<section><p>{escape(say('access.demo', language))}</p>"
        f'<div class="roles">{buttons}</div><a href="{escape(wanted)}">{around}</a></section>\n'
    )


def _first(language: Language) -> str:
    return f"<section><p>{escape(say('access.first', language))}</p><pre>{FIRST_USER}</pre></section>"
