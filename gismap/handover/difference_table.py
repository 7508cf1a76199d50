"""A difference as a workbook: totals, a row per pair of grids, a row per thing and per post, each to be filtered."""

from typing import Any

from gismap.elements.care_counts import FEW, WITHHELD
from gismap.handover.values import LAYERS, Difference, Pair
from gismap.i18n import Language, category_title, say
from gismap.workbooks import Sheet


def workbook(told: Difference, language: Language) -> list[Sheet]:
    """The sheets."""

    def words(*names: str) -> list[str]:
        return [say(f"handover.{name}", language) for name in names]

    ends = ("from_code", "from", "to_code", "to")
    totals = [[say(f"handover.{name}", language), number] for name, number in told.totals().items()]
    return [
        Sheet(say("handover.totals", language), [title(told, language), ""], totals),
        Sheet(
            say("handover.pairs", language),
            words(*ends, "area", "households", *LAYERS, "care"),
            [
                [*_ends(pair, language), round(pair.area_m2), pair.households, *map(pair.count, LAYERS),
                 care_told(pair, language)]
                for pair in told.pairs
            ],
        ),
        Sheet(
            say("handover.things", language),
            words(*ends, "layer", "name", "address", "category", "households", "identity"),
            [[*_ends(pair, language), *_thing(thing, language)] for pair in told.pairs for thing in pair.things],
        ),
        Sheet(
            say("handover.posts", language),
            words("code", "grid", "role", "duty", "person", "phone", "fate"),
            [
                [post["code"], post["grid"], *post_told(post, language)[:2], post["name"], post["phone"],
                 post_told(post, language)[2]]
                for post in told.posts
            ],
        ),
        Sheet(
            say("handover.units", language),
            words("change", "level", "code", "name", "area_before", "code_after", "name_after", "area_after"),
            [
                [changes(unit, language), say(f"level.{unit['level']}", language), *_side(unit["before"]),
                 *_side(unit["after"])]
                for unit in told.units
            ],
        ),
    ]  # fmt: skip


def title(told: Difference, language: Language) -> str:
    """What is compared, in a line."""
    key = "handover.of" if told.days[0] < told.days[1] else "handover.of_plan"
    return say(key, language, a=told.titles[0], b=told.titles[1], day=told.days[1])


def care_told(pair: Pair, language: Language) -> str | int:
    """What may be told of persons in care."""
    total = pair.care["counts"].get("total")
    if total == FEW:
        return say("handover.care_few", language)
    return say("handover.care_withheld", language) if total in (None, WITHHELD) else int(total)


def post_told(post: dict[str, Any], language: Language) -> tuple[str, str, str]:
    """Its role, its duty and what becomes of it."""
    duty = say(f"duty.{post['duty']}", language) if post["duty"] else ""
    return say(f"role.{post['role']}", language), duty, say(f"handover.{post['fate']}", language)


def changes(unit: dict[str, Any], language: Language) -> str:
    """What happens to a unit."""
    return say("list_separator", language).join(say(f"handover.{kind}", language) for kind in unit["change"])


def thing_name(thing: dict[str, Any], language: Language) -> str:
    """What a thing is called, by its address where it has no name."""
    return str(thing["name"] or thing["address"] or say("handover.unnamed", language))


def _ends(pair: Pair, language: Language) -> list[str]:
    ends: list[str] = []
    for leaf in (pair.before, pair.after):
        ends += [leaf.code or "", leaf.name] if leaf else ["", say("handover.nobody", language)]
    return ends


def _thing(thing: dict[str, Any], language: Language) -> list[Any]:
    category = thing["category"] and category_title(thing["layer"], thing["category"], language)
    layer = say(f"handover.layer.{thing['layer']}", language)
    return [layer, thing_name(thing, language), thing["address"], category, thing["households"], thing["element_id"]]


def _side(unit: dict[str, Any] | None) -> list[Any]:
    return [None, None, None] if unit is None else [unit["code"], unit["name"], unit["area_m2"]]
