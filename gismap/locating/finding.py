"""Asks the gazetteer which places a question may mean, streets that cross among them; ranking them is `ranking`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.locating import text_queries
from gismap.locating.matching import Mention, Stem, mentions_of
from gismap.locating.ranking import Candidate, Entry, metres_apart, rank
from gismap.locating.understanding import Understood, says_crossing

MOST_STEMS, MOST_MENTIONS, MOST_GROUPS, MOST_PAIRS = 70, 24, 10, 8
CROSSING_REACH_M = 25.0
"""Streets that come this close meet."""

_BARE = 0.75
"""How sure a building is that is called by its number alone."""

ONE_CROSSING_M = 90.0
"""The carriageways of wide streets cross several times; within this it is one crossing."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question was taken for."""

    understood: Understood
    candidates: list[Candidate]
    is_complete: bool = True  # no name waits to be read into the gazetteer
    apart: tuple[str, str] | None = None  # streets that were said to cross, and do not


def find(connection: Connection, told: Understood, as_of: date) -> Found:
    """The places that a question may mean, likest first."""
    if told.code is not None:
        row = connection.execute(text(text_queries.BY_CODE), {"code": told.code, "as_of": as_of}).first()
        if row is not None:
            return Found(told, [_of_code(told, row)])
    found = _named(connection, told, as_of)
    bare = None if found.candidates else told.bare()
    if bare is None:
        return found
    # Which of the words left are a name unknown here, nobody can tell: it is offered, never claimed.
    numbered = _named(connection, bare, as_of).candidates
    return replace(
        found, candidates=[replace(one, score=one.score * _BARE, likeness=_BARE) for one in numbered if one.numbers_fit]
    )


def _named(connection: Connection, told: Understood, as_of: date) -> Found:
    """The places that a question names."""
    grams = told.grams()
    known = connection.execute(text(text_queries.STEMS), {"grams": grams, "most": MOST_STEMS}).one()
    runs = [gram[1:] for gram in grams if gram.startswith("@")]
    mentions = mentions_of(told.words, map(_stem, known.stems or []), runs)[:MOST_MENTIONS]
    if not mentions:
        return Found(told, [], not known.waiting)
    asked = [one.value for one in told.numbers if one.counts != "metres"]
    numbers = asked + [n for one in mentions for n, _ in one.stem.given]
    stems = list(dict.fromkeys(one.stem.entry_stem for one in mentions))
    params = {"stems": stems, "likely": stems[:MOST_GROUPS], "numbers": numbers, "as_of": as_of}
    row = connection.execute(text(text_queries.ENTRIES), params).one()
    entries = _entries(row.entries or [], row.groups or [], mentions)
    pairs = _street_pairs(told, mentions, entries)
    crossings = _crossings(connection, pairs, entries)
    apart = None if crossings or not pairs else (_street(pairs[0][0], entries), _street(pairs[0][1], entries))
    return Found(told, rank(told, mentions, entries, crossings), not known.waiting, apart)


def _stem(row: Mapping[str, Any]) -> Stem:
    own = tuple(zip(row["own_numbers"], row["own_counts"], strict=True))
    given = tuple(zip(row["given_numbers"], row["given_counts"], strict=True))
    return Stem(row["stem_id"], row["stem"], row["entry_stem"], own, given, row["means"])


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


def _street_pairs(
    told: Understood, mentions: Sequence[Mention], entries: Mapping[int, Sequence[Entry]]
) -> list[tuple[Mention, Mention]]:
    """Streets that the question names one after the other as crossing, likest first."""
    streets = [one for one in mentions if any(map(_is_street, entries.get(one.stem.entry_stem, ())))]
    pairs = [
        (first, second)
        for first in streets
        for second in streets
        if first.end <= second.start
        and first.stem.entry_stem != second.stem.entry_stem
        and says_crossing(
            told.text[told.end_of(first.end - 1) : told.place_of(second.start)],
            told.text[told.end_of(second.end - 1) :],
        )
    ]
    return sorted(pairs, key=lambda pair: -pair[0].score - pair[1].score)[:MOST_PAIRS]


def _is_street(entry: Entry) -> bool:
    return entry.kind == "streets" and not entry.numbers


def _street(mention: Mention, entries: Mapping[int, Sequence[Entry]]) -> str:
    """The street's name as the map writes it."""
    return next(one.name or "" for one in entries[mention.stem.entry_stem] if _is_street(one))


def _crossings(
    connection: Connection, pairs: Sequence[tuple[Mention, Mention]], entries: Mapping[int, Sequence[Entry]]
) -> list[tuple[Mention, Mention, Entry]]:
    """Where the streets of the pairs cross."""
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
    found = []
    for first, second in pairs:
        name = f"{_street(first, entries)}与{_street(second, entries)}交叉口"
        for lon, lat in _gathered(meetings[first.stem.entry_stem, second.stem.entry_stem]):
            entry = Entry(
                second.stem.entry_stem, "crossing", name, None, (), "", None, False, "", None, None, lon, lat
            )  # fmt: skip
            found.append((first, second, entry))
    return found


def _gathered(meetings: Sequence[Any]) -> list[tuple[float, float]]:
    """The crossings of two streets: what lies close together is one; where they truly cross, near misses are none."""
    closest = min((row.apart_m for row in meetings), default=0.0)
    groups: list[list[tuple[float, float]]] = []
    for lon, lat in sorted((row.lon, row.lat) for row in meetings if row.apart_m <= closest + 1):
        group = next((g for g in groups if metres_apart(lon, lat, *g[0]) <= ONE_CROSSING_M), None)
        if group is None:
            groups.append([(lon, lat)])
        else:
            group.append((lon, lat))
    return [(sum(lon for lon, _ in g) / len(g), sum(lat for _, lat in g) / len(g)) for g in groups]


def _of_code(told: Understood, row: Any) -> Candidate:
    start = told.text.index(told.code or "")
    return Candidate(
        row.name, "units", 1.0, row.lon, row.lat, row.path, row.name, row.leaves, 1.0, None, True, (), (), None, 500.0,
        ((start, start + len(told.code or "")),),
    )  # fmt: skip
