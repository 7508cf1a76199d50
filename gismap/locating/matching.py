"""Which names a question says: stems of the gazetteer laid along its words, characters and sounds together.

Pure, and bounded: a rough look by rapidfuzz chooses the part of a long question that a stem could be in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from gismap.locating.names import KINDS, STREET_KINDS, kind_of
from gismap.locating.numbers import has_numeral
from gismap.locating.sounds import Spoken, initials, spoken

LEAST = 0.6
"""A name that is less like what was said is not meant."""

INITIALS = 0.7
MARGIN = 5
"""Tokens around the roughly matching part that are looked at, too."""

_DIRECTIONS = frozenset("东西南北中上下前后")
_SAME_SOUND, _TYPED_SOUND, _OTHER, _OPPOSITE = 0.3, 0.08, 1.1, 3.0
_MISSING, _MISSING_KIND, _MISSING_DIRECTION, _EXTRA = 1.1, 0.3, 0.8, 0.8
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


def mentions_of(words: Spoken, stems: Iterable[Stem], runs: Sequence[str]) -> list[Mention]:
    """The stems that a question says, likest first, then longest; `runs` are Latin letters that may be initials."""
    line = "".join(map(_letter, words.sounds))
    found = []
    for stem in stems:
        mention = _laid(words, line, stem) or _by_initials(words, stem, runs)
        if mention is not None:
            found.append(mention)
    return sorted(found, key=lambda one: (-one.score, one.start - one.end, one.stem.stem))


def _laid(words: Spoken, line: str, stem: Stem) -> Mention | None:
    name = spoken(stem.stem)
    if not len(name) or not len(words):
        return None
    kind = kind_of(stem.stem)
    rough = fuzz.partial_ratio_alignment("".join(map(_letter, name.sounds)), line)
    middle = (rough.dest_start, rough.dest_end) if rough is not None else (0, len(words))
    first, last = max(0, middle[0] - MARGIN), min(len(words), middle[1] + MARGIN)
    cost, start, end = _aligned(name, words, first, last, len(name) - len(kind))
    cost += _other_kind(words, end, kind, name, start)
    score = 1 - cost / max(len(name), 2)
    return Mention(stem, score, start, end) if score >= LEAST and end > start else None


def _letter(sounds: tuple[str, ...]) -> str:
    """A character for a sound, so that sounds can be compared as texts are."""
    return chr(0xE000 + hash(sounds[0]) % 6000)


def _aligned(name: Spoken, words: Spoken, first: int, last: int, core: int) -> tuple[float, int, int]:
    """The cheapest way to say a name within words[first:last]: its cost, and the tokens from and to."""
    width = last - first + 1
    costs, starts = [0.0] * width, list(range(first, last + 1))
    for place in range(len(name)):
        missing = _missing(name.written[place], in_core=place < core, before_kind=place == core - 1)
        written, sounds = name.written[place], name.sounds[place]
        row, begins = [costs[0] + missing], [starts[0]]
        for column in range(1, width):
            at = first + column - 1
            best = costs[column - 1] + _substitution(written, sounds, words.written[at], words.sounds[at])
            begin = starts[column - 1]
            if costs[column] + missing < best:
                best, begin = costs[column] + missing, starts[column]
            if place < len(name) - 1 and row[-1] + _EXTRA < best:
                best, begin = row[-1] + _EXTRA, begins[-1]
            row.append(best)
            begins.append(begin)
        costs, starts = row, begins
    end = min(range(width), key=lambda column: (costs[column], starts[column] - column))
    return costs[end], starts[end], first + end


def _substitution(written: str, sounds: tuple[str, ...], said: str, heard: tuple[str, ...]) -> float:
    if written == said:
        return 0.0
    if (written in _DIRECTIONS and said in _DIRECTIONS) or (has_numeral(written) and has_numeral(said)):
        return _OPPOSITE
    if any(sound in heard for sound in sounds):
        return _TYPED_SOUND if said.isascii() else _SAME_SOUND
    return _OTHER


def _missing(written: str, *, in_core: bool, before_kind: bool) -> float:
    if not in_core:
        return _MISSING_KIND
    return _MISSING_DIRECTION if before_kind and written in _DIRECTIONS else _MISSING


def _other_kind(words: Spoken, end: int, kind: str, name: Spoken, start: int) -> float:
    """What it costs that another sort of place is said than the name has: 富贵新城 for 富贵华庭, 人民街 for 人民路."""
    said = "".join(words.written[max(end - 4, start) : end])
    if not kind or said.endswith(kind):
        return 0.0
    after = "".join(words.written[end : end + 5])
    other = next((one for one in KINDS if len(one) > 1 and after.startswith(one)), None)
    if other is None and after[:1] in STREET_KINDS:
        other = after[:1]
    if other is None:
        return 0.0
    # What was left out was charged already; another one in its place weighs more.
    both_streets = kind in STREET_KINDS and other in STREET_KINDS
    return (_OTHER_STREET if both_streets else _OTHER_KIND) * len(name)


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
