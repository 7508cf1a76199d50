"""Which names a question says: stems of the gazetteer laid along its words, characters and sounds together.

Pure, and bounded: a rough look by rapidfuzz chooses the part of a long question that a stem could be in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from gismap.locating.names import KINDS, STREET_KINDS, kind_of
from gismap.locating.numbers import has_numeral
from gismap.locating.sounds import Spoken, initials, spoken

LEAST = 0.6
"""A name that is less like what was said is not meant."""

ROUGHLY = 48
"""Of a hundred: less than that of its sounds, and a stem is not laid along the words at all."""

INITIALS = 0.7
MARGIN = 5
"""Tokens around the roughly matching part that are looked at, too."""

_DIRECTIONS = frozenset("东西南北中上下前后")
_SAME_SOUND, _TYPED_SOUND, _OTHER, _OPPOSITE = 0.3, 0.08, 1.1, 3.0
_MISSING, _MISSING_DIRECTION, _EXTRA = 1.1, 0.8, 0.8
_KIND_SHARE = 0.12
"""What leaving out the kind of a place takes off, however long its word is."""
_OTHER_STREET, _OTHER_KIND = 0.15, 0.35


@dataclass(frozen=True, slots=True)
class Stem:
    """A stem of the gazetteer that could be meant; an alias brings the stem and the numbers that it stands for."""

    stem_id: int
    stem: str
    entry_stem: int
    own: tuple[tuple[int, str], ...] = ()  # numbers of an alias itself, each with what it counts
    given: tuple[tuple[int, str], ...] = ()  # numbers that it stands for
    means: str | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A stem as a question says it: from which token to which, and how like it is (1: the same)."""

    stem: Stem
    score: float
    start: int
    end: int

    def overlaps(self, other: "Mention") -> bool:
        """Whether both say the same words."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class _Line:
    """A question's tokens, made ready for laying many stems along them."""

    words: Spoken
    heard: tuple[frozenset[str], ...]
    letters: str


@dataclass(frozen=True, slots=True)
class _Laid:
    """A stem's tokens, and how many of them stand before its kind."""

    name: Spoken
    core: int
    kind: str
    letters: str


def mentions_of(words: Spoken, stems: Iterable[Stem], runs: Sequence[str]) -> list[Mention]:
    """The stems that a question says, likest first, then longest; `runs` are Latin letters that may be initials."""
    line = _Line(words, tuple(map(frozenset, words.sounds)), _letters(words))
    found = []
    for stem in stems:
        mention = _mention(line, stem) or _by_initials(words, stem, runs)
        if mention is not None:
            found.append(mention)
    return sorted(found, key=lambda one: (-one.score, one.start - one.end, one.stem.stem))


def _mention(line: _Line, stem: Stem) -> Mention | None:
    laid = _ready(stem.stem)
    rough = fuzz.partial_ratio_alignment(laid.letters, line.letters, score_cutoff=ROUGHLY)
    if rough is None or not laid.letters:
        return None
    first, last = max(0, rough.dest_start - MARGIN), min(len(line.heard), rough.dest_end + MARGIN)
    cost, start, end = _aligned(laid, line, first, last)
    cost += _other_kind(line.words, end, laid, start)
    score = 1 - cost / max(len(laid.letters), 2)
    return Mention(stem, score, start, end) if score >= LEAST and end > start else None


@lru_cache(maxsize=20_000)
def _ready(stem: str) -> _Laid:
    name, kind = spoken(stem), kind_of(stem)
    return _Laid(name, len(name) - len(kind), kind, _letters(name))


def _letters(words: Spoken) -> str:
    """A character for every sound, so that sounds can be compared as texts are."""
    return "".join(chr(0xE000 + hash(sounds[0]) % 6000) for sounds in words.sounds)


def _aligned(laid: _Laid, line: _Line, first: int, last: int) -> tuple[float, int, int]:
    """The cheapest way to say a name within tokens first to last: its cost, and the tokens from and to."""
    written, sounds, width = laid.name.written, laid.name.sounds, last - first + 1
    said, heard = line.words.written, line.heard
    of_kind = _KIND_SHARE * len(written) / max(len(laid.kind), 1)
    costs, starts = [0.0] * width, list(range(first, last + 1))
    for place, (character, readings) in enumerate(zip(written, sounds, strict=True)):
        missing = of_kind if place >= laid.core else _missing(character, before_kind=place == laid.core - 1)
        extra = _EXTRA if place < len(written) - 1 else 0.0  # what follows the name is not part of it
        row, begins = [costs[0] + missing], [starts[0]]
        for column in range(1, width):
            at = first + column - 1
            other = 0.0 if character == said[at] else _substitution(character, readings, said[at], heard[at])
            best, begin = costs[column - 1] + other, starts[column - 1]
            if costs[column] + missing < best:
                best, begin = costs[column] + missing, starts[column]
            if extra and row[-1] + extra < best:
                best, begin = row[-1] + extra, begins[-1]
            row.append(best)
            begins.append(begin)
        costs, starts = row, begins
    end = min(range(width), key=lambda column: (costs[column], starts[column] - column))
    return costs[end], starts[end], first + end


def _substitution(written: str, sounds: tuple[str, ...], said: str, heard: frozenset[str]) -> float:
    if (written in _DIRECTIONS and said in _DIRECTIONS) or (has_numeral(written) and has_numeral(said)):
        return _OPPOSITE
    if not heard.isdisjoint(sounds):
        return _TYPED_SOUND if said.isascii() else _SAME_SOUND
    return _OTHER


def _missing(written: str, *, before_kind: bool) -> float:
    return _MISSING_DIRECTION if before_kind and written in _DIRECTIONS else _MISSING


def _other_kind(words: Spoken, end: int, laid: _Laid, start: int) -> float:
    """What it costs that another sort of place is said than the name has: 富贵新城 for 富贵华庭, 人民街 for 人民路."""
    kind, said = laid.kind, "".join(words.written[max(end - 4, start) : end])
    if not kind or said.endswith(kind):
        return 0.0
    after = "".join(words.written[end : end + 5])
    other = next((one for one in KINDS if after.startswith(one)), None)
    if other is None:
        return 0.0
    # What was left out was charged already; another one in its place weighs more.
    both_streets = kind in STREET_KINDS and other in STREET_KINDS
    return (_OTHER_STREET if both_streets else _OTHER_KIND) * len(laid.letters)


def _by_initials(words: Spoken, stem: Stem, runs: Sequence[str]) -> Mention | None:
    if not runs:
        return None
    core = stem.stem.removesuffix(kind_of(stem.stem))
    letters = {initials(spoken(stem.stem)), initials(spoken(core))}
    run = next((run for run in runs if run in letters and run in words.written), None)
    if run is None:
        return None
    at = words.written.index(run)
    return Mention(stem, INITIALS, at, at + 1)
