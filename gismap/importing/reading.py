"""Opens a file: tells by its content what it is, and hands it to the reader of that kind; columns mean nothing here."""

from pathlib import Path

from gismap.errors import BadInputError
from gismap.importing.geojson import read_geojson
from gismap.importing.osm import read_osm
from gismap.importing.sheets import read_csv, read_xlsx
from gismap.importing.values import Table
from gismap.importing.vector import read_geopackage, read_shapefile, read_zipped_shapefile
from gismap.limits import check_extent, check_file

KINDS = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GeoPackage",
    ".shp": "Shapefile",
    ".zip": "zipped Shapefile",
    ".osm": "OSM XML",
    ".csv": "CSV",
    ".xlsx": "XLSX",
}
_MAGIC = (
    (b"SQLite format 3\0", {"GeoPackage"}),
    (b"PK\x03\x04", {"XLSX", "zipped Shapefile"}),
    (b"\x00\x00\x27\x0a", {"Shapefile"}),
)
_TEXT = {"GeoJSON", "OSM XML", "CSV"}


def read_table(path: Path, layer: str, sheet: str | None = None) -> Table:
    """The rows of a file; `sheet` names a sheet of a workbook or a layer of a GeoPackage.

    `layer` decides which things of an OSM file are meant.

    Raises:
        BadInputError: missing, empty, of a kind that is not read, not what its name says, truncated or without rows;
            or it could read other files, or run for ever.
        TooLargeError: it holds, or would unfold to, more than is read.
    """
    kind = _kind_of(path)
    if sheet is not None and kind not in {"XLSX", "GeoPackage"}:
        raise BadInputError(f"a {kind} has no sheets or layers to choose from", field="sheet")
    match kind:
        case "GeoJSON":
            table = read_geojson(path)
        case "GeoPackage":
            table = read_geopackage(path, sheet)
        case "Shapefile":
            table = read_shapefile(path)
        case "zipped Shapefile":
            table = read_zipped_shapefile(path)
        case "OSM XML":
            table = read_osm(path, layer)
        case "CSV":
            table = read_csv(path)
        case _:
            table = read_xlsx(path, sheet)
    check_extent(path.name, len(table), len(table.columns))
    if not len(table) and not table.rejections:
        raise BadInputError(f"{path.name} holds no rows for {layer}", field="file")
    return table


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
