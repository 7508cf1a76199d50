"""What is kept of persons in care and how it is shown: identity fields, masks, bands; plain values and pure functions.

The rules are those of the personal information law as DOMAIN and `docs/privacy.md` tell them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from gismap.care.barred import BARRED_OF_PERSONS, mentions
from gismap.errors import BadInputError
from gismap.personal_numbers import personal_number

COMPOUND_SURNAMES = frozenset(
    "欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 长孙 宇文 司徒 司空 夏侯 轩辕 端木 百里 南宫 西门 独孤 呼延 "
    "澹台 公冶 宗政 濮阳 淳于 单于 太叔 申屠 仲孙 钟离 闻人 赫连 鲜于 拓跋".split()
)
CHILD_YEARS = 14
"""Below this age a guardian decides, and seeing a record takes a permission of its own."""

BAND_YEARS = 5


class IdentityField(StrEnum):
    """What may be kept of a person beside category and building, each only where the purpose needs it."""

    NAME = "name"
    PHONE = "phone"
    ID_NUMBER = "id_number"
    BIRTH_DATE = "birth_date"
    DOOR = "door"
    """Building unit and room."""
    NEED = "need"
    """What kind of help, in words."""
    GUARDIAN = "guardian"
    """Of a child: who consented, and when."""


_HOLDING_NUMBERS = frozenset({IdentityField.PHONE, IdentityField.ID_NUMBER, IdentityField.GUARDIAN})
_FREE_TEXT = frozenset({IdentityField.DOOR, IdentityField.NEED, IdentityField.GUARDIAN})


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why records of persons are kept; without any of this there are none."""

    purpose: str
    title: str
    legal_basis: str  # statutory_duty, consent
    legal_reference: str
    notice: str
    notice_on: date
    assessment: str
    owner: str
    recipients: Sequence[str]
    categories: Sequence[str]
    fields: Sequence[IdentityField]
    children: str | None
    retention_days: int
    expires_at: datetime


def masked_name(name: str) -> str:
    """The surname and a star, whatever the length of the name: 张*, 欧阳*. The twin of the database's function."""
    return (name[:2] if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else name[:1]) + "*"


def masked_phone(phone: str) -> str:
    """138****5678; of other numbers the last four, where there are seven. The twin of the database's function."""
    head = phone[:3] if re.fullmatch(r"1[0-9]{10}", phone) else ""
    return head + "****" + (phone[-4:] if len(phone) >= 7 else "")


def masked_id_number(number: str) -> str:
    """The last four: ****1234."""
    return "****" + number[-4:]


def band_start(birth: date) -> int:
    """The first of the five years one of which a person was born in."""
    return birth.year // BAND_YEARS * BAND_YEARS


def age_band(born_from: int, today: date) -> str:
    """Ages that a person born in a band may have this year: "80–84"."""
    oldest = today.year - born_from
    return f"{max(oldest - BAND_YEARS + 1, 0)}–{oldest}"


def fourteenth_birthday(birth: date) -> date:
    """The day from which a person is no child any more; who was born on 29 February is 14 on 1 March."""
    try:
        return birth.replace(year=birth.year + CHILD_YEARS)
    except ValueError:
        return date(birth.year + CHILD_YEARS, 3, 1)


def birth_of(fields: Mapping[str, str]) -> date | None:
    """The birth date that the fields tell, by itself or in the identity number.

    Raises:
        BadInputError: they tell two; one of them would hide a child.
    """
    told = set()
    if IdentityField.BIRTH_DATE in fields:
        told.add(date.fromisoformat(fields[IdentityField.BIRTH_DATE]))
    if IdentityField.ID_NUMBER in fields:
        digits = fields[IdentityField.ID_NUMBER][6:14]
        told.add(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
    if len(told) > 1:
        raise BadInputError("the identity number tells another day", field=IdentityField.BIRTH_DATE)
    return told.pop() if told else None


def clean_field(field: IdentityField, text: str, today: date) -> str:
    """A field's value as it is kept.

    Raises:
        BadInputError: it cannot be one; the text says why without repeating the value.
    """
    value = " ".join(text.split())
    if not value or len(value) > 200 or not value.isprintable():
        raise BadInputError("must be 1 to 200 printable characters", field=field)
    number = None if field in _HOLDING_NUMBERS else personal_number(value)
    if number is not None:
        raise BadInputError(f"holds what looks like {number}: it has a field of its own, or none", field=field)
    if field in _FREE_TEXT and mentions(value, BARRED_OF_PERSONS):
        raise BadInputError("is about matters that are never kept of anybody: remove it", field=field)
    if field == IdentityField.ID_NUMBER:
        value = value.upper()
        if not _is_id_number(value, today):
            raise BadInputError("is no identity number: 18 digits, the last of which checks the others", field=field)
    elif field == IdentityField.PHONE:
        value = re.sub(r"[ \-()()]", "", value)
        if not re.fullmatch(r"\+?[0-9]{5,15}", value):
            raise BadInputError("is no phone number: 5 to 15 digits", field=field)
    elif field == IdentityField.BIRTH_DATE:
        value = _day(value, today).isoformat()
    return value


def _is_id_number(text: str, today: date) -> bool:
    """Region, birth date, sequence and a check character by ISO 7064 MOD 11-2, as GB 11643-1999 has it."""
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", text):
        return False
    try:
        birth = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    weighed = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text[:17]))
    return birth <= today and text[17] == "10X98765432"[weighed % 11]


def _day(text: str, today: date) -> date:
    try:
        year, month, day = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", text).groups()  # type: ignore[union-attr]
        birth = date(int(year), int(month), int(day))
    except (AttributeError, ValueError) as error:
        raise BadInputError("is no day such as 1940-05-17", field=IdentityField.BIRTH_DATE) from error
    if not date(1890, 1, 1) <= birth <= today:
        raise BadInputError("is no day on which somebody living was born", field=IdentityField.BIRTH_DATE)
    return birth
