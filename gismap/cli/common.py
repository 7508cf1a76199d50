"""What commands share: the database they work on, its engine, how a day is written, what became of grants told."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from sqlalchemy import Connection, Engine

from gismap.access.signing_in import prove_person
from gismap.access.values import Role
from gismap.errors import BadInputError, EnvironmentProblemError
from gismap.settings import Settings, get_settings
from gismap.store.migrate import status, upgrade
from gismap.store.server import DatabaseUrls, DataFolderInUseError, PrivateServer
from gismap.store.session import make_engine, writing

if TYPE_CHECKING:  # geometry weighs a third of a second, which no other command should pay
    from gismap.publishing import Publication


FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")]
As = Annotated[
    str, typer.Option("--as", metavar="NAME", help="The person-data officer who says so.", show_default=False)
]


def ask_password(*, from_stdin: bool, is_new: bool = False) -> str:
    """A password from stdin, or from whoever sits at the terminal; a new one is asked for twice.

    Raises:
        BadInputError: there is no terminal.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise BadInputError("there is no terminal to ask at; give it with --password-stdin", field="password")
    chosen: str = typer.prompt("Password", hide_input=True, confirmation_prompt=is_new, err=True)
    return chosen


def person_here(engine: Engine, username: str, *, from_stdin: bool) -> str:
    """The person-data officer at the terminal, by password, for what takes two people; the name that is entered.

    Raises:
        UnauthenticatedError, ForbiddenError, TooManyError: it is nobody with that password and role.
    """
    password = ask_password(from_stdin=from_stdin)
    return prove_person(engine, username, password, Role.PERSON_DATA_OFFICER, address="command line")


def parse_day(text: str) -> date:
    """A day as options take it: 2026-03-01."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it like 2026-03-01") from error


def pairs(text: str | None) -> dict[str, str]:
    """What `--columns ours=theirs,…` names.

    Raises:
        BadInputError: it is written otherwise.
    """
    found: dict[str, str] = {}
    for part in text.split(",") if text else []:
        ours, sign, theirs = part.partition("=")
        if not sign or not ours.strip() or not theirs.strip():
            raise BadInputError(f"{part!r} is not of the form ours=theirs", field="columns")
        found[ours.strip()] = theirs.strip()
    return found


def tell_grants(done: "Publication") -> None:
    """Say on stderr what a publication did to grants in units that it ended, where there were any."""
    if done.grants_followed:
        print(f"gismap: {done.grants_followed} grants followed their land into other units", file=sys.stderr)
    for lapse in done.grants_lapsed:
        print(f"gismap: {lapse}", file=sys.stderr)
    if done.rulings_ended:
        told = f"{done.rulings_ended} rulings ended with their units; rule anew where it is right"
        print(f"gismap: {told}", file=sys.stderr)


@contextmanager
def database(settings: Settings) -> Iterator[DatabaseUrls]:
    """The configured database; else the private one: joined where it runs already, else started for the command."""
    if settings.database_url is not None:
        if settings.database_owner_url is None:
            raise EnvironmentProblemError(
                "commands work as the owner of the tables: name it in GISMAP_DATABASE_OWNER_URL"
            )
        yield DatabaseUrls(settings.database_url, settings.database_owner_url)
        return
    server = PrivateServer(settings.data_dir)
    try:
        urls = server.start()
    except DataFolderInUseError:
        yield server.urls()
        return
    try:
        upgrade(urls.owner_url)
        yield urls
    finally:
        server.stop()


@contextmanager
def engine() -> Iterator[Engine]:
    """The owner's engine on a database of this version's schema: whoever may run commands here sees and writes all.

    Statements of a command have no time limit.

    Raises:
        EnvironmentProblemError: the schema is of another version.
    """
    with database(get_settings()) as urls:
        current, head = status(urls.owner_url)
        if current is None:
            upgrade(urls.owner_url)  # an empty database: the first user may be made before the first start
        elif current != head:
            raise EnvironmentProblemError(
                f"the database has schema {current}, this gismap needs {head}: run `gismap db migrate`"
            )
        engine = make_engine(urls.owner_url)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def database_writing() -> Iterator[Connection]:
    """One transaction of the owner on that database."""
    with engine() as found, writing(found) as connection:
        yield connection


def print_json(value: Mapping[str, Any]) -> None:
    """A result on one line of stdout."""
    print(orjson.dumps(value).decode())
