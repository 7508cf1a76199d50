"""The one catalogue of user-facing text: every string in Chinese with its English twin; no logic of any capability.

Sections follow the capabilities. Text with a value in it uses `str.format` fields.
"""

from typing import Literal

Language = Literal["zh", "en"]

CATALOGUE: dict[str, tuple[str, str]] = {
    # the product
    "product": ("综治一张图", "One map for grid governance"),
    "synthetic": ("示例数据,非真实边界", "Sample data, not real boundaries"),
    "internal_use": ("内部使用", "Internal use only"),
    # boundaries
    "level.1": ("市/县", "City or county"),
    "level.2": ("镇街", "Town or subdistrict"),
    "level.3": ("社区/管区", "Community or management area"),
    "level.4": ("网格", "Grid"),
    "level.5": ("微网格", "Micro-grid"),
    "zone.residential_compound": ("小区", "Residential compound"),
    "zone.bungalow_area": ("平房区", "Bungalow area"),
    "zone.commercial": ("商区", "Commercial"),
    "zone.rural": ("农村", "Rural"),
    # staff
    "role.grid_leader": ("网格长", "Grid leader"),
    "role.full_time_grid_worker": ("专职网格员", "Full-time grid worker"),
    "role.part_time_grid_worker": ("兼职网格员", "Part-time grid worker"),
    "role.micro_grid_leader": ("微网格长", "Micro-grid leader"),
    "role.sector_leader": ("片长", "Sector leader"),
    "role.building_captain": ("楼栋长", "Building captain"),
    "role.lane_captain": ("巷道长", "Lane captain"),
    "role.courtyard_captain": ("院落长", "Courtyard captain"),
    "role.floor_captain": ("楼层长", "Floor captain"),
    "role.shop_captain": ("门店长", "Shop captain"),
    "duty.primary": ("A岗", "Primary"),
    "duty.backup": ("B岗", "Backup"),
}


def say(key: str, language: Language = "zh", **values: object) -> str:
    """The text under `key`, with `values` filled in.

    Raises:
        KeyError: the catalogue has no such key.
    """
    return CATALOGUE[key][0 if language == "zh" else 1].format(**values)


def category_title(layer: str, category: str, language: Language = "zh") -> str:
    """The title of a category; one that an import brought along is its own title."""
    pair = CATALOGUE.get(f"category.{layer}.{category}")
    return category if pair is None else pair[0 if language == "zh" else 1]
