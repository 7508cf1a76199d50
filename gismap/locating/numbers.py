"""Numbers in names and questions: taken out, each with what it counts, and what is left of the text without them.

Numbers match exactly or not at all; which counts are close enough to each other is told here too.
"""

import re
from dataclasses import dataclass
from typing import Literal

from gismap.locating.normal import NUMERALS

Counts = Literal[
    "building", "plate", "yard", "row", "lane", "group", "phase", "grid", "micro_grid", "ordinal", "unit", "room",
    "floor", "metres", "bare",
]  # fmt: skip

PLACING: frozenset[Counts] = frozenset(
    ("building", "plate", "yard", "row", "lane", "group", "phase", "grid", "micro_grid", "ordinal")
)
"""What tells places apart. Units, rooms and floors lie inside of one."""

LETTERS: dict[Counts, str] = {
    "building": "b", "plate": "p", "yard": "y", "row": "w", "lane": "l", "group": "t", "phase": "q", "grid": "g",
    "micro_grid": "m", "ordinal": "o", "unit": "u", "room": "r", "floor": "f", "metres": "d", "bare": "x",
}  # fmt: skip
"""How they are stored."""

_BY_COUNTER: dict[str, Counts] = {
    "微网格": "micro_grid", "网格": "grid", "号楼": "building", "#楼": "building", "栋": "building", "幢": "building",
    "座": "building", "#": "building", "楼": "building", "号院": "yard", "院": "yard", "号": "plate", "弄": "lane",
    "排": "row", "组": "group", "队": "group", "期": "phase", "单元": "unit", "门": "unit", "层": "floor", "f": "floor",
    "室": "room", "户": "room", "米": "metres", "m": "metres", "公里": "metres", "千米": "metres", "km": "metres",
}  # fmt: skip

_NUMBER = re.compile(
    r"(?<![0-9.])(?<!^[a-z])(?<![^a-z][a-z])(?:"  # after a single letter (S245, P1) it is part of a name
    r"(?P<stair>\d{1,4}-\d{1,3}-\d{2,5})(?:号|室|户)?"
    r"|(?P<low>\d{1,5})-(?P<high>\d{1,5})号(?![楼院])"
    r"|(?P<door>\d{1,4}-\d{2,5})(?:室|户)?"
    r"|(?P<long>\d{1,5}(?:\.\d{1,3})?)(?:多|余|来)?(?P<length>米|公里|千米|km|m)(?![a-z])"
    r"|(?:第)?(?P<value>\d{1,5})(?:号)?(?P<counter>微网格|网格|号楼|#楼|号院|单元|栋|幢|座|弄|排|组|队|期|层|室|户"
    r"|院(?![内里子士])|#|号|楼|门(?![口诊前卫头面])|f(?![a-z]))"
    r"|第(?P<ordinal>\d{1,5})"
    r"|(?P<bare>\d{1,5})(?![0-9a-z])"
    r")"
)

# Which counts a caller takes for each other, and how much less sure it makes.
_ALIKE: dict[frozenset[Counts], float] = {
    frozenset(("building", "plate")): 0.04,
    frozenset(("building", "yard")): 0.1,
    frozenset(("building", "ordinal")): 0.03,
    frozenset(("plate", "yard")): 0.03,
    frozenset(("plate", "lane")): 0.05,
    frozenset(("plate", "ordinal")): 0.04,
    frozenset(("grid", "micro_grid")): 0.05,
    frozenset(("building", "floor")): 0.08,
}
_BARE = 0.02


@dataclass(frozen=True, slots=True)
class Number:
    """A number, what it counts, where in the text it stands, and how many characters of the rest come before it."""

    value: int
    counts: Counts
    start: int
    end: int
    rest: int
    upto: int | None = None


def take_numbers(text: str) -> tuple[str, tuple[Number, ...], tuple[int, ...]]:
    """The text without its numbers, the numbers, and where in the text each remaining character stood.

    A small bare number before a character stays as a numeral besides, since it may belong to a name: 4季超市.
    """
    rest: list[str] = []
    places: list[int] = []
    numbers: list[Number] = []
    at = 0
    for match in _NUMBER.finditer(text):
        rest += text[at : match.start()]
        places += range(at, match.start())
        at = match.end()
        numbers += _numbers(match, len(rest), numbers[-1] if numbers else None)
        if match["bare"] and int(match["bare"]) <= 10 and text[at : at + 1] > "z":
            rest.append("零一二三四五六七八九十"[int(match["bare"])])
            places.append(match.start())
    rest += text[at:]
    places += range(at, len(text))
    return "".join(rest), tuple(numbers), tuple(places)


def _numbers(match: re.Match[str], rest: int, before: Number | None) -> list[Number]:
    """The numbers of a match, each with what it counts, by what was counted before."""
    upto = int(match["high"]) if match["high"] else None
    return [Number(value, counts, *match.span(), rest, upto) for value, counts in _counted(match, before)]


def _counted(match: re.Match[str], before: Number | None) -> list[tuple[int, Counts]]:
    inside = before is not None and before.counts in ("building", "yard")
    if match["stair"]:
        building, unit, room = map(int, match["stair"].split("-"))
        return [(building, "building"), (unit, "unit"), (room, "room")]
    if match["door"]:
        first, room = map(int, match["door"].split("-"))
        return [(first, "unit" if inside else "building"), (room, "room")]
    if match["long"]:
        scale = 1000 if match["length"] in ("公里", "千米", "km") else 1
        return [(round(float(match["long"]) * scale), "metres")]
    if match["bare"]:
        is_room = before is not None and before.counts in ("building", "yard", "unit") and len(match["bare"]) >= 3
        return [(int(match["bare"]), "room" if is_room else "bare")]
    if match["value"]:
        is_floor = match["counter"] == "楼" and inside
        return [(int(match["value"]), "floor" if is_floor else _BY_COUNTER[match["counter"]])]
    return [(int(match["low"]), "plate") if match["low"] else (int(match["ordinal"]), "ordinal")]


def unlikeness(asked: Counts, stored: Counts) -> float | None:
    """How much less sure it is that one count means the other; None where it cannot."""
    if asked == stored:
        return 0.0
    if "bare" in (asked, stored):
        return _BARE if asked in PLACING or stored in PLACING else None
    return _ALIKE.get(frozenset((asked, stored)))


def has_numeral(character: str) -> bool:
    """Whether a character counts: 一村 and 二村 sound of different places, not of a slip."""
    return character in NUMERALS
