"""Many positions at once: rows of a list to answers, each the very one that `locate` would give; files are not here.

Frames and owners are found for a chunk of rows at once, in arrays. All rows are answered from one view, so that no
publication that happens meanwhile divides a list.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from gismap.errors import BadInputError, GismapError
from gismap.geometry.datums import (
    Frame,
    check_near,
    check_zone,
    parse_frame,
    plausible_positions,
    read_position,
    to_cgcs2000,
)
from gismap.geometry.detective import fitting_frames
from gismap.geometry.errors import CrsError, GeometryError
from gismap.i18n import Language, say
from gismap.locating.held import Bounds
from gismap.locating.service import AUTO, Position, Question, View, answer, check_accuracy

CHUNK = 2_000
"""Rows at once: enough for arrays to pay, few enough that an answer soon begins and a cancelled one soon ends."""

SAMPLE = 20_000
"""Rows from which their frame is told."""

MAX_SHOWN = 40
"""Characters of a cell that an error repeats."""

FRAME_WORDS = {
    "国家2000": "cgcs2000", "2000国家大地坐标系": "cgcs2000", "大地2000": "cgcs2000", "cgcs2000坐标系": "cgcs2000",
    "火星坐标": "gcj02", "火星坐标系": "gcj02", "国测局": "gcj02", "高德": "gcj02", "高德坐标": "gcj02", 
    "腾讯": "gcj02", "百度": "bd09", "百度坐标": "bd09", "百度坐标系": "bd09", "gps": "wgs84",
}  # fmt: skip
"""What lists call frames beside the names that everything else takes."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

Cell = Any
"""Of a list: text, a number, None; of JSON anything."""


class Asked(NamedTuple):
    """The cells of a row that say where something is: a position or, where it has none, words; `trouble` where it is
    known that the row cannot be read.
    """

    x: Cell
    y: Cell
    crs: Cell = None
    accuracy: Cell = None
    trouble: str | None = None
    words: Cell = None

    @property
    def is_in_words(self) -> bool:
        """Whether the row is located by its words."""
        return self.trouble is None and _is_blank(self.x) and _is_blank(self.y) and not _is_blank(self.words)


@dataclass(frozen=True, slots=True)
class Order:
    """What holds for all rows that do not say otherwise, and how they are answered."""

    crs: str
    accuracy_m: float | None
    language: Language
    far_km: float
    may_call: Callable[[str], bool]


FindWords = Callable[[View, Question, Callable[[str], bool]], dict[str, Any]]
"""What answers a question in words."""

Told = dict[str, Any]
"""What is added to a row, by `COLUMNS`: flat, so that a chunk of them costs the garbage collector nothing."""


class Asker:
    """Answers rows from one view; knows the frames that were named so far.

    Raises:
        CrsError: the frame for all rows is unknown.
        BadInputError: the accuracy for all rows is none.
    """

    def __init__(self, view: View, order: Order, find_words: FindWords) -> None:
        check_accuracy(order.accuracy_m)
        self._view, self._order, self._find_words = view, order, find_words
        self._frames: dict[str, Frame | str] = {}
        self._usual = parse_frame(order.crs)

    def answers(self, rows: Sequence[Asked]) -> list[Told]:
        """What `locate` answers to each row, or why it cannot, in their order."""
        read = [self._read(row) for row in rows]
        answers = [_refused(one) if isinstance(one, str) else {} for one in read]
        for number, row in enumerate(rows):
            if row.is_in_words:
                answers[number] = self._in_words(str(row.words))
        by_frame: dict[Frame, list[int]] = {}
        for number, one in enumerate(read):
            if not isinstance(one, str):
                by_frame.setdefault(one[2], []).append(number)
        found: list[tuple[int, Position]] = []
        for frame, numbers in by_frame.items():
            self._place(frame, [(number, read[number]) for number in numbers], found, answers)  # type: ignore[misc]
        self._answer(found, answers)
        return answers

    def _read(self, row: Asked) -> tuple[float, float, Frame, float | None] | str:
        """The numbers and the frame of a row, or what is wrong with them."""
        if row.trouble is not None:
            return row.trouble
        try:
            x, y = read_number(row.x, "x"), read_number(row.y, "y")
            accuracy = self._order.accuracy_m if _is_blank(row.accuracy) else read_number(row.accuracy, "accuracy")
            check_accuracy(accuracy)
        except BadInputError as error:
            return error.detail
        frame = self._usual if _is_blank(row.crs) else self._frame(str(row.crs))
        return frame if isinstance(frame, str) else (x, y, frame, accuracy)

    def _in_words(self, words: str) -> Told:
        order = self._order
        question = Question(0.0, 0.0, "cgcs2000", self._view.day, None, order.language, order.far_km, words)
        try:
            return _told(self._find_words(self._view, question, order.may_call))
        except (GismapError, GeometryError) as error:
            return _refused(error.detail)

    def _frame(self, name: str) -> Frame | str:
        known = self._frames.get(name)
        if known is None:
            word = unicodedata.normalize("NFKC", name).strip()
            try:
                known = parse_frame(FRAME_WORDS.get(word.lower(), word) if len(word) <= 200 else word[:200])
            except GeometryError as error:
                known = error.detail
            if len(self._frames) < 1_000:  # a list of nonsense is not kept
                self._frames[name] = known
        return known

    def _place(
        self,
        frame: Frame,
        rows: Sequence[tuple[int, tuple[float, float, Frame, float | None]]],
        found: list[tuple[int, Position]],
        answers: list[Told],
    ) -> None:
        """Positions in one frame to degrees; what cannot be is told as `read_position` tells it."""
        xs, ys = np.array([row[0] for _, row in rows]), np.array([row[1] for _, row in rows])
        lons, lats = to_cgcs2000(xs, ys, frame)
        good = plausible_positions(lons, lats)
        if frame.in_degrees:
            good &= plausible_positions(xs, ys)
        west, south, east, north = self._view.boundaries.bounds or (-math.inf, -math.inf, math.inf, math.inf)
        near = (lons >= west) & (lons <= east) & (lats >= south) & (lats <= north)
        places = zip(rows, lons.tolist(), lats.tolist(), (good & near).tolist(), strict=True)
        for (number, (x, y, _, accuracy)), lon, lat, is_near in places:
            try:
                if not is_near:
                    lon, lat = read_position(x, y, frame)  # noqa: PLW2901
                elif not frame.in_degrees:
                    check_zone(x, frame)
                if not is_near and self._view.boundaries.bounds is not None:
                    check_near(lon, lat, self._view.boundaries.bounds, self._order.far_km)
            except (GismapError, GeometryError) as error:
                answers[number] = _refused(error.detail)
            else:
                found.append((number, Position(lon, lat, frame.name, accuracy)))

    def _answer(self, found: Sequence[tuple[int, Position]], answers: list[Told]) -> None:
        lons, lats = [at.lon for _, at in found], [at.lat for _, at in found]
        points, leaves = self._view.boundaries.locator.pairs(lons, lats)
        starts = np.searchsorted(points, np.arange(len(found) + 1)).tolist()
        owners = leaves.tolist()
        for k, (number, at) in enumerate(found):
            own = owners[starts[k] : starts[k + 1]]
            answers[number] = _told(answer(self._view, at, self._order.language, self._order.may_call, own))


def settled(order: Order, rows: Iterable[Asked], bounds: Bounds | None) -> Order:
    """The order with the frame that the rows are in, where it asks for `auto`: the only one that fits the district.

    Raises:
        CrsError: none fits, or several, of which one must be named; or x and y are swapped.
    """
    if order.crs != AUTO:
        return order
    numbers = [one for row in islice(rows, SAMPLE) if _is_blank(row.crs) and (one := _numbers(row)) is not None]
    if not numbers:  # words, or nothing that could be located
        return replace(order, crs="cgcs2000")
    fits = fitting_frames([x for x, _ in numbers], [y for _, y in numbers], bounds) if bounds else []
    names = ", ".join(fit.hypothesis.frame.name for fit in fits)
    if len(fits) != 1:
        told = f"several frames put the rows into the district ({names})" if fits else "no frame puts the rows there"
        raise CrsError(f"{told}: name the one they are in", field="crs")
    if fits[0].hypothesis.swapped:
        raise CrsError(f"the rows fit {names} with x and y swapped: name their columns, x=…,y=…", field="columns")
    return replace(order, crs=names)


def _numbers(row: Asked) -> tuple[float, float] | None:
    try:
        return read_number(row.x, "x"), read_number(row.y, "y")
    except BadInputError:
        return None


def read_number(cell: Cell, what: str) -> float:
    """The number in a cell, also where it was typed in full-width digits.

    Raises:
        BadInputError: empty, or no finite number.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        try:
            number = float(cell)
        except OverflowError:
            number = math.inf
    elif _is_blank(cell):
        raise BadInputError(f"{what} is empty", field=what)
    else:
        text = unicodedata.normalize("NFKC", str(cell)[:400]).strip()
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        shown = str(cell)
        shown = shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + "…"
        raise BadInputError(f"{what}={shown!r} is no number", field=what)
    return number


def _is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Rows in lists of `CHUNK`; one empty list where there are none, so that a file always has its heading."""
    remaining = iter(rows)
    chunk = list(islice(remaining, CHUNK))
    yield chunk
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


COLUMNS = (
    "verdict", "grid_code", "grid_name", "community", "town", "primary", "primary_phone", "backup", "backup_phone",
    "border_m", "lon", "lat", "source_crs", "revision", "as_of", "place", "why", "error",
)  # fmt: skip
"""What is added to each row, by its name in JSON; the catalogue has the headings of tables."""


def _refused(why: str) -> Told:
    return dict.fromkeys(COLUMNS) | {"error": why}


def _told(given: dict[str, Any]) -> Told:
    """An answer as the columns that are added to its row."""
    grid, staff = given["grid"] or {}, given["staff"]
    above = {unit["level"]: unit["name"] for unit in given["chain"]}
    primary, backup = staff["primary"] or {}, staff["backup"] or {}
    matches, point = given.get("matches") or [{}], given["point"] or {}
    return {
        "verdict": given["verdict"],
        "grid_code": grid.get("code"),
        "grid_name": grid.get("name"),
        "community": above.get(3),
        "town": above.get(2),
        "primary": primary.get("name"),
        "primary_phone": primary.get("phone"),
        "backup": backup.get("name"),
        "backup_phone": backup.get("phone"),
        "border_m": given["border"] and given["border"]["distance_m"],
        "lon": point.get("lon"),
        "lat": point.get("lat"),
        "source_crs": point.get("source_crs"),
        "revision": given["revision"],
        "as_of": given["as_of"],
        "place": matches[0].get("text"),
        "why": given["why"],
        "error": None,
    }


def headings(language: Language) -> list[str]:
    """The headings of the added columns in a table."""
    return [say(f"batch.{column}", language) for column in COLUMNS]
