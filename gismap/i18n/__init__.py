"""The one catalogue of user-facing text, a module for each capability; no logic of any of them.

Text with a value in it uses `str.format` fields.
"""

from typing import Literal

from gismap.i18n import (
    access,
    audit,
    boundaries,
    care,
    checkup,
    common,
    console,
    coverage,
    figures,
    handover,
    hotline,
    incidents,
    live,
    locating,
    routing,
    staff,
    themes,
)

Language = Literal["zh", "en"]

SECTIONS = (
    access,
    audit,
    boundaries,
    care,
    checkup,
    common,
    console,
    coverage,
    figures,
    handover,
    hotline,
    incidents,
    live,
    locating,
    routing,
    staff,
    themes,
)

CATALOGUE: dict[str, tuple[str, str]] = {key: pair for section in SECTIONS for key, pair in section.TEXTS.items()}


def say(key: str, language: Language = "zh", **values: object) -> str:
    """The text under `key`, with `values` filled in.

    Raises:
        KeyError: the catalogue has no such key.
    """
    return CATALOGUE[key][0 if language == "zh" else 1].format(**values)


def category_title(layer: str, category: str, language: Language = "zh") -> str:
    """The title of a category; one that an import brought along is its own title."""
    pair = CATALOGUE.get(f"category.{layer}.{category}")
    return category if pair is None else pair[0 if language == "zh" else 1]
