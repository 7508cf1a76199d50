"""Makes drafts of the rows of a placed table: identity, fields and attributes, per layer; nothing is read or stored."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely

from gismap.elements.values import BuildingDraft, BuildingUnitDraft, ElementDraft, StreetDraft
from gismap.errors import BadInputError
from gismap.importing.cleaning import as_text, clean, unstorable_texts, with_numbers
from gismap.importing.fields import KEY, POSITION, LayerForm
from gismap.importing.screening import kinds_of_persons, personal_values
from gismap.importing.values import Objects, PlacedTable, Rejection, objects

STANDARD = {"key", "name", "category", "use", "floors", "households", "unit_households", "street_class", *POSITION}
"""Fields with a place of their own; other fields of a form become attributes (and the address, but for buildings)."""

MOST_FLOORS = 200

PERSON = ("person_name", "phone")
"""What tells members of staff apart where a roster has no numbers."""


@dataclass(frozen=True, slots=True)
class CleanTable:
    """Rows whose values are good; `keys` tell them apart.

    `values` are by our names, `others` are columns of theirs that are kept as attributes.
    """

    rows: np.ndarray
    keys: Objects
    values: dict[str, Objects]
    others: dict[str, Objects]
    geom: Objects
    reported: Objects | None

    def value(self, name: str) -> Objects:
        """A field's values; all None where the file does not have it."""
        return self.values[name] if name in self.values else objects([None] * len(self.rows))

    def taken(self, keep: np.ndarray) -> "CleanTable":
        """The rows where `keep` holds."""
        return CleanTable(
            self.rows[keep],
            self.keys[keep],
            {name: values[keep] for name, values in self.values.items()},
            {name: values[keep] for name, values in self.others.items()},
            self.geom[keep],
            None if self.reported is None else self.reported[keep],
        )


def clean_table(
    table: PlacedTable, form: LayerForm, mapping: Mapping[str, str], *, persons: bool
) -> tuple[CleanTable, list[Rejection]]:
    """The rows with good values, and the rejections of all others; free text is screened unless `persons`."""
    rejections = unstorable_texts(table.columns, table.rows)
    values = {}
    for field in form.fields:
        if field.name in mapping and field.name not in (KEY, *POSITION):
            column = mapping[field.name]
            values[field.name], wrong = clean(field, column, table.columns[column], table.rows)
            rejections += wrong
    taken = set(mapping.values())
    others = {name: column for name, column in table.columns.items() if name not in taken and form.keeps_others}
    if not persons:
        kept_texts = {mapping[name]: values_ for name, values_ in values.items()}
        if "category" in values:
            rejections += kinds_of_persons(values["category"], table.rows, mapping["category"])
        rejections += personal_values(kept_texts | others | _key_column(table, mapping), table.rows)
    telling = {name: values[name] for name in PERSON if name in values} if persons else {**others, **values}
    keys = _keys(table, mapping, telling, with_shape=not persons)
    if KEY in mapping:
        empty = [int(row) for row, key in zip(table.rows, keys, strict=True) if not key]
        rejections += [Rejection(row, mapping[KEY], "is empty, and must tell the row apart") for row in empty]
    if not persons:  # a member of staff has a row per post
        rejections += _doubles(keys, table.rows, mapping)
    others = {name: with_numbers(column) for name, column in others.items()}
    cleaned = CleanTable(table.rows, keys, values, others, table.geom, table.reported)
    return cleaned.taken(~np.isin(table.rows, [each.row for each in rejections])), rejections


def _key_column(table: PlacedTable, mapping: Mapping[str, str]) -> dict[str, Objects]:
    return {mapping[KEY]: table.columns[mapping[KEY]]} if KEY in mapping else {}


def _keys(
    table: PlacedTable, mapping: Mapping[str, str], telling: Mapping[str, Objects], *, with_shape: bool
) -> Objects:
    """The key of every row: of the key column, else a digest of what tells it apart."""
    if KEY in mapping:
        return objects([None if key is None else as_text(key) for key in table.columns[mapping[KEY]]])
    shapes = shapely.to_wkb(table.geom, output_dimension=2, byte_order=1) if with_shape else [b""] * len(table.rows)
    named = sorted(telling.items())
    said = ([(name, column[i]) for name, column in named if column[i] is not None] for i in range(len(table.rows)))
    return objects([_digest(shape or b"", values) for shape, values in zip(shapes, said, strict=True)])


def _digest(shape: bytes, values: list[tuple[str, Any]]) -> str:
    return hashlib.blake2b(shape + orjson.dumps(values, default=str), digest_size=12).hexdigest()


def _doubles(keys: Objects, rows: np.ndarray, mapping: Mapping[str, str]) -> list[Rejection]:
    first: dict[str, int] = {}
    found = []
    for key, row in zip(keys, rows, strict=True):
        if key is not None and first.setdefault(key, int(row)) != int(row):
            reason = f"{key[:40]!r} is in row {first[key]} already" if KEY in mapping else f"repeats row {first[key]}"
            found.append(Rejection(int(row), mapping.get(KEY, "row"), reason))
    return found


def street_drafts(table: CleanTable) -> tuple[list[StreetDraft], list[Rejection]]:
    """Centre-lines; a street of no class counts as residential."""
    names, classes = table.value("name"), table.value("street_class")
    return [
        StreetDraft(key, geom, street_class or "residential", name)
        for key, geom, street_class, name in zip(table.keys, table.geom, classes, names, strict=True)
    ], []


def element_drafts(layer: str, table: CleanTable, form: LayerForm) -> tuple[list[ElementDraft], list[Rejection]]:
    """Master records, of buildings with their subordinate record; rows whose record makes no sense are left out."""
    buildings: Sequence[BuildingDraft | None] = [None] * len(table.rows)
    rejections: list[Rejection] = []
    if layer == "buildings":
        buildings, rejections = _buildings(table)
    attributes = _attributes(layer, table, form)
    names = table.value("name")
    categories = table.value("use" if layer == "buildings" else "category")
    drafts = [
        ElementDraft(
            layer=layer,
            source_ref=key,
            geom=table.geom[i],
            category=categories[i] or ("other" if layer == "buildings" else None),
            name=names[i],
            attributes=attributes[i],
            building=buildings[i],
            as_reported=None if table.reported is None else table.reported[i],
        )
        for i, key in enumerate(table.keys)
    ]
    wrong = {each.row for each in rejections}
    return [draft for draft, row in zip(drafts, table.rows, strict=True) if row not in wrong], rejections


def _attributes(layer: str, table: CleanTable, form: LayerForm) -> list[dict[str, Any]]:
    own = [
        field.name
        for field in form.fields
        if field.name not in STANDARD and not (field.name == "address" and layer == "buildings")
    ]
    columns = table.others | {name: table.values[name] for name in own if name in table.values}
    return [
        {name: column[i] for name, column in columns.items() if column[i] is not None} for i in range(len(table.rows))
    ]


def _buildings(table: CleanTable) -> tuple[list[BuildingDraft], list[Rejection]]:
    columns = [table.value(name) for name in ("address", "floors", "households", "use", "unit_households")]
    drafts, rejections = [], []
    for row, address, floors, households, use, units in zip(table.rows, *columns, strict=True):
        try:
            counted = _unit_households(units)
        except BadInputError as error:
            rejections.append(Rejection(int(row), "unit_households", error.detail))
            counted = []
        total = sum(counted) if counted else households
        if counted and households is not None and households != total:
            reason = f"the building units have {total} households, the building {households}: correct one"
            rejections.append(Rejection(int(row), "households", reason))
        if floors is not None and floors > MOST_FLOORS:
            rejections.append(
                Rejection(
                    int(row), "floors", f"a building of {floors} floors? at most {MOST_FLOORS} are taken: correct it"
                )
            )
        numbered = tuple(BuildingUnitDraft(number, count) for number, count in enumerate(counted, 1))
        drafts.append(BuildingDraft(address, floors, total, use or "other", numbered))
    return drafts, rejections


def _unit_households(text: str | None) -> list[int]:
    """Households of each building unit: "24,24" → [24, 24]."""
    parts = [part for part in re.split(r"[,,;;、/\s]+", text or "") if part]
    if not all(part.isdecimal() and len(part) < 6 for part in parts):
        raise BadInputError(f"{str(text)[:40]!r} is no list of household numbers such as 24,24")
    return [int(part) for part in parts]
