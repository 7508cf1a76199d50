"""Which place a question means: names and numbers put together with the places of the gazetteer, and ranked.

Pure: what the gazetteer holds is handed in. A number fits exactly or its place is left out; words that a place does not
explain, other places may.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gismap.locating.matching import Mention
from gismap.locating.normal import normalise
from gismap.locating.numbers import LETTERS, PLACING, Counts, Number, take_numbers, unlikeness
from gismap.locating.understanding import Relation, Understood, relation_after

MOST = 5
"""How many candidates are told."""

LEAST_SCORE = 0.45
TIE = 0.03
"""Candidates whose scores differ by less are equally likely."""

SAME_SPOT_M = 30.0
UNSURE = 0.6
"""With a lower score the best candidate is offered, not claimed."""

LIKE_ENOUGH, LIKE_ENOUGH_NUMBERED = 0.899, 0.8
"""So must a name be whose place is claimed, and one whose number fits besides: a wrong character is a doubt."""

_COUNTS: dict[str, Counts] = {letter: counts for counts, letter in LETTERS.items()}
_COUNTERS = {
    "b": "号楼", "p": "号", "y": "号院", "w": "排", "l": "弄", "t": "组", "q": "期", "g": "网格", "m": "微网格",
    "o": "", "u": "单元", "r": "室", "x": "",
}  # fmt: skip
_WEIGHT = {"streets": 0.85, "wide": 0.86, "compound": 0.93, "supplies": 0.9, "door": 0.995}
"""Streets and areas are often said for context only, and what stands in them is meant."""

_NUMBER_WORTH, _BARE_WORTH, _MISSED = 1.5, 0.5, 0.8
_ACCURACY_M = {"compound": 80.0, "streets": 100.0, "crossing": 20.0, "wide": 500.0}


@dataclass(frozen=True, slots=True)
class Entry:
    """A place that the gazetteer holds under a stem, on the day asked for."""

    stem_id: int
    kind: str  # the layer of an element, else units, streets, door, compound, crossing
    name: str | None
    address: str | None
    numbers: tuple[int, ...]
    counts: str
    upto: int | None
    is_address: bool
    path: str
    grid: str | None
    leaves: int | None  # how many grids it lies in; None: not known
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that may be meant, how sure that is from 0 to 1, and what speaks for and against it."""

    text: str
    kind: str
    score: float
    lon: float
    lat: float
    path: str
    grid: str | None
    leaves: int | None
    likeness: float
    alias: str | None
    numbers_fit: bool
    missed: tuple[str, ...]
    inside: tuple[str, ...]  # units and rooms inside of it
    relation: Relation | None
    accuracy_m: float
    explained: tuple[tuple[int, int], ...]  # in the text


@dataclass(slots=True)
class _Reading:
    """A place as an explanation of the question, before all explanations are compared."""

    mention: Mention
    entry: Entry
    text: str
    kind: str
    used: tuple[Number, ...]
    penalty: float
    explained: float = 0.0
    context: tuple[Mention, ...] = ()


def rank(
    asked: Understood,
    mentions: Sequence[Mention],
    entries: Mapping[int, Sequence[Entry]],
    crossings: Sequence[tuple[Mention, Mention, Entry]] = (),
) -> list[Candidate]:
    """The places that may be meant, likest first."""
    readings = [reading for mention in mentions for reading in _readings(asked, mention, entries)]
    contexts = [mention for mention in mentions if mention.score >= 0.75]
    for reading in readings:
        _explain(asked, reading, contexts, entries)
    for first, second, entry in crossings:
        both = (first.end - first.start) * first.score + (second.end - second.start) * second.score
        crossing = _Reading(second, entry, entry.name or "", "crossing", (), 1 - (first.score + second.score) / 2)
        crossing.explained, crossing.context = both + 1, (first,)
        readings.append(crossing)
    most = max((one.explained for one in readings), default=0.0)
    found = sorted((_candidate(asked, one, most, mentions) for one in readings), key=_order)
    return [one for one in _distinct(found) if one.score >= LEAST_SCORE]


def tied(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best candidate, and those as likely that lie elsewhere than it."""
    best = candidates[0]
    rivals = [one for one in candidates[1:] if one.score > best.score - TIE and not _same_answer(best, one)]
    return [best, *rivals]


def metres_apart(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Roughly, for places of one district."""
    east = (lon - other_lon) * 111_320 * math.cos(math.radians(lat))
    return math.hypot(east, (lat - other_lat) * 110_900)


def _same_answer(one: Candidate, other: Candidate) -> bool:
    if one.leaves == 1 and other.leaves == 1 and one.path and one.path == other.path:
        return True
    return metres_apart(one.lon, one.lat, other.lon, other.lat) <= SAME_SPOT_M


def _order(one: Candidate) -> tuple[float, str, str, float, float]:
    return (-one.score, one.text, one.kind, one.lon, one.lat)


def _distinct(found: Iterable[Candidate]) -> Iterable[Candidate]:
    """Without those that name a better one again: of the same spot, or of the same name where one holds the other."""
    kept: list[Candidate] = []
    for one in found:
        if not any(_says_again(one, better) for better in kept):
            kept.append(one)
            yield one


def _says_again(one: Candidate, better: Candidate) -> bool:
    apart = metres_apart(one.lon, one.lat, better.lon, better.lat)
    if one.text == better.text and one.path == better.path and one.kind == better.kind:
        return apart <= 300
    return apart <= SAME_SPOT_M / 2 and (one.text in better.text or better.text in one.text)


# ── readings ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _readings(asked: Understood, mention: Mention, entries: Mapping[int, Sequence[Entry]]) -> Iterable[_Reading]:
    doors: dict[tuple[int, ...], _Reading] = {}
    for entry in entries.get(mention.stem.entry_stem, ()):
        fit = _fit(asked, mention, entry)
        if fit is None:
            continue
        used, penalty = fit
        if entry.is_address:
            key = (*entry.numbers, entry.upto or 0)
            door = doors.get(key)
            if door is None:
                doors[key] = _Reading(
                    mention, replace(entry, kind="door"), _written(mention, entry), "door", used, penalty
                )
            elif door.entry.path != entry.path:
                door.entry = replace(door.entry, leaves=2)
        else:
            kind = "wide" if entry.kind == "units" and (entry.leaves or 0) > 1 else entry.kind
            yield _Reading(mention, entry, entry.name or _written(mention, entry), kind, used, penalty)
    yield from doors.values()


def _written(mention: Mention, entry: Entry) -> str:
    """An address as it is written: stem and numbers."""
    parts = "".join(f"{number}{_COUNTERS[letter]}" for number, letter in zip(entry.numbers, entry.counts, strict=True))
    return f"{mention.stem.stem}{parts}"


def _fit(asked: Understood, mention: Mention, entry: Entry) -> tuple[tuple[Number, ...], float] | None:
    """The numbers of the question that are those of the place, and how much less sure they make; None where not."""
    begin = asked.words.starts[mention.start]
    wanted = list(zip(entry.numbers, entry.counts, strict=True))
    given, own = mention.stem.given, mention.stem.own
    if tuple(wanted[: len(given)]) != given and [n for n, _ in wanted[: len(given)]] != [n for n, _ in given]:
        return None
    wanted = [*own, *wanted[len(given) :]]
    used: list[Number] = []
    penalty, after = 0.0, 0
    for place, (value, letter) in enumerate(wanted):
        upto = entry.upto if place == len(wanted) - 1 else None
        found = _number(asked.numbers, after, begin, value, upto, _COUNTS[letter])
        if found is None and after == 0:
            found = _number(asked.numbers, 0, -1, value, upto, _COUNTS[letter])  # "building 12 of …"
            penalty += 0.06
        if found is None:
            return None
        index, unlike = found
        skipped = [one for one in asked.numbers[after:index] if one.counts in PLACING and one.rest > begin]
        penalty += unlike + 0.15 * len(skipped)
        used.append(asked.numbers[index])
        after = index + 1
    return tuple(used), penalty


def _number(
    numbers: Sequence[Number], after: int, begin: int, value: int, upto: int | None, counts: Counts
) -> tuple[int, float] | None:
    """The first number of the question that is the wanted one, and how unlike its count is."""
    for index in range(after, len(numbers)):
        one = numbers[index]
        if one.rest <= begin:
            continue
        same = one.value == value if upto is None else value <= one.value <= upto
        unlike = unlikeness(one.counts, counts) if same else None
        if unlike is not None:
            return index, unlike
    return None


def _explain(
    asked: Understood, reading: _Reading, contexts: Sequence[Mention], entries: Mapping[int, Sequence[Entry]]
) -> None:
    """Add up what of the question a reading explains: its own words and numbers, and names that it lies in or at."""
    mention = reading.mention
    reading.explained = (mention.end - mention.start) * mention.score + sum(map(_worth, reading.used))
    said: str | None = None
    taken = [mention]
    for other in sorted(contexts, key=lambda one: (one.start - one.end, -one.score)):
        if any(other.overlaps(one) for one in taken):
            continue
        if said is None:
            said = normalise(f"{reading.entry.name or ''} {reading.entry.address or ''} {reading.entry.grid or ''}")
        if _holds(other, reading.entry, said, entries):
            taken.append(other)
            reading.explained += (other.end - other.start) * other.score
            number = _first_after(asked, other, reading.used)
            if number is not None and f"{other.stem.stem}{number.value}" in said:
                reading.explained += _worth(number)
                reading.used += (number,)
    reading.context = tuple(taken[1:])


def _holds(other: Mention, entry: Entry, said: str, entries: Mapping[int, Sequence[Entry]]) -> bool:
    """Whether a place lies in, or is called by, what else the question names."""
    if other.stem.stem in take_numbers(said)[0]:
        return True
    return bool(entry.path) and any(_lies_in(entry, one) for one in entries.get(other.stem.entry_stem, ()) if one.path)


def _lies_in(entry: Entry, area: Entry) -> bool:
    return entry.path.startswith(area.path) if area.kind == "units" else entry.path == area.path


def _first_after(asked: Understood, mention: Mention, used: Sequence[Number]) -> Number | None:
    end = asked.words.ends[mention.end - 1]
    return next((one for one in asked.numbers if one.rest >= end and one not in used and one.counts in PLACING), None)


def _worth(number: Number) -> float:
    if number.counts == "bare":
        return _BARE_WORTH
    return _NUMBER_WORTH if number.counts in PLACING else 0.0


# ── candidates ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _candidate(asked: Understood, reading: _Reading, most: float, mentions: Sequence[Mention]) -> Candidate:
    mention, entry = reading.mention, reading.entry
    end = max([asked.end_of(mention.end - 1), *(number.end for number in reading.used)])
    missed = _missed(asked, reading, mentions)
    inside = [one for one in asked.numbers if one.counts in ("unit", "room", "floor") and one.start >= end - 1]
    end = max([end, *(one.end for one in (*missed, *inside))])
    relation, relation_end = relation_after(asked.text, end)
    likeness = (1 - reading.penalty) if reading.kind == "crossing" else mention.score
    score = max(0.0, mention.score - reading.penalty if reading.kind != "crossing" else likeness)
    score *= 0.55 + 0.45 * (reading.explained / most if most else 1.0)
    score *= _WEIGHT.get(reading.kind, 1.0) * _MISSED ** len(missed)
    moved = relation is not None and relation.bearing is not None  # into another grid, perhaps
    lon, lat = (entry.lon, entry.lat) if relation is None else relation.offset(entry.lon, entry.lat)
    spans = [(asked.place_of(one.start), asked.end_of(one.end - 1)) for one in (mention, *reading.context)]
    spans += [(one.start, one.end) for one in (*reading.used, *missed, *inside)]
    return Candidate(
        text=reading.text,
        kind=reading.kind,
        score=round(score, 3),
        lon=round(lon, 7),
        lat=round(lat, 7),
        path="" if moved else entry.path,
        grid=None if moved else entry.grid,
        leaves=entry.leaves,
        likeness=likeness,
        alias=mention.stem.stem if mention.stem.means else None,
        numbers_fit=bool(reading.used),
        missed=tuple(asked.text[one.start : one.end] for one in missed),
        inside=tuple(asked.text[one.start : one.end] for one in inside),
        relation=relation,
        accuracy_m=max(_ACCURACY_M.get(reading.kind, 15.0), relation.accuracy_m if relation is not None else 0.0),
        explained=(*spans, (end, relation_end)),
    )


def _missed(asked: Understood, reading: _Reading, mentions: Sequence[Mention]) -> list[Number]:
    """Numbers that belong to the name and that the place does not have: the 99th building of a compound of thirty."""
    begin, end = asked.words.starts[reading.mention.start], asked.words.ends[reading.mention.end - 1]
    strong = [one for one in (reading.mention, *reading.context, *mentions) if one.score >= 0.9]
    first = min((asked.words.starts[one.start] for one in strong), default=begin)
    ahead = [asked.words.starts[one.start] for one in mentions if one.score >= 0.9 and one.start >= reading.mention.end]
    until = min(ahead, default=len(asked.rest) + 1)
    within = [
        one for one in asked.numbers if one not in reading.used and (end <= one.rest <= until or one.rest <= first)
    ]
    return [one for one in within if one.counts in PLACING or (one.counts == "bare" and one.rest == end)]
