"""Whose is a place told in words: finds it in the gazetteer and asks `service` whose it is; a tie is a question."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.errors import BadInputError
from gismap.i18n import Language, say
from gismap.locating import queries, text_queries
from gismap.locating.matching import Mention, Stem, mentions_of
from gismap.locating.queries import Near
from gismap.locating.ranking import MOST, UNSURE, Candidate, Entry, metres_apart, rank, tied
from gismap.locating.service import locate, nothing_published
from gismap.locating.understanding import Understood, matter_of, says_crossing, understand

MAX_QUESTION = 500
"""Characters of a question."""

MOST_STEMS, MOST_MENTIONS = 70, 24
CROSSING_REACH_M = 25.0
"""Streets that come this close meet."""

ONE_CROSSING_M = 90.0
"""The carriageways of wide streets cross several times; within this it is one crossing."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question was taken for."""

    understood: Understood
    candidates: list[Candidate]
    is_complete: bool  # no name waits to be read into the gazetteer


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
    told = understand(question)
    if told.position is not None:
        x, y = told.position
        answer = locate(connection, x, y, crs=crs, as_of=as_of, near=near, language=language, far_km=far_km)
        match = {"text": f"{x}, {y}", "score": 1.0, "why": say("words.position", language, frame=answer["point"]["source_crs"])}
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
    if "\0" in question:
        raise BadInputError("a NUL character is not text", field="text")
    if not question.strip():
        raise BadInputError("say a place: an address, a crossing, a grid, a building", field="text")
    if len(question) > MAX_QUESTION:
        raise BadInputError(
            f"{len(question):,} characters are too many: say the place in at most {MAX_QUESTION}", field="text"
        )


def find(connection: Connection, told: Understood, as_of: date) -> Found:
    """The places that a question may mean, likest first."""
    if told.code is not None:
        row = connection.execute(text(text_queries.BY_CODE), {"code": told.code, "as_of": as_of}).first()
        if row is not None:
            return Found(told, [_of_code(told, row)], is_complete=True)
    mentions = _mentions(connection, told)
    if not mentions:
        return Found(told, [], is_complete=True)
    numbers = [one.value for one in told.numbers] + [n for one in mentions for n, _ in one.stem.given]
    stems = list({one.stem.entry_stem for one in mentions})
    row = connection.execute(
        text(text_queries.ENTRIES), {"stems": stems, "numbers": numbers, "as_of": as_of}
    ).one()
    entries = _entries(row.entries or [], row.groups or [], mentions)
    crossings = _crossings(connection, told, mentions, entries)
    return Found(told, rank(told, mentions, entries, crossings), is_complete=not row.waiting)


def _mentions(connection: Connection, told: Understood) -> list[Mention]:
    grams = told.grams()
    if not grams:
        return []
    rows = connection.execute(text(text_queries.STEMS), {"grams": grams, "most": MOST_STEMS})
    stems = [
        Stem(
            row.stem_id,
            row.stem,
            row.entry_stem,
            tuple(zip(row.own_numbers, row.own_counts, strict=True)),
            tuple(zip(row.given_numbers, row.given_counts, strict=True)),
            row.means,
        )
        for row in rows
    ]
    runs = [gram[1:] for gram in grams if gram.startswith("@")]
    return mentions_of(told.words, stems, runs)[:MOST_MENTIONS]


def _entries(
    rows: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]], mentions: Sequence[Mention]
) -> dict[int, list[Entry]]:
    entries: dict[int, list[Entry]] = defaultdict(list)
    for row in rows:
        entries[row["stem_id"]].append(Entry(**{**row, "numbers": tuple(row["numbers"])}))
    named = {one.stem.entry_stem: one.stem.means or one.stem.stem for one in mentions}
    for row in groups:
        if any(one.kind in ("units", "streets") for one in entries[row["stem_id"]] if not one.numbers):
            continue  # a village or street is known as such
        entries[row["stem_id"]].append(
            Entry(
                row["stem_id"], "compound", named[row["stem_id"]], row["address"], (), "", None, False, row["path"],
                row["grid"] if row["leaves"] == 1 else None, row["leaves"], row["lon"], row["lat"],
            )
        )  # fmt: skip
    return entries


def _crossings(
    connection: Connection, told: Understood, mentions: Sequence[Mention], entries: Mapping[int, Sequence[Entry]]
) -> list[tuple[Mention, Mention, Entry]]:
    """Crossings of streets that the question names one after the other."""
    streets = [
        one for one in mentions if any(e.kind == "streets" and not e.numbers for e in entries.get(one.stem.entry_stem, ()))
    ]
    pairs = [
        (first, second)
        for first in streets
        for second in streets
        if first.end <= second.start
        and first.stem.entry_stem != second.stem.entry_stem
        and says_crossing(
            told.text[told.end_of(first.end - 1) : told.place_of(second.start)], told.text[told.end_of(second.end - 1) :]
        )
    ]
    if not pairs:
        return []
    params = {
        "firsts": [one.stem.entry_stem for one, _ in pairs],
        "seconds": [other.stem.entry_stem for _, other in pairs],
        "reach_m": CROSSING_REACH_M,
    }
    meetings: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in connection.execute(text(text_queries.CROSSINGS), params):
        meetings[row.first, row.second].append(row)
    return [
        (first, second, entry)
        for first, second in pairs
        for entry in _meeting_places(first, second, meetings[first.stem.entry_stem, second.stem.entry_stem], entries)
    ]


def _meeting_places(
    first: Mention, second: Mention, meetings: Sequence[Any], entries: Mapping[int, Sequence[Entry]]
) -> list[Entry]:
    """The crossings of two streets: what lies close together is one; where they truly cross, near misses are none."""
    closest = min((row.apart_m for row in meetings), default=0.0)
    groups: list[list[Any]] = []
    for row in sorted((row for row in meetings if row.apart_m <= closest + 1), key=lambda row: (row.lon, row.lat)):
        near = (g for g in groups if metres_apart(row.lon, row.lat, g[0].lon, g[0].lat) <= ONE_CROSSING_M)
        group = next(near, None)
        if group is None:
            groups.append([row])
        else:
            group.append(row)
    names = [
        next(e.name for e in entries[one.stem.entry_stem] if e.kind == "streets" and not e.numbers)
        for one in (first, second)
    ]
    return [
        Entry(
            second.stem.entry_stem, "crossing", f"{names[0]}与{names[1]}交叉口", None, (), "", None, False, "", None, None,
            sum(row.lon for row in group) / len(group), sum(row.lat for row in group) / len(group),
        )
        for group in groups
    ]  # fmt: skip


def _of_code(told: Understood, row: Any) -> Candidate:
    start = told.text.index(told.code or "")
    return Candidate(
        row.name, "units", 1.0, row.lon, row.lat, row.path, row.name, row.leaves, 1.0, None, True, (), (), None, 500.0,
        ((start, start + len(told.code or "")),),
    )  # fmt: skip


# ── what is told ───────────────────────────────────────────────────────────────────────────────────────────────────


def _question_back(found: Found, language: Language) -> str | None:
    """What has to be asked before anything can be claimed; None where the best candidate is the answer."""
    separator = say("list_separator", language)
    if not found.candidates:
        numbers = separator.join(found.understood.text[one.start : one.end] for one in found.understood.numbers)
        known = say("words.only_numbers", language, numbers=numbers) if numbers else ""
        why = say("words.not_found", language, text=found.understood.text[:60], known=known)
        return why if found.is_complete else why + say("words.incomplete", language)
    rivals, best = tied(found.candidates), found.candidates[0]
    if len(rivals) > 1:
        places = separator.join(_placed(one, language) for one in rivals[:MOST])
        return say("words.tie", language, count=len(rivals), places=places)
    if best.missed:
        return say("words.missed", language, place=best.text, missed=separator.join(best.missed))
    if (best.leaves or 0) > 1:
        return say("words.wide", language, place=best.text, leaves=best.leaves)
    if best.kind == "streets":
        return say("words.street", language, place=best.text)
    if best.score < UNSURE:
        return say("words.unsure", language, place=_placed(best, language))
    return None


def _placed(one: Candidate, language: Language) -> str:
    return one.text if one.grid is None else say("words.placed", language, place=one.text, grid=one.grid)


def _asking(
    connection: Connection, found: Found, as_of: date, near: Sequence[Near], why: str
) -> dict[str, Any]:
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
