"""`gismap override` and `gismap dispute`: rulings on whose a building, a door or a border is, beside the polygons."""

import getpass
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import shapely
import typer

from gismap.cli import app
from gismap.cli.common import engine, parse_day
from gismap.errors import BadInputError
from gismap.locating import rulings
from gismap.settings import get_settings
from gismap.store.session import reading, writing

override = typer.Typer(help="Buildings and doors that belong elsewhere than their polygon says.", no_args_is_help=True)
dispute = typer.Typer(help="Borders that two units claim, and who answers meanwhile.", no_args_is_help=True)
app.add_typer(override, name="override")
app.add_typer(dispute, name="dispute")

Reason = Annotated[str, typer.Option(help="Why; every answer tells it.", show_default=False)]
Since = Annotated[date | None, typer.Option(parser=parse_day, metavar="DAY", help="First day it holds; today.")]
AsOf = Annotated[date | None, typer.Option("--as-of", parser=parse_day, metavar="DAY", help="In force on this day.")]
On = Annotated[date | None, typer.Option(parser=parse_day, metavar="DAY", help="First day it does not hold; today.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="What the list calls it.", show_default=False)]


@override.command(name="add")
def add_override(
    element: Annotated[str, typer.Argument(help="Identity of the building or place.", show_default=False)],
    unit: Annotated[str, typer.Option(help="Code of the grid that it belongs to.", show_default=False)],
    reason: Reason,
    door: Annotated[str | None, typer.Option(help="One door of it, as on the plate.")] = None,
    since: Since = None,
) -> None:
    """Rule that a building, a place or one door belongs to a grid."""
    first = _from_today(since, "since")
    with engine() as database, writing(database) as connection:
        number = rulings.add_override(connection, element, door, unit, reason, since=first, made_by=getpass.getuser())
    print(f"override {number} from {first}")


@dispute.command(name="add")
def add_dispute(
    between: Annotated[tuple[str, str], typer.Option(metavar="CODE CODE", help="The grids.", show_default=False)],
    interim: Annotated[str, typer.Option(help="Which of them answers meanwhile.", show_default=False)],
    line: Annotated[
        str, typer.Option(help="GeoJSON line in degrees, its file, or - for stdin.", show_default=False)
    ],
    reason: Reason,
    reach: Annotated[float, typer.Option(help="Metres to each side in which the answer is in doubt.")] = 15.0,
    since: Since = None,
) -> None:
    """Say that two grids claim the land along a line."""
    first, segment = _from_today(since, "since"), _line(line)
    with engine() as database, writing(database) as connection:
        number = rulings.add_dispute(
            connection, between, interim, segment, reason, reach_m=reach, since=first, made_by=getpass.getuser()
        )
    print(f"dispute {number} from {first}")


@override.command(name="end")
def end_override(number: Number, on: On = None) -> None:
    """End an override: the polygon counts again."""
    _end("override", number, on)


@dispute.command(name="end")
def end_dispute(number: Number, on: On = None) -> None:
    """End a dispute: it is settled."""
    _end("dispute", number, on)


@override.command(name="list")
def list_overrides(as_of: AsOf = None) -> None:
    """Print the overrides in force."""
    _list("overrides", as_of)


@dispute.command(name="list")
def list_disputes(as_of: AsOf = None) -> None:
    """Print the disputes in force."""
    _list("disputes", as_of)


def _end(kind: str, number: int, on: date | None) -> None:
    day = _from_today(on, "on")
    with engine() as database, writing(database) as connection:
        rulings.end_ruling(connection, kind, number, day=day, ended_by=getpass.getuser())
    print(f"{kind} {number}: ended on {day}")


def _list(kind: str, as_of: date | None) -> None:
    with engine() as database, reading(database) as connection:
        for row in rulings.list_rulings(connection, as_of or get_settings().today())[kind]:
            print(orjson.dumps(row).decode())


def _from_today(day: date | None, field: str) -> date:
    today = get_settings().today()
    if day is not None and day < today:
        raise BadInputError(f"{day} is past, and past days keep their answers; today or later", field=field)
    return day or today


def _line(text: str) -> shapely.Geometry:
    try:
        if text == "-":
            text = sys.stdin.read()
        elif not text.lstrip().startswith("{"):
            text = Path(text).read_text(encoding="utf-8")
        return shapely.from_geojson(text)
    except (OSError, UnicodeDecodeError, shapely.errors.GEOSException) as error:
        raise BadInputError("is no GeoJSON line, and no file of one", field="line") from error
