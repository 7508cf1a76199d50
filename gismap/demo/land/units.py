"""From groups of faces to a hierarchy of units: codes, names, numbers and outlines; the grouping itself is not here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely import MultiPolygon

from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.demo.land.mesh import Mesh, unions
from gismap.demo.land.sketch import Place, Sketch, TownSketch
from gismap.geometry.codes import DEFAULT_SCHEME, number_west_to_east
from gismap.geometry.ground import Ints, Shapes


@dataclass(slots=True)
class Leaf:
    """A grid to be; `village` when it is a whole village."""

    faces: list[int]
    zone: ZoneType
    village: Place | None = None


@dataclass(slots=True)
class Community:
    """A community or village with its grids, or a management area (without a code) with its villages."""

    name: str
    code: str | None
    leaves: list[Leaf] = field(default_factory=list)


@dataclass(slots=True)
class TownUnits:
    """A town and what lies below it."""

    sketch: TownSketch
    communities: list[Community]


@dataclass(frozen=True, slots=True)
class Units:
    """The finished hierarchy, and for each face the key of its leaf."""

    drafts: list[UnitDraft]
    outlines: dict[str, MultiPolygon]
    leaf_of: list[str]


def build_units(sketch: Sketch, towns: Sequence[TownUnits], mesh: Mesh, *, micro: bool) -> Units:
    """Name, number and draw the units. Keys are codes; a management area's key is made from its town's.

    Args:
        sketch: the district.
        towns: with all their leaves; each face belongs to one leaf.
        mesh: the faces.
        micro: the leaves are micro-grids (level 5) of the one general grid that each community forms.
    """
    drafts = [UnitDraft(sketch.code, sketch.top, 1, code=sketch.code, division_code=f"{sketch.code}000000")]
    leaves = [leaf for town in towns for community in town.communities for leaf in community.leaves]
    labels = np.full(len(mesh.faces), -1)
    for number, leaf in enumerate(leaves):
        labels[leaf.faces] = number
    if (labels < 0).any():
        raise ValueError(f"{(labels < 0).sum()} faces belong to no grid")
    shapes = unions(mesh.faces, labels)
    keys = [""] * len(leaves)
    position = {id(leaf): number for number, leaf in enumerate(leaves)}
    outlines = {sketch.code: _as_multi(shapely.coverage_union_all(shapes))}
    for town in towns:
        code = town.sketch.code
        drafts.append(UnitDraft(code, town.sketch.name, 2, sketch.code, code=code, division_code=f"{code}000"))
        mine = [position[id(leaf)] for community in town.communities for leaf in community.leaves]
        outlines[code] = _as_multi(shapely.coverage_union_all(shapes[mine]))
        for number, community in enumerate(town.communities, 1):
            key = community.code or f"{code}-M{number:02d}"
            drafts.append(UnitDraft(key, community.name, 3, code, code=community.code, division_code=community.code))
            indexes = np.array([position[id(leaf)] for leaf in community.leaves])
            for draft, index in _leaf_drafts(key, community, indexes, shapes, micro):
                keys[index] = draft.key
                drafts.append(draft)
    return Units(drafts, outlines, [keys[label] for label in labels])


def _leaf_drafts(
    parent: str, community: Community, indexes: Ints, shapes: Shapes, micro: bool
) -> list[tuple[UnitDraft, int]]:
    scheme, drafts = DEFAULT_SCHEME, []
    middles = shapely.get_coordinates(shapely.point_on_surface(shapes[indexes]))
    for number, place in enumerate(number_west_to_east(middles), 1):
        leaf = community.leaves[place]
        if leaf.village is not None:
            code, name = scheme.grid_code(leaf.village.code, 1), leaf.village.name
        elif micro:
            code, name = scheme.micro_code(scheme.grid_code(parent, 1), number), f"{community.name}第{number}微网格"
        else:
            code, name = scheme.grid_code(parent, number), f"{community.name}第{number}网格"
        draft = UnitDraft(
            key=code,
            name=name,
            level=5 if micro else 4,
            parent=parent,
            code=code,
            division_code=leaf.village.code if leaf.village is not None else None,
            kind=GridKind.MICRO if micro else GridKind.GENERAL,
            zone_type=leaf.zone,
            geom=_as_multi(shapes[indexes[place]]),
        )
        drafts.append((draft, int(indexes[place])))
    return drafts


def _as_multi(shape: shapely.Geometry) -> MultiPolygon:
    return shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])
