"""The wire shapes of questions about elements, and how they become a `Question`."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, StrictBool, StrictInt, Tag, model_validator
from sqlalchemy import Connection

from gismap.elements.questions import Filter, Nearest, Position, Question, Range, decode_cursor
from gismap.elements.service import canonical_layers, street_corridor, unit_area
from gismap.errors import BadInputError
from gismap.geometry.datums import check_position
from gismap.geometry.shapes import AREAS, LINES, shape_from_geojson
from gismap.http import AnyText, Day, Finite, Parameters, Text, names_in
from gismap.store.area import Area, BoxArea, CircleArea, CorridorArea, PolygonArea

MAX_LIMIT = 1000
MAX_RADIUS_M = 100_000.0
MAX_HALF_WIDTH_M = 5_000.0
MAX_LINE_DEGREES = 10.0
"""No district is that wide, and a line halfway round the globe has no shortest way."""
MAX_NAMES = 50

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
StrictLimit = Annotated[StrictInt, Field(ge=1, le=MAX_LIMIT)]
Names = Annotated[list[Text], Field(min_length=1, max_length=MAX_NAMES)]
OneOrMore = Annotated[Names, BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
LonLat = Annotated[list[Finite], Field(min_length=2, max_length=2)]
Cursor = Annotated[str, Field(max_length=400)]


class ResourcesQuery(Parameters):
    """`GET /api/resources`: lists are separated by commas; `grid` is another name for `unit`."""

    unit: Text | None = None
    grid: Text | None = None
    bbox: Text | None = Field(None, description="west,south,east,north in degrees")
    layers: Text | None = None
    category: Text | None = None
    name: Text | None = None
    as_of: Day | None = None
    counts: bool = False
    limit: Limit = 100
    cursor: Cursor | None = None

    def question(self, connection: Connection, today: date) -> Question:
        """The question asked, its unit looked up."""
        if self.unit and self.grid:
            raise BadInputError("give unit or grid, not both: they mean the same", field="grid")
        as_of, after = day_and_place(self.as_of, self.cursor, today)
        areas: list[Area] = []
        key = self.unit or self.grid
        if key:
            areas.append(unit_area(connection, key, as_of, field="unit" if self.unit else "grid"))
        if self.bbox:
            areas.append(box_area(_numbers(self.bbox)))
        filter_ = Filter(
            canonical_layers(names_in(self.layers, "layers")), names_in(self.category, "category"), self.name
        )
        return Question(as_of, areas, filter_, counts=self.counts, limit=self.limit, after=after)


class Circle(Parameters):
    """All within `radius_m` metres of `center` [lon, lat]."""

    center: LonLat
    radius_m: Annotated[Finite, Field(gt=0, le=MAX_RADIUS_M)]


class Corridor(Parameters):
    """All within `half_width_m` metres of a named street or a line."""

    street: Text | None = None
    line: Any = Field(None, description="GeoJSON geometry, or its coordinates")
    half_width_m: Annotated[Finite, Field(gt=0, le=MAX_HALF_WIDTH_M)]

    @model_validator(mode="after")
    def _has_one(self) -> "Corridor":
        if (self.street is None) == (self.line is None):
            raise ValueError("give either street or line")
        return self


class AreaBody(Parameters):
    """An area, in exactly one of its forms."""

    unit: Text | None = None
    bbox: Annotated[list[Finite], Field(min_length=4, max_length=4)] | None = None
    polygon: Any = Field(None, description="GeoJSON geometry, or its coordinates")
    circle: Circle | None = None
    corridor: Corridor | None = None

    @model_validator(mode="after")
    def _has_one(self) -> "AreaBody":
        if len(self.model_fields_set) != 1 or getattr(self, next(iter(self.model_fields_set))) is None:
            raise ValueError("give exactly one of unit, bbox, polygon, circle, corridor")
        return self

    def area(self, connection: Connection, as_of: date, max_vertices: int) -> Area:
        """The area meant, names looked up and shapes checked."""
        if self.unit is not None:
            return unit_area(connection, self.unit, as_of)
        if self.bbox is not None:
            return box_area(self.bbox)
        if self.polygon is not None:
            return PolygonArea(_shape(self.polygon, "Polygon", AREAS, max_vertices, "area.polygon"))
        if self.circle is not None:
            lon, lat = self.circle.center
            check_position(lon, lat)
            return CircleArea(lon, lat, self.circle.radius_m)
        assert self.corridor is not None
        if self.corridor.street is not None:
            return street_corridor(connection, self.corridor.street, self.corridor.half_width_m)
        line = _shape(self.corridor.line, "LineString", LINES, max_vertices, "area.corridor.line")
        west, south, east, north = line.bounds
        if max(east - west, north - south) > MAX_LINE_DEGREES:
            raise BadInputError(f"the line is wider than {MAX_LINE_DEGREES:g} degrees", field="area.corridor.line")
        return CorridorArea(line, self.corridor.half_width_m)


class RangeBody(Parameters):
    """A closed range; one end may be left open."""

    min: Finite | None = None
    max: Finite | None = None

    def range(self) -> Range:
        return Range(self.min, self.max)


def _kind_of(value: object) -> str | None:
    match value:
        case dict() | RangeBody():
            return "range"
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case str():
            return "text"
    return None


Wanted = Annotated[
    Annotated[RangeBody, Tag("range")]
    | Annotated[StrictBool, Tag("flag")]
    | Annotated[Finite, Tag("number")]
    | Annotated[AnyText, Tag("text")],
    Discriminator(
        _kind_of,
        custom_error_type="attribute",
        custom_error_message="must be text, a number, true, false, or a range with min and max",
    ),
]
"""What an attribute must be: equal to a value, or a number in a range."""


class FilterBody(Parameters):
    """What elements must be like."""

    layers: Names | None = None
    category: OneOrMore | None = Field(None, description="one category, or a list of them")
    name: Text | None = None
    attributes: dict[Text, Wanted] = Field({}, max_length=MAX_NAMES)
    floors: RangeBody | None = None
    households: RangeBody | None = None
    use: Text | None = None

    def filter(self) -> Filter:
        """The filter meant."""
        attributes = {
            key: value.range() if isinstance(value, RangeBody) else value for key, value in self.attributes.items()
        }
        return Filter(
            layers=canonical_layers(self.layers),
            categories=self.category,
            name=self.name,
            attributes=attributes,
            floors=self.floors.range() if self.floors else None,
            households=self.households.range() if self.households else None,
            use=self.use,
        )


class NearestBody(Parameters):
    """The `k` elements nearest to `point` [lon, lat]; nearest first, one page."""

    point: LonLat
    k: StrictLimit = 10


class SearchBody(Parameters):
    """`POST /api/resources/search`."""

    area: AreaBody | None = None
    filter: FilterBody = FilterBody()
    nearest: NearestBody | None = None
    as_of: Day | None = None
    counts: StrictBool = False
    limit: StrictLimit = 100
    cursor: Cursor | None = None

    def question(self, connection: Connection, today: date, max_vertices: int) -> Question:
        """The question asked, names looked up and shapes checked."""
        as_of, after = day_and_place(self.as_of, self.cursor, today)
        if self.nearest and after:
            raise BadInputError("the nearest come in one page", field="cursor")
        return Question(
            as_of,
            [self.area.area(connection, as_of, max_vertices)] if self.area else [],
            self.filter.filter(),
            nearest=_nearest(self.nearest),
            counts=self.counts,
            limit=self.limit,
            after=after,
        )


def _nearest(body: NearestBody | None) -> Nearest | None:
    if body is None:
        return None
    lon, lat = body.point
    check_position(lon, lat)
    return Nearest(lon, lat, body.k)


def day_and_place(as_of: date | None, cursor: str | None, today: date) -> tuple[date, Position | None]:
    """The day that is asked about and where the page begins; a cursor holds both.

    Raises:
        BadInputError: the cursor is not ours, or of another day than the one asked for.
    """
    if cursor is None:
        return as_of or today, None
    day, after = decode_cursor(cursor)
    if as_of is not None and as_of != day:
        raise BadInputError(f"the cursor belongs to a question about {day}", field="as_of")
    return day, after


def box_area(numbers: Sequence[float]) -> BoxArea:
    """A box from west, south, east, north in degrees.

    Raises:
        PositionError: a corner is no position.
        BadInputError: the sides are the wrong way round.
    """
    west, south, east, north = numbers
    check_position(west, south)
    check_position(east, north)
    if west > east or south > north:
        raise BadInputError("bbox is west,south,east,north: west ≤ east and south ≤ north", field="bbox")
    return BoxArea((west, south, east, north))


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BadInputError("bbox is four numbers: west,south,east,north", field="bbox") from error
    if len(numbers) != 4:
        raise BadInputError("bbox is four numbers: west,south,east,north", field="bbox")
    return numbers


def _shape(value: Any, plain_kind: str, kinds: frozenset[str], max_vertices: int, field: str) -> Any:
    geometry = {"type": plain_kind, "coordinates": value} if isinstance(value, list) else value
    return shape_from_geojson(geometry, kinds=kinds, max_vertices=max_vertices, field=field)
