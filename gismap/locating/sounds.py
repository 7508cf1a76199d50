"""How words sound: readings of characters, Latin runs as syllables, and the grams by which like names are found.

Sounds are folded as ears and input methods fold them (zh = z, ang = an). No name of any place is known here.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from pypinyin.constants import PINYIN_DICT

MOST_READINGS = 3
"""Rarer readings of a character are nobody's slip of the ear."""

_RUN = re.compile(r"[a-z][a-z0-9]*|[0-9]+|[^\W_]")
_LONGEST_SYLLABLE = 6
_SHORTEST_INITIALS = 3
_LONG_WORD = 4


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text as tokens, one for each syllable: what is written, how it can sound, and where it begins and ends."""

    written: tuple[str, ...]
    sounds: tuple[tuple[str, ...], ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.written)


def spoken(text: str) -> Spoken:
    """The tokens of a normalised text: a character each, a syllable of pinyin each, or a word in Latin letters."""
    written: list[str] = []
    sounds: list[tuple[str, ...]] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _RUN.finditer(text):
        run, at = match[0], match.start()
        pieces = syllables(run) or (run,)
        for piece in pieces:
            written.append(piece)
            sounds.append(readings(piece) if len(piece) == 1 else (_folded(piece),))
            starts.append(at)
            at += len(piece)
            ends.append(at)
    return Spoken(tuple(written), tuple(sounds), tuple(starts), tuple(ends))


@cache
def readings(character: str) -> tuple[str, ...]:
    """How a character can sound, without tones, the most usual first; what has no reading sounds as it is written."""
    listed = PINYIN_DICT.get(ord(character))
    if listed is None:
        return (character,)
    folded = dict.fromkeys(_folded(_plain(one)) for one in listed.split(","))
    return tuple(folded)[:MOST_READINGS]


@lru_cache(maxsize=4096)
def syllables(run: str) -> tuple[str, ...] | None:
    """A run of Latin letters as syllables of pinyin, as few as possible, or None: "renmin" → ren, min."""
    best: list[tuple[str, ...] | None] = [()] + [None] * len(run)
    for end in range(1, len(run) + 1):
        for start in range(max(0, end - _LONGEST_SYLLABLE), end):
            before, piece = best[start], run[start:end]
            if before is None or piece not in _syllables_known():
                continue
            shortest = best[end]
            if shortest is None or len(before) + 1 < len(shortest):
                best[end] = (*before, piece)
    return best[len(run)]


def grams(words: Spoken) -> Iterator[str]:
    """What two like names have in common: pairs of characters, pairs of sounds, also around a token; a single one."""
    if len(words) == 1:
        yield words.written[0]
        yield from (f"{sound} " for sound in words.sounds[0])
    yield from (one for one in words.written if len(one) >= _LONG_WORD and one.isascii())
    for place in range(len(words) - 1):
        first, second = words.written[place], words.written[place + 1]
        if first > "z" and second > "z":
            yield first + second
        yield from (f"{one} {other}" for one in words.sounds[place][:2] for other in words.sounds[place + 1][:2])
        if place + 2 < len(words):
            yield f"{words.sounds[place][0]}_{words.sounds[place + 2][0]}"


def initials(words: Spoken) -> str | None:
    """The first letters of a name in characters, as input methods take them; None where they would say nothing."""
    letters = "".join(sounds[0][0] for sounds in words.sounds)
    in_characters = all(one > "z" for one in words.written)
    return letters if in_characters and len(letters) >= _SHORTEST_INITIALS and letters.isascii() else None


def initials_in(text: str) -> list[str]:
    """Runs of a text that may be initials: Latin letters that are no syllables."""
    runs = re.findall(r"(?<![a-z0-9])[a-z]{3,8}(?![a-z0-9])", text)
    return [run for run in runs if syllables(run) is None]


def _plain(reading: str) -> str:
    """A reading without its tone: "lǜ" → "lv"."""
    bare = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(letter for letter in bare if letter.isascii())


def _folded(syllable: str) -> str:
    if syllable[:2] in ("zh", "ch", "sh"):
        syllable = syllable[0] + syllable[2:]
    return syllable[:-1] if syllable.endswith("ng") else syllable


@cache
def _syllables_known() -> frozenset[str]:
    """All syllables of common characters; the interjections m, n, ng and hm would make a name of any word."""
    common = (listed.split(",")[0] for code, listed in PINYIN_DICT.items() if 0x4E00 <= code <= 0x9FFF)
    return frozenset(plain for plain in map(_plain, common) if set(plain) & set("aeiouv"))
