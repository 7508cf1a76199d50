"""Where the scripts and styles of a page come from: our own host when served, inside the page when it is a file.

Folium writes links to other hosts; every one of them is replaced here, and one that has no local twin is an error, so
that no page can ask the network for anything.
"""

import base64
import json
import mimetypes
import re
from functools import cache
from pathlib import Path

from branca.element import Element
from folium.elements import JSCSSMixin

from gismap.errors import EnvironmentProblemError
from gismap.resources import resource_dir

STATIC = Path(__file__).parent / "static"
STATIC_URL = "/maps/static"
VENDOR_URL = "/vendor"

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%2324478f' d='M1 1h14v14H1z'/%3E"
    "%3Cpath stroke='%23fff' d='M6 1v14M1 7h14M6 11h9M11 1v6'/%3E%3C/svg%3E"
)
"""The icon of every page: within the page, so that a file has it too."""

INLINE = re.compile(r"<(script|style)>")
LINK = re.compile(r'<script src="(?P<js>[^"]+)"></script>|<link rel="stylesheet" href="(?P<css>[^"]+)"/>')
REFERENCE = re.compile(r"""url\(\s*["']?(?!data:|#)([^"')]+?)["']?\s*\)""")


def folium_links(page: Element) -> dict[str, str]:
    """Folium's name of every link that `page` and its children will write, by address."""
    links: dict[str, str] = {}
    pending = [page]
    while pending:
        element = pending.pop()
        pending.extend(element._children.values())
        if isinstance(element, JSCSSMixin):
            links.update((url, name) for name, url in (*element.default_js, *element.default_css))
    return links


def served(html: str, links: dict[str, str]) -> str:
    """The page with links to our own host."""

    def local(match: re.Match[str]) -> str:
        address = match["js"] or match["css"]
        if address.startswith(STATIC_URL):
            return match[0]
        return match[0].replace(address, f"{VENDOR_URL}/{_vendored(links, address)}")

    return LINK.sub(local, html)


def with_nonce(html: str, nonce: str) -> str:
    """The page with inline scripts and styles that carry the nonce of a response's content security policy."""
    return INLINE.sub(rf'<\1 nonce="{nonce}">', html)


def inlined(html: str, links: dict[str, str]) -> str:
    """The page with every script, style, font and image inside it, so that it opens from a memory stick."""

    def embed(match: re.Match[str]) -> str:
        address = match["js"] or match["css"]
        if address.startswith(STATIC_URL):
            path = STATIC / address.removeprefix(f"{STATIC_URL}/")
        else:
            path = vendor_dir() / _vendored(links, address)
        return f"<style>{_style(path)}</style>" if match["css"] else f"<script>{_script(path)}</script>"

    return LINK.sub(embed, html)


def vendor_dir() -> Path:
    """The folder of the vendored packages."""
    return resource_dir("web") / "vendor"


@cache
def _manifest() -> dict[str, str]:
    path = vendor_dir() / "manifest.json"
    if not path.is_file():
        raise EnvironmentProblemError(f"{path} is missing: make the web assets with `python hatch_build.py`")
    manifest: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def _vendored(links: dict[str, str], address: str) -> str:
    name = links.get(address, address)
    if name not in _manifest():
        raise EnvironmentProblemError(f"{name} has no local copy in the web assets: add it to web/vendor.mjs")
    return _manifest()[name]


@cache
def _script(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")


@cache
def _style(path: Path) -> str:
    def data_uri(match: re.Match[str]) -> str:
        file = path.parent / match[1].partition("?")[0].partition("#")[0]
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return f"url(data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()})"

    return REFERENCE.sub(data_uri, path.read_text(encoding="utf-8"))
