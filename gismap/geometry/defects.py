"""What can be wrong with a coverage, as values: types, remedies, measures and where; finding them is not here."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import shapely

NOISE_M2 = 1e-4
"""Pieces under a square centimetre are rounding of coordinates, not land."""
JITTER_M = 0.01
"""Borders that differ by less than this were meant to be one."""
SLIVER_M = 1.0
"""Long pieces narrower than this come of borders that were drawn twice."""
SLIVER_RATIO = 20
"""How many times longer than wide a sliver is at least."""


class DefectType(StrEnum):
    """What can be wrong with a coverage."""

    INVALID = "invalid"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    CONTAINED = "contained"
    MULTIPART = "multipart"
    OVERLAP = "overlap"
    SLIVER = "sliver"
    GAP = "gap"
    ENCLAVE = "enclave"
    JITTER = "jitter"
    NEAR_MISS = "near_miss"
    OUTSIDE = "outside"
    UNCOVERED = "uncovered"
    STATUTORY_MISMATCH = "statutory_mismatch"


WORTH_KNOWING = frozenset({DefectType.MULTIPART})
"""Not against the rules: a unit may have islands. It is told, and fails no check."""


class Remedy(StrEnum):
    """What a planner would do about a defect."""

    REDRAW = "redraw"
    REMOVE_UNIT = "remove_unit"
    CUT_FROM_OUTER = "cut_from_outer"
    GIVE_TO_ONE = "give_to_one"
    FILL = "fill"
    DRAW_OR_ALLOW = "draw_or_allow"
    SHARE_BORDER = "share_border"
    SPLIT_OR_KEEP = "split_or_keep"
    TRIM = "trim"
    EXTEND = "extend"
    FOLLOW_OUTLINE = "follow_outline"


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing wrong, measured on the ground and located.

    `units` are the ids involved (of a contained pair the inner one first); `width_m` is 2A/P, `length_m` half the
    perimeter; `at` is a point (lon, lat) in the largest part of `geometry`, None where there is no place. `geometry` is
    in the layer's own frame. `overlap_m2` and `gap_m2` tell what jitter, slivers and statutory mismatches are made of,
    `pieces` of how many.
    """

    type: DefectType
    units: tuple[str, ...]
    remedy: Remedy
    area_m2: float = 0.0
    width_m: float = 0.0
    length_m: float = 0.0
    at: tuple[float, float] | None = None
    geometry: shapely.Geometry | None = None
    reason: str | None = None
    overlap_m2: float | None = None
    gap_m2: float | None = None
    pieces: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The defect as reports and problems write it."""
        written: dict[str, Any] = {
            "type": self.type.value,
            "units": list(self.units),
            "area_m2": round(self.area_m2, 4),
            "width_m": round(self.width_m, 6),
            "length_m": round(self.length_m, 3),
            "at": None if self.at is None else [round(number, 8) for number in self.at],
            "remedy": self.remedy.value,
        }
        if self.reason is not None:
            written["reason"] = self.reason
        if self.overlap_m2 is not None and self.gap_m2 is not None:
            written |= {
                "overlap_m2": round(self.overlap_m2, 4),
                "gap_m2": round(self.gap_m2, 4),
                "pieces": self.pieces,
            }
        return written
