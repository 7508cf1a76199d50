"""How much a file may hold, found out before it is unfolded; what its rows mean is not known here.

A file of a few kilobytes can unfold to gigabytes (archives, XML), run for ever (views of an SQLite database) or name
other files (document types of XML). Such a file is refused by its own word: sizes in the directory of an archive, which
`zipfile` does not read beyond, and a first walk through XML that keeps nothing.
"""

import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote
from xml.parsers import expat

from gismap.errors import BadInputError, GismapError, TooLargeError

MAX_FILE_BYTES = 500_000_000
MAX_UNPACKED_BYTES = 400_000_000
MAX_MEMBERS = 1_000
MAX_ROWS = 1_048_576
"""As many as a sheet of a spreadsheet has."""
MAX_COLUMNS = 1_000
MAX_CELLS = 20_000_000
MAX_TEXT_CHARACTERS = 200_000_000
"""Of all cells of a workbook: one shared text may stand in each of them."""

MAX_DIRECTORY_BYTES = 1_000_000
MAX_PROLOG_BYTES = 65_536
MAX_ELEMENTS_AT_ONCE = 500_000
"""Elements that a reader of workbooks keeps in memory at once: those of a row, a shared text or a whole small part."""

_CHUNK = 65_536
_VIRTUAL = re.compile(
    r"""\s*CREATE\s+VIRTUAL\s+TABLE\s+(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|`[^`]*`|\[[^]]*]|\w+)\s+USING\s+(?P<module>\w+)
    |\s*CREATE\s+VIRTUAL\b""",
    re.IGNORECASE | re.VERBOSE,
)
_END, _END_LENGTH, _LOCATOR, _LOCATOR_LENGTH = b"PK\x05\x06", 22, b"PK\x06\x07", 20


def check_file(path: Path, most_bytes: int | None = MAX_FILE_BYTES) -> None:
    """Refuse what is no plain file, or too large a one; None: one that is read bit by bit may have any size.

    Raises:
        BadInputError: missing, or no file.
        TooLargeError: larger than that.
    """
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise BadInputError(f"{path} cannot be opened: {getattr(error, 'strerror', error)}", field="file") from error
    if not path.is_file():
        raise BadInputError(f"{path} is no file", field="file")
    if most_bytes is not None and size > most_bytes:
        raise TooLargeError(f"{path.name} has {size:,} bytes, {most_bytes:,} are read: split it", field="file")


def check_extent(name: str, rows: int, columns: int) -> None:
    """Refuse a table of more rows, columns or cells than are read.

    Raises:
        TooLargeError: it is one.
    """
    _check_number(name, rows, MAX_ROWS, "rows")
    _check_number(name, columns, MAX_COLUMNS, "columns")
    _check_number(name, rows * columns, MAX_CELLS, "cells")


def check_cells(name: str, cells: int, characters: int = 0) -> None:
    """Refuse a table while it is being read; its rows may differ in length.

    Raises:
        TooLargeError: more cells or characters than are read.
    """
    _check_number(name, cells, MAX_CELLS, "cells")
    _check_number(name, characters, MAX_TEXT_CHARACTERS, "characters")


def _check_number(name: str, number: int, most: int, what: str) -> None:
    if number > most:
        raise TooLargeError(f"{name} holds more than the {most:,} {what} that are read: split it", field="file")


@contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """As `archive_in`, of a file."""
    with path.open("rb") as stream, archive_in(stream, path.name) as archive:
        yield archive


@contextmanager
def archive_in(stream: IO[bytes], name: str) -> Iterator[zipfile.ZipFile]:
    """A zip archive that unfolds to no more than is read.

    Raises:
        TooLargeError: too many members, or too many bytes in them.
        zipfile.BadZipFile: it is none, or one of a kind that no program writes for files of this size.
    """
    if _directory_bytes(stream) > MAX_DIRECTORY_BYTES:
        raise TooLargeError(f"{name} holds more than the {MAX_MEMBERS:,} files that are read", field="file")
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise TooLargeError(f"{name} holds more than the {MAX_MEMBERS:,} files that are read", field="file")
        total = sum(member.file_size for member in members)
        if total > MAX_UNPACKED_BYTES:
            raise TooLargeError(
                f"{name} unfolds to {total:,} bytes, {MAX_UNPACKED_BYTES:,} are read: split it", field="file"
            )
        if any(member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for member in members):
            raise zipfile.BadZipFile("it is packed in an uncommon way")
        yield archive


@contextmanager
def readable_workbook(name: str) -> Iterator[None]:
    """Turns what a damaged workbook raises into one sentence: openpyxl passes on all that zip, XML and numbers do.

    Raises:
        BadInputError: something of the kind was raised inside.
    """
    try:
        yield
    except GismapError:
        raise
    except Exception as error:
        raise BadInputError(
            f"{name} is no readable workbook; it may be truncated or damaged: save it again as XLSX", field="file"
        ) from error


def check_workbook(stream: IO[bytes], name: str) -> dict[str, int]:
    """Refuse a workbook that would unfold to more than is read: openpyxl unfolds whatever it is given, and keeps rows,
    shared texts and small parts whole. Returns the rows of each part that holds any.

    Raises:
        TooLargeError, BadInputError, zipfile.BadZipFile: it does, or is none.
    """
    rows = {}
    with archive_in(stream, name) as archive:
        for member in archive.infolist():
            if member.filename.lower().endswith((".xml", ".rels", ".vml")):
                with archive.open(member) as part:
                    rows[member.filename] = check_xml(f"{name}, {member.filename[:60]}", part)
    return {part: count for part, count in rows.items() if count}


def _directory_bytes(stream: IO[bytes]) -> int:
    """The length of an archive's directory, which `zipfile` reads whole, whatever the number of members given there."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 0x10000 - _END_LENGTH - _LOCATOR_LENGTH))
    tail = stream.read()
    at = len(tail) - _END_LENGTH
    if not (tail[at:].startswith(_END) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    if at < 0:
        raise zipfile.BadZipFile("it has no directory")
    if tail[max(0, at - _LOCATOR_LENGTH) : at].startswith(_LOCATOR):
        raise zipfile.BadZipFile("it is of the kind for archives beyond 4 GB")
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def check_xml(name: str, stream: IO[bytes], *, root: str | None = None) -> int:
    """Refuse XML with a document type, which could name other files and unfold entities.

    With `root` the outermost element must have this name, and the rest is not looked at. Without, all of it is: a
    reader that keeps the elements of one row or shared text at a time must not be given millions of them. Returns the
    number of elements called row.

    Raises:
        BadInputError: a document type, another root, or no XML.
        TooLargeError: too many elements at once.
    """
    walk = _Walk(name, root)
    try:
        while not walk.is_over and (chunk := stream.read(_CHUNK)):
            walk.feed(chunk)
        walk.end()
    except expat.ExpatError as error:
        raise BadInputError(f"{name} is no XML: {error}; it may be truncated or damaged", field="file") from error
    return walk.rows


class _Walk:
    """A walk through XML that keeps a count of elements and nothing else."""

    def __init__(self, name: str, root: str | None) -> None:
        self.name, self.root = name, root
        self.is_over, self._begun, self._bytes, self._elements = False, False, 0, 0
        self.rows = 0
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._on_doctype
        self._parser.StartElementHandler = self._on_first
        self._parser.buffer_text = False

    def feed(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        self._parser.Parse(chunk)
        if not self._begun and self._bytes > MAX_PROLOG_BYTES:
            raise BadInputError(f"{self.name} has no element near its beginning", field="file")

    def end(self) -> None:
        if not self.is_over:
            self._parser.Parse(b"", True)

    def _on_doctype(self, *_: Any) -> None:
        raise BadInputError(
            f"{self.name} has a document type (<!DOCTYPE …>), which is not read: export it again without one",
            field="file",
        )

    def _on_first(self, name: str, _attributes: Any) -> None:
        self._begun = True
        if self.root is None:
            self._parser.StartElementHandler = self._on_element
        elif name == self.root:
            self.is_over = True
            self._parser.StartElementHandler = None
        else:
            raise BadInputError(f"{self.name} is XML of another kind: it begins with <{name[:40]}>", field="file")

    def _on_element(self, name: str, _attributes: Any) -> None:
        self._elements += 1
        kind = name.rpartition(":")[2]
        if kind in {"row", "si"}:
            self._elements = 0
            self.rows += kind == "row"
        elif self._elements > MAX_ELEMENTS_AT_ONCE:
            raise TooLargeError(f"{self.name} holds a row or list of too many elements: split it", field="file")


def check_sqlite(path: Path) -> None:
    """Refuse an SQLite database in which something is computed when it is read.

    Views and generated columns may run for ever, and virtual tables may read other files; layers are plain tables.

    Raises:
        BadInputError: there is something of the kind, or it is damaged.
    """
    # immutable: nothing is written beside it, and no journal beside it is applied
    address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            kinds = connection.execute("SELECT name, type, coalesce(sql, '') FROM sqlite_master").fetchall()
            computed = [name for name, kind, sql in kinds if kind == "view" or _is_virtual(sql)]
            for name, kind, _ in kinds:
                if kind == "table" and name not in computed:
                    columns = connection.execute("SELECT hidden FROM pragma_table_xinfo(?)", (name,))
                    computed += [name] if any(hidden for (hidden,) in columns) else []
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise BadInputError(
            f"{path.name} cannot be read: {error}; it may be truncated or damaged, export it again", field="file"
        ) from error
    if computed:
        raise BadInputError(
            f"{path.name} holds what is computed when it is read ({', '.join(computed[:3])[:100]}): "
            "export its layer into a new GeoPackage",
            field="file",
        )


def _is_virtual(sql: str) -> bool:
    made = _VIRTUAL.match(sql)
    return made is not None and (made["module"] or "").lower() != "rtree"  # the spatial index, a part of the format
