"""Where a report is: by its position, by its words, or by both; what is in doubt is left to a person.

Locating itself is `gismap.locating`; nothing is stored here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from posixpath import commonpath
from typing import Any

from sqlalchemy import Connection

from gismap.i18n import Language, say
from gismap.incidents.values import Placed, Position
from gismap.locating.held import Boundaries
from gismap.locating.service import Question
from gismap.locating.snapshot import Snapshot
from gismap.locating.wording import answer_with_near

SURE = frozenset({"certain", "override", "disputed"})
"""Verdicts that name one who answers: of disputed land that is settled for the meantime."""

DISAGREE = "disagree"


@dataclass(frozen=True, slots=True)
class Locating:
    """What finding a place takes: the day, the language of the reasons, and how far away is a mistake."""

    connection: Connection
    snapshot: Snapshot
    today: date
    language: Language
    far_km: float

    def answer(self, position: Position | None, words: str = "") -> dict[str, Any]:
        """What locating says of a position, or of words."""
        at = position or Position(0.0, 0.0, "cgcs2000")
        question = Question(at.x, at.y, at.crs, self.today, at.accuracy_m, self.language, self.far_km, words)
        return answer_with_near(self.connection, self.snapshot, question, [], lambda _: False)


def place(locating: Locating, position: Position | None, words: str | None) -> Placed:
    """Where a position and words are; one of them has to be there.

    Words that name another place than the position, and a position that is in doubt, are left to a person. Of a
    position near a border the words may say on which side it is.

    Raises:
        PositionError, CrsError, BadInputError: no position, or no words.
        NotFoundError: no boundaries are published.
    """
    by_position = None if position is None else locating.answer(position)
    by_words = None if words is None else locating.answer(None, words)
    boundaries = locating.snapshot.boundaries(locating.today)
    if by_position is None:
        assert by_words is not None
        return _placed(boundaries, by_words)
    if by_words is None or by_words["verdict"] in ("not_found", "outside", "gap"):
        return _placed(boundaries, by_position)
    here, there = _units(by_position), _units(by_words)
    if here & there:
        is_settled_by_words = by_position["verdict"] == "boundary" and by_words["verdict"] in SURE
        answer = by_position | {"grid": by_words["grid"], "verdict": by_words["verdict"], "why": by_words["why"]}
        return _placed(boundaries, answer if is_settled_by_words else by_position)
    if not there:
        return _placed(boundaries, by_position)
    why = say("incident.disagree", locating.language, position=by_position["why"], words=by_words["why"])
    candidates = [*by_position["candidates"], *by_words["candidates"]]
    return _placed(boundaries, by_position | {"verdict": DISAGREE, "why": why, "candidates": candidates})


def _units(answer: Mapping[str, Any]) -> set[str]:
    """The grids that an answer names: the one that is sure, else all that it could be."""
    if answer["verdict"] in SURE:
        return {answer["grid"]["unit"]}
    return {one["unit"] for one in answer["candidates"]}


def _placed(boundaries: Boundaries, answer: Mapping[str, Any]) -> Placed:
    point = answer["point"] if answer["verdict"] != "ask" else None
    is_sure = answer["verdict"] in SURE
    candidates = answer["candidates"]
    return Placed(
        verdict=answer["verdict"],
        why=answer["why"],
        unit=answer["grid"]["unit"] if is_sure else None,
        around=None if is_sure else around(boundaries, [one["unit"] for one in candidates]),
        lon=None if point is None else point["lon"],
        lat=None if point is None else point["lat"],
        candidates=candidates,
        revision=answer["revision"],
    )


def around(boundaries: Boundaries, units: Sequence[str]) -> str | None:
    """The lowest unit that all of these grids lie in; of none, that of all grids. None where there is none."""
    known = [boundaries.leaves[boundaries.at[unit]].path for unit in units if unit in boundaries.at]
    shared = commonpath(known or [leaf.path for leaf in boundaries.leaves])
    return shared.rpartition("/")[2] or None
