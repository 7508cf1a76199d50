"""`gismap import`, its undo, and `gismap template`: files into the district; what a file means is decided elsewhere."""

import getpass
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from typer.core import TyperGroup

from gismap.access.demo_accounts import is_made_up
from gismap.cli import app
from gismap.cli.common import engine, pairs, parse_day, tell_grants
from gismap.errors import BadInputError, CoverageError
from gismap.settings import get_settings
from gismap.spreadsheets import write_table
from gismap.store.keyring import read_keyring
from gismap.store.session import writing

if TYPE_CHECKING:  # readers of files weigh a third of a second, which no other command should pay
    from gismap.importing.service import Outcome
    from gismap.importing.values import Rejection

SHOWN_REJECTIONS = 20
PERSONS = ("staff", "care_persons")
NO_DEMO_ANY_MORE = (
    "this demo holds real people now: nobody is let in without a password any more, unless the import is undone; make "
    "users with `gismap user add`"
)


class LayerFirst(TyperGroup):
    """Lets the layer stand where a command would: `import buildings FILE` beside `import undo 3`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["layer", *args]
        return list(super().parse_args(ctx, args))


importing = typer.Typer(
    cls=LayerFirst,
    no_args_is_help=True,
    help="Import a file: `import LAYER FILE`, take it back: `import undo BATCH`, or boundaries: `import grids FILE`.",
)
app.add_typer(importing, name="import")


@importing.command(name="layer")
def import_layer(
    layer: Annotated[str, typer.Argument(help="buildings, streets, key_places, …, staff, care_persons.")],
    file: Annotated[Path, typer.Argument(help="GeoJSON, GeoPackage, Shapefile (zipped too), .osm, CSV or XLSX.")],
    crs: Annotated[str, typer.Option(help="auto (as the file says), wgs84, cgcs2000, gcj02, bd09 or EPSG:n.")] = "auto",
    columns: Annotated[str | None, typer.Option(help="ours=theirs,…; remembered for the source.")] = None,
    source: Annotated[str | None, typer.Option(help="Where the data is from; the file's name when not given.")] = None,
    key: Annotated[str | None, typer.Option(help="Column that tells a thing again in the next file.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook, or layer of a GeoPackage.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")] = False,
    skip_rejected: Annotated[bool, typer.Option("--skip-rejected", help="Import the good rows, in one go.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write all rejected rows to this CSV.")] = None,
    since: Annotated[
        date | None, typer.Option(parser=parse_day, metavar="DAY", help="First day it holds; today.")
    ] = None,
    title_zh: Annotated[str | None, typer.Option(help="Adds a layer of this title.")] = None,
    title_en: Annotated[str | None, typer.Option(help="The new layer's English title.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Why persons in care are kept: a recorded purpose.")] = None,
) -> int:
    """Import a file into a layer: all of it or nothing. Prints counts; exit code 1 when nothing was done."""
    from gismap.importing.preparing import Order  # noqa: PLC0415
    from gismap.importing.service import import_file  # noqa: PLC0415

    settings = get_settings()
    order = Order(
        layer=layer,
        path=file,
        source=source or file.name,
        crs=crs,
        columns=pairs(columns),
        key=key,
        sheet=sheet,
        skip_rejected=skip_rejected,
        dry_run=dry_run,
        title_zh=title_zh,
        title_en=title_en,
        purpose=purpose,
    )
    with engine() as database:
        was_made_up = layer in PERSONS and is_made_up(database)
        outcome = import_file(
            database,
            order,
            since=_not_to_come(since, settings.today()),
            actor=getpass.getuser(),
            far_km=settings.far_km,
            keyring=read_keyring(settings.keyring_path) if layer == "care_persons" else None,
        )
        if was_made_up and not is_made_up(database):
            print(f"gismap: {NO_DEMO_ANY_MORE}", file=sys.stderr)
    tell_rejections(outcome.notes, outcome.rejections, report)
    refused = bool(outcome.rejections) and not skip_rejected
    print(_summary(outcome, dry_run=dry_run, refused=refused))
    done = outcome.batch is not None or dry_run
    return 0 if done and not refused else 1


@importing.command(name="undo")
def undo_import(batch: Annotated[int, typer.Argument(help="The number that the import printed.")]) -> None:
    """Take an import back: what it added goes, what it changed is as it was."""
    from gismap.importing.service import undo  # noqa: PLC0415

    with engine() as database:
        done = undo(database, batch, actor=getpass.getuser())
    print(f"batch {batch}: undone, {done['layer']} from {done['source']} are as before")


@importing.command(name="grids")
def import_boundaries(
    file: Annotated[Path, typer.Argument(help="Leaves, and units above them without shapes; any format of `import`.")],
    effective_from: Annotated[date, typer.Option(parser=parse_day, metavar="DAY", help="First day of the boundaries.")],
    reason: Annotated[str, typer.Option(help="Why the boundaries change.")] = "import",
    crs: Annotated[str, typer.Option(help="auto (as the file says), wgs84, cgcs2000, gcj02, bd09 or EPSG:n.")] = "auto",
    columns: Annotated[str | None, typer.Option(help="ours=theirs,…")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook, or layer of a GeoPackage.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write all rejected rows to this CSV.")] = None,
) -> int:
    """Publish a file's grids as the boundaries from a day on. Other units stay; prints the revision."""
    from gismap.importing.grids import import_grids  # noqa: PLC0415
    from gismap.importing.preparing import Order  # noqa: PLC0415

    settings = get_settings()
    order = Order("grids", file, file.name, crs=crs, columns=pairs(columns), sheet=sheet)
    try:
        with engine() as database, writing(database) as connection:
            done, rejections, notes = import_grids(
                connection,
                order,
                effective_from=effective_from,
                today=settings.today(),
                author=getpass.getuser(),
                reason=reason,
                far_km=settings.far_km,
            )
    except CoverageError as error:
        for defect in error.defects[:SHOWN_REJECTIONS]:
            print(orjson.dumps(defect).decode(), file=sys.stderr)
        raise
    tell_rejections(notes, rejections, report)
    if done is None:
        print(f"nothing published: {len({each.row for each in rejections})} rows rejected; correct them")
        return 1
    leaves = done.certificate["leaves"]
    print(
        f"revision {done.number} from {done.effective_from}: {leaves} grids, "
        f"{done.changed} units new or changed, {done.retired} retired"
    )
    tell_grants(done)
    return 0


@app.command()
def template(
    layer: Annotated[str, typer.Argument(help="A layer to import into, or grids.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The XLSX file to write.")],
) -> None:
    """Write the spreadsheet to fill for a layer."""
    from gismap.importing.template import write_template  # noqa: PLC0415

    write_template(layer, output)
    print(output)


def _not_to_come(day: date | None, today: date) -> date:
    if day is not None and day > today:
        raise BadInputError(f"{day} is yet to come; things are imported as of today or earlier", field="since")
    return day or today


def tell_rejections(notes: Sequence[str], rejections: Sequence["Rejection"], report: Path | None) -> None:
    """Say on stderr what a file's reader has to say, and list the rejected rows in a file where one is named."""
    for note in notes:
        print(note, file=sys.stderr)
    for each in rejections[:SHOWN_REJECTIONS]:
        print(f"row {each.row}: {' '.join(each.field.split())}: {each.reason}", file=sys.stderr)
    if len(rejections) > SHOWN_REJECTIONS:
        more = len(rejections) - SHOWN_REJECTIONS
        print(f"and {more} more; --report FILE.csv lists them all", file=sys.stderr)
    if report is not None:
        try:
            with report.open("w", encoding="utf-8-sig", newline="") as stream:
                write_table(
                    stream, ("row", "field", "reason"), ([each.row, each.field, each.reason] for each in rejections)
                )
        except OSError as error:
            raise BadInputError(f"{report} cannot be written: {error.strerror}", field="report") from error


def _summary(outcome: "Outcome", *, dry_run: bool, refused: bool) -> str:
    counts: dict[str, Any] = outcome.as_dict()
    if refused:
        listed = f"{counts['read']} read, {counts['rejected']} rejected"
        return f"nothing imported: {listed}; correct them, or import the rest with --skip-rejected"
    lead = "dry run" if dry_run else "nothing to do" if outcome.batch is None else f"batch {outcome.batch}"
    return f"{lead}: " + ", ".join(f"{number} {name}" for name, number in counts.items())
