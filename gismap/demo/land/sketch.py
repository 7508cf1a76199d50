"""What is known or laid down about a demo district before it is drawn: its file under `data/boundaries`, typed.

Names and codes of towns, communities and villages are facts; positions, roads and rivers are rough and synthetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gismap.demo.model import BlockUse
from gismap.errors import NotFoundError
from gismap.resources import resource_dir

LonLat = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A community or village: its 12-digit code and its name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class TownSketch:
    """A town or subdistrict: roughly where and how large it is, and what lies below it."""

    code: str
    name: str
    seat: LonLat
    area_km2: float
    communities: tuple[Place, ...]
    villages: tuple[Place, ...] = ()
    managed: bool = False  # a management area stands above its villages, and each village is a grid


@dataclass(frozen=True, slots=True)
class Line:
    """A road or river by the points that it passes."""

    name: str
    kind: str
    points: tuple[LonLat, ...]


@dataclass(frozen=True, slots=True)
class Landmark:
    """A compound or quarter whose figures are known: which community it lies in, and how large it is."""

    name: str
    community: str
    use: BlockUse
    area_ha: float
    households: int
    grids: int


@dataclass(frozen=True, slots=True)
class Known:
    """A community whose size is known."""

    area_km2: float
    households: int


@dataclass(frozen=True, slots=True)
class Sketch:
    """A district in outlines and figures."""

    name: str
    title_zh: str
    title_en: str
    code: str
    top: str  # name of the unit of level 1
    area_km2: float
    leaves: int
    urban_leaves: int
    households: int
    micro: bool  # the leaves are micro-grids
    outline: tuple[LonLat, ...]
    centre: LonLat
    hills_lon: float  # the country is hilly east of it
    towns: tuple[TownSketch, ...]
    lines: tuple[Line, ...]
    street_names: tuple[str, ...]
    landmarks: tuple[Landmark, ...]
    known: Mapping[str, Known]  # by name of the community


def sketch_names() -> list[str]:
    """The demo districts that there are."""
    return sorted(path.stem for path in (resource_dir("data") / "boundaries").glob("*.json"))


def check_sketch(name: str) -> None:
    """Refuse the name of a demo district that does not exist.

    Raises:
        NotFoundError: the text lists those that there are.
    """
    names = sketch_names()
    if name not in names:
        raise NotFoundError(f"there is no demo district {name!r}; there are {', '.join(names)}", field="demo")


def read_sketch(name: str) -> Sketch:
    """Read the file of a demo district.

    Raises:
        NotFoundError: there is none of this name; the text lists those that there are.
    """
    check_sketch(name)
    data = orjson.loads((resource_dir("data") / "boundaries" / f"{name}.json").read_bytes())
    plain = {key: data[key] for key in ("title_zh", "title_en", "code", "top", "area_km2", "leaves", "households")}
    return Sketch(
        name=name,
        **plain,
        micro=data.get("micro", False),
        urban_leaves=data.get("urban_leaves", data["leaves"]),
        outline=_points(data["outline"]),
        centre=tuple(data["centre"]),
        hills_lon=data.get("hills_lon", data["centre"][0]),
        towns=tuple(_town(town) for town in data["towns"]),
        lines=tuple(Line(line["name"], line["kind"], _points(line["points"])) for line in data.get("lines", ())),
        street_names=tuple(data["street_names"]),
        landmarks=tuple(Landmark(**{**mark, "use": BlockUse(mark["use"])}) for mark in data.get("landmarks", ())),
        known={name: Known(**figures) for name, figures in data.get("known", {}).items()},
    )


def _town(data: Mapping[str, Any]) -> TownSketch:
    places = {kind: tuple(Place(*place) for place in data.get(kind, ())) for kind in ("communities", "villages")}
    return TownSketch(
        data["code"], data["name"], tuple(data["seat"]), data["area_km2"], **places, managed=data.get("managed", False)
    )


def _points(rows: list[list[float]]) -> tuple[LonLat, ...]:
    return tuple((lon, lat) for lon, lat in rows)
