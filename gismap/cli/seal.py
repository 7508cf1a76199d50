"""`gismap seal`: sealed addresses, which two people open."""

import getpass
from typing import Annotated

import orjson
import typer

from gismap.cli import app
from gismap.cli.common import As, FromStdin, engine, person_here
from gismap.elements import sealing
from gismap.locating.gazetteer import refresh_gazetteer
from gismap.store.session import reading, writing

seal = typer.Typer(help="Sealed addresses: out of sight until two people open them.", no_args_is_help=True)
app.add_typer(seal, name="seal")

Element = Annotated[str, typer.Argument(help="Identity of the building or place.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why; it is entered in the audit log.", show_default=False)]


@seal.command()
def put(element: Element, reason: Reason) -> None:
    """Seal an address: with all that is part of it, it is out of search, tiles, maps and counts."""
    with engine() as database, writing(database) as connection:
        count = sealing.seal(connection, element, reason, sealed_by=getpass.getuser())
    print(f"{element}: sealed, {count} elements")


@seal.command(name="open")
def open_(element: Element, reason: Reason, as_: As, password_stdin: FromStdin = False) -> int:
    """Ask for the opening of a sealed address; when a second person asks, too, it is open. Exit code 1 before."""
    with engine() as database:
        who = person_here(database, as_, from_stdin=password_stdin)
        with writing(database) as connection:
            is_open = sealing.open_seal(connection, element, reason, opened_by=who)
            refresh_gazetteer(connection)
    print(f"{element}: {'open' if is_open else 'waits for a second person'}")
    return int(not is_open)


@seal.command(name="list")
def list_seals() -> None:
    """Print what is sealed."""
    with engine() as database, reading(database) as connection:
        for row in sealing.list_seals(connection):
            print(orjson.dumps(row).decode())
