"""A town quarter of crooked blocks, one of each use and more, for tests of what stands on a demo's land."""

import math
from random import Random

from shapely import LineString, MultiPolygon, Polygon

from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.demo.model import Block, BlockUse, Land
from gismap.elements.values import StreetDraft

WEST, SOUTH = 117.0, 35.4
TURN = math.radians(9)
COLUMNS, ROWS = 6, 4
WIDTH_M, DEPTH_M = 260.0, 210.0

USES = (
    (BlockUse.COMPOUND, "福安小区", 260, ZoneType.RESIDENTIAL_COMPOUND),
    (BlockUse.COMPOUND, "福安小区", 420, ZoneType.RESIDENTIAL_COMPOUND),
    (BlockUse.COMPOUND, "锦绣花园", 900, ZoneType.RESIDENTIAL_COMPOUND),
    (BlockUse.COMPOUND, "云顶新城", 2000, ZoneType.RESIDENTIAL_COMPOUND),
    (BlockUse.BUNGALOWS, "鼓楼里", 200, ZoneType.BUNGALOW_AREA),
    (BlockUse.SHOPS, None, 0, ZoneType.COMMERCIAL),
    (BlockUse.SHOPS, None, 180, ZoneType.COMMERCIAL),
    (BlockUse.CIVIC, None, 0, ZoneType.COMMERCIAL),
    (BlockUse.CIVIC, None, 0, ZoneType.COMMERCIAL),
    (BlockUse.INDUSTRY, None, 0, ZoneType.COMMERCIAL),
    (BlockUse.PARK, None, 0, ZoneType.COMMERCIAL),
    (BlockUse.VILLAGE, "罗头村", 130, ZoneType.RURAL),
    (BlockUse.VILLAGE, "石里村", 60, ZoneType.RURAL),
    (BlockUse.OPEN, None, 0, ZoneType.RURAL),
    (BlockUse.COMPOUND, None, 37, ZoneType.RESIDENTIAL_COMPOUND),
)
"""Uses, compounds, households and kinds of land, dealt to the blocks in turn."""


def small_land(*, special: str | None = None) -> Land:
    """Four communities of six grids of one block each; with `special`, every block in the west is that compound's."""
    rng = Random(4)
    corners = {(column, row): _corner(column, row, rng) for column in range(COLUMNS + 1) for row in range(ROWS + 1)}
    units = [UnitDraft("county", "邹城市", 1, code="370883"), UnitDraft("town", "钢山街道", 2, "county")]
    units += [UnitDraft(f"c{row}", f"{'福太安平'[row]}兴社区", 3, "town") for row in range(ROWS)]
    blocks = []
    for position in range(COLUMNS * ROWS):
        row, column = divmod(position, COLUMNS)
        ring = [corners[column + dx, row + dy] for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))]
        use, compound, households, zone = USES[position % len(USES)]
        if special is not None and column < 3:
            use, compound = (BlockUse.BUNGALOWS if special == "才智巷" else BlockUse.COMPOUND), special
        key = f"g{position:02d}"
        kind = GridKind.MICRO if position == 0 else GridKind.GENERAL
        units.append(
            UnitDraft(
                key, f"{'福太安平'[row]}兴社区第{column + 1}网格", 4, f"c{row}",
                code=f"370883001{row + 1:03d}{column + 1:03d}", kind=kind, zone_type=zone,
                geom=MultiPolygon([Polygon(ring)]),
            )
        )  # fmt: skip
        street = None if use is BlockUse.VILLAGE else ("人民路", "太平东路")[row % 2]
        blocks.append(Block(key, Polygon(ring), use, street=street, compound=compound, households=households))
    streets = [
        StreetDraft(f"s{row}", LineString([corners[column, row] for column in range(COLUMNS + 1)]), "secondary", name)
        for row, name in ((1, "人民路"), (2, "太平东路"))
    ]
    return Land(units, {}, streets, blocks)


def _corner(column: int, row: int, rng: Random) -> tuple[float, float]:
    u = column * WIDTH_M + rng.uniform(-22, 22)
    v = row * DEPTH_M + rng.uniform(-18, 18)
    x, y = u * math.cos(TURN) - v * math.sin(TURN), u * math.sin(TURN) + v * math.cos(TURN)
    return round(WEST + x / 90_800, 9), round(SOUTH + y / 110_950, 9)
