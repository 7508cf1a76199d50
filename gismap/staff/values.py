"""What assignments of staff are made of before they are written; plain values."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Role(StrEnum):
    """The posts of a team (1+1+X and 五级五长)."""

    GRID_LEADER = "grid_leader"  # 网格长
    FULL_TIME_GRID_WORKER = "full_time_grid_worker"  # 专职网格员
    PART_TIME_GRID_WORKER = "part_time_grid_worker"  # 兼职网格员
    MICRO_GRID_LEADER = "micro_grid_leader"  # 微网格长
    SECTOR_LEADER = "sector_leader"  # 片长
    BUILDING_CAPTAIN = "building_captain"  # 楼栋长
    LANE_CAPTAIN = "lane_captain"  # 巷道长
    COURTYARD_CAPTAIN = "courtyard_captain"  # 院落长
    FLOOR_CAPTAIN = "floor_captain"  # 楼层长
    SHOP_CAPTAIN = "shop_captain"  # 门店长


class Duty(StrEnum):
    """AB岗: who is called first and who stands in."""

    PRIMARY = "primary"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class AssignmentDraft:
    """A post held by a member of staff in a unit, from `since` until further notice.

    `staff` is the `source_ref` of the staff element, `unit` the key of the unit draft. One unit has at most one
    primary and one backup on any day; members of the team who are neither have no duty.
    """

    staff: str
    unit: str
    role: Role
    duty: Duty | None
    since: date
