"""`gismap locate` and `gismap resources`: the questions of the API, asked on the command line; results are JSON."""

import re
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError
from typer.core import TyperCommand

from gismap.cli import app
from gismap.cli.common import engine, parse_day
from gismap.elements.schemas import SearchBody
from gismap.elements.service import find_resources
from gismap.errors import BadInputError
from gismap.http import names_in
from gismap.settings import get_settings
from gismap.store.session import reading

OPTIONS = {
    name: f"--{name}"
    for name in "unit bbox circle polygon layers category name use floors households nearest limit cursor".split()
} | {"corridor": "--street", "attributes": "--attribute"}
"""Which option a part of the body comes from, to name the one at fault."""

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
RANGE = rf"(?=.*[0-9])({NUMBER})?\.\.({NUMBER})?"

AsOf = Annotated[
    date | None, typer.Option("--as-of", parser=parse_day, metavar="DAY", help="Day whose boundaries count.")
]


class WithNegativeNumbers(TyperCommand):
    """Takes -117.005 for a number, not for options; a mistyped option is one all the same."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.ignore_unknown_options = any(re.fullmatch(NUMBER, arg) for arg in args if arg.startswith("-"))
        return list(super().parse_args(ctx, args))


@app.command(cls=WithNegativeNumbers)
def locate(
    x: Annotated[float | None, typer.Argument(help="Easting or longitude.", show_default=False)] = None,
    y: Annotated[float | None, typer.Argument(help="Northing or latitude.", show_default=False)] = None,
    words: Annotated[
        str | None, typer.Option("--text", help="A place in words: an address, a crossing, a sentence.")
    ] = None,
    crs: Annotated[str, typer.Option(help="wgs84, cgcs2000, gcj02, bd09, EPSG:n, or auto.")] = "cgcs2000",
    accuracy: Annotated[float | None, typer.Option(help="Radius of the position's error in metres.")] = None,
    as_of: AsOf = None,
    near: Annotated[str | None, typer.Option(help="What to look for near: layer:k or layer.category:k, …")] = None,
    file: Annotated[Path | None, typer.Option(help="A list of positions: CSV, XLSX or JSON.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The list with answers: .csv, .xlsx, .json, .jsonl, .geojson.")
    ] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of the list: x=…,y=…,crs=…,accuracy=…")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of the workbook.")] = None,
) -> int:
    """Which grid is a point or a place in, and who answers? Prints JSON; or answers a whole list with --file and -o."""
    if file is not None:
        if output is None or (x, words, near) != (None, None, None):
            raise typer.BadParameter("a list needs -o OUT, and goes neither with X and Y nor with --text or --near")
        from gismap.cli.batch import ListOrder, locate_list  # noqa: PLC0415 (readers of files weigh)

        return locate_list(ListOrder(file, output, columns, crs, accuracy, as_of, sheet))
    if output is not None or columns is not None or sheet is not None:
        raise typer.BadParameter("it is for a list: name that with --file", param_hint="-o, --columns, --sheet")
    from gismap.locating.service import Question, check_layers, parse_near  # noqa: PLC0415
    from gismap.locating.snapshot import Snapshot  # noqa: PLC0415
    from gismap.locating.wording import answer_with_near, check_question  # noqa: PLC0415

    settings = get_settings()
    if words is None and (x is None or y is None):
        raise typer.BadParameter("'x' and 'y' are needed, or --text")
    if words is not None and x is not None:
        raise typer.BadParameter("give 'x' and 'y' or --text, not both")
    if words is not None:
        check_question(words)
    wanted, day = parse_near(near) if near else [], as_of or settings.today()
    place = (x or 0.0, y or 0.0, crs, day, accuracy)
    question = Question(*place, settings.language, settings.far_km, words or "")
    with engine() as database, reading(database) as connection:
        check_layers(connection, wanted)
        snapshot = Snapshot(database, settings.today, settings.handover_days)
        answer = answer_with_near(connection, snapshot, question, wanted, lambda _path: False)
    _print(orjson.dumps(answer, option=orjson.OPT_INDENT_2))
    return 0


@app.command()
def resources(
    unit: Annotated[str | None, typer.Option(help="Code or identity of a unit of any level.")] = None,
    bbox: Annotated[str | None, typer.Option(help="WEST,SOUTH,EAST,NORTH in degrees.")] = None,
    circle: Annotated[str | None, typer.Option(help="LON,LAT,METRES.")] = None,
    polygon: Annotated[str | None, typer.Option(help="GeoJSON geometry, or - to read it from stdin.")] = None,
    street: Annotated[str | None, typer.Option(help="Name of a street, for a corridor along it.")] = None,
    line: Annotated[str | None, typer.Option(help="GeoJSON line for a corridor, or - to read it from stdin.")] = None,
    width: Annotated[float, typer.Option(help="Metres to each side of the street or line.")] = 50.0,
    layers: Annotated[str | None, typer.Option(help="Layers, separated by commas.")] = None,
    category: Annotated[str | None, typer.Option(help="Categories, separated by commas.")] = None,
    name: Annotated[str | None, typer.Option(help="The name contains this.")] = None,
    use: Annotated[str | None, typer.Option(help="Use of buildings.")] = None,
    floors: Annotated[str | None, typer.Option(help="Floors of buildings: MIN..MAX, MIN.. or ..MAX.")] = None,
    households: Annotated[str | None, typer.Option(help="Households of buildings: MIN..MAX.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="KEY=VALUE or KEY=MIN..MAX; may be repeated.")] = None,
    nearest: Annotated[str | None, typer.Option(help="LON,LAT,K: the K nearest to a point.")] = None,
    as_of: AsOf = None,
    counts: Annotated[bool, typer.Option("--counts", help="Also count the whole area by layer and category.")] = False,
    limit: Annotated[int, typer.Option(help="Features of a page.")] = 100,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before.")] = None,
) -> None:
    """Who and what is in an area? Prints the GeoJSON that POST /api/resources/search answers."""
    forms = {
        "unit": unit,
        "bbox": bbox and _numbers(bbox, "--bbox", 4),
        "circle": circle and _circle(circle),
        "polygon": polygon and _geojson(polygon, "--polygon"),
        "corridor": (street or line)
        and _given({"street": street, "line": line and _geojson(line, "--line"), "half_width_m": width}),
    }
    filters = {
        "layers": names_in(layers, "--layers"),
        "category": names_in(category, "--category"),
        "name": name,
        "use": use,
        "floors": floors and _range(floors, "--floors"),
        "households": households and _range(households, "--households"),
        "attributes": dict(_attribute(one) for one in attribute or []),
    }
    body: dict[str, Any] = {
        "area": _given(forms) or None,
        "filter": _given(filters),
        "nearest": nearest and _nearest(nearest),
        "as_of": as_of,
        "cursor": cursor,
    }
    asked = _search_body(_given(body) | {"counts": counts, "limit": limit})
    settings = get_settings()
    with engine() as database, reading(database) as connection:
        question = asked.question(connection, settings.today(), settings.max_vertices)
        _print(find_resources(connection, question, language=settings.language, far_km=settings.far_km))


def _search_body(values: dict[str, Any]) -> SearchBody:
    try:
        return SearchBody.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        option = next((OPTIONS[part] for part in first["loc"] if part in OPTIONS), None)
        raise BadInputError(first["msg"].removeprefix("Value error, "), field=option) from error


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", {})}


def _numbers(text: str, option: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BadInputError(f"{text!r} is not numbers separated by commas", field=option) from error
    if len(numbers) != count:
        raise BadInputError(f"{count} numbers are needed, {text!r} has {len(numbers)}", field=option)
    return numbers


def _circle(text: str) -> dict[str, Any]:
    lon, lat, radius_m = _numbers(text, "--circle", 3)
    return {"center": [lon, lat], "radius_m": radius_m}


def _nearest(text: str) -> dict[str, Any]:
    lon, lat, k = _numbers(text, "--nearest", 3)
    return {"point": [lon, lat], "k": int(k) if k.is_integer() else k}


def _range(text: str, option: str) -> dict[str, float]:
    match = re.fullmatch(RANGE, text)
    if match is None:
        raise BadInputError(f"{text!r} is no range such as 3..6, 3.. or ..6", field=option)
    return {key: float(number) for key, number in zip(("min", "max"), match.groups(), strict=True) if number}


def _attribute(text: str) -> tuple[str, Any]:
    """A key and what its value must be: a range, a number, true or false; anything else is text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise BadInputError(f"{text!r} is not KEY=VALUE", field="--attribute")
    if re.fullmatch(RANGE, value):
        return key, _range(value, "--attribute")
    if re.fullmatch(rf"{NUMBER}|true|false", value):
        return key, orjson.loads(value)
    return key, value


def _geojson(text: str, option: str) -> Any:
    try:
        return orjson.loads(sys.stdin.buffer.read() if text == "-" else text)
    except orjson.JSONDecodeError as error:
        raise BadInputError(f"this is no JSON: {error}", field=option) from error


def _print(json: bytes) -> None:
    sys.stdout.buffer.write(json + b"\n")
