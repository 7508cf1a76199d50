"""Opens a file: tells by its content what it is, and hands it to the reader of that kind; columns mean nothing here."""

from pathlib import Path

import numpy as np

from gismap.errors import BadInputError
from gismap.importing.dxf import read_dxf
from gismap.importing.geojson import read_geojson
from gismap.importing.kml import read_kml
from gismap.importing.osm import read_osm
from gismap.importing.sheets import read_csv, read_xlsx, sheet_names
from gismap.importing.values import Table
from gismap.importing.vector import layer_names, read_geopackage, read_shapefile, read_zipped_shapefile
from gismap.limits import check_extent, check_file

KINDS = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GeoPackage",
    ".shp": "Shapefile",
    ".zip": "zipped Shapefile",
    ".osm": "OSM XML",
    ".kml": "KML",
    ".kmz": "KMZ",
    ".dxf": "DXF",
    ".csv": "CSV",
    ".xlsx": "XLSX",
}
_MAGIC = (
    (b"SQLite format 3\0", {"GeoPackage"}),
    (b"PK\x03\x04", {"XLSX", "zipped Shapefile", "KMZ"}),
    (b"\x00\x00\x27\x0a", {"Shapefile"}),
)
_TEXT = {"GeoJSON", "OSM XML", "CSV", "KML", "DXF"}
_WITH_LAYERS = {"XLSX", "GeoPackage", "zipped Shapefile", "DXF"}


def read_table(path: Path, layer: str, sheet: str | None = None, *, keep_broken: bool = False) -> Table:
    """The rows of a file; `sheet` names a sheet of a workbook, a layer of a GeoPackage or drawing, a file of a zip.

    `layer` decides which things of an OSM file are meant. Rows whose shape is broken are left out and listed; with
    `keep_broken` they are listed and kept, with what can be read of it.

    Raises:
        BadInputError: missing, empty, of a kind that is not read, not what its name says, truncated or without rows;
            or it could read other files, or run for ever.
        TooLargeError: it holds, or would unfold to, more than is read.
    """
    kind = _kind_of(path)
    if sheet is not None and kind not in _WITH_LAYERS:
        raise BadInputError(f"a {kind} has no sheets or layers to choose from", field="sheet")
    match kind:
        case "GeoJSON":
            table = read_geojson(path)
        case "GeoPackage":
            table = read_geopackage(path, sheet)
        case "Shapefile":
            table = read_shapefile(path)
        case "zipped Shapefile":
            table = read_zipped_shapefile(path, sheet)
        case "OSM XML":
            table = read_osm(path, layer)
        case "KML" | "KMZ":
            table = read_kml(path)
        case "DXF":
            table = read_dxf(path, sheet)
        case "CSV":
            table = read_csv(path)
        case _:
            table = read_xlsx(path, sheet)
    check_extent(path.name, len(table), len(table.columns))
    if not len(table) and not table.rejections:
        raise BadInputError(f"{path.name} holds no rows for {layer}", field="file")
    if keep_broken:
        return table
    return table.taken(~np.isin(table.rows, [rejection.row for rejection in table.rejections]))


def parts_of(path: Path) -> list[str]:
    """The sheets of a workbook or the layers of a GeoPackage; none of a file that is one table.

    Raises:
        BadInputError: as `read_table`.
    """
    match _kind_of(path):
        case "XLSX":
            return sheet_names(path)
        case "GeoPackage":
            return layer_names(path)
        case _:
            return []


def _kind_of(path: Path) -> str:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise BadInputError(
            f"{path.name}: files ending in {', '.join(KINDS)} are read, not {path.suffix or 'one without an ending'}",
            field="file",
        )
    check_file(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
    except OSError as error:
        raise BadInputError(f"{path} cannot be opened: {error.strerror}", field="file") from error
    if not head:
        raise BadInputError(f"{path.name} is empty", field="file")
    found = next((kinds for magic, kinds in _MAGIC if head.startswith(magic)), _TEXT)
    if kind not in found:
        looks = "text" if found is _TEXT else " or ".join(f"a {each}" for each in sorted(found))
        raise BadInputError(
            f"{path.name} is no {kind}, though its name says so: it begins like {looks}; "
            "export it again, or give it the right ending",
            field="file",
        )
    return kind
