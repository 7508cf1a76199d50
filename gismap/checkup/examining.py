"""Looks at a county's files together: what each is, then every question that can be asked of those that are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gismap.checkup.findings import (
    Finding,
    Post,
    Unit,
    disagreeing_names,
    doubled_posts,
    impossible_numbers,
    kinds,
    land_of,
    misplaced,
    posts_of,
    units_of,
    vacancies,
)
from gismap.checkup.sources import Kind, Source, Unreadable, read_sources
from gismap.coverage.checking import NEAR_M
from gismap.errors import BadInputError
from gismap.geometry.coverage import defects_of
from gismap.geometry.covering import Coverage, Terms
from gismap.geometry.defects import WORTH_KNOWING, Defect

MOST_FILES = 20


@dataclass(frozen=True, slots=True)
class Section:
    """A question with what was found; `asked` is False where the files that it needs are missing."""

    key: str
    findings: list[Finding]
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Checkup:
    """Everything that goes on the page."""

    sources: list[Source]
    unreadable: list[Unreadable]
    units: list[Unit]
    posts: list[Post]
    defects: list[Defect]
    area_m2: float
    sections: list[Section]

    @property
    def count(self) -> int:
        """Problems found, defects of the boundaries among them."""
        told = sum(defect.type not in WORTH_KNOWING for defect in self.defects)
        broken = sum(len(source.problems) for source in self.sources if source.kind is not Kind.BOUNDARY)
        return told + broken + len(self.unreadable) + sum(len(section.findings) for section in self.sections)


def examine(paths: Sequence[Path], crs: str = "auto") -> Checkup:
    """Look at files together.

    Raises:
        BadInputError: too many files, or none of them can be used.
    """
    if len(paths) > MOST_FILES:
        raise BadInputError(f"{len(paths)} files: a checkup takes {MOST_FILES}", field="files")
    read = [each for path in dict.fromkeys(paths) for each in read_sources(path, crs)]
    sources = [each for each in read if isinstance(each, Source)]
    unreadable = [each for each in read if isinstance(each, Unreadable)]
    if not any(source.kind is not Kind.UNKNOWN for source in sources):
        why = "; ".join(f"{each.path.name}: {each.reason}" for each in unreadable) or "none says what it is"
        raise BadInputError(f"no file can be used: {why[:400]}", field="files")
    units = [unit for source in kinds(sources, Kind.BOUNDARY) for unit in units_of(source)]
    posts = [post for source in kinds(sources, Kind.ROSTER) for post in posts_of(source)]
    things = [*kinds(sources, Kind.BUILDINGS), *kinds(sources, Kind.PLACES)]
    coverage = Coverage(_told_apart(units), land_of(units), Terms(near_m=NEAR_M), _broken(sources, units))
    defects = defects_of(coverage) if units else []
    area_m2 = coverage.area_m2 if units else 0.0
    sections = _sections(sources, units, posts, things)
    return Checkup(sources, unreadable, units, posts, defects, area_m2, sections)


def _sections(
    sources: Sequence[Source], units: Sequence[Unit], posts: Sequence[Post], things: Sequence[Source]
) -> list[Section]:
    teams = vacancies(units, posts) if units and posts else {"ownerless": [], "vacant": []}
    placed = [finding for source in things for finding in misplaced(source, units)]
    others = [source for source in sources if source.kind is not Kind.BOUNDARY]
    return [
        Section("ownerless", teams["ownerless"], bool(units and posts)),
        Section("vacant", teams["vacant"], bool(units and posts)),
        Section("two_posts", doubled_posts(posts), bool(posts)),
        Section("numbers", impossible_numbers(units, posts), bool(units or posts)),
        Section("misplaced", placed, bool(units and things)),
        Section("names", disagreeing_names(units, others), bool(units and others)),
    ]


def _told_apart(units: Sequence[Unit]) -> list[str]:
    """Codes, with the row behind those that stand more than once."""
    codes = [unit.code for unit in units]
    return [f"{u.code} #{u.row}" if codes.count(u.code) > 1 else u.code for u in units] if _double(codes) else codes


def _double(codes: Sequence[str]) -> bool:
    return len(set(codes)) < len(codes)


def _broken(sources: Sequence[Source], units: Sequence[Unit]) -> dict[int, str]:
    """Reasons of units whose shape was no good when it was read, by index."""
    reasons = {
        (source.name, row): reason for source in kinds(sources, Kind.BOUNDARY) for row, reason in source.problems
    }
    return {
        index: reasons[unit.source, unit.row] for index, unit in enumerate(units) if (unit.source, unit.row) in reasons
    }
