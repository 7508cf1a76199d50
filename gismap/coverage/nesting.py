"""Holds a file of units against a file of the units above them; how that is said is here, too."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from gismap.coverage.layers import Layer, moved, read_layer
from gismap.coverage.words import area_text
from gismap.geometry.hierarchy import Nesting, nest
from gismap.i18n import Language, say

SHOWN = 20


@dataclass(frozen=True, slots=True)
class NestOrder:
    """What the user asks: `output` gets children with their parents, `parents_output` the parents that they make."""

    children: Path
    parents: Path
    child_id: str | None = None
    parent_id: str | None = None
    output: Path | None = None
    parents_output: Path | None = None


def nest_files(order: NestOrder) -> tuple[Layer, Layer, Nesting]:
    """Audit two files, and write what is proposed.

    Raises:
        BadInputError: a file cannot be read or written.
        CrsError: their frames cannot be brought together.
    """
    children = read_layer(order.children, id_column=order.child_id)
    parents = read_layer(order.parents, id_column=order.parent_id)
    above = moved(parents.shapes, parents.ground, children.ground)
    found = nest(children.ids, children.shapes, parents.ids, above, children.ground)
    if order.output is not None or order.parents_output is not None:
        from gismap.coverage.repairing import write_layer  # noqa: PLC0415  # writing weighs half a second

        if order.output is not None:
            proposed = {
                "parent": np.array([child.parent for child in found.children], dtype=object),
                "parent_share": np.array([round(child.share, 6) for child in found.children], dtype=object),
            }
            write_layer(children, children.shapes, order.output, proposed)
        if order.parents_output is not None:
            unions = np.array([parent.union for parent in found.parents], dtype=object)
            in_frame = moved(unions, children.ground, parents.ground)
            write_layer(parents, in_frame, order.parents_output)
    return children, parents, found


def as_json(found: Nesting) -> str:
    return orjson.dumps(found.as_dict(), option=orjson.OPT_INDENT_2).decode()


def as_text(children: Layer, parents: Layer, found: Nesting, language: Language) -> str:
    """What a planner reads: sums, then the units that straddle and the parents that differ most."""
    numbers = found.as_dict()
    lines = [
        f"{say('coverage.nest.title', language)}: {children.name} → {parents.name}",
        say("coverage.nest.sum", language, children=f"{numbers['children']:,}", parents=f"{numbers['parents']:,}"),
        say("coverage.nest.straddling", language, count=f"{numbers['straddling']:,}"),
        say(
            "coverage.nest.differing",
            language,
            count=f"{numbers['differing']:,}",
            missing=area_text(numbers["missing_m2"]),
            extra=area_text(numbers["extra_m2"]),
        ),
    ]
    straddling = sorted((child for child in found.children if child.straddles), key=lambda child: child.share)
    if straddling:
        lines += ["", say("coverage.nest.straddlers", language)]
        for child in straddling[:SHOWN]:
            shares = [(child.parent or "–", child.share), *child.others]
            lines.append(f"  {child.unit}: " + " · ".join(f"{name} {share:.1%}" for name, share in shares))
        lines += _more(len(straddling), language)
    differing = sorted(
        (each for each in found.parents if each.differs), key=lambda each: -each.missing_m2 - each.extra_m2
    )
    if differing:
        lines += ["", say("coverage.nest.differ", language)]
        for each in differing[:SHOWN]:
            told = say(
                "coverage.nest.parent",
                language,
                children=each.children,
                missing=area_text(each.missing_m2),
                extra=area_text(each.extra_m2),
            )
            lines.append(f"  {each.unit}: {told}")
        lines += _more(len(differing), language)
    return "\n".join(lines)


def _more(count: int, language: Language) -> list[str]:
    return [f"  {say('coverage.more', language, count=f'{count - SHOWN:,}')}"] if count > SHOWN else []
