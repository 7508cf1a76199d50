"""Whose is a place told in words: finds it in the gazetteer and asks `service` whose it is; a tie is a question."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.errors import BadInputError
from gismap.geometry.datums import parse_frame
from gismap.i18n import Language, say
from gismap.locating import queries, text_queries
from gismap.locating.finding import Found, find
from gismap.locating.queries import Near
from gismap.locating.ranking import LIKE_ENOUGH, LIKE_ENOUGH_NUMBERED, MOST, UNSURE, Candidate, tied
from gismap.locating.service import check_layers, locate, nothing_published
from gismap.locating.understanding import matter_of, understand

_STORABLE = re.compile(r"[^\0\ud800-\udfff]*")

MAX_QUESTION = 500
"""Characters of a question."""


def locate_text(
    connection: Connection,
    question: str,
    *,
    crs: str,
    as_of: date,
    near: Sequence[Near] = (),
    language: Language = "zh",
    far_km: float,
) -> dict[str, Any]:
    """The answer for a place told in words: that of `locate` for the best candidate, with `matches` and `matter`.

    Two more verdicts: `ask` where several places are as likely, the place lies in several grids, or the best is too
    unlike what was said (the grid is null, `candidates` are the grids it could be, `why` is the question back), and
    `not_found`. Coordinates in the text are taken in the frame `crs`.

    Raises:
        BadInputError: the question is empty or too long.
        NotFoundError, PositionError, CrsError: as `locate`.
    """
    check_question(question)
    parse_frame(crs)
    check_layers(connection, near)
    told = understand(question)
    if told.position is not None:
        x, y = told.position
        answer = locate(connection, x, y, crs=crs, as_of=as_of, near=near, language=language, far_km=far_km)
        match = {
            "text": f"{x}, {y}",
            "score": 1.0,
            "why": say("words.position", language, frame=answer["point"]["source_crs"]),
        }
        return answer | {"matches": [match | {name: answer["point"][name] for name in ("lon", "lat")}], "matter": None}
    found = find(connection, told, as_of)
    matches = [_match(one, language) for one in found.candidates[:MOST]]
    explained = list(found.candidates[0].explained) if found.candidates else []
    more = {"matches": matches, "matter": matter_of(told.text, explained)}
    why = _question_back(found, language)
    if why is not None:
        return _asking(connection, found, as_of, near, why) | more
    best = found.candidates[0]
    answer = locate(
        connection, best.lon, best.lat, crs="cgcs2000", as_of=as_of, near=near, language=language, far_km=far_km
    )
    answer["why"] = say("words.by", language, place=best.text, why=matches[0]["why"], located=answer["why"])
    if not found.is_complete:
        answer["why"] += say("words.incomplete", language)
    return answer | more


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


def _asking(connection: Connection, found: Found, as_of: date, near: Sequence[Near], why: str) -> dict[str, Any]:
    """An answer that claims nothing; the candidates are the grids of the matches that may be meant."""
    revision = connection.execute(text(queries.REVISION), {"as_of": as_of}).scalar()
    if revision is None:
        raise nothing_published(connection, as_of)
    may_be = [one for one in tied(found.candidates) if one.leaves in (None, 1)] if found.candidates else []
    points = {"lons": [one.lon for one in may_be[:MOST]], "lats": [one.lat for one in may_be[:MOST]]}
    rows = connection.execute(text(text_queries.GRIDS_AT), points | {"as_of": as_of}).all() if may_be else []
    grids = {row.unit: {"unit": row.unit, "code": row.code, "distance_m": 0.0} for row in rows}
    return {
        "verdict": "ask" if found.candidates else "not_found",
        "point": None,
        "grid": None,
        "chain": [],
        "candidates": list(grids.values()),
        "staff": {"primary": None, "backup": None},
        "near": {one.key: [] for one in near},
        "revision": revision,
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
