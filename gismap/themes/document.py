"""The document in the page of a map, which its script draws: JSON, made of rows and a theme; pure.

It is compact on purpose: units are rows under named fields, geometries stay the text that PostGIS wrote, and
everything else refers to a unit by its position.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from gismap.boundaries.values import ZoneType
from gismap.i18n import CATALOGUE, Language, say
from gismap.themes.counting import UnitNumbers
from gismap.themes.fills import Fill
from gismap.themes.queries import Extent
from gismap.themes.rows import MapRows, Rows
from gismap.themes.specs import LEVELS, PLACE_GROUP_OF, PLACE_GROUPS, SYMBOLS, THEMES, Theme

FIELDS = (
    "id", "code", "name", "level", "leaf", "parent", "lon", "lat", "area", "zone",
    "buildings", "households", "places", "stations", "staff",
)  # fmt: skip


def write_document(
    rows: MapRows,
    numbers: Sequence[UnitNumbers],
    fill: Fill | None,
    theme: Theme,
    extent: Extent,
    language: Language,
    *,
    persons: bool,
) -> str:
    """All that the page needs, as JSON text; only a page with `persons` leads to the other themes."""
    parts = {
        **_words(theme, language, persons=persons),
        **_backdrop(rows, extent, language),
        **_things(rows, numbers, theme, language, persons=persons),
        "fill": _json(None if fill is None else fill.as_json()),
    }
    return "{" + ",".join(f'"{key}":{value}' for key, value in parts.items()) + "}"


def drawn_places(rows: MapRows, theme: Theme) -> Rows:
    """The places that have a pin; others are only counted."""
    return [row for row in rows.places if row.layer in theme.layers]


def district_title(rows: MapRows, language: Language) -> str:
    """What the district is called."""
    return str(rows.district.title_zh if language == "zh" else rows.district.title_en)


def _words(theme: Theme, language: Language, *, persons: bool) -> dict[str, str]:
    """Texts, titles and signs, whatever the data."""
    themes = [{"name": name, "title": say(f"theme.{name}", language)} for name in THEMES]
    levels = {level: {**asdict(style), "title": say(f"level.{level}", language)} for level, style in LEVELS.items()}
    return {
        "language": _json(language),
        "texts": _json({key[4:]: text[language != "zh"] for key, text in CATALOGUE.items() if key.startswith("map.")}),
        "zones": _json({zone: say(f"zone.{zone}", language) for zone in ZoneType}),
        "theme": _json(_theme(theme, language)),
        "themes": _json(themes if persons else None),
        "levels": _json(levels),
        "symbols": _json(_symbols(language)),
        "titles": _json(_category_titles(language)),
    }


def _backdrop(rows: MapRows, extent: Extent, language: Language) -> dict[str, str]:
    """The district and its streets."""
    district = {
        "title": district_title(rows, language),
        "revision": rows.district.revision,
        "as_of": str(extent.as_of),
        "synthetic": rows.district.synthetic,
    }
    streets = ",".join(f'"{row.street_class}":{{"count":{row.streets},"shape":{row.shape}}}' for row in rows.streets)
    names = [[row.name, row.street_class, float(row.lon), float(row.lat)] for row in rows.street_names]
    return {
        "district": _json(district),
        "bounds": _json(list(rows.bounds)),
        "streets": "{" + streets + "}",
        "street_names": _json(names),
    }


def _things(
    rows: MapRows, numbers: Sequence[UnitNumbers], theme: Theme, language: Language, *, persons: bool
) -> dict[str, str]:
    """Units, and what is in them."""
    position = rows.position
    return {
        "fields": _json(FIELDS),
        "units": _json([_unit_row(row, number, position) for row, number in zip(rows.units, numbers, strict=True)]),
        "shapes": _joined(row.shape for row in rows.units),
        "places": _json([_place_row(row, position) for row in drawn_places(rows, theme)]),
        "teams": _json(_teams(rows.teams, position, persons=persons)),
        "roles": _json({row.role: say(f"role.{row.role}", language) for row in rows.teams}),
        "care": _json(_care(rows.care, position)),
        "buildings": _json([_building_row(row, position) for row in rows.outlines]),
        "outlines": _joined(row.shape for row in rows.outlines),
    }


def _theme(theme: Theme, language: Language) -> dict[str, object]:
    return {
        "name": theme.name,
        "title": say(f"theme.{theme.name}", language),
        "says": say(f"theme.{theme.name}.says", language),
        "layers": theme.layers,
        "shown": sorted(theme.shown),
    }


def _symbols(language: Language) -> dict[str, dict[str, dict[str, str]]]:
    return {
        kind: {
            name: {
                "colour": symbol.colour,
                "sign": symbol.sign_zh if language == "zh" else symbol.sign_en,
                "title": say(f"{prefix}.{name}", language),
            }
            for name, symbol in symbols.items()
        }
        for kind, prefix, symbols in (("layers", "symbol", SYMBOLS), ("groups", "place_group", PLACE_GROUPS))
    }


def _category_titles(language: Language) -> dict[str, dict[str, str]]:
    """Titles of all known categories by layer: answers of the server name ones that the map does not draw."""
    titles: dict[str, dict[str, str]] = defaultdict(dict)
    for key in CATALOGUE:
        if key.startswith("category."):
            _, layer, category = key.split(".", 2)
            titles[layer][category] = say(key, language)
    return titles


def _unit_row(row: Any, number: UnitNumbers, position: Mapping[str, int]) -> list[object]:
    return [
        row.unit_id, row.code, row.name, row.level, int(row.is_leaf), position.get(row.parent, -1),
        float(row.lon), float(row.lat), round(row.area_m2), number.zone_type,
        number.buildings, number.households, number.places, number.stations, number.staff,
    ]  # fmt: skip


def _place_row(row: Any, position: Mapping[str, int]) -> list[object]:
    group = PLACE_GROUP_OF.get(row.category, "other") if row.layer == "key_places" else row.layer
    return [row.element_id, group, row.category, row.name, position.get(row.unit_id, -1)]


def _building_row(row: Any, position: Mapping[str, int]) -> list[object]:
    return [row.element_id, row.name or row.address, row.floors, row.households, row.use, position.get(row.unit_id, -1)]


def _teams(teams: Rows, position: Mapping[str, int], *, persons: bool) -> dict[int, list[list[object]]]:
    found: dict[int, list[list[object]]] = defaultdict(list)
    for row in teams:
        who = [row.name, row.phone] if persons else [row.persons]
        found[position[row.unit_id]].append([row.role, row.duty, *who])
    return found


def _care(care: Rows, position: Mapping[str, int]) -> dict[str, object]:
    """Published counts by unit: `null` is a count below the threshold, a unit without an entry has none."""
    counts: dict[int, dict[str, int | None]] = defaultdict(dict)
    for row in care:
        counts[position[row.unit_id]][row.category] = row.shown
    return {"month": f"{care[0].month:%Y-%m}" if care else None, "counts": counts}


def _joined(shapes: Iterable[str]) -> str:
    return "[" + ",".join(shapes) + "]"


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
