"""Pages that a browser gets in place of a map: nothing there yet, still loading, not found, no answer; no data."""

from html import escape

from gismap.i18n import CATALOGUE, Language, say
from gismap.themes.assets import ICON, STATIC_URL
from gismap.themes.specs import THEMES

STAGES = ("start", "grids", "streets", "elements", "staff", "names", "counts")
"""What is loaded of a demo, in this order."""

RELOAD_S = 2

FIRST_STEPS = """gismap import grids FILE --effective-from 2026-01-01
gismap plan propose --from-streets"""

PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">{reload}
<title>{title} · {product}</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{static}/tokens.css">
<link rel="stylesheet" href="{static}/notice.css">
</head>
<body>
<header class="bar"><a href="/">{product}</a></header>
<main>
<h1>{title}</h1>
<p>{says}</p>
{body}
</main>
</body>
</html>
"""


def notice_page(kind: str, status: int, detail: str, language: Language) -> str:
    """The page for a problem of this kind and status; `detail` is its cause, for those who look after the system.

    For the kind `still-loading` the detail is the stage that is being loaded, and the page comes back by itself.
    For `not-yet` it ends with the first day that has boundaries.
    """
    key = next(
        (key for key in (f"notice.{kind}", f"notice.{status}") if key in CATALOGUE),
        "notice.500" if status >= 500 else "notice.400",
    )
    loading = kind == "still-loading"
    if loading:
        body = _stages(detail, language)
    elif kind == "nothing-published":
        body = f"<pre>{FIRST_STEPS}</pre>"
    elif kind == "not-yet":
        body = _first_day(detail.rsplit(maxsplit=1)[-1], language) + _links(language)
    elif kind == "forbidden":
        body = _links(language) + _another_account(language) + _cause(detail, language)
    else:
        body = _links(language) + _cause(detail, language)
    return PAGE.format(
        lang="zh-CN" if language == "zh" else "en",
        reload=f'\n<meta http-equiv="refresh" content="{RELOAD_S}">' if loading else "",
        product=say("product", language),
        icon=ICON,
        static=STATIC_URL,
        title=say(key, language),
        says=say(f"{key}.says", language),
        body=body,
    )


def _stages(now: str, language: Language) -> str:
    reached = STAGES.index(now) if now in STAGES else len(STAGES)
    state = {True: "done", False: ""}
    items = [
        f'<li class="{"now" if index == reached else state[index < reached]}">{say(f"loading.{stage}", language)}</li>'
        for index, stage in enumerate(STAGES)
    ]
    return f'<ol class="steps">{"".join(items)}</ol>'


def _first_day(day: str, language: Language) -> str:
    return f'<ul class="links"><li><a href="/maps/one?as_of={day}&amp;lang={language}">{day}</a></li></ul>'


def _links(language: Language) -> str:
    tongue = "?lang=en" if language == "en" else ""
    items = [f'<li><a href="/maps/{name}{tongue}">{say(f"theme.{name}", language)}</a></li>' for name in THEMES]
    return f'<ul class="links">{"".join(items)}</ul>'


def _another_account(language: Language) -> str:
    text = say("notice.another_account", language)
    return f'<ul class="links"><li><a href="/sign-in?lang={language}">{text}</a></li></ul>'


def _cause(detail: str, language: Language) -> str:
    return f"<details><summary>{say('notice.cause', language)}</summary>{escape(detail)}</details>"
