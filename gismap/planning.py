"""Makes plans out of what is stored, checks them and publishes them; across capabilities, as publishing is.

How streets enclose blocks is `gismap.geometry.blocks`; what makes boundaries publishable is `gismap.publishing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from shapely import MultiPolygon
from sqlalchemy import Connection

from gismap.boundaries import revisions
from gismap.boundaries.plans import Plan, find_plan, mark_published, merged, save_plan
from gismap.boundaries.revisions import StandingUnits
from gismap.boundaries.values import UnitDraft
from gismap.elements.service import street_lines
from gismap.errors import BadInputError, ConflictError
from gismap.geometry.blocks import MIN_AREA_M2, MIN_WIDTH_M, outline_of, street_blocks
from gismap.geometry.codes import DEFAULT_SCHEME, CodeScheme, number_west_to_east, parse_division
from gismap.geometry.defects import Defect
from gismap.geometry.ground import measure
from gismap.i18n import Language, say
from gismap.publishing import Publication, defects_of, publish

GRID_LEVEL = 4


@dataclass(frozen=True, slots=True)
class Above:
    """A unit above the proposed grids: its division code, and its name when it does not exist yet."""

    code: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that was made: `taken` blocks were left out since published grids lie there already."""

    plan_id: str
    grids: int
    area_m2: float
    taken: int


def propose_from_streets(
    connection: Connection,
    above: Sequence[Above],
    *,
    source: str | None,
    today: date,
    author: str,
    title: str | None = None,
    min_area_m2: float = MIN_AREA_M2,
    min_width_m: float = MIN_WIDTH_M,
    scheme: CodeScheme = DEFAULT_SCHEME,
    language: Language = "zh",
) -> Proposal:
    """Save a plan of one grid per block between the stored streets, below the last unit of `above` (topmost first).

    Plans continue the newest boundaries, also where those take effect after `today`. Units of `above` that stand then
    are kept, the others become part of the plan. Grids are numbered west to east, north to south, after those that the
    community has; they get codes where the community's own code fits `scheme`.

    Raises:
        BadInputError: no streets, or `above` is no chain of division codes.
        ShapeError: the streets enclose nothing.
        ConflictError: every block lies in grids that are already published.
    """
    lines = street_lines(connection, source)
    if not lines:
        whose = f" from source {source!r}" if source else ""
        raise BadInputError(f"there are no streets{whose}: `gismap import streets FILE` brings them", field="source")
    standing = revisions.newest_units(connection, today)
    chain = _chain(above, standing)
    blocks = street_blocks(lines, min_area_m2, min_width_m)
    free = _free(blocks, standing)
    if not free:
        raise ConflictError("published grids already cover every block between these streets", field="source")
    community = above[-1]
    parent = _key(community.code, standing)
    name = chain[-1].name if chain and chain[-1].key == parent else standing[parent].name
    grids = _grids(free, community.code, parent, name, standing, scheme, language)
    plan_id = save_plan(connection, title or name, author, [*chain, *grids])
    areas, _ = measure(np.array(free, dtype=object))
    return Proposal(plan_id, len(grids), float(areas.sum()), len(blocks) - len(free))


def check_plan(connection: Connection, plan_id: str, today: date) -> list[Defect]:
    """What keeps the boundaries that the plan would make of the newest ones from covering the land once."""
    return defects_of(merged(revisions.newest_units(connection, today), find_plan(connection, plan_id).units))


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
        ConflictError: the plan is already published, or the day is past or taken.
        CoverageError: the result is not seamless, or does not fill an outline.
    """
    plan = find_plan(connection, plan_id)
    if plan.published_as is not None:
        raise ConflictError(f"plan {plan_id} is already published as revision {plan.published_as}", field="plan")
    units = merged(revisions.standing_units(connection, effective_from), plan.units)
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


def _chain(above: Sequence[Above], standing: StandingUnits) -> list[UnitDraft]:
    """The units of `above` that do not stand yet, as drafts."""
    if not above:
        raise BadInputError("name the units above the grids, such as 370883=邹城市,370883001=钢山街道", field="under")
    codes = {row.code for row in standing.values()}
    drafts: list[UnitDraft] = []
    parent: str | None = None
    for unit in above:
        if unit.code not in codes:
            division = parse_division(unit.code)
            if unit.name is None:
                raise BadInputError(f"unit {unit.code} does not exist yet: name it, as {unit.code}=名称", field="under")
            drafts.append(
                UnitDraft(unit.code, unit.name, division.level, parent, code=unit.code, division_code=division.text)
            )
        parent = _key(unit.code, standing)
    return drafts


def _key(code: str, standing: StandingUnits) -> str:
    """What children name their parent by: the identity of a unit that stands, else the code as key in the plan."""
    return next((row.unit_id for row in standing.values() if row.code == code), code)


def _free(blocks: Sequence[shapely.Polygon], standing: StandingUnits) -> list[shapely.Polygon]:
    leaves = np.array([shapely.from_wkb(bytes(row.wkb)) for row in standing.values() if row.is_leaf], dtype=object)
    shapes = np.array(blocks, dtype=object)
    mine, theirs = shapely.STRtree(leaves).query(shapes, predicate="intersects")
    common, _ = measure(shapely.intersection(shapes[mine], leaves[theirs]))
    taken = set(mine[common > 1.0].tolist())
    return [block for index, block in enumerate(blocks) if index not in taken]


def _grids(
    blocks: Sequence[shapely.Polygon],
    community: str,
    parent: str,
    name: str,
    standing: StandingUnits,
    scheme: CodeScheme,
    language: Language,
) -> list[UnitDraft]:
    coded = len(community) == scheme.community_digits
    grid_digits = scheme.community_digits + scheme.sequence_digits
    taken = [row.code for row in standing.values() if row.code and row.code.startswith(community)]
    last = max((scheme.parse(code).sequence for code in taken if len(code) == grid_digits), default=0)
    centres = shapely.get_coordinates(shapely.point_on_surface(np.array(blocks, dtype=object)))
    return [
        UnitDraft(
            key=f"new-{number}",
            name=say("plan.grid_name", language, community=name, number=number),
            level=GRID_LEVEL,
            parent=parent,
            code=scheme.grid_code(community, number) if coded else None,
            geom=MultiPolygon([blocks[index]]),
        )
        for number, index in enumerate(number_west_to_east(centres), start=last + 1)
    ]


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
