"""Checks a file of areas as a coverage; how the result is written is not here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from gismap.coverage.layers import Layer, Note, moved, read_layer
from gismap.errors import BadInputError
from gismap.geometry.coverage import defects_of
from gismap.geometry.covering import Coverage, Terms, area_of
from gismap.geometry.defects import WORTH_KNOWING, Defect, DefectType
from gismap.geometry.ground import DEGREES, Ground, Shapes

NEAR_M = 1.0
"""Channels up to this are told where no gap width is asked for."""


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """What the user asks of a check. `allowed` are points (lon, lat) in holes that may stay; `allowed_file` shapes."""

    path: Path
    within: Path | None = None
    id_column: str | None = None
    gap_width_m: float | None = None
    allowed_file: Path | None = None
    allowed: Sequence[tuple[float, float]] = ()
    crs: str = "auto"
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; `outlines` are in the layer's frame."""

    layer: Layer
    defects: list[Defect]
    area_m2: float
    notes: list[Note]
    outlines: dict[str, shapely.Geometry] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, int]:
        """How many there are of each type, in the order of the types."""
        counts = Counter(defect.type for defect in self.defects)
        return {kind.value: counts[kind] for kind in DefectType if counts[kind]}

    @property
    def is_good(self) -> bool:
        return all(defect.type in WORTH_KNOWING for defect in self.defects)

    @property
    def shapes(self) -> Shapes:
        """The units' usable areas."""
        return np.array([area_of(shape) for shape in self.layer.shapes], dtype=object)


def check_file(order: CheckOrder) -> Report:
    """Check a file.

    Raises:
        BadInputError: a file cannot be read, or is of another kind.
        CrsError: the frames of two files cannot be brought together.
    """
    if order.gap_width_m is not None and not 0 < order.gap_width_m < 1e6:
        raise BadInputError("the gap width is a number of metres above 0", field="gap_width")
    layer = read_layer(order.path, crs=order.crs, id_column=order.id_column, sheet=order.sheet)
    outlines, notes = {}, list(layer.notes)
    if order.within is not None:
        parent = read_layer(order.within)
        shapes = moved(parent.shapes, parent.ground, layer.ground)
        outlines = dict(zip(parent.ids, shapes, strict=True))
        notes += parent.notes
    return check_layer(layer, outlines, _allowed(order, layer.ground), order.gap_width_m, notes)


def check_layer(
    layer: Layer,
    outlines: dict[str, shapely.Geometry],
    allowed: Sequence[shapely.Geometry] | Shapes = (),
    gap_width_m: float | None = None,
    notes: Sequence[Note] = (),
) -> Report:
    """Check a layer that has been read."""
    terms = Terms(
        outlines,
        gap_width_m=float("inf") if gap_width_m is None else gap_width_m,
        near_m=gap_width_m or NEAR_M,
        allowed=allowed,
        ground=layer.ground,
    )
    coverage = Coverage(layer.ids, layer.shapes, terms, layer.broken)
    return Report(layer, defects_of(coverage), coverage.area_m2, list(notes), outlines)


def _allowed(order: CheckOrder, ground: Ground) -> Shapes:
    """Shapes in which holes may stay, in the layer's frame."""
    shapes = np.array([shapely.Point(lon, lat) for lon, lat in order.allowed], dtype=object)
    if order.allowed:
        shapes = moved(shapes, DEGREES, ground)
    if order.allowed_file is not None:
        given = read_layer(order.allowed_file, areas=False)
        shapes = np.concatenate([shapes, moved(given.shapes[shapely.is_geometry(given.shapes)], given.ground, ground)])
    return shapes
