"""Draws a thematic map as a page with Folium; what the map holds comes from `content`, where its files lie is `assets`.

Folium makes the map and its plugins; layers whose data are large refer to the document in the page instead of repeating
it, and are built by `static/map.js`.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

import folium
from branca.element import Element, Figure, MacroElement
from folium.elements import JSCSSMixin
from folium.plugins import FastMarkerCluster, Fullscreen, HeatMap
from folium.template import Template
from folium.utilities import JsCode

from gismap.i18n import Language, say
from gismap.themes.assets import ICON, STATIC_URL, folium_links, inlined, served
from gismap.themes.content import MapContent
from gismap.themes.specs import RAMPS, Theme

CLOSEST_ZOOM = 20
STANDS_ALONE_FROM_ZOOM = 18
HOME_PX = 900
"""About the side of the map in a window on a desk."""
SCRIPTS = ("map.js", "annotations.js", "cards.js", "search.js", "controls.js", "legend.js")
SERVED_SCRIPTS = ("outlines.js", "desk.js", "session.js")
"""They ask the server."""


@dataclass(frozen=True, slots=True)
class FileNotice:
    """What a map that leaves the building says about itself."""

    user: str
    made_at: datetime
    expires_at: datetime


class DistrictMap(folium.Map):
    """A map without tiles that needs nothing but Leaflet."""

    default_js = folium.Map.default_js[:1]
    default_css = folium.Map.default_css[:1]


class ContentLayer(folium.map.Layer):
    """A layer that the page's script builds from the document: `gismap.layers[kind](level)`."""

    _template = Template("""
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = gismap.layers.{{ this.kind }}({{ this.argument|tojson }});
        {% endmacro %}
    """)

    def __init__(self, kind: str, argument: int | None = None, *, show: bool = True) -> None:
        super().__init__(name=kind, show=show)
        self._name = "ContentLayer"
        self.kind, self.argument = kind, argument


class Start(JSCSSMixin):
    """Hands the map and its layers to the page's script: legend, labels, cards, search and tools."""

    _template = Template("""
        {% macro script(this, kwargs) %}
            gismap.start({{ this._parent.get_name() }}, {
                {%- for key, layer in this.layers.items() %} {{ key|tojson }}: {{ layer.get_name() }}, {%- endfor %} });
        {% endmacro %}
    """)

    def __init__(self, layers: dict[str, Element], *, has_server: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Start"
        self.default_css = [(name, f"{STATIC_URL}/{name}") for name in ("tokens.css", "map.css")]
        self.layers = layers
        scripts = (*SCRIPTS, *SERVED_SCRIPTS) if has_server else SCRIPTS
        self.default_js = [(name, f"{STATIC_URL}/{name}") for name in scripts]


class Frame(MacroElement):
    """What stands around the map, and the document; `desk` adds the boxes that ask the server."""

    _template = Template("""
        {% macro html(this, kwargs) %}
        <header class="bar" id="bar"></header>
        <aside class="panel" id="legend" aria-label="{{ this.legend_title }}"></aside>
        {%- if this.desk %}<section class="desk" id="desk" aria-label="{{ this.desk_title }}"></section>{% endif %}
        <footer class="imprint" id="imprint">{{ this.notice }}</footer>
        <script type="application/json" id="gismap-document">{{ this.document }}</script>
        {% endmacro %}
    """)

    def __init__(self, document: str, notice: str, language: Language, *, desk: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Frame"
        self.document = document.replace("<", "\\u003c")
        self.notice, self.desk = escape(notice), desk
        self.legend_title, self.desk_title = say("map.legend", language), say("map.desk", language)


def served_page(theme: Theme, content: MapContent, language: Language, *, desk: bool) -> str:
    """The page with assets from our own host; its inline scripts still lack the nonce of a response."""
    figure = _figure(theme, content, language, notice="", desk=desk)
    return _finished(served(figure.render(), folium_links(figure)), language)


def file_page(theme: Theme, content: MapContent, language: Language, notice: FileNotice) -> str:
    """The page as one file that needs nothing else, with the notice that such a file must carry."""
    said = say(
        "map.file_notice",
        language,
        user=notice.user,
        made=f"{notice.made_at:%Y-%m-%d %H:%M}",
        expires=f"{notice.expires_at:%Y-%m-%d}",
    )
    figure = _figure(theme, content, language, notice=said, desk=False)
    return _finished(inlined(figure.render(), folium_links(figure)), language)


def _figure(theme: Theme, content: MapContent, language: Language, *, notice: str, desk: bool) -> Figure:
    figure = Figure(title=escape(content.title))
    drawn = DistrictMap(
        tiles=None,
        prefer_canvas=True,
        zoom_control=False,
        maxZoom=CLOSEST_ZOOM,  # Folium keeps `max_zoom` for a tile layer
        zoom_snap=0.1,
        zoom_delta=0.5,
        attribution_control=False,
    )
    figure.add_child(drawn)
    west, south, east, north = content.bounds
    drawn.fit_bounds([[south, west], [north, east]], padding=(24, 24))
    layers: dict[str, Element] = {}
    for name in theme.layers:
        show = name in theme.shown
        if name == "grids":
            layers.update((f"level-{level}", ContentLayer("level", level, show=show)) for level in content.levels)
        elif name in ("streets", "staff", "buildings"):
            layers[name] = ContentLayer(name, show=show)
    if theme.heat:
        layers["heat"] = _heat(content, RAMPS[theme.heat.ramp])
    elif content.points:
        layers["points"] = FastMarkerCluster(
            content.points,
            callback="gismap.pin",
            icon_create_function="gismap.cluster",
            max_cluster_radius=JsCode("gismap.reach"),
            disable_clustering_at_zoom=STANDS_ALONE_FROM_ZOOM,
            show_coverage_on_hover=False,
            animate=False,
        )
    for layer in layers.values():
        drawn.add_child(layer)
    drawn.add_child(
        Fullscreen(
            position="topright", title=say("map.fullscreen", language), title_cancel=say("map.fullscreen_end", language)
        )
    )
    drawn.add_child(Start(layers, has_server=not notice))
    figure.header.add_child(Element(f'<link rel="icon" href="{ICON}"/>'), name="icon")
    figure.add_child(Frame(content.document, notice, language, desk=desk))
    return figure


def _heat(content: MapContent, ramp: Sequence[str]) -> HeatMap:
    """Density scaled so that the busiest places of the whole district, as it is first seen, have the darkest colour.

    leaflet.heat adds up the points of a cell of half its reach; beyond `max_zoom` they do not gain weight.
    """
    west, south, east, north = content.bounds
    radius_px, blur_px = 16, 14
    home = math.log2(360 * HOME_PX / 256 / max(east - west, (north - south) / math.cos(math.radians(north))))
    cell = (radius_px + blur_px) / 2 * 360 / 256 / 2**home
    cells = Counter((round(lat / cell), round(lon / cell)) for lat, lon, _ in content.points)
    busiest = sorted(cells.values())[int(len(cells) * 0.98)] if cells else 1
    return HeatMap(
        [[lat, lon] for lat, lon, _ in content.points],
        radius=radius_px,
        blur=blur_px,
        max_zoom=int(home),
        min_opacity=0.15,
        gradient={f"{(step + 1) / len(ramp)}": colour for step, colour in enumerate(ramp)},
        max=max(busiest, 2),
    )


def _finished(html: str, language: Language) -> str:
    return html.replace("<html>", f'<html lang="{"zh-CN" if language == "zh" else "en"}">', 1)
