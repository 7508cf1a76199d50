"""Stores a revision: which units begin, change and end on its day, and what became of the old ones.

Only boundaries are touched here; what follows for elements and staff is `gismap.publishing`'s business.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson
import shapely
from sqlalchemy import Connection, Row, text

from gismap.boundaries.derivation import CompleteUnit
from gismap.errors import ConflictError
from gismap.store.copying import copy_rows, ewkb

LOCK_KEY = 0x67_6D_70_75
SLIVER_SHARE = 0.001
"""A smaller share of a unit's area than this is an artefact of redrawing, not land that changed hands."""

SAME_SHARE = 1e-9
"""A unit that kept its land but for this share only got a vertex where a neighbour's border ends at its own."""

GRID_COLUMNS = (
    "unit_id code division_code path name level is_leaf kind zone_type governance_mode parent geom drawn anchor area_m2"
    " valid published_by"
).split()

StandingUnits = Mapping[str, Row[Any]]


@dataclass(frozen=True, slots=True)
class PlacedUnit:
    """A complete unit with its identity and its place in the hierarchy."""

    unit_id: str
    parent: str | None
    path: str
    complete: CompleteUnit


@dataclass(frozen=True, slots=True)
class LineageRow:
    """What became of a unit, or of a part of it; the shares are of the old unit's area and households."""

    old_unit: str | None
    new_unit: str | None
    change: str
    area_share: float | None
    household_share: float | None = None


def lock(connection: Connection) -> None:
    """Let one publication run at a time; released at the end of the transaction."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})


def next_number(connection: Connection, effective_from: date, today: date) -> int:
    """The number of the revision to come.

    Raises:
        ConflictError: the day is past, taken, or before a revision that is already published. The first revision of a
            district may lie in the past, since there is no earlier answer that it could change.
    """
    row = connection.execute(
        text(
            "SELECT max(number) AS number, max(effective_from) FILTER (WHERE withdrawn_at IS NULL) AS day FROM revision"
        )
    ).one()
    if row.day is not None and effective_from < today:
        raise ConflictError(f"{effective_from} is past; a revision takes effect today or later", field="effective_from")
    if row.day is not None and effective_from <= row.day:
        raise ConflictError(
            f"a revision that takes effect on {row.day} is already published; choose a later day",
            field="effective_from",
        )
    return (row.number or 0) + 1


def standing_units(connection: Connection, on: date) -> StandingUnits:
    """The units that stand on that day, by identity."""
    rows = connection.execute(
        text("""
            SELECT unit_id, code, division_code, path, name, level, is_leaf, kind, zone_type, governance_mode, parent,
                   ST_AsBinary(geom) AS wkb
            FROM grid
            WHERE valid @> CAST(:on AS date)
        """),
        {"on": on},
    )
    return {row.unit_id: row for row in rows}


def unit_ids(connection: Connection) -> set[str]:
    """All identities that units ever had."""
    return set(connection.execute(text("SELECT unit_id FROM unit")).scalars())


def newest_units(connection: Connection, today: date) -> StandingUnits:
    """The units of the newest revision, by identity, which may take effect only after `today`."""
    day = connection.execute(text("SELECT max(effective_from) FROM revision WHERE withdrawn_at IS NULL")).scalar()
    return standing_units(connection, max(day or today, today))


def is_unchanged(row: Row[Any], unit: PlacedUnit) -> bool:
    """Whether the standing version says all that the unit says, so that it needs no new one."""
    draft = unit.complete.draft
    return (
        row.code,
        row.division_code,
        row.path,
        row.name,
        row.level,
        row.is_leaf,
        row.kind,
        row.zone_type,
        row.governance_mode,
        row.parent,
    ) == (
        draft.code,
        draft.division_code,
        unit.path,
        draft.name,
        draft.level,
        unit.complete.is_leaf,
        draft.kind,
        draft.zone_type,
        draft.governance_mode,
        unit.parent,
    ) and _is_same_shape(bytes(row.wkb), unit.complete)


def _is_same_shape(wkb: bytes, unit: CompleteUnit) -> bool:
    """Whether a shape is the stored one; a union of the same leaves may begin its rings elsewhere."""
    if wkb == shapely.to_wkb(unit.geom):
        return True
    if unit.is_leaf:
        return False
    return bool(shapely.normalize(shapely.from_wkb(wkb)) == shapely.normalize(unit.geom))


def lineage_of(standing: StandingUnits, placed: Sequence[PlacedUnit]) -> list[LineageRow]:
    """How the standing units become the placed ones; what is the same before and after has no row.

    Land that changed hands is found among the leaves: a row per old and new unit that share more than a sliver.
    """
    after = {unit.unit_id: unit for unit in placed}
    rows = [LineageRow(None, new, "created", None) for new in after.keys() - standing.keys()]
    rows += [LineageRow(old, None, "retired", None) for old in standing.keys() - after.keys()]
    old_leaves = {i: shapely.from_wkb(bytes(row.wkb)) for i, row in standing.items() if row.is_leaf}
    new_leaves = {i: unit.complete.geom for i, unit in after.items() if unit.complete.is_leaf}
    for old in standing.keys() & after.keys():
        if standing[old].name != after[old].complete.draft.name or standing[old].code != after[old].complete.draft.code:
            rows.append(LineageRow(old, old, "renamed", 1.0 if old_leaves.get(old) == new_leaves.get(old) else None))
    return _without_doubles(rows + _land_moved(old_leaves, new_leaves))


def _land_moved(
    old_leaves: Mapping[str, shapely.Geometry], new_leaves: Mapping[str, shapely.Geometry]
) -> list[LineageRow]:
    old = [i for i, geom in old_leaves.items() if new_leaves.get(i) != geom]
    new = [i for i, geom in new_leaves.items() if old_leaves.get(i) != geom]
    if not old or not new:
        return []
    old_geoms, new_geoms = np.array([old_leaves[i] for i in old]), np.array([new_leaves[i] for i in new])
    at_old, at_new = shapely.STRtree(new_geoms).query(old_geoms, predicate="intersects")
    shared = shapely.area(shapely.intersection(old_geoms[at_old], new_geoms[at_new])) / shapely.area(old_geoms[at_old])
    grown = shapely.area(new_geoms[at_new]) / shapely.area(old_geoms[at_old])
    links = [
        (old[a], new[b], float(s))
        for a, b, s, g in zip(at_old, at_new, shared, grown, strict=True)
        if s > SLIVER_SHARE and not (old[a] == new[b] and abs(s - 1) < SAME_SHARE and abs(g - 1) < SAME_SHARE)
    ]
    parts, wholes = _count(link[0] for link in links), _count(link[1] for link in links)
    return [LineageRow(a, b, _change(a == b, parts[a] > 1, wholes[b] > 1), round(s, 6)) for a, b, s in links]


def _change(same: bool, divided: bool, joined: bool) -> str:
    if same:
        return "reshaped"
    if divided:
        return "split"
    return "merged" if joined else "continued"


def _count(keys: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return counts


def _without_doubles(rows: Sequence[LineageRow]) -> list[LineageRow]:
    """One row per pair; of two that say something about it, the one about land."""
    return list({(row.old_unit, row.new_unit): row for row in rows}.values())


def certificate_of(placed: Sequence[PlacedUnit]) -> dict[str, Any]:
    """What the revision proves: counts, area, and a digest that anyone can recompute from its leaves.

    The digest is SHA-256 over the name (code, else unit_id), a zero byte and the little-endian WKB of each leaf, in the
    order of names.
    """
    leaves = {unit.complete.draft.code or unit.unit_id: unit for unit in placed if unit.complete.is_leaf}
    digest = hashlib.sha256()
    for name in sorted(leaves):
        digest.update(name.encode() + b"\0" + shapely.to_wkb(leaves[name].complete.geom, byte_order=1))
    return {
        "units": len(placed),
        "leaves": len(leaves),
        "area_m2": round(sum(unit.complete.area_m2 for unit in leaves.values()), 1),
        "defects": 0,
        "digest": digest.hexdigest(),
    }


def insert_revision(
    connection: Connection, number: int, effective_from: date, author: str, reason: str, certificate: dict[str, Any]
) -> None:
    """Record the revision itself."""
    connection.execute(
        text("""
            INSERT INTO revision (number, effective_from, author, reason, certificate)
            VALUES (:number, :effective_from, :author, :reason, CAST(:certificate AS jsonb))
        """),
        {
            "number": number,
            "effective_from": effective_from,
            "author": author,
            "reason": reason,
            "certificate": orjson.dumps(certificate).decode(),
        },
    )


def close_versions(connection: Connection, unit_ids: Collection[str], number: int, effective_from: date) -> None:
    """End the standing versions of these units on the day before `effective_from`."""
    connection.execute(
        text("""
            UPDATE grid SET valid = daterange(lower(valid), :day), retired_by = :number
            WHERE unit_id = ANY(:units) AND valid @> CAST(:day AS date)
        """),
        {"day": effective_from, "number": number, "units": list(unit_ids)},
    )


def close_outlines(connection: Connection, unit_ids: Collection[str], effective_from: date) -> None:
    """End the jurisdiction outlines of retired units."""
    connection.execute(
        text("""
            UPDATE jurisdiction_outline SET valid = daterange(lower(valid), :day)
            WHERE unit_id = ANY(:units) AND valid @> CAST(:day AS date)
        """),
        {"day": effective_from, "units": list(unit_ids)},
    )


def insert_versions(connection: Connection, units: Sequence[PlacedUnit], number: int, effective_from: date) -> None:
    """Store a version of each unit from `effective_from` on, making identities for the new ones."""
    connection.execute(
        text("INSERT INTO unit (unit_id) SELECT unnest(CAST(:units AS text[])) ON CONFLICT DO NOTHING"),
        {"units": [unit.unit_id for unit in units]},
    )
    geom = ewkb([unit.complete.geom for unit in units])
    drawn = ewkb([unit.complete.drawn for unit in units])
    anchor = ewkb([unit.complete.anchor for unit in units])
    copy_rows(
        connection,
        "grid",
        GRID_COLUMNS,
        (
            (
                unit.unit_id,
                unit.complete.draft.code,
                unit.complete.draft.division_code,
                unit.path,
                unit.complete.draft.name,
                unit.complete.draft.level,
                unit.complete.is_leaf,
                unit.complete.draft.kind,
                unit.complete.draft.zone_type,
                unit.complete.draft.governance_mode,
                unit.parent,
                geom[i],
                drawn[i],
                anchor[i],
                unit.complete.area_m2,
                f"[{effective_from},)",
                number,
            )
            for i, unit in enumerate(units)
        ),
    )


def insert_lineage(connection: Connection, number: int, rows: Sequence[LineageRow]) -> None:
    """Record what became of the old units."""
    copy_rows(
        connection,
        "lineage",
        ("revision", "old_unit", "new_unit", "change", "area_share", "household_share"),
        ((number, *astuple(row)) for row in rows),
    )


def standing_outlines(connection: Connection, on: date) -> dict[str, shapely.Geometry]:
    """The jurisdiction outlines in force on that day, by unit."""
    rows = connection.execute(
        text("SELECT unit_id, ST_AsBinary(geom) AS wkb FROM jurisdiction_outline WHERE valid @> CAST(:on AS date)"),
        {"on": on},
    )
    return {row.unit_id: shapely.from_wkb(bytes(row.wkb)) for row in rows}


def insert_outlines(
    connection: Connection, outlines: Mapping[str, shapely.MultiPolygon], authority: str, effective_from: date
) -> None:
    """Fix the jurisdiction outlines of units that had none."""
    wkb = ewkb(list(outlines.values()))
    copy_rows(
        connection,
        "jurisdiction_outline",
        ("unit_id", "geom", "authority", "valid"),
        ((unit, wkb[i], authority, f"[{effective_from},)") for i, unit in enumerate(outlines)),
    )


def units_begun_by(connection: Connection, number: int) -> list[str]:
    """Units that no revision but this one knows."""
    rows = connection.execute(
        text("""
            SELECT unit_id FROM grid WHERE published_by = :number
            EXCEPT SELECT unit_id FROM grid WHERE published_by <> :number
        """),
        {"number": number},
    )
    return list(rows.scalars())


def remove_versions(connection: Connection, number: int, day: date) -> int:
    """Let what a revision ended go on, as if it had never been published; how many versions it had made.

    The identities of its units remain known, so that they are never given to others.
    """
    connection.execute(text("DELETE FROM lineage WHERE revision = :number"), {"number": number})
    removed = connection.execute(text("DELETE FROM grid WHERE published_by = :number"), {"number": number}).rowcount
    connection.execute(
        text("""
            UPDATE grid SET valid = daterange(lower(valid), NULL), retired_by = NULL WHERE retired_by = :number;
            DELETE FROM jurisdiction_outline WHERE lower(valid) = CAST(:day AS date);
            UPDATE jurisdiction_outline SET valid = daterange(lower(valid), NULL)
            WHERE upper(valid) = CAST(:day AS date);
        """),
        {"number": number, "day": day},
    )
    return removed
