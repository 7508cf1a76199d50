"""Texts of posts and duties: Chinese with its English twin."""

TEXTS: dict[str, tuple[str, str]] = {
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
    "duty.both": ("A、B岗齐备", "Primary and backup"),
    "duty.primary_only": ("仅有A岗", "Primary only"),
    "duty.vacant": ("A岗空缺", "No primary"),
}
