"""Makes drafts of persons in care: at their building's point, with the identity fields that the purpose needs and no
others.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import orjson
import shapely

from gismap.care.barred import mentions
from gismap.care.rights import mark_of
from gismap.care.values import IdentityField, Purpose, birth_of, clean_field, fourteenth_birthday
from gismap.care.writing import lookup_of
from gismap.elements.values import CareDraft, ElementDraft
from gismap.errors import BadInputError
from gismap.importing.drafting import CleanTable
from gismap.importing.fields import KEY
from gismap.importing.screening import IDENTITY, PHONE
from gismap.importing.values import Rejection
from gismap.personal_numbers import personal_number
from gismap.store.keyring import Keyring

NO_KEYS = IDENTITY | PHONE | {"姓名", "name"}


@dataclass(frozen=True, slots=True)
class Home:
    """A building that persons can live in."""

    element_id: str
    anchor: shapely.Point
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class CareSurroundings:
    """What of the database bears on a file of persons: why they are kept, where they can live, who must not come back.

    `homes` finds buildings by identity, reference, name or address; None where two are called so. `sealed` are the
    references of persons of this source who live at sealed addresses, where they stay whatever a file says.
    """

    purpose: Purpose
    of_children: Collection[str]
    homes: Mapping[str, Home | None]
    sealed: Collection[str]
    forgotten: Collection[bytes]
    keyring: Keyring | None
    source: str
    today: date
    zone: ZoneInfo


def check_needed(purpose: Purpose, columns: Mapping[str, str]) -> None:
    """Refuse a file with identity columns that the purpose does not need, or with one for a key, which is not sealed.

    Raises:
        BadInputError: naming them and the remedy.
    """
    if mentions(columns[KEY], NO_KEYS):
        raise BadInputError(
            f"{columns[KEY]!r} says who somebody is, and a key only tells rows apart: name another column", field="key"
        )
    surplus = [theirs for ours, theirs in columns.items() if ours in set(IdentityField) - set(purpose.fields)]
    if surplus:
        needed = ", ".join(purpose.fields) or "no identity fields at all"
        raise BadInputError(
            f"the purpose {purpose.purpose} does not need {', '.join(map(repr, surplus))}, but {needed}: "
            "remove it from the file",
            field="columns",
        )


def care_drafts(table: CleanTable, around: CareSurroundings) -> tuple[list[ElementDraft], list[Rejection]]:
    """Persons in care, and the rows that cannot be kept."""
    drafts, rejections = [], []
    for i, key in enumerate(table.keys):
        row = {name: values[i] for name, values in table.values.items() if values[i] is not None}
        try:
            drafts.append(_draft(key, row, around))
        except BadInputError as error:
            rejections.append(Rejection(int(table.rows[i]), error.field or "row", error.detail))
    return drafts, rejections


def _draft(key: str, row: Mapping[str, str], around: CareSurroundings) -> ElementDraft:
    _screen({KEY: key, **row})
    home = _home(row["building"], around.homes)
    if home.is_sealed and key not in around.sealed:
        raise BadInputError("lies at a sealed address, where nobody is added: leave the row out", field="building")
    fields = {
        str(field): clean_field(field, str(row[field]), around.today) for field in around.purpose.fields if field in row
    }
    if key == fields.get(IdentityField.NAME):
        raise BadInputError("is the person's name: a key only tells rows apart", field=KEY)
    _check_forgotten(key, fields, around)
    child_until = _child_until(row["category"], fields, around)
    purpose, content = around.purpose, ""
    if fields and around.keyring is not None:
        said = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()
        content = around.keyring.digest(said, "content").hex()
    kept_until = datetime.now(around.zone) + timedelta(days=purpose.retention_days)
    care = CareDraft(purpose.purpose, kept_until, child_until, fields, content)
    return ElementDraft("care_persons", key, home.anchor, category=row["category"], part_of=home.element_id, care=care)


def _screen(row: Mapping[str, str]) -> None:
    """Refuse numbers of persons in what is not sealed."""
    for name, value in row.items():
        what = None if name in set(IdentityField) else personal_number(value)
        if what is not None:
            raise BadInputError(f"holds what looks like {what}: it has a column of its own, or none", field=name)


def _home(called: str, homes: Mapping[str, Home | None]) -> Home:
    home = homes.get(called.strip())
    if home is None:
        why = "names several buildings" if called.strip() in homes else "names no building"
        raise BadInputError(
            f"{called[:40]!r} {why}: give the identity, the number in its source, or the full name or address of one",
            field="building",
        )
    return home


def _check_forgotten(key: str, fields: Mapping[str, str], around: CareSurroundings) -> None:
    marks = {mark_of(around.source, key)}
    if around.keyring is not None and IdentityField.ID_NUMBER in fields:
        marks.add(lookup_of(around.keyring, fields[IdentityField.ID_NUMBER]))
    if marks & set(around.forgotten):
        raise BadInputError("this person's data was deleted at their request: take the row out of the file", field=KEY)


def _child_until(category: str, fields: Mapping[str, str], around: CareSurroundings) -> datetime | None:
    """When a child is 14; None for who is no child.

    Raises:
        BadInputError: the purpose is not for children, nobody consented, or two fields tell different birth dates.
    """
    birth = birth_of(fields)
    if birth is not None:
        until = datetime.combine(fourteenth_birthday(birth), time(), around.zone)
        if until <= datetime.now(around.zone):
            return None
    elif category in around.of_children:
        until = datetime.max.replace(tzinfo=around.zone)
    else:
        return None
    if around.purpose.children is None:
        raise BadInputError(
            f"is under 14, and the purpose {around.purpose.purpose} names neither guardians' consent nor a duty for "
            "children",
            field="category",
        )
    if around.purpose.legal_basis == "consent" and IdentityField.GUARDIAN not in fields:
        raise BadInputError("is under 14: name the guardian who consented, and when", field=IdentityField.GUARDIAN)
    return until
