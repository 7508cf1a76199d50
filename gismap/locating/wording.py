"""Whose is a place told in words: finds it in the gazetteer and asks `service` whose it is; a tie is a question."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine

from gismap.errors import BadInputError
from gismap.geometry.datums import parse_frame
from gismap.i18n import Language, say
from gismap.locating.batch import FindWords
from gismap.locating.finding import Found, find
from gismap.locating.held import Boundaries
from gismap.locating.queries import Near
from gismap.locating.ranking import LIKE_ENOUGH, LIKE_ENOUGH_NUMBERED, MOST, UNSURE, Candidate, tied
from gismap.locating.service import AUTO, Question, View, candidate, find_near, locate, locate_in, view_of
from gismap.locating.snapshot import Snapshot
from gismap.locating.understanding import matter_of, understand
from gismap.store.session import reading

_STORABLE = re.compile(r"[^\0\ud800-\udfff]*")

STORED = "cgcs2000"

MAX_QUESTION = 500
"""Characters of a question."""


def locate_text(
    connection: Connection, view: View, question: Question, may_call: Callable[[str], bool]
) -> dict[str, Any]:
    """The answer for a place told in the question's words: that of `locate` for the best candidate, with `matches` and
    `matter`.

    Two more verdicts: `ask` where several places are as likely, the place lies in several grids, or the best is too
    unlike what was said (the grid is null, `candidates` are the grids it could be, `why` is the question back), and
    `not_found`. Coordinates in the words are taken in the question's frame.

    Raises:
        BadInputError: the question is empty or too long.
        NotFoundError, PositionError, CrsError: as `locate`.
    """
    check_question(question.words)
    told, language = understand(question.words), question.language
    if told.position is not None:
        x, y = told.position
        answer = locate_in(view, replace(question, x=x, y=y, words=""), may_call)
        frame = answer["point"]["source_crs"]
        match = {"text": f"{x}, {y}", "score": 1.0, "why": say("words.position", language, frame=frame)}
        return answer | {"matches": [match | {name: answer["point"][name] for name in ("lon", "lat")}], "matter": None}
    if question.crs != AUTO:
        parse_frame(question.crs)
    found = find(connection, told, view.day)
    matches = [_match(one, language) for one in found.candidates[:MOST]]
    explained = list(found.candidates[0].explained) if found.candidates else []
    more = {"matches": matches, "matter": matter_of(told.text, explained)}
    why = _question_back(found, language)
    if why is not None:
        return _asking(view.boundaries, found, view.day, why) | more
    best = found.candidates[0]
    answer = locate_in(view, replace(question, x=best.lon, y=best.lat, crs=STORED), may_call)
    answer["why"] = say("words.by", language, place=best.text, why=matches[0]["why"], located=answer["why"])
    if not found.is_complete:
        answer["why"] += say("words.incomplete", language)
    return answer | more


def words_finder(engine: Engine) -> FindWords:
    """What answers the rows of a list that are in words, with the eyes of an engine."""

    def find_words(view: View, question: Question, may_call: Callable[[str], bool]) -> dict[str, Any]:
        with reading(engine) as connection:
            return locate_text(connection, view, question, may_call)

    return find_words


def answer_with_near(
    connection: Connection,
    snapshot: Snapshot,
    question: Question,
    near: Sequence[Near],
    may_call: Callable[[str], bool],
) -> dict[str, Any]:
    """The answer for a point or for words, with what is near where that is known; layers are checked by the caller."""
    if question.words:
        answer = locate_text(connection, view_of(snapshot, question.as_of), question, may_call)
    else:
        answer = locate(snapshot, question, may_call)
    point = answer["point"]
    if near and point is not None:
        answer["near"] = find_near(connection, point["lon"], point["lat"], question.as_of, near)
    elif near:
        answer["near"] = {one.key: [] for one in near}
    return answer


def check_question(question: str) -> None:
    """Refuse what is no question.

    Raises:
        BadInputError: empty, too long, or with a NUL.
    """
    if not _STORABLE.fullmatch(question):
        raise BadInputError("this is not text: it holds a NUL or half a character", field="text")
    if not question.strip():
        raise BadInputError("say a place: an address, a crossing, a grid, a building", field="text")
    if len(question) > MAX_QUESTION:
        raise BadInputError(
            f"{len(question):,} characters are too many: say the place in at most {MAX_QUESTION}", field="text"
        )


# ── what is told ───────────────────────────────────────────────────────────────────────────────────────────────────


def _question_back(found: Found, language: Language) -> str | None:
    """What has to be asked before anything can be claimed; None where the best candidate is the answer."""
    if not found.candidates:
        return _nothing_found(found, language)
    separator = say("list_separator", language)
    rivals, best = tied(found.candidates), found.candidates[0]
    question = None
    if found.apart is not None and best.kind == "streets":
        question = say("words.apart", language, first=found.apart[0], second=found.apart[1])
    elif len(rivals) > 1:
        places = separator.join(_placed(one, language) for one in rivals[:MOST])
        question = say("words.tie", language, count=len(rivals), places=places)
    elif best.missed:
        question = say("words.missed", language, place=best.text, missed=separator.join(best.missed))
    elif (best.leaves or 0) > 1:
        question = say("words.wide", language, place=best.text, leaves=best.leaves)
    elif best.kind == "streets":
        question = say("words.street", language, place=best.text)
    elif best.score < UNSURE or best.likeness < (LIKE_ENOUGH_NUMBERED if best.numbers_fit else LIKE_ENOUGH):
        question = say("words.unsure", language, place=_placed(best, language))
    return question


def _nothing_found(found: Found, language: Language) -> str:
    asked = found.understood
    numbers = say("list_separator", language).join(asked.text[one.start : one.end] for one in asked.numbers)
    known = say("words.only_numbers", language, numbers=numbers) if numbers else ""
    why = say("words.not_found", language, text=asked.text[:60], known=known)
    return why if found.is_complete else why + say("words.incomplete", language)


def _placed(one: Candidate, language: Language) -> str:
    return one.text if one.grid is None else say("words.placed", language, place=one.text, grid=one.grid)


def _asking(boundaries: Boundaries, found: Found, as_of: date, why: str) -> dict[str, Any]:
    """An answer that claims nothing; the candidates are the grids of the matches that may be meant."""
    may_be = [one for one in tied(found.candidates) if one.leaves in (None, 1)] if found.candidates else []
    leaves = dict.fromkeys(boundaries.locator.owner(one.lon, one.lat) for one in may_be[:MOST])
    return {
        "verdict": "ask" if found.candidates else "not_found",
        "point": None,
        "grid": None,
        "chain": [],
        "candidates": [candidate(boundaries, leaf, 0.0) for leaf in leaves if leaf >= 0],
        "border": None,
        "moved": None,
        "staff": {"primary": None, "backup": None},
        "near": {},
        "revision": boundaries.revision,
        "as_of": as_of.isoformat(),
        "why": why,
    }


def _match(one: Candidate, language: Language) -> dict[str, Any]:
    return {"text": one.text, "score": one.score, "why": _why(one, language), "lon": one.lon, "lat": one.lat}


def _why(one: Candidate, language: Language) -> str:
    """What speaks for a candidate, in a few words each."""
    reasons = [say("words.same" if one.likeness >= 0.995 else "words.alike", language)]
    if one.alias is not None:
        reasons = [say("words.alias", language, alias=one.alias)]
    if one.numbers_fit:
        reasons.append(say("words.numbers", language))
    if one.missed:
        reasons.append(say("words.without", language, missed=say("list_separator", language).join(one.missed)))
    if one.relation is not None:
        exact = "words.beside" if one.relation.bearing is None else "words.offset"
        reasons.append(say(exact, language, words=one.relation.words.strip()))
    if one.inside:
        reasons.append(say("words.inside", language, inside="".join(one.inside)))
    if one.grid is not None:
        reasons.append(say("words.in_grid", language, grid=one.grid))
    return say("words.separator", language).join(reasons)
