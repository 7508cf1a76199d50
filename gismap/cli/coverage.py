"""`gismap coverage`: checks, mends and nests files of areas; needs no database."""

import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from gismap.cli import app
from gismap.errors import BadInputError

coverage = typer.Typer(
    name="coverage", help="Prove, mend and nest boundaries in files; no database.", no_args_is_help=True
)
app.add_typer(coverage)

Lang = Annotated[Literal["zh", "en"], typer.Option(help="Language of what is written.")]
Crs = Annotated[str, typer.Option(help="auto (as the file says), wgs84, cgcs2000, gcj02, bd09 or EPSG:n.")]
Sheet = Annotated[str | None, typer.Option(help="Sheet of a workbook, layer of a GeoPackage or drawing.")]
Id = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="What units are called by; found if not given.")]
GapWidth = Annotated[
    float | None, typer.Option(metavar="M", help="Holes wider than this were meant; channels up to it are told.")
]


@coverage.command()
def check(
    file: Annotated[Path, typer.Argument(help="Any file of areas.")],
    within: Annotated[Path | None, typer.Option(help="Outline, or outlines, that the units must fill exactly.")] = None,
    id_column: Id = None,
    gap_width: GapWidth = None,
    allow_holes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Areas or points where holes may stay: enclaves, water.")
    ] = None,
    allowed: Annotated[
        list[str] | None, typer.Option(metavar="LON,LAT", help="A point in a hole that may stay; may be repeated.")
    ] = None,
    form: Annotated[
        Literal["text", "json", "geojson", "gpkg", "html"] | None,
        typer.Option("--format", help="By the ending of the output, else text.", show_default=False),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to; stdout when not given.")] = None,
    crs: Crs = "auto",
    sheet: Sheet = None,
    lang: Lang = "zh",
) -> int:
    """Find every gap, overlap and other defect of a file of areas; exits with 1 where there is one."""
    from gismap.coverage.checking import CheckOrder, check_file  # noqa: PLC0415
    from gismap.coverage.page import as_page  # noqa: PLC0415
    from gismap.coverage.writing import TEXTS, write_geopackage  # noqa: PLC0415

    chosen = form or _form_of(output)
    if chosen == "gpkg" and output is None:
        raise typer.BadParameter("a GeoPackage needs a file: name it with -o")
    points = [_position(text) for text in allowed or ()]
    report = check_file(CheckOrder(file, within, id_column, gap_width, allow_holes, points, crs, sheet))
    if chosen == "gpkg":
        assert output is not None
        write_geopackage(report, output, lang)
    else:
        text = as_page(report, lang) if chosen == "html" else TEXTS[chosen](report, lang)
        _write(text, output)
    return 0 if report.is_good else 1


@coverage.command()
def repair(
    file: Annotated[Path, typer.Argument(help="Any file of areas.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to; its ending says the format.")],
    gap_width: Annotated[float, typer.Option(metavar="M", help="Holes up to this wide (2A/P) are filled.")] = 1.0,
    ledger: Annotated[Path | None, typer.Option(help="Write every area that changed hands to this JSON.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Also do what loses or splits units, or moves more than 1 % of them.")
    ] = False,
    id_column: Id = None,
    crs: Crs = "auto",
    sheet: Sheet = None,
    lang: Lang = "zh",
) -> int:
    """Mend a file of areas; exits with 1 where something is left for a person to decide."""
    from gismap.coverage.repairing import RepairOrder, repair_file  # noqa: PLC0415
    from gismap.coverage.words import note_text  # noqa: PLC0415
    from gismap.coverage.writing import ledger_text  # noqa: PLC0415

    layer, mended = repair_file(RepairOrder(file, output, gap_width, ledger, accept, id_column, crs, sheet))
    for note in layer.notes:
        print(note_text(note, lang), file=sys.stderr)
    print(ledger_text(layer, mended, output, lang))
    return 1 if mended.left or (mended.held and not accept) else 0


@coverage.command()
def nest(
    children: Annotated[Path, typer.Argument(help="The units below.")],
    parents: Annotated[Path, typer.Argument(help="The units above.")],
    child_id: Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="What units are called by.")] = None,
    parent_id: Annotated[str | None, typer.Option(metavar="COLUMN", help="What parents are called by.")] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Form of the audit.")] = "text",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the units with the parent proposed for each.")
    ] = None,
    parents_output: Annotated[Path | None, typer.Option(help="Write the parents as unions of their children.")] = None,
    lang: Lang = "zh",
) -> int:
    """Audit a hierarchy that was drawn separately, and propose parents; exits with 1 where it does not nest."""
    from gismap.coverage.nesting import NestOrder, as_json, as_text, nest_files  # noqa: PLC0415

    below, above, found = nest_files(NestOrder(children, parents, child_id, parent_id, output, parents_output))
    print(as_json(found) if form == "json" else as_text(below, above, found, lang))
    return 0 if found.is_exact else 1


def _form_of(output: Path | None) -> str:
    endings = {".json": "json", ".geojson": "geojson", ".gpkg": "gpkg", ".html": "html", ".htm": "html"}
    return "text" if output is None else endings.get(output.suffix.lower(), "text")


def _position(text: str) -> tuple[float, float]:
    parts = re.fullmatch(r"\s*(-?[0-9.]+)\s*[,，]\s*(-?[0-9.]+)\s*", text)
    try:
        if parts is not None:
            return float(parts[1]), float(parts[2])
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is no position; write it like 116.97,35.40")


def _write(text: str, output: Path | None) -> None:
    if output is None:
        print(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{output} cannot be written: {error.strerror}", field="output") from error
    print(output)
