"""Reads GeoJSON feature by feature, so that one bad shape never hides the others."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from gismap.errors import BadInputError
from gismap.geometry.errors import GeometryError
from gismap.geometry.shapes import ANY_KIND, shape_from_geojson
from gismap.importing.values import MAX_VERTICES, Rejection, Table, objects
from gismap.limits import check_extent

_SINGLE = ANY_KIND | {"GeometryCollection"}


def read_geojson(path: Path) -> Table:
    """The features of a FeatureCollection, a Feature or a bare geometry; frame wgs84 unless an old `crs` member says.

    Raises:
        BadInputError: not JSON (with the place), or JSON but no GeoJSON.
    """
    document = _parsed(path)
    features = _features(document, path)
    keys = list(dict.fromkeys(key for feature in features for key in (feature.get("properties") or {})))
    check_extent(path.name, len(features), len(keys))
    columns = {key: objects([_plain((f.get("properties") or {}).get(key)) for f in features]) for key in keys}
    if "id" not in columns and any("id" in feature for feature in features):
        columns["id"] = objects([_plain(feature.get("id")) for feature in features])
    rows = np.arange(1, len(features) + 1)
    geom, rejections = _shapes([feature.get("geometry") for feature in features])
    return Table(columns, rows, geom, _frame(document), rejections)


def _parsed(path: Path) -> Any:
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass  # some programs write NaN, and some write GBK: Python's reader takes both
    for encoding in ("utf-8", "gb18030"):
        try:
            return json.loads(content.decode(encoding))
        except UnicodeDecodeError:
            continue
        except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
            raise BadInputError(
                f"{path.name} is no GeoJSON: {error}; it may be truncated or be something else", field="file"
            ) from error
    raise BadInputError(f"{path.name} is text in neither UTF-8 nor GB18030", field="file")


def _features(document: Any, path: Path) -> list[dict[str, Any]]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "Feature":
        return [document]
    if kind in _SINGLE:
        return [{"geometry": document}]
    features = document.get("features") if kind == "FeatureCollection" else None
    if not isinstance(features, list):
        raise BadInputError(f"{path.name} is JSON, but no GeoJSON FeatureCollection", field="file")
    wrong = next(
        (
            number
            for number, feature in enumerate(features, 1)
            if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict)
        ),
        None,
    )
    if wrong is not None:
        raise BadInputError(f"{path.name}: feature {wrong} is no GeoJSON Feature", field="file")
    return features


def _shapes(members: list[Any]) -> tuple[Any, list[Rejection]]:
    """Shapes read in one go, None where there is none; what GEOS refuses is read again, strictly, for the reason.

    A shape that can be made of it all the same, by closing its rings, stands in its place.
    """
    texts = objects([json.dumps(member) if isinstance(member, dict) else None for member in members])
    geom = shapely.from_geojson(texts, on_invalid="ignore")
    rejections = []
    given = np.array([member is not None for member in members], dtype=bool)
    for i in np.flatnonzero(given & ~shapely.is_geometry(geom)):
        try:
            geom[i] = shape_from_geojson(members[i], kinds=ANY_KIND, max_vertices=MAX_VERTICES)
        except GeometryError as error:
            rejections.append(Rejection(int(i) + 1, "geometry", error.detail))
            geom[i] = shapely.from_geojson(texts[i], on_invalid="fix")
    return geom, rejections


def _frame(document: dict[str, Any]) -> str:
    member = document.get("crs")
    if not isinstance(member, dict):
        return "wgs84"
    name = str((member.get("properties") or {}).get("name", ""))
    if name.upper().endswith("CRS84"):
        return "wgs84"
    code = name.rsplit(":", 1)[-1]
    if not code.isdigit():
        raise BadInputError(f"the frame {name[:60]!r} that the file names is unknown: give it with --crs", field="crs")
    return f"EPSG:{code}"


def _plain(value: Any) -> Any:
    """Text and numbers as they are; nested values as JSON text, as are numbers too large; nothing for empty text."""
    if isinstance(value, dict | list) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return None if value == "" else value
