"""From a file to drafts: read, screened, matched, placed, cleaned; needs no connection and stores nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from gismap.elements.values import ElementDraft, StreetDraft
from gismap.errors import BadInputError
from gismap.geometry.datums import Frame
from gismap.importing.caring import CareSurroundings, care_drafts, check_needed
from gismap.importing.cleaning import check_names
from gismap.importing.drafting import CleanTable, clean_table, element_drafts, street_drafts
from gismap.importing.fields import EXAMPLE_KEY, KEY, POSITION, LayerForm
from gismap.importing.frames import Bounds
from gismap.importing.mapping import Matched, map_columns
from gismap.importing.placing import place
from gismap.importing.reading import read_table
from gismap.importing.rostering import UnitPlace, roster_drafts
from gismap.importing.screening import check_columns
from gismap.importing.values import Rejection, Table
from gismap.staff.values import AssignmentDraft


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asks to import, and how."""

    layer: str
    path: Path
    source: str
    crs: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    sheet: str | None = None
    skip_rejected: bool = False
    dry_run: bool = False
    title_zh: str | None = None
    title_en: str | None = None
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the database bears on how a file is understood."""

    form: LayerForm
    remembered: Mapping[str, str] | None
    district: Bounds | None
    units: Mapping[str, UnitPlace]
    since: date
    far_km: float
    care: CareSurroundings | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Drafts of all good rows, and the rejections of the others; `notes` is what the user should know."""

    read: int
    elements: Sequence[ElementDraft]
    streets: Sequence[StreetDraft]
    posts: Sequence[AssignmentDraft]
    rejections: list[Rejection]
    frame: Frame
    mapping: dict[str, str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Understood:
    """A file whose columns, frame and values are understood; rows that are not good are left out and listed."""

    table: CleanTable
    frame: Frame
    matched: Matched
    rejections: list[Rejection]
    notes: list[str]


def prepare(order: Order, around: Surroundings) -> Prepared:
    """Everything that can be known before writing.

    Raises:
        BadInputError: the file, its columns or its frame cannot be used at all.
        CrsError: nobody says which frame, or it is unknown.
    """
    understood = understand(order, around, persons=order.layer in {"staff", "care_persons"})
    table = understood.table
    elements: Sequence[ElementDraft] = ()
    streets: Sequence[StreetDraft] = ()
    posts: Sequence[AssignmentDraft] = ()
    if order.layer == "staff":
        elements, posts, wrong = roster_drafts(table, around.units, around.since)
    elif around.care is not None:
        elements, wrong = care_drafts(table, around.care)
    elif order.layer == "streets":
        streets, wrong = street_drafts(table)
    else:
        elements, wrong = element_drafts(order.layer, table, around.form)
    rejections = in_order(understood.rejections + wrong)
    read = len({each.row for each in rejections} | set(table.rows.tolist()))
    mapping = understood.matched.to_remember
    return Prepared(read, elements, streets, posts, rejections, understood.frame, mapping, understood.notes)


def understand(order: Order, around: Surroundings, *, persons: bool) -> Understood:
    """A file's rows with good values and places in EPSG:4490; `persons`: names and phones belong into this layer.

    Raises:
        BadInputError: the file, its columns or its frame cannot be used at all.
        CrsError: nobody says which frame, or it is unknown.
    """
    table = read_table(order.path, order.layer, order.sheet)
    check_names(table.columns)
    if around.care is None:
        check_columns(order.layer, table.columns, allowed=table.columns if persons else ())
    given = {**order.columns, **({KEY: order.key} if order.key else {})}
    matched = map_columns(table, around.form, given, around.remembered)
    mapping = matched.columns
    if around.care is not None:
        ours = set(mapping.values())
        check_columns(order.layer, table.columns, allowed=ours, identities=ours)
        check_needed(around.care.purpose, mapping)
    table, examples = without_examples(table, around.form, mapping)
    notes = [*matched.notes, *(f"row {row}: the example of the template was left out" for row in examples)]
    if not len(table) and not table.rejections:
        raise BadInputError(f"{order.path.name} holds no rows but the example", field="file")
    crs = "cgcs2000" if _has_no_positions(table, around.form, mapping) else order.crs
    placed = place(table, around.form, mapping, crs=crs, district=around.district, far_km=around.far_km)
    cleaned, wrong = clean_table(placed, around.form, mapping, persons=persons)
    return Understood(cleaned, placed.frame, matched, placed.rejections + wrong, notes)


def in_order(rejections: Sequence[Rejection]) -> list[Rejection]:
    """Rejections by row, each once."""
    return sorted(dict.fromkeys(rejections), key=lambda each: each.row)


def without_examples(table: Table, form: LayerForm, mapping: Mapping[str, str]) -> tuple[Table, list[int]]:
    """The table without the English headings and the example row of a template, which its first column marks."""
    first = form.fields[0].name
    if first not in mapping:
        return table, []
    marks = table.columns[mapping[first]]
    example = np.array([mark == EXAMPLE_KEY for mark in marks], dtype=bool)
    heading = np.array([mark == first for mark in marks], dtype=bool) & (np.arange(len(marks)) == 0)
    return table.taken(~(example | heading)), [int(row) for row in table.rows[example]]


def _has_no_positions(table: Table, form: LayerForm, mapping: Mapping[str, str]) -> bool:
    """Whether a roster gives no positions at all, so that there is no frame to ask for."""
    if not form.position_optional or table.geom is not None:
        return False
    given = [table.columns[mapping[name]] for name in POSITION if name in mapping]
    return not any(value is not None for values in given for value in values)
