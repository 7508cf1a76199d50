"""Writes a checkup as one page that needs nothing else: what each file is, a map, and every finding with its picture.

Persons are shown by surname and masked phone, and texts of the files are screened for numbers of persons.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gismap.checkup.examining import Checkup, Section
from gismap.checkup.findings import Finding, land_of
from gismap.checkup.sources import Kind, Source, Unreadable
from gismap.coverage.drawing import MAP_WIDTH, Mark, Sheet
from gismap.coverage.page import COLOURS, file_assets
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
from gismap.geometry.defects import WORTH_KNOWING, Defect, DefectType
from gismap.geometry.ground import DEGREES
from gismap.i18n import Language, say

SHOWN = 60
"""Findings of a section that the page lists."""
PICTURED = 24
"""Findings of a section that get a picture."""
SHOWN_JITTER = 6
FARTHEST_M = 5_000.0
"""A thing farther from every grid is told, and not pictured."""
_LISTED = {"zh": "、", "en": ", "}
_NUMBER = re.compile(r"(?<![0-9])(1[3-9]\d)\d{4}(\d{4})(?!\d)|(?<![0-9])\d{6}(?:19|20)\d{9}[0-9Xx](?![0-9])")
"""Mobile and identity numbers, which nobody should find in names of things."""


def as_page(checkup: Checkup, language: Language) -> str:
    """The page of a checkup."""
    sheet = (
        Sheet.of(land_of(checkup.units), [unit.name or unit.code for unit in checkup.units], DEGREES)
        if checkup.units
        else None
    )
    environment = Environment(
        loader=PackageLoader("gismap.checkup"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    told = [defect for defect in checkup.defects if defect.type not in WORTH_KNOWING]
    return environment.get_template("checkup.html").render(
        language=language,
        say=lambda key, **values: say(f"checkup.{key}", language, **values),
        product=say("product", language),
        made=f"{datetime.now():%Y-%m-%d %H:%M}",
        count=checkup.count,
        verdict=say("checkup.bad" if checkup.count else "checkup.good", language, count=f"{checkup.count:,}"),
        size=_size(checkup, language),
        files=[
            *(_file(source, language) for source in checkup.sources),
            *(_file(unreadable, language) for unreadable in checkup.unreadable),
        ],
        boundary={
            "asked": bool(checkup.units),
            "count": len(told),
            "summary": _summary(checkup.defects, language),
            "cards": [_defect_card(n, defect, sheet, language) for n, defect in _shown(checkup.defects)],
            "left": max(0, len(checkup.defects) - len(_shown(checkup.defects))),
        },
        sections=[_section(section, sheet, language) for section in checkup.sections],
        map=Markup(_plan(checkup, sheet)) if sheet is not None else "",
        box=f"0 0 {MAP_WIDTH} {sheet.height}" if sheet is not None else "",
        **file_assets(),
    )  # fmt: skip


def _size(checkup: Checkup, language: Language) -> str:
    return say(
        "checkup.size",
        language,
        files=len(checkup.sources) + len(checkup.unreadable),
        units=f"{len(checkup.units):,}",
        area=area_text(checkup.area_m2),
        people=f"{len({post.key for post in checkup.posts}):,}",
    )


def _file(source: Source | Unreadable, language: Language) -> dict[str, Any]:
    if isinstance(source, Unreadable):
        title = say("checkup.kind.unreadable", language)
        return {"name": source.path.name, "kind": "unreadable", "title": title, "rows": "", "notes": [source.reason]}
    notes = [note_text(note, language) for note in source.notes]
    if source.seen:
        notes.insert(0, say("checkup.seen", language, columns=_LISTED[language].join(source.seen[:6])))
    elif source.kind is Kind.UNKNOWN:
        notes.insert(0, say("checkup.unknown", language))
    notes += [
        say("checkup.row", language, row=row, reason=reason_text(reason, language))
        for row, reason in source.problems[:8]
        if source.kind is not Kind.BOUNDARY
    ]
    return {
        "name": source.name,
        "kind": source.kind.value,
        "title": say(f"checkup.kind.{source.kind}", language),
        "rows": f"{len(source.table):,}",
        "notes": notes,
    }


def _summary(defects: Sequence[Defect], language: Language) -> list[tuple[str, int]]:
    counted: dict[str, int] = {}
    for defect in defects:
        counted[defect.type] = counted.get(defect.type, 0) + 1
    return [(type_title(kind, language), count) for kind, count in counted.items()]


def _shown(defects: Sequence[Defect]) -> list[tuple[int, Defect]]:
    """Defects to picture, with their numbers: of jitter few, since it is one cause."""
    numbered = list(enumerate(defects, 1))
    jitter = [pair for pair in numbered if pair[1].type is DefectType.JITTER][:SHOWN_JITTER]
    return [pair for pair in numbered if pair[1].type is not DefectType.JITTER][:SHOWN] + jitter


def _defect_card(number: int, defect: Defect, sheet: Sheet | None, language: Language) -> dict[str, Any]:
    facts = ""
    if defect.area_m2:
        width = say("coverage.width", language, width=length_text(defect.width_m))
        facts = f"{area_text(defect.area_m2)} · {width}"
    return {
        "number": number,
        "kind": COLOURS.get(defect.type, "over"),
        "title": type_title(defect.type, language),
        "text": units_text(defect, most=6),
        "facts": " · ".join(filter(None, (facts, place_text(defect)))),
        "remedy": remedy_text(defect, language),
        "picture": _picture(defect.geometry, sheet),
    }


def _picture(shape: shapely.Geometry | None, sheet: Sheet | None, points: Sequence[shapely.Point] = ()) -> Markup:
    """A close-up of a place in degrees; nothing where it cannot be drawn."""
    if sheet is None or shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return Markup("")
    place = sheet.plane.to_metres(np.array([shapely.force_2d(shape)], dtype=object))[0]
    dots = sheet.plane.to_metres(np.array(list(points), dtype=object)) if points else ()
    if shape.geom_type in {"Point", "MultiPoint"}:  # look at the way to the nearest unit
        distance_m = sheet.distance_to_units(place)
        if distance_m > FARTHEST_M:
            return Markup("")
        place = place.buffer(max(20.0, 1.2 * distance_m))
        return Markup(sheet.close_up(place, points=dots, outlined=False))
    return Markup(sheet.close_up(place, points=dots))


def _section(section: Section, sheet: Sheet | None, language: Language) -> dict[str, Any]:
    entries = []
    for number, finding in enumerate(section.findings[:SHOWN]):
        pictured = number < PICTURED and section.key in {"misplaced", "ownerless"}
        entries.append(
            {
                "text": _text(finding, language),
                "picture": _picture(finding.place, sheet, finding.points) if pictured else "",
            }
        )
    return {
        "key": section.key,
        "title": say(f"checkup.section.{section.key}", language),
        "asked": section.asked,
        "count": len(section.findings),
        "entries": entries,
        "pictured": any(entry["picture"] for entry in entries),
        "left": max(0, len(section.findings) - SHOWN),
    }


def _text(finding: Finding, language: Language) -> str:
    values = dict(finding.values)
    if "roles" in values:
        roles = values["roles"]
        assert isinstance(roles, tuple)
        values["roles"] = _LISTED[language].join(say(f"role.{role}", language) for role in roles)
    if "duty" in values:
        values["duty"] = say(f"duty.{values['duty']}", language)
    return say(f"checkup.finding.{finding.key}", language, **{key: _screened(value) for key, value in values.items()})


def _screened(value: object) -> object:
    """Text without the numbers of persons; masked ones have their stars already."""
    if not isinstance(value, str):
        return value
    return _NUMBER.sub(lambda match: f"{match[1]}****{match[2]}" if match[1] else "******", value)


def _plan(checkup: Checkup, sheet: Sheet) -> str:
    """The whole district: defects with their numbers, grids without an owner washed."""
    marks = []
    for number, defect in _shown(checkup.defects):
        shape = defect.geometry
        if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
            continue
        place = sheet.plane.to_metres(np.array([shapely.force_2d(shape)], dtype=object))[0]
        marks.append(Mark(number, place, COLOURS.get(defect.type, "over")))
    washed = [
        f.place for section in checkup.sections if section.key == "ownerless" for f in section.findings if f.place
    ]
    lands = sheet.plane.to_metres(np.array(washed, dtype=object)) if washed else ()
    step = (sheet.bounds[2] - sheet.bounds[0]) / MAP_WIDTH
    wash = "".join(f'<path class="w" d="{sheet.frame.path(shapely.simplify(land, step))}"/>' for land in lands)
    return sheet.map(marks) + wash
