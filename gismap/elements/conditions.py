"""Which rows a question means, as SQL conditions with their parameters; statements are made of them in `queries`.

Tables go by fixed names: `e` element, `s` street, `g` grid.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from gismap.elements.questions import CARE_PERSONS, GRIDS, STREETS, Filter, Question, Range
from gismap.store.area import Area, Condition, UnitArea, members, touching

Parameters = dict[str, Any]

STANDING = "CASE WHEN e.valid @> CAST(:as_of AS date) THEN true ELSE false END"
"""Elements that stand on the day, as nearly all do. Under row-level security PostgreSQL may not look at its statistics:
of the plain condition it would believe that hardly any do, and read everything rather than the next page."""


def wants_elements(filter_: Filter) -> bool:
    """Whether any layer of elements is asked for as features."""
    return filter_.layers is None or bool(set(filter_.layers) - {STREETS, GRIDS, CARE_PERSONS})


def element_conditions(question: Question, params: Parameters) -> list[str]:
    """Elements whose anchor lies in the area; persons in care never."""
    conditions = [STANDING]
    filter_ = question.filter
    if filter_.layers is None:
        conditions.append(f"e.layer <> '{CARE_PERSONS}'")
    else:
        conditions.append("e.layer = ANY(:layers)")
        params["layers"] = sorted(set(filter_.layers) - {STREETS, GRIDS, CARE_PERSONS})
    if filter_.categories is not None:
        conditions.append("e.category = ANY(:categories)")
        params["categories"] = list(filter_.categories)
    if filter_.name is not None:
        conditions.append("e.version_id IN (SELECT elements_named(:name))")
        params["name"] = contains_pattern(filter_.name)
    conditions += _attribute_conditions(filter_, params) + _building_conditions(filter_, params)
    if question.territories:
        conditions.append(in_ranges(question.territories, params, path="e.path"))
    return conditions + in_areas(question.areas, params, lambda area: members(area, anchor="e.anchor", path="e.path"))


def in_ranges(ranges: Sequence[tuple[str, str]], params: Parameters, *, path: str) -> str:
    """In one of the territories. Policies see to that anyway; constants let the planner know how much they hold."""
    parts = []
    for number, (low, high) in enumerate(ranges):
        params |= {f"low_{number}": low, f"high_{number}": high}
        parts.append(f"{path} >= :low_{number} AND {path} < :high_{number}")
    return f"({' OR '.join(parts)})"


def street_conditions(question: Question, params: Parameters) -> list[str]:
    """Streets with any part in the area; their category is the class."""
    return _plain_conditions(question.filter, "s.name", "s.street_class", params) + in_areas(
        question.areas, params, lambda area: touching(area, geom="s.geom")
    )


def grid_conditions(question: Question, params: Parameters) -> list[str]:
    """Leaves below a unit, or with any part in a shape; their category is the kind."""
    return [
        "g.is_leaf AND g.valid @> CAST(:as_of AS date)",
        *_plain_conditions(question.filter, "g.name", "g.kind", params),
        *in_areas(
            question.areas,
            params,
            lambda area: (
                members(area, anchor="g.anchor", path="g.path")
                if isinstance(area, UnitArea)
                else touching(area, geom="g.geom")
            ),
        ),
    ]


def _plain_conditions(filter_: Filter, name: str, category: str, params: Parameters) -> list[str]:
    """Of rows that have neither attributes nor a subordinate record: a filter on those leaves none of them."""
    conditions = []
    if filter_.name is not None:
        conditions.append(f"{name} ILIKE :name")
        params["name"] = contains_pattern(filter_.name)
    if filter_.categories is not None:
        conditions.append(f"{category} = ANY(:categories)")
        params["categories"] = list(filter_.categories)
    if filter_.attributes or filter_.floors or filter_.households or filter_.use:
        conditions.append("false")
    return conditions or ["true"]


def contains_pattern(name: str) -> str:
    """The ILIKE pattern of names that contain this one."""
    escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _attribute_conditions(filter_: Filter, params: Parameters) -> list[str]:
    conditions = []
    equal = {key: value for key, value in filter_.attributes.items() if not isinstance(value, Range)}
    if equal:
        conditions.append("e.attributes @> CAST(:attributes AS jsonb)")
        params["attributes"] = orjson.dumps(equal).decode()
    for number, (key, value) in enumerate(filter_.attributes.items()):
        if isinstance(value, Range):
            params[f"key_{number}"] = key
            # CASE, because a plain AND may cast text to a number before it looks at the type.
            conditions.append(
                f"""CASE WHEN jsonb_typeof(e.attributes -> :key_{number}) = 'number'
                    THEN {_between(f"(e.attributes ->> :key_{number})::numeric", value, f"value_{number}", params)}
                    ELSE false END"""
            )
    return conditions


def _building_conditions(filter_: Filter, params: Parameters) -> list[str]:
    wanted = [
        _between(f"b.{column}", value, column, params)
        for column, value in (("floors", filter_.floors), ("households", filter_.households))
        if value is not None
    ]
    if filter_.use is not None:
        wanted.append("b.use = :use")
        params["use"] = filter_.use
    if not wanted:
        return []
    return [f"EXISTS (SELECT FROM building b WHERE b.version_id = e.version_id AND {joined(wanted)})"]


def _between(value: str, wanted: Range, name: str, params: Parameters) -> str:
    conditions = []
    if wanted.low is not None:
        params[f"{name}_low"] = wanted.low
        conditions.append(f"{value} >= :{name}_low")
    if wanted.high is not None:
        params[f"{name}_high"] = wanted.high
        conditions.append(f"{value} <= :{name}_high")
    return joined(conditions) if conditions else "true"


def in_areas(areas: Sequence[Area], params: Parameters, condition_of: Callable[[Area], Condition]) -> list[str]:
    """The conditions of all areas; their parameters are added to `params`."""
    conditions = [condition_of(area) for area in areas]
    for condition in conditions:
        params |= condition.params
    return [condition.sql for condition in conditions]


def joined(conditions: Sequence[str]) -> str:
    """All of the conditions as one."""
    return "\n          AND ".join(conditions)
