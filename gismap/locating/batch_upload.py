"""What a request brings along to be located: which kind of list it is, in a body of its own or in a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import PurePath

from gismap.errors import BadInputError, MediaTypeError
from gismap.locating.batch_reading import Kind
from gismap.locating.batch_writing import MEDIA_TYPES, Form
from gismap.spreadsheets import SHEET_TYPE

KINDS: Mapping[str, Kind] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "text/plain": "csv",
    "application/json": "json",
    SHEET_TYPE: "xlsx",
}
ENDINGS: Mapping[str, Kind] = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".json": "json"}
READ = "CSV (text/csv), XLSX or JSON (application/json), or one such file in multipart/form-data"

NAME = "the list"
"""What it is called in errors: what a file is called on somebody's machine is nobody's business."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A list that was sent."""

    kind: Kind
    content: bytes


def read_upload(content_type: str, body: bytes) -> Upload:
    """The list in a body.

    Raises:
        MediaTypeError: the body says that it is something else.
        BadInputError: the form is broken, or holds not one file.
    """
    header = _header(content_type)
    media_type = header.get_content_type() if content_type else ""
    if media_type == "multipart/form-data":
        return _in_form(header, body)
    kind = KINDS.get(media_type)
    if kind is None:
        raise MediaTypeError(f"the body must be {READ}, and say so in Content-Type", field="body")
    return Upload(kind, body)


def is_read(content_type: str) -> bool:
    """Whether a body of this type may hold a list; asked before the body has come."""
    media_type = _header(content_type).get_content_type() if content_type else ""
    return media_type == "multipart/form-data" or media_type in KINDS


def _header(content_type: str) -> Message:
    header = Message()
    header["content-type"] = content_type
    return header


def _in_form(header: Message, body: bytes) -> Upload:
    """The one file of a form: RFC 7578. Ours is short since a form with one file is all there is to read."""
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 1 <= len(boundary) <= 200:
        raise BadInputError("the form does not say its boundary", field="body")
    mark = b"--" + boundary.encode("latin-1", "replace")
    if body.startswith(mark):
        body = b"\r\n" + body
    _, *parts = body.split(b"\r\n" + mark)
    if not parts or not parts[-1].startswith(b"--"):
        raise BadInputError("the form breaks off before its end", field="body")
    if len(parts) != 2:
        raise BadInputError(
            "the form must hold one file and nothing else; parameters go into the address", field="body"
        )
    head, blank, content = parts[0].partition(b"\r\n\r\n")
    if not blank or len(head) > 4_000:
        raise BadInputError("the form holds no file", field="body")
    part = HeaderParser().parsestr(head.decode("utf-8", "replace").lstrip("\r\n"))
    kind = _kind_of(part)
    if kind is None:
        raise MediaTypeError(f"the file must be {READ}: by its name's ending or its Content-Type", field="file")
    return Upload(kind, content)


def _kind_of(part: Message) -> Kind | None:
    by_name = ENDINGS.get(PurePath(part.get_filename() or "").suffix.lower())
    return by_name or KINDS.get(part.get_content_type() if part["content-type"] else "")


def form_for(accept: str, kind: Kind) -> Form:
    """The form that an `Accept` names: of those it takes the one it wants most, what came in where it takes all.

    Raises:
        BadInputError: it takes none.
    """
    wanted: list[tuple[float, int, Form]] = []
    for number, part in enumerate(accept.split(",")):
        header = _header(part)
        media_type = part.partition(";")[0].strip().lower()
        quality = str(header.get_param("q", "1"))
        weight = float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0
        for form, offered in MEDIA_TYPES.items():
            if media_type == offered:
                wanted.append((-weight, number, form))
        if media_type in {"*/*", "", MEDIA_TYPES[kind].partition("/")[0] + "/*"}:
            wanted.append((-weight, number, kind))
    chosen = min((one for one in wanted if one[0] < 0), default=None)
    if chosen is None:
        raise BadInputError(f"answers are {', '.join(MEDIA_TYPES.values())}: name one in Accept", field="accept")
    return chosen[2]
