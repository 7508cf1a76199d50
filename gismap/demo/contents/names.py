"""Made-up names and duty phones of staff; nobody is meant."""

from collections.abc import Iterator
from itertools import accumulate
from random import Random

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
"""From common to rare."""

COMPOUND_SURNAMES = ("欧阳", "司马", "上官", "诸葛", "皇甫", "东方", "尉迟")

FIRST = "建志文明国海晓春玉秀桂俊丽永德振新红金雪宇佳子思雨浩嘉立正庆荣成世瑞淑兴学光景传凤宝松云"
LAST = "华英军平伟芳强敏杰磊涛超霞勇娟静燕鹏辉波斌娜莉飞玲刚梅龙宁峰博晨阳琳欣悦然轩琪婷洁莹岩泉林东"

PHONE_PREFIX = "1990000"
"""Eleven digits with four of its own; a number that no operator hands out in this way."""

_WEIGHTS = list(accumulate(1.0 / (rank + 8) for rank in range(len(SURNAMES))))


def person_name(rng: Random) -> str:
    """A name of two or three characters, now and then with a surname of two."""
    common = rng.choices(SURNAMES, cum_weights=_WEIGHTS)[0]
    surname = rng.choice(COMPOUND_SURNAMES) if rng.random() < 0.015 else common
    return surname + (rng.choice(FIRST) if rng.random() < 0.75 else "") + rng.choice(LAST)


def duty_phones() -> Iterator[str]:
    """Numbers that look like mobile phones, each once."""
    return (f"{PHONE_PREFIX}{number:04d}" for number in range(10_000))
