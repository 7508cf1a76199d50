"""Draws areas as SVG: a map of all units and close-ups of single places; what is worth drawing is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np
import shapely

from gismap.geometry.covering import area_of
from gismap.geometry.ground import Ground, GroundPlane, OwnPlane, Shapes

MAP_WIDTH = 1000
CLOSE_WIDTH, CLOSE_HEIGHT = 300, 200
_DETAIL = 1500
"""How many steps across a map is simplified to."""
_NAMED_UNITS = 4000
"""Up to so many units each is a shape of its own, with its name."""
_SMALLEST_WINDOW_M = 4.0


@dataclass(frozen=True)
class Sheet:
    """Units in metres, to draw from; `names` are shown when they are pointed at and in close-ups."""

    shapes: Shapes
    names: Sequence[str]
    plane: GroundPlane | OwnPlane

    @classmethod
    def of(cls, shapes: Shapes, names: Sequence[str], ground: Ground) -> "Sheet":
        """A sheet of a layer; what has no area is not drawn."""
        usable = np.array([area_of(shape) for shape in shapes], dtype=object)
        present = np.flatnonzero(~shapely.is_empty(usable))
        metres, plane = ground.in_metres(usable[present])
        return cls(metres, [names[index] for index in present.tolist()], plane)

    @cached_property
    def tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        west, south, east, north = (float(number) for number in shapely.total_bounds(self.shapes))
        margin = 0.02 * max(east - west, north - south)
        return west - margin, south - margin, east + margin, north + margin

    @property
    def height(self) -> int:
        """Of a map as wide as `MAP_WIDTH`; long thin districts are not drawn higher than wide."""
        west, south, east, north = self.bounds
        return round(min(MAP_WIDTH * 1.2, max(MAP_WIDTH * 0.45, MAP_WIDTH * (north - south) / (east - west))))

    @cached_property
    def frame(self) -> "Frame":
        return Frame.around(self.bounds, MAP_WIDTH, self.height)

    def map(self, marks: Sequence["Mark"], outline: Sequence[shapely.Geometry] = ()) -> str:
        """The inside of the SVG of the whole: units, an outline (in metres), numbered marks."""
        step = max(self.bounds[2] - self.bounds[0], self.bounds[3] - self.bounds[1]) / _DETAIL
        thin = shapely.simplify(self.shapes, step / 2, preserve_topology=True)
        if len(thin) <= _NAMED_UNITS:
            drawn = "".join(
                f'<path class="u" d="{self.frame.path(shape)}"><title>{escape(name)}</title></path>'
                for shape, name in zip(thin, self.names, strict=True)
            )
        else:
            drawn = f'<path class="u" d="{"".join(map(self.frame.path, thin))}"/>'
        lines = (self.frame.path(shapely.simplify(each, step / 2)) for each in outline)
        drawn += "".join(f'<path class="o" d="{line}"/>' for line in lines)
        return drawn + "".join(mark.drawn(self.frame) for mark in marks)

    def distance_to_units(self, shape: shapely.Geometry) -> float:
        """Metres from a place to the nearest unit."""
        return float(shapely.distance(self.shapes[self.tree.nearest(shape)], shape))

    def close_up(
        self, shape: shapely.Geometry, *, points: Shapes | Sequence[shapely.Point] = (), outlined: bool = True
    ) -> str:
        """An SVG of a place (a geometry in metres) with the units around it, names and a scale."""
        window = _window(shape)
        frame = Frame.around(window, CLOSE_WIDTH, CLOSE_HEIGHT)
        around = self.tree.query(shapely.box(*window))
        parts = []
        labels = _Labels(frame)
        clipped = shapely.clip_by_rect(self.shapes[around], *window)
        for index, land in zip(around.tolist(), clipped, strict=True):
            if not land.is_empty:
                parts.append(f'<path class="u" d="{frame.path(land)}"/>')
                labels.add(land, self.names[index])
        if outlined:
            shown = shapely.intersection(shape, shapely.box(*window)) if shape.is_valid else shape
            parts.append(f'<path class="d" d="{frame.path(shown)}"/>')
        parts += [_dot(frame, point) for point in points]
        body = "".join(parts) + labels.drawn() + _scale(frame)
        return f'<svg class="close" viewBox="0 0 {CLOSE_WIDTH} {CLOSE_HEIGHT}" role="img">{body}</svg>'


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered place on a map: a geometry in metres and where its number stands."""

    number: int
    shape: shapely.Geometry
    kind: str

    def drawn(self, frame: "Frame") -> str:
        at = shapely.point_on_surface(self.shape) if not self.shape.is_empty else shapely.Point(0, 0)
        x, y = frame.place(at.x, at.y)
        simple = shapely.simplify(self.shape, 0.2 / frame.scale)
        return (
            f'<g class="m {self.kind}" data-n="{self.number}" data-x="{x:.2f}" data-y="{y:.2f}" tabindex="0" '
            f'role="button" aria-label="{self.number}"><path class="d" d="{frame.path(simple)}"/>'
            f'<g class="pin" transform="translate({x:.2f} {y:.2f})"><circle r="9"/>'
            f'<text y="3.4">{self.number}</text></g></g>'
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """How metres become positions in a picture; y grows downwards there."""

    left: float
    top: float
    scale: float
    digits: int

    @classmethod
    def around(cls, box: tuple[float, float, float, float], width: float, height: float) -> "Frame":
        west, south, east, north = box
        scale = min(width / max(east - west, 1e-6), height / max(north - south, 1e-6))
        left = (west + east) / 2 - width / scale / 2
        return cls(left, (south + north) / 2 + height / scale / 2, scale, 1)

    def place(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.left) * self.scale, (self.top - y) * self.scale

    def path(self, shape: shapely.Geometry) -> str:
        """The `d` of a path; rings are closed, lines are not."""
        parts = shapely.get_parts(shapely.get_parts(shape))
        polygons = shapely.get_type_id(parts) == 3
        rings = shapely.get_rings(parts[polygons])
        lines = parts[shapely.get_type_id(parts) == 1]
        return "".join(self._line(ring, "Z") for ring in rings) + "".join(self._line(line, "") for line in lines)

    def _line(self, line: shapely.Geometry, end: str) -> str:
        xy = shapely.get_coordinates(line)
        placed = np.round(np.column_stack([(xy[:, 0] - self.left), (self.top - xy[:, 1])]) * self.scale, self.digits)
        moved = np.ones(len(placed), dtype=bool)
        moved[1:] = (placed[1:] != placed[:-1]).any(axis=1)
        placed = placed[moved]
        if not len(placed) or not np.isfinite(placed).all():
            return ""
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in placed.tolist()) + end


def _window(shape: shapely.Geometry) -> tuple[float, float, float, float]:
    """The box to look at: the place with room around it; a long thin place is looked at in its middle."""
    west, south, east, north = shape.bounds
    reach = max(east - west, north - south)
    width = 2 * shape.area / shape.length if shape.length and shape.area else 0.0
    if width and reach > 60 * width:  # so thin that it would be a hair: show where it is thickest
        parts = shapely.get_parts(shape)
        middle = shapely.point_on_surface(parts[int(np.argmax(shapely.area(parts)))])
        reach = max(60 * width, 0.02)
        return middle.x - reach * 0.75, middle.y - reach / 2, middle.x + reach * 0.75, middle.y + reach / 2
    x, y = (west + east) / 2, (south + north) / 2
    reach = max(reach * 1.6, _SMALLEST_WINDOW_M)
    return x - reach * 0.75, y - reach / 2, x + reach * 0.75, y + reach / 2


class _Labels:
    """Names that do not cover one another: the larger land first, and none where it has no room."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.wanted: list[tuple[float, float, float, str]] = []

    def add(self, land: shapely.Geometry, name: str) -> None:
        at = shapely.point_on_surface(land)
        x, y = self.frame.place(at.x, at.y)
        short = name if len(name) <= 16 else f"…{name[-15:]}"  # names of neighbours differ at their end
        self.wanted.append((land.area, x, y, short))

    def drawn(self) -> str:
        taken: list[tuple[float, float, float]] = []
        parts = []
        for _, x, y, name in sorted(self.wanted, reverse=True):
            half = sum(10 if ord(letter) > 255 else 5.6 for letter in name) / 2 + 2
            placed = min(max(x, half), CLOSE_WIDTH - half), min(max(y, 14), CLOSE_HEIGHT - 24)
            if all(abs(placed[0] - a) > half + w or abs(placed[1] - b) > 13 for a, b, w in taken):
                taken.append((*placed, half))
                parts.append(f'<text class="n" x="{placed[0]:.0f}" y="{placed[1]:.0f}">{escape(name)}</text>')
        return "".join(parts)


def _dot(frame: Frame, point: shapely.Point) -> str:
    x, y = frame.place(point.x, point.y)
    return f'<circle class="p" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def _scale(frame: Frame) -> str:
    """A bar of a round number of metres."""
    longest = CLOSE_WIDTH * 0.35 / frame.scale
    power = 10.0 ** np.floor(np.log10(longest))
    metres = float(max(step * power for step in (1, 2, 5) if step * power <= longest))
    text = (
        f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m" if metres >= 1
        else f"{metres * 100:g} cm" if metres >= 0.01 else f"{metres * 1000:g} mm"
    )  # fmt: skip
    x, y = 10, CLOSE_HEIGHT - 9
    end = x + metres * frame.scale
    bar = f'<path class="s" d="M{x} {y - 4}V{y}H{end:.1f}V{y - 4}"/>'
    return f'{bar}<text class="s" x="{end + 5:.1f}" y="{y}">{text}</text>'
