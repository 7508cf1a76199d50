"""`gismap emergency`: emergencies and drills, which open lists of persons in care for a while."""

import getpass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
import typer

from gismap.access import emergencies
from gismap.boundaries.service import find_unit
from gismap.care.drills import add_drill_persons, end_drill
from gismap.cli import app
from gismap.cli.common import engine
from gismap.errors import ConflictError
from gismap.settings import get_settings
from gismap.store.session import reading, writing

emergency = typer.Typer(help="Emergencies and drills: lists open for 72 hours at most.", no_args_is_help=True)
app.add_typer(emergency, name="emergency")

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="What `emergency list` calls it.", show_default=False)]
Document = Annotated[str, typer.Option(help="Number of the authority's document.", show_default=False)]
Hours = Annotated[float, typer.Option(help="How long it lasts, at most 72.", show_default=False)]


@emergency.command()
def declare(
    unit: Annotated[str, typer.Option(help="Code of the area.", show_default=False)],
    document: Document,
    reason: Annotated[str, typer.Option(help="What has happened.", show_default=False)],
    hours: Hours,
    drill: Annotated[bool, typer.Option("--drill", help="Of made-up persons.")] = False,
) -> None:
    """Open masked lists of persons in care for dispatchers and workers of an area."""
    today, actor = get_settings().today(), getpass.getuser()
    with engine() as database, writing(database) as connection:
        number, ends_at, accounts = emergencies.declare(
            connection, find_unit(connection, unit, today).unit_id, document=document, reason=reason, hours=hours,
            is_drill=drill, today=today, declared_by=actor,
        )  # fmt: skip
        if drill:
            add_drill_persons(connection, number, unit, document=document, ends_at=ends_at, today=today, by=actor)
    print(f"{'drill' if drill else 'emergency'} {number}: open for {accounts} accounts until {_moment(ends_at)}")


@emergency.command()
def renew(number: Number, document: Document, hours: Hours) -> None:
    """Go on with an emergency that is in force, for another 72 hours at most, on another document."""
    today = get_settings().today()
    with engine() as database, writing(database) as connection:
        before = emergencies.in_force(connection, number)
        if before.is_drill:
            raise ConflictError("a drill is not renewed; declare another", field="number")
        renewed, ends_at, accounts = emergencies.declare(
            connection, before.unit_id, document=document, reason=before.reason, hours=hours, is_drill=False,
            today=today, declared_by=getpass.getuser(), renews=number,
        )  # fmt: skip
    print(f"emergency {renewed}: open for {accounts} accounts until {_moment(ends_at)}")


@emergency.command()
def end(number: Number) -> None:
    """End an emergency or drill now."""
    with engine() as database, writing(database) as connection:
        emergencies.end(connection, number, today=get_settings().today(), actor=getpass.getuser())
        end_drill(connection, number)
    print(f"emergency {number}: ended")


@emergency.command(name="list")
def list_emergencies() -> None:
    """Print all emergencies, the newest first."""
    with engine() as database, reading(database) as connection:
        for row in emergencies.list_emergencies(connection):
            print(orjson.dumps(row).decode())


def _moment(at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo(get_settings().timezone)):%Y-%m-%d %H:%M}"
