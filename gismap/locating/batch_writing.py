"""Lists with their answers in the form that is wanted, in pieces; what the answers are is not decided here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import orjson

from gismap.i18n import Language, say
from gismap.locating.batch import COLUMNS, Asker, Cell, Told, chunks, headings
from gismap.locating.batch_columns import Places
from gismap.locating.batch_reading import Listing, Row
from gismap.spreadsheets import SHEET_TYPE, csv_pieces, sheet_pieces

Form = Literal["csv", "xlsx", "json", "jsonl", "geojson"]

MEDIA_TYPES: dict[Form, str] = {
    "csv": "text/csv",
    "xlsx": SHEET_TYPE,
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "geojson": "application/geo+json",
}

VERDICTS = ("certain", "boundary", "gap", "outside", "override", "disputed")

Answered = tuple[Row, Told]


@dataclass(slots=True)
class Tally:
    """How many rows came to which verdict; `error`: not answered. `on_rows` hears of each chunk that is done."""

    on_rows: Callable[[int], None] = lambda _rows: None
    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many there were."""
        return sum(self.verdicts.values())

    def add(self, answers: Sequence[Told]) -> None:
        """Count a chunk."""
        for one in answers:
            verdict = one["verdict"] or "error"
            self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        self.on_rows(len(answers))


def located(listing: Listing, places: Places, asker: Asker, tally: Tally) -> Iterator[list[Answered]]:
    """The rows of a list with what is added to each, a chunk at a time."""
    for rows in chunks(listing.rows()):
        answers = asker.answers([places.asked(row) for row in rows])
        tally.add(answers)
        yield list(zip(rows, answers, strict=True))


def write_pieces(
    form: Form, listing: Listing, answered: Iterator[list[Answered]], language: Language
) -> Iterator[bytes]:
    """The list in a form, with its own columns first."""
    if form in ("csv", "xlsx"):
        columns = [*listing.columns, *_unlike(headings(language), listing.columns)]
        verdicts = {None: None} | {name: say(f"verdict.{name}", language) for name in VERDICTS}
        is_json = listing.kind == "json"
        tables = (
            [
                [*(_flat(row.cells) if is_json else row.cells), verdicts[answer["verdict"]], *list(answer.values())[1:]]
                for row, answer in chunk
            ]
            for chunk in answered
        )
        return csv_pieces(columns, tables) if form == "csv" else sheet_pieces(columns, tables)
    own = [column or f"column {number}" for number, column in enumerate(listing.columns, 1)]
    names = [*own, *_unlike(COLUMNS, own)]
    return _json_pieces(form, names, answered)


def _unlike(added: Sequence[str], own: Sequence[str]) -> list[str]:
    """Names of added columns, those that the list has already with a number behind them."""
    names = []
    for name in added:
        fresh, number = name, 2
        while fresh in own:
            fresh, number = f"{name} {number}", number + 1
        names.append(fresh)
    return names


def _flat(cells: list[Cell]) -> list[Cell]:
    """Cells of JSON for a table: what holds other values becomes text."""
    return [orjson.dumps(cell, default=str).decode() if isinstance(cell, dict | list) else cell for cell in cells]


def _json_pieces(form: Form, names: Sequence[str], answered: Iterator[list[Answered]]) -> Iterator[bytes]:
    opening, between, ending = {
        "json": (b"[", b",\n", b"]\n"),
        "jsonl": (b"", b"\n", b"\n"),
        "geojson": (b'{"type":"FeatureCollection","features":[', b",\n", b"]}\n"),
    }[form]
    yield opening
    is_first = True
    for pieces in answered:
        lines = [_dumped(form, dict(zip(names, chain(row.cells, answer.values()), strict=True)), answer)
                 for row, answer in pieces]  # fmt: skip
        if lines:
            yield (b"" if is_first else between) + between.join(lines)
            is_first = False
    yield ending


def _dumped(form: Form, properties: dict[str, Any], answer: Told) -> bytes:
    if form != "geojson":
        return orjson.dumps(properties, default=str)
    is_placed = answer["lon"] is not None
    geometry = {"type": "Point", "coordinates": [answer["lon"], answer["lat"]]} if is_placed else None
    return orjson.dumps({"type": "Feature", "geometry": geometry, "properties": properties}, default=str)
