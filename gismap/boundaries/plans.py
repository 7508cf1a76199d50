"""Plans: drafts of boundaries that are kept apart from what is published, and the whole hierarchy that they would make.

Only what a plan adds or changes is stored; making proposals and publishing them is `gismap.planning`'s business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import SystemRandom
from typing import Any

import shapely
from sqlalchemy import Connection, Row, text

from gismap.boundaries.revisions import StandingUnits
from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.errors import ConflictError, NotFoundError
from gismap.geometry.codes import new_unit_id
from gismap.store.copying import copy_rows, ewkb

UNIT_COLUMNS = "plan_id key parent unit_id code division_code name level kind zone_type governance_mode geom".split()


@dataclass(frozen=True, slots=True)
class Plan:
    """A stored plan; `units` refer to each other by key and to published units by identity."""

    plan_id: str
    title: str
    author: str
    base_revision: int | None
    created_at: datetime
    published_as: int | None
    units: Sequence[UnitDraft]


def save_plan(connection: Connection, title: str, author: str, units: Sequence[UnitDraft]) -> str:
    """Store a plan on the newest revision and return its identity, such as `p7k2m0q`."""
    plan_id = "p" + new_unit_id(SystemRandom())[1:]
    connection.execute(
        text("""
            INSERT INTO plan (plan_id, title, author, base_revision)
            VALUES (:plan_id, :title, :author, (SELECT max(number) FROM revision WHERE withdrawn_at IS NULL))
        """),
        {"plan_id": plan_id, "title": title, "author": author},
    )
    geom = ewkb([unit.geom for unit in units])
    copy_rows(
        connection,
        "plan_unit",
        UNIT_COLUMNS,
        (
            (
                plan_id, unit.key, unit.parent, unit.unit_id, unit.code, unit.division_code, unit.name, unit.level,
                unit.kind, unit.zone_type, unit.governance_mode, geom[i],
            )
            for i, unit in enumerate(units)
        ),
    )  # fmt: skip
    return plan_id


def find_plan(connection: Connection, plan_id: str) -> Plan:
    """The plan of that identity.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(text("SELECT * FROM plan WHERE plan_id = :plan_id"), {"plan_id": plan_id}).first()
    if row is None:
        raise NotFoundError(f"there is no plan {plan_id!r}; `gismap plan list` shows them", field="plan")
    units = connection.execute(
        text("SELECT *, ST_AsBinary(geom) AS wkb FROM plan_unit WHERE plan_id = :plan_id ORDER BY level, key"),
        {"plan_id": plan_id},
    )
    return Plan(
        row.plan_id, row.title, row.author, row.base_revision, row.created_at, row.published_as,
        [_draft(unit, unit.key, unit.unit_id, unit.wkb) for unit in units],
    )  # fmt: skip


def list_plans(connection: Connection) -> Sequence[Row[Any]]:
    """All plans, the newest first, with how many leaves each draws."""
    return connection.execute(
        text("""
            SELECT p.plan_id, p.title, p.author, p.base_revision, p.created_at, p.published_as, count(u.geom) AS leaves
            FROM plan p LEFT JOIN plan_unit u USING (plan_id)
            GROUP BY p.plan_id ORDER BY p.created_at DESC
        """)
    ).all()


def mark_published(connection: Connection, plan_id: str, revision: int) -> None:
    """Record that a plan became a revision.

    Raises:
        ConflictError: it already was published.
    """
    marked = connection.execute(
        text("UPDATE plan SET published_as = :revision WHERE plan_id = :plan_id AND published_as IS NULL"),
        {"plan_id": plan_id, "revision": revision},
    )
    if not marked.rowcount:
        raise ConflictError(f"plan {plan_id} is already published", field="plan")


def merged(standing: StandingUnits, units: Sequence[UnitDraft]) -> list[UnitDraft]:
    """The whole hierarchy that stands once a plan is in force: what is published, with the plan's units over it.

    A published leaf that gets children in the plan is drawn by them from then on.
    """
    continued = {unit.unit_id for unit in units if unit.unit_id is not None}
    parents = {unit.parent for unit in units}
    kept = [
        _draft(row, row.unit_id, row.unit_id, row.wkb if row.is_leaf else None)
        for row in standing.values()
        if row.unit_id not in continued
    ]
    return [replace(unit, geom=None) if unit.key in parents else unit for unit in kept] + list(units)


def _draft(row: Row[Any], key: str, unit_id: str | None, wkb: bytes | None) -> UnitDraft:
    return UnitDraft(
        key=key,
        name=row.name,
        level=row.level,
        parent=row.parent,
        code=row.code,
        division_code=row.division_code,
        kind=GridKind(row.kind),
        zone_type=row.zone_type and ZoneType(row.zone_type),
        governance_mode=row.governance_mode,
        geom=None if wkb is None else shapely.from_wkb(bytes(wkb)),
        unit_id=unit_id,
    )
