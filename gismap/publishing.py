"""Publishes a revision across the capabilities, in one transaction: checked, stored, and all that hangs on it moved.

What a single capability has to do is its own business; only the order and the all-or-nothing live here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from random import Random, SystemRandom
from typing import Any

import numpy as np
import orjson
import shapely
from shapely import MultiPolygon
from sqlalchemy import Connection, text

from gismap import publication_trace as trace
from gismap.access.following import Followed, Lapse, follow_grants
from gismap.access.sessions import refresh_scopes
from gismap.boundaries import revisions
from gismap.boundaries.derivation import CompleteUnit, check_structure, complete
from gismap.boundaries.revisions import PlacedUnit, StandingUnits
from gismap.boundaries.values import UnitDraft
from gismap.elements.membership import household_shares, reassign_elements
from gismap.errors import CoverageError
from gismap.geometry.codes import new_unit_id
from gismap.geometry.coverage import find_defects
from gismap.geometry.defects import NOISE_M2, WORTH_KNOWING, Defect
from gismap.geometry.ground import measure
from gismap.geometry.succession import Land, Succession
from gismap.handover.certificate import freeze
from gismap.incidents.keeping import follow_boundaries
from gismap.locating.gazetteer import refresh_gazetteer
from gismap.locating.rulings import end_with_units
from gismap.settings import get_settings
from gismap.staff.writing import end_assignments
from gismap.store import audit

CHANNEL = "gismap_revision"


@dataclass(frozen=True, slots=True)
class Publication:
    """What a publication did; `unit_ids` translates the keys of the drafts to identities.

    What was granted in retired units and is granted to nobody in their stead is in `grants_lapsed`: to be granted anew.
    """

    number: int
    effective_from: date
    certificate: dict[str, Any]
    unit_ids: dict[str, str]
    changed: int
    retired: int
    elements_moved: int
    assignments_ended: int
    grants_followed: int
    grants_lapsed: Sequence[Lapse]
    rulings_ended: int


def publish(
    connection: Connection,
    drafts: Sequence[UnitDraft],
    *,
    effective_from: date,
    today: date,
    author: str,
    reason: str,
    outlines: Mapping[str, MultiPolygon] | None = None,
    outline_authority: str | None = None,
    rng: Random | None = None,
) -> Publication:
    """Make the drafts the boundaries from `effective_from` on. The drafts are the whole hierarchy, changed or not.

    `outlines` fixes the jurisdiction outline of units, by key, in the name of `outline_authority` (the author's when
    None); others keep theirs. New identities are drawn from `rng` (from the system when None). A district without a
    title is called by its topmost unit.

    Raises:
        BadInputError: the drafts are no hierarchy.
        CoverageError: the leaves are not seamless, or do not fill an outline exactly; nothing is stored.
        ConflictError: the day is past or taken.
    """
    revisions.lock(connection)
    number = revisions.next_number(connection, effective_from, today)
    check_structure(drafts)
    standing = revisions.standing_units(connection, effective_from)
    check_coverage(drafts)
    placed = _place(complete(drafts), standing, revisions.unit_ids(connection), rng or SystemRandom())
    unit_ids = {unit.complete.draft.key: unit.unit_id for unit in placed}
    new_outlines = {unit_ids[key]: geom for key, geom in (outlines or {}).items()}
    _check_outlines(placed, revisions.standing_outlines(connection, effective_from) | new_outlines)

    changed = [u for u in placed if u.unit_id not in standing or not revisions.is_unchanged(standing[u.unit_id], u)]
    retired = standing.keys() - unit_ids.values()
    certificate = revisions.certificate_of(placed)
    revisions.insert_revision(connection, number, effective_from, author, reason, certificate)
    revisions.close_versions(connection, retired | {unit.unit_id for unit in changed}, number, effective_from)
    revisions.close_outlines(connection, retired | new_outlines.keys(), effective_from)
    revisions.insert_versions(connection, changed, number, effective_from)
    revisions.insert_outlines(connection, new_outlines, outline_authority or author, effective_from)

    trace.note_rulings(connection, number, retired, effective_from)
    rulings = end_with_units(connection, retired, effective_from, ended_by=f"revision {number}")
    trace.note_ended_rulings(connection, number)
    moved = reassign_elements(connection, effective_from)
    trace.note_posts(connection, number, retired, effective_from)
    ended = end_assignments(connection, retired, effective_from)
    shares = household_shares(connection, effective_from) if standing else {}
    lineage = revisions.lineage_of(standing, placed)
    revisions.insert_lineage(
        connection,
        number,
        [replace(row, household_share=shares.get((row.old_unit or "", row.new_unit or ""))) for row in lineage],
    )
    _title_district(connection, placed[0].complete.draft.name)
    freeze(connection, number, effective_from)
    refresh_gazetteer(connection)
    if effective_from <= today:  # else they follow on that day, by `gismap incident due`
        follow_boundaries(connection, today)
    grants = _follow(connection, standing, placed, retired, effective_from, today, author)
    trace.note_grants(connection, number, grants.ended, grants.made)
    _announce(connection, number, effective_from, author, reason, certificate)
    return Publication(
        number,
        effective_from,
        certificate,
        unit_ids,
        len(changed),
        len(retired),
        moved,
        ended,
        grants.followed,
        grants.lapses,
        rulings,
    )


def defects_of(drafts: Sequence[UnitDraft]) -> list[Defect]:
    """What keeps the leaves among the drafts from covering the land once; units are told by their codes."""
    leaves = [draft for draft in drafts if draft.geom is not None]
    found = find_defects([leaf.code or leaf.key for leaf in leaves], [leaf.geom for leaf in leaves])
    return [defect for defect in found if defect.type not in WORTH_KNOWING]


def check_coverage(drafts: Sequence[UnitDraft]) -> None:
    """Refuse boundaries that do not cover the land once.

    Raises:
        CoverageError: with what is wrong.
    """
    defects = defects_of(drafts)
    if defects:
        kinds = ", ".join(sorted({defect.type for defect in defects}))
        raise CoverageError(
            f"the grids are not seamless: {len(defects)} defects ({kinds}); nothing was published",
            [defect.as_dict() for defect in defects],
        )


def _check_outlines(placed: Sequence[PlacedUnit], outlines: Mapping[str, shapely.Geometry]) -> None:
    geoms = {unit.unit_id: unit for unit in placed}
    astray = [
        geoms[unit_id].complete.draft.name
        for unit_id, outline in outlines.items()
        if unit_id in geoms and not _fills(geoms[unit_id].complete.geom, outline)
    ]
    if astray:
        names = ", ".join(astray[:5])
        raise CoverageError(
            f"the grids do not fill the jurisdiction outline of {names} exactly; nothing was published: "
            "if an authority has changed the outline, name it",
            [{"type": "statutory_mismatch", "units": [name]} for name in astray],
        )


def _fills(land: shapely.Geometry, outline: shapely.Geometry) -> bool:
    """Whether they are the same land, but for rounding: a new vertex on an edge is not exactly on it."""
    if land.equals(outline):
        return True
    (astray,), _ = measure(np.array([shapely.symmetric_difference(land, outline)], dtype=object))
    return bool(astray <= NOISE_M2)


def _place(
    units: Sequence[CompleteUnit], standing: StandingUnits, taken: Collection[str], rng: Random
) -> list[PlacedUnit]:
    """Give each unit its identity (kept by unit_id or by code, else new) and its path; parents come before children.

    `taken` are all identities that were ever given: among 25,000 that are drawn, two are the same every fourth time.
    """
    used = set(taken)
    by_code = {row.code: row.unit_id for row in standing.values() if row.code is not None}
    identity: dict[str, str] = {}
    paths: dict[str, str] = {}
    placed = []
    for unit in units:
        draft = unit.draft
        unit_id = draft.unit_id or by_code.get(draft.code) or _unused(used, rng)
        identity[draft.key] = unit_id
        paths[draft.key] = (paths[draft.parent] if draft.parent is not None else "") + unit_id + "/"
        parent = identity[draft.parent] if draft.parent is not None else None
        placed.append(PlacedUnit(unit_id, parent, paths[draft.key], unit))
    return placed


def _unused(used: set[str], rng: Random) -> str:
    while (unit_id := new_unit_id(rng)) in used:
        pass
    used.add(unit_id)
    return unit_id


def _follow(
    connection: Connection,
    standing: StandingUnits,
    placed: Sequence[PlacedUnit],
    retired: Collection[str],
    effective_from: date,
    today: date,
    author: str,
) -> Followed:
    """Let grants follow the land of retired units, and sessions know of boundaries that are in force at once."""
    moment = max(get_settings().beginning_of(effective_from), datetime.now(UTC))  # what was granted, was granted
    done = Followed(0, [], {}, [])
    if retired:
        old = {i: Land(u.name, u.level, u.parent, shapely.from_wkb(bytes(u.wkb))) for i, u in standing.items()}
        new = {u.unit_id: _land(u) for u in placed}
        succession = Succession(old, new)
        done = follow_grants(connection, succession, retired, moment=moment, today=today, actor=author)
    if effective_from <= today:
        refresh_scopes(connection, today)
    return done


def _land(unit: PlacedUnit) -> Land:
    draft = unit.complete.draft
    return Land(draft.name, draft.level, unit.parent, unit.complete.geom)


def _announce(
    connection: Connection, number: int, effective_from: date, author: str, reason: str, certificate: dict[str, Any]
) -> None:
    event = {"revision": number, "effective_from": effective_from.isoformat()}
    audit.append(
        connection,
        actor=author,
        action="publish",
        subject=f"revision {number}",
        detail={**event, "reason": reason, "digest": certificate["digest"]},
    )
    connection.execute(text("UPDATE layer SET version = version + 1 WHERE name = 'grids'"))
    connection.execute(
        text("INSERT INTO outbox (topic, payload) VALUES ('revision', CAST(:payload AS jsonb))"),
        {"payload": orjson.dumps(event).decode()},
    )
    connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": str(number)})


def _title_district(connection: Connection, name: str) -> None:
    connection.execute(
        text("""
            INSERT INTO district (title_zh, title_en, synthetic) VALUES (:name, :name, false) ON CONFLICT DO NOTHING
        """),
        {"name": name},
    )


def describe_district(connection: Connection, title_zh: str, title_en: str, *, synthetic: bool) -> None:
    """Name the district of this database, and whether its data is made up."""
    connection.execute(
        text("""
            INSERT INTO district (title_zh, title_en, synthetic) VALUES (:title_zh, :title_en, :synthetic)
            ON CONFLICT (singleton) DO UPDATE
            SET title_zh = excluded.title_zh, title_en = excluded.title_en, synthetic = excluded.synthetic
        """),
        {"title_zh": title_zh, "title_en": title_en, "synthetic": synthetic},
    )
