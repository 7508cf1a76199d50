"""Files made to harm: they are refused in one line that names a remedy, at once, in little memory, and fetch nothing.

What could take much is read by a process of its own, which may take so much memory and time and no more.
"""

import io
import json
import socket
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from shapely import Point

from gismap.errors import BadInputError, GismapError
from gismap.importing.reading import read_table
from gismap.limits import MAX_MEMBERS, check_file
from tests.districts import centre
from tests.importing.conftest import PLACES, write_vector, write_xlsx

MEMORY_BYTES, SECONDS = 1_500_000_000, 20
"""Of which gismap itself takes some: NumPy reserves address space for its threads."""

READ = """
import resource, sys
from pathlib import Path
from gismap.errors import GismapError
from gismap.importing.reading import read_table
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
try:
    print(len(read_table(Path(sys.argv[1]), sys.argv[2])))
except GismapError as error:
    sys.exit(error.detail)
"""

SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
ROW = '<row r="{}"><c r="A{}" t="inlineStr"><is><t>{}</t></is></c></row>'


def read(path: Path, layer: str = "key_places") -> tuple[int, str]:
    """The exit code of a process that reads the file, and what it says."""
    code = READ.format(memory=MEMORY_BYTES, seconds=SECONDS)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), layer],
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * SECONDS,
        env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin", "PYTHONPATH": str(Path.cwd())},
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def assert_refused(path: Path, says: str, layer: str = "key_places") -> None:
    code, said = read(path, layer)
    assert code == 1 and says in said and "\n" not in said, (code, said[-2000:])


def assert_refused_here(path: Path, says: str, layer: str = "key_places") -> None:
    """As `assert_refused`, for what could not take much."""
    with pytest.raises(GismapError, match=says) as refusal:
        read_table(path, layer)
    assert "\n" not in refusal.value.detail


def with_part(path: Path, name: str, content: bytes | Callable[[io.BufferedIOBase], None]) -> Path:
    """A workbook in which one part is another, or is added."""
    whole = write_xlsx(path.with_name("whole.xlsx"), PLACES)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as sink:
        for member in source.infolist():
            if member.filename != name:
                sink.writestr(member, source.read(member))
        with sink.open(name, "w", force_zip64=False) as stream:
            if isinstance(content, bytes):
                stream.write(content)
            else:
                content(stream)  # type: ignore[arg-type]
    return path


def repeated(
    piece: bytes, megabytes: int, before: bytes = b"", after: bytes = b""
) -> Callable[[io.BufferedIOBase], None]:
    many = piece * (1_000_000 // len(piece))

    def write(stream: io.BufferedIOBase) -> None:
        stream.write(before)
        for _ in range(megabytes):
            stream.write(many)
        stream.write(after)

    return write


SHEET1, STYLES, TYPES = "xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml"
BEFORE, AFTER = (part.encode() for part in SHEET.split("{}"))


def test_what_is_harmless_is_read_within_the_same_limits(tmp_path: Path) -> None:
    assert read(write_xlsx(tmp_path / "p.xlsx", PLACES)) == (0, "2")
    columns = {"编号": ["a"], "类别": ["学校"]}
    for ending in ("gpkg", "shp"):
        assert read(write_vector(tmp_path / f"p.{ending}", columns, [Point(centre(0, 0))])) == (0, "1")


# ── archives ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sheet_that_unfolds_beyond_measure_is_refused(tmp_path: Path) -> None:
    path = with_part(tmp_path / "a.xlsx", SHEET1, repeated(b"<row/>", 450, BEFORE, AFTER))
    assert path.stat().st_size < 2_000_000
    assert_refused(path, "unfolds to 450,")


@pytest.mark.parametrize(
    ("part", "before", "piece", "after"),
    [
        (SHEET1, BEFORE + b"<row>", b"<c/>", b"</row>" + AFTER),
        (STYLES, b"<styleSheet>", b"<xf/>", b"</styleSheet>"),
        (TYPES, b"<Types>", b"<a/>", b"</Types>"),
    ],
)
def test_millions_of_elements_at_once_are_refused(
    tmp_path: Path, part: str, before: bytes, piece: bytes, after: bytes
) -> None:
    path = with_part(tmp_path / "a.xlsx", part, repeated(piece, 30, before, after))
    assert_refused(path, "too many elements")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (ROW.format(1, 1, "id") + ROW.format(900_000_000, 900_000_000, "x"), "rows that are read"),
        ("".join(f'<row r="{n}"><c r="ZZZ{n}"><v>1</v></c></row>' for n in range(1, 3000)), "cells that are read"),
    ],
)
def test_a_sheet_whose_rows_or_cells_lie_far_out_is_refused(tmp_path: Path, rows: str, says: str) -> None:
    assert_refused(with_part(tmp_path / "a.xlsx", SHEET1, SHEET.format(rows).encode()), says)


def test_one_shared_text_in_every_cell_is_refused(tmp_path: Path) -> None:
    row = "".join('<c t="s"><v>0</v></c>' for _ in range(10_000))
    first = with_part(tmp_path / "a.xlsx", SHEET1, SHEET.format(f"<row>{row}</row>").encode())
    space, part = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "xl/sharedStrings.xml"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    with zipfile.ZipFile(first) as source, zipfile.ZipFile(tmp_path / "b.xlsx", "w", zipfile.ZIP_DEFLATED) as sink:
        sink.writestr(part, f'<sst xmlns="{space}"><si><t> {"x" * 1_000_000}</t></si></sst>')
        for name in set(source.namelist()) - {part}:
            told = source.read(name).replace(
                b"</Types>", f'<Override PartName="/{part}" ContentType="{kind}"/></Types>'.encode()
            )
            sink.writestr(name, told)
    assert_refused(tmp_path / "b.xlsx", "characters that are read")


@pytest.mark.parametrize("name", ["a.xlsx", "a.zip"])
def test_thousands_of_members_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for number in range(MAX_MEMBERS + 1):
            archive.writestr(f"{number}", b"")
    assert_refused(tmp_path / name, "files that are read")


def test_a_directory_that_is_longer_than_it_says_is_refused(tmp_path: Path) -> None:
    """`zipfile` goes by the directory's length, not by the number of members that is given there."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(30_000):
            archive.writestr(f"{number}", b"")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[-14:-10] = struct.pack("<HH", 1, 1)
    (tmp_path / "a.zip").write_bytes(content)
    assert_refused(tmp_path / "a.zip", "files that are read")


def test_a_member_that_is_longer_than_it_says_is_cut_and_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.shp", "w") as stream:
            repeated(b"\0" * 1000, 300)(stream)  # type: ignore[arg-type]
        archive.writestr("a.dbf", b"x")
    content = (tmp_path / "a.zip").read_bytes().replace(struct.pack("<I", 300_000_000), struct.pack("<I", 1000))
    (tmp_path / "a.zip").write_bytes(content)
    assert_refused(tmp_path / "a.zip", "cannot be unpacked")


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.shp", bytes(10_000_000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    assert_refused(tmp_path / "a.zip", "it holds none")


def test_no_name_in_an_archive_becomes_a_path(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    shape = write_vector(place / "p.shp", {"编号": ["a"], "类别": ["学校"]}, [Point(centre(0, 0))])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for ending in (".shp", ".dbf", ".shx", ".prj", ".cpg"):
            archive.write(shape.with_suffix(ending), f"../../../../{tmp_path}/evil{ending}")
        archive.writestr(f"../../../../{tmp_path}/evil.vrt", "<OGRVRTDataSource/>")
        archive.writestr("/etc/evil", "x")
    before = sorted(tmp_path.rglob("*"))
    assert read(tmp_path / "a.zip") == (0, "1")
    assert sorted(tmp_path.rglob("*")) == before


# ── XML ────────────────────────────────────────────────────────────────────────────────────────────────────────────

LAUGHS = "<!DOCTYPE r [<!ENTITY a0 'ha'>{}]>".format(
    "".join(f"<!ENTITY a{n} '&a{n - 1};&a{n - 1};&a{n - 1};&a{n - 1};&a{n - 1};'>" for n in range(1, 30))
)
OSM = "<?xml version='1.0'?>{}<osm version='0.6'><node id='1' lat='35' lon='117'><tag k='name' v='{}'/></node></osm>"


@pytest.fixture()
def listener() -> object:
    """A server that must not be asked for anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


def test_entities_and_document_types_are_refused(tmp_path: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    for doctype in (
        LAUGHS,
        f"<!DOCTYPE r SYSTEM 'http://127.0.0.1:{port}/r.dtd'>",
        f"<!DOCTYPE r [<!ENTITY a29 SYSTEM 'file://{secret}'>]>",
        f"<!DOCTYPE r [<!ENTITY % p SYSTEM 'http://127.0.0.1:{port}/p'> %p;]>",
    ):
        for encoding in ("utf-8", "utf-16"):
            sheet = doctype + SHEET.format(ROW.format(1, 1, "&a29;"))
            path = with_part(tmp_path / "a.xlsx", SHEET1, sheet.encode(encoding))
            assert_refused_here(path, "document type")
        (tmp_path / "a.osm").write_text(OSM.format(doctype, "&a29;"))
        assert_refused_here(tmp_path / "a.osm", "document type", "buildings")


def test_a_part_without_any_element_near_its_beginning_is_refused(tmp_path: Path) -> None:
    path = with_part(tmp_path / "a.xlsx", SHEET1, repeated(b"<!-- -->", 5, b"", SHEET.format("").encode()))
    assert_refused(path, "no element near its beginning")


# ── what would read other files, or run for ever ───────────────────────────────────────────────────────────────────


def test_a_file_that_leads_to_others_is_none_of_ours(tmp_path: Path, listener: socket.socket) -> None:
    address = f"/vsicurl/http://127.0.0.1:{listener.getsockname()[1]}/x.geojson"
    layer = f'<OGRVRTLayer name="lines"><SrcDataSource>{address}</SrcDataSource></OGRVRTLayer>'
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    for content in (
        f"{vrt}<!-- <osm </osm>",
        f"<!-- <osm -->{vrt}<!-- </osm>",
        f"<!-- <osm -->{vrt}<osm></osm>",
    ):
        (tmp_path / "a.osm").write_text(content)
        assert_refused_here(tmp_path / "a.osm", "begins with <OGRVRTDataSource>", "streets")
    (tmp_path / "a.osm").write_text(f"<osm version='0.6'><!-- {vrt} --></osm>")
    assert_refused_here(tmp_path / "a.osm", "no rows|cannot be read", "streets")
    (tmp_path / "a.geojson").write_text(
        json.dumps({"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {address}"})
    )
    assert_refused_here(tmp_path / "a.geojson", "no GeoJSON FeatureCollection")
    (tmp_path / "a.kml").write_text(vrt)
    assert_refused_here(tmp_path / "a.kml", "begins with <OGRVRTDataSource>")
    for drawing in (vrt, f"999\n{vrt}\n", f"  0\nSECTION\n{vrt}"):
        (tmp_path / "a.dxf").write_text(drawing)
        assert_refused_here(tmp_path / "a.dxf", "no DXF drawing|holds no lines")
    for ending in ("vrt", "gml", "svg", "xml", "gpx", "gdalg.json.vrt", "pdf", "sqlite"):
        (tmp_path / f"a.{ending}").write_text(vrt)
        assert_refused_here(tmp_path / f"a.{ending}", "files ending in")
    for name in (address, "/vsizip//tmp/a.zip/a.shp", "http://127.0.0.1/a.geojson"):
        with pytest.raises(BadInputError):
            read_table(Path(name), "streets")


RECURSION = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid, NULL AS geom FROM n"


@pytest.mark.parametrize(
    "statement",
    [
        f"ALTER TABLE p RENAME TO q; CREATE VIEW p AS {RECURSION}",
        f"ALTER TABLE gpkg_contents RENAME TO q; CREATE VIEW gpkg_contents AS {RECURSION}",
        "ALTER TABLE p ADD COLUMN bomb AS (hex(zeroblob(400000000))) VIRTUAL",
        "CREATE VIRTUAL TABLE t USING fts4(a)",
        'CREATE VIRTUAL TABLE "a using rtree(" USING fts4(b)',
    ],
)
def test_a_database_in_which_something_is_computed_is_refused(tmp_path: Path, statement: str) -> None:
    path = write_vector(tmp_path / "p.gpkg", {"编号": ["a"], "类别": ["学校"]}, [Point(centre(0, 0))])
    connection = sqlite3.connect(path)
    connection.executescript(
        "PRAGMA legacy_alter_table = 1; PRAGMA writable_schema = 1; DELETE FROM sqlite_master WHERE type = 'trigger';"
    )
    connection.close()
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA legacy_alter_table = 1; {statement};")
    connection.close()
    assert_refused(path, "is computed")


# ── tables and JSON that grow ──────────────────────────────────────────────────────────────────────────────────────


def test_features_with_a_column_each_are_refused(tmp_path: Path) -> None:
    features = [{"type": "Feature", "geometry": None, "properties": {f"k{n}": 1}} for n in range(20_000)]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert_refused(tmp_path / "a.geojson", "columns that are read")


@pytest.mark.parametrize(
    "text",
    ["[" * 1_000_000, '{"type":"FeatureCollection","features":[{"a":' + "9" * 10_000 + "}]}x", '{"a":' * 100_000,
     '{"type":"FeatureCollection","features":' + "[" * 900 + "]" * 900 + "}"],
)  # fmt: skip
def test_json_of_any_depth_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.geojson").write_text(text)
    assert_refused(tmp_path / "a.geojson", "GeoJSON")


def test_a_table_of_too_many_columns_or_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("," * 2_000_000)
    assert_refused(tmp_path / "a.csv", "columns that are read")
    (tmp_path / "a.csv").write_text("a\n" + "1\n" * 1_100_000)
    assert_refused(tmp_path / "a.csv", "rows that are read")


def test_a_file_of_gigabytes_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as stream:
        stream.truncate(5_000_000_000)
    assert_refused(tmp_path / "a.csv", "5,000,000,000 bytes, 500,000,000 are read: split it")
    with pytest.raises(BadInputError, match="no file"):
        check_file(tmp_path)
