"""`gismap nets`: two departments' grids laid over each other, and one net of both proposed."""

import getpass
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import shapely
import typer
from sqlalchemy import text

from gismap.cli import app
from gismap.cli.common import engine, pairs, print_json
from gismap.errors import BadInputError
from gismap.handover import queries
from gismap.handover.nets import Buildings, compare_nets
from gismap.handover.nets_page import nets_page, nets_workbook, write_proposal
from gismap.handover.paper import Imprint, write_bytes, write_paper
from gismap.importing.netting import read_buildings, read_net
from gismap.importing.values import Rejection
from gismap.settings import get_settings
from gismap.store.session import reading
from gismap.workbooks import write_workbook

EXIT_FOUND = 1
ENDINGS = (".html", ".pdf", ".xlsx", ".json")


@app.command()
def nets(
    first: Annotated[Path, typer.Argument(help="One department's grids, in any format of `import grids`.")],
    second: Annotated[Path, typer.Argument(help="Another department's grids.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Report: .html, .pdf, .xlsx or .json; JSON to stdout.")
    ] = None,
    buildings: Annotated[Path | None, typer.Option(help="Buildings with households, to count by.")] = None,
    from_database: Annotated[
        bool, typer.Option("--from-database", help="Count by the buildings that are imported already.")
    ] = False,
    proposal: Annotated[Path | None, typer.Option(help="Write the proposed net to this GeoPackage.")] = None,
    crs: Annotated[str, typer.Option(help="auto (as the files say), wgs84, cgcs2000, gcj02, bd09 or EPSG:n.")] = "auto",
    columns: Annotated[str | None, typer.Option(help="Of the first file: ours=theirs,…")] = None,
    columns_second: Annotated[str | None, typer.Option(help="Of the second file, where they differ.")] = None,
    near: Annotated[float, typer.Option(min=0, max=50, help="Grids that differ by less (%) are the same.")] = 10.0,
    min_area: Annotated[float, typer.Option(min=0, help="Smaller parts join a neighbour (m²).")] = 500.0,
    min_width: Annotated[float, typer.Option(min=0, help="Thinner parts join a neighbour (m).")] = 10.0,
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language of the report.")] = "zh",
) -> int:
    """Where two nets agree and contradict, and one net of both. Needs no database. Exit code 1: they contradict."""
    if output is not None and output.suffix.lower() not in ENDINGS:
        raise BadInputError(f"{output.name} must end in {', '.join(ENDINGS)}", field="output")
    a, wrong_a = read_net(first, crs, pairs(columns), None)
    b, wrong_b = read_net(second, crs, pairs(columns_second or columns), None)
    counted = None
    if buildings is not None:
        counted, wrong = read_buildings(buildings, crs, {})
        _tell(buildings, wrong)
    elif from_database:
        counted = _stored_buildings()
    _tell(first, wrong_a)
    _tell(second, wrong_b)
    told = compare_nets(a, b, counted, near_share=near / 100, min_area_m2=min_area, min_width_m=min_width)
    if proposal is not None:
        write_proposal(told, proposal)
        print(proposal, file=sys.stderr)
    if output is None:
        print_json(told.as_dict())
    elif output.suffix.lower() == ".json":
        write_bytes(output, orjson.dumps(told.as_dict(), option=orjson.OPT_INDENT_2) + b"\n")
    elif output.suffix.lower() == ".xlsx":
        write_workbook(output, nets_workbook(told, lang))
    else:
        now = datetime.now(ZoneInfo(get_settings().timezone))
        output = write_paper(output, nets_page(told, Imprint(getpass.getuser(), now, "", False), lang))
    if output is not None:
        print(output)
    return EXIT_FOUND if told.conflicts else 0


def _stored_buildings() -> Buildings:
    with engine() as database, reading(database) as connection:
        rows = connection.execute(text(queries.BUILDINGS), {"day": get_settings().today()}).all()
    points = shapely.points([row.lon for row in rows], [row.lat for row in rows])
    return Buildings(np.atleast_1d(points), np.array([row.households for row in rows], dtype=np.intp))


def _tell(path: Path, rejections: list[Rejection]) -> None:
    for one in rejections[:20]:
        print(f"gismap: {path.name}, row {one.row}: {one.field}: {one.reason}; left out", file=sys.stderr)
    if len(rejections) > 20:
        print(f"gismap: {path.name}: {len(rejections) - 20} more rows left out", file=sys.stderr)
