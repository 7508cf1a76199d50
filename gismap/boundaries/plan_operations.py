"""What planners do to the units of a plan: replace, split, merge, reshape, set, add, end; storing it is not here.

Each operation looks up what it needs in the sheet and writes what becomes of units into a stroke.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import SystemRandom
from typing import Any

import shapely
from shapely import LineString, MultiPolygon

from gismap.boundaries.plan_edits import Rows
from gismap.boundaries.plan_sheet import Sheet, row_of
from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.errors import BadInputError, ConflictError
from gismap.geometry import editing
from gismap.geometry.codes import CodeScheme, new_unit_id, parse_division
from gismap.geometry.errors import CodeError
from gismap.i18n import Language, say

_TOUCH_DEGREES = 1e-8


@dataclass(frozen=True, slots=True)
class Replace:
    """New land for a grid; its neighbours stay as they are."""

    unit: str
    geom: MultiPolygon


@dataclass(frozen=True, slots=True)
class Split:
    """A grid cut by a line; the largest part goes on being the grid, the others are new."""

    unit: str
    line: LineString
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """Grids joined into the first of them."""

    units: Sequence[str]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Reshape:
    """Another border between two neighbours: both sides move."""

    unit: str
    other: str
    line: LineString


@dataclass(frozen=True, slots=True)
class MoveVertex:
    """A corner moved for all grids that have it, lon/lat."""

    at: editing.Node
    to: editing.Node


@dataclass(frozen=True, slots=True)
class Put:
    """Attributes of a unit: name, code, division_code, parent, kind, zone_type, governance_mode; only these given."""

    unit: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Add:
    """A new unit, a leaf where it has land."""

    name: str
    level: int
    parent: str | None = None
    code: str | None = None
    division_code: str | None = None
    kind: GridKind = GridKind.GENERAL
    zone_type: ZoneType | None = None
    geom: MultiPolygon | None = None


@dataclass(frozen=True, slots=True)
class Retire:
    """A unit without children ends."""

    unit: str


Edit = Replace | Split | Merge | Reshape | MoveVertex | Put | Add | Retire


@dataclass(frozen=True, slots=True)
class Rules:
    """How codes are made, and in which language units are named."""

    scheme: CodeScheme
    language: Language


class Stroke:
    """What one edit makes of units: `before` and `after` as the plan stores them, and shapes for the check."""

    def __init__(self, sheet: Sheet, held: Mapping[str, str]) -> None:
        self.sheet, self._held = sheet, held
        self.old: dict[str, UnitDraft] = {}
        self.new: dict[str, UnitDraft | None] = {}
        self.noded: set[str] = set()

    def find(self, key: str, field: str = "unit") -> UnitDraft:
        """A unit to be changed.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is locked.
        """
        unit = self.sheet.unit(key, field)
        if unit.key in self._held:
            raise ConflictError(f"{unit.name} is locked: {self._held[unit.key]}", field=field)
        return unit

    def leaf(self, key: str, field: str = "unit") -> UnitDraft:
        """A grid with land of its own, to be changed."""
        unit = self.find(key, field)
        if unit.geom is None:
            raise BadInputError(f"{unit.name} has no land of its own: its parts have", field=field)
        return unit

    def put(self, old: UnitDraft | None, new: UnitDraft | None) -> None:
        """Let a unit become another state of it; None: it is not there before, or not after."""
        key = (new or old).key  # type: ignore[union-attr]
        if old is not None:
            self.old.setdefault(key, old)
        self.new[key] = new

    def node(self, nodes: Iterable[editing.Node]) -> None:
        """Give new vertices on borders to the grids beside, so that all share them.

        Locked grids and those of other territories stay as they are: without the vertex their border is the same but
        for rounding.
        """
        points = list(nodes)
        if not points:
            return
        beside = self.sheet.leaves_near(shapely.MultiPoint(points), _TOUCH_DEGREES)
        beside = [leaf for leaf in beside if leaf.key not in self.new and leaf.key not in self._held]
        may = self.sheet.in_territory(leaf.key for leaf in beside)
        for leaf in beside:
            if leaf.key in may and leaf.geom is not None:
                noded = editing.with_nodes(leaf.geom, points)
                if noded is not leaf.geom:
                    self.put(leaf, replace(leaf, geom=noded))
                    self.noded.add(leaf.key)

    def end_empty(self, parent: str | None) -> None:
        """End a unit, and what is above it, when this stroke has taken its last child."""
        while parent is not None:
            left = {child.key for child in self.sheet.children(parent)}
            left -= {key for key, unit in self.new.items() if unit is None or unit.parent != parent}
            left |= {key for key, unit in self.new.items() if unit is not None and unit.parent == parent}
            if left:
                return
            unit = self.find(parent)
            self.put(unit, None)
            parent = unit.parent

    def rows(self) -> tuple[Rows, Rows]:
        """The plan's rows before and after. A published unit that ends is a row that says so, a new one is none."""
        before = self.sheet.planned(self.new)
        after = {
            key: row_of(unit) if unit is not None
            else row_of(self.old[key], retired=True) if self.old[key].unit_id is not None
            else None
            for key, unit in self.new.items()
        }  # fmt: skip
        return {key: before.get(key) for key in after}, after


def apply_edit(stroke: Stroke, edit: Edit, rules: Rules) -> dict[str, Any]:
    """Do an edit; what the history says of it.

    Raises:
        BadInputError, NotFoundError, ConflictError, ShapeError, CodeError: it cannot be done.
    """
    detail: dict[str, Any] = OPERATIONS[type(edit)](stroke, edit, rules)
    ended = [stroke.old[key].name for key, unit in stroke.new.items() if unit is None]
    return {**detail, "ended": ended} if ended else detail


def _replace(stroke: Stroke, edit: Replace, _: Rules) -> dict[str, Any]:
    unit = stroke.leaf(edit.unit)
    stroke.put(unit, replace(unit, geom=edit.geom))
    return {"unit": unit.name}


def _split(stroke: Stroke, edit: Split, rules: Rules) -> dict[str, Any]:
    unit = stroke.leaf(edit.unit)
    assert unit.geom is not None
    cut = editing.split(unit.geom, edit.line)
    if len(edit.names) not in (0, len(cut.parts) - 1):
        raise BadInputError(f"the line makes {len(cut.parts) - 1} new grids, name as many or none", field="names")
    stroke.put(unit, replace(unit, geom=cut.parts[0]))
    labels = _next_labels(stroke.sheet, unit, len(cut.parts) - 1, rules)
    for number, (part, (name, code)) in enumerate(zip(cut.parts[1:], labels, strict=True)):
        named = edit.names[number] if edit.names else name
        stroke.put(
            None, replace(unit, key=_new_key(), unit_id=None, division_code=None, name=named, code=code, geom=part)
        )
    stroke.node(cut.nodes)
    return {"unit": unit.name, "into": [new.name for new in stroke.new.values() if new and new.key not in stroke.noded]}


def _merge(stroke: Stroke, edit: Merge, _: Rules) -> dict[str, Any]:
    units = [stroke.leaf(key, "units") for key in edit.units]
    if len({unit.key for unit in units}) != len(units) or len(units) < 2:
        raise BadInputError("name at least two different grids", field="units")
    first, *others = units
    whole = editing.join([unit.geom for unit in units if unit.geom is not None])
    if len(whole.geoms) > max(len(unit.geom.geoms) for unit in units if unit.geom is not None):
        raise BadInputError("these grids do not touch one another: joined, they would be in pieces", field="units")
    stroke.put(first, replace(first, geom=whole, name=edit.name or first.name))
    for other in others:
        stroke.put(other, None)
    for parent in {other.parent for other in others}:
        stroke.end_empty(parent)
    return {"unit": first.name, "with": [other.name for other in others]}


def _reshape(stroke: Stroke, edit: Reshape, _: Rules) -> dict[str, Any]:
    first, second = stroke.leaf(edit.unit), stroke.leaf(edit.other, "other")
    assert first.geom is not None and second.geom is not None
    if first.key == second.key:
        raise BadInputError("name two different grids", field="other")
    cut = editing.reshape(first.geom, second.geom, edit.line)
    for unit, land in zip((first, second), cut.parts, strict=True):
        stroke.put(unit, replace(unit, geom=land))
    stroke.node(cut.nodes)
    return {"unit": first.name, "other": second.name}


def _move_vertex(stroke: Stroke, edit: MoveVertex, _: Rules) -> dict[str, Any]:
    for leaf in stroke.sheet.leaves_near(shapely.Point(edit.at), _TOUCH_DEGREES):
        assert leaf.geom is not None
        moved = editing.with_vertex_moved(leaf.geom, edit.at, edit.to)
        if moved is not leaf.geom:
            stroke.find(leaf.key, "at")
            stroke.put(leaf, replace(leaf, geom=moved))
    if not stroke.new:
        raise BadInputError("no grid has a corner there", field="at")
    return {"units": [unit.name for unit in stroke.old.values()]}


def _put(stroke: Stroke, edit: Put, rules: Rules) -> dict[str, Any]:
    unit = stroke.find(edit.unit)
    fields = dict(edit.fields)
    if not fields:
        raise BadInputError("say what to set", field="fields")
    if fields.get("parent") is not None:
        fields["parent"] = _parent(stroke, fields["parent"], unit.level, unit.key).key
    new = replace(unit, **fields)
    if new.parent is None and unit.parent is not None:
        raise BadInputError(f"{unit.name} must stay below another unit", field="parent")
    _check_code(stroke.sheet, new, rules)
    stroke.put(unit, new)
    if new.parent != unit.parent:
        stroke.end_empty(unit.parent)
    return {"unit": unit.name, **{name: str(value) for name, value in edit.fields.items()}}


def _add(stroke: Stroke, edit: Add, rules: Rules) -> dict[str, Any]:
    key = _new_key()
    parent = None if edit.parent is None else _parent(stroke, edit.parent, edit.level, key)
    if parent is None and edit.level > 2:
        raise BadInputError("name the unit above it", field="parent")
    new = UnitDraft(
        key, edit.name, edit.level, parent.key if parent else None, edit.code, edit.division_code, edit.kind,
        edit.zone_type, None, edit.geom,
    )  # fmt: skip
    _check_code(stroke.sheet, new, rules)
    stroke.put(None, new)
    return {"unit": edit.name, "below": parent.name if parent else None}


def _retire(stroke: Stroke, edit: Retire, _: Rules) -> dict[str, Any]:
    unit = stroke.find(edit.unit)
    if stroke.sheet.children(unit.key):
        raise ConflictError(f"{unit.name} has units below it: end or move them first", field="unit")
    stroke.put(unit, None)
    stroke.end_empty(unit.parent)
    return {"unit": unit.name}


OPERATIONS: dict[type, Callable[[Stroke, Any, Rules], dict[str, Any]]] = {
    Replace: _replace,
    Split: _split,
    Merge: _merge,
    Reshape: _reshape,
    MoveVertex: _move_vertex,
    Put: _put,
    Add: _add,
    Retire: _retire,
}


def _new_key() -> str:
    return "n" + new_unit_id(SystemRandom())[1:]


def _parent(stroke: Stroke, key: str, level: int, child: str) -> UnitDraft:
    parent = stroke.find(key, "parent")
    if parent.level >= level:
        raise BadInputError(f"{parent.name} is not of a higher level", field="parent")
    if parent.geom is not None:
        raise BadInputError(f"{parent.name} is a grid with land of its own: nothing can be below it", field="parent")
    if parent.key == child:
        raise BadInputError("nothing is below itself", field="parent")
    return parent


def _check_code(sheet: Sheet, unit: UnitDraft, rules: Rules) -> None:
    """Refuse codes that are another unit's, were once, or are of another district."""
    if unit.division_code is not None:
        parse_division(unit.division_code)
    if unit.code is None:
        return
    other = sheet.named_by(unit.code)
    if other is not None and other.key != unit.key:
        raise ConflictError(f"code {unit.code} is that of {other.name}", field="code")
    once = sheet.once_named_by(unit.code, unit.unit_id)
    if once is not None:
        raise ConflictError(f"code {unit.code} was that of {once}: a code is never used again", field="code")
    if unit.level < 4 or not unit.code.isdigit():
        return  # zones have virtual codes, and other schemes have letters
    try:
        rules.scheme.parse(unit.code)
    except CodeError:
        return
    above = {parent.code[:6] for parent in sheet.chain(unit) if parent.code is not None and parent.code.isdigit()}
    if above and unit.code[:6] not in above:
        raise BadInputError(f"code {unit.code} is of another district: here they begin with {min(above)}", field="code")


def _next_labels(sheet: Sheet, unit: UnitDraft, count: int, rules: Rules) -> list[tuple[str, str | None]]:
    """Names and codes for grids beside one, numbered after all that ever were there."""
    try:
        parsed = None if unit.code is None else rules.scheme.parse(unit.code)
    except CodeError:
        parsed = None
    if parsed is None or unit.code is None:
        return [(f"{unit.name}-{number}", None) for number in range(2, count + 2)]
    is_micro = parsed.micro is not None
    digits = rules.scheme.micro_digits if is_micro else rules.scheme.sequence_digits
    prefix = unit.code[:-digits]
    above = sheet.unit(unit.parent).name if unit.parent is not None else ""
    make = rules.scheme.micro_code if is_micro else rules.scheme.grid_code
    title = "plan.micro_name" if is_micro else "plan.grid_name"
    first = sheet.last_number(prefix, digits) + 1
    return [
        (say(title, rules.language, community=above, number=number), make(prefix, number))
        for number in range(first, first + count)
    ]
