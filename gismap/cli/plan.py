"""`gismap plan`: boundaries proposed, looked at, checked and published."""

import getpass
import sys
from datetime import date
from typing import Annotated

import orjson
import shapely
import typer

from gismap import planning
from gismap.boundaries.plans import find_plan, list_plans
from gismap.cli import app
from gismap.cli.common import engine, parse_day, tell_grants
from gismap.errors import BadInputError
from gismap.geometry.blocks import MIN_AREA_M2, MIN_WIDTH_M
from gismap.geometry.codes import parse_scheme
from gismap.planning import Above
from gismap.settings import get_settings
from gismap.store.session import reading, writing

EXIT_FOUND = 1

plan = typer.Typer(help="Draft boundaries: propose, show, check, publish.", no_args_is_help=True)
app.add_typer(plan, name="plan")

PlanId = Annotated[str, typer.Argument(help="The plan, as `plan propose` named it.", show_default=False)]
EffectiveFrom = Annotated[date, typer.Option(parser=parse_day, metavar="DAY", help="First day of the new boundaries.")]
Author = Annotated[str | None, typer.Option(help="Who answers for it; this account when not given.")]


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
    with engine() as database, writing(database) as connection:
        made = planning.propose_from_streets(
            connection,
            _chain(under),
            source=source,
            today=settings.today(),
            author=author or getpass.getuser(),
            title=title,
            min_area_m2=min_area,
            min_width_m=min_width,
            scheme=parse_scheme(settings.code_scheme),
            language="en" if settings.language == "en" else "zh",
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
        defects = planning.check_plan(connection, plan_id, get_settings().today())
    for defect in defects:
        print(orjson.dumps(defect.as_dict()).decode())
    print(f"gismap: {len(defects)} defects" if defects else "gismap: seamless", file=sys.stderr)
    return EXIT_FOUND if defects else 0


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
    with engine() as database, writing(database) as connection:
        done = planning.publish_plan(
            connection,
            plan_id,
            effective_from=effective_from,
            today=get_settings().today(),
            author=author or getpass.getuser(),
            reason=reason,
            outline_authority=outline_authority,
        )
    print(
        f"revision {done.number} from {done.effective_from}: {done.certificate['leaves']} grids, "
        f"{done.changed} units changed, {done.retired} ended, {done.elements_moved} elements changed hands, "
        f"{done.assignments_ended} posts ended"
    )
    tell_grants(done)


def _chain(text: str) -> list[Above]:
    chain = []
    for part in text.split(","):
        code, _, name = part.strip().partition("=")
        chain.append(Above(code.strip(), name.strip() or None))
    return chain
