"""Texts of figures: Chinese with its English twin."""

TEXTS: dict[str, tuple[str, str]] = {}
