"""Turns the texts of a column into values of a field: numbers, days, allowed words; wrong ones become rejections."""

import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import date
from typing import Any

import numpy as np

from gismap.errors import BadInputError
from gismap.importing.fields import Field
from gismap.importing.values import Objects, Rejection, objects

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,8})(?:\.\d+)?")
_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T].*)?")
_LARGEST_COUNT = 100_000_000
_LONGEST_NAME = 200


def clean(field: Field, column: str, values: Objects, rows: np.ndarray) -> tuple[Objects, list[Rejection]]:
    """The values of a field, None where empty, and the rows whose value cannot be one."""
    convert = _converter(field)
    meaning: dict[Any, Any] = {None: None}
    reasons: dict[Any, str] = {}
    for value in set(values.tolist()) - {None}:
        try:
            meaning[value] = convert(value)
        except BadInputError as error:
            meaning[value], reasons[value] = None, error.detail
    rejections = [Rejection(int(rows[i]), column, reasons[value]) for i, value in enumerate(values) if value in reasons]
    if field.required:
        empty = [int(rows[i]) for i, value in enumerate(values) if value is None]
        rejections += [Rejection(row, column, "is empty, and must not be") for row in empty]
    return objects([meaning[value] for value in values]), rejections


def unstorable_texts(columns: dict[str, Objects], rows: np.ndarray) -> list[Rejection]:
    """Rows with a text that no database stores: NUL characters and halves of characters."""
    found = []
    for name, values in columns.items():
        bad = {value for value in set(values.tolist()) if isinstance(value, str) and _UNSTORABLE.search(value)}
        if bad:
            reason = "holds a NUL or broken character: remove it"
            found += [Rejection(int(rows[i]), name, reason) for i, value in enumerate(values) if value in bad]
    return found


def check_names(columns: Collection[str]) -> None:
    """Refuse names of columns that no database stores as names of attributes.

    Raises:
        BadInputError: naming the first one.
    """
    for name in columns:
        if _UNSTORABLE.search(name) or len(name) > _LONGEST_NAME:
            raise BadInputError(
                f"the name of column {name[:40]!r} is too long or holds a broken character", field="columns"
            )


def with_numbers(values: Objects) -> Objects:
    """A column of texts as numbers, where every one is a plain number.

    Codes, with zeros in front or many digits, stay text.
    """
    texts = [value for value in values if value is not None]
    if not texts or not all(isinstance(text, str) and _PLAIN_NUMBER.fullmatch(text) for text in texts):
        return values
    return objects([None if value is None else float(value) if "." in value else int(value) for value in values])


def as_text(value: Any) -> str:
    """A value as the text that a person would have typed."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _converter(field: Field) -> Callable[[Any], Any]:
    if field.choices:
        words = {_folded(word): value for value, titles in field.choices.items() for word in (value, *titles)}
        return lambda value: _chosen(field, words, value)
    return {"count": _count, "date": _day, "text": as_text}[field.kind]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().lower()


def _chosen(field: Field, words: dict[str, str], value: Any) -> str:
    text = as_text(value)
    if _folded(text) in words:
        return words[_folded(text)]
    if field.open:
        return text
    raise BadInputError(f"{text[:40]!r} is not allowed: use one of {', '.join(field.choices)}")


def _count(value: Any) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if isinstance(value, bool) or not number.is_integer() or not 0 <= number <= _LARGEST_COUNT:
        raise BadInputError(f"{str(value)[:40]!r} is no whole number from 0 on")
    return int(number)


def _day(value: Any) -> str:
    parts = _DAY.fullmatch(as_text(value))
    try:
        return date(*map(int, parts.groups())).isoformat() if parts else _no_day(value)
    except ValueError:
        return _no_day(value)


def _no_day(value: Any) -> str:
    raise BadInputError(f"{str(value)[:40]!r} is no day: write it as 2026-01-31")
