"""`gismap revision`: published boundaries listed, and withdrawn before their day."""

import getpass
from typing import Annotated

import typer

from gismap.boundaries.service import list_revisions
from gismap.cli import app
from gismap.cli.common import database_writing, engine
from gismap.settings import get_settings
from gismap.store.session import reading
from gismap.withdrawing import withdraw

revision = typer.Typer(help="Published boundaries: list, withdraw before their day.", no_args_is_help=True)
app.add_typer(revision, name="revision")


@revision.command(name="list")
def show_all() -> None:
    """Print all revisions that were not withdrawn, the newest first."""
    today = get_settings().today()
    with engine() as database, reading(database) as connection:
        for row in list_revisions(connection):
            state = "in force or superseded" if row["effective_from"] <= today else "not in effect yet"
            print(f"{row['number']:>4}  {row['effective_from']}  {row['author']}  {row['reason']}  {state}")


@revision.command(name="withdraw")
def take_back(
    number: Annotated[int, typer.Argument(min=1, help="The revision.", show_default=False)],
    author: Annotated[str | None, typer.Option(help="Who answers for it; this account when not given.")] = None,
) -> None:
    """Let a revision that is not in effect yet never be; its plan is a draft again."""
    with database_writing() as connection:
        done = withdraw(connection, number, today=get_settings().today(), author=author or getpass.getuser())
    print(
        f"revision {done.number} of {done.effective_from} is withdrawn: "
        f"{done.units} units and {done.elements} elements set back"
    )
