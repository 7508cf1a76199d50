"""What can be asked of the elements in an area, as plain values, and the cursor that carries on a page."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import orjson

from gismap.errors import BadInputError
from gismap.store.area import Area

CARE_PERSONS = "care_persons"
"""The layer whose rows are never features: only published counts leave the house."""

STREETS, GRIDS, STAFF = "streets", "grids", "staff"
"""`streets` and `grids` are tables of their own; all other layers are elements."""

ALIASES = {"key_persons": CARE_PERSONS}


@dataclass(frozen=True, slots=True)
class Range:
    """A closed range of numbers; None is open."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What elements must be like; None or empty asks nothing.

    `name` is contained in the shown name, whatever its case. `attributes` are equal, or numbers within a range;
    `floors`, `households` and `use` are those of buildings.
    """

    layers: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    name: str | None = None
    attributes: Mapping[str, str | bool | float | Range] = field(default_factory=dict)
    floors: Range | None = None
    households: Range | None = None
    use: str | None = None

    @property
    def is_of_layers_and_categories_only(self) -> bool:
        return not (self.name or self.attributes or self.floors or self.households or self.use)

    def wants(self, layer: str) -> bool:
        """Whether a layer is asked for; streets and grids only by name."""
        if self.layers is None:
            return layer not in {STREETS, GRIDS}
        return layer in self.layers


@dataclass(frozen=True, slots=True)
class Nearest:
    """The `k` elements nearest to a point in degrees, by metres on the ground."""

    lon: float
    lat: float
    k: int


@dataclass(frozen=True, slots=True)
class Position:
    """The last feature of a page: the next page begins after it."""

    layer: str
    id: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `areas` that are given all hold, none is the whole district.

    `territories` are the ranges of paths that the asker may see elements in; none is the whole district.
    """

    as_of: date
    areas: Sequence[Area] = ()
    filter: Filter = Filter()
    nearest: Nearest | None = None
    counts: bool = False
    limit: int = 100
    after: Position | None = None
    territories: Sequence[tuple[str, str]] = ()


_LAYER = re.compile(r"[a-z][a-z0-9_]{0,40}")
_ELEMENT = re.compile(r"[0-9A-Za-z]{1,40}")
_STREET = re.compile(r"s[0-9]{19}")


def encode_cursor(as_of: date, last: Position) -> str:
    """An opaque text that holds the day and the place, so that pages do not shift while data changes."""
    packed = orjson.dumps([as_of.isoformat(), last.layer, last.id])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> tuple[date, Position]:
    """The day and place in a cursor.

    Raises:
        BadInputError: the text is no cursor of ours.
    """
    try:
        packed = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        day, layer, identity = orjson.loads(packed)
        as_of = date.fromisoformat(day)
        if not (_LAYER.fullmatch(layer) and (_STREET if layer == STREETS else _ELEMENT).fullmatch(identity)):
            raise ValueError("no position")
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadInputError("this is no cursor: use `next` of the page before, unchanged", field="cursor") from error
    return as_of, Position(layer, identity)
