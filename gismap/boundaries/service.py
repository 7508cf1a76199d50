"""Answers about units, revisions and the district's extent on a day; publishing them is not here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gismap.boundaries import queries
from gismap.errors import NotFoundError
from gismap.geometry.datums import check_near

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it stands on a day."""

    unit_id: str
    code: str | None
    name: str
    level: int
    path: str


def find_unit(connection: Connection, key: str, as_of: date, *, field: str = "unit") -> Unit:
    """The unit with this code or identity on that day.

    Raises:
        NotFoundError: no unit is called so on that day.
    """
    row = connection.execute(text(queries.UNIT), {"key": key, "as_of": as_of}).first()
    if row is None:
        called = connection.execute(text(queries.CALLED), {"name": key, "as_of": as_of}).scalars().all()
        hint = f": name it by its code, {' or '.join(called)}" if called else ""
        raise NotFoundError(f"there is no unit {key!r} on {as_of}{hint}", field=field)
    return Unit(row.unit_id, row.code, row.name, row.level, row.path)


def district_bounds(connection: Connection, as_of: date) -> Bounds | None:
    """West, south, east, north of the boundaries of that day; None when there are none."""
    row = connection.execute(text(queries.BOUNDS), {"as_of": as_of}).one()
    return None if row.west is None else (row.west, row.south, row.east, row.north)


def check_near_district(connection: Connection, shape: Bounds, as_of: date, far_km: float) -> None:
    """Refuse a shape, by its box, that lies farther than `far_km` from the district; a point is a box of no size.

    Raises:
        PositionError: with the distance and a hint.
    """
    district = district_bounds(connection, as_of)
    if district is None:
        return
    west, south, east, north = shape
    middle_lon, middle_lat = (district[0] + district[2]) / 2, (district[1] + district[3]) / 2
    check_near(min(max(middle_lon, west), east), min(max(middle_lat, south), north), district, far_km)


def list_revisions(connection: Connection) -> Sequence[dict[str, Any]]:
    """All revisions that were not withdrawn, the newest first."""
    return [dict(row) for row in connection.execute(text(queries.REVISIONS)).mappings()]


def list_units(connection: Connection, parent: str | None, as_of: date) -> Sequence[dict[str, Any]]:
    """The units directly below `parent` (a code or identity), or the topmost ones, in the order of their codes.

    Raises:
        NotFoundError: there is no such parent on that day.
    """
    above = None if parent is None else find_unit(connection, parent, as_of, field="parent").unit_id
    rows = connection.execute(text(queries.CHILDREN), {"parent": above, "as_of": as_of}).mappings()
    return [dict(row) for row in rows]


def unit_history(connection: Connection, key: str) -> dict[str, Any]:
    """All versions of a unit, the newest first, and what its land came from and went to.

    Raises:
        NotFoundError: no unit was ever called so.
    """
    unit_id = connection.execute(text(queries.UNIT_EVER), {"key": key}).scalar()
    if unit_id is None:
        raise NotFoundError(f"there never was a unit {key!r}", field="unit")
    versions = connection.execute(text(queries.VERSIONS), {"unit_id": unit_id}).mappings()
    lineage = connection.execute(text(queries.LINEAGE), {"unit_id": unit_id}).mappings()
    return {"unit": unit_id, "versions": [dict(row) for row in versions], "lineage": [dict(row) for row in lineage]}
