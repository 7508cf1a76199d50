"""The wire shapes of plans: bodies become edits and questions; what they do is elsewhere."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt
from shapely import LineString, MultiPolygon

from gismap.boundaries import plan_operations as operations
from gismap.boundaries.values import GridKind, ZoneType
from gismap.errors import BadInputError
from gismap.geometry.datums import check_position
from gismap.geometry.shapes import AREAS, LINES, shape_from_geojson
from gismap.http import AnyText, Day, Finite, Parameters, Text
from gismap.planning.rebasing import Prefer

MAX_SAID = 2_000
MAX_UNITS = 100

LonLat = Annotated[list[Finite], Field(min_length=2, max_length=2)]
Units = Annotated[list[Text], Field(min_length=2, max_length=MAX_UNITS)]
Names = Annotated[list[Text], Field(max_length=MAX_UNITS)]
Level = Annotated[StrictInt, Field(ge=1, le=5)]


class NewPlanBody(Parameters):
    """`POST /api/plans`."""

    title: Text
    about: Text | None = Field(None, description="Code or identity of the unit that it is about; none: the district")
    needs_signoff: StrictBool = False


class ReplaceBody(Parameters):
    """New land for a grid."""

    op: Literal["replace"]
    unit: Text
    geom: Any = Field(description="GeoJSON Polygon or MultiPolygon")

    def edit(self, max_vertices: int) -> operations.Edit:
        return operations.Replace(self.unit, _land(self.geom, max_vertices))


class SplitBody(Parameters):
    """A grid cut by a line."""

    op: Literal["split"]
    unit: Text
    line: Any = Field(description="GeoJSON LineString that enters and leaves the grid")
    names: Names = Field(default_factory=list)

    def edit(self, max_vertices: int) -> operations.Edit:
        return operations.Split(self.unit, _line(self.line, max_vertices), self.names)


class MergeBody(Parameters):
    """Grids joined into the first of them."""

    op: Literal["merge"]
    units: Units
    name: Text | None = None

    def edit(self, _: int) -> operations.Edit:
        return operations.Merge(self.units, self.name)


class ReshapeBody(Parameters):
    """Another border between two neighbours."""

    op: Literal["reshape"]
    unit: Text
    other: Text
    line: Any = Field(description="GeoJSON LineString across both of them together")

    def edit(self, max_vertices: int) -> operations.Edit:
        return operations.Reshape(self.unit, self.other, _line(self.line, max_vertices))


class VertexBody(Parameters):
    """A corner moved for all grids that have it."""

    op: Literal["vertex"]
    at: LonLat
    to: LonLat

    def edit(self, _: int) -> operations.Edit:
        for lon, lat in (self.at, self.to):
            check_position(lon, lat)
        return operations.MoveVertex((self.at[0], self.at[1]), (self.to[0], self.to[1]))


class SetBody(Parameters):
    """Attributes of a unit: those that are given."""

    op: Literal["set"]
    unit: Text
    name: Text | None = None
    code: Text | None = None
    division_code: Text | None = None
    parent: Text | None = None
    kind: GridKind | None = None
    zone_type: ZoneType | None = None
    governance_mode: AnyText | None = None

    def edit(self, _: int) -> operations.Edit:
        given = self.model_fields_set - {"op", "unit"}
        for name in ("name", "kind", "parent"):
            if name in given and getattr(self, name) is None:
                raise BadInputError("cannot be nothing", field=name)
        return operations.Put(self.unit, {name: getattr(self, name) for name in sorted(given)})


class AddBody(Parameters):
    """A new unit, a grid where it has land."""

    op: Literal["add"]
    name: Text
    level: Level
    parent: Text | None = None
    code: Text | None = None
    division_code: Text | None = None
    kind: GridKind = GridKind.GENERAL
    zone_type: ZoneType | None = None
    geom: Any = None

    def edit(self, max_vertices: int) -> operations.Edit:
        land = None if self.geom is None else _land(self.geom, max_vertices)
        return operations.Add(
            self.name, self.level, self.parent, self.code, self.division_code, self.kind, self.zone_type, land
        )


class RetireBody(Parameters):
    """A unit without children ends."""

    op: Literal["retire"]
    unit: Text

    def edit(self, _: int) -> operations.Edit:
        return operations.Retire(self.unit)


EditBody = Annotated[
    ReplaceBody | SplitBody | MergeBody | ReshapeBody | VertexBody | SetBody | AddBody | RetireBody,
    Field(discriminator="op"),
]


class LockBody(Parameters):
    """`POST …/lock`: of the plan against other planners, or of one unit against all edits."""

    unit: Text | None = None
    reason: AnyText = ""


class LockQuery(Parameters):
    """`DELETE …/lock`."""

    unit: Text | None = None


class CommentBody(Parameters):
    """`POST …/comments`."""

    said: Annotated[Text, Field(max_length=MAX_SAID)]
    unit: Text | None = None


class SignBody(Parameters):
    """`POST …/signoffs`."""

    unit: Text
    verdict: Literal["agree", "object"]
    reason: Text | None = None


class RebaseBody(Parameters):
    """`POST …/rebase`."""

    prefer: Prefer | None = None


class PublishBody(Parameters):
    """`POST …/publish`."""

    effective_from: Day
    reason: Text
    outline_authority: Text | None = None


class DifferenceQuery(Parameters):
    """`GET …/difference`."""

    other: Text | None = Field(None, description="Another plan; what is published when none is given")


def _land(value: object, max_vertices: int) -> MultiPolygon:
    shape = shape_from_geojson(value, kinds=AREAS, max_vertices=max_vertices)
    return shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])


def _line(value: object, max_vertices: int) -> LineString:
    shape = shape_from_geojson(value, kinds=LINES, max_vertices=max_vertices, field="line")
    if isinstance(shape, LineString):
        return shape
    raise BadInputError("give one line", field="line")
