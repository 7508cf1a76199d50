"""Mends a file of areas: reads it, has it mended, writes it in the form of its ending, attributes and frame kept."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import openpyxl
import orjson
import pandas
import shapely

from gismap.coverage.layers import WKT_COLUMNS, Layer, read_layer
from gismap.errors import BadInputError
from gismap.geometry.ground import Shapes
from gismap.geometry.repair import Repaired, repair
from gismap.spreadsheets import harmless, write_table

GAP_WIDTH_M = 1.0
DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".shp": "ESRI Shapefile", ".kml": "KML"}
SHEETS = {".csv", ".xlsx"}


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """What the user asks of a repair."""

    path: Path
    output: Path
    gap_width_m: float = GAP_WIDTH_M
    ledger: Path | None = None
    accept: bool = False
    id_column: str | None = None
    crs: str = "auto"
    sheet: str | None = None


def repair_file(order: RepairOrder) -> tuple[Layer, Repaired]:
    """Mend a file and write the result, and the ledger where one is asked for.

    Raises:
        BadInputError: a file cannot be read or written.
    """
    if not 0 < order.gap_width_m < 1e6:
        raise BadInputError("the gap width is a number of metres above 0", field="gap_width")
    _check_output(order.output)
    layer = read_layer(order.path, crs=order.crs, id_column=order.id_column, sheet=order.sheet)
    mended = repair(layer.ids, layer.shapes, order.gap_width_m, ground=layer.ground, accept=order.accept)
    write_layer(layer, mended.shapes, order.output)
    if order.ledger is not None:
        try:
            order.ledger.write_bytes(orjson.dumps(mended.as_dict(), option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise BadInputError(f"{order.ledger} cannot be written: {error.strerror}", field="ledger") from error
    return layer, mended


def _check_output(output: Path) -> None:
    if output.suffix.lower() not in {*DRIVERS, *SHEETS}:
        known = ", ".join([*DRIVERS, *sorted(SHEETS)])
        raise BadInputError(f"{output.name}: files ending in {known} are written", field="output")
    if not output.parent.is_dir():
        raise BadInputError(f"there is no folder {output.parent}", field="output")


def write_layer(layer: Layer, shapes: Shapes, output: Path, more: dict[str, Any] | None = None) -> None:
    """Write a layer with other shapes, and `more` columns; Shapefiles in GBK, since UTF-8 cuts Chinese field names.

    Raises:
        BadInputError: it cannot be written.
    """
    columns = {**layer.table.columns, **(more or {})}
    ending = output.suffix.lower()
    try:
        if ending in SHEETS:
            _write_sheet(columns, shapes, output)
            return
        frame = layer.ground.frame
        crs = None if frame is None else frame.definition
        if frame is not None and frame.definition is None:
            raise BadInputError(f"a {frame.name} layer is written as CSV or XLSX", field="output")
        data = pandas.DataFrame({name: _typed(values) for name, values in columns.items()})
        table = geopandas.GeoDataFrame(data, geometry=list(shapes), crs=crs)
        if ending == ".geojson" and crs not in {None, "EPSG:4326", "EPSG:4490"}:
            _write_plane_geojson(table, output, str(crs))
            return
        if output.exists():
            output.unlink()
        how: dict[str, Any] = {"encoding": "GB18030"} if ending == ".shp" else {}
        if ending in {".geojson", ".json"}:
            how |= {"COORDINATE_PRECISION": 15, "RFC7946": "NO"}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")  # nobody knows it, which was told
            table.to_file(output, driver=DRIVERS[ending], engine="pyogrio", **how)
    except BadInputError:
        raise
    except Exception as error:  # GDAL's errors are of many kinds
        raise BadInputError(f"{output} cannot be written: {str(error)[:160]}", field="output") from error


def _typed(values: Any) -> pandas.Series:
    """Whole numbers with gaps stay whole."""
    kinds = {type(value) for value in values if value is not None}
    return pandas.Series(values, dtype="Int64") if kinds == {int} else pandas.Series(list(values))


def _write_plane_geojson(table: geopandas.GeoDataFrame, output: Path, crs: str) -> None:
    """GeoJSON in a plane, with the old member that names it, as it came."""
    features = [
        {
            "type": "Feature",
            "properties": {name: None if pandas.isna(value) else value for name, value in row.items()},
            "geometry": None if shape is None else orjson.loads(shapely.to_geojson(shape)),
        }
        for row, shape in zip(
            table.drop(columns="geometry").astype(object).to_dict("records"), table.geometry, strict=True
        )
    ]
    name = f"urn:ogc:def:crs:{crs.replace(':', '::')}"
    document = {"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": name}}}
    output.write_bytes(orjson.dumps({**document, "features": features}, option=orjson.OPT_SERIALIZE_NUMPY))


def _write_sheet(columns: dict[str, Any], shapes: Shapes, output: Path) -> None:
    """A table with its shapes as WKT, in the column that they came in."""
    column = next((name for name in columns if name.strip().lower() in WKT_COLUMNS), "wkt")
    texts = [None if shape is None else shapely.to_wkt(shape, rounding_precision=-1) for shape in shapes]
    whole = {**columns, column: np.array(texts, dtype=object)}
    rows = list(zip(*whole.values(), strict=True))
    if output.suffix.lower() == ".csv":
        with output.open("w", encoding="utf-8-sig", newline="") as stream:
            write_table(stream, list(whole), rows)
        return
    longest = max((len(text) for text in texts if text), default=0)
    if longest > 32_767:
        raise BadInputError("a cell of a workbook holds 32,767 characters: write CSV or GeoPackage", field="output")
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in ([*whole], *rows):
        sheet.append([harmless(value) for value in row])
    book.save(output)
