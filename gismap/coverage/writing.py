"""Writes what a check found as text, JSON, GeoJSON or GeoPackage; the page with the map is in `page`."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from gismap.coverage.checking import Report
from gismap.coverage.layers import Layer
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
from gismap.errors import BadInputError
from gismap.geometry.defects import WORTH_KNOWING, Defect, DefectType
from gismap.geometry.repair import Held, Repaired, Why
from gismap.i18n import Language, say

SHOWN = 12
"""Defects of one type that a text shows; the largest come first."""


def as_json(report: Report, language: Language) -> str:
    """The result as documented: units, area, counts by type, defects; `remedy` is a sentence, `action` its code."""
    document = {
        "file": report.layer.name,
        "crs": report.layer.frame_name,
        "units": len(report.layer.ids),
        "area_m2": round(report.area_m2, 2),
        "good": report.is_good,
        "summary": report.summary,
        "notes": [note_text(note, language) for note in report.notes],
        "defects": [_record(defect, language) for defect in report.defects],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _record(defect: Defect, language: Language) -> dict[str, Any]:
    written = defect.as_dict()
    written["remedy"] = remedy_text(defect, language)
    written["action"] = defect.remedy.value
    if defect.reason is not None:
        written["reason"] = reason_text(defect.reason, language)
    return written


def as_geojson(report: Report, language: Language) -> str:
    """The defects as features in longitude and latitude, numbered as everywhere.

    Raises:
        CrsError: the frame of the layer is not known.
    """
    features = []
    for number, defect in enumerate(report.defects, 1):
        shape = defect.geometry
        if shape is not None and not np.isfinite(shapely.get_coordinates(shape)).all():
            shape = None
        if shape is not None:
            shape = report.layer.ground.in_degrees(np.array([shape], dtype=object))[0]
        geometry = None if shape is None else orjson.loads(shapely.to_geojson(shape))
        record = {"number": number, **_record(defect, language)}
        features.append({"type": "Feature", "id": number, "properties": record, "geometry": geometry})
    return orjson.dumps({"type": "FeatureCollection", "features": features}).decode()


def write_geopackage(report: Report, output: Path, language: Language) -> None:
    """The defects as a layer in the frame of the file, for QGIS.

    Raises:
        BadInputError: it cannot be written.
    """
    import geopandas  # noqa: PLC0415  # weighs a third of a second, which other forms should not pay

    records, shapes = [], []
    for number, defect in enumerate(report.defects, 1):
        record = {"number": number, **_record(defect, language)}
        record["units"] = ", ".join(defect.units)
        record["at"] = place_text(defect)
        record["title"] = type_title(defect.type, language)
        records.append(record)
        shapes.append(defect.geometry)
    frame = report.layer.ground.frame
    columns = ["number", "type", "title", "units", "area_m2", "width_m", "length_m", "at", "remedy", "action"]
    extra = [name for name in ("reason", "overlap_m2", "gap_m2", "pieces") if any(name in each for each in records)]
    crs = None if frame is None else frame.definition
    table = geopandas.GeoDataFrame(records, geometry=shapes, columns=[*columns, *extra, "geometry"], crs=crs)
    try:
        output.unlink(missing_ok=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")  # nobody knows it, which was told
            table.to_file(output, driver="GPKG", layer="defects", engine="pyogrio")
    except Exception as error:  # GDAL's errors are of many kinds
        raise BadInputError(f"{output} cannot be written: {str(error)[:120]}", field="output") from error


def as_text(report: Report, language: Language) -> str:
    """What a planner reads: the sum first, then each type, largest first."""
    layer = report.layer
    frame = say("coverage.frame_none", language)
    if layer.frame_name is not None:
        frame = say("coverage.frame", language, frame=layer.frame_name)
    size = say("coverage.size", language, units=f"{len(layer.ids):,}", area=area_text(report.area_m2))
    lines = [f"{say('coverage.title', language)}: {layer.name}", f"{size}, {frame}"]
    lines += [f"* {note_text(note, language)}" for note in report.notes]
    told = [defect for defect in report.defects if defect.type not in WORTH_KNOWING]
    if told:
        lines.append(say("coverage.found", language, count=f"{len(told):,}"))
    else:
        lines.append(say("coverage.good_within" if report.outlines else "coverage.good", language))
    if len(told) < len(report.defects):
        lines.append(say("coverage.notices", language, count=len(report.defects) - len(told)))
    numbered = list(enumerate(report.defects, 1))
    for kind in dict.fromkeys(defect.type for defect in report.defects):
        of_kind = [(number, defect) for number, defect in numbered if defect.type is kind]
        lines += ["", f"{type_title(kind, language)}: {len(of_kind):,}"]
        if kind is DefectType.JITTER:
            lines.append(f"  {jitter_sum(report, language)}")
        lines += [f"  [{number}] {_line(defect, language)}" for number, defect in of_kind[:SHOWN]]
        if len(of_kind) > SHOWN:
            lines.append(f"  {say('coverage.more', language, count=f'{len(of_kind) - SHOWN:,}')}")
        lines.append(f"  → {remedy_text(of_kind[0][1], language)}")
    return "\n".join(lines)


def jitter_sum(report: Report, language: Language) -> str:
    """All jitter in a line: it is one cause, not a thousand findings."""
    jitter = [defect for defect in report.defects if defect.type is DefectType.JITTER]
    overlap, gap = (sum(getattr(each, name) or 0 for each in jitter) for name in ("overlap_m2", "gap_m2"))
    return say(
        "coverage.jitter_sum",
        language,
        borders=f"{len(jitter):,}",
        overlap=area_text(overlap),
        gap=area_text(gap),
    )


def _line(defect: Defect, language: Language) -> str:
    parts = [units_text(defect)]
    if defect.reason is not None:
        parts.append(reason_text(defect.reason, language))
    if defect.area_m2:
        parts.append(area_text(defect.area_m2))
        parts.append(say("coverage.width", language, width=length_text(defect.width_m)))
        parts.append(say("coverage.length", language, length=length_text(defect.length_m)))
    if defect.at is not None:
        parts.append(f"@ {place_text(defect)}")
    return (", " if language == "en" else ",").join(filter(None, parts))


TEXTS: dict[str, Callable[[Report, Language], str]] = {"text": as_text, "json": as_json, "geojson": as_geojson}
"""Forms that are text, and can go to stdout."""


_DOUBTS = {"lost": "lost_unit", "moved": "moved_unit"}


def ledger_text(layer: Layer, mended: Repaired, output: Path, language: Language) -> str:
    """What a repair did and what it leaves to a person."""
    lines = [f"{say('coverage.repair.title', language)}: {layer.name}"]
    if mended.changed:
        by_why = {why: area_text(sum(m.area_m2 for m in mended.moves if m.why is why)) for why in Why}
        lines.append(
            say(
                "coverage.repair.moved",
                language,
                changed=f"{len(mended.changed):,}",
                moved=area_text(mended.moved_m2),
                overlap=by_why[Why.OVERLAP],
                gap=by_why[Why.GAP],
                border=by_why[Why.BORDER],
            )
        )
    else:
        lines.append(say("coverage.repair.nothing", language))
    if mended.lost:
        lines.append(say("coverage.repair.lost", language, units=", ".join(mended.lost)))
    decisions = [_held_line(each, language) for each in mended.held]
    decisions += [f"{type_title(each.type, language)} {_line(each, language)}" for each in mended.left]
    if decisions:
        lines.append(say("coverage.repair.decisions", language, count=len(decisions)))
        lines += [f"  {line}" for line in decisions[: 3 * SHOWN]]
        if len(decisions) > 3 * SHOWN:
            lines.append(f"  {say('coverage.more', language, count=len(decisions) - 3 * SHOWN)}")
    lines.append(say("coverage.repair.written", language, file=output))
    return "\n".join(lines)


def _held_line(held: Held, language: Language) -> str:
    why = say(f"coverage.repair.{_DOUBTS.get(held.doubt, held.doubt.value)}", language)
    areas = f"{area_text(held.before_m2)} → {area_text(held.after_m2)}"
    return f"{held.unit} {why} ({areas})"
