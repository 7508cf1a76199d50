"""A difference on a screen: before, after and moved as layers of a map in one file, beside what it comes to in numbers.

The file needs nothing else, names no persons, and says until when it may be kept.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

import folium
import shapely
from branca.element import Element, Figure

from gismap.handover.difference_page import overview
from gismap.handover.difference_table import title
from gismap.handover.paper import STYLE, Imprint
from gismap.handover.values import Difference, Leaf, Pair
from gismap.i18n import Language, say
from gismap.themes.assets import ICON, folium_links, inlined
from gismap.themes.folium_map import CLOSEST_ZOOM, DistrictMap

COLOURS = {"before": "#8f450d", "after": "#24478f", "moved": "#ec9c55"}

ASIDE_PERCENT = 45
"""Of the width, for what the map comes to in numbers."""

LAYOUT = """
html, body { height: 100%; } body { max-width: none; padding: 0; }
aside { position: absolute; inset: 0 55% 0 0; overflow: auto; padding: 5mm; font-size: 9.5pt; }
.folium-map.leaflet-container { background: #fbfaf6; font: inherit; }
.leaflet-container .leaflet-control-layers { font-size: 10pt; }
"""


def difference_map(told: Difference, imprint: Imprint, language: Language) -> str:
    """The page."""
    heading = f"{say('handover.title', language)} · {imprint.district}"
    figure = Figure(title=escape(heading))
    drawn = DistrictMap(
        tiles=None, maxZoom=CLOSEST_ZOOM, zoom_snap=0.1, attribution_control=False,
        position="absolute", left=f"{ASIDE_PERCENT}%", width=f"{100 - ASIDE_PERCENT}%",
    )  # fmt: skip
    figure.add_child(drawn)
    layers = (
        ("moved", "moved_land", [_moved(pair, language) for pair in told.pairs if pair.geom is not None]),
        ("before", "before", [_leaf(leaf) for leaf in told.before.values()]),
        ("after", "after", [_leaf(leaf) for leaf in told.after.values()]),
    )
    for kind, name, features in layers:
        if features:
            drawn.add_child(_layer(kind, say(f"handover.{name}", language), features))
    bounds = _bounds(told)
    if bounds is not None:
        west, south, east, north = bounds
        drawn.fit_bounds([[south, west], [north, east]], padding=(24, 24))
    drawn.add_child(folium.LayerControl(collapsed=False))
    figure.header.add_child(Element(f'<link rel="icon" href="{ICON}"/>'), name="icon")
    figure.header.add_child(Element(f"<style>{STYLE.read_text(encoding='utf-8')}{LAYOUT}</style>"), name="layout")
    mark = f'<p><span class="mark">{say("synthetic", language)}</span></p>' if imprint.synthetic else ""
    aside = (
        f"<aside><h1>{escape(say('handover.title', language))}</h1>{mark}<p>{escape(title(told, language))}</p>"
        f"{overview(told, language, is_drawn=False)}"
        f'<p class="notice">{escape(imprint.notice(language))}</p></aside>'
    )
    figure.html.add_child(Element(aside.replace("{", "&#123;").replace("}", "&#125;")), name="overview")
    page = inlined(figure.render(), folium_links(figure))
    lang = "zh-CN" if language == "zh" else "en"
    return page.replace("<html>", f'<html lang="{lang}">', 1)


def _layer(kind: str, name: str, features: Iterable[dict[str, Any]]) -> folium.GeoJson:
    """A layer of shapes with their names in a tooltip; folium takes names for markup, so that they come escaped."""
    colour, is_moved = COLOURS[kind], kind == "moved"
    style = {
        "color": colour,
        "weight": 0 if is_moved else 2,
        "dashArray": "6 4" if kind == "before" else "",
        "fillColor": colour,
        "fillOpacity": 0.6 if is_moved else 0.0,
        "interactive": is_moved,
    }
    return folium.GeoJson(
        {"type": "FeatureCollection", "features": list(features)},
        name=name,
        style_function=lambda _: style,
        tooltip=folium.GeoJsonTooltip(["says"], labels=False) if is_moved else None,
    )


def _moved(pair: Pair, language: Language) -> dict[str, Any]:
    def named(leaf: Leaf | None) -> str:
        return leaf.name if leaf else say("handover.nobody", language)

    households = f"{pair.households:,} {say('handover.households', language)}"
    buildings = f"{pair.count('buildings'):,} {say('handover.buildings', language)}"
    says = f"{named(pair.before)} → {named(pair.after)} · {round(pair.area_m2):,} m² · {buildings} · {households}"
    return _feature(pair.geom, says)


def _leaf(leaf: Leaf) -> dict[str, Any]:
    return _feature(leaf.geom, leaf.name)


def _feature(geom: shapely.Geometry | None, says: str) -> dict[str, Any]:
    shape = shapely.geometry.mapping(shapely.set_precision(geom, 1e-7))
    return {"type": "Feature", "geometry": shape, "properties": {"says": escape(says)}}


def _bounds(told: Difference) -> tuple[float, float, float, float] | None:
    moved = [pair.geom for pair in told.pairs if pair.geom is not None]
    shapes = moved or [leaf.geom for leaf in told.after.values()]
    return tuple(shapely.total_bounds(shapes)) if shapes else None
