"""Gathers what one thematic map holds, for any renderer: read, counted, classed; no HTML, no Folium."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gismap.i18n import Language, say
from gismap.themes.counting import unit_numbers
from gismap.themes.document import district_title, drawn_places, write_document
from gismap.themes.fills import fill_of
from gismap.themes.queries import Extent
from gismap.themes.rows import read_rows
from gismap.themes.specs import Theme


@dataclass(frozen=True, slots=True)
class MapContent:
    """All that a renderer needs: the document as JSON text, the points to cluster, and where to look."""

    title: str
    bounds: tuple[float, float, float, float]  # west, south, east, north
    levels: Sequence[int]
    points: Sequence[tuple[float, float, int]]  # lat, lon, position in the document's places
    document: str


def gather(connection: Connection, theme: Theme, extent: Extent, language: Language, *, persons: bool) -> MapContent:
    """Read and assemble a map; without `persons` posts are counted and no name or phone is read.

    Raises:
        NothingPublishedError: there are no grids on any day.
        NotFoundError: there are none on that day.
    """
    rows = read_rows(connection, theme, extent, persons=persons)
    numbers = unit_numbers(rows)
    fill = fill_of(theme, numbers, language)
    bounds = rows.bounds
    return MapContent(
        title=f"{district_title(rows, language)} · {say(f'theme.{theme.name}', language)}",
        bounds=(bounds.west, bounds.south, bounds.east, bounds.north),
        levels=sorted({row.level for row in rows.units}),
        points=[(float(row.lat), float(row.lon), index) for index, row in enumerate(drawn_places(rows, theme))],
        document=write_document(rows, numbers, fill, theme, extent, language, persons=persons),
    )
