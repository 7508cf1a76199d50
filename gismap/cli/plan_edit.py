"""`gismap plan edit`: one change of a plan each, checked at once; what a plan is otherwise asked is in `plan`."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import shapely
import typer
from shapely import LineString, MultiPolygon

from gismap.boundaries import plan_operations as operations
from gismap.boundaries.values import GridKind, ZoneType
from gismap.cli.common import database_writing, print_json
from gismap.cli.plan import EXIT_FOUND, Author, PlanId, plan, who
from gismap.errors import BadInputError
from gismap.geometry.codes import parse_scheme
from gismap.geometry.datums import check_position
from gismap.geometry.shapes import AREAS, LINES, check_shape
from gismap.planning.editing import Outcome, edit_plan, turn_back
from gismap.settings import Settings, get_settings

edit = typer.Typer(help="Edit a plan: one change each, checked at once; undone by `undo`.", no_args_is_help=True)
plan.add_typer(edit, name="edit")

Unit = Annotated[str, typer.Argument(help="Code or key of a unit.", show_default=False)]
Line = Annotated[str, typer.Option(help="The line: 'lon lat, lon lat, …', WKT, or a GeoJSON file.", show_default=False)]


@edit.command(name="replace")
def edit_replace(
    plan_id: PlanId,
    unit: Unit,
    shape: Annotated[str, typer.Option(help="The new land: WKT, or a GeoJSON file.", show_default=False)],
    author: Author = None,
) -> int:
    """New land for a grid; its neighbours stay as they are."""
    return _edit(plan_id, operations.Replace(unit, _land(shape)), author)


@edit.command(name="split")
def edit_split(
    plan_id: PlanId,
    unit: Unit,
    line: Line,
    names: Annotated[str, typer.Option(help="Names of the new grids, separated by commas.")] = "",
    author: Author = None,
) -> int:
    """Cut a grid by a line; the largest part goes on being the grid."""
    named = [name.strip() for name in names.split(",") if name.strip()]
    return _edit(plan_id, operations.Split(unit, _line(line), named), author)


@edit.command(name="merge")
def edit_merge(
    plan_id: PlanId,
    units: Annotated[list[str], typer.Argument(help="Grids; the first one stays.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="A new name for it.")] = None,
    author: Author = None,
) -> int:
    """Join grids into the first of them."""
    return _edit(plan_id, operations.Merge(units, name), author)


@edit.command(name="reshape")
def edit_reshape(plan_id: PlanId, unit: Unit, other: Unit, line: Line, author: Author = None) -> int:
    """Move the border between two neighbours to a line: both sides change."""
    return _edit(plan_id, operations.Reshape(unit, other, _line(line)), author)


@edit.command(name="vertex")
def edit_vertex(
    plan_id: PlanId,
    at: Annotated[str, typer.Option(help="The corner: 'lon lat'.", show_default=False)],
    to: Annotated[str, typer.Option(help="Where it goes: 'lon lat'.", show_default=False)],
    author: Author = None,
) -> int:
    """Move a corner for all grids that have it."""
    return _edit(plan_id, operations.MoveVertex(_position(at), _position(to)), author)


@edit.command(name="set")
def edit_set(
    plan_id: PlanId,
    unit: Unit,
    name: Annotated[str | None, typer.Option(help="Rename it.")] = None,
    code: Annotated[str | None, typer.Option(help="Renumber it.")] = None,
    division_code: Annotated[str | None, typer.Option(help="Its division code.")] = None,
    parent: Annotated[str | None, typer.Option(help="Move it below another unit.")] = None,
    kind: Annotated[GridKind | None, typer.Option()] = None,
    zone_type: Annotated[ZoneType | None, typer.Option()] = None,
    governance_mode: Annotated[str | None, typer.Option()] = None,
    author: Author = None,
) -> int:
    """Rename or renumber a unit, move it below another, or say what it is."""
    given = {
        "name": name, "code": code, "division_code": division_code, "parent": parent, "kind": kind,
        "zone_type": zone_type, "governance_mode": governance_mode,
    }  # fmt: skip
    fields = {field: value for field, value in given.items() if value is not None}
    return _edit(plan_id, operations.Put(unit, fields), author)


@edit.command(name="add")
def edit_add(
    plan_id: PlanId,
    name: Annotated[str, typer.Argument(help="What it is called.", show_default=False)],
    level: Annotated[int, typer.Option(min=1, max=5, help="1 county, 2 town, 3 community, 4 grid, 5 micro-grid.")],
    parent: Annotated[str | None, typer.Option(help="The unit above it.")] = None,
    code: Annotated[str | None, typer.Option()] = None,
    division_code: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[GridKind, typer.Option()] = GridKind.GENERAL,
    zone_type: Annotated[ZoneType | None, typer.Option()] = None,
    shape: Annotated[str | None, typer.Option(help="Its land: WKT, or a GeoJSON file.")] = None,
    author: Author = None,
) -> int:
    """Add a unit: a grid where it has land, else one that others can be moved below."""
    land = None if shape is None else _land(shape)
    return _edit(
        plan_id, operations.Add(name, level, parent, code, division_code, kind, zone_type, land), author
    )  # fmt: skip


@edit.command(name="retire")
def edit_retire(plan_id: PlanId, unit: Unit, author: Author = None) -> int:
    """Let a unit without children end."""
    return _edit(plan_id, operations.Retire(unit), author)


@edit.command(name="undo")
def edit_undo(plan_id: PlanId, author: Author = None) -> int:
    """Take back the last edit."""
    return _turn(plan_id, author, again=False)


@edit.command(name="redo")
def edit_redo(plan_id: PlanId, author: Author = None) -> int:
    """Do again what was undone last."""
    return _turn(plan_id, author, again=True)


def _edit(plan_id: str, what: operations.Edit, author: str | None) -> int:
    settings = get_settings()
    with database_writing() as connection:
        done = edit_plan(
            connection, plan_id, what, actor=who(author), today=settings.today(), rules=_rules(settings)
        )  # fmt: skip
    return _tell(done)


def _turn(plan_id: str, author: str | None, *, again: bool) -> int:
    with database_writing() as connection:
        done = turn_back(connection, plan_id, actor=who(author), today=get_settings().today(), again=again)
    return _tell(done)


def _tell(done: Outcome) -> int:
    """The edit's numbers on stdout, its defects on stderr; exit code 1 when there are any."""
    print_json({"edit": done.seq, "action": done.action, **done.detail, **done.counts})
    for defect in done.defects:
        print(f"gismap: {orjson.dumps(defect.as_dict()).decode()}", file=sys.stderr)
    if done.base_moved:
        print("gismap: other boundaries were published meanwhile: rebase the plan", file=sys.stderr)
    return EXIT_FOUND if done.defects else 0


def _rules(settings: Settings) -> operations.Rules:
    return operations.Rules(parse_scheme(settings.code_scheme), settings.language)


def _shape(text: str, kinds: frozenset[str], field: str) -> shapely.Geometry:
    path = Path(text)
    try:
        if path.suffix.lower() in (".json", ".geojson"):
            content = orjson.loads(path.read_bytes())
            if isinstance(content, dict) and content.get("type") == "FeatureCollection":
                content = content["features"][0]
            read = shapely.from_geojson(orjson.dumps(content))
            shape = read.geoms[0] if read.geom_type == "GeometryCollection" else read
        else:
            shape = shapely.from_wkt(text)
    except (OSError, ValueError, LookupError, shapely.errors.GEOSException) as error:
        raise BadInputError(f"cannot be read as WKT or from a GeoJSON file: {error}", field=field) from error
    return check_shape(shape, kinds=kinds, field=field)


def _land(text: str) -> MultiPolygon:
    shape = _shape(text, AREAS, "shape")
    return shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])


def _line(text: str) -> LineString:
    if "(" not in text and not text.lower().endswith("json"):
        return check_shape(LineString([_position(part) for part in text.split(",")]), kinds=LINES, field="line")
    shape = _shape(text, LINES, "line")
    if shape.geom_type != "LineString":
        raise BadInputError("give one line", field="line")
    return shape


def _position(text: str) -> tuple[float, float]:
    try:
        lon, lat = map(float, text.split())
    except ValueError as error:
        raise BadInputError(f"{text!r} is no position: write 'lon lat'", field="position") from error
    check_position(lon, lat)
    return lon, lat
