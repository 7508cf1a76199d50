"""The audit log in words: what actions, subjects, details and values are called; how they look is for the page."""

from typing import Any

from gismap.access.values import Role
from gismap.i18n import CATALOGUE, Language, say

ACTIONS = {
    "sessions": ("sign in", "failed sign-in", "sign out", "sign out everywhere"),
    "accounts": (
        "add account", "set password", "disable account", "enable account", "grant", "end grant", "follow grant",
        "grant lapses", "add key", "end key",
    ),
    "boundaries": ("publish", "withdraw", "add override", "end override", "add dispute", "end dispute"),
    "data": ("import", "undo import", "locate list", "add alias", "remove alias"),
    "care": (
        "list persons in care", "read person", "reveal", "look up person", "copy person", "correct person",
        "delete person", "add purpose", "end purpose", "propose care category", "approve care category", "retention",
        "rotate keys", "declare emergency", "renew emergency", "end emergency", "declare drill",
        "seal address", "ask to open address", "open address",
    ),
    "log": ("read audit log", "export audit log", "check audit log"),
}  # fmt: skip
"""All that is entered, by what it is about; each has its words in the catalogue."""


def audit_words(language: Language) -> dict[str, Any]:
    """What the page of the log is told."""
    values = {role.value: say(f"access.role.{role}", language) for role in Role}
    for prefix in ("symbol.", "care_page.field_", "category.care_persons.", "audit.value."):
        values |= _named(prefix, language)
    return {
        "actions": action_words(language),
        "groups": [
            {"key": group, "title": say(f"audit.group.{group}", language), "actions": of}
            for group, of in ACTIONS.items()
        ],
        "signs": _named("audit.sign.", language),
        "subjects": _named("audit.subject.", language),
        "details": _named("audit.detail.", language),
        "values": values,
    }


def action_words(language: Language) -> dict[str, str]:
    """What was done, by the name that the log has for it."""
    return _named("audit.action.", language)


def _named(prefix: str, language: Language) -> dict[str, str]:
    index = 0 if language == "zh" else 1
    return {key.removeprefix(prefix): text[index] for key, text in CATALOGUE.items() if key.startswith(prefix)}
