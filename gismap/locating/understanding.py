"""What a question in words says before any place is known: coordinates, a code, numbers, sides, distances, the matter.

Pure: which of the words are names is found by `matching`, against the gazetteer.
"""

import math
import re
from dataclasses import dataclass, replace

from gismap.locating.names import BARE
from gismap.locating.normal import normalise
from gismap.locating.numbers import Number, take_numbers
from gismap.locating.sounds import Spoken, grams, initials_in, spoken

MOST_GRAMS = 400
"""A longer question is searched by its first words."""

MOST_METRES = 5000
"""Farther from a named place than this, nobody means a place by it."""

_DECIMAL = r"[-+]?\d{1,3}\.\d{1,15}"
_PAIR = re.compile(
    rf"(?:经度|东经|lng|lon|x)?[:=\s]*(?<![\d.])({_DECIMAL})°?\s*(?:[东北en](?:经|纬)?)?[,，\s/、]+"
    rf"(?:纬度|经度|北纬|东经|lat|lon|lng|y)?[:=\s]*({_DECIMAL})(?![\d.])",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<![\d.])\d{6,20}(?![\d.])")
_PHONE = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8})(?!\d)")

_BEARINGS = {"北": 0, "东北": 45, "东": 90, "东南": 135, "南": 180, "西南": 225, "西": 270, "西北": 315}
_SIDE = "东北|东南|西北|西南|东|南|西|北"
_RELATION = re.compile(
    r"^(?:的|交叉口|交汇处|交界处|交口|路口|十字路口|丁字路口|口|处|这里|那里|,|\.| )*"
    rf"(?:(?P<way>以|向|往|朝|偏|在)?(?P<side>{_SIDE})(?P<what>走|方向|边|面|侧|角|头|门|部|端|行)?(?:约|大概|大约|走)*"
    r"(?:(?P<metres>\d{1,5})(?:多|余|来)?(?:米|m))?"
    r"|(?P<near>斜对面|对面|对过|门口|门前|大门口|旁边|旁|附近|隔壁|周边|后面|前面|后门|楼下|院内|院里|里面|边上|外面|一带))"
)
_FAR = re.compile(r"^(?:的|交叉口|路口|口|处| )*(?P<metres>\d{1,5})(?:多|余|来)?(?:米|m)")
_CROSSING = re.compile(r"交叉口|交汇|交界|交口|路口|十字|丁字|街口|巷口|口|与|和|跟|交|/|&|-|到|转")

_ACCURACY_M = {
    "门口": 30, "门前": 30, "大门口": 40, "旁边": 40, "旁": 40, "隔壁": 40, "边上": 40, "对面": 60, "对过": 60,
    "斜对面": 80, "后面": 60, "前面": 60, "后门": 50, "楼下": 20, "院内": 40, "院里": 40, "里面": 40, "外面": 40,
    "附近": 150, "周边": 150, "一带": 200,
}  # fmt: skip
_CORNER_M, _BESIDE_M = 15, 25

_FILLERS = re.compile(
    r"(?:请问|你好|您好|麻烦|我想问|问一下|有人(?:反映|反应|举报|投诉|说)?|群众(?:反映|反应|举报)|居民(?:反映|反应)|来电(?:反映|反应|称)?|"
    r"这里是|这里|那里|这边|那边|我在|我家在|我家|我住在|位于|地址是|地址|就在|在|"
    r"(?:是|归|属于|由|属)?(?:哪个|哪一个|什么|哪)(?:网格员|网格|社区|街道)?(?:员)?(?:负责|管|的)?|(?:归|由|是)?谁(?:来)?(?:负责|管|处理)的?|"
    r"找谁|怎么走|怎么办|什么地方|在哪里|在哪儿|哪里|哪儿|的|了|呢|吗|吧|啊|呀|处|口|交叉|与|和|跟|及|到|旁边|旁|附近|对面|门口|路)"
)
_EDGES = " ,.、:/-#·&+=的了在与和处口路"


@dataclass(frozen=True, slots=True)
class Relation:
    """Where the place lies from what is named: a bearing and metres, and how exact that is."""

    words: str
    bearing: int | None
    metres: float
    accuracy_m: float

    def offset(self, lon: float, lat: float) -> tuple[float, float]:
        """The position so far from another, in degrees."""
        if self.bearing is None:
            return lon, lat
        north = self.metres * math.cos(math.radians(self.bearing)) / 111_000
        east = self.metres * math.sin(math.radians(self.bearing)) / (111_320 * math.cos(math.radians(lat)))
        return lon + east, lat + north


@dataclass(frozen=True, slots=True)
class Understood:
    """A question, normalised: its words without numbers, the numbers, and what could be told without a gazetteer."""

    text: str
    rest: str  # the text without its numbers
    places: tuple[int, ...]  # where in the text each character of the rest stands
    words: Spoken  # the tokens of the rest
    numbers: tuple[Number, ...]
    position: tuple[float, float] | None
    code: str | None

    def grams(self) -> list[str]:
        """What to look for in the gazetteer."""
        found = dict.fromkeys(grams(self.words))
        before = {one.rest for one in self.numbers}  # 东16楼: one character and a number can be a name
        ends = zip(self.words.written, self.words.ends, strict=True)
        found |= dict.fromkeys(written for written, end in ends if end in before)
        found |= dict.fromkeys(f"@{run}" for run in initials_in(self.rest))
        return list(found)[:MOST_GRAMS]

    def bare(self) -> "Understood | None":
        """The question as if it were of a building called by its number alone; None where it names no such number."""
        number = next((one for one in self.numbers if one.counts in BARE), None)
        if number is None:
            return None
        stem = BARE[number.counts]
        others = tuple(one for one in self.numbers if one.counts in ("unit", "room", "floor"))
        moved = tuple(replace(one, rest=len(stem)) for one in (number, *others))
        places = (number.start,) * (len(stem) - 1) + (number.end - 1,)
        return replace(self, rest=stem, places=places, words=spoken(stem), numbers=moved)

    def place_of(self, token: int) -> int:
        """Where in the text a token begins."""
        return self.places[self.words.starts[token]]

    def end_of(self, token: int) -> int:
        """Where in the text a token ends."""
        return self.places[self.words.ends[token] - 1] + 1


def understand(question: str) -> Understood:
    """What the words of a question say by themselves."""
    pair = _PAIR.search(question.replace("，", ","))
    text = normalise(_PHONE.sub(" ", question))
    code = _CODE.search(text)
    rest, numbers, places = take_numbers(text)
    return Understood(
        text,
        rest,
        places,
        spoken(rest),
        numbers,
        None if pair is None else _position(float(pair[1]), float(pair[2])),
        None if code is None else code[0],
    )


def _position(first: float, second: float) -> tuple[float, float] | None:
    """Easting first; in China no longitude can be taken for a latitude, so that either order is understood."""
    if 70 <= abs(first) <= 180 and abs(second) <= 60:
        return first, second
    if 70 <= abs(second) <= 180 and abs(first) <= 60:
        return second, first
    return None


def relation_after(text: str, end: int) -> tuple[Relation | None, int]:
    """How the place lies to what was named before `end`, and where in the text that ends."""
    tail = text[end : end + 40]
    if (match := _RELATION.match(tail)) is not None:
        return _relation(match), end + match.end()
    if (match := _FAR.match(tail)) is not None and int(match["metres"]) <= MOST_METRES:
        # So far from it, but nobody says which way.
        return Relation(match[0], None, 0.0, float(match["metres"])), end + match.end()
    return None, end


def _relation(match: re.Match[str]) -> Relation | None:
    if match["near"] is not None:
        return Relation(match["near"], None, 0.0, float(_ACCURACY_M[match["near"]]))
    metres = None if match["metres"] is None else float(match["metres"])
    if metres is None and match["what"] is None and match["way"] is None:
        return Relation(match["side"], _BEARINGS[match["side"]], _CORNER_M, 40.0)
    if metres is not None and metres > MOST_METRES:
        return None
    usual = _CORNER_M if match["what"] == "角" else _BESIDE_M
    far = usual if metres is None else metres
    words = match["side"] + (match["what"] or "") + (f"{metres:.0f}米" if metres is not None else "")
    return Relation(words, _BEARINGS[match["side"]], far, max(20.0, far / 4))


def says_crossing(between: str, after: str) -> bool:
    """Whether what stands between two street names, or after them, makes a crossing of them."""
    return between.strip(" ,的") == "" or _CROSSING.search(between) is not None or _CROSSING.match(after) is not None


def matter_of(text: str, explained: list[tuple[int, int]]) -> str | None:
    """What is left of a question when places, numbers and the asking itself are taken away: 漏水."""
    kept = list(text)
    for start, end in explained:
        kept[start:end] = "\n" * (end - start)
    chunks = [
        part.strip(_EDGES) for chunk in "".join(kept).split("\n") for part in _FILLERS.sub("\n", chunk).split("\n")
    ]
    told = [chunk for chunk in chunks if len(chunk) >= 2 and not re.fullmatch(r"[\d\W_]+", chunk)]
    return max(told, key=len, default=None)
