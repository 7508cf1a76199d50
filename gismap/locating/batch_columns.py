"""Which columns of a list say where its rows are: as the asker says, else by their headings in Chinese or English."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from gismap.errors import BadInputError
from gismap.locating.batch import Asked
from gismap.locating.batch_reading import Row

PAIRS = (
    ("经度", "纬度"), ("lon", "lat"), ("lng", "lat"), ("long", "lat"), ("longitude", "latitude"),
    ("经度坐标", "纬度坐标"), ("x坐标", "y坐标"), ("坐标x", "坐标y"), ("横坐标", "纵坐标"), ("东坐标", "北坐标"),
    ("easting", "northing"), ("east", "north"), ("xcoord", "ycoord"), ("pointx", "pointy"), ("x", "y"),
)  # fmt: skip
"""Headings of x (easting or longitude) and y, the surest first; always both of one pair."""

CRS = ("坐标系", "坐标系统", "坐标参考系", "crs", "srs", "coordinatesystem", "datum")
ACCURACY = ("精度", "定位精度", "误差", "定位误差", "水平精度", "accuracy", "accuracym", "horizontalaccuracy")
TEXT = (
    "地址", "详细地址", "标准地址", "事发地址", "事件地址", "位置", "地点", "事发地点", "详细位置", "位置描述",
    "address", "fulladdress", "text", "location", "place",
)  # fmt: skip
OURS = ("x", "y", "text", "crs", "accuracy")


@dataclass(frozen=True, slots=True)
class Places:
    """Where in a row its position is told, or words for its place: places of columns."""

    x: int | None
    y: int | None
    crs: int | None = None
    accuracy: int | None = None
    text: int | None = None

    def asked(self, row: Row) -> Asked:
        """What a row says."""
        x, y, crs, accuracy, words = (
            None if at is None else row.cells[at] for at in (self.x, self.y, self.crs, self.accuracy, self.text)
        )
        return Asked(x, y, crs, accuracy, row.trouble, words)

    def told(self, columns: Sequence[str]) -> str:
        """Which columns are used, for the asker."""
        places = {"x": self.x, "y": self.y, "text": self.text, "crs": self.crs, "accuracy": self.accuracy}
        return ", ".join(f"{ours}={columns[at]}" for ours, at in places.items() if at is not None)


def parse_columns(text: str | None) -> dict[str, str]:
    """`ours=theirs,…` as an asker writes it.

    Raises:
        BadInputError: another form, or a name that is none of ours.
    """
    pairs: dict[str, str] = {}
    for part in (text or "").split(",") if text else ():
        ours, equals, theirs = (one.strip() for one in part.partition("="))
        if not (ours in OURS and equals and theirs) or ours in pairs:
            raise BadInputError(f"{part[:80]!r} is not ours=theirs with one of {', '.join(OURS)}", field="columns")
        pairs[ours] = theirs
    return pairs


def find_places(columns: Sequence[str], given: dict[str, str]) -> Places:
    """Where the position is in rows with these columns; what is `given` wins over headings.

    Raises:
        BadInputError: a given column does not exist, or no columns hold positions or words.
    """
    for ours, theirs in given.items():
        if theirs not in columns:
            raise BadInputError(f"there is no column {theirs!r} for {ours}; {_there_are(columns)}", field="columns")
    at = {ours: columns.index(theirs) for ours, theirs in given.items()}
    plain = [_plain(column) for column in columns]
    if ("x" in at) != ("y" in at):
        raise BadInputError("x and y go together: name both columns, x=…,y=…", field="columns")
    if "x" not in at and "text" not in at:
        pair = next((pair for pair in PAIRS if pair[0] in plain and pair[1] in plain), None)
        if pair is not None:
            at |= {"x": plain.index(pair[0]), "y": plain.index(pair[1])}
    text = at.get("text", _first(plain, TEXT))
    if "x" not in at and text is None:
        raise BadInputError(
            "no columns are known for positions (经度 and 纬度, lon and lat, x and y) or words (地址, 位置, address); "
            f"{_there_are(columns)}: name them with columns x=…,y=… or text=…",
            field="columns",
        )
    crs, accuracy = at.get("crs", _first(plain, CRS)), at.get("accuracy", _first(plain, ACCURACY))
    return Places(at.get("x"), at.get("y"), crs, accuracy, text)


def _first(plain: Sequence[str], names: Sequence[str]) -> int | None:
    return next((plain.index(name) for name in names if name in plain), None)


def _plain(heading: str) -> str:
    """A heading without its unit, spaces, dashes, case and width: 经度(°), `Lon_ ` and ＬＯＮ are 经度 and lon."""
    text = unicodedata.normalize("NFKC", heading).lower()
    return re.sub(r"[\s_\-]|[(\[【].*", "", text)


def _there_are(columns: Sequence[str]) -> str:
    named = [column for column in columns if column]
    return f"there are {', '.join(named[:20])[:300]}{' …' if len(named) > 20 else ''}"
