"""`gismap plan`: boundaries drafted, edited, checked, compared, agreed and published."""

import getpass
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import shapely
import typer
from sqlalchemy import Connection

from gismap.boundaries import plan_talk
from gismap.boundaries.plan_edits import history, release_lock, take_lock
from gismap.boundaries.plan_sheet import Sheet
from gismap.boundaries.plans import base_day, find_header, find_plan, list_plans
from gismap.cli import app
from gismap.cli.common import database_writing, engine, pairs, parse_day, print_json, tell_grants
from gismap.cli.importing import tell_rejections
from gismap.errors import BadInputError, RebaseError
from gismap.geometry.blocks import MIN_AREA_M2, MIN_WIDTH_M
from gismap.geometry.codes import parse_scheme
from gismap.planning import agreeing, comparing, enforcing, proposing
from gismap.planning.checking import judge_plan
from gismap.planning.proposing import Above
from gismap.planning.rebasing import Prefer, rebase
from gismap.settings import get_settings
from gismap.store.session import reading

EXIT_FOUND = 1

plan = typer.Typer(help="Boundaries drafted, edited, checked, compared, agreed and published.", no_args_is_help=True)
app.add_typer(plan, name="plan")

PlanId = Annotated[str, typer.Argument(help="The plan, as `plan new` named it.", show_default=False)]
EffectiveFrom = Annotated[date, typer.Option(parser=parse_day, metavar="DAY", help="First day of the new boundaries.")]
Author = Annotated[str | None, typer.Option(help="Who answers for it; this account when not given.")]


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
    today = get_settings().today()
    with database_writing() as connection:
        made = proposing.start_plan(
            connection, title, author=who(author), today=today, about=about, needs_signoff=needs_signoff
        )
    print(made)


@plan.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="Leaves, and units above them without shapes; as `import grids`.")],
    title: Annotated[str | None, typer.Option(help="What the plan is called; the file's name if none.")] = None,
    crs: Annotated[str, typer.Option(help="auto (as the file says), wgs84, cgcs2000, gcj02, bd09 or EPSG:n.")] = "auto",
    columns: Annotated[str | None, typer.Option(help="ours=theirs,…")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook, or layer of a GeoPackage.")] = None,
    author: Author = None,
) -> int:
    """Make a plan of a file's grids; standing grids below the same units end with it. Prints the plan's identity."""
    from gismap.importing.grids import plan_grids  # noqa: PLC0415 (heavy)
    from gismap.importing.preparing import Order  # noqa: PLC0415

    settings = get_settings()
    order = Order("grids", file, file.name, crs=crs, columns=pairs(columns), sheet=sheet)
    with database_writing() as connection:
        made, rejections, notes = plan_grids(
            connection, order, title or file.name, author=who(author), today=settings.today(), far_km=settings.far_km
        )
    tell_rejections(notes, rejections, None)
    if made is None:
        print(f"no plan made: {len({each.row for each in rejections})} rows rejected; correct them")
        return EXIT_FOUND
    print(made)
    return 0


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
    with database_writing() as connection:
        made = proposing.propose_from_streets(
            connection,
            _chain(under),
            source=source,
            today=settings.today(),
            author=who(author),
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
        print_json(comparing.difference(connection, plan_id, get_settings().today(), other))


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
    with database_writing() as connection:
        if said is not None:
            key = None if unit is None else _sheet(connection, plan_id).unit(unit).key
            find_header(connection, plan_id)
            plan_talk.add_comment(connection, plan_id, said, who(author), key)
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
    with database_writing() as connection:
        if unit is None and off:
            release_lock(connection, plan_id, who(author))
        elif unit is None:
            print(f"until {take_lock(connection, plan_id, who(author)):%Y-%m-%d %H:%M} UTC")
        else:
            key = _sheet(connection, plan_id).unit(unit).key
            if off:
                plan_talk.let_go_of_unit(connection, plan_id, key)
            else:
                plan_talk.hold_unit(connection, plan_id, key, reason, who(author))


@plan.command()
def sign(
    plan_id: PlanId,
    unit: Annotated[str | None, typer.Option(help="In whose name; what all say is printed if none.")] = None,
    object_: Annotated[str | None, typer.Option("--object", help="Object, for this reason.")] = None,
    author: Author = None,
) -> int:
    """Agree with a unit's part of a plan or object; or print what all units concerned say (exit 1: one is missing)."""
    today = get_settings().today()
    with database_writing() as connection:
        if unit is not None:
            verdict = agreeing.AGREE if object_ is None else agreeing.OBJECT
            agreeing.give_word(connection, plan_id, unit, verdict, object_, actor=who(author), today=today)
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
        with database_writing() as connection:
            done = rebase(connection, plan_id, actor=who(author), today=get_settings().today(), prefer=prefer)
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
    with database_writing() as connection:
        done = enforcing.publish_plan(
            connection,
            plan_id,
            effective_from=effective_from,
            today=get_settings().today(),
            author=who(author),
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


def _sheet(connection: Connection, plan_id: str) -> Sheet:
    return Sheet(connection, plan_id, base_day(connection, find_header(connection, plan_id), get_settings().today()))


def who(author: str | None) -> str:
    """Who answers: the named one, else the account at this machine."""
    return author or getpass.getuser()


def _chain(text: str) -> list[Above]:
    chain = []
    for part in text.split(","):
        code, _, name = part.strip().partition("=")
        chain.append(Above(code.strip(), name.strip() or None))
    return chain
