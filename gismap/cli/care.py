"""`gismap care`: purposes, categories, the monthly counts, retention, and what a person may ask for.

Whoever may run these commands owns the database; what takes two people asks each for their own password.
"""

import getpass
import os
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
import typer

from gismap.care import categories, purposes, rights
from gismap.care.retention import delete_overdue
from gismap.care.values import IdentityField, Purpose
from gismap.cli import app
from gismap.cli.common import As, FromStdin, engine, parse_day, person_here
from gismap.elements.care_counts import publish_care_counts
from gismap.errors import BadInputError
from gismap.settings import get_settings
from gismap.store.keyring import read_keyring
from gismap.store.session import reading, writing

care = typer.Typer(help="Persons in care: why they are kept, which kinds, for how long.", no_args_is_help=True)
category = typer.Typer(help="Kinds of care; a new one takes two people.", no_args_is_help=True)
purpose = typer.Typer(help="Purposes, without which no person is kept.", no_args_is_help=True)
app.add_typer(care, name="care")
care.add_typer(category, name="category")
care.add_typer(purpose, name="purpose")

Person = Annotated[str, typer.Argument(help="Identity of the person's record.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why; it is entered in the audit log.", show_default=False)]


@category.command(name="list")
def list_categories() -> None:
    """Print the kinds of care, and those that wait for a second person."""
    with engine() as database, reading(database) as connection:
        for waiting in (False, True):
            for row in categories.list_categories(connection, waiting=waiting):
                note = f"  waits for a second person (proposed by {row['proposed_by']})" if waiting else ""
                children = "  children" if row["of_children"] else ""
                print(f"{row['category']}  {row['title_zh']}  {row['title_en']}{children}{note}")


@category.command()
def propose(
    title_zh: Annotated[str, typer.Argument(help="The Chinese title.", show_default=False)],
    title_en: Annotated[str, typer.Option(help="The English title.", show_default=False)],
    as_: As,
    children: Annotated[bool, typer.Option("--children", help="Of children under 14.")] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Ask for a new kind of care; another person-data officer has to approve it."""
    with engine() as database:
        who = person_here(database, as_, from_stdin=password_stdin)
        with writing(database) as connection:
            key = categories.propose_category(connection, title_zh, title_en, of_children=children, proposed_by=who)
    print(f"{key}: waits for a second person")


@category.command()
def approve(
    key: Annotated[str, typer.Argument(metavar="CATEGORY", help="What `category list` calls it.", show_default=False)],
    as_: As,
    password_stdin: FromStdin = False,
) -> None:
    """Let a proposed kind be used, as the second person."""
    with engine() as database:
        who = person_here(database, as_, from_stdin=password_stdin)
        with writing(database) as connection:
            categories.approve_category(connection, key, approved_by=who)
    print(f"{key}: approved")


@purpose.command(name="add")
def add_purpose(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits, hyphens.", show_default=False)],
    title: Annotated[str, typer.Option(help="What it is for.", show_default=False)],
    legal_basis: Annotated[str, typer.Option(help="statutory_duty or consent.", show_default=False)],
    legal_reference: Annotated[str, typer.Option(help="Article, or where the consents are.", show_default=False)],
    notice: Annotated[str, typer.Option(help="What the persons were told.", show_default=False)],
    notice_on: Annotated[date, typer.Option(parser=parse_day, metavar="DAY", help="When.", show_default=False)],
    assessment: Annotated[str, typer.Option(help="Number of the impact assessment.", show_default=False)],
    owner: Annotated[str, typer.Option(help="Who answers for it.", show_default=False)],
    recipient: Annotated[list[str], typer.Option(help="Who receives the data (repeatable).", show_default=False)],
    kind: Annotated[list[str], typer.Option("--category", help="A kind of care (repeatable).", show_default=False)],
    retention_days: Annotated[int, typer.Option(help="How long a record is kept.", show_default=False)],
    expires_on: Annotated[date, typer.Option(parser=parse_day, metavar="DAY", help="Last day.", show_default=False)],
    field: Annotated[list[IdentityField] | None, typer.Option(help="An identity field it needs (repeatable).")] = None,
    children: Annotated[str | None, typer.Option(help="Guardians' consent, or the duty, for under 14.")] = None,
) -> None:
    """Record why persons are kept; all of it is needed."""
    zone = ZoneInfo(get_settings().timezone)
    expires_at = datetime.combine(expires_on + timedelta(days=1), time(), zone)
    recorded = Purpose(
        name, title, legal_basis, legal_reference, notice, notice_on, assessment, owner, recipient,
        list(dict.fromkeys(kind)), list(dict.fromkeys(field or [])), children, retention_days, expires_at,
    )  # fmt: skip
    with engine() as database, writing(database) as connection:
        purposes.add_purpose(connection, recorded, made_by=getpass.getuser())
    print(f"{name}: recorded until {expires_on}")


@purpose.command(name="list")
def list_purposes() -> None:
    """Print all purposes."""
    with engine() as database, reading(database) as connection:
        for row in purposes.list_purposes(connection):
            print(orjson.dumps(row, option=orjson.OPT_INDENT_2).decode())


@purpose.command(name="end")
def end_purpose(name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)]) -> None:
    """End a purpose: its records show to nobody from now on, and the next `care retention` deletes them."""
    with engine() as database, writing(database) as connection:
        purposes.end_purpose(connection, name, actor=getpass.getuser())
    print(f"{name}: ended")


@care.command(name="publish-counts")
def publish_counts(
    month: Annotated[str | None, typer.Option(help="2026-11; the month before this one when not given.")] = None,
) -> None:
    """Publish a month's counts per unit and kind, small ones withheld: once, and for good."""
    today = get_settings().today()
    first = _month(month) if month is not None else (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    with engine() as database, writing(database) as connection:
        hidden = publish_care_counts(connection, first, today=today)
    print(f"{first:%Y-%m}: published, {hidden} counts withheld")


@care.command()
def retention() -> None:
    """Delete records past their time or purpose; run it daily."""
    with engine() as database, writing(database) as connection:
        kept = delete_overdue(connection, actor=getpass.getuser())
    print(f"{kept.persons} persons and {kept.versions} superseded versions deleted")


@care.command()
def export(
    person: Person, output: Annotated[Path, typer.Option("-o", "--output", show_default=False)], reason: Reason
) -> None:
    """Write all that is kept of a person, and who looked, as JSON for the person."""
    settings = get_settings()
    with engine() as database, writing(database) as connection:
        keyring = read_keyring(settings.keyring_path)
        copy = rights.copy_person(connection, person, reason, keyring, today=settings.today(), actor=getpass.getuser())
        try:
            with open(output, "xb", opener=_for_this_account) as file:
                file.write(orjson.dumps(copy, option=orjson.OPT_INDENT_2) + b"\n")
        except OSError as error:
            raise BadInputError(f"{output} cannot be written: {error.strerror}", field="output") from error
    print(output)


@care.command()
def correct(
    person: Person,
    reason: Reason,
    field: Annotated[IdentityField, typer.Argument(help="What is wrong.", show_default=False)],
) -> None:
    """Put right one field; its value is the first line of the input, so that no list of commands keeps it."""
    settings = get_settings()
    value = typer.get_text_stream("stdin").readline().strip()
    with engine() as database, writing(database) as connection:
        keyring = read_keyring(settings.keyring_path)
        proof = rights.correct_person(
            connection, person, {field: value}, reason, keyring, today=settings.today(), actor=getpass.getuser()
        )
    print(orjson.dumps(proof["proof"]).decode())


@care.command()
def delete(person: Person, reason: Reason) -> None:
    """Delete all that is kept of a person; prints the proof."""
    settings = get_settings()
    with engine() as database, writing(database) as connection:
        keyring = read_keyring(settings.keyring_path)
        proof = rights.delete_person(
            connection, person, reason, keyring, today=settings.today(), actor=getpass.getuser()
        )
    print(orjson.dumps(proof["proof"]).decode())


def _for_this_account(path: str, flags: int) -> int:
    """Open a file that nobody else of this machine may read."""
    return os.open(path, flags, 0o600)


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError as error:
        raise BadInputError(f"{text!r} is no month; write it like 2026-11", field="month") from error
