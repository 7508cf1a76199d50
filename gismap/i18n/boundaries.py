"""Texts of units and plans: Chinese with its English twin."""

TEXTS: dict[str, tuple[str, str]] = {
    "level.1": ("市/县", "City or county"),
    "level.2": ("镇街", "Town or subdistrict"),
    "level.3": ("社区/管区", "Community or management area"),
    "level.4": ("网格", "Grid"),
    "level.5": ("微网格", "Micro-grid"),
    "zone.residential_compound": ("小区", "Residential compound"),
    "zone.bungalow_area": ("平房区", "Bungalow area"),
    "zone.commercial": ("商区", "Commercial"),
    "zone.rural": ("农村", "Rural"),
    "plan.grid_name": ("{community}第{number}网格", "{community} grid {number}"),
    "plan.micro_name": ("{community}第{number}微网格", "{community} micro-grid {number}"),
    "zone.none": ("未分类", "Not stated"),
}
