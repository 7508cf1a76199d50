"""`gismap frame`: in which coordinate frame a file is, by what is known here of the same things."""

from pathlib import Path
from typing import Annotated

import typer

from gismap.cli import app
from gismap.cli.common import engine, pairs
from gismap.settings import get_settings
from gismap.store.session import reading

SHOWN = 6


@app.command()
def frame(
    file: Annotated[Path, typer.Argument(help="A file of places or buildings with names or addresses.")],
    columns: Annotated[str | None, typer.Option(help="name=theirs,address=theirs,x=theirs,y=theirs")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook, or layer of a GeoPackage.")] = None,
) -> int:
    """Tell a file's frame from its names and addresses, with the metres that decide it; exit code 1 when undecided."""
    from gismap.geometry.detective import Outcome  # noqa: PLC0415
    from gismap.importing.preparing import Order  # noqa: PLC0415
    from gismap.importing.tracing import describe, trace_frame  # noqa: PLC0415

    order = Order("buildings", file, file.name, columns=pairs(columns), sheet=sheet)
    with engine() as database, reading(database) as connection:
        trace = trace_frame(connection, order, get_settings().today())
    finding = trace.finding
    print(f"{trace.rows} rows, {finding.pairs} of them known here by name or address")
    if finding.evidence:
        print("   median m  best quarter m  within 200 m  frame")
    for one in finding.evidence[:SHOWN]:
        numbers = f"{one.median_m:11,.1f} {one.quarter_m:15,.1f} {one.agreeing:13.0%}"
        print(f"{numbers}  {describe(one.hypothesis)}")
    verdicts = {
        Outcome.DECIDED: "decided: --crs {crs}",
        Outcome.TWO_FIT: "undecided: two frames fit as well; ask whoever made the file",
        Outcome.NONE_FITS: "undecided: no frame puts them where they are known to be",
        Outcome.TOO_FEW: "undecided: too few rows are known here",
    }
    best = finding.hypothesis
    print(verdicts[finding.outcome].format(crs=best.frame.name if best else ""))
    if best is not None and best.swapped:
        print("x and y are swapped in this file: name them with --columns x=…,y=…")
    return int(best is None)
