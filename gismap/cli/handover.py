"""`gismap revision certificate | digest | diff | tasks`: what a publication means, on paper and in tables."""

import getpass
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import orjson
import typer
from sqlalchemy import Connection

from gismap.cli.common import engine, print_json
from gismap.cli.revision import revision
from gismap.errors import BadInputError
from gismap.handover import certificate as certificates
from gismap.handover import tasks as tasks_after
from gismap.handover.certificate_page import certificate_page
from gismap.handover.difference import between_revisions, of_plan
from gismap.handover.difference_map import difference_map
from gismap.handover.difference_page import difference_page
from gismap.handover.difference_table import workbook
from gismap.handover.paper import Imprint, imprint_of, write_bytes, write_paper
from gismap.handover.values import Difference
from gismap.i18n import Language
from gismap.settings import get_settings
from gismap.store.session import reading
from gismap.workbooks import write_workbook

EXIT_FOUND = 1

Number = Annotated[int, typer.Argument(min=1, help="The revision.", show_default=False)]
OfUnit = Annotated[str | None, typer.Option(help="Only this unit: its code or identity.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="The file to write; JSON to stdout without one.")]
Lang = Annotated[Literal["zh", "en"], typer.Option(help="Language of the file.")]
User = Annotated[str | None, typer.Option(help="Who answers for the file; this account when not given.")]


@revision.command(name="certificate")
def certify(number: Number, unit: OfUnit = None, output: Output = None, lang: Lang = "zh", user: User = None) -> int:
    """Certify a revision, checked anew: .pdf or .html (one page with a map) or .json. Exit code 1 where it fails."""
    _check(output, (".pdf", ".html", ".json"))
    with engine() as database, reading(database) as connection:
        one = certificates.certificate(connection, number, unit)
        imprint = _imprint(connection, lang, user)
    if output is None:
        print_json(one.as_dict())
    elif output.suffix.lower() == ".json":
        write_bytes(output, _pretty(one.as_dict()))
        print(output)
    else:
        _tell_paper(output, write_paper(output, certificate_page(one, imprint, lang)))
    failed = [name for name, holds in one.checks.items() if not holds]
    if failed:
        print(f"gismap: does not hold: {', '.join(failed)}", file=sys.stderr)
    return EXIT_FOUND if failed else 0


@revision.command(name="digest")
def show_digest(number: Number, unit: OfUnit = None) -> None:
    """Print the SHA-256 over the grids of a revision as they are stored; the operations page tells how it is made."""
    with engine() as database, reading(database) as connection:
        print(certificates.digest(connection, number, unit))


@revision.command(name="diff")
def show_difference(
    before: Annotated[str, typer.Argument(help="A revision, or `today` where the other is a plan.")],
    after: Annotated[str, typer.Argument(help="A later revision, or a plan.", show_default=False)],
    output: Output = None,
    lang: Lang = "zh",
    user: User = None,
) -> None:
    """What changes hands: handover lists per pair of grids as .xlsx or .pdf, a map as .html, or .json."""
    _check(output, (".xlsx", ".pdf", ".html", ".json"))
    with engine() as database, reading(database) as connection:
        told = _difference(connection, before, after)
        imprint = _imprint(connection, lang, user)
    if output is None:
        print_json(told.as_dict())
        return
    match output.suffix.lower():
        case ".json":
            write_bytes(output, _pretty(told.as_dict()))
        case ".xlsx":
            write_workbook(output, workbook(told, lang))
        case ".html":
            write_bytes(output, difference_map(told, imprint, lang).encode())
        case _:
            _tell_paper(output, write_paper(output, difference_page(told, imprint, lang)))
            return
    print(output)


@revision.command(name="tasks")
def show_tasks(number: Number, output: Output = None, lang: Lang = "zh") -> None:
    """What is to be done the morning after: cards, calls, posts, grants and rulings, as .xlsx or .json, or printed."""
    _check(output, (".xlsx", ".json"))
    with engine() as database, reading(database) as connection:
        found = tasks_after.tasks_of(connection, number, lang)
    if output is None:
        for task in found:
            told = (tasks_after.title(task, lang), task.code, task.unit, task.what, task.who)
            print("  ".join(part for part in told if part))
        return
    if output.suffix.lower() == ".json":
        write_bytes(output, _pretty({"revision": number, "tasks": [task.as_dict() for task in found]}))
    else:
        write_workbook(output, [tasks_after.sheet(found, lang)])
    print(output)


def _difference(connection: Connection, before: str, after: str) -> Difference:
    if before.isdigit() and after.isdigit():
        return between_revisions(connection, int(before), int(after))
    if before != "today":
        raise BadInputError("compare two revisions by their numbers, or `today` with a plan", field="before")
    return of_plan(connection, after, get_settings().today())


def _imprint(connection: Connection, language: Language, user: str | None) -> Imprint:
    now = datetime.now(ZoneInfo(get_settings().timezone))
    return imprint_of(connection, user or getpass.getuser(), now, language)


def _check(output: Path | None, endings: tuple[str, ...]) -> None:
    """Refuse a file that could not be written before anything is computed."""
    if output is None:
        return
    if output.suffix.lower() not in endings:
        raise BadInputError(f"{output.name} must end in {', '.join(endings)}", field="output")
    if not output.parent.is_dir():
        raise BadInputError(f"there is no folder {output.parent}", field="output")


def _tell_paper(wanted: Path, written: Path) -> None:
    print(written)
    if written.suffix != wanted.suffix:
        print("gismap: there is no Chromium to print PDF with: this is the page, print it from a browser",
              file=sys.stderr)  # fmt: skip


def _pretty(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
