"""`gismap incident`: what can be reported with its clocks, and what is due by the clock."""

import getpass
from typing import Annotated

import orjson
import typer

from gismap.cli import app
from gismap.cli.common import engine
from gismap.incidents.keeping import CONTACTS_KEPT_DAYS, Category, do_what_is_due, end_category, set_category
from gismap.incidents.service import list_categories
from gismap.settings import get_settings
from gismap.store.session import reading, writing

incident = typer.Typer(help="Incidents: what can be reported, and what is due.", no_args_is_help=True)
category = typer.Typer(help="What can be reported, with its clocks.", no_args_is_help=True)
app.add_typer(incident, name="incident")
incident.add_typer(category, name="category")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as street_lamp.", show_default=False)]


@incident.command()
def due(
    contacts_days: Annotated[
        int, typer.Option(min=1, help="Days after closing when contacts are forgotten.")
    ] = CONTACTS_KEPT_DAYS,
) -> None:
    """Do what is due: unclaimed offers fall back to duty, open incidents follow new boundaries, contacts of what was
    closed long ago are forgotten. Run it by the clock.
    """
    with engine() as database, writing(database) as connection:
        done = do_what_is_due(connection, get_settings().today(), actor=getpass.getuser(), contacts_days=contacts_days)
    numbers = ", ".join(map(str, done.fell_back)) or "none"
    print(f"fell back to duty: {numbers}; followed boundaries: {done.followed}; contacts forgotten: {done.forgotten}")


@category.command(name="list")
def list_all() -> None:
    """List categories as JSON, one a line."""
    with engine() as database, reading(database) as connection:
        for one in list_categories(connection, get_settings().language):
            print(orjson.dumps(one).decode())


@category.command(name="set")
def set_one(
    name: Name,
    title: Annotated[str, typer.Option(help="In Chinese.", show_default=False)],
    title_en: Annotated[str, typer.Option(help="In English.", show_default=False)],
    about_staff: Annotated[bool, typer.Option("--about-staff", help="Goes past the line of whom it is about.")] = False,
    acknowledge: Annotated[int, typer.Option(help="Minutes until somebody has it.")] = 120,
    respond: Annotated[int, typer.Option(help="Minutes until a first response.")] = 240,
    resolve: Annotated[int, typer.Option(help="Days until it is resolved.")] = 5,
    claim: Annotated[int, typer.Option(help="Minutes in which an offer can be claimed.")] = 120,
) -> None:
    """Add a category or change it; clocks of reports that are in stay as they were."""
    made = Category(name, title, title_en, about_staff, acknowledge, respond, resolve, claim)
    with engine() as database, writing(database) as connection:
        set_category(connection, made, actor=getpass.getuser())


@category.command(name="end")
def end_one(name: Name) -> None:
    """Take no more reports of a category."""
    with engine() as database, writing(database) as connection:
        end_category(connection, name, actor=getpass.getuser())
