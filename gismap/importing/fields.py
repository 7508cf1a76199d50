"""What a field of ours is, and how the columns of a file are matched with fields; which there are is in `forms`."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gismap.errors import BadInputError

KEY, X, Y, WKT = "key", "x", "y", "wkt"
POSITION = (X, Y, WKT)
EXAMPLE_KEY = "示例"
"""In the key column, this marks the example row of a template, which is left out."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of ours: its Chinese heading, other headings it is known by, and what its values may be.

    `choices` gives each allowed value with the texts that mean it; an `open` one keeps other values as they are.
    """

    name: str
    zh: str
    synonyms: tuple[str, ...] = ()
    kind: str = "text"  # text, count, date
    required: bool = False
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    open: bool = False
    example: str = ""
    note_zh: str = ""
    note_en: str = ""


@dataclass(frozen=True, slots=True)
class LayerForm:
    """What an import into a layer can bring: its fields, the kinds of shapes, and whether other columns are kept."""

    fields: tuple[Field, ...]
    shapes: frozenset[str]
    keeps_others: bool = True
    position_optional: bool = False

    def field_named(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((each for each in self.fields if each.name == name), None)


def match_columns(form: LayerForm, theirs: Collection[str], given: Mapping[str, str]) -> dict[str, str]:
    """Which of their columns holds each of ours: as `given`, else by name and heading.

    Raises:
        BadInputError: `given` names a column of ours or theirs that does not exist.
    """
    for ours, column in given.items():
        if form.field_named(ours) is None:
            known = ", ".join(each.name for each in form.fields)
            raise BadInputError(f"{ours!r} is no column of this layer; there are {known}", field="columns")
        if column not in theirs:
            raise BadInputError(f"the file has no column {column!r}; it has {listed(theirs)}", field="columns")
    mapping = dict(given)
    by_heading: dict[str, str] = {}
    for column in theirs:
        by_heading.setdefault(_heading(column), column)
    taken = set(mapping.values())
    for each in form.fields:
        headings = (each.name, each.zh, *each.synonyms)
        found = next((by_heading[_heading(one)] for one in headings if _heading(one) in by_heading), None)
        if each.name not in mapping and found is not None and found not in taken:
            mapping[each.name] = found
            taken.add(found)
    return mapping


def _heading(text: str) -> str:
    """A heading without what differs between hands: case, width, spaces, and the unit or English in brackets."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\s_*]|\(.*\)", "", plain)


def listed(columns: Collection[str]) -> str:
    """Names of columns in one line; headings of spreadsheets may have line breaks."""
    names = [" ".join(name.split()) for name in columns]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
