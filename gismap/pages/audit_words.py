"""The audit log in words: what actions, subjects, details and values are called; how they look is for the page."""

from typing import Any

from gismap.access.values import Role
from gismap.i18n import CATALOGUE, Language, say

ACTIONS = {
    "sessions": ("sign in", "failed sign-in", "sign out", "sign out everywhere"),
    "accounts": (
        "add account", "set password", "disable account", "enable account", "grant", "end grant", "add key", "end key",
    ),
    "boundaries": ("publish",),
    "data": ("import", "undo import"),
    "log": ("read audit log", "export audit log", "check audit log"),
}  # fmt: skip
"""All that is entered, by what it is about; each has its words in the catalogue."""


def audit_words(language: Language) -> dict[str, Any]:
    """What actions, kinds of subject, parts of details and values in them are called."""
    index = 0 if language == "zh" else 1

    def named(prefix: str) -> dict[str, str]:
        return {key.removeprefix(prefix): text[index] for key, text in CATALOGUE.items() if key.startswith(prefix)}

    layers = named("symbol.") | named("layer.")
    return {
        "actions": named("audit.action."),
        "groups": [
            {"key": group, "title": say(f"audit.group.{group}", language), "actions": of}
            for group, of in ACTIONS.items()
        ],
        "signs": named("audit.sign."),
        "subjects": named("audit.subject."),
        "details": named("audit.detail."),
        "values": layers | named("audit.value.") | {role.value: say(f"access.role.{role}", language) for role in Role},
    }
