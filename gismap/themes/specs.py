"""What each thematic map shows, how it is classed and coloured: values for any renderer; no data and no Folium.

Titles live in the catalogue under `theme.NAME`, `measure.NAME`, `symbol.NAME`; colours are safe for the common forms of
colour blindness and mean the same thing on every map.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gismap.errors import NotFoundError
from gismap.themes.classes import Method

LayerName = Literal[
    "streets", "grids", "staff", "buildings", "households", "care_persons", "key_places", "service_stations", "supplies"
]
Measure = Literal["households", "density", "load", "places"]
Attribute = Literal["zone_type", "duty"]
Pattern = Literal["plain", "lined", "slanted", "crossed", "dotted"]

CLASS_COUNT = 5

RAMPS: Mapping[str, tuple[str, ...]] = {
    "blue": ("#e4eef8", "#b9d3ec", "#82b1dc", "#4587c1", "#1b5a97"),
    "purple": ("#eeeaf6", "#cfc3e5", "#a892d1", "#7f64b4", "#55388c"),
    "orange": ("#fcecdc", "#f7c899", "#ec9c55", "#cd6c20", "#8f450d"),
    "green": ("#e3f2ea", "#b3dac4", "#78bb98", "#3d946b", "#166044"),
}
"""Sequential one-hue ramps, light to dark."""


@dataclass(frozen=True, slots=True)
class LevelStyle:
    """The border of one level of units."""

    width_px: float
    colour: str
    dashed: bool = False


LEVELS: Mapping[int, LevelStyle] = {
    1: LevelStyle(2.5, "#33415c"),
    2: LevelStyle(1.8, "#4a5a78"),
    3: LevelStyle(1.2, "#6b7c9a"),
    4: LevelStyle(0.7, "#8b9ab3"),
    5: LevelStyle(0.7, "#8b9ab3", dashed=True),
}


@dataclass(frozen=True, slots=True)
class Symbol:
    """How things of one kind look: a colour, and a sign that tells them apart without it (Chinese, English)."""

    colour: str
    sign_zh: str
    sign_en: str


SYMBOLS: Mapping[str, Symbol] = {
    "staff": Symbol("#0b7a75", "员", "W"),
    "buildings": Symbol("#7a6248", "楼", "B"),
    "households": Symbol("#1b5a97", "户", "H"),
    "care_persons": Symbol("#a8326e", "关", "C"),
    "key_places": Symbol("#0072b2", "场", "P"),  # all groups together
    "service_stations": Symbol("#24478f", "站", "S"),
    "supplies": Symbol("#6b7000", "物", "E"),
}

PLACE_GROUPS: Mapping[str, Symbol] = {
    "education": Symbol("#0072b2", "学", "Ed"),
    "health": Symbol("#00855f", "医", "+"),
    "care_home": Symbol("#8b4fa8", "养", "El"),
    "commerce": Symbol("#b87800", "商", "Sh"),
    "hazard": Symbol("#c44500", "危", "!"),
    "public": Symbol("#3b7fa6", "公", "P"),
    "industry": Symbol("#5f5a52", "工", "In"),
    "other": Symbol("#6b7280", "他", "·"),
}
"""Key places are drawn in at most eight groups."""

PLACE_GROUP_OF: Mapping[str, str] = {
    "school": "education",
    "kindergarten": "education",
    "hospital": "health",
    "clinic": "health",
    "pharmacy": "health",
    "care_home": "care_home",
    "elderly_care": "care_home",
    "market": "commerce",
    "supermarket": "commerce",
    "restaurant": "commerce",
    "hotel": "commerce",
    "gas_station": "hazard",
    "chemical": "hazard",
    "construction_site": "hazard",
    "factory": "industry",
    "warehouse": "industry",
    "mine": "industry",
    "park": "public",
    "government": "public",
    "station": "public",
}
"""The group of a category of key places; categories that an import brought along are drawn as `other`."""


@dataclass(frozen=True, slots=True)
class Choropleth:
    """Leaf grids filled by a number."""

    measure: Measure
    method: Method
    ramp: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How grids of one kind are filled: a colour, and a pattern that tells them apart without it."""

    colour: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Categories:
    """Leaf grids filled by a kind; in the order of the legend."""

    attribute: Attribute
    kinds: Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class Heat:
    """Density of things at their points; `layers` never include persons."""

    layers: tuple[LayerName, ...]
    ramp: str


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """One thematic map: its layers in drawing order, bottom first, and which are on when it opens.

    There is one of each, so that a theme is equal only to itself.
    """

    name: str
    layers: tuple[LayerName, ...]
    shown: frozenset[LayerName]
    fill: Choropleth | Categories | None = None
    heat: Heat | None = None


EVERYTHING: tuple[LayerName, ...] = (
    "streets", "grids", "buildings", "households", "care_persons",
    "staff", "key_places", "service_stations", "supplies",
)  # fmt: skip
PLACE: frozenset[LayerName] = frozenset({"streets", "grids"})

THEMES: Mapping[str, Theme] = {
    theme.name: theme
    for theme in (
        Theme("one", EVERYTHING, PLACE | {"buildings", "key_places", "service_stations", "supplies"}),
        Theme(
            "grids",
            ("streets", "grids", "service_stations"),
            PLACE,
            Categories(
                "zone_type",
                {
                    "residential_compound": Kind("#7fb0d8", "dotted"),
                    "bungalow_area": Kind("#d9a86c", "slanted"),
                    "commercial": Kind("#c98bb0", "crossed"),
                    "rural": Kind("#9cc49a", "plain"),
                    "": Kind("#d5d9e0", "lined"),
                },
            ),
        ),
        Theme(
            "staff",
            ("streets", "grids", "staff", "service_stations"),
            PLACE | {"staff"},
            Categories(
                "duty",
                {
                    "both": Kind("#8cc3bd", "plain"),
                    "primary_only": Kind("#f2d08a", "slanted"),
                    "vacant": Kind("#dd8a6a", "crossed"),
                },
            ),
        ),
        Theme("households", ("streets", "grids", "households"), PLACE, Choropleth("households", "quantile", "blue")),
        Theme("density", ("streets", "grids", "buildings"), PLACE, Choropleth("density", "jenks", "purple")),
        Theme("load", ("streets", "grids", "staff", "households"), PLACE, Choropleth("load", "jenks", "orange")),
        Theme(
            "places",
            ("streets", "grids", "key_places", "service_stations"),
            PLACE,
            Choropleth("places", "jenks", "green"),
        ),
        Theme("heat", ("streets", "grids", "key_places"), PLACE, heat=Heat(("key_places",), "orange")),
    )
}


def theme_named(name: str) -> Theme:
    """The theme of that name.

    Raises:
        NotFoundError: there is none; the text lists those that exist.
    """
    if name not in THEMES:
        raise NotFoundError(f"there is no theme {name!r}; there are {', '.join(THEMES)}", field="theme")
    return THEMES[name]
