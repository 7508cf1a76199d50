"""`gismap map`: a thematic map as one file that needs neither server nor network."""

import getpass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from gismap.cli import app
from gismap.cli.common import engine, parse_day
from gismap.errors import BadInputError
from gismap.settings import get_settings


@app.command(name="map")
def make_map(
    theme: Annotated[str, typer.Argument(help="one, grids, staff, households, density, load, places or heat.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The HTML file to write.")],
    as_of: Annotated[
        date | None, typer.Option(parser=parse_day, metavar="DAY", help="Boundaries and things of that day.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Only this unit: its code or identity.")] = None,
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language of the map.")] = "zh",
    user: Annotated[str | None, typer.Option(help="Who answers for the file; this account when not given.")] = None,
) -> None:
    """Write a thematic map as one self-contained file: no names, no phones, marked for internal use, with an expiry."""
    # drawing weighs a second, which no other command should pay
    from gismap.themes.service import Wanted, map_file  # noqa: PLC0415
    from gismap.themes.specs import theme_named  # noqa: PLC0415

    settings = get_settings()
    wanted = Wanted(theme_named(theme), lang, as_of or settings.today(), unit)
    if not output.parent.is_dir():
        raise BadInputError(f"there is no folder {output.parent}", field="output")
    with engine() as connected:
        page = map_file(
            connected, wanted, user=user or getpass.getuser(), now=datetime.now(ZoneInfo(settings.timezone))
        )
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{output} cannot be written: {error.strerror}", field="output") from error
    print(output)
