"""Gathers what one thematic map holds into a document that a page can draw; no HTML, no Folium.

The document is compact on purpose: units are rows under named fields, geometries stay the text that PostGIS wrote, and
everything else refers to a unit by its position.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from gismap.boundaries.values import ZoneType
from gismap.errors import NotFoundError
from gismap.i18n import CATALOGUE, Language, say
from gismap.themes import queries
from gismap.themes.fills import Fill, UnitNumbers, categories, choropleth
from gismap.themes.queries import Extent
from gismap.themes.specs import LEVELS, PLACE_GROUP_OF, PLACE_GROUPS, SYMBOLS, THEMES, Choropleth, Theme

MOST_OUTLINES = 6_000
"""Up to this many buildings are drawn with their outlines; above, a map counts them by unit."""

STREET_CLASSES = ("trunk", "primary", "secondary", "tertiary", "residential", "lane", "track")
WIDE_DEGREES = 0.25
"""A map wider than this leaves out lanes and tracks, which could not be told apart."""

FIELDS = (
    "id", "code", "name", "level", "leaf", "parent", "lon", "lat", "area", "zone",
    "buildings", "households", "places", "stations", "supplies", "staff",
)  # fmt: skip

Rows = Sequence[Any]


@dataclass(frozen=True, slots=True)
class MapContent:
    """All that a renderer needs: the document as JSON text, the points to cluster, and where to look."""

    title: str
    bounds: tuple[float, float, float, float]  # west, south, east, north
    levels: Sequence[int]
    points: Sequence[tuple[float, float, int]]  # lat, lon, position in the document's places
    document: str


def gather(connection: Connection, theme: Theme, extent: Extent, language: Language, *, persons: bool) -> MapContent:
    """Read and assemble a map; without `persons` posts are counted and no name or phone is read.

    Raises:
        NothingPublishedError: there are no grids on any day.
        NotFoundError: there are none on that day.
    """
    values = extent.values
    district = connection.execute(queries.DISTRICT, values).one_or_none()
    units = connection.execute(queries.UNITS, values).all()
    if district is None or not units:
        raise _no_grids(connection, extent)
    position = {row.unit_id: index for index, row in enumerate(units)}
    bounds = connection.execute(queries.BOUNDS, values).one()
    layers = [name for name in ("key_places", "service_stations", "supplies") if name in theme.layers or theme.fill]
    places = connection.execute(queries.PLACES, {**values, "layers": layers}).all()
    housing = connection.execute(queries.HOUSING, values).all()
    teams = connection.execute(queries.TEAMS if persons else queries.POSTS, values).all()
    staff = connection.execute(queries.STAFF, values).all()
    numbers = unit_numbers(units, position, housing, places, staff, teams)
    outlines: Rows = ()
    if "buildings" in theme.layers and sum(row.buildings for row in housing) <= MOST_OUTLINES:
        outlines = connection.execute(queries.OUTLINES, values).all()
    care = connection.execute(queries.CARE, values).all() if "care_persons" in theme.layers else ()
    drawn = [row for row in places if row.layer in theme.layers]
    fill = _fill(theme, numbers, language)
    title = district.title_zh if language == "zh" else district.title_en
    parts = {
        "language": _json(language),
        "texts": _json({key[4:]: text[language != "zh"] for key, text in CATALOGUE.items() if key.startswith("map.")}),
        "bounds": _json((bounds.west, bounds.south, bounds.east, bounds.north)),
        "zones": _json({zone: say(f"zone.{zone}", language) for zone in ZoneType}),
        "theme": _json(_theme(theme, language)),
        "themes": _json(
            [{"name": name, "title": say(f"theme.{name}", language)} for name in THEMES] if persons else None
        ),
        "district": _json(
            {"title": title, "revision": district.revision, "as_of": str(extent.as_of), "synthetic": district.synthetic}
        ),
        "levels": _json(
            {level: {**asdict(style), "title": say(f"level.{level}", language)} for level, style in LEVELS.items()}
        ),
        "symbols": _json(_symbols(language)),
        "fields": _json(FIELDS),
        "units": _json([_unit_row(row, number, position) for row, number in zip(units, numbers, strict=True)]),
        "shapes": _joined(row.shape for row in units),
        "streets": _streets(connection, bounds),
        "street_names": _json(_street_names(connection, bounds)),
        "places": _json([_place_row(row, position) for row in drawn]),
        "titles": _json(_category_titles(language)),
        "teams": _json(_teams(teams, position, persons=persons)),
        "roles": _json({row.role: say(f"role.{row.role}", language) for row in teams}),
        "care": _json(_care(care, position)),
        "buildings": _json([_building_row(row, position) for row in outlines]),
        "outlines": _joined(row.shape for row in outlines),
        "fill": _json(None if fill is None else fill.as_json()),
    }
    document = "{" + ",".join(f'"{key}":{value}' for key, value in parts.items()) + "}"
    return MapContent(
        title=f"{title} · {say(f'theme.{theme.name}', language)}",
        bounds=(bounds.west, bounds.south, bounds.east, bounds.north),
        levels=sorted({row.level for row in units}),
        points=[(float(row.lat), float(row.lon), index) for index, row in enumerate(drawn)],
        document=document,
    )


class NothingPublishedError(NotFoundError):
    """The database holds no grids at all."""

    type = "nothing-published"


def _no_grids(connection: Connection, extent: Extent) -> NotFoundError:
    if connection.execute(queries.FIRST_DAY).scalar() is None:
        return NothingPublishedError("no grids are published yet")
    return NotFoundError(f"there are no grids on {extent.as_of}", field="as_of")


def unit_numbers(
    units: Rows, position: Mapping[str, int], housing: Rows, places: Rows, staff: Rows, teams: Rows
) -> list[UnitNumbers]:
    """Counts of every unit, each including the units below it; `units` lists parents before children.

    `staff` counts persons and `teams` tells the posts of a unit: who stands in for a neighbour has two.
    """
    numbers = [UnitNumbers(row.area_m2, row.is_leaf, row.zone_type or "") for row in units]
    for row in housing:
        if row.unit_id in position:
            own = numbers[position[row.unit_id]]
            own.buildings, own.households = row.buildings, row.households
    counted = {"key_places": "places", "service_stations": "stations", "supplies": "supplies"}
    for row in places:
        if row.unit_id in position:
            own, name = numbers[position[row.unit_id]], counted[row.layer]
            setattr(own, name, getattr(own, name) + 1)
    for row in staff:
        numbers[position[row.unit_id]].staff = row.persons
    for row in teams:
        numbers[position[row.unit_id]].duties |= {row.duty} - {None}
    for row in reversed(units):
        if row.parent in position:
            own, above = numbers[position[row.unit_id]], numbers[position[row.parent]]
            for name in ("buildings", "households", "places", "stations", "supplies", "staff"):
                setattr(above, name, getattr(above, name) + getattr(own, name))
    return numbers


def _fill(theme: Theme, numbers: Sequence[UnitNumbers], language: Language) -> Fill | None:
    if theme.fill is None:
        return None
    if isinstance(theme.fill, Choropleth):
        return choropleth(theme.fill, numbers, language)
    return categories(theme.fill, numbers, language)


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


def _unit_row(row: Any, number: UnitNumbers, position: Mapping[str, int]) -> list[object]:
    return [
        row.unit_id, row.code, row.name, row.level, int(row.is_leaf), position.get(row.parent, -1),
        float(row.lon), float(row.lat), round(row.area_m2), number.zone_type,
        number.buildings, number.households, number.places, number.stations, number.supplies, number.staff,
    ]  # fmt: skip


def _place_row(row: Any, position: Mapping[str, int]) -> list[object]:
    group = PLACE_GROUP_OF.get(row.category, "other") if row.layer == "key_places" else row.layer
    return [row.element_id, group, row.category, row.name, position.get(row.unit_id, -1)]


def _building_row(row: Any, position: Mapping[str, int]) -> list[object]:
    return [row.element_id, row.name or row.address, row.floors, row.households, row.use, position.get(row.unit_id, -1)]


def _category_titles(language: Language) -> dict[str, dict[str, str]]:
    """Titles of all known categories by layer: answers of the server name ones that the map does not draw."""
    titles: dict[str, dict[str, str]] = defaultdict(dict)
    for key in CATALOGUE:
        if key.startswith("category."):
            _, layer, category = key.split(".", 2)
            titles[layer][category] = say(key, language)
    return titles


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


def _streets(connection: Connection, bounds: Any) -> str:
    width = bounds.east - bounds.west
    found = connection.execute(queries.STREETS, {**_street_values(bounds), "tolerance": width / 8000})
    return "{" + ",".join(f'"{row.street_class}":{{"count":{row.streets},"shape":{row.shape}}}' for row in found) + "}"


def _street_names(connection: Connection, bounds: Any) -> list[list[object]]:
    found = connection.execute(queries.STREET_NAMES, _street_values(bounds))
    return [[row.name, row.street_class, float(row.lon), float(row.lat)] for row in found]


def _street_values(bounds: Any) -> dict[str, object]:
    """The parameters of both: the box, and the classes of streets that a map of this width draws."""
    is_wide = bounds.east - bounds.west >= WIDE_DEGREES
    box = {side: getattr(bounds, side) for side in ("west", "south", "east", "north")}
    return {**box, "classes": list(STREET_CLASSES[:-2] if is_wide else STREET_CLASSES)}


def _joined(shapes: Iterable[str]) -> str:
    return "[" + ",".join(shapes) + "]"


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
