"""The boundaries as a plan would make them, looked up piece by piece; nothing is changed here.

A plan of a whole district has thousands of grids, and an edit needs a handful: each question is one statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import shapely
from shapely import MultiPolygon
from sqlalchemy import Connection, text

from gismap.boundaries.plans import draft_of
from gismap.boundaries.service import find_unit
from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.errors import NotFoundError

_FIELDS = "code, division_code, name, level, kind, zone_type, governance_mode"
_HAS_CHILDREN = "EXISTS (SELECT FROM plan_unit c WHERE c.plan_id = :plan AND c.parent = g.unit_id AND NOT c.retired)"


def _current(where: str, of_published: str = "") -> str:
    """SQL: the units that stand in the plan; conditions name columns that published and planned units both have.

    The part of published units uses the index on leaves where `of_published` asks for them.
    """
    return f"""
SELECT key, parent, unit_id, {_FIELDS}, ST_AsBinary(geom) AS wkb, planned FROM (
    SELECT key, parent, unit_id, {_FIELDS}, geom, true AS planned
    FROM plan_unit WHERE plan_id = :plan AND NOT retired
    UNION ALL
    SELECT g.unit_id AS key, g.parent, g.unit_id, {_FIELDS},
           CASE WHEN g.is_leaf AND NOT {_HAS_CHILDREN} THEN g.geom END AS geom, false AS planned
    FROM grid g
    WHERE g.valid @> CAST(:day AS date) {of_published}
      AND NOT EXISTS (SELECT FROM plan_unit u WHERE u.plan_id = :plan AND u.unit_id = g.unit_id)
) unit WHERE {where} ORDER BY level, key
"""


# By code (B-tree) or key.
UNIT = _current("key = :key OR code = :key") + " LIMIT 1"
CHILDREN = _current("parent = :parent")
CODED = _current("code = :code") + " LIMIT 1"
ALL = _current("true")

# `&&` on the column itself, for the index; the polygon of a leaf that has children in the plan is left out above.
NEAR = _current(
    "geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)",
    "AND g.is_leaf AND g.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)",
)

LAST_OF_PREFIX = """
SELECT max(CAST(substr(code, length(:prefix) + 1) AS bigint))
FROM (SELECT code FROM grid UNION ALL SELECT code FROM plan_unit WHERE plan_id = :plan) coded
WHERE code ^@ :prefix AND length(code) = :length AND substr(code, length(:prefix) + 1) ~ '^[0-9]+$';
"""

CODE_EVER = "SELECT unit_id, name FROM grid WHERE code = :code AND unit_id IS DISTINCT FROM :unit LIMIT 1;"

# The same place as the policies of plan_unit find.
IN_TERRITORY = """
SELECT key FROM unnest(CAST(:keys AS text[])) AS wanted (key)
WHERE coalesce((SELECT path FROM plan_unit u WHERE u.plan_id = :plan AND u.key = wanted.key),
               (SELECT path FROM grid g WHERE g.unit_id = wanted.key ORDER BY lower(valid) DESC LIMIT 1), '')
      ^@ ANY ((SELECT scope_of('plan'))::text[]);
"""


class Sheet:
    """What a plan says on the boundaries of one day."""

    def __init__(self, connection: Connection, plan_id: str, day: date) -> None:
        self._connection, self.plan_id, self.day = connection, plan_id, day

    def unit(self, key: str, field: str = "unit") -> UnitDraft:
        """The unit with this key, identity or code.

        Raises:
            NotFoundError: the plan leaves no such unit.
        """
        found = self._units(UNIT, key=key)
        if not found:
            raise NotFoundError(f"in this plan there is no unit {key!r}", field=field)
        return found[0]

    def children(self, parent: str) -> list[UnitDraft]:
        """The units right below one."""
        return self._units(CHILDREN, parent=parent)

    def all(self) -> list[UnitDraft]:
        """The whole hierarchy."""
        return self._units(ALL)

    def leaves_near(self, shape: shapely.Geometry, margin: float = 0.0) -> list[UnitDraft]:
        """The leaves that touch the box of a shape, widened by `margin` degrees."""
        west, south, east, north = shape.bounds
        return self._units(NEAR, west=west - margin, south=south - margin, east=east + margin, north=north + margin)

    def chain(self, unit: UnitDraft) -> list[UnitDraft]:
        """The units above one, the nearest first."""
        above: list[UnitDraft] = []
        while unit.parent is not None:
            unit = self.unit(unit.parent)
            above.append(unit)
        return above

    def named_by(self, code: str) -> UnitDraft | None:
        """The unit that has this code in the plan."""
        found = self._units(CODED, code=code)
        return found[0] if found else None

    def once_named_by(self, code: str, unit_id: str | None) -> str | None:
        """The name of another published unit that has or once had this code."""
        row = self._connection.execute(text(CODE_EVER), {"code": code, "unit": unit_id}).first()
        return None if row is None else str(row.name)

    def last_number(self, prefix: str, digits: int) -> int:
        """The highest number that ever followed a prefix of codes; 0 when none did."""
        values = {"prefix": prefix, "plan": self.plan_id, "length": len(prefix) + digits}
        return int(self._connection.execute(text(LAST_OF_PREFIX), values).scalar() or 0)

    def planned(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The plan's own rows of these units, as they are stored."""
        rows = self._connection.execute(
            text(f"""
                SELECT key, parent, unit_id, {_FIELDS}, retired, ST_AsEWKB(geom) AS ewkb FROM plan_unit
                WHERE plan_id = :plan AND key = ANY(:keys)
            """),
            {"plan": self.plan_id, "keys": list(keys)},
        ).mappings()
        return {row["key"]: _stored(row) for row in rows}

    def published(self, keys: Sequence[str]) -> dict[str, UnitDraft]:
        """What is published of these units on the plan's day."""
        rows = self._connection.execute(
            text(f"""
                SELECT unit_id, parent, {_FIELDS}, CASE WHEN is_leaf THEN ST_AsBinary(geom) END AS wkb
                FROM grid WHERE unit_id = ANY(:keys) AND valid @> CAST(:day AS date)
            """),
            {"keys": list(keys), "day": self.day},
        )
        return {row.unit_id: draft_of(row, row.unit_id, row.unit_id, row.wkb) for row in rows}

    def in_territory(self, keys: Iterable[str]) -> set[str]:
        """Which of these units the asker may plan for."""
        rows = self._connection.execute(text(IN_TERRITORY), {"plan": self.plan_id, "keys": list(keys)})
        return set(rows.scalars())

    def known(self, key: str) -> str:
        """The identity of the published unit with this code or identity.

        Raises:
            NotFoundError: there is none on the plan's day.
        """
        return find_unit(self._connection, key, self.day).unit_id

    def _units(self, query: str, **values: Any) -> list[UnitDraft]:
        rows = self._connection.execute(text(query), {"plan": self.plan_id, "day": self.day, **values})
        return [draft_of(row, row.key, row.unit_id, row.wkb) for row in rows]


def row_of(unit: UnitDraft, *, retired: bool = False) -> dict[str, Any]:
    """A unit as a plan stores it and as its history keeps it."""
    geom: MultiPolygon | None = None if retired else unit.geom
    return {
        "key": unit.key,
        "parent": unit.parent,
        "unit_id": unit.unit_id,
        "code": unit.code,
        "division_code": unit.division_code,
        "name": unit.name,
        "level": unit.level,
        "kind": unit.kind.value,
        "zone_type": unit.zone_type.value if unit.zone_type else None,
        "governance_mode": unit.governance_mode,
        "retired": retired,
        "geom": None if geom is None else shapely.to_wkb(shapely.set_srid(geom, 4490), hex=True, include_srid=True),
    }


def draft_of_row(row: Mapping[str, Any]) -> UnitDraft:
    """The unit that a stored row says, which is not retired."""
    return UnitDraft(
        key=row["key"],
        name=row["name"],
        level=row["level"],
        parent=row["parent"],
        code=row["code"],
        division_code=row["division_code"],
        kind=GridKind(row["kind"]),
        zone_type=ZoneType(row["zone_type"]) if row["zone_type"] else None,
        governance_mode=row["governance_mode"],
        geom=None if row["geom"] is None else shapely.from_wkb(row["geom"]),
        unit_id=row["unit_id"],
    )


def _stored(row: Any) -> dict[str, Any]:
    values = dict(row)
    raw = values.pop("ewkb")
    return {**values, "geom": None if raw is None else bytes(raw).hex().upper()}
