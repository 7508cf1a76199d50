"""Made-up names of streets and compounds, each given once."""

from collections.abc import Iterator, Sequence
from random import Random

_FIRST = "福兴永昌文建安康宁德明光新华金银锦祥瑞长泰盛景春秋裕丰鸿嘉怡雅翠和同广通崇学"
_SECOND = "安康宁平兴隆昌盛达泰华源德仁义信礼学苑阳泉山河湖林园庆祥云风"
_COMPOUND = (
    "福安 锦绣 阳光 金桂 翠湖 御景 紫荆 学府 世纪 东方 幸福 和谐 康泰 丽都 香榭 银座 龙泉 凤凰 "
    "碧水 蓝天 梧桐 银杏 玉兰 海棠 紫薇 文昌 书香 锦江 盛世 名仕 尚品 华盛 金色 瑞景 馨园 祥和 "
    "安居 鸿运 富贵 嘉禾 佳和 春晖 秋实 明珠 星河 滨河 南苑 北苑 西苑 东苑 泰和 宏远 永安 万和 "
    "双龙 青年 教师 物资 粮食 纺织 机械 供销 电业 矿建 铁路"
).split()
_KIND = "小区 花园 家园 新村 嘉园 名苑 华庭 公馆 雅居 佳苑 新城 公寓".split()


def street_names(known: Sequence[str], rng: Random) -> Iterator[str]:
    """Base names of streets, without 路 and 街: the known ones first."""
    yield from known
    made = sorted({a + b for a in _FIRST for b in _SECOND if a != b} - set(known))
    rng.shuffle(made)
    yield from made


def compound_names(rng: Random) -> Iterator[str]:
    """Names of residential compounds."""
    made = [first + kind for first in _COMPOUND for kind in _KIND]
    rng.shuffle(made)
    yield from made
    yield from (f"{name}{part}" for part in ("东区", "西区", "南区", "北区") for name in made)
