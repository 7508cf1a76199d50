"""Publishes plans, at once by the owner of the tables or on request; what a publication does is `gismap.publishing`'s.

The service only asks for a publication: it writes no boundaries. The process that has the owner's URL carries out what
was asked, in one transaction with the answer, so that a process killed at any moment leaves the request open or done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import shapely
from shapely import MultiPolygon
from sqlalchemy import Connection, Engine

from gismap.boundaries import plan_talk, revisions
from gismap.boundaries.derivation import check_structure
from gismap.boundaries.plans import Plan, check_base, check_new_codes, find_plan, mark_published, merged
from gismap.boundaries.values import UnitDraft
from gismap.errors import ConflictError, CoverageError, GismapError, UnavailableError
from gismap.geometry.blocks import outline_of
from gismap.geometry.errors import GeometryError
from gismap.planning.agreeing import check_agreed
from gismap.publishing import Publication, check_coverage, publish
from gismap.store.session import reading, writing

MOST_DEFECTS = 100
"""A refusal tells no more: the check of the plan tells all."""


def publish_plan(
    connection: Connection,
    plan_id: str,
    *,
    effective_from: date,
    today: date,
    author: str,
    reason: str,
    outline_authority: str | None = None,
) -> Publication:
    """Make a plan the boundaries from a day on.

    `outline_authority` names who fixed the new outlines of the units above the plan's grids that have one; without it a
    plan that changes a jurisdiction outline is refused.

    Raises:
        ConflictError: the plan is already published, its base has moved, a unit concerned has not agreed where it has
            to, or the day is past or taken.
        CoverageError: the result is not seamless, or does not fill an outline.
        BadInputError: the result is no hierarchy, or a code was another unit's.
    """
    revisions.lock(connection)
    plan = _publishable(connection, plan_id, today)
    units = merged(revisions.standing_units(connection, effective_from), plan.units, plan.retired)
    outlines: Mapping[str, MultiPolygon] = {}
    if outline_authority is not None:
        outlines = _grown_outlines(plan, units, revisions.standing_outlines(connection, effective_from))
    publication = publish(
        connection,
        units,
        effective_from=effective_from,
        today=today,
        author=author,
        reason=reason,
        outlines=outlines,
        outline_authority=outline_authority,
    )
    mark_published(connection, plan_id, publication.number)
    return publication


def ask_to_publish(
    connection: Connection,
    plan_id: str,
    *,
    effective_from: date,
    today: date,
    actor: str,
    reason: str,
    outline_authority: str | None = None,
) -> int:
    """Ask for a plan to be published by the owner's process, if by what shows it can be; the number of the request.

    Raises:
        ForbiddenError: the plan changes units outside of the asker's territory.
        ConflictError, CoverageError, BadInputError: as for `publish_plan`, or it was asked already.
    """
    plan = _publishable(connection, plan_id, today)
    revisions.next_number(connection, effective_from, today)
    units = merged(revisions.standing_units(connection, effective_from), plan.units, plan.retired)
    check_structure(units)
    check_coverage(units)
    return plan_talk.request_publication(connection, plan_id, effective_from, reason, outline_authority, actor)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: a publication, or why there was none."""

    plan_id: str
    publication: Publication | None
    refusal: str | None


def carry_out_requests(owner: Engine, today: date) -> list[Answer]:
    """Do what was asked of the owner, one transaction for each request. What cannot be done is told with the request.

    Raises:
        UnavailableError: the database is away; what was not done yet is still asked for.
    """
    answers = []
    while (answer := _carry_out(owner, today)) is not None:
        answers.append(answer)
    return answers


def _carry_out(owner: Engine, today: date) -> Answer | None:
    with reading(owner) as connection:  # looked for every second: without locks
        if connection.exec_driver_sql("SELECT 1 FROM publish_request WHERE done_at IS NULL LIMIT 1").first() is None:
            return None
    asked = None
    try:
        with writing(owner) as connection:
            asked = plan_talk.next_request(connection)
            if asked is None:
                return None
            done = publish_plan(
                connection,
                asked.plan_id,
                effective_from=asked.effective_from,
                today=today,
                author=asked.asked_by,
                reason=asked.reason,
                outline_authority=asked.outline_authority,
            )
            plan_talk.close_request(connection, asked.request, revision=done.number)
            return Answer(asked.plan_id, done, None)
    except (GismapError, GeometryError) as refusal:
        if asked is None or isinstance(refusal, UnavailableError):
            raise
        kind = refusal.type if isinstance(refusal, GismapError) else "bad-input"
        told: dict[str, Any] = {"type": kind, "detail": refusal.detail, "field": refusal.field}
        if isinstance(refusal, CoverageError):
            told["defects"] = refusal.defects[:MOST_DEFECTS]
        with writing(owner) as connection:
            plan_talk.close_request(connection, asked.request, refusal=told)
        return Answer(asked.plan_id, None, refusal.detail)


def _publishable(connection: Connection, plan_id: str, today: date) -> Plan:
    plan = find_plan(connection, plan_id)
    if plan.published_as is not None:
        raise ConflictError(f"plan {plan_id} is already published as revision {plan.published_as}", field="plan")
    check_base(connection, plan)
    check_new_codes(connection, plan)
    if plan.needs_signoff:
        check_agreed(connection, plan_id, today)
    return plan


def _grown_outlines(
    plan: Plan, units: Sequence[UnitDraft], outlines: Mapping[str, shapely.Geometry]
) -> dict[str, MultiPolygon]:
    """The new outlines, by key, of the units above the plan's leaves that have one."""
    parent_of = {unit.key: unit.parent for unit in units}
    below: dict[str, list[shapely.Geometry]] = {key: [] for key in outlines}
    for unit in units:
        key: str | None = unit.key
        while unit.geom is not None and key is not None:
            if key in below:
                below[key].extend(unit.geom.geoms)
            key = parent_of[key]
    touched = set()
    for unit in plan.units:
        key = unit.parent
        while key is not None:
            touched.add(key)
            key = parent_of[key]
    return {key: outline_of(parts) for key, parts in below.items() if key in touched and parts}
