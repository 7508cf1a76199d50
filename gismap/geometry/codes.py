"""Codes and identities as text: division codes, grid codes and their numbering, element and unit identities.

What a unit is and where it belongs is never read from digits: that lives in attributes and parent links.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

import numpy as np
from numpy.typing import ArrayLike

from gismap.geometry.errors import CodeError

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(CROCKFORD)} | {"I": 1, "L": 1, "O": 0}
_IDENTITY_LENGTH = 10
_CHECK_MODULUS = 37


class DivisionKind(StrEnum):
    """What the last part of a division code stands for, by its number range."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    SUBDISTRICT = "subdistrict"  # 001–099 街道
    TOWN = "town"  # 100–199 镇
    TOWNSHIP = "township"  # 200–399 乡
    OTHER_TOWN_LEVEL = "other_town_level"  # 400 and above: farms, zones and the like
    COMMUNITY = "community"  # 001–199 residents' committee
    VILLAGE = "village"  # 200 and above: village committee


_LEVEL = {DivisionKind.PROVINCE: 0, DivisionKind.CITY: 1, DivisionKind.COUNTY: 1, DivisionKind.COMMUNITY: 3} | {
    DivisionKind.VILLAGE: 3
}


@dataclass(frozen=True, slots=True)
class DivisionCode:
    """A division code in its parts; `text` is the full form of 12 digits."""

    text: str
    kind: DivisionKind

    @property
    def province(self) -> str:
        return self.text[:2]

    @property
    def city(self) -> str:
        return self.text[2:4]

    @property
    def county(self) -> str:
        return self.text[4:6]

    @property
    def town(self) -> str:
        return self.text[6:9]

    @property
    def community(self) -> str:
        return self.text[9:]

    @property
    def level(self) -> int:
        """1 city or county, 2 town, 3 community, as units are levelled on the map; 0 is a province."""
        return _LEVEL.get(self.kind, 2)


def parse_division(text: str) -> DivisionCode:
    """Read a division code of 12 digits, or its short form without the trailing zeros (2, 4, 6 or 9 digits).

    A zero county before a town is right: some cities have no counties.

    Raises:
        CodeError: other lengths or characters, or a part that is given below one that is missing.
    """
    if not (text.isascii() and text.isdigit()) or len(text) not in {2, 4, 6, 9, 12}:
        raise CodeError(f"{_quoted(text)} is no division code: 12 digits, or the first 2, 4, 6 or 9 of them")
    code = text.ljust(12, "0")
    province, city, county, town, community = code[:2], code[2:4], code[4:6], code[6:9], code[9:]
    missing_above = (
        province == "00"
        or (city == "00" and code[4:].strip("0") != "")
        or (town == "000" and community != "000")
    )  # fmt: skip
    if missing_above:
        raise CodeError(f"{_quoted(text)} is no division code: a part is given below one that is all zeros")
    if community != "000":
        return DivisionCode(code, DivisionKind.COMMUNITY if int(community) < 200 else DivisionKind.VILLAGE)
    if town != "000":
        return DivisionCode(code, _town_kind(int(town)))
    if county != "00":
        return DivisionCode(code, DivisionKind.COUNTY)
    return DivisionCode(code, DivisionKind.CITY if city != "00" else DivisionKind.PROVINCE)


def _town_kind(number: int) -> DivisionKind:
    if number < 100:
        return DivisionKind.SUBDISTRICT
    if number < 200:
        return DivisionKind.TOWN
    return DivisionKind.TOWNSHIP if number < 400 else DivisionKind.OTHER_TOWN_LEVEL


@dataclass(frozen=True, slots=True)
class GridCode:
    """A grid or micro-grid code in its parts; `micro` is None for a grid."""

    community: str
    sequence: int
    micro: int | None = None


@dataclass(frozen=True, slots=True)
class CodeScheme:
    """How many digits make a grid code: community, sequence inside it, and micro-grid (0: no micro-grid codes)."""

    community_digits: int = 12
    sequence_digits: int = 3
    micro_digits: int = 2

    def grid_code(self, community: str, sequence: int) -> str:
        """The code of the grid numbered `sequence` (from 1) in a community.

        Raises:
            CodeError: the community's code has another length, or the number does not fit its digits.
        """
        if not re.fullmatch(rf"[0-9]{{{self.community_digits}}}", community):
            raise CodeError(f"{_quoted(community)} is no community code of {self.community_digits} digits")
        return community + _numbered(sequence, self.sequence_digits, "grids in one community")

    def micro_code(self, grid: str, sequence: int) -> str:
        """The code of the micro-grid numbered `sequence` (from 1) in the grid whose code is `grid`."""
        if self.parse(grid).micro is not None:
            raise CodeError(f"{_quoted(grid)} is itself a micro-grid")
        return grid + _numbered(sequence, self.micro_digits, "micro-grids in one grid")

    def parse(self, code: str) -> GridCode:
        """Read the code of a grid or micro-grid.

        Raises:
            CodeError: a length that the scheme does not have, other characters than 0–9, or the number 0.
        """
        grid_digits = self.community_digits + self.sequence_digits
        lengths = {grid_digits, grid_digits + self.micro_digits}
        if not (code.isascii() and code.isdigit()) or len(code) not in lengths:
            wanted = " or ".join(str(length) for length in sorted(lengths))
            raise CodeError(f"{_quoted(code)} is no grid code: {wanted} digits ({self})")
        sequence = int(code[self.community_digits : grid_digits])
        micro = int(code[grid_digits:]) if len(code) > grid_digits else None
        if sequence == 0 or micro == 0:
            raise CodeError(f"{_quoted(code)} is no grid code: numbers start at 1")
        return GridCode(code[: self.community_digits], sequence, micro)

    def __str__(self) -> str:
        return f"{self.community_digits}+{self.sequence_digits}+{self.micro_digits}"


DEFAULT_SCHEME = CodeScheme()


def parse_scheme(text: str) -> CodeScheme:
    """Read a scheme as settings write it: `12+3+2` is community + grid + micro-grid, `12+3` has no micro-grids.

    Raises:
        CodeError: anything else, or a code of more than 32 digits.
    """
    match = re.fullmatch(r"([0-9]{1,2})\+([0-9]{1,2})(?:\+([0-9]{1,2}))?", text.strip())
    if match is None:
        raise CodeError(f"{_quoted(text)} is no code scheme: write digits as 12+3+2")
    community, sequence, micro = (int(part or 0) for part in match.groups())
    if community == 0 or sequence == 0 or community + sequence + micro > 32:
        raise CodeError(f"{_quoted(text)} is no code scheme: community and grid need digits, 32 at most in all")
    return CodeScheme(community, sequence, micro)


def _numbered(number: int, digits: int, what: str) -> str:
    limit = 10**digits - 1
    if not 1 <= number <= limit:
        raise CodeError(f"number {number} does not fit: the code scheme has room for 1 to {limit} {what}")
    return f"{number:0{digits}d}"


def number_west_to_east(points: ArrayLike) -> list[int]:
    """The order in which grids of one community are numbered: rows from north to south, each from west to east.

    A row takes in what lies within half the typical distance between neighbours below its northernmost point, so
    that points in a loose row are numbered along it and not by chance differences in latitude. The order depends on
    the coordinates only; equal points keep their order.

    Args:
        points: lon/lat of one point per grid, shape (n, 2), degrees.

    Returns:
        Indexes into `points`: the first is number 1.
    """
    lonlat = np.asarray(points, dtype=float).reshape(-1, 2)
    if len(lonlat) < 2:
        return list(range(len(lonlat)))
    west_east = lonlat[:, 0] * np.cos(np.radians(lonlat[:, 1].mean()))
    north_south = -lonlat[:, 1]
    row_height = 0.5 * _spacing(float(np.ptp(west_east)), float(np.ptp(north_south)), len(lonlat))
    rows = np.zeros(len(lonlat), dtype=int)
    row, top = 0, -np.inf
    for index in np.argsort(north_south, kind="stable"):
        if north_south[index] > top + row_height:
            row, top = row + 1, north_south[index]
        rows[index] = row
    return [int(index) for index in np.lexsort((north_south, west_east, rows))]


def _spacing(width: float, height: float, count: int) -> float:
    """The distance between neighbours if `count` points stood on a square lattice in that box.

    Solves (width/s + 1)(height/s + 1) = count for s.
    """
    half = width + height
    return (half + float(np.sqrt(half**2 + 4 * (count - 1) * width * height))) / (2 * (count - 1))


def new_identity(rng: Random) -> str:
    """Draw a digital identity: 10 Crockford base-32 characters and a check character, in capitals.

    The check is the number modulo 37; draws whose check would be one of `*~$=U` are repeated, so that an identity is
    letters and digits only. Give `random.SystemRandom()` for real ones, a seeded `Random` for demo data.
    """
    while True:
        number = rng.getrandbits(5 * _IDENTITY_LENGTH)
        check = number % _CHECK_MODULUS
        if check < len(CROCKFORD):
            return _base32(number, _IDENTITY_LENGTH) + CROCKFORD[check]


def check_identity(text: str) -> str:
    """The normal form of an identity as typed: case does not matter, i and l are read as 1, o as 0.

    Any one wrong character and any two neighbours swapped are caught.

    Raises:
        CodeError: wrong length, a character that is not used, or a check character that does not fit.
    """
    typed = text.strip()
    values = [_VALUE.get(character, -1) for character in typed.upper()] if typed.isascii() else []
    if len(values) != _IDENTITY_LENGTH + 1 or min(values) < 0:
        raise CodeError(f"{_quoted(text)} is no identity: {_IDENTITY_LENGTH + 1} letters and digits, without u")
    if _number(values[:-1]) % _CHECK_MODULUS != values[-1]:
        raise CodeError(f"{_quoted(text)} is no identity: the check character does not fit, a character is mistyped")
    return "".join(CROCKFORD[value] for value in values)


def new_unit_id(rng: Random) -> str:
    """Draw the identity of a unit: "g" and 6 Crockford base-32 characters in small letters, such as `g7k2m0q`."""
    return "g" + _base32(rng.getrandbits(30), 6).lower()


def _base32(number: int, length: int) -> str:
    return "".join(CROCKFORD[number >> 5 * place & 31] for place in reversed(range(length)))


def _number(values: Sequence[int]) -> int:
    number = 0
    for value in values:
        number = number * len(CROCKFORD) + value
    return number


def _quoted(text: str) -> str:
    """Text from outside, safe and short enough to stand in a message."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
