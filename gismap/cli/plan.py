"""`gismap plan`: boundaries drafted, edited, checked, compared, agreed and published."""

import getpass
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import orjson
import shapely
import typer
from shapely import LineString, MultiPolygon
from sqlalchemy import Connection

from gismap.boundaries import plan_operations as operations
from gismap.boundaries import plan_talk
from gismap.boundaries.plan_edits import history, release_lock, take_lock
from gismap.boundaries.plan_sheet import Sheet
from gismap.boundaries.plans import base_day, find_header, find_plan, list_plans
from gismap.boundaries.values import GridKind, ZoneType
from gismap.cli import app
from gismap.cli.common import engine, parse_day, tell_grants
from gismap.errors import BadInputError, RebaseError
from gismap.geometry.blocks import MIN_AREA_M2, MIN_WIDTH_M
from gismap.geometry.codes import parse_scheme
from gismap.geometry.datums import check_position
from gismap.geometry.shapes import AREAS, LINES, check_shape
from gismap.planning import agreeing, comparing, enforcing, proposing
from gismap.planning.checking import judge_plan
from gismap.planning.editing import Outcome, edit_plan, turn_back
from gismap.planning.proposing import Above
from gismap.planning.rebasing import Prefer, rebase
from gismap.settings import Settings, get_settings
from gismap.store.session import reading, writing

EXIT_FOUND = 1

plan = typer.Typer(help="Boundaries drafted, edited, checked, compared, agreed and published.", no_args_is_help=True)
edit = typer.Typer(help="Edit a plan: one change each, checked at once; undone by `undo`.", no_args_is_help=True)
app.add_typer(plan, name="plan")
plan.add_typer(edit, name="edit")

PlanId = Annotated[str, typer.Argument(help="The plan, as `plan new` named it.", show_default=False)]
EffectiveFrom = Annotated[date, typer.Option(parser=parse_day, metavar="DAY", help="First day of the new boundaries.")]
Author = Annotated[str | None, typer.Option(help="Who answers for it; this account when not given.")]
Unit = Annotated[str, typer.Argument(help="Code or key of a unit.", show_default=False)]
Line = Annotated[str, typer.Option(help="The line: 'lon lat, lon lat, …', WKT, or a GeoJSON file.", show_default=False)]


@plan.command()
def new(
    title: Annotated[str, typer.Argument(help="What the plan is called.", show_default=False)],
    about: Annotated[str | None, typer.Option(help="The unit that it is about; the whole district if none.")] = None,
    needs_signoff: Annotated[
        bool, typer.Option("--needs-signoff", help="Publish only when all units concerned agree.")
    ] = False,
    author: Author = None,
) -> None:
    """Make a plan that changes nothing yet of the newest boundaries. Prints its identity."""
    with _writing() as connection:
        made = proposing.start_plan(
            connection, title, author=_who(author), today=get_settings().today(), about=about,
            needs_signoff=needs_signoff,
        )  # fmt: skip
    print(made)


@plan.command()
def propose(
    under: Annotated[str, typer.Option(help="Units above the grids, topmost first: CODE or CODE=NAME, …")],
    from_streets: Annotated[bool, typer.Option("--from-streets", help="One grid per block between streets.")] = False,
    source: Annotated[str | None, typer.Option(help="Only streets of this import source.")] = None,
    title: Annotated[str | None, typer.Option(help="What the plan is called.")] = None,
    min_area: Annotated[float, typer.Option(min=0, help="Smaller blocks join a neighbour (m²).")] = MIN_AREA_M2,
    min_width: Annotated[float, typer.Option(min=0, help="Thinner blocks join a neighbour (m).")] = MIN_WIDTH_M,
    author: Author = None,
) -> None:
    """Make a plan; nothing that is published changes. Prints the plan's identity."""
    if not from_streets:
        raise BadInputError("say what the proposal is made from: --from-streets", field="from-streets")
    settings = get_settings()
    with _writing() as connection:
        made = proposing.propose_from_streets(
            connection,
            _chain(under),
            source=source,
            today=settings.today(),
            author=_who(author),
            title=title,
            min_area_m2=min_area,
            min_width_m=min_width,
            scheme=parse_scheme(settings.code_scheme),
            language=settings.language,
        )
    if made.taken:
        print(f"gismap: {made.taken} blocks left out: published grids lie there already", file=sys.stderr)
    print(f"{made.plan_id}: {made.grids} grids, {made.area_m2 / 1e6:.2f} km²")


@plan.command(name="list")
def show_all() -> None:
    """Print all plans, the newest first."""
    with engine() as database, reading(database) as connection:
        for row in list_plans(connection):
            state = f"published as revision {row.published_as}" if row.published_as else "draft"
            if row.base_moved:
                state += ", its base has moved: rebase it"
            if row.edited_by:
                state += f", {row.edited_by} is editing it"
            print(f"{row.plan_id}  {row.created_at:%Y-%m-%d %H:%M}  {row.title}  {row.leaves} grids  {state}")


@plan.command()
def show(plan_id: PlanId) -> None:
    """Print the grids of a plan as GeoJSON, to be looked at in any GIS."""
    with engine() as database, reading(database) as connection:
        units = find_plan(connection, plan_id).units
    features = [
        {
            "type": "Feature",
            "id": unit.key,
            "geometry": orjson.Fragment(shapely.to_geojson(unit.geom)),
            "properties": {"code": unit.code, "name": unit.name, "level": unit.level, "parent": unit.parent},
        }
        for unit in units
        if unit.geom is not None
    ]
    sys.stdout.buffer.write(orjson.dumps({"type": "FeatureCollection", "features": features}) + b"\n")


@plan.command()
def check(plan_id: PlanId) -> int:
    """Check that the boundaries would be seamless: one line of JSON per defect, exit code 1 when there are any."""
    with engine() as database, reading(database) as connection:
        verdict = judge_plan(connection, plan_id, get_settings().today())
    for defect in verdict.defects:
        print(orjson.dumps(defect.as_dict()).decode())
    if verdict.structure:
        print(f"gismap: {verdict.structure}", file=sys.stderr)
    if verdict.base_moved:
        print(f"gismap: other boundaries were published meanwhile: `gismap plan rebase {plan_id}`", file=sys.stderr)
    print(f"gismap: {len(verdict.defects)} defects" if verdict.defects else "gismap: seamless", file=sys.stderr)
    return 0 if verdict.is_clean else EXIT_FOUND


@plan.command()
def diff(
    plan_id: PlanId,
    other: Annotated[str | None, typer.Option("--with", help="Another plan; what is published if none.")] = None,
) -> None:
    """Print what the plan changes, as JSON: units before and after, and what goes from which grid to which."""
    with engine() as database, reading(database) as connection:
        _print(comparing.difference(connection, plan_id, get_settings().today(), other))


@plan.command(name="history")
def show_history(plan_id: PlanId) -> None:
    """Print who edited what and when, the newest first."""
    with engine() as database, reading(database) as connection:
        find_header(connection, plan_id)
        for one in history(connection, plan_id):
            what = orjson.dumps(one["detail"]).decode()
            print(
                f"{one['seq']:>4}  {one['at']:%Y-%m-%d %H:%M}  {one['actor']}  {one['action']}  {one['state']}  {what}"
            )


@plan.command()
def comment(
    plan_id: PlanId,
    said: Annotated[str | None, typer.Argument(help="What to say; all that was said is printed if none.")] = None,
    unit: Annotated[str | None, typer.Option(help="The unit that it is about.")] = None,
    author: Author = None,
) -> None:
    """Say something of a plan or one of its units, or print what was said."""
    with _writing() as connection:
        if said is not None:
            key = None if unit is None else _sheet(connection, plan_id).unit(unit).key
            find_header(connection, plan_id)
            plan_talk.add_comment(connection, plan_id, said, _who(author), key)
            return
        for one in plan_talk.list_comments(connection, plan_id):
            about = f"  [{one['unit']}]" if one["unit"] else ""
            print(f"{one['at']:%Y-%m-%d %H:%M}  {one['author']}{about}  {one['said']}")


@plan.command()
def lock(
    plan_id: PlanId,
    unit: Annotated[str | None, typer.Option(help="Lock one unit against edits, whoever makes them.")] = None,
    reason: Annotated[str, typer.Option(help="Why the unit is locked.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Unlock it.")] = False,
    author: Author = None,
) -> None:
    """Keep other planners from editing a plan for 15 minutes, or everybody from editing one of its units."""
    with _writing() as connection:
        if unit is None and off:
            release_lock(connection, plan_id, _who(author))
        elif unit is None:
            print(f"until {take_lock(connection, plan_id, _who(author)):%Y-%m-%d %H:%M} UTC")
        else:
            key = _sheet(connection, plan_id).unit(unit).key
            if off:
                plan_talk.let_go_of_unit(connection, plan_id, key)
            else:
                plan_talk.hold_unit(connection, plan_id, key, reason, _who(author))


@plan.command()
def sign(
    plan_id: PlanId,
    unit: Annotated[str | None, typer.Option(help="In whose name; what all say is printed if none.")] = None,
    object_: Annotated[str | None, typer.Option("--object", help="Object, for this reason.")] = None,
    author: Author = None,
) -> int:
    """Agree with a unit's part of a plan or object; or print what all units concerned say (exit 1: one is missing)."""
    today = get_settings().today()
    with _writing() as connection:
        if unit is not None:
            verdict = agreeing.AGREE if object_ is None else agreeing.OBJECT
            agreeing.give_word(connection, plan_id, unit, verdict, object_, actor=_who(author), today=today)
            return 0
        words = agreeing.words(connection, plan_id, today)
    for word in words:
        says = f"{word.verdict} ({word.signed_by})" if word.verdict else "nothing yet"
        stale = "; its part has changed since" if word.is_stale else ""
        print(f"{word.code or word.unit}  {word.name}  {says}{': ' + word.reason if word.reason else ''}{stale}")
    return 0 if all(word.verdict == agreeing.AGREE and not word.is_stale for word in words) else EXIT_FOUND


@plan.command(name="rebase")
def take_over(
    plan_id: PlanId,
    prefer: Annotated[Prefer | None, typer.Option(help="Who is right where both changed the same.")] = None,
    author: Author = None,
) -> int:
    """Take a plan over to the newest boundaries. Conflicts are listed (exit code 1), and nothing is changed then."""
    try:
        with _writing() as connection:
            done = rebase(connection, plan_id, actor=_who(author), today=get_settings().today(), prefer=prefer)
    except RebaseError as refusal:
        for conflict in refusal.conflicts:
            print(f"{conflict['unit']}  {conflict['name']}  {conflict['field']}")
        print(f"gismap: {refusal.detail}: --prefer plan or --prefer published", file=sys.stderr)
        return EXIT_FOUND
    print(f"{plan_id} is based on revision {done.base_revision}; {len(done.decided)} conflicts decided")
    return 0


@plan.command()
def publish(
    plan_id: PlanId,
    effective_from: EffectiveFrom,
    reason: Annotated[str, typer.Option(help="Why the boundaries change.")],
    author: Author = None,
    outline_authority: Annotated[
        str | None, typer.Option(help="Who changed the outline of the units above, where the plan does.")
    ] = None,
) -> None:
    """Make a plan the boundaries from a day on. Prints the revision."""
    with _writing() as connection:
        done = enforcing.publish_plan(
            connection,
            plan_id,
            effective_from=effective_from,
            today=get_settings().today(),
            author=_who(author),
            reason=reason,
            outline_authority=outline_authority,
        )
    print(
        f"revision {done.number} from {done.effective_from}: {done.certificate['leaves']} grids, "
        f"{done.changed} units changed, {done.retired} ended, {done.elements_moved} elements changed hands, "
        f"{done.assignments_ended} posts ended"
    )
    tell_grants(done)


@plan.command()
def requests() -> int:
    """Carry out what was requested on the console, where no service does it with the owner's URL; exit 1: none was."""
    with engine() as database:
        answers = enforcing.carry_out_requests(database, get_settings().today())
    for answer in answers:
        print(
            f"{answer.plan_id}: "
            + (f"revision {answer.publication.number}" if answer.publication else answer.refusal or "")
        )
    return 0 if answers else EXIT_FOUND


# ── edits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    with _writing() as connection:
        done = edit_plan(
            connection, plan_id, what, actor=_who(author), today=settings.today(), rules=_rules(settings)
        )  # fmt: skip
    return _tell(done)


def _turn(plan_id: str, author: str | None, *, again: bool) -> int:
    with _writing() as connection:
        done = turn_back(connection, plan_id, actor=_who(author), today=get_settings().today(), again=again)
    return _tell(done)


def _tell(done: Outcome) -> int:
    """The edit's numbers on stdout, its defects on stderr; exit code 1 when there are any."""
    _print({"edit": done.seq, "action": done.action, **done.detail, **done.counts})
    for defect in done.defects:
        print(f"gismap: {orjson.dumps(defect.as_dict()).decode()}", file=sys.stderr)
    if done.base_moved:
        print("gismap: other boundaries were published meanwhile: rebase the plan", file=sys.stderr)
    return EXIT_FOUND if done.defects else 0


def _rules(settings: Settings) -> operations.Rules:
    return operations.Rules(parse_scheme(settings.code_scheme), settings.language)


@contextmanager
def _writing() -> Iterator[Connection]:
    with engine() as database, writing(database) as connection:
        yield connection


def _sheet(connection: Connection, plan_id: str) -> Sheet:
    return Sheet(connection, plan_id, base_day(connection, find_header(connection, plan_id), get_settings().today()))


def _who(author: str | None) -> str:
    return author or getpass.getuser()


def _print(value: Mapping[str, Any]) -> None:
    print(orjson.dumps(value).decode())


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


def _chain(text: str) -> list[Above]:
    chain = []
    for part in text.split(","):
        code, _, name = part.strip().partition("=")
        chain.append(Above(code.strip(), name.strip() or None))
    return chain
