"""Finds the shape of every row, from the file or from columns of positions, and turns away unusable ones."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import shapely

from gismap.errors import BadInputError
from gismap.geometry.shapes import find_invalidity
from gismap.importing.fields import WKT, LayerForm, X, Y, listed
from gismap.importing.frames import Bounds, choose_frame, misplaced, to_stored
from gismap.importing.values import MAX_VERTICES, Objects, PlacedTable, Rejection, Table, objects


def place(
    table: Table, form: LayerForm, mapping: Mapping[str, str], *, crs: str, district: Bounds | None, far_km: float
) -> PlacedTable:
    """The table with its shapes in EPSG:4490; rows without a usable one are left out and listed.

    Raises:
        BadInputError: the file has no positions, or they cannot be in its frame.
        CrsError: nobody says which frame.
    """
    if table.geom is None:
        table = with_shapes(table, mapping, optional=form.position_optional)
    assert table.geom is not None
    frame = choose_frame(crs, table.crs, table.geom)
    stored, reported = to_stored(table.geom, frame)
    rejections = misplaced(stored, reported, table.rows, frame, district, far_km)
    placed_rows = {rejection.row for rejection in rejections}
    rejections += [each for each in unusable(stored, table.rows, form) if each.row not in placed_rows]
    keep = ~np.isin(table.rows, [rejection.row for rejection in rejections])
    kept = table.taken(keep)
    return PlacedTable(
        kept.columns,
        kept.rows,
        stored[keep],
        None if reported is None else reported[keep],
        frame,
        table.rejections + rejections,
    )


def with_shapes(table: Table, mapping: Mapping[str, str], *, optional: bool = False) -> Table:
    """A spreadsheet's rows with points from their x and y columns, or with shapes from their WKT.

    Raises:
        BadInputError: there are no such columns.
    """
    if WKT not in mapping and not {X, Y} <= mapping.keys():
        if optional:
            return replace(table, geom=objects([None] * len(table)))
        raise BadInputError(
            f"the file has no columns of positions (lon and lat, x and y, 经度 and 纬度, or WKT); it has "
            f"{listed(table.columns)}: name them with --columns x=…,y=…",
            field="columns",
        )
    geom, rejections = objects([None] * len(table)), []
    if {X, Y} <= mapping.keys():
        x, wrong_x = _numbers(table, mapping[X])
        y, wrong_y = _numbers(table, mapping[Y])
        rejections += wrong_x + [one for one in wrong_y if one.row not in {other.row for other in wrong_x}]
        given = ~np.isnan(x) & ~np.isnan(y)
        geom[given] = shapely.points(x[given], y[given])
    if WKT in mapping:
        texts = table.columns[mapping[WKT]]
        given = np.array([value is not None for value in texts], dtype=bool)
        geom[given] = shapely.from_wkt(texts[given], on_invalid="ignore")
        broken = given & ~shapely.is_geometry(geom)
        rejections += [
            Rejection(int(row), mapping[WKT], "is no WKT: write it as POINT (116.97 35.40)")
            for row in table.rows[broken]
        ]
    if not optional:
        known = {rejection.row for rejection in rejections}
        bare = [int(row) for row in table.rows[~shapely.is_geometry(geom)] if int(row) not in known]
        rejections += [
            Rejection(row, mapping.get(X) or mapping[WKT], "the row has no position: give both x and y, or a shape")
            for row in bare
        ]
    keep = ~np.isin(table.rows, [rejection.row for rejection in rejections])
    return replace(table, geom=geom, rejections=table.rejections + rejections).taken(keep)


def _numbers(table: Table, column: str) -> tuple[np.ndarray, list[Rejection]]:
    """A column as floats (NaN where empty), and the rows where it holds something else."""
    numbers, rejections = np.full(len(table), np.nan), []
    for i, value in enumerate(table.columns[column]):
        if value is None:
            continue
        try:
            numbers[i] = float(value)
        except (TypeError, ValueError):
            numbers[i] = np.nan
        if not np.isfinite(numbers[i]):
            rejections.append(Rejection(int(table.rows[i]), column, f"{str(value)[:40]!r} is no number"))
    return numbers, rejections


def unusable(stored: Objects, rows: np.ndarray, form: LayerForm) -> list[Rejection]:
    """Rows whose shape is missing, empty, of another kind, too large or invalid."""
    missing = ~shapely.is_geometry(stored) | shapely.is_empty(stored)
    if form.position_optional:
        missing = shapely.is_empty(stored)
    rejections = [Rejection(int(row), "geometry", "the shape is empty") for row in rows[missing]]
    large = shapely.get_num_coordinates(stored) > MAX_VERTICES
    doubtful = ~missing & shapely.is_geometry(stored) & (~_of_kind(stored, form) | large | ~shapely.is_valid(stored))
    for i in np.flatnonzero(doubtful):
        rejections.append(Rejection(int(rows[i]), "geometry", _why_unusable(stored[i], form)))
    return rejections


def _of_kind(stored: Objects, form: LayerForm) -> np.ndarray:
    ids = [_TYPE_IDS[name] for name in form.shapes]
    return np.isin(shapely.get_type_id(stored), ids)


_TYPE_IDS = {
    name: int(getattr(shapely.GeometryType, name.upper()))
    for name in ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
}


def _why_unusable(shape: shapely.Geometry, form: LayerForm) -> str:
    if shape.geom_type not in form.shapes:
        return f"the shape is a {shape.geom_type}; wanted: {' or '.join(sorted(form.shapes))}"
    if shapely.get_num_coordinates(shape) > MAX_VERTICES:
        return f"the shape has more than {MAX_VERTICES:,} vertices: simplify it"
    invalidity = find_invalidity(shape)
    if invalidity is None:
        return "the shape is invalid"
    where = f" at {invalidity.at[0]:.7g}, {invalidity.at[1]:.7g}" if invalidity.at else ""
    return f"the shape {invalidity.reason}{where}: mend it"
