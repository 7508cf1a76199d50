"""Reads the rows that a map is made of, each kind with one statement; what becomes of them is decided elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, TextClause

from gismap.errors import NotFoundError
from gismap.themes import queries
from gismap.themes.queries import Extent
from gismap.themes.specs import Theme

MOST_OUTLINES = 6_000
"""Up to this many buildings are drawn with their outlines; above, a map counts them by unit."""

STREET_CLASSES = ("trunk", "primary", "secondary", "tertiary", "residential", "lane", "track")
WIDE_DEGREES = 0.25
"""A map wider than this leaves out lanes and tracks, which could not be told apart."""

COUNTED_PLACES = ("key_places", "service_stations")
"""Layers of points that the card of a unit counts on every map, whether or not it draws them."""

Rows = Sequence[Any]


class NothingPublishedError(NotFoundError):
    """The database holds no grids at all."""

    type = "nothing-published"


class NotYetError(NotFoundError):
    """Grids are published, and take effect after the day in question."""

    type = "not-yet"


@dataclass(frozen=True)
class MapRows:
    """What a map holds as it was read; `units` lists parents before children.

    `staff` counts persons and `teams` tells the posts of a unit: who stands in for a neighbour has two.
    """

    district: Any
    bounds: Any  # west, south, east, north
    units: Rows
    housing: Rows
    places: Rows
    staff: Rows
    teams: Rows
    care: Rows
    outlines: Rows
    streets: Rows
    street_names: Rows

    @cached_property
    def position(self) -> Mapping[str, int]:
        """By which number everything else refers to a unit."""
        return {row.unit_id: index for index, row in enumerate(self.units)}


def read_rows(connection: Connection, theme: Theme, extent: Extent, *, persons: bool) -> MapRows:
    """The rows of a map; without `persons` posts are counted and no name or phone is read.

    Raises:
        NothingPublishedError: there are no grids on any day.
        NotFoundError: there are none on that day.
    """

    def all_of(statement: TextClause, **values: object) -> Rows:
        return connection.execute(statement, {**extent.values, **values}).all()

    district = connection.execute(queries.DISTRICT, extent.values).one_or_none()
    units = all_of(queries.UNITS)
    if district is None or not units:
        raise _no_grids(connection, extent)
    bounds = connection.execute(queries.BOUNDS, extent.values).one()
    width = bounds.east - bounds.west
    classes = list(STREET_CLASSES[:-2] if width >= WIDE_DEGREES else STREET_CLASSES)
    drawn = {"classes": classes, **bounds._asdict()}
    housing = all_of(queries.HOUSING)
    has_outlines = "buildings" in theme.layers and sum(row.buildings for row in housing) <= MOST_OUTLINES
    layers = [*COUNTED_PLACES, *(["supplies"] if "supplies" in theme.layers else [])]
    return MapRows(
        district=district,
        bounds=bounds,
        units=units,
        housing=housing,
        places=all_of(queries.PLACES, layers=layers),
        staff=all_of(queries.STAFF),
        teams=all_of(queries.TEAMS if persons else queries.POSTS),
        care=all_of(queries.CARE) if "care_persons" in theme.layers else (),
        outlines=all_of(queries.OUTLINES) if has_outlines else (),
        streets=all_of(queries.STREETS, **drawn, tolerance=width / 8000),
        street_names=all_of(queries.STREET_NAMES, **drawn),
    )


def _no_grids(connection: Connection, extent: Extent) -> NotFoundError:
    first = connection.execute(queries.FIRST_DAY).scalar()
    if first is None:
        return NothingPublishedError("no grids are published yet")
    if first <= extent.as_of:
        return NotFoundError(f"there are no grids on {extent.as_of}", field="as_of")
    return NotYetError(f"there are no grids on {extent.as_of}: the first take effect on {first}", field="as_of")
