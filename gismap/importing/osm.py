"""Reads OSM XML: which things are streets, buildings or key places, in our words; other tags stay behind."""

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from gismap.errors import BadInputError
from gismap.importing.values import Table, objects
from gismap.importing.vector import check_driver
from gismap.limits import MAX_ROWS, check_extent, check_xml

Tags = Mapping[str, str]
Row = dict[str, Any]

_TAG = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')

STREET_CLASSES = {
    "motorway": "trunk",
    "trunk": "trunk",
    "primary": "primary",
    "secondary": "secondary",
    "tertiary": "tertiary",
    "residential": "residential",
    "unclassified": "residential",
    "road": "residential",
    "living_street": "lane",
    "pedestrian": "lane",
    "service": "lane",
    "track": "track",
    "footway": "track",
    "path": "track",
    "cycleway": "track",
    "bridleway": "track",
    "steps": "track",
}

BUILDING_USES = {
    "residential": "residential apartments house detached semidetached_house terrace dormitory bungalow",
    "shop": "retail commercial shop kiosk supermarket mall hotel restaurant",
    "office": "office",
    "school": "school university college kindergarten",
    "hospital": "hospital clinic",
    "factory": "industrial factory manufacture warehouse",
    "public": "public civic government train_station transportation sports_centre stadium museum library church temple",
    "farmhouse": "farm farm_auxiliary barn",
}
_USE_OF = {value: use for use, values in BUILDING_USES.items() for value in values.split()}

PLACE_TAGS = {
    "amenity": {
        "school": "school university college language_school",
        "kindergarten": "kindergarten childcare",
        "hospital": "hospital",
        "clinic": "clinic doctors dentist",
        "pharmacy": "pharmacy",
        "care_home": "nursing_home social_facility",
        "market": "marketplace",
        "restaurant": "restaurant fast_food food_court cafe bar pub",
        "gas_station": "fuel",
        "government": "townhall police fire_station courthouse public_building",
        "station": "bus_station",
        "bank": "bank",
        "library": "library",
        "theatre": "theatre cinema arts_centre",
        "post_office": "post_office",
        "community_centre": "community_centre",
        "place_of_worship": "place_of_worship",
    },
    "shop": {"supermarket": "supermarket mall department_store", "pharmacy": "chemist"},
    "tourism": {"hotel": "hotel hostel guest_house motel", "museum": "museum"},
    "office": {"government": "government"},
    "leisure": {"park": "park", "stadium": "stadium sports_centre"},
    "railway": {"station": "station"},
    "man_made": {"factory": "works"},
    "landuse": {"construction_site": "construction"},
}
_PLACE_OF = {
    (key, value): category
    for key, categories in PLACE_TAGS.items()
    for category, values in categories.items()
    for value in values.split()
}


def read_osm(path: Path, layer: str) -> Table:
    """The streets, buildings or key places of an OSM extract, with `key` as OSM's id and its kind (w123).

    Raises:
        BadInputError: another layer, not OSM, or truncated.
    """
    if layer not in _LAYERS:
        raise BadInputError(f"an OSM file gives {', '.join(_LAYERS)}, not {layer}", field="layer")
    _check_whole(path)
    sources, make_row = _LAYERS[layer]
    rows, geoms = [], []
    for source in sources:
        for tags, key, geom in _things(path, source):
            row = make_row(tags)
            if row is not None:
                rows.append({"key": key, **row})
                geoms.append(geom)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: objects([row.get(name) for row in rows]) for name in names}
    return Table(columns, np.arange(1, len(rows) + 1), objects(geoms), "wgs84")


def _check_whole(path: Path) -> None:
    content = path.read_bytes()
    if b"<osm" not in content[:4096]:
        raise BadInputError(f"{path.name} is no OSM XML, though its name says so", field="file")
    check_xml(path.name, io.BytesIO(content), root="osm")
    if not content.rstrip().endswith(b"</osm>"):
        raise BadInputError(f"{path.name} ends before </osm>: it is truncated, fetch it again", field="file")


def _things(path: Path, source: str) -> Any:
    """Tags, key and shape of each feature of one of GDAL's layers of an OSM file."""
    try:
        check_driver(path.name, pyogrio.read_info(path, layer=source, force_feature_count=False)["driver"], "OSM")
        meta, _, wkb, fields = pyogrio.raw.read(path, layer=source, max_features=MAX_ROWS + 1)
    except (DataSourceError, DataLayerError, FeatureError, ValueError) as error:
        raise BadInputError(f"{path.name} cannot be read: {str(error).splitlines()[0][:160]}", field="file") from error
    check_extent(path.name, len(wkb), 1)
    names = list(meta["fields"])
    for number, geom in enumerate(shapely.from_wkb(wkb, on_invalid="ignore")):
        tags = {name: values[number] for name, values in zip(names, fields, strict=True) if values[number] is not None}
        tags |= {key: value.replace('\\"', '"') for key, value in _TAG.findall(tags.pop("other_tags", ""))}
        if geom is not None:
            yield tags, _key(source, tags), geom


def _key(source: str, tags: Tags) -> str:
    if source == "multipolygons":
        return f"w{tags['osm_way_id']}" if "osm_way_id" in tags else f"r{tags['osm_id']}"
    return f"{'n' if source == 'points' else 'w'}{tags['osm_id']}"


def _street(tags: Tags) -> Row | None:
    street_class = STREET_CLASSES.get(tags.get("highway", "").removesuffix("_link"))
    return None if street_class is None else {"name": _name(tags), "street_class": street_class}


def _building(tags: Tags) -> Row | None:
    kind = tags.get("building")
    if kind is None or kind == "no":
        return None
    hints = (kind, tags.get("amenity", ""), "retail" if "shop" in tags else "", "office" if "office" in tags else "")
    use = next((_USE_OF[hint] for hint in hints if hint in _USE_OF), "other")
    return {"name": _name(tags), "use": use, "address": _address(tags), "floors": _floors(tags)}


def _key_place(tags: Tags) -> Row | None:
    category = next((_PLACE_OF[pair] for pair in tags.items() if pair in _PLACE_OF), None)
    if category is None and "shop" in tags:
        category = "shop"
    return None if category is None else {"name": _name(tags), "category": category, "address": _address(tags)}


_LAYERS: dict[str, tuple[tuple[str, ...], Callable[[Tags], Row | None]]] = {
    "streets": (("lines",), _street),
    "buildings": (("multipolygons",), _building),
    "key_places": (("points", "multipolygons"), _key_place),
}


def _name(tags: Tags) -> str | None:
    return tags.get("name") or tags.get("name:zh")


def _address(tags: Tags) -> str | None:
    return tags.get("addr:full") or (tags.get("addr:street", "") + tags.get("addr:housenumber", "")) or None


def _floors(tags: Tags) -> int | None:
    number = re.fullmatch(r"\d{1,3}", tags.get("building:levels", ""))
    return int(number[0]) if number else None
