"""Keeps personal information out of layers that are not about persons, and barred categories out of all of them.

Columns are judged by their names, values by what they look like. What a layer does with a column is not decided here.
"""

from collections.abc import Collection, Mapping

import numpy as np

from gismap.care.barred import BARRED, BARRED_OF_PERSONS, BARRED_OF_STAFF, mentions
from gismap.errors import BadInputError
from gismap.importing.values import Objects, Rejection
from gismap.personal_numbers import personal_number

IDENTITY = frozenset(
    """身份证 证件号 公民身份 护照 户口 出生日期 出生年月 生日
    id_card idcard id_no id_number identity_number identity_no sfz sfzh passport birth birthday birthdate dob""".split()
)
PHONE = frozenset(
    """电话 手机 联系方式 联系号码 微信
    phone mobile tel telephone cellphone wechat contact""".split()
)
PERSON_NAME = frozenset(
    """姓名 户主 联系人 负责人 法人 法定代表人 业主 居民 房主 租客 承租人 保管人 监护人
    person full_name fullname first_name last_name surname owner_name householder tenant resident xm""".split()
)
"""Words in the names of columns."""

PERSONS = tuple(
    """人员 人士 对象 名单 居民 党员 群众 群体 家庭 老人 老年人 残疾人 重点人 儿童 妇女 孕产妇 患者 病人 志愿者 学生
    上访户 信访户 低保户 特困户 贫困户 困难户
    persons people residents petitioners offenders addicts believers patients elderly children women members""".split()
)
"""What names of kinds of persons end with."""

_PLACES = tuple("所局场馆站心院校学寺庙堂点室口园区厅处会楼")
"""What names of kinds of places end with, so that a 戒毒所 is one."""

BARRED_IN = {"staff": BARRED_OF_STAFF, "care_persons": BARRED_OF_PERSONS}
"""What layers about persons take in no column; other layers: `BARRED`."""

_NUMBERS_OF_THINGS = frozenset({"osm_id", "osm_way_id", "osmid", "@id"})
"""Columns whose numbers have come to the length of mobile numbers."""


def check_columns(
    layer: str, columns: Collection[str], *, allowed: Collection[str] = (), identities: Collection[str] = ()
) -> None:
    """Refuse a file with columns that must not enter this layer; `allowed` and `identities` are the names and phones,
    and the identity numbers and birth dates, that the layer is about.

    Raises:
        BadInputError: naming the columns and the remedy.
    """
    barred = [name for name in columns if mentions(name, BARRED_IN.get(layer, BARRED))]
    if barred:
        raise BadInputError(
            f"the column {_quoted(barred)} is about matters that are never kept of anyone: remove it from the file",
            field="columns",
        )
    identity = [name for name in columns if name not in identities and mentions(name, IDENTITY)]
    personal = [name for name in columns if name not in allowed and mentions(name, PHONE | PERSON_NAME)]
    if identity or personal:
        raise BadInputError(
            f"the column {_quoted(identity + personal)} is personal information, which {layer} does not take: "
            "remove it from the file",
            field="columns",
        )


def names_persons(kind: str) -> bool:
    """Whether a category or the title of a layer is one of persons, or of what is never kept of them."""
    return kind.lower().endswith(PERSONS) or (mentions(kind, BARRED) and not kind.endswith(_PLACES))


def check_layer(titles: Collection[str | None]) -> None:
    """Refuse a new layer of persons.

    Raises:
        BadInputError: one of its titles names persons.
    """
    for title in titles:
        if title is not None and names_persons(title.strip()):
            raise BadInputError(f"{title!r} names persons, who are kept as staff or care_persons alone", field="layer")


def kinds_of_persons(kinds: Objects, rows: Objects | np.ndarray, column: str) -> list[Rejection]:
    """Rows whose category names persons."""
    reason = "names persons, who are kept as staff or care_persons alone"
    return [
        Rejection(int(row), column, reason)
        for row, kind in zip(rows, kinds, strict=True)
        if isinstance(kind, str) and names_persons(kind.strip())
    ]


def personal_values(columns: Mapping[str, Objects], rows: Objects | np.ndarray) -> list[Rejection]:
    """Rows that hold what looks like an identity number or a mobile number; one rejection per row."""
    found: dict[int, Rejection] = {}
    for name, values in columns.items():
        if name.lower() in _NUMBERS_OF_THINGS:
            continue
        for text in {value for value in values.tolist() if _may_hold_number(value)}:
            what = personal_number(text)
            if what is not None:
                for i in np.flatnonzero(values == text):
                    row = int(rows[i])
                    found.setdefault(row, Rejection(row, name, f"holds what looks like {what}: remove it"))
    return [found[row] for row in sorted(found)]


def _may_hold_number(value: object) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    return not isinstance(value, str) or len(value) >= 11


def _quoted(names: Collection[str]) -> str:
    return ", ".join(f"{name!r}" for name in names)
