"""What travels between the steps of an import: a table as it was read, and rows that were turned away; plain values."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gismap.geometry.datums import Frame

Objects = NDArray[np.object_]

MAX_VERTICES = 200_000
"""Of one shape in a file."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that cannot be imported: its number in the file, the column at fault, and the cause with the remedy."""

    row: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read: one array per column (None where empty), `rows` with the row numbers that the user sees.

    `geom` holds shapes as they came, in the frame `crs`; it is None for spreadsheets, whose positions stand in columns.
    `crs` is None where the file does not say.
    """

    columns: dict[str, Objects]
    rows: NDArray[np.int64]
    geom: Objects | None = None
    crs: str | None = None
    rejections: list[Rejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def taken(self, keep: NDArray[np.bool_]) -> "Table":
        """The rows where `keep` holds."""
        columns = {name: values[keep] for name, values in self.columns.items()}
        geom = None if self.geom is None else self.geom[keep]
        return Table(columns, self.rows[keep], geom, self.crs, self.rejections)


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """A table whose shapes are in EPSG:4490; `reported` holds them as they came, where they were transformed."""

    columns: dict[str, Objects]
    rows: NDArray[np.int64]
    geom: Objects
    reported: Objects | None
    frame: Frame
    rejections: list[Rejection]


def objects(values: Any) -> Objects:
    """A one-dimensional array of Python objects, also of sequences and shapes."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
