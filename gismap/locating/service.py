"""Whose is a point: the verdict, the grid with its chain, who is on duty and what is near."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.boundaries.service import check_near_district
from gismap.elements.questions import ALIASES
from gismap.errors import BadInputError, NotFoundError
from gismap.geometry.datums import parse_frame, read_position
from gismap.i18n import Language, say
from gismap.locating import queries
from gismap.locating.queries import Near

GAP_REACH_M = 200.0
"""Where no outline is known, a point this close to a grid is taken to lie in a gap, a farther one outside."""

MAX_NEAR, MAX_K = 8, 50


def locate(
    connection: Connection,
    x: float,
    y: float,
    *,
    crs: str,
    as_of: date,
    near: Sequence[Near] = (),
    language: Language = "zh",
    far_km: float,
) -> dict[str, Any]:
    """The answer for one point; `x` is the easting or longitude.

    Verdicts: `certain`, `boundary` (on a shared border: the grid is the one of the lowest code), `gap` (inside the
    district but in no grid) and `outside`, the last two with the nearest grids as candidates.

    Raises:
        PositionError: no position, or far from the district.
        CrsError: an unknown frame.
        NotFoundError: nothing was published for that day, or a layer to look near in does not exist.
    """
    frame = parse_frame(crs)
    lon, lat = read_position(x, y, frame)
    check_layers(connection, near)
    statement, params = queries.locate_statement(lon, lat, as_of, near)
    row = connection.execute(text(statement), params).one()
    if row.revision is None:
        raise nothing_published(connection, as_of)
    owners: list[dict[str, Any]] = row.owners or []
    nearest: list[dict[str, Any]] = []
    if owners:
        verdict = "certain" if len(owners) == 1 else "boundary"
    else:
        check_near_district(connection, (lon, lat, lon, lat), as_of, far_km)
        uncovered = connection.execute(text(queries.UNCOVERED), params).one()
        nearest = uncovered.nearest or []
        verdict = _verdict_uncovered(uncovered.inside_outline, nearest)
    grid = owners[0] if owners else None
    duty = row.duty or {}
    return {
        "verdict": verdict,
        "point": {"lon": round(lon, 9), "lat": round(lat, 9), "source_crs": frame.name},
        "grid": grid and {"unit": grid["unit_id"], **{key: grid[key] for key in ("code", "name", "level")}},
        "chain": row.chain or [],
        "candidates": [
            {"unit": one["unit_id"], "code": one["code"], "distance_m": round(one["metres"], 1)}
            for one in owners or nearest
        ],
        "staff": {"primary": duty.get("primary"), "backup": duty.get("backup")},
        "near": row.near,
        "revision": row.revision,
        "as_of": as_of.isoformat(),
        "why": _why(verdict, owners, nearest, row.street, language),
    }


def parse_near(text: str) -> list[Near]:
    """What to look for near, from `layer:k` or `layer.category:k`, separated by commas; k is 1 when left out.

    Raises:
        BadInputError: another form, or too much.
    """
    wanted = []
    for part in text.split(","):
        match = re.fullmatch(r"([a-z][a-z0-9_]*)(?:\.([^:,.\0]+))?(?::([0-9]{1,3}))?", part.strip())
        if match is None or not 1 <= (k := int(match[3] or 1)) <= MAX_K:
            raise BadInputError(f"near is layer:k or layer.category:k with k from 1 to {MAX_K}", field="near")
        wanted.append(Near(ALIASES.get(match[1], match[1]), match[2], k))
    if len(wanted) > MAX_NEAR:
        raise BadInputError(f"near takes at most {MAX_NEAR} layers", field="near")
    if len({one.key for one in wanted}) < len(wanted):
        raise BadInputError("near names the same layer and category twice", field="near")
    return wanted


def check_layers(connection: Connection, near: Sequence[Near]) -> None:
    """Refuse to look near in layers that do not exist.

    Raises:
        NotFoundError: one does not.
    """
    if not near:
        return
    known = set(connection.execute(text(queries.LAYER_NAMES)).scalars())
    for wanted in near:
        if wanted.layer not in known:
            missing, there_are = repr(wanted.layer), ", ".join(sorted(known))
            raise NotFoundError(f"there is no layer {missing} to look near in; there are {there_are}", field="near")


def nothing_published(connection: Connection, as_of: date) -> NotFoundError:
    """What to tell whoever asks for a day without boundaries."""
    first = connection.execute(text(queries.FIRST_DAY)).scalar()
    if first is None:
        return NotFoundError("no boundaries are published yet", field="as_of")
    return NotFoundError(f"there are no boundaries on {as_of}: the first take effect on {first}", field="as_of")


def _verdict_uncovered(inside_outline: bool | None, nearest: Sequence[dict[str, Any]]) -> str:
    if inside_outline is None:
        return "gap" if nearest and nearest[0]["metres"] <= GAP_REACH_M else "outside"
    return "gap" if inside_outline else "outside"


def _why(
    verdict: str,
    owners: Sequence[dict[str, Any]],
    nearest: Sequence[dict[str, Any]],
    street: str | None,
    language: Language,
) -> str:
    """One sentence for the reader: where the point lies and how far the next border or grid is."""
    if not owners and not nearest:
        return say("locate.no_grids", language)
    if not owners:
        return say(f"locate.{verdict}", language, grid=nearest[0]["name"], metres=f"{nearest[0]['metres']:,.1f}")
    along = say("locate.along", language, street=street) if street else ""
    if verdict == "boundary":
        names = say("list_separator", language).join(owner["name"] for owner in owners)
        return say("locate.boundary", language, grids=names, along=along)
    border_m = owners[0]["border_m"]
    return say(
        "locate.certain",
        language,
        grid=owners[0]["name"],
        metres=f"{border_m:,.1f}",
        along=along if border_m <= queries.STREET_REACH_M else "",
    )
