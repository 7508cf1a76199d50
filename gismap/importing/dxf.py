"""Reads DXF drawings: closed lines and nets of lines become cells, and each cell is called what is written in it.

Drawings are read here, pair by pair, and not by GDAL: text without a signature could be a file of any kind to it, also
one that leads to others.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from gismap.errors import BadInputError
from gismap.importing.values import Objects, Table, objects
from gismap.limits import check_extent

Pair = tuple[int, str]

_BOUNDARY = re.compile("网格|边界|区界|grid|bound", re.IGNORECASE)
"""What layers of a drawing are called that hold the borders of units."""
_MARKUP = re.compile(r"\\[A-Za-z][^;\\]*;|[{}]")
"""Fonts and sizes in the texts of a drawing."""
_CODEPAGES = {"ANSI_936": "gb18030", "ANSI_950": "big5", "ANSI_1252": "cp1252"}
_UNICODE_SINCE = "AC1021"
_ARC_STEP = math.radians(5)


@dataclass(slots=True)
class Drawing:
    """What of a drawing matters here: lines and texts, each with the layer that it lies in."""

    lines: list[shapely.LineString] = field(default_factory=list)
    line_layers: list[str] = field(default_factory=list)
    points: list[shapely.Point] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add_line(self, layer: str, positions: list[tuple[float, float]]) -> None:
        if len(positions) > 1:
            self.lines.append(shapely.LineString(positions))
            self.line_layers.append(layer)


def read_dxf(path: Path, layer: str | None) -> Table:
    """The cells of a drawing, with `name` (what is written in it), `texts` (all of it) and `layer`.

    A drawing does not say its frame. Without `layer`, the borders are looked for in the only layer with lines, or in
    the one whose name says so.

    Raises:
        BadInputError: no drawing, without lines, or several layers of which none says that it holds borders.
    """
    try:
        drawing = _drawing(_pairs(path))
    except (ValueError, OverflowError, shapely.errors.ShapelyError) as error:
        raise BadInputError(
            f"{path.name} is no DXF drawing, or a damaged one; save it again as ASCII DXF", field="file"
        ) from error
    check_extent(path.name, len(drawing.lines) + len(drawing.points), 3)
    chosen = _chosen(path.name, drawing.line_layers, layer)
    lines = objects([line for line, of in zip(drawing.lines, drawing.line_layers, strict=True) if of == chosen])
    cells = _cells(lines)
    if not len(cells):
        raise BadInputError(f"{path.name}: the lines of layer {chosen!r} enclose nothing", field="file")
    names, texts = _labels(cells, objects(drawing.points), drawing.texts)
    columns = {"name": names, "texts": texts, "layer": objects([chosen] * len(cells))}
    return Table(columns, np.arange(1, len(cells) + 1), cells)


def _pairs(path: Path) -> Iterator[Pair]:
    """Codes with their values; text in the encoding that the drawing names."""
    lines = path.read_bytes().splitlines()
    head = [line.strip().decode("ascii", errors="replace") for line in lines[:2000]]
    version = head[head.index("$ACADVER") + 2] if "$ACADVER" in head[:-2] else ""
    page = head[head.index("$DWGCODEPAGE") + 2] if "$DWGCODEPAGE" in head[:-2] else ""
    encoding = "utf-8" if version >= _UNICODE_SINCE else _CODEPAGES.get(page, "gb18030")
    for code, value in zip(lines[::2], lines[1::2], strict=False):
        yield int(code), value.strip().decode(encoding, errors="replace")


def _drawing(pairs: Iterator[Pair]) -> Drawing:
    drawing, polyline = Drawing(), None
    for kind, values in _entities(pairs):
        match kind:
            case "LWPOLYLINE":
                drawing.add_line(_layer(values), _path(_vertices(values), closed=bool(_flags(values) & 1)))
            case "POLYLINE":
                polyline = (_layer(values), bool(_flags(values) & 1), list[tuple[float, float, float]]())
            case "VERTEX" if polyline is not None:
                polyline[2].extend(_vertices(values))
            case "SEQEND" if polyline is not None:
                drawing.add_line(polyline[0], _path(polyline[2], closed=polyline[1]))
                polyline = None
            case "LINE":
                drawing.add_line(_layer(values), [_at(values, 10), _at(values, 11)])
            case "TEXT" | "MTEXT":
                drawing.points.append(shapely.Point(_at(values, 10)))
                drawing.texts.append("".join(text for code, text in values if code in {1, 3}))
    return drawing


def _entities(pairs: Iterator[Pair]) -> Iterator[tuple[str, list[Pair]]]:
    """The entities of the drawing itself, each with its pairs; blocks and tables are left out."""
    section, kind, values = "", "", list[Pair]()
    begun = False
    for code, value in pairs:
        if not begun and (code, value) != (0, "SECTION") and code != 999:  # 999 is a comment
            raise ValueError("no section at the beginning")
        begun = begun or code == 0
        if code != 0:
            if section == "SECTION" and code == 2:
                section = value
            values.append((code, value))
            continue
        if section == "ENTITIES" and kind:
            yield kind, values
        kind, values = value, []
        section = "SECTION" if value == "SECTION" else "" if value == "ENDSEC" else section
    if not begun:
        raise ValueError("nothing in it")


def _layer(values: list[Pair]) -> str:
    return next((value for code, value in values if code == 8), "0")


def _flags(values: list[Pair]) -> int:
    return next((int(value) for code, value in values if code == 70), 0)


def _at(values: list[Pair], code: int) -> tuple[float, float]:
    return tuple(float(next(value for one, value in values if one == each)) for each in (code, code + 10))  # type: ignore[return-value]


def _vertices(values: list[Pair]) -> list[tuple[float, float, float]]:
    """Positions with the bulge (tangent of a quarter of the arc's angle) of the side that follows."""
    found: list[list[float]] = []
    for code, value in values:
        if code == 10:
            found.append([float(value), math.nan, 0.0])
        elif code in {20, 42} and found:
            found[-1][1 if code == 20 else 2] = float(value)
    return [(x, y, bulge) for x, y, bulge in found]


def _path(vertices: list[tuple[float, float, float]], *, closed: bool) -> list[tuple[float, float]]:
    """The positions along a polyline; arcs in steps of five degrees."""
    following = [*vertices[1:], vertices[0]] if closed and vertices else vertices[1:]
    path = [vertices[0][:2]] if vertices else []
    for (x1, y1, bulge), (x2, y2, _) in zip(vertices, following, strict=False):
        if bulge:
            angle = 4 * math.atan(bulge)
            steps = max(2, math.ceil(abs(angle) / _ARC_STEP))
            centre_x = (x1 + x2) / 2 - (y2 - y1) * (1 - bulge**2) / (4 * bulge)
            centre_y = (y1 + y2) / 2 + (x2 - x1) * (1 - bulge**2) / (4 * bulge)
            for step in range(1, steps):
                turned = angle * step / steps
                dx, dy = x1 - centre_x, y1 - centre_y
                path.append(
                    (
                        centre_x + dx * math.cos(turned) - dy * math.sin(turned),
                        centre_y + dx * math.sin(turned) + dy * math.cos(turned),
                    )
                )
        path.append((x2, y2))
    return path


def _chosen(name: str, layers: list[str], asked: str | None) -> str:
    found = list(dict.fromkeys(layers))
    if not found:
        raise BadInputError(f"{name} holds no lines", field="file")
    if asked is not None:
        if asked not in found:
            raise BadInputError(f"{name} has no lines in layer {asked!r}; there are {', '.join(found)}", field="sheet")
        return asked
    likely = found if len(found) == 1 else [each for each in found if _BOUNDARY.search(each)]
    if len(likely) != 1:
        raise BadInputError(
            f"{name} has lines in several layers: choose one of {', '.join(found)} with --sheet", field="sheet"
        )
    return str(likely[0])


def _cells(lines: Objects) -> Objects:
    """A cell per closed line, as it is drawn, and what open lines enclose together with them."""
    closed = shapely.is_closed(lines) & (shapely.get_num_coordinates(lines) >= 4)
    own = lines[:0]
    if closed.any():
        own = shapely.polygons([shapely.LinearRing(line.coords) for line in lines[closed]])
    if closed.all():
        return np.asarray(own)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all(lines))))
    inside, _ = shapely.STRtree(own).query(shapely.point_on_surface(faces), predicate="intersects")
    return np.asarray(np.concatenate([own, np.delete(faces, np.unique(inside))]))


def _labels(cells: Objects, points: Objects, texts: list[str]) -> tuple[Objects, Objects]:
    """The text in each cell: the longest as its name, and all; a text belongs to the smallest cell around it."""
    around: list[list[str]] = [[] for _ in cells]
    smallest: dict[int, int] = {}
    areas = shapely.area(cells)
    for text, cell in shapely.STRtree(cells).query(points, predicate="intersects").T.tolist():
        if text not in smallest or areas[cell] < areas[smallest[text]]:
            smallest[text] = cell
    for text, cell in smallest.items():
        plain = _MARKUP.sub("", texts[text].replace("\\P", " ")).strip()
        if plain:
            around[cell].append(plain)
    named = [max(some, key=len) if some else None for some in around]
    return objects(named), objects([" ".join(some) or None for some in around])
