"""The demo districts, made complete from their sketches: land first, then what stands and lives on it."""

from random import Random

from gismap.demo.contents.populating import populate
from gismap.demo.land.making import make_land
from gismap.demo.land.sketch import read_sketch
from gismap.demo.model import DemoDistrict


def generate(name: str) -> DemoDistrict:
    """The demo district of that name; the same one every time.

    Raises:
        NotFoundError: there is none of this name.
    """
    sketch = read_sketch(name)
    land = make_land(sketch)
    elements, assignments = populate(land, Random(f"contents of {name}"), name)
    return DemoDistrict(
        name=name,
        title_zh=sketch.title_zh,
        title_en=sketch.title_en,
        code=sketch.code,
        units=land.units,
        outlines=land.outlines,
        streets=land.streets,
        elements=elements,
        assignments=assignments,
    )
