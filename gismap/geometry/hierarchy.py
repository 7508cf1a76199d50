"""Holds units against the units above them: who lies in whom, who straddles, and which parents their children make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from gismap.geometry.covering import area_of
from gismap.geometry.defects import NOISE_M2
from gismap.geometry.ground import DEGREES, Ground, Shapes

STRADDLING = 0.01
"""A unit with more than this share outside the parent that has most of it lies in several."""


@dataclass(frozen=True, slots=True)
class Child:
    """A unit and the parent that has most of it; `others` are further parents with their share, largest first."""

    unit: str
    parent: str | None
    share: float
    area_m2: float
    others: tuple[tuple[str, float], ...]

    @property
    def straddles(self) -> bool:
        return self.parent is None or self.share < 1 - STRADDLING

    def as_dict(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "parent": self.parent,
            "share": round(self.share, 6),
            "outside_m2": round((1 - self.share) * self.area_m2, 4),
            "others": [{"parent": name, "share": round(share, 6)} for name, share in self.others],
            "straddles": self.straddles,
        }


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent beside the union of its children: what they lack of it and what they have beyond it."""

    unit: str
    children: int
    area_m2: float
    union_m2: float
    missing_m2: float
    extra_m2: float
    union: shapely.Geometry

    @property
    def differs(self) -> bool:
        return self.missing_m2 > NOISE_M2 or self.extra_m2 > NOISE_M2

    def as_dict(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "children": self.children,
            "area_m2": round(self.area_m2, 4),
            "union_m2": round(self.union_m2, 4),
            "missing_m2": round(self.missing_m2, 4),
            "extra_m2": round(self.extra_m2, 4),
            "differs": self.differs,
        }


@dataclass(frozen=True, slots=True)
class Nesting:
    """Children with their parents, and parents with what their children make."""

    children: list[Child]
    parents: list[Parent]

    @property
    def is_exact(self) -> bool:
        return not any(parent.differs for parent in self.parents) and not any(c.straddles for c in self.children)

    def as_dict(self) -> dict[str, Any]:
        """The audit as documented."""
        return {
            "children": len(self.children),
            "parents": len(self.parents),
            "straddling": sum(child.straddles for child in self.children),
            "differing": sum(parent.differs for parent in self.parents),
            "missing_m2": round(sum(parent.missing_m2 for parent in self.parents), 4),
            "extra_m2": round(sum(parent.extra_m2 for parent in self.parents), 4),
            "units": [child.as_dict() for child in self.children],
            "audit": [parent.as_dict() for parent in self.parents],
        }


def nest(
    child_ids: Sequence[str],
    children: Sequence[shapely.Geometry | None] | Shapes,
    parent_ids: Sequence[str],
    parents: Sequence[shapely.Geometry | None] | Shapes,
    ground: Ground = DEGREES,
) -> Nesting:
    """Propose for each child the parent that has most of it, and compare parents with the unions of their children.

    All shapes are in one frame; a child without land has no parent.
    """
    small = np.array([area_of(shape) for shape in children], dtype=object)
    large = np.array([area_of(shape) for shape in parents], dtype=object)
    shares = _shares(small, large, ground)
    areas = ground.measure(small)[0]
    found = []
    homes: dict[int, list[int]] = {}
    for index, (name, area) in enumerate(zip(child_ids, areas.tolist(), strict=True)):
        ranked = sorted(shares.get(index, ()), reverse=True)
        if not ranked:
            found.append(Child(name, None, 0.0, area, ()))
            continue
        (share, home), *rest = ranked
        homes.setdefault(home, []).append(index)
        others = tuple((parent_ids[k], each) for each, k in rest if each * area > NOISE_M2)
        found.append(Child(name, parent_ids[home], share, area, others))
    return Nesting(
        found, [_audited(parent_ids[k], large[k], small[homes.get(k, [])], ground) for k in range(len(large))]
    )


def _shares(small: Shapes, large: Shapes, ground: Ground) -> dict[int, list[tuple[float, int]]]:
    """Per child, (share, parent) of all parents that have some of it; most lie whole in one, which needs no overlay."""
    tree = shapely.STRtree(large)
    child, parent = tree.query(small, predicate="covered_by")
    shares: dict[int, list[tuple[float, int]]] = {}
    for c, p in zip(child.tolist(), parent.tolist(), strict=True):
        if not small[c].is_empty:
            shares.setdefault(c, []).append((1.0, p))
    rest = np.array([index for index in range(len(small)) if index not in shares], dtype=int)
    if rest.size:
        which, parent = tree.query(small[rest], predicate="intersects")
        child = rest[which]
        common = ground.measure(shapely.intersection(small[child], large[parent]))[0]
        whole = ground.measure(small[child])[0]
        for c, p, share in zip(child.tolist(), parent.tolist(), (common / whole).tolist(), strict=True):
            if share > 0:
                shares.setdefault(c, []).append((share, p))
    return shares


def _audited(name: str, parent: shapely.Geometry, children: Shapes, ground: Ground) -> Parent:
    union = area_of(shapely.union_all(children)) if len(children) else shapely.MultiPolygon()
    pieces = np.array([parent, union, shapely.difference(parent, union), shapely.difference(union, parent)])
    area, own, missing, extra = ground.measure(pieces)[0].tolist()
    return Parent(name, len(children), area, own, missing, extra, union)
