"""Reads the files of a checkup, and tells by its columns and shapes what each of them is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import shapely

from gismap.coverage.layers import Note, read_layer
from gismap.errors import BadInputError, TooLargeError
from gismap.geometry.datums import parse_frame, plausible_positions
from gismap.geometry.errors import GeometryError
from gismap.geometry.ground import DEGREES, Ground, Shapes, ground_of, measure
from gismap.importing.cleaning import as_text
from gismap.importing.fields import WKT, LayerForm, X, Y, match_columns
from gismap.importing.forms import FORMS
from gismap.importing.frames import box_of_most, frame_by_zone
from gismap.importing.grid_form import GRIDS
from gismap.importing.placing import with_shapes
from gismap.importing.preparing import without_examples
from gismap.importing.reading import parts_of, read_table
from gismap.importing.values import Table

_GRID_SIZE_M2 = 20_000
"""Areas whose middle one is larger are grids, where their columns do not say; smaller ones are buildings."""

GRID_CODE = ("网格编码", "网格代码", "所属网格编码", "grid_code", "unit_code", "所属网格", "网格", "grid")
GRID_NAME = ("网格名称", "所属网格名称", "grid_name", "unit_name")


class Kind(StrEnum):
    """What a file of a checkup can be."""

    BOUNDARY = "boundary"
    ROSTER = "roster"
    BUILDINGS = "buildings"
    PLACES = "places"
    UNKNOWN = "unknown"


FORM_OF: dict[Kind, LayerForm] = {
    Kind.BOUNDARY: GRIDS,
    Kind.ROSTER: FORMS["staff"],
    Kind.BUILDINGS: FORMS["buildings"],
    Kind.PLACES: FORMS["key_places"],
}
_TELLING = {
    Kind.BOUNDARY: ("level", "parent", "zone_type", "community_code", "community_name", "division_code"),
    Kind.ROSTER: ("person_name", "role", "duty", "phone"),
    Kind.BUILDINGS: ("floors", "households", "unit_households", "use"),
    Kind.PLACES: ("category",),
}
"""Columns that other kinds do not have."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as what it is; `seen` are the columns that told. Shapes are degrees; None where the row has none."""

    path: Path
    part: str | None
    kind: Kind
    table: Table
    mapping: Mapping[str, str]
    shapes: Shapes
    seen: tuple[str, ...]
    notes: tuple[Note, ...]
    problems: tuple[tuple[int, str], ...]

    @property
    def name(self) -> str:
        return self.path.name if self.part is None else f"{self.path.name} · {self.part}"

    def texts(self, field: str) -> list[str | None]:
        """A field's values as text; all None where the file does not have it."""
        if field not in self.mapping:
            return [None] * len(self.table)
        return [None if value is None else as_text(value) for value in self.table.columns[self.mapping[field]]]

    def texts_of(self, headings: tuple[str, ...]) -> list[str | None] | None:
        """The values of the first column with one of these headings; None where there is none."""
        by_heading = {name.strip().lower(): name for name in self.table.columns}
        found = next((by_heading[each] for each in headings if each in by_heading), None)
        if found is None:
            return None
        return [None if value is None else as_text(value) for value in self.table.columns[found]]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be read, and why; the others are looked at all the same."""

    path: Path
    reason: str


def read_sources(path: Path, crs: str) -> list[Source | Unreadable]:
    """What a file holds: one table, or each of its sheets or layers that says what it is."""
    try:
        parts: list[str | None] = [*parts_of(path)]
    except (BadInputError, TooLargeError) as error:
        return [Unreadable(path, error.detail)]
    if len(parts) < 2:
        return [_read(path, None, crs)]
    read = [_read(path, part, crs) for part in parts]
    known = [each for each in read if isinstance(each, Source) and each.kind is not Kind.UNKNOWN]
    return list(known) or read[:1]


def _read(path: Path, part: str | None, crs: str) -> Source | Unreadable:
    try:
        table = read_table(path, "grids", part, keep_broken=True)
        kind, mapping, seen = recognise(table)
        if kind is Kind.UNKNOWN:
            nothing = np.array([None] * len(table), dtype=object)
            return Source(path, part, kind, table, mapping, nothing, seen, (), ())
        if kind is Kind.BOUNDARY:
            return _boundary(path, part, crs, mapping, seen)
        table, _ = without_examples(table, FORM_OF[kind], mapping)
        shapes, notes, problems = _located(table, mapping, crs)
    except (BadInputError, TooLargeError, GeometryError) as error:
        return Unreadable(path, error.detail)
    return Source(path, part, kind, table, mapping, shapes, seen, notes, problems)


def recognise(table: Table) -> tuple[Kind, dict[str, str], tuple[str, ...]]:
    """What a table is, its columns by our names, and which of them told."""
    matched = {kind: match_columns(form, table.columns, {}) for kind, form in FORM_OF.items()}
    telling = {
        kind: [matched[kind][name] for name in names if name in matched[kind]] for kind, names in _TELLING.items()
    }
    areal = table.geom is not None and bool(np.isin(shapely.get_type_id(table.geom), (3, 6)).any())
    has_place = table.geom is not None or bool({WKT} & matched[Kind.BUILDINGS].keys()) or _has_xy(matched)
    roster = matched[Kind.ROSTER]
    if telling[Kind.BUILDINGS] == telling[Kind.PLACES]:  # 类别 alone: of a place rather than of a building
        telling[Kind.BUILDINGS] = []
    if "person_name" in roster and ({"role", "unit", "duty"} & roster.keys()):
        kind = Kind.ROSTER
    elif telling[Kind.BUILDINGS] and has_place:
        kind = Kind.BUILDINGS
    elif telling[Kind.BOUNDARY] or (areal and _is_of_grids(table)):
        kind = Kind.BOUNDARY
    elif areal:
        kind = Kind.BUILDINGS
    elif telling[Kind.PLACES] and has_place:
        kind = Kind.PLACES
    elif WKT in matched[Kind.BOUNDARY]:
        kind = Kind.BOUNDARY
    else:
        return Kind.UNKNOWN, {}, ()
    seen = telling[kind] or [matched[kind][name] for name in ("code", "name", "key") if name in matched[kind]]
    return kind, matched[kind], tuple(dict.fromkeys(seen))


def _has_xy(matched: Mapping[Kind, Mapping[str, str]]) -> bool:
    return matched[Kind.BUILDINGS].keys() >= {X, Y}


def _is_of_grids(table: Table) -> bool:
    """Whether areas are of the size of grids."""
    assert table.geom is not None
    areas = table.geom[np.isin(shapely.get_type_id(table.geom), (3, 6))]
    bounds = box_of_most(areas)
    in_degrees = bounds is not None and max(map(abs, bounds)) <= 1000
    sizes = measure(areas)[0] if in_degrees else shapely.area(areas)
    return bool(np.median(sizes) > _GRID_SIZE_M2)


def _boundary(path: Path, part: str | None, crs: str, mapping: dict[str, str], seen: tuple[str, ...]) -> Source:
    layer = read_layer(path, crs=crs, sheet=part, areas=False)
    table, _ = without_examples(layer.table, GRIDS, mapping)
    shapes = _degrees(layer.shapes, layer.ground)[np.isin(layer.table.rows, table.rows)]
    problems = tuple((int(layer.table.rows[index]), reason) for index, reason in layer.broken.items())
    return Source(path, part, Kind.BOUNDARY, table, mapping, shapes, seen, tuple(layer.notes), problems)


def _located(
    table: Table, mapping: Mapping[str, str], crs: str
) -> tuple[Shapes, tuple[Note, ...], tuple[tuple[int, str], ...]]:
    """Shapes in degrees of a table's rows, from the file or its columns; rows that have no usable one are told."""
    problems = {each.row: each.reason for each in table.rejections}
    placed = table if table.geom is not None else with_shapes(table, mapping, optional=True)
    problems |= {each.row: each.reason for each in placed.rejections}
    shapes = np.array([None] * len(table), dtype=object)
    assert placed.geom is not None
    shapes[np.isin(table.rows, placed.rows)] = placed.geom
    bounds = box_of_most(shapes)
    if bounds is None:
        return shapes, (), tuple(problems.items())
    notes: tuple[Note, ...] = ()
    frame = parse_frame(crs) if crs != "auto" else parse_frame(table.crs) if table.crs else frame_by_zone(shapes)
    if frame is None:
        if max(map(abs, bounds)) > 1000:
            return (
                np.array([None] * len(table), dtype=object),
                (Note("checkup.note.no_frame"),),
                tuple(problems.items()),
            )
        frame = parse_frame("cgcs2000")
        notes = (Note("checkup.note.as_degrees"),)
    degrees = _degrees(shapes, ground_of(frame, shapes))
    positions, owner = shapely.get_coordinates(degrees, return_index=True)
    for index in np.unique(owner[~plausible_positions(positions[:, 0], positions[:, 1])]):
        problems[int(table.rows[index])] = "has positions that are no longitude and latitude"
        degrees[index] = None
    return degrees, notes, tuple(problems.items())


def _degrees(shapes: Shapes, ground: Ground) -> Shapes:
    """Shapes in degrees; a layer whose frame nobody knows is refused."""
    return shapes if ground == DEGREES else ground.in_degrees(shapes)
