"""Small districts for tests: built by hand, seamless, with known answers; and where real files are."""

import os
from collections.abc import Sequence
from pathlib import Path

from shapely import MultiPolygon, Polygon, box

from gismap.boundaries.values import GridKind, UnitDraft, ZoneType
from gismap.elements.values import BuildingDraft, BuildingUnitDraft, ElementDraft


def _real_data() -> Path | None:
    """The folder of real test files: GISMAP_TEST_DATA, else ../shared/data beside the repository, else None."""
    named = os.environ.get("GISMAP_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if (folder / "boundaries").is_dir() else None


REAL_DATA = _real_data()

WEST, SOUTH, STEP = 117.0, 35.4, 0.01
"""The small county's corner and the width of its grids, in degrees (about 0.9 km by 1.1 km)."""

COUNTY, TOWN, COMMUNITIES = "370883", "370883001", ("370883001001", "370883001002")


def cell(column: int, row: int) -> Polygon:
    """The square of the small county's lattice; neighbours share their vertices exactly."""
    return box(WEST + STEP * column, SOUTH + STEP * row, WEST + STEP * (column + 1), SOUTH + STEP * (row + 1))


def small_county() -> list[UnitDraft]:
    """A county of one town with two communities (west and east) of two grids each (south and north), 2 by 2 cells."""
    drafts = [
        UnitDraft("county", "邹城市", 1, code=COUNTY),
        UnitDraft("town", "钢山街道", 2, "county", code=TOWN, division_code="370883001000"),
    ]
    for column, code in enumerate(COMMUNITIES):
        name = ("福安社区", "太平社区")[column]
        drafts.append(UnitDraft(code, name, 3, "town", code=code, division_code=code))
        for row in range(2):
            drafts.append(
                UnitDraft(
                    key=f"{code}{row + 1:03d}",
                    name=f"{name}第{row + 1}网格",
                    level=4,
                    parent=code,
                    code=f"{code}{row + 1:03d}",
                    kind=GridKind.GENERAL,
                    zone_type=ZoneType.RESIDENTIAL_COMPOUND,
                    geom=MultiPolygon([cell(column, row)]),
                )
            )
    return drafts


def building(ref: str, lon: float, lat: float, *, households: int = 24, name: str | None = None) -> ElementDraft:
    """A building of about 20 by 30 m around a point, with two building units."""
    half = households // 2
    return ElementDraft(
        layer="buildings",
        source_ref=ref,
        geom=box(lon - 1e-4, lat - 1.5e-4, lon + 1e-4, lat + 1.5e-4),
        category="residential",
        name=name or f"福安小区{ref}号楼",
        building=BuildingDraft(
            address=f"人民路{ref}号",
            floors=6,
            households=households,
            use="residential",
            units=(BuildingUnitDraft(1, half), BuildingUnitDraft(2, households - half)),
        ),
    )


def centre(column: int, row: int) -> tuple[float, float]:
    """The middle of a cell, lon/lat."""
    return WEST + STEP * (column + 0.5), SOUTH + STEP * (row + 0.5)


def buildings_in_each_grid(per_grid: int = 3) -> Sequence[ElementDraft]:
    """`per_grid` buildings side by side in every cell of the small county, numbered 1, 2, …"""
    drafts = []
    for column in range(2):
        for row in range(2):
            lon, lat = centre(column, row)
            drafts += [building(str(len(drafts) + i + 1), lon + 3e-4 * i, lat) for i in range(per_grid)]
    return drafts
