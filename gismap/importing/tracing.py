"""In which frame a file is, from things in it that are known here by name or address; nothing is imported."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gismap.errors import BadInputError
from gismap.geometry.detective import Finding, Hypothesis, detect
from gismap.importing import queries
from gismap.importing.fields import KEY
from gismap.importing.forms import FORMS
from gismap.importing.mapping import map_columns
from gismap.importing.placing import with_shapes
from gismap.importing.preparing import Order
from gismap.importing.reading import read_table
from gismap.importing.values import Objects, Table


@dataclass(frozen=True, slots=True)
class Trace:
    """How many rows a file has, and what those that are known here tell of its frame."""

    rows: int
    finding: Finding


def trace_frame(connection: Connection, order: Order, as_of: date) -> Trace:
    """What frame a file's positions are in, by what is known of the same things on that day.

    Raises:
        BadInputError: the file cannot be read, or has no positions, names or addresses.
    """
    table = read_table(order.path, "buildings", order.sheet)
    given = {**order.columns, **({KEY: order.key} if order.key else {})}
    columns = map_columns(table, FORMS["buildings"], given, None).columns
    if not {"name", "address"} & columns.keys():
        raise BadInputError(
            "the file has no column of names or addresses to know things by; name it with --columns name=…",
            field="columns",
        )
    placed = table if table.geom is not None else with_shapes(table, columns)
    assert placed.geom is not None
    known = _known(connection, as_of)
    rows, places = _matches(placed, columns, known)
    x, y = _positions(placed.geom[rows])
    lon, lat = (np.array([place[axis] for place in places], dtype=np.float64) for axis in (0, 1))
    return Trace(len(table), detect(x, y, lon, lat))


def describe(hypothesis: Hypothesis) -> str:
    """A frame as a person would name it, and what `--crs` takes."""
    parts = [hypothesis.frame.name]
    if hypothesis.meridian is not None:
        zone = "with zone" if hypothesis.prefixed else "without zone"
        parts.append(f"Gauss–Krüger around {hypothesis.meridian}° E {zone}")
    if hypothesis.same:
        parts.append(f"the same as {', '.join(hypothesis.same)}")
    if hypothesis.swapped:
        parts.append("x and y swapped")
    return ", ".join(parts)


def _known(connection: Connection, as_of: date) -> dict[str, tuple[float, float]]:
    """Where things are that bear a name or address alone."""
    found: dict[str, tuple[float, float]] = {}
    many = Counter[str]()
    for row in connection.execute(text(queries.KNOWN_PLACES), {"as_of": as_of}):
        many[row.called] += 1
        found[row.called] = (row.lon, row.lat)
    return {called: place for called, place in found.items() if many[called] == 1}


def _matches(
    table: Table, columns: Mapping[str, str], known: Mapping[str, tuple[float, float]]
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """The rows that are known by their name, else by their address, and where they are."""
    rows: dict[int, tuple[float, float]] = {}
    for field in ("address", "name"):  # a name tells more than an address
        if field not in columns:
            continue
        values = [None if value is None else str(value).strip() for value in table.columns[columns[field]]]
        times = Counter(value for value in values if value)
        for number, value in enumerate(values):
            if value is not None and times[value] == 1 and value in known:
                rows[number] = known[value]
    return np.array(sorted(rows), dtype=np.intp), [rows[number] for number in sorted(rows)]


def _positions(geom: Objects) -> tuple[np.ndarray, np.ndarray]:
    points = shapely.centroid(geom)
    return shapely.get_x(points), shapely.get_y(points)
