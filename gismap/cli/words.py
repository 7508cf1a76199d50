"""`gismap alias`: reviewed names that people give to places, beside those that the map has."""

import getpass
from typing import Annotated

import typer

from gismap.cli import app
from gismap.cli.common import engine
from gismap.locating.gazetteer import add_alias, list_aliases, remove_alias
from gismap.store.session import reading, writing

alias = typer.Typer(help="What people call places, beside the names that the map has.", no_args_is_help=True)
app.add_typer(alias, name="alias")

AliasText = Annotated[str, typer.Argument(metavar="ALIAS", help="What people say.", show_default=False)]
Means = Annotated[
    str, typer.Argument(metavar="NAME", help="The name on the map that it stands for.", show_default=False)
]


@alias.command(name="add")
def add(called: AliasText, means: Means) -> None:
    """Let a place be found by another name, from the next question on; the command is the review."""
    with engine() as database, writing(database) as connection:
        add_alias(connection, called, means, actor=getpass.getuser())
    print(f"{called} = {means}")


@alias.command(name="list")
def list_all() -> None:
    """Print all aliases; those whose name the map does not have any more say so."""
    with engine() as database, reading(database) as connection:
        for one in list_aliases(connection):
            lost = "" if one.is_known else "\tnothing is called so any more"
            print(f"{one.alias}\t{one.means}\t{one.reviewed_by}{lost}")


@alias.command(name="remove")
def remove(called: AliasText) -> None:
    """Forget an alias."""
    with engine() as database, writing(database) as connection:
        remove_alias(connection, called, actor=getpass.getuser())
