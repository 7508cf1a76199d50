"""Decides which of a file's columns holds each of ours: as the user says, as remembered, else by their headings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gismap.errors import BadInputError
from gismap.importing.fields import KEY, POSITION, LayerForm, listed, match_columns
from gismap.importing.values import Table

BY_CONTENT = ""
"""In a remembered mapping, the key column of rows that are told apart by what they say."""

_OWN_KEYS = frozenset({"key", "编号", "工号"})


@dataclass(frozen=True, slots=True)
class Matched:
    """The columns of a file by our names, and what the user should know about them."""

    columns: dict[str, str]
    notes: list[str]

    @property
    def to_remember(self) -> dict[str, str]:
        """The mapping for the next file of the source; it fixes how rows are told apart, too."""
        return {**self.columns, KEY: self.columns.get(KEY, BY_CONTENT)}


def map_columns(
    table: Table, form: LayerForm, given: Mapping[str, str], remembered: Mapping[str, str] | None
) -> Matched:
    """Match a file's columns; `given` by the user wins over `remembered`, which wins over headings.

    Raises:
        BadInputError: a column that is given does not exist, or one that is needed is not found.
    """
    if table.geom is not None:  # beside real shapes, columns of positions are only attributes
        form = replace(form, fields=tuple(each for each in form.fields if each.name not in POSITION))
    usual = match_columns(form, table.columns, given)
    before = _usable(form, table, given, remembered or {})
    columns = match_columns(form, table.columns, {**before, **given})
    notes = []
    if columns != usual:
        used = ", ".join(f"{ours}={theirs}" for ours, theirs in before.items())
        notes.append(f"columns as remembered for this source: {used}")
    notes += _settle_key(columns, table, given, remembered)
    _check_required(form, columns, table)
    left = [name for name in table.columns if name not in columns.values()]
    if left and not form.keeps_others:
        notes.append(f"columns left out: {listed(left)}")
    return Matched(columns, notes)


def _usable(form: LayerForm, table: Table, given: Mapping[str, str], remembered: Mapping[str, str]) -> dict[str, str]:
    """What is remembered, as far as this file has it and the user does not say otherwise."""
    return {
        ours: theirs
        for ours, theirs in remembered.items()
        if ours not in given
        and theirs in table.columns
        and theirs not in given.values()
        and form.field_named(ours) is not None
    }


def _settle_key(
    columns: dict[str, str], table: Table, given: Mapping[str, str], remembered: Mapping[str, str] | None
) -> list[str]:
    """Keep the key that tells rows apart, or take it out of `columns`; the rule of a source never changes in silence.

    Raises:
        BadInputError: the column that told the source's rows apart is missing.
    """
    before = None if remembered is None else remembered.get(KEY, BY_CONTENT)
    if KEY in given:
        if before is not None and before != given[KEY]:
            was = f"column {before!r}" if before else "shape and values"
            return [f"rows of this source were told apart by {was} before: those whose key is new count as new things"]
        return []
    if before == BY_CONTENT:
        columns.pop(KEY, None)
    elif before is not None and before not in table.columns:
        raise BadInputError(
            f"the file has no column {before!r}, which told the rows of this source apart; it has "
            f"{listed(table.columns)}: name another with --key",
            field="key",
        )
    elif before is None and KEY in columns and not _tells_apart(table, columns[KEY]):
        column = columns.pop(KEY)
        return [f"column {column!r} does not tell rows apart; they are known by shape and values"]
    return []


def _tells_apart(table: Table, column: str) -> bool:
    """Whether a column found by its heading can be the key; our own headings are taken at their word."""
    values = table.columns[column].tolist()
    return column in _OWN_KEYS or (None not in values and len(set(values)) == len(values))


def _check_required(form: LayerForm, columns: Mapping[str, str], table: Table) -> None:
    missing = [each for each in form.fields if each.required and each.name not in columns]
    if missing:
        wanted = ", ".join(f"{each.name} ({each.zh})" for each in missing)
        raise BadInputError(
            f"the file has no column for {wanted}; it has {listed(table.columns)}: "
            f"name it with --columns {missing[0].name}=…",
            field="columns",
        )
