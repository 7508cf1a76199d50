"""Words as people type them, made alike: width, letters, traditional characters, English words, Chinese numerals.

What the words mean, numbers and places, is not here.
"""

import re
import unicodedata
from collections.abc import Callable

_TRADITIONAL = str.maketrans(
    "號樓區棟單層門東鎮鄉縣網對側邊園華陽龍廣學興樂義禮寧豐國慶車場廠馬鳳銀鐵橋灣嶺莊劉張陳趙黃錦軍財農書館醫"
    "藥極麗濱圓灘溝橫豬圖機關業錢許馮鄧蘇呂盧鍾譚陸鄒賈韋聖倉勝時來萬這裡與間處過裏於點負責誰",
    "号楼区栋单层门东镇乡县网对侧边园华阳龙广学兴乐义礼宁丰国庆车场厂马凤银铁桥湾岭庄刘张陈赵黄锦军财农书馆医"
    "药极丽滨圆滩沟横猪图机关业钱许冯邓苏吕卢钟谭陆邹贾韦圣仓胜时来万这里与间处过里于点负责谁",
)
_SIMPLE = re.compile("[\u4e00-\u9fff0-9-]+")
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufe0f\ufeff]")
_PUNCTUATION = str.maketrans(
    dict.fromkeys("，。、；：？！“”‘’「」『』《》〈〉【】…?!;\"'()[]{}<>|_*", " ")
    | {"×": "与", "~": "-", "—": "-", "–": "-"}
)

NUMERALS = "零〇一二三四五六七八九十"
_DIGITS = {numeral: value for value, numeral in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SCALES = {"十": 10, "百": 100}
_RUN = "[零〇一二两三四五六七八九十百]{1,7}"
_COUNTED = (
    "号|栋|幢|座|单元|室|层|楼|排|弄|组|队|网格|微网格|米|期|居委|小学|中学|高中|幼儿园|公园|医院|加油站|客运站|农贸|"
    "政务|校区|门(?!口|诊|前|卫)"
)
_COMMITTEE = re.compile("(?<=[居村])委(?![会员])")
_NUMERAL = re.compile(rf"(?<=第){_RUN}|{_RUN}(?={_COUNTED})|[一二三四五六七八九][〇零][一二三四五六七八九]")

# 三中, 2小: what follows must not make another word of it (三中路, 五小区).
_SCHOOL = re.compile(
    rf"(?<!第)(?<!\d)(\d{{1,2}}|[{NUMERALS}]{{1,3}})([中小])(?=$|[^\w]|[旁对门附东西南北后前操与和的])"
)

_DIRECTIONS = {"northeast": "东北", "northwest": "西北", "southeast": "东南", "southwest": "西南",
               "north": "北", "south": "南", "east": "东", "west": "西"}  # fmt: skip
_STREETS = {
    "road": "路",
    "rd": "路",
    "street": "街",
    "st": "街",
    "avenue": "大道",
    "ave": "大道",
    "lane": "巷",
    "alley": "巷",
}
_WORDS = {
    "primary school": "小学", "elementary school": "小学", "middle school": "中学", "high school": "中学",
    "kindergarten": "幼儿园", "supermarket": "超市", "pharmacy": "大药房", "hospital": "医院", "clinic": "诊所",
    "market": "市场", "park": "公园", "residential area": "小区", "residential compound": "小区", "compound": "小区",
    "community": "社区", "village": "村", "town": "镇", "subdistrict": "街道", "committee": "居委会",
    "crossing": "路口", "crossroads": "路口", "intersection": "路口", "junction": "路口", "corner": "路口",
    "micro grid": "微网格", "micro-grid": "微网格", "gate": "门口",
    **_STREETS,
}  # fmt: skip
_AROUND = {"opposite": "对面", "across from": "对面", "near": "附近", "beside": "旁边", "next to": "旁边",
           "behind": "后面", "in front of": "门口"}  # fmt: skip
_SILENT = r"\b(?:the|a|an|of|at|in|on|is|for|to|who|whose|what|which|where|responsible|please|my|there|we|are|i|am)\b"
_ANY_DIRECTION, _ANY_STREET = "|".join(_DIRECTIONS), "|".join(_STREETS)

# 12 dong, 3 hao lou: counters typed in pinyin.
_TYPED_COUNTERS = {
    "haolou": "号楼", "haoyuan": "号院", "danyuan": "单元", "wangge": "网格", "dong": "栋", "hao": "号", "shi": "室",
    "weiwangge": "微网格", "pai": "排", "nong": "弄", "zu": "组", "lou": "楼", "mi": "米", "ceng": "层",
}  # fmt: skip
_TYPED_COUNTER = re.compile(
    r"(?<=\d)\s*(wei ?wang ?ge|hao ?lou|hao ?yuan|dan ?yuan|wang ?ge|dong|hao|shi|pai|nong|zu|lou|mi|ceng)(?![a-z])"
)

_TYPED_NUMERALS = dict(zip("yi er san si wu liu qi ba jiu shi".split(), NUMERALS[2:], strict=True))
_TYPED_NUMERAL = "|".join(_TYPED_NUMERALS)
_TYPED_ORDINAL = re.compile(
    rf"di ?((?:(?:{_TYPED_NUMERAL}) ?){{1,3}}|\d+)(?= ?(?:zhong|xiao|wei ?wang|wang ?ge|ju ?wei|you ?er|gong ?yuan))"
)

Rewrite = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_ENGLISH: tuple[Rewrite, ...] = (
    (re.compile(rf"(\d+)\s*m(?:et(?:er|re)s?)?\s+({_ANY_DIRECTION})\s+of\s+(.+)"),
     lambda m: f"{m[3]} 向{_DIRECTIONS[m[2]]}{m[1]}米"),
    (re.compile(rf"({_ANY_DIRECTION})\s+(?:side|of)\s+(?:of\s+)?(.+)"), lambda m: f"{m[2]} {_DIRECTIONS[m[1]]}侧"),
    (re.compile(rf"({_ANY_DIRECTION})(?:ern)?\s+corner\s+(?:of\s+)?(.+)"), lambda m: f"{m[2]} {_DIRECTIONS[m[1]]}角"),
    (re.compile(rf"\b({'|'.join(_AROUND)})\s+(.+)"), lambda m: f"{m[2]} {_AROUND[m[1]]}"),
    (re.compile(r"(?:building|bldg|block)\s*(?:no)?[.#]?\s*(\d+)|(\d+)\s*(?:building|bldg)\b"),
     lambda m: f"{m[1] or m[2]}号楼 "),
    (re.compile(r"\bunit\s*(\d+)"), r"\1单元"),
    (re.compile(r"\b(?:room|rm|flat|apt)\.?\s*(\d+)"), r"\1室"),
    (re.compile(r"\bmicro[- ]?grid\s*(?:no)?[.#]?\s*(\d+)"), r"第\1微网格"),
    (re.compile(r"\bgrid\s*(?:no)?[.#]?\s*(\d+)"), r"第\1网格"),
    (re.compile(rf"(?:\bno[.#]?\s*|#\s*|^\s*)(\d+)[,\s]+([a-z'][a-z' ]*?)\s*\b({_ANY_STREET})\b"),
     lambda m: f"{m[2]}{_STREETS[m[3]]}{m[1]}号 "),
    (re.compile(r"\bno[.#]?\s*(\d+)"), r"\1号"),
    (re.compile(r"\band\b|&"), "与"),
    (re.compile(rf"\b({'|'.join(sorted(_WORDS, key=len, reverse=True))})\b"), lambda m: _WORDS[m[1]]),
    (re.compile(_SILENT), " "),
)  # fmt: skip


def normalise(text: str) -> str:
    """A name or question in one spelling: half-width, small letters, simplified, numbers in digits where they count.

    >>> normalise("锦绣小区１２号樓三单元")
    '锦绣小区12号楼3单元'
    >>> normalise("No. 5 Renmin Road")
    'renmin路5号'
    """
    if _SIMPLE.fullmatch(text):  # most names, and there are many
        return _counted(text.translate(_TRADITIONAL))
    plain = unicodedata.normalize("NFKC", text).lower().translate(_TRADITIONAL)
    plain = _UNPRINTED.sub(" ", plain).translate(_PUNCTUATION)
    if re.search(r"[a-z]{2}", plain):
        plain = _in_chinese(plain)
    return _joined(_counted(plain))


def _counted(text: str) -> str:
    """Numerals that count as digits: 十二号楼 → 12号楼, 三中 → 第3中学."""
    text = _SCHOOL.sub(lambda match: f"第{match[1]}{match[2]}学", text)
    text = _NUMERAL.sub(lambda match: str(_value(match[0])), text)
    return _COMMITTEE.sub("委会", text)


def _in_chinese(text: str) -> str:
    text = _TYPED_ORDINAL.sub(lambda match: f"第{_typed_numeral(match[1])}", text)
    text = _TYPED_COUNTER.sub(lambda match: _TYPED_COUNTERS[match[1].replace(" ", "")], text)
    for pattern, replacement in _ENGLISH:
        text = pattern.sub(replacement, text)
    return text


def _typed_numeral(typed: str) -> str:
    """Numerals of pinyin in characters: "shi qi" → 十七; digits stay."""
    return re.sub(_TYPED_NUMERAL, lambda match: _TYPED_NUMERALS[match[0]], typed).replace(" ", "")


def _joined(text: str) -> str:
    """Without the spaces that separate nothing: only those between two Latin words or two numbers do."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"(?<![a-z0-9.,]) (?=[a-z0-9])|(?<=[a-z0-9]) (?![a-z0-9])|(?<=[a-z]) (?=[0-9])", "", text)


def _value(run: str) -> int:
    """A Chinese numeral below a thousand, by scale (二十五) or digit by digit (五〇一)."""
    if not set(run) & set(_SCALES):
        return int("".join(str(_DIGITS[numeral]) for numeral in run))
    total, digit = 0, None
    for numeral in run:
        if numeral in _SCALES:
            total += (1 if digit is None else digit) * _SCALES[numeral]
            digit = None
        else:
            digit = _DIGITS[numeral]
    return total + (digit or 0)
