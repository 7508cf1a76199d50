"""Writes what a check found as one page: the map with each defect numbered, a close-up of each, no foreign assets."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gismap.coverage.checking import Report
from gismap.coverage.drawing import MAP_WIDTH, Mark, Sheet
from gismap.coverage.layers import moved
from gismap.coverage.words import (
    area_text,
    length_text,
    note_text,
    place_text,
    reason_text,
    remedy_text,
    type_title,
    units_text,
)
from gismap.coverage.writing import jitter_sum
from gismap.geometry.defects import WORTH_KNOWING, Defect, DefectType
from gismap.geometry.ground import DEGREES, Ground, Shapes
from gismap.i18n import Language, say
from gismap.resources import PACKAGE

PICTURED = 150
"""Defects of one page that get a number on the map and a picture; of a flood, the JSON form has all."""
PICTURED_JITTER = 12
TOKENS = PACKAGE / "themes" / "static" / "tokens.css"
HERE = Path(__file__).parent / "templates"
COLOURS = {
    DefectType.GAP: "gap", DefectType.UNCOVERED: "gap", DefectType.ENCLAVE: "gap",
    DefectType.JITTER: "thin", DefectType.SLIVER: "thin", DefectType.NEAR_MISS: "thin", DefectType.MULTIPART: "thin",
}  # fmt: skip
"""How types are marked: what is missing, what is thin, and all that is too much."""


@cache
def environment() -> Environment:
    """Templates of pages that are files: whole by themselves."""
    return Environment(
        loader=PackageLoader("gismap.coverage"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def file_assets() -> dict[str, Markup]:
    """Styles and script of such a page."""
    style = TOKENS.read_text(encoding="utf-8") + (HERE / "report.css").read_text(encoding="utf-8")
    return {"style": Markup(style), "script": Markup((HERE / "report.js").read_text(encoding="utf-8"))}


def as_page(report: Report, language: Language) -> str:
    """The page of a check."""
    sheet = Sheet.of(report.shapes, report.layer.ids, report.layer.ground)
    shown = _shown(report)
    cards, marks = [], []
    for number, defect in shown:
        shape = in_metres(defect.geometry, sheet)
        if shape is not None:
            marks.append(Mark(number, shape, COLOURS.get(defect.type, "over")))
        cards.append(_card(number, defect, shape, sheet, report.layer.ground, language))
    outlines = [shape for each in report.outlines.values() if (shape := in_metres(each, sheet)) is not None]
    told = [defect for defect in report.defects if defect.type not in WORTH_KNOWING]
    good = say("coverage.good_within" if report.outlines else "coverage.good", language)
    jitter = report.summary.get(DefectType.JITTER, 0)
    return environment().get_template("check.html").render(
        language=language,
        say=lambda key, **values: say(f"coverage.{key}", language, **values),
        product=say("product", language),
        file=report.layer.name,
        made=say("coverage.made", language, file=report.layer.name, time=f"{datetime.now():%Y-%m-%d %H:%M}"),
        good=not told,
        verdict=say("coverage.found", language, count=f"{len(told):,}") if told else good,
        size=say("coverage.size", language, units=f"{len(report.layer.ids):,}", area=area_text(report.area_m2)),
        frame=report.layer.frame_name,
        summary=[(type_title(kind, language), count, kind) for kind, count in report.summary.items()],
        jitter=jitter_sum(report, language) if jitter else "",
        notes=[note_text(note, language) for note in report.notes],
        cards=cards,
        left_out=len(report.defects) - len(shown),
        map=Markup(sheet.map(marks, outlines)) if len(sheet.shapes) else "",
        box=f"0 0 {MAP_WIDTH} {sheet.height}" if len(sheet.shapes) else "0 0 1 1",
        **file_assets(),
    )  # fmt: skip


def _shown(report: Report) -> list[tuple[int, Defect]]:
    """Those to picture, with the number that they have in every form."""
    numbered = list(enumerate(report.defects, 1))
    jitter = [pair for pair in numbered if pair[1].type is DefectType.JITTER][:PICTURED_JITTER]
    others = [pair for pair in numbered if pair[1].type is not DefectType.JITTER][:PICTURED]
    return others + jitter


def in_metres(shape: shapely.Geometry | None, sheet: Sheet) -> shapely.Geometry | None:
    """A geometry of the layer in the sheet's metres; None where there is nothing to draw."""
    if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    return sheet.plane.to_metres(np.array([shapely.force_2d(shape)], dtype=object))[0]


def _card(
    number: int, defect: Defect, shape: shapely.Geometry | None, sheet: Sheet, ground: Ground, language: Language
) -> dict[str, Any]:
    facts = []
    if defect.area_m2:
        facts = [
            (say("coverage.area", language), area_text(defect.area_m2)),
            (say("coverage.how_wide", language), length_text(defect.width_m)),
            (say("coverage.how_long", language), length_text(defect.length_m)),
        ]
    if defect.at is not None:
        facts.append((say("coverage.at", language), place_text(defect)))
    spot: Shapes = np.empty(0, dtype=object)
    if defect.type is DefectType.INVALID and defect.at is not None:
        spot = sheet.plane.to_metres(moved(np.array([shapely.Point(defect.at)]), DEGREES, ground))
    picture = "" if shape is None or not len(sheet.shapes) else sheet.close_up(shape, points=spot)
    return {
        "number": number,
        "kind": COLOURS.get(defect.type, "over"),
        "title": type_title(defect.type, language),
        "units": units_text(defect, most=8),
        "reason": "" if defect.reason is None else reason_text(defect.reason, language),
        "facts": facts,
        "remedy": remedy_text(defect, language),
        "picture": Markup(picture),
        "box": orjson.dumps(_box(shape, sheet)).decode() if shape is not None and len(sheet.shapes) else "",
    }


def _box(shape: shapely.Geometry, sheet: Sheet) -> list[float]:
    """Where a defect lies on the map, as a view box with room around it."""
    west, south, east, north = shape.bounds
    left, top = sheet.frame.place(west, north)
    right, bottom = sheet.frame.place(east, south)
    room = max(right - left, bottom - top, 12) * 0.8
    return [round(number, 2) for number in (left - room, top - room, right - left + 2 * room, bottom - top + 2 * room)]
