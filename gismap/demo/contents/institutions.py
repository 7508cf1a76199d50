"""What the schools, offices, works and parks of a demo are called, block by block; all invented."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random

from gismap.boundaries.values import UnitDraft
from gismap.demo.contents.blocks import CIVIC_CYCLE
from gismap.demo.model import Block, BlockUse

DIGITS = "零一二三四五六七八九"

FIRM_NAMES = (
    "恒通 华泰 鑫源 永安 东盛 瑞丰 宏达 金诺 佳和 圣源 万嘉 正大 兴隆 凯旋 天成 长城 海润 启明 众合 百川"
).split()

TRADES: Sequence[tuple[str, str]] = (
    ("factory", "机械"), ("factory", "纺织"), ("factory", "食品"), ("factory", "建材"), ("factory", "电子"),
    ("factory", "包装"), ("warehouse", "物流"), ("factory", "服装"), ("warehouse", "仓储"), ("factory", "家具"),
    ("chemical", "化工"), ("factory", "汽配"), ("factory", "玻璃"), ("factory", "金属制品"),
)  # fmt: skip


CIVIC_NAMES: Mapping[str, str] = {
    "hospital": "医院",
    "market": "农贸市场",
    "government": "政务服务中心",
    "elderly_care": "养老服务中心",
    "station": "客运站",
    "office": "商务中心",
}


@dataclass(frozen=True, slots=True)
class Institution:
    """Who has a whole block: a category of key places (or `office`), and its name."""

    kind: str
    name: str


def institutions(blocks: Sequence[Block], units: Mapping[str, UnitDraft], rng: Random) -> dict[int, Institution]:
    """The institution of each civic, industrial or park block, by the block's position."""
    found: dict[int, Institution] = {}
    kinds, names = cycle(CIVIC_CYCLE), _Names(rng)
    for index, block in enumerate(blocks):
        if block.use is BlockUse.CIVIC:
            found[index] = names.civic(next(kinds), place_of(units, block.unit))
        elif block.use is BlockUse.INDUSTRY:
            found[index] = names.firm()
        elif block.use is BlockUse.PARK:
            found[index] = Institution(
                "park", names.once((block.compound or place_of(units, block.unit)).removesuffix("公园"), "公园")
            )
    return found


def compound_of(block: Block, units: Mapping[str, UnitDraft]) -> tuple[str, str]:
    """What tells a compound, quarter or village from others: its name inside its town, or the leaf it is."""
    return above(units, block.unit, 2).key, block.compound or block.unit


def above(units: Mapping[str, UnitDraft], key: str, level: int) -> UnitDraft:
    """The unit of that level, or the nearest above it, that the unit `key` lies in."""
    unit = units[key]
    while unit.level > level and unit.parent is not None:
        unit = units[unit.parent]
    return unit


def place_of(units: Mapping[str, UnitDraft], key: str) -> str:
    """The bare name of the community that a unit lies in: 福安 of 福安社区, 美兰西湖 of 美兰西湖第三居委会."""
    name = above(units, key, 3).name
    return ENDINGS.sub("", name) or name


ENDINGS = re.compile("(第[一二三四五六七八九十百]+)?(居民委员会|居委会|社区|管区|村)$")


def numeral(number: int) -> str:
    """A number from 1 to 99 in Chinese: 12 is 十二."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else DIGITS[tens] + "十")
    return head + (DIGITS[ones] if ones or not tens else "")


class _Names:
    """Hands out each name once: 福安医院, then 福安第二医院."""

    def __init__(self, rng: Random) -> None:
        self._taken: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        firms = [(kind, f"{name}{trade}") for kind, trade in TRADES for name in FIRM_NAMES]
        rng.shuffle(firms)
        self._firms: Iterator[tuple[str, str]] = cycle(firms)
        self._schools = cycle(("第{}小学", "第{}中学", "实验小学{}校区", "第{}小学"))

    def once(self, place: str, what: str) -> str:
        self._taken[place + what] = count = self._taken.get(place + what, 0) + 1
        return f"{place}{what}" if count == 1 else f"{place}第{numeral(count)}{what}"

    def firm(self) -> Institution:
        kind, name = next(self._firms)
        return Institution(kind, self.once(name, "有限公司"))

    def civic(self, kind: str, place: str) -> Institution:
        if kind == "school":
            pattern = next(self._schools)
            self._numbers[pattern] = number = self._numbers.get(pattern, 0) + 1
            return Institution("school", pattern.format(numeral(number)))
        return Institution(kind, self.once(place, CIVIC_NAMES[kind]))
