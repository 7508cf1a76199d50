"""Draws polygons as a small map in SVG, for paper: to scale, with a bar that says how large; no script, no tiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import shapely

from gismap.geometry.ground import TangentPlane

LABEL_PX = 11.0
MARGIN_PX = 10.0
BAR_STEPS_M = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A shape (degrees) in a style of the page's sheet, with a name that is written on it where there is room."""

    geom: shapely.Geometry
    style: str
    label: str = ""


def sketch(shapes: Sequence[Drawn], width_px: float, height_px: float) -> str:
    """The shapes in their order, fitted into a box; detail that is finer than a third of a pixel is left out."""
    geoms = np.array([shape.geom for shape in shapes], dtype=object)
    west, south, east, north = shapely.total_bounds(geoms)
    plane = TangentPlane(float(west + east) / 2, float(south + north) / 2)
    metres = plane.to_metres(geoms)
    left, bottom, right, top = shapely.total_bounds(metres)
    scale = min(
        (width_px - 2 * MARGIN_PX) / max(right - left, 1.0), (height_px - 2 * MARGIN_PX) / max(top - bottom, 1.0)
    )
    shift = (width_px - scale * (right - left)) / 2, (height_px - scale * (top - bottom)) / 2
    pixels = shapely.transform(
        metres, lambda xy: np.column_stack([(xy[:, 0] - left) * scale + shift[0], (top - xy[:, 1]) * scale + shift[1]])
    )
    pixels = shapely.simplify(pixels, 1 / 3)
    paths = [
        f'<path class="{shape.style}" d="{_path(drawn)}"/>' for shape, drawn in zip(shapes, pixels, strict=True)
    ]  # fmt: skip
    labels = _labels(shapes, pixels)
    return (
        f'<svg class="sketch" viewBox="0 0 {width_px:.0f} {height_px:.0f}" role="img">'
        + "".join(paths)
        + "".join(labels)
        + _bar(scale, width_px, height_px)
        + "</svg>"
    )


def _path(shape: shapely.Geometry) -> str:
    parts = []
    for part in shapely.get_parts(shape):
        rings = shapely.get_rings(part) if part.geom_type == "Polygon" else [part]
        for ring in rings:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shapely.get_coordinates(ring))
            parts.append(f"M{points}" + ("Z" if part.geom_type == "Polygon" else ""))
    return "".join(parts)


def _labels(shapes: Sequence[Drawn], pixels: np.ndarray) -> list[str]:
    """Names of the largest shapes first, where none lies on another."""
    taken: list[shapely.Geometry] = []
    labels = []
    for index in np.argsort(-shapely.area(pixels)):
        text = shapes[index].label
        if not text:
            continue
        width = sum(LABEL_PX if ord(character) > 0x2E7F else LABEL_PX * 0.6 for character in text)
        at = shapely.point_on_surface(pixels[index])
        box = shapely.box(at.x - width / 2, at.y - LABEL_PX / 2, at.x + width / 2, at.y + LABEL_PX / 2)
        west, _, east, _ = pixels[index].bounds
        if width > (east - west) * 1.1 or any(box.intersects(other) for other in taken):
            continue
        taken.append(box)
        labels.append(f'<text x="{at.x:.1f}" y="{at.y + LABEL_PX / 3:.1f}">{escape(text)}</text>')
    return labels


def _bar(scale: float, width_px: float, height_px: float) -> str:
    """A bar of a round length, about a quarter of the width."""
    metres = max((step for step in BAR_STEPS_M if step * scale <= width_px / 4), default=BAR_STEPS_M[0])
    says = f"{metres} m" if metres < 1000 else f"{metres // 1000} km"
    x, y, length = MARGIN_PX, height_px - MARGIN_PX, metres * scale
    corners = " ".join(f"{at:.1f},{y - up:.1f}" for at, up in ((x, 4), (x, 0), (x + length, 0), (x + length, 4)))
    return (
        f'<path class="bar" d="M{corners}"/>'
        f'<text class="bar-says" x="{x + length / 2:.1f}" y="{y - 5:.1f}">{says}</text>'
    )
