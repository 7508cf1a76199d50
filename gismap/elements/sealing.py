"""Sealed addresses (封存地址): out of search, tiles, maps and counts, with everybody who lives there; two people open
one.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from gismap.elements.membership import reassign_elements
from gismap.errors import BadInputError, ForbiddenError, NotFoundError
from gismap.geometry.codes import check_identity
from gismap.personal_numbers import personal_number
from gismap.store import audit, sealed

LAYER_OF = """
SELECT layer FROM element WHERE element_id = :element AND upper_inf(valid) AND NOT isempty(valid) LIMIT 1;
"""

ADD = "INSERT INTO seal (element_id, reason, sealed_by) VALUES (:element, :reason, :by);"

SEAL = "SELECT sealed_at, opening_asked_by FROM seal WHERE element_id = :element FOR UPDATE;"

SEALS = """
SELECT element_id AS element, reason, sealed_by, sealed_at, opening_asked_by, opening_reason
FROM seal ORDER BY sealed_at;
"""

ASK = "UPDATE seal SET opening_asked_by = :by, opening_reason = :reason WHERE element_id = :element;"

REMOVE = "DELETE FROM seal WHERE element_id = :element;"

BUMP = """
UPDATE layer SET version = version + 1
WHERE name IN (SELECT layer FROM digital_identity WHERE element_id = ANY(:elements));
"""

PUBLISHED_SINCE = """
SELECT effective_from FROM revision WHERE published_at > :at AND withdrawn_at IS NULL ORDER BY effective_from;
"""


def seal(connection: Connection, element: str, reason: str, *, sealed_by: str) -> int:
    """Seal a building or place with all that is part of it; returns how many elements went out of sight.

    Raises:
        NotFoundError: there is no such element.
        BadInputError: no reason, or a person: sealed is the address.
    """
    identity, why = check_identity(element), _reason(reason)
    layer = connection.execute(text(LAYER_OF), {"element": identity}).scalar()
    if layer is None:
        raise NotFoundError(f"there is no element {identity}", field="element")
    if layer in {"staff", "care_persons"}:
        raise BadInputError("an address is sealed: name the building", field="element")
    elements = sealed.put_away(connection, identity)
    connection.execute(text(ADD), {"element": identity, "reason": why, "by": sealed_by})
    connection.execute(text(BUMP), {"elements": elements})
    _enter(connection, sealed_by, "seal address", identity, reason=why, elements=len(elements))
    return len(elements)


def open_seal(connection: Connection, element: str, reason: str, *, opened_by: str) -> bool:
    """Ask for the opening of a sealed address, or be the second to do so, which opens it; whether it is open now.

    Raises:
        NotFoundError: nothing of this identity is sealed.
        ForbiddenError: this person has asked already.
        BadInputError: no reason.
    """
    identity, why = check_identity(element), _reason(reason)
    row = connection.execute(text(SEAL), {"element": identity}).one_or_none()
    if row is None:
        raise NotFoundError("there is no such sealed address", field="element")
    if row.opening_asked_by is None:
        connection.execute(text(ASK), {"element": identity, "by": opened_by, "reason": why})
        _enter(connection, opened_by, "ask to open address", identity, reason=why)
        return False
    if row.opening_asked_by == opened_by:
        raise ForbiddenError("you have asked for it; a second person has to agree", field="as")
    elements = sealed.take_out(connection, identity)
    connection.execute(text(REMOVE), {"element": identity})
    connection.execute(text(BUMP), {"elements": elements})
    for day in connection.execute(text(PUBLISHED_SINCE), {"at": row.sealed_at}).scalars().all():
        reassign_elements(connection, day)
    _enter(connection, opened_by, "open address", identity, reason=why, asked_by=row.opening_asked_by)
    return True


def list_seals(connection: Connection) -> Sequence[dict[str, Any]]:
    """What is sealed, by identity."""
    return [dict(row) for row in connection.execute(text(SEALS)).mappings()]


def _reason(reason: str) -> str:
    why = " ".join(reason.split())
    if len(why) < 4:
        raise BadInputError("say why, in 4 characters or more", field="reason")
    number = personal_number(why)
    if number is not None:
        raise BadInputError(f"holds what looks like {number}, and is entered in the log: leave it out", field="reason")
    return why


def _enter(connection: Connection, actor: str, action: str, element: str, **detail: Any) -> None:
    audit.append(connection, actor=actor, action=action, subject=f"sealed address {element}", detail=detail)
