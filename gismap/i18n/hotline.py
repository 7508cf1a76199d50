"""Texts of hotline: Chinese with its English twin."""

TEXTS: dict[str, tuple[str, str]] = {}
