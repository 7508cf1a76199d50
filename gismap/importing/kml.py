"""Reads KML and KMZ: the placemarks of all folders, each with the folder it lies in; links in them are not followed."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import shapely

from gismap.errors import BadInputError
from gismap.importing.values import Rejection, Table, objects
from gismap.limits import check_cells, check_extent, check_xml, opened_archive

FOLDER = "folder"
_SHAPES = {"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry"}


def read_kml(path: Path) -> Table:
    """The placemarks of a KML, or of the KML in a KMZ, with `name`, `folder` and their data as columns; WGS 84.

    Raises:
        BadInputError: no KML, or truncated.
        TooLargeError: it would unfold to more than is read.
    """
    content = _packed(path) if path.suffix.lower() == ".kmz" else path.read_bytes()
    check_xml(path.name, io.BytesIO(content))
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise BadInputError(f"{path.name} is no KML: {error}; it may be truncated", field="file") from error
    if _bare(root) != "kml":
        raise BadInputError(f"{path.name} is no KML: it begins with <{_bare(root)[:40]}>", field="file")
    records: list[dict[str, str]] = []
    shapes: list[shapely.Geometry | None] = []
    rejections = []
    cells = 0
    for number, (folder, placemark) in enumerate(_placemarks(root), 1):
        record = _record(placemark)
        if folder:
            record[FOLDER] = folder
        cells += len(record)
        check_cells(path.name, cells)
        check_extent(path.name, number, len(record))
        shape, reason = _shape(placemark)
        if reason is not None:
            rejections.append(Rejection(number, "geometry", reason))
        records.append(record)
        shapes.append(shape)
    names = list(dict.fromkeys(name for record in records for name in record))
    check_extent(path.name, len(records), len(names))
    columns = {name: objects([record.get(name) for record in records]) for name in names}
    return Table(columns, np.arange(1, len(records) + 1), objects(shapes), "wgs84", rejections)


def _packed(path: Path) -> bytes:
    """The main document of a KMZ: `doc.kml`, else the first KML in it."""
    try:
        with opened_archive(path) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".kml")]
            if not names:
                raise BadInputError(f"{path.name} holds no KML", field="file")
            return archive.read(min(names, key=lambda name: (name.lower() != "doc.kml", name)))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise BadInputError(f"{path.name} cannot be unpacked: {error}; export it again", field="file") from error


def _placemarks(root: ElementTree.Element) -> Iterator[tuple[str, ElementTree.Element]]:
    """Placemarks in order, with the names of the folders around them; without recursion, however deep they lie."""
    pending = [("", root)]
    while pending:
        folder, element = pending.pop()
        if _bare(element) == "Placemark":
            yield folder, element
            continue
        if _bare(element) == "Folder":
            folder = " / ".join(filter(None, (folder, _text(element, "name"))))
        pending.extend((folder, child) for child in reversed(element))


def _record(placemark: ElementTree.Element) -> dict[str, str]:
    record = {name: text for name in ("name", "description") if (text := _text(placemark, name))}
    for element in placemark.iter():
        if _bare(element) in {"Data", "SimpleData"} and element.get("name"):
            value = _text(element, "value") if _bare(element) == "Data" else (element.text or "").strip()
            if value:
                record[str(element.get("name"))] = value
    return record


def _shape(placemark: ElementTree.Element) -> tuple[shapely.Geometry | None, str | None]:
    """The shape of a placemark, or why it has none; an open ring is closed, and told."""
    found = [child for child in placemark if _bare(child) in _SHAPES]
    try:
        parts = [part for child in found for part in _parts(child)]
    except (ValueError, shapely.errors.ShapelyError):
        return None, "the coordinates are no numbers, or too few"
    reason = "a ring is not closed: repeat its first position last" if any(not closed for _, closed in parts) else None
    shapes = [shape for shape, _ in parts]
    if len(shapes) < 2:
        return (shapes[0] if shapes else None), reason
    kinds = {shape.geom_type for shape in shapes}
    if kinds == {"Polygon"}:
        return shapely.MultiPolygon(shapes), reason
    return shapely.GeometryCollection(shapes), reason


def _parts(element: ElementTree.Element) -> Iterator[tuple[shapely.Geometry, bool]]:
    for one in element.iter():
        match _bare(one):
            case "Point":
                yield shapely.Point(_positions(one)[0]), True
            case "LineString":
                yield shapely.LineString(_positions(one)), True
            case "Polygon":
                outer = [_positions(ring) for ring in one if _bare(ring) == "outerBoundaryIs"]
                inner = [_positions(ring) for ring in one if _bare(ring) == "innerBoundaryIs"]
                if not outer:
                    raise ValueError("no outer boundary")
                closed = all(bool((ring[0] == ring[-1]).all()) for ring in (*outer, *inner))
                yield shapely.Polygon(outer[0], inner), closed


def _positions(element: ElementTree.Element) -> np.ndarray:
    """Longitudes and latitudes of the first `coordinates` in an element; heights are left out."""
    text = next((one.text or "" for one in element.iter() if _bare(one) == "coordinates"), "")
    return np.array([[float(number) for number in part.split(",")[:2]] for part in text.split()]).reshape(-1, 2)


def _text(element: ElementTree.Element, name: str) -> str:
    return next((child.text.strip() for child in element if _bare(child) == name and child.text), "")


def _bare(element: ElementTree.Element) -> str:
    """The name of an element without its namespace, which programs leave out or write differently."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
