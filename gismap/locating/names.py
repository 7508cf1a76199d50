"""Names and addresses as the gazetteer keeps them: a stem without numbers, and the numbers; nothing is stored here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gismap.locating.normal import normalise
from gismap.locating.numbers import LETTERS, PLACING, Counts, Number, take_numbers

LONGEST_NAME = 120
"""Characters of a name that are read; longer ones are descriptions."""

STREET_KINDS = ("大道", "大街", "公路", "胡同", "路", "街", "巷", "道", "里", "弄")
KINDS = (
    *"居民委员会 村民委员会 居委会 村委会 社区 街道 管区 小区 花园 家园 新村 嘉园 名苑 华庭 公馆 雅居 佳苑".split(),
    *"新城 公寓 苑 庭 庄园 广场 大厦 大楼 镇 乡 村".split(),
    *STREET_KINDS,
)
"""What names end with and people leave out; the longest first where one ends with another."""

BARE: Mapping[Counts, str] = {"building": "号楼", "yard": "号院"}
"""The stems of buildings that are called by a number alone, as on a campus."""

_KIND = re.compile(f"(?:{'|'.join(sorted(KINDS, key=len, reverse=True))})$")
_ABOVE = re.compile(r"^(?:[^\d\s]{2,8}?(?:省|自治区))?(?:[^\d\s区县]{2,6}?市)?(?=.{3})")
_UNNEEDED = re.compile("(?<![a-z0-9]) | (?![a-z0-9])")  # spaces but those between Latin words
_BRACKETS = re.compile(r"[(（].*?[)）]")


@dataclass(frozen=True, slots=True)
class Name:
    """What a place can be called: the stem by which it is found, and the numbers that must be given with it."""

    stem: str
    numbers: tuple[int, ...] = ()
    counts: str = ""  # of each number, a letter
    upto: int | None = None  # the last number is a range that ends here


def kind_of(stem: str) -> str:
    """The part of a stem that says what sort of place it is, often left out; empty where nothing would be left."""
    match = _KIND.search(stem)
    return match[0] if match and match.start() >= 1 else ""


def names_of(text: str) -> list[Name]:
    """What a thing with this name answers to; a part in brackets may be left out."""
    texts = [text[:LONGEST_NAME]]
    if (bare := _BRACKETS.sub("", text).strip()) and bare != text:
        texts.append(bare[:LONGEST_NAME])
    found = (_name(*take_numbers(normalise(one))[:2]) for one in texts)
    return list(dict.fromkeys(name for name in found if name.stem))


def names_in_address(text: str, above: Sequence[str]) -> list[Name]:
    """What an address calls a place, outermost first: the door plate, then the building in a compound.

    `above` are the normalised names of towns and counties, which an address may begin with.
    """
    rest, numbers, _ = take_numbers(_without(normalise(text[:LONGEST_NAME]), above))
    found, begin, held = [], 0, list[Number]()
    for place, number in enumerate(numbers):
        if number.counts in PLACING:
            held.append(number)
        following = numbers[place + 1].rest if place + 1 < len(numbers) else len(rest)
        if held and following > number.rest and number.counts not in ("ordinal", "grid", "micro_grid"):
            found.append(_name(rest[begin : number.rest], held))
            begin, held = number.rest, []
    if held:
        found.append(_name(rest[begin:], held))
    return [name for name in dict.fromkeys(found) if len(name.stem) > 1]


def above_of(units: Iterable[str]) -> list[str]:
    """Names of counties and towns, normalised for `names_in_address`, the longest first."""
    return sorted({normalise(name) for name in units}, key=len, reverse=True)


def _without(text: str, above: Sequence[str]) -> str:
    """An address without what lies above its place."""
    text = text[match.end() :] if (match := _ABOVE.match(text)) else text
    for name in above:
        if text.startswith(name) and len(text) > len(name) + 1:
            text = text[len(name) :]
    return text


def _name(rest: str, numbers: Sequence[Number]) -> Name:
    kept = [one for one in numbers if one.counts not in ("floor", "metres") and not _is_word(one, rest)]
    upto = kept[-1].upto if kept else None
    letters = "".join(LETTERS[one.counts] for one in kept)
    stem = _UNNEEDED.sub("", rest).strip("-,.:/·、 ")
    if not stem and len(kept) == 1:
        stem = BARE.get(kept[0].counts, "")
    return Name(stem, tuple(one.value for one in kept), letters, upto)


def _is_word(number: Number, rest: str) -> bool:
    """Whether a small bare number stayed in the name as a numeral."""
    return number.counts == "bare" and number.value <= 10 and number.rest < len(rest)
