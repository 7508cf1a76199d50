"""A difference on paper: an overview with a map, and for each pair of grids the list that their leaders sign.

It names no staff: posts are told by their role. What is looked at on a screen is `difference_map`'s.
"""

from collections.abc import Sequence
from html import escape

import shapely

from gismap.handover.difference_table import care_told, changes, post_told, thing_name, title
from gismap.handover.paper import Imprint, page, table, unit_name
from gismap.handover.sketch import Drawn, sketch
from gismap.handover.values import LAYERS, Difference, Pair
from gismap.i18n import Language, category_title, say

LISTED = 300
"""Things of a pair that are printed; a spreadsheet lists all."""

MAP_PX, PAIR_PX = (680, 400), (680, 240)


def difference_page(told: Difference, imprint: Imprint, language: Language) -> str:
    """The whole document, the lists of one pair after the other."""
    body = f"<p>{escape(title(told, language))}</p>" + overview(told, language)
    body += "".join(_pair(told, pair, language) for pair in told.pairs)
    return page(f"{say('handover.title', language)} · {imprint.district}", body, imprint, language)


def overview(told: Difference, language: Language, *, is_drawn: bool = True) -> str:
    """What changes hands in numbers, the map, posts and changed units, as a part of a page."""
    if not told.pairs and not told.units:
        return f"<p>{escape(say('handover.nothing', language))}</p>"
    totals = told.totals()
    names = ["grids_before", "grids_after", "area_m2", "households", *LAYERS]
    headings = [say(f"handover.{name}", language) for name in names]
    numbers = [round(totals[name]) for name in names]
    parts = [table(headings, [numbers], range(len(names)))]
    if told.pairs:
        if is_drawn:
            parts.append(_map(told, told.pairs, MAP_PX, language))
        parts.append(_pairs(told, language))
        month = next((pair.care["month"] for pair in told.pairs if pair.care["month"]), "—")
        parts.append(f'<p class="soft">{escape(say("handover.care_note", language, month=month))}</p>')
    if told.posts:
        parts.append(_heading("posts", language) + _posts(told, language))
    if told.units:
        parts.append(_heading("units", language) + _units(told, language))
    return "".join(parts)


def _pairs(told: Difference, language: Language) -> str:
    columns = ("from", "to", "area", "households", *LAYERS, "care")
    rows = [
        [*_ends(pair, language), round(pair.area_m2), pair.households, *map(pair.count, LAYERS),
         care_told(pair, language)]
        for pair in told.pairs
    ]  # fmt: skip
    return _heading("pairs", language) + table(
        [say(f"handover.{name}", language) for name in columns], rows, range(2, 4 + len(LAYERS))
    )


def _posts(told: Difference, language: Language) -> str:
    headings = [say(f"handover.{name}", language) for name in ("grid", "role", "duty", "fate")]
    rows = [(unit_name({**post, "name": post["grid"]}, language), *post_told(post, language)) for post in told.posts]
    return table(headings, rows)


def _units(told: Difference, language: Language) -> str:
    headings = [say(f"handover.{name}", language) for name in ("change", "level", "name", "name_after")]
    rows = [
        (
            changes(unit, language),
            say(f"level.{unit['level']}", language),
            unit_name(unit["before"], language) if unit["before"] else None,
            unit_name(unit["after"], language) if unit["after"] else None,
        )
        for unit in told.units
    ]
    return table(headings, rows)


def _pair(told: Difference, pair: Pair, language: Language) -> str:
    """The list of one pair, on a page of its own: what the two leaders go through together."""
    start, end = _ends(pair, language)
    columns = ("layer", "name", "address", "category", "households")
    rows = [
        (
            say(f"handover.layer.{thing['layer']}", language),
            thing_name(thing, language),
            thing["address"],
            thing["category"] and category_title(thing["layer"], thing["category"], language),
            thing["households"],
        )
        for thing in pair.things[:LISTED]
    ]
    rest = len(pair.things) - len(rows)
    more = f'<p class="soft">{escape(say("handover.rest", language, count=rest))}</p>' if rest else ""
    numbers = [round(pair.area_m2), pair.households, *map(pair.count, LAYERS), care_told(pair, language)]
    headings = [say(f"handover.{name}", language) for name in ("area", "households", *LAYERS, "care")]
    sign = "".join(f"<span>{escape(say(f'handover.{name}', language))}</span>" for name in ("from", "to"))
    things = table([say(f"handover.{name}", language) for name in columns], rows, (4,)) if rows else ""
    drawn = _map(told, [pair], PAIR_PX, language) if pair.geom is not None else ""
    return (
        f'<section class="pair own-page"><h2>{start} → {end}</h2>{table(headings, [numbers], range(6))}'
        f'{drawn}{things}{more}<p class="sign">{sign}</p></section>'
    )


def _map(told: Difference, pairs: Sequence[Pair], size: tuple[int, int], language: Language) -> str:
    """The land that moves, between the borders before and after."""
    moved = [pair.geom for pair in pairs if pair.geom is not None]
    if not moved:
        return ""
    ends = [leaf for pair in pairs for leaf in (pair.before, pair.after) if leaf is not None]
    around = shapely.box(*shapely.total_bounds([leaf.geom for leaf in ends]))
    shapes = [Drawn(geom, "moved") for geom in moved]
    for style, side in (("before", told.before), ("after", told.after)):
        near = [leaf for leaf in side.values() if leaf.geom.intersects(around)]
        named = {leaf.key for leaf in ends} if style == "after" else set()
        shapes += [Drawn(shapely.intersection(leaf.geom.boundary, around), style) for leaf in near]
        shapes += [
            Drawn(shapely.intersection(leaf.geom, around), "unseen", leaf.name) for leaf in near if leaf.key in named
        ]
    key = "".join(
        f'<span><i class="{style}"></i>{escape(say(f"handover.{name}", language))}</span>'
        for style, name in (("before", "before"), ("after", "after"), ("moved", "moved_land"))
    )
    return f'{sketch(shapes, *size)}<p class="key">{key}</p>'


def _ends(pair: Pair, language: Language) -> list[str]:
    return [unit_name(leaf and leaf.told(), language) for leaf in (pair.before, pair.after)]


def _heading(name: str, language: Language) -> str:
    return f"<h2>{escape(say(f'handover.{name}', language))}</h2>"
