"""Reads a file of areas as a layer to check or mend: names of units, shapes as they are, and how they are measured.

Nothing is left out: a row whose shape cannot be used stays, with the reason. What is wrong with the layer as a coverage
is not found here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyproj
import shapely

from gismap.errors import BadInputError
from gismap.geometry.datums import Frame, parse_frame, plausible_degrees, plausible_positions
from gismap.geometry.errors import CrsError
from gismap.geometry.ground import Ground, Shapes, ground_of
from gismap.importing.cleaning import as_text
from gismap.importing.fields import EXAMPLE_KEY, listed, match_columns
from gismap.importing.frames import Bounds, box_of_most, choose_frame, frame_by_zone, frames_by_codes
from gismap.importing.grid_form import GRIDS
from gismap.importing.reading import read_table
from gismap.importing.values import Objects, Table

WKT_COLUMNS = ("wkt", "geometry", "geom", "the_geom", "图形")


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about a file, as a text of the catalogue and its values."""

    key: str
    values: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """Areas of a file by row; `broken` gives the reason of rows whose shape cannot be used, by index.

    `id_column` is None where units are called by their row. `labels` are the names to show beside the ids, where there
    are any.
    """

    name: str
    ids: list[str]
    labels: list[str | None]
    shapes: Shapes
    ground: Ground
    table: Table
    id_column: str | None
    broken: dict[int, str]
    notes: list[Note]

    @property
    def frame_name(self) -> str | None:
        return None if self.ground.frame is None else self.ground.frame.name


def read_layer(
    path: Path, *, crs: str = "auto", id_column: str | None = None, sheet: str | None = None, areas: bool = True
) -> Layer:
    """The rows of any file with shapes, or with shapes as WKT; `areas`: it must hold a polygon.

    Raises:
        BadInputError: the file cannot be read, has no shapes (or no polygons), or no such column.
        CrsError: `crs` is unknown.
    """
    table = read_table(path, "grids", sheet, keep_broken=True)
    broken = {rejection.row: rejection.reason for rejection in table.rejections}
    shapes, without = _shapes_of(table)
    broken |= without
    usable = np.isin(shapely.get_type_id(shapes), (3, 6))
    if areas and not usable.any():
        kinds = sorted({shape.geom_type for shape in shapes if shape is not None})
        raise BadInputError(f"{path.name} holds no polygons, but {listed(kinds) or 'no shapes'}", field="file")
    ids, labels, column = _names_of(table, id_column)
    frame, notes = _frame_of(table, shapes, crs, ids)
    broken |= _impossible(table, shapes, frame)
    double = _doubles(ids)
    if double:
        notes.append(Note("coverage.note.double", {"count": len(double), "codes": listed(double)}))
        ids = _told_apart(ids, table.rows)
    by_row = {int(row): index for index, row in enumerate(table.rows)}
    at = {by_row[row]: reason for row, reason in broken.items() if row in by_row}
    lost = [row for row in broken if row not in by_row]
    if lost:
        notes.append(Note("coverage.note.lost_rows", {"count": len(lost), "rows": listed([str(r) for r in lost])}))
    return Layer(path.name, ids, labels, shapes, ground_of(frame, shapes), table, column, at, notes)


def _shapes_of(table: Table) -> tuple[Shapes, dict[int, str]]:
    """The shapes of all rows, from the file or from its column of WKT; rows of which none can be read, with reasons."""
    if table.geom is not None:
        return table.geom, {}
    column = next((name for name in table.columns if name.strip().lower() in WKT_COLUMNS), None)
    if column is None:
        raise BadInputError(
            f"the file has no shapes and no column of WKT (wkt, geometry, 图形); it has {listed(table.columns)}",
            field="file",
        )
    texts = table.columns[column]
    shapes = np.array([None] * len(texts), dtype=object)
    given = np.array([isinstance(text, str) for text in texts], dtype=bool)
    shapes[given] = shapely.from_wkt(texts[given], on_invalid="ignore")
    reasons = {}
    for index in np.flatnonzero(given & ~shapely.is_geometry(shapes)):
        shapes[index] = shapely.from_wkt(texts[index], on_invalid="fix")
        is_open = shapes[index] is not None
        reasons[int(table.rows[index])] = (
            "a ring is not closed: repeat its first position last" if is_open else "is no WKT"
        )
    return shapes, reasons


def _frame_of(table: Table, shapes: Shapes, asked: str, codes: Sequence[str]) -> tuple[Frame | None, list[Note]]:
    """The frame that is named; else one that the positions themselves carry, which is told with its evidence."""
    if asked != "auto":
        return choose_frame(asked, table.crs, shapes), []
    bounds = box_of_most(shapes)
    if bounds is None and table.crs is None:
        return parse_frame("cgcs2000"), []
    try:
        return choose_frame("auto", table.crs, shapes), []
    except (CrsError, BadInputError):
        if bounds is None:
            raise
    return _frame_by_evidence(table, shapes, bounds, codes)


def _frame_by_evidence(
    table: Table, shapes: Shapes, bounds: Bounds, codes: Sequence[str]
) -> tuple[Frame | None, list[Note]]:
    wrong = [] if table.crs is None else [Note("coverage.note.frame_wrong", {"frame": parse_frame(table.crs).name})]
    west, south, east, north = bounds
    seen: dict[str, object] = {"box": f"x {west:,.10g} – {east:,.10g}, y {south:,.10g} – {north:,.10g}"}
    zoned = frame_by_zone(shapes)
    if zoned is not None:
        zone = int(west // 1_000_000)
        return zoned, [*wrong, Note("coverage.note.frame_zone", {"frame": zoned.name, "zone": zone, **seen})]
    if plausible_degrees(bounds):
        return parse_frame("cgcs2000"), [*wrong, Note("coverage.note.frame_degrees", seen)]
    likely = frames_by_codes(shapes, codes)
    names = ", ".join(frame.name for frame in likely)
    if len(likely) == 1:
        return likely[0], [*wrong, Note("coverage.note.frame_codes", {"frame": names, **seen})]
    return None, [*wrong, Note("coverage.note.frame_unknown", {"frames": names or "EPSG:4534–4554", **seen})]


def _names_of(table: Table, asked: str | None) -> tuple[list[str], list[str | None], str | None]:
    """What units are called, the names beside that, and the column of it."""
    if asked is not None and asked not in table.columns:
        raise BadInputError(f"the file has no column {asked!r}; it has {listed(table.columns)}", field="id")
    matched = match_columns(GRIDS, table.columns, {})
    column = asked or _column_of_ids(table, matched)
    rows = [f"#{row}" for row in table.rows]
    ids = rows if column is None else [_named(v, row) for v, row in zip(table.columns[column], rows, strict=True)]
    named = matched.get("name")
    labels: list[str | None] = [None] * len(rows)
    if named is not None and named != column:
        labels = [None if value is None else as_text(value) for value in table.columns[named]]
    return ids, labels, column


def _column_of_ids(table: Table, matched: dict[str, str]) -> str | None:
    """The column of codes, even if some stand twice; else the first of names or of texts or numbers that tells all
    rows apart."""
    full = {name: values for name, values in table.columns.items() if len(values) and None not in values.tolist()}
    if matched.get("code") in full:
        return matched["code"]
    texts = [name for name, values in full.items() if all(isinstance(value, str) for value in values)]
    likely = [*([matched["name"]] if "name" in matched else []), *texts, *full]
    return next(
        (
            name
            for name in likely
            if name in full and name.strip().lower() not in WKT_COLUMNS and len(set(full[name])) == len(full[name])
        ),
        None,
    )


def _named(value: object, row: str) -> str:
    return row if value is None or as_text(value) in {"", EXAMPLE_KEY} else as_text(value)


def _doubles(ids: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    return list(dict.fromkeys(each for each in ids if each in seen or seen.add(each)))  # type: ignore[func-returns-value]


def _told_apart(ids: Sequence[str], rows: np.ndarray) -> list[str]:
    """Ids that stand more than once, with their row behind them."""
    double = set(_doubles(ids))
    return [f"{each} #{row}" if each in double else each for each, row in zip(ids, rows, strict=True)]


def _impossible(table: Table, shapes: Shapes, frame: Frame | None) -> dict[int, str]:
    """Rows whose positions cannot be in degrees."""
    if frame is None or not frame.in_degrees:
        return {}
    positions, owner = shapely.get_coordinates(shapes, return_index=True)
    wrong = np.unique(owner[~plausible_positions(positions[:, 0], positions[:, 1])])
    return {int(table.rows[index]): "has positions that are no longitude and latitude" for index in wrong}


def moved(shapes: Objects, source: Ground, target: Ground) -> Shapes:
    """Shapes of one layer in the frame of another, untouched where it is the same.

    Raises:
        CrsError: one of the frames is not known, and the other is.
    """
    if source.frame == target.frame or (_is_plain(source.frame) and _is_plain(target.frame)):
        return shapes
    if source.frame is None or target.frame is None:
        raise CrsError("one file does not say its coordinate frame: give it with --crs", field="crs")
    degrees = source.in_degrees(shapes)
    if _is_plain(target.frame):
        return degrees
    if target.frame.definition is None:
        raise CrsError(f"the layer is in {target.frame.name}: transform it first", field="crs")
    change = pyproj.Transformer.from_crs(4490, target.frame.definition, always_xy=True)
    return np.asarray(shapely.transform(degrees, lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1]))))


def _is_plain(frame: Frame | None) -> bool:
    return frame is not None and frame.name in {"wgs84", "cgcs2000", "EPSG:4326", "EPSG:4490"}
