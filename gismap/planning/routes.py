"""HTTP of plans: drafted, edited, checked, compared, talked about, agreed, and asked to be published.

The service's role writes drafts alone, in the caller's territory; what is published is carried out by the owner's
process (`enforcing`).
"""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import orjson
import shapely
from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy import Connection

from gismap.access.values import Permission
from gismap.boundaries import plan_talk
from gismap.boundaries.plan_edits import history, release_lock, take_lock
from gismap.boundaries.plan_operations import Rules
from gismap.boundaries.plan_sheet import Sheet
from gismap.boundaries.plans import base_day, find_header, find_plan, list_plans, newest_revision
from gismap.geometry.codes import parse_scheme
from gismap.http import (
    Configuration,
    CurrentCaller,
    Database,
    GeoJsonResponse,
    NoQuery,
    Text,
    json_only,
    json_response,
    permit,
)
from gismap.planning import agreeing, comparing, enforcing, proposing
from gismap.planning.checking import judge_plan
from gismap.planning.editing import Outcome, edit_plan, turn_back
from gismap.planning.rebasing import rebase
from gismap.planning.schemas import (
    CommentBody,
    DifferenceQuery,
    EditBody,
    LockBody,
    LockQuery,
    NewPlanBody,
    PublishBody,
    RebaseBody,
    SignBody,
)
from gismap.settings import Settings
from gismap.store.session import reading, writing

router = APIRouter(prefix="/api/plans", tags=["plans"])

Nothing = Annotated[NoQuery, Query()]
PlanId = Annotated[Text, Path(description="Identity of a plan")]
MAY_PLAN = permit(Permission.PLAN)
ASKS = [MAY_PLAN]
SAYS = [Depends(json_only), MAY_PLAN]


@router.get("", summary="All plans", dependencies=ASKS)
def plans(_: Nothing, engine: Database) -> Response:
    """The newest first: whether each is published, on which base, whether that has moved, and who edits it now."""
    with reading(engine) as connection:
        return json_response({"plans": [dict(row._mapping) for row in list_plans(connection)]})


@router.post("", summary="A new plan", status_code=201, dependencies=SAYS)
def make(body: NewPlanBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration) -> Response:
    """A plan that changes nothing yet of the newest boundaries."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        made = proposing.start_plan(
            connection,
            body.title,
            author=caller.username,
            today=settings.today(),
            about=body.about,
            needs_signoff=body.needs_signoff,
        )
    answer = json_response({"plan": made})
    answer.status_code = 201
    return answer


@router.get("/{plan}", summary="A plan and where it stands", dependencies=ASKS)
def show(plan: PlanId, _: Nothing, engine: Database) -> Response:
    """Its title, base, editor, locked units, and what came of the last request to publish it."""
    with reading(engine) as connection:
        told = dict(find_header(connection, plan)._mapping)
        moved = told["published_as"] is None and told["base_revision"] != newest_revision(connection)
        locked, asked = plan_talk.list_held(connection, plan), plan_talk.last_request(connection, plan)
    return json_response({**told, "base_moved": moved, "locked_units": locked, "request": asked})


@router.get("/{plan}/grids", summary="The grids of a plan", response_class=GeoJsonResponse, dependencies=ASKS)
def grids(plan: PlanId, _: Nothing, engine: Database) -> Response:
    """The leaves that the plan draws, as GeoJSON."""
    with reading(engine) as connection:
        units = find_plan(connection, plan).units
    features = [
        {
            "type": "Feature",
            "id": unit.key,
            "geometry": orjson.Fragment(shapely.to_geojson(unit.geom)),
            "properties": {
                "code": unit.code, "name": unit.name, "level": unit.level, "parent": unit.parent, "kind": unit.kind,
                "zone_type": unit.zone_type, "is_new": unit.unit_id is None,
            },
        }
        for unit in units
        if unit.geom is not None
    ]  # fmt: skip
    return GeoJsonResponse(orjson.dumps({"type": "FeatureCollection", "features": features}))


@router.get("/{plan}/check", summary="What keeps a plan from being published", dependencies=ASKS)
def check(plan: PlanId, _: Nothing, engine: Database, settings: Configuration) -> Response:
    """Defects of the whole, faults of the hierarchy, and whether the base has moved."""
    with reading(engine) as connection:
        verdict = judge_plan(connection, plan, settings.today())
    return json_response(
        {
            "clean": verdict.is_clean,
            "defects": [defect.as_dict() for defect in verdict.defects],
            "structure": verdict.structure,
            "base_moved": verdict.base_moved,
        }
    )


@router.get("/{plan}/difference", summary="What a plan changes", dependencies=ASKS)
def difference(
    plan: PlanId, query: Annotated[DifferenceQuery, Query()], engine: Database, settings: Configuration
) -> Response:
    """Units before and after, and what goes from which grid to which; against what is published or another plan."""
    with reading(engine) as connection:
        return json_response(comparing.difference(connection, plan, settings.today(), query.other))


@router.get("/{plan}/history", summary="Who edited what and when", dependencies=ASKS)
def edits(plan: PlanId, _: Nothing, engine: Database) -> Response:
    """The newest first, with what was undone."""
    with reading(engine) as connection:
        find_header(connection, plan)
        return json_response({"edits": history(connection, plan)})


@router.post("/{plan}/edits", summary="One edit", dependencies=SAYS)
def edit(
    plan: PlanId, body: EditBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """The edit's number, the check of what lies around it, and the units that it changed in numbers."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        wanted, rules = body.edit(settings.max_vertices), _rules(settings)
        done = edit_plan(connection, plan, wanted, actor=caller.username, today=settings.today(), rules=rules)
    return json_response(_told(done))


@router.post("/{plan}/undo", summary="The last edit taken back", dependencies=ASKS)
def undo(plan: PlanId, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration) -> Response:
    """As for an edit."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        done = turn_back(connection, plan, actor=caller.username, today=settings.today())
    return json_response(_told(done))


@router.post("/{plan}/redo", summary="What was undone last done again", dependencies=ASKS)
def redo(plan: PlanId, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration) -> Response:
    """As for an edit."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        done = turn_back(connection, plan, actor=caller.username, today=settings.today(), again=True)
    return json_response(_told(done))


@router.post("/{plan}/lock", summary="A plan or one of its units locked", dependencies=SAYS)
def lock(
    plan: PlanId, body: LockBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """Without a unit other planners cannot edit the plan for a while; a unit that is locked nobody can edit."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        until = take_lock(connection, plan, caller.username)
        if body.unit is not None:
            key = _sheet(connection, plan, settings.today()).unit(body.unit).key
            plan_talk.hold_unit(connection, plan, key, body.reason, caller.username)
    return json_response({"holder": caller.username, "until": until, "unit": body.unit})


@router.delete("/{plan}/lock", summary="A lock let go", status_code=204, dependencies=ASKS)
def let_go(
    plan: PlanId,
    query: Annotated[LockQuery, Query()],
    engine: Database,
    caller: CurrentCaller,
    settings: Configuration,
) -> Response:
    """The caller's of the plan, or that of a unit."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        if query.unit is None:
            release_lock(connection, plan, caller.username)
        else:
            take_lock(connection, plan, caller.username)
            key = _sheet(connection, plan, settings.today()).unit(query.unit).key
            plan_talk.let_go_of_unit(connection, plan, key)
    return Response(status_code=204)


@router.get("/{plan}/comments", summary="What was said of a plan", dependencies=ASKS)
def comments(plan: PlanId, _: Nothing, engine: Database) -> Response:
    """In order."""
    with reading(engine) as connection:
        find_header(connection, plan)
        return json_response({"comments": plan_talk.list_comments(connection, plan)})


@router.post("/{plan}/comments", summary="Something said of a plan or unit", status_code=201, dependencies=SAYS)
def comment(
    plan: PlanId, body: CommentBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """The comment's number."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        find_header(connection, plan)
        key = None if body.unit is None else _sheet(connection, plan, settings.today()).unit(body.unit).key
        number = plan_talk.add_comment(connection, plan, body.said, caller.username, key)
    answer = json_response({"comment": number})
    answer.status_code = 201
    return answer


@router.get("/{plan}/signoffs", summary="What units concerned say", dependencies=ASKS)
def signoffs(plan: PlanId, _: Nothing, engine: Database, settings: Configuration) -> Response:
    """Each unit with its word, and whether its part has changed since."""
    with reading(engine) as connection:
        words = agreeing.words(connection, plan, settings.today())
    return json_response({"signoffs": [asdict(word) for word in words]})


@router.get("/{plan}/signoffs/{unit}", summary="A unit's own part of a plan", dependencies=ASKS)
def part(
    plan: PlanId,
    unit: Annotated[Text, Path(description="Code or identity of a unit")],
    _: Nothing,
    engine: Database,
    settings: Configuration,
) -> Response:
    """As the difference, of the units right below it."""
    with reading(engine) as connection:
        return json_response(agreeing.part_of(connection, plan, unit, settings.today()))


@router.post("/{plan}/signoffs", summary="A unit agrees or objects", dependencies=SAYS)
def sign(
    plan: PlanId, body: SignBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """The unit must lie in the caller's territory; an objection needs a reason."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        agreeing.give_word(
            connection, plan, body.unit, body.verdict, body.reason, actor=caller.username, today=settings.today()
        )
    return json_response({"unit": body.unit, "verdict": body.verdict})


@router.post("/{plan}/rebase", summary="A plan taken over to the newest boundaries", dependencies=SAYS)
def take_over(
    plan: PlanId, body: RebaseBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """409 with `conflicts` where both changed the same and `prefer` does not say who is right."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        done = rebase(connection, plan, actor=caller.username, today=settings.today(), prefer=body.prefer)
    decided = [conflict.as_dict() for conflict in done.decided]
    return json_response({"base_revision": done.base_revision, "decided": decided})


@router.post("/{plan}/publish", summary="A plan asked to be published", status_code=202, dependencies=SAYS)
def publish(
    plan: PlanId, body: PublishBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """Checked at once, and refused with the defects; what came of it `GET /api/plans/{plan}` tells under `request`."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        number = enforcing.ask_to_publish(
            connection,
            plan,
            effective_from=body.effective_from,
            today=settings.today(),
            actor=caller.username,
            reason=body.reason,
            outline_authority=body.outline_authority,
        )
    answer = json_response({"request": number})
    answer.status_code = 202
    return answer


@router.delete("/{plan}/publish", summary="A request to publish taken back", status_code=204, dependencies=ASKS)
def take_back(plan: PlanId, _: Nothing, engine: Database, settings: Configuration) -> Response:
    """As long as it is not carried out."""
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        find_header(connection, plan)
        plan_talk.cancel_request(connection, plan)
    return Response(status_code=204)


def _told(done: Outcome) -> dict[str, Any]:
    return {
        "edit": done.seq,
        "action": done.action,
        "detail": done.detail,
        "defects": [defect.as_dict() for defect in done.defects],
        "base_moved": done.base_moved,
        **done.counts,
    }


def _rules(settings: Settings) -> Rules:
    return Rules(parse_scheme(settings.code_scheme), settings.language)


def _sheet(connection: Connection, plan: str, today: date) -> Sheet:
    return Sheet(connection, plan, base_day(connection, find_header(connection, plan), today))
