"""What pages that are no maps have in common: bar, language, texts for their scripts; what each shows is its own.

Their scripts and styles are with those of the maps (`gismap/themes/static`), and nothing is loaded from elsewhere.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gismap.access.values import Caller, Permission
from gismap.i18n import CATALOGUE, Language, say
from gismap.settings import Settings
from gismap.themes.assets import ICON, STATIC_URL

PAGES = {"audit": Permission.AUDIT, "care": Permission.READ_CARE}
"""What each page takes."""

IN_EVERY_BAR = ("visitor", "sign_in", "sign_out")
SHARED = "page."

templates = Environment(
    loader=PackageLoader("gismap.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(
    name: str,
    caller: Caller,
    language: Language,
    settings: Settings,
    *,
    more: Mapping[str, Any],
    asked: Mapping[str, str],
) -> HTMLResponse:
    """The page of this name; `more` is for its script, `asked` stays in the address in the other language."""
    nav = [{"name": page, "url": f"/{page}"} for page, needed in PAGES.items() if caller.may(needed)]
    other: Language = "en" if language == "zh" else "zh"
    html = templates.get_template(f"{name}.html").render(
        name=name,
        say=lambda key, **values: say(key, language, **values),
        language=language,
        icon=Markup(ICON),
        static=STATIC_URL,
        nav=nav,
        sees_map=caller.may(Permission.SEE),
        tongue=f"/{name}?{urlencode({**asked, 'lang': other})}",
        document=_document({**_words(name, language), "zone": settings.timezone, "today": settings.today(), **more}),
    )
    return HTMLResponse(html, headers={"Cache-Control": "private, no-store"})


def _words(name: str, language: Language) -> dict[str, Any]:
    """Texts by key without the page's own prefix, in the language of the page."""
    index = 0 if language == "zh" else 1
    texts = {key: CATALOGUE[f"map.{key}"][index] for key in IN_EVERY_BAR}
    for prefix in (SHARED, f"{name}_page."):
        texts |= {key.removeprefix(prefix): text[index] for key, text in CATALOGUE.items() if key.startswith(prefix)}
    return {"language": language, "texts": texts}


def _document(value: Mapping[str, Any]) -> Markup:
    return Markup(orjson.dumps(value).decode().replace("<", "\\u003c"))
