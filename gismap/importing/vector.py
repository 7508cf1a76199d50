"""Reads GeoPackage and Shapefile through GDAL: encodings told, broken shapes turned away one by one."""

import math
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from gismap.errors import BadInputError
from gismap.importing.values import Objects, Rejection, Table, objects
from gismap.limits import MAX_ROWS, check_extent, check_file, check_sqlite, opened_archive

_DBF_PARTS = (".shp", ".dbf", ".prj", ".cpg")
_PARTS = (*_DBF_PARTS, ".shx")


def read_geopackage(path: Path, layer: str | None) -> Table:
    """The rows of a layer; the only one where none is named.

    Raises:
        BadInputError: damaged, or the layer is not named and there are several.
    """
    layers = layer_names(path)
    if not layers:
        raise BadInputError(f"{path.name} holds no layer of shapes", field="file")
    if layer is None and len(layers) > 1:
        raise BadInputError(
            f"{path.name} holds several layers: choose one of {', '.join(layers)} with --sheet", field="sheet"
        )
    if layer is not None and layer not in layers:
        raise BadInputError(f"{path.name} has no layer {layer!r}; it holds {', '.join(layers)}", field="sheet")
    return _table(path.name, path, "GPKG", layer=layer or layers[0])


def layer_names(path: Path) -> list[str]:
    """The layers of a GeoPackage that hold shapes.

    Raises:
        BadInputError: damaged, or something in it is computed when it is read.
    """
    check_sqlite(path)
    listed = _gdal(path.name, pyogrio.list_layers, path)
    return [str(name) for name, kind in listed if kind is not None]  # others are tables, such as QGIS' styles


def read_shapefile(path: Path) -> Table:
    """The rows of a Shapefile; its text in the encoding of its .cpg, else as its bytes tell.

    Raises:
        BadInputError: damaged, or parts are missing.
    """
    sibling = _siblings(path)
    for part in sibling.values():
        check_file(part)
    if ".dbf" not in sibling:
        raise BadInputError(f"{path.name} lacks its .dbf, which holds the attributes: give both files", field="file")
    _check_whole(path, sibling[".dbf"])
    encoding = None if ".cpg" in sibling else _dbf_encoding(sibling[".dbf"].read_bytes())
    if ".shx" in sibling:
        return _table(path.name, path, "ESRI Shapefile", encoding=encoding)
    with _restored_index(path, sibling) as copy:
        return _table(path.name, copy, "ESRI Shapefile", encoding=encoding)


def read_zipped_shapefile(path: Path, layer: str | None) -> Table:
    """The rows of the Shapefile of that name in a zip; of the only one where none is named.

    Raises:
        BadInputError: a damaged zip, or one with no Shapefile or several.
        TooLargeError: it would unfold to more than is read.
    """
    with tempfile.TemporaryDirectory(prefix="gismap-zip-") as folder:
        try:
            with opened_archive(path) as archive:
                stem = _chosen_stem(path, archive, layer)
                for name in archive.namelist():
                    ending = name[-4:].lower()
                    if name[:-4].lower() == stem and ending in _PARTS:  # no name in it becomes a path of ours
                        with archive.open(name) as source, (Path(folder) / f"part{ending}").open("wb") as sink:
                            shutil.copyfileobj(source, sink)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise BadInputError(f"{path.name} cannot be unpacked: {error}; zip it again", field="file") from error
        return read_shapefile(Path(folder) / "part.shp")


def _chosen_stem(path: Path, archive: zipfile.ZipFile, layer: str | None) -> str:
    """The name of the Shapefile to read, in small letters and without its ending, as the archive writes it."""
    stems = {
        _member_name(info).rpartition("/")[2][:-4]: info.filename[:-4].lower()
        for info in archive.infolist()
        if info.filename.lower().endswith(".shp") and not info.filename.startswith("__MACOSX/")
    }
    if layer is not None and layer in stems:
        return stems[layer]
    if layer is None and len(stems) == 1:
        return next(iter(stems.values()))
    if not stems:
        raise BadInputError(f"{path.name} should hold a Shapefile; it holds none", field="file")
    which = "several" if layer is None else f"no {layer!r}, but"
    raise BadInputError(
        f"{path.name} should hold one Shapefile; it holds {which}: choose one of {', '.join(stems)} with --sheet",
        field="file" if layer is None else "sheet",
    )


def _member_name(info: zipfile.ZipInfo) -> str:
    """The name of a member; Chinese Windows packs names in GBK, which the format takes for the PC's old letters."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return info.filename


def _check_whole(shp: Path, dbf: Path) -> None:
    """Compare both files with the lengths in their headers: GDAL reads truncated ones without a word."""
    with shp.open("rb") as stream:
        promised = 2 * int.from_bytes(stream.read(28)[24:28], "big")
    with dbf.open("rb") as stream:
        head = stream.read(12)
    records, header, width = (int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    for path, length in ((shp, promised), (dbf, header + records * width)):
        if path.stat().st_size < length:
            raise BadInputError(
                f"{path.name} has {path.stat().st_size:,} bytes of {length:,}: it is truncated, copy it again",
                field="file",
            )


def _siblings(path: Path) -> dict[str, Path]:
    """The files of a Shapefile by their endings, whatever their case."""
    return {each.suffix.lower(): each for each in path.parent.glob(f"{_escaped(path.stem)}.*")}


def _escaped(text: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


@contextmanager
def _restored_index(path: Path, sibling: dict[str, Path]) -> Iterator[Path]:
    """A copy with a new .shx: GDAL would write it beside the user's file, and the option breaks other reads."""
    with tempfile.TemporaryDirectory(prefix="gismap-shx-") as folder:
        for ending in _DBF_PARTS:
            if ending in sibling:
                shutil.copyfile(sibling[ending], Path(folder) / f"{path.stem}{ending}")
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
        try:
            yield Path(folder) / f"{path.stem}.shp"
        finally:
            pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})


def _dbf_encoding(content: bytes) -> str:
    """UTF-8 or GB18030, whichever reads the attributes with fewer errors: fields of fixed width cut characters."""
    header = int.from_bytes(content[8:10], "little") if len(content) > 32 else 0
    names, body = content[32:header], content[header:]
    errors = {
        encoding: sum(part.decode(encoding, errors="replace").count("�") for part in (names, body))
        for encoding in ("UTF-8", "GB18030")
    }
    return min(errors, key=lambda encoding: errors[encoding])


def _table(name: str, source: Path, driver: str, **options: Any) -> Table:
    check_driver(name, _gdal(name, pyogrio.read_info, source, **options)["driver"], driver)
    meta, _, wkb, fields = _gdal(name, pyogrio.raw.read, source, max_features=MAX_ROWS + 1, **options)
    check_extent(name, max(map(len, fields), default=0), len(fields))
    if wkb is None:
        raise BadInputError(f"{name} holds a table without shapes", field="file")
    columns = {str(column): _values(values) for column, values in zip(meta["fields"], fields, strict=True)}
    geom, rejections = _shapes(wkb)
    return Table(columns, np.arange(1, len(wkb) + 1), geom, meta["crs"], rejections)


def check_driver(name: str, found: str, wanted: str) -> None:
    """GDAL chooses a driver by content, and some of them read other files and addresses: only the meant one will do."""
    if found != wanted:
        raise BadInputError(f"{name} is a file of the kind {found}, though its name says otherwise", field="file")


def _gdal(name: str, function: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return function(*arguments, **options)
    except (DataSourceError, DataLayerError, FeatureError, UnicodeDecodeError, ValueError) as error:
        cause = str(error).splitlines()[0].split(": ", 1)[-1].rstrip(".")
        raise BadInputError(
            f"{name} cannot be read: {cause[:160]}; it may be truncated or damaged, export it again", field="file"
        ) from error


def _shapes(wkb: Objects) -> tuple[Objects, list[Rejection]]:
    """Shapes of all rows at once, None where there is none; bytes that make no shape are told with GEOS' reason.

    Those of which a shape can be made, by closing its rings, give it all the same.
    """
    geom = shapely.from_wkb(wkb, on_invalid="ignore")
    rejections = []
    given = np.array([one is not None for one in wkb], dtype=bool)
    for i in np.flatnonzero(given & ~shapely.is_geometry(geom)):
        rejections.append(Rejection(int(i) + 1, "geometry", _reason(wkb[i])))
        geom[i] = shapely.from_wkb(wkb[i], on_invalid="fix")
    return geom, rejections


def _reason(wkb: bytes) -> str:
    try:
        shapely.from_wkb(wkb)
    except shapely.errors.ShapelyError as error:
        if "closed" in str(error):
            return "a ring is not closed: repeat its first position last"
        return f"the shape cannot be read: {str(error).split(': ', 1)[-1][:100]}"
    return "the shape cannot be read"


def _values(values: Any) -> Objects:
    """Text stripped, times as ISO text, NaN and empty text as None."""
    if values.dtype.kind == "M":
        texts = np.datetime_as_string(values, unit="D" if (values == values.astype("M8[D]")).all() else "s")
        return objects([None if text == "NaT" else text for text in texts])
    if values.dtype.kind == "f":
        return objects([None if math.isnan(number) else number for number in values.tolist()])
    return objects([_plain(value) for value in values.tolist()])


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    return value if value is None or isinstance(value, int | float) else str(value)
