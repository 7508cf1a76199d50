"""`gismap audit`: the audit log verified, shown and exported."""

import getpass
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gismap.access import audit_log
from gismap.access.audit_log import Wanted
from gismap.cli import app
from gismap.cli.common import engine, parse_day
from gismap.errors import BadInputError
from gismap.settings import get_settings
from gismap.store.audit import Verdict, verify
from gismap.store.session import reading, writing

EXIT_FOUND = 1
MOST_NAMED = 20

audit = typer.Typer(help="The audit log: verify, show, export.", no_args_is_help=True)
app.add_typer(audit, name="audit")

Who = Annotated[str | None, typer.Option(help="Only what this user did.")]
Subject = Annotated[str | None, typer.Option(help="Only what was done to this: 'revision 3', or its identity.")]
Unit = Annotated[str | None, typer.Option(help="Only what concerns this unit or those below: a code or identity.")]
Since = Annotated[date | None, typer.Option(parser=parse_day, metavar="DAY", help="From this day on.")]
Until = Annotated[date | None, typer.Option(parser=parse_day, metavar="DAY", help="Up to this day, included.")]
Action = Annotated[str | None, typer.Option(help="Only what was done, such as 'grant'.")]


@audit.command(name="verify")
def verify_log(
    anchor: Annotated[
        Path | None,
        typer.Option(help="A file, kept on another machine, that notes the end after each good run; checked first."),
    ] = None,
) -> int:
    """Walk the chain of entries: prints the last one, or what was tampered with (exit code 1)."""
    noted = {} if anchor is None else _noted(anchor)
    with engine() as database, reading(database) as connection:
        verdict = verify(connection, noted)
    for fault in verdict.faults[:MOST_NAMED]:
        print(fault)
    if verdict.faults:
        print(f"gismap: the audit log was tampered with: {len(verdict.faults)} faults", file=sys.stderr)
        return EXIT_FOUND
    if anchor is not None and verdict.entries and verdict.seq not in noted:
        _note(anchor, verdict)
    print(f"{verdict.entries} entries, the last is {verdict.seq} {verdict.digest}")
    return 0


@audit.command()
def show(
    who: Who = None,
    subject: Subject = None,
    unit: Unit = None,
    since: Since = None,
    until: Until = None,
    action: Action = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 40,
) -> None:
    """Print entries, the newest first. That you looked is entered."""
    wanted = Wanted(who, subject, unit, since, until, action)
    with engine() as database, writing(database) as connection:
        entries = audit_log.look(connection, wanted, zone=get_settings().timezone, limit=limit)
        audit_log.enter_look(connection, wanted, actor=getpass.getuser(), action="read audit log")
    for entry in entries:
        words = (str(entry["seq"]), entry["at"], entry["actor"], entry["action"], entry["subject"])
        print("  ".join((*map(_printable, words), orjson.dumps(entry["detail"]).decode())))


@audit.command()
def export(
    file: Annotated[Path, typer.Argument(help="FILE.csv or FILE.jsonl; must not exist.", show_default=False)],
    who: Who = None,
    subject: Subject = None,
    unit: Unit = None,
    since: Since = None,
    until: Until = None,
    action: Action = None,
) -> None:
    """Write entries to a file, the newest first. That you did is entered."""
    writers = {".csv": audit_log.write_csv, ".jsonl": audit_log.write_jsonl}
    if file.suffix not in writers:
        raise BadInputError(f"{file.name} must end in .csv or .jsonl", field="file")
    wanted = Wanted(who, subject, unit, since, until, action)
    with engine() as database, writing(database) as connection:
        audit_log.enter_look(connection, wanted, actor=getpass.getuser(), action="export audit log")
        entries = audit_log.all_of(connection, wanted, zone=get_settings().timezone)
        try:
            # The mark at the beginning of a CSV lets spreadsheets read Chinese.
            encoding = "utf-8-sig" if file.suffix == ".csv" else "utf-8"
            with file.open("x", encoding=encoding, newline="") as opened:
                count = writers[file.suffix](entries, opened)
        except OSError as error:
            raise BadInputError(f"{file} cannot be written: {error.strerror}", field="file") from error
    print(f"{file}: {count} entries")


def _noted(anchor: Path) -> dict[int, str]:
    """The digests by number that an anchor file notes; none when there is no file yet."""
    try:
        lines = anchor.read_text(encoding="ascii").splitlines() if anchor.exists() else []
        return {int(seq): digest for seq, digest in (line.split() for line in lines)}
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{anchor} is no anchor file: a number and a digest on each line", field="anchor"
        ) from error


def _note(anchor: Path, verdict: Verdict) -> None:
    try:
        with anchor.open("a", encoding="ascii") as file:
            file.write(f"{verdict.seq} {verdict.digest}\n")
    except OSError as error:
        raise BadInputError(f"{anchor} cannot be written: {error.strerror}", field="anchor") from error


def _printable(words: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else "�" for sign in words)
