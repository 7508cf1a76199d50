"""Two nets laid over each other, as a page, as a workbook and as a GeoPackage of the proposal."""

from html import escape
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataSourceError

from gismap.errors import BadInputError
from gismap.geometry.overlay import NOBODY
from gismap.handover.nets import Comparison, Conflict, crosstab
from gismap.handover.paper import Imprint, Markup, page, table, unit_name
from gismap.handover.sketch import Drawn, sketch
from gismap.i18n import Language, say
from gismap.workbooks import Sheet

LISTED = 200
"""Rows of a table on the page; the workbook has all."""

WIDEST = 250
"""Columns of a matrix that a spreadsheet still shows well; wider ones are told as a list alone."""

MAP_PX = (680, 460)


def nets_page(told: Comparison, imprint: Imprint, language: Language) -> str:
    """The page: what agrees and what does not, on a map and as lists."""
    a, b = told.nets
    parts = [
        f"<p>{escape(say('nets.of', language, a=a.title, b=b.title, n=len(a.names), m=len(b.names)))}</p>",
        table(*_totals(told, language)),
        _map(told, language),
        _listed("nets.conflicts", *_conflicts(told, language, is_page=True), language, numbers=(4, 5)),
        _listed("nets.matrix", *_matrix(told, language, is_page=True), language, numbers=range(2, 7)),
        f'<p class="soft">{escape(say("nets.note", language))}</p>',
    ]
    if not told.has_buildings:
        parts.append(f'<p class="soft">{escape(say("nets.no_buildings", language))}</p>')
    return page(say("nets.title", language), "".join(parts), imprint, language)


def nets_workbook(told: Comparison, language: Language) -> list[Sheet]:
    """Totals, conflicts, the matrix as a list and as tables by households and by area, and the proposal."""
    heads, rows = _totals(told, language)
    sheets = [
        Sheet(say("nets.totals", language), heads, rows),
        Sheet(say("nets.conflicts", language), *_conflicts(told, language, is_page=False)),
        Sheet(say("nets.matrix", language), *_matrix(told, language, is_page=False)),
    ]
    if len(told.nets[1].names) <= WIDEST:
        columns = [told.nets[0].title, *told.nets[1].names, say("nets.neither", language)]
        for measured in ("households", "area_m2") if told.has_buildings else ("area_m2",):
            cells = [[row[0] or say("nets.neither", language), *(_rounded(cell) for cell in row[1:])]
                     for row in crosstab(told, measured)]  # fmt: skip
            sheets.append(Sheet(say(f"nets.by_{measured}", language), columns, cells))
    sheets.append(Sheet(say("nets.proposal", language), *_proposal(told, language)))
    return sheets


def write_proposal(told: Comparison, path: Path) -> None:
    """The proposed net as a GeoPackage (EPSG:4490), every part naming the grids of both nets that it is of.

    Raises:
        BadInputError: the file cannot be written.
    """
    a, b = told.nets
    shapes = np.empty(len(told.proposal), dtype=object)
    shapes[:] = [shapely.multipolygons([part.geom]) for part in told.proposal]
    rows: dict[str, list[Any]] = {
        "code": [f"{number:04d}" for number in range(1, len(told.proposal) + 1)],
        "name": [told.named(part) for part in told.proposal],
    }
    for prefix, net, side in (("a", a, "first"), ("b", b, "second")):
        at = [getattr(part, side) for part in told.proposal]
        rows[f"{prefix}_code"] = [None if index == NOBODY else net.codes[index] for index in at]
        rows[f"{prefix}_name"] = [None if index == NOBODY else net.names[index] for index in at]
    rows["area_m2"] = [round(part.area_m2, 1) for part in told.proposal]
    if told.has_buildings:
        rows["buildings"], rows["households"] = map(list, zip(*told.counts, strict=True))
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs=4490)
    try:
        path.unlink(missing_ok=True)  # GDAL would add a layer to the file that is there
        pyogrio.write_dataframe(frame, path, driver="GPKG", layer="grids")
    except (OSError, DataSourceError) as error:
        raise BadInputError(f"{path} cannot be written: {error}", field="proposal") from error


def _totals(told: Comparison, language: Language) -> tuple[list[str], list[list[Any]]]:
    totals = told.totals()
    return [say(f"nets.{name}", language) for name in totals], [list(totals.values())]


def _conflicts(told: Comparison, language: Language, *, is_page: bool) -> tuple[list[str], list[list[Any]]]:
    heads = [say(f"nets.{name}", language) for name in ("kind", "net", "grid", "others", "area", "households")]
    rows = []
    for one in told.conflicts:
        of = told.nets[one.net if one.kind == "overlap" else 1 - one.net]
        others = say("list_separator", language).join(f"{of.names[index]} {share:.1%}" for index, share in one.others)
        net = told.nets[one.net]
        grid = _named(net.called(one.grid), language, is_page=is_page)
        kind = say(f"nets.{one.kind}", language)
        title = Markup(f'<span class="line">{escape(net.title)}</span>') if is_page else net.title
        rows.append([kind, title, grid, others, round(one.area_m2), one.households])
    return heads, rows


def _matrix(told: Comparison, language: Language, *, is_page: bool) -> tuple[list[str], list[list[Any]]]:
    a, b = told.nets
    heads = [a.title, b.title]
    heads += [say(f"nets.{name}", language) for name in ("area", "share_a", "share_b", "buildings", "households")]
    rows = [
        [
            _named(a.called(one.first), language, is_page=is_page),
            _named(b.called(one.second), language, is_page=is_page),
            round(one.area_m2),
            f"{one.share_of_first:.1%}",
            f"{one.share_of_second:.1%}",
            one.buildings,
            one.households,
        ]
        for one in told.shared
    ]
    return heads, rows


def _proposal(told: Comparison, language: Language) -> tuple[list[str], list[list[Any]]]:
    a, b = told.nets
    heads = [say("nets.number", language), say("nets.name", language), a.title, b.title]
    heads += [say(f"nets.{name}", language) for name in ("area", "buildings", "households")]
    rows: list[list[Any]] = []
    for number, (part, counts) in enumerate(zip(told.proposal, told.counts, strict=True), 1):
        sides = (_named(net.called(at), language, is_page=False) for net, at in ((a, part.first), (b, part.second)))
        rows.append([f"{number:04d}", told.named(part), *sides, round(part.area_m2), *counts])
    return heads, rows


def _named(grid: dict[str, Any] | None, language: Language, *, is_page: bool) -> str:
    if grid is None:
        return say("nets.neither", language)
    return unit_name(grid, language) if is_page else " ".join(part for part in (grid["code"], grid["name"]) if part)


def _listed(title: str, heads: list[str], rows: list[list[Any]], language: Language, numbers: Any) -> str:
    rest = len(rows) - LISTED
    more = f'<p class="soft">{escape(say("handover.rest", language, count=rest))}</p>' if rest > 0 else ""
    return f"<h2>{escape(say(title, language))}</h2>{table(heads, rows[:LISTED], tuple(numbers))}{more}"


def _map(told: Comparison, language: Language) -> str:
    a, b = told.nets
    shapes = [Drawn(one.geom, _style(one)) for one in told.conflicts if one.kind != "split"]
    shapes += [Drawn(geom, "before") for geom in a.geoms]
    shapes += [Drawn(geom, "after") for geom in b.geoms]
    key = "".join(
        f'<span><i class="{style}"></i>{escape(says)}</span>'
        for style, says in (("before", a.title), ("after", b.title), ("bare", say("nets.uncovered", language)),
                            ("conflict", say("nets.near_or_overlap", language)))
    )  # fmt: skip
    return Markup(f'{sketch(shapes, *MAP_PX)}<p class="key">{key}</p>')


def _style(one: Conflict) -> str:
    return "bare" if one.kind == "uncovered" else "conflict"


def _rounded(cell: Any) -> Any:
    return round(cell) if isinstance(cell, float) else cell
