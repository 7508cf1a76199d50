"""The streets of a demo as drafts, from the borders that they run along; how they were laid is not known here."""

from collections.abc import Sequence

import numpy as np
import shapely

from gismap.demo.land.lines import NAMED, RANK, Course
from gismap.demo.land.mesh import Mesh
from gismap.demo.land.sheet import Sheet
from gismap.elements.values import StreetDraft

_NO_STREET = {"river", "border"}


def draw_streets(mesh: Mesh, courses: Sequence[Course]) -> list[StreetDraft]:
    """One draft per street: the border pieces along its courses, joined; what is nowhere a border is left out."""
    rows = np.flatnonzero([course >= 0 and courses[course].kind not in _NO_STREET for course in mesh.course])
    keys = [courses[course].street for course in mesh.course[rows]]
    pieces: dict[str, list[int]] = {}
    for row, key in zip(rows.tolist(), keys, strict=True):
        pieces.setdefault(key, []).append(row)
    kept = sorted(pieces)
    lines = [shapely.multilinestrings(shapely.linestrings(mesh.segments[pieces[key]])) for key in kept]
    merged = shapely.line_merge(np.array(lines, dtype=object))
    drafts = []
    for key, line in zip(kept, merged, strict=True):
        best = min((courses[mesh.course[row]] for row in pieces[key]), key=lambda course: RANK[course.kind])
        name = best.name if best.kind in NAMED else None
        drafts.append(StreetDraft(source_ref=key, geom=line, street_class=best.kind, name=name))
    return drafts


def draw_lanes(courses: Sequence[Course], sheet: Sheet) -> list[StreetDraft]:
    """Streets that end inside of a face, as they are."""
    lines = sheet.to_degrees(np.array([shapely.linestrings(course.xy) for course in courses], dtype=object))
    return [StreetDraft(course.street, line, course.kind) for course, line in zip(courses, lines, strict=True)]
