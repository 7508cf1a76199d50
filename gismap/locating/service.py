"""Whose is a point: the verdict, the grid with its chain, who is on duty, how sure that is and what is near.

Everything but what is near is answered from memory (`snapshot`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from gismap.access.values import Caller, Permission
from gismap.elements.questions import ALIASES
from gismap.errors import BadInputError, NotFoundError
from gismap.geometry.datums import check_near, parse_frame, read_position
from gismap.geometry.detective import Fit, fitting_frames
from gismap.geometry.errors import PositionError
from gismap.i18n import Language, say
from gismap.locating import queries
from gismap.locating.held import Boundaries, Dispute, Duty, MovedLand, Override, Rulings, Streets, stands
from gismap.locating.queries import Near
from gismap.locating.snapshot import Snapshot

GAP_REACH_M = 200.0
"""Where no outline is known, a point this close to a grid is taken to lie in a gap, a farther one outside."""

CANDIDATES = 3
"""How many grids are named where none contains the point."""

STREET_REACH_M = 30.0
"""A border this close to a named street is described by it."""

MOVED_REACH_M = 100.0
"""So near to land that changed hands, both its owners are told for a while."""

AUTO = "auto"
"""The frame of a position of which nobody says what it is in."""

SURE_SHARE = 0.95
"""Of the disc of a position's error; a grid that holds less of it is in doubt."""

LEAST_SHARE = 0.01
LARGEST_ACCURACY_M = 10_000.0
MAX_NEAR, MAX_K = 8, 50


@dataclass(frozen=True, slots=True)
class Question:
    """A position in a frame (`x` is the easting or longitude), a day, and how good the position is (metres)."""

    x: float
    y: float
    crs: str
    as_of: date
    accuracy_m: float | None = None
    language: Language = "zh"
    far_km: float = 50.0
    words: str = ""  # what the place was told by: a door in it may be ruled apart from its building


@dataclass(frozen=True, slots=True)
class Finding:
    """What a point came to: the verdict, the leaf that answers (by its place in the boundaries; None: no grid), the
    candidates and, where a ruling decided, which."""

    verdict: str
    leaf: int | None
    candidates: Sequence[dict[str, Any]]
    ruling: Override | Dispute | None = None


@dataclass(frozen=True, slots=True)
class View:
    """All that the answers of one day are made from; a list that takes long is answered from one."""

    boundaries: Boundaries
    rulings: Rulings
    streets: Streets
    duty: Duty
    day: date
    moved: MovedLand | None = None  # by the last revision, as long as both owners are told


@dataclass(frozen=True, slots=True)
class Position:
    """Where something is (degrees), in which frame that was told, the radius of its error, and the words for it."""

    lon: float
    lat: float
    source_crs: str
    accuracy_m: float | None = None
    words: str = ""


def locate(snapshot: Snapshot, question: Question, may_call: Callable[[str], bool]) -> dict[str, Any]:
    """The answer for one point; `may_call` tells of a path whether duty phones there are told in full.

    Verdicts: `certain`; `boundary` (on a shared border, the grid is the one of the lowest code; or, where the accuracy
    is told, no grid holds 95 % of the disc of error); `override` and `disputed` (a ruling says otherwise than the
    polygon, or two units claim the land); `gap` (inside the district but in no grid) and `outside`, these with the
    nearest grids as candidates.

    Raises:
        PositionError: no position, or far from the district.
        CrsError: an unknown frame.
        BadInputError: an accuracy that is none.
        NotFoundError: nothing was published for that day.
    """
    check_accuracy(question.accuracy_m)
    return locate_in(view_of(snapshot, question.as_of), question, may_call)


def locate_in(view: View, question: Question, may_call: Callable[[str], bool]) -> dict[str, Any]:
    """As `locate`, from a view of the day; the accuracy was checked."""
    if question.crs == AUTO:
        return locate_in_any_frame(view, question, may_call)
    frame = parse_frame(question.crs)
    lon, lat = read_position(question.x, question.y, frame)
    if view.boundaries.bounds is not None:
        check_near(lon, lat, view.boundaries.bounds, question.far_km)
    at = Position(lon, lat, frame.name, question.accuracy_m, question.words)
    return answer(view, at, question.language, may_call)


def view_of(snapshot: Snapshot, day: date) -> View:
    """What is known of a day.

    Raises:
        NotFoundError: nothing was published for that day.
    """
    boundaries = snapshot.boundaries(day)
    moved = boundaries.moved
    if moved is not None and day >= moved.since + timedelta(days=snapshot.handover_days):
        moved = None
    return View(boundaries, snapshot.rulings(), snapshot.streets(), snapshot.duty(), day, moved)


def check_accuracy(accuracy_m: float | None) -> None:
    """Refuse a radius that says nothing of where something is.

    Raises:
        BadInputError: it is none.
    """
    if accuracy_m is not None and not 0 < accuracy_m <= LARGEST_ACCURACY_M:
        raise BadInputError(f"must be more than 0 and at most {LARGEST_ACCURACY_M:,.0f} metres", field="accuracy")


def answer(
    view: View,
    at: Position,
    language: Language,
    may_call: Callable[[str], bool],
    owners: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The answer for a position that was checked; `owners` are the leaves it lies in, where they are known already."""
    boundaries = view.boundaries
    finding = find(boundaries, view.rulings, at.lon, at.lat, at.accuracy_m, view.day, at.words, owners)
    leaf = None if finding.leaf is None else boundaries.leaves[finding.leaf]
    border = _border(boundaries, view.streets, at.lon, at.lat)
    moved = _moved(view, at)
    return {
        "verdict": finding.verdict,
        "point": {"lon": round(at.lon, 9), "lat": round(at.lat, 9), "source_crs": at.source_crs},
        "grid": leaf and leaf.told(),
        "chain": list(leaf.chain) if leaf else [],
        "candidates": finding.candidates,
        "border": border,
        "moved": moved,
        "staff": _staff(view, finding.leaf, may_call),
        "near": {},
        "revision": boundaries.revision,
        "as_of": view.day.isoformat(),
        "why": _why(finding, border, language) + _why_moved(moved, language),
    }


def locate_in_any_frame(view: View, question: Question, may_call: Callable[[str], bool]) -> dict[str, Any]:
    """The answer for a position in a frame that nobody names: `frames` tells which fit the district and what each says.

    Where they say the same grid it is the answer; else the verdict is `ask` and no grid is claimed.

    Raises:
        PositionError: no frame puts it into the district.
    """
    boundaries = view.boundaries
    fits = fitting_frames([question.x], [question.y], boundaries.bounds) if boundaries.bounds else []
    if not fits:
        where = f"x={question.x:g}, y={question.y:g}"
        raise PositionError(f"{where} lies in this district in no frame that is known: name its frame", field="crs")
    findings = [find(boundaries, view.rulings, fit.lon, fit.lat, question.accuracy_m, view.day) for fit in fits]
    grids = [None if finding.leaf is None else boundaries.leaves[finding.leaf].told() for finding in findings]
    first = fits[0].hypothesis
    x, y = (question.y, question.x) if first.swapped else (question.x, question.y)
    told = locate_in(view, replace(question, x=x, y=y, crs=first.frame.name), may_call)
    told["frames"] = [
        {**_frame(fit), "verdict": finding.verdict, "grid": grid}
        for fit, finding, grid in zip(fits, findings, grids, strict=True)
    ]
    if len({finding.leaf for finding in findings}) == 1:
        return told
    says = zip(fits, grids, strict=True)
    named = [f"{fit.hypothesis.frame.name}: {grid['name'] if grid else '—'}" for fit, grid in says]
    frames = say("list_separator", question.language).join(named)
    return told | {
        "verdict": "ask",
        "grid": None,
        "chain": [],
        "candidates": list({one["unit"]: one for finding in findings for one in finding.candidates}.values()),
        "moved": None,
        "staff": {"primary": None, "backup": None},
        "why": say("locate.frames", question.language, frames=frames),
    }


def _frame(fit: Fit) -> dict[str, Any]:
    hypothesis = fit.hypothesis
    place = {"lon": round(fit.lon, 9), "lat": round(fit.lat, 9)}
    return {"crs": hypothesis.frame.name, "swapped": hypothesis.swapped, **place}


def find(
    boundaries: Boundaries,
    rulings: Rulings,
    lon: float,
    lat: float,
    accuracy_m: float | None,
    day: date,
    words: str = "",
    owners: Sequence[int] | None = None,
) -> Finding:
    """What a point (degrees) comes to: rulings first, of a door that the `words` name before its building's, then the
    polygons, whose `owners` may be known already.
    """
    override = rulings.override_at(lon, lat, day, words)
    if override is not None and override.unit in boundaries.at:
        leaf = boundaries.at[override.unit]
        polygon = [candidate(boundaries, k, 0.0) for k in boundaries.locator.owners_at(lon, lat) if k != leaf]
        return Finding("override", leaf, [candidate(boundaries, leaf, 0.0), *polygon], override)
    dispute = rulings.dispute_at(lon, lat, day)
    if dispute is not None and dispute.interim in boundaries.at:
        others = [unit for unit in dispute.units if unit != dispute.interim and unit in boundaries.at]
        leaves = [boundaries.at[unit] for unit in (dispute.interim, *others)]
        metres = {near.leaf: near.distance_m for near in boundaries.locator.nearest(lon, lat, 8)}
        told = [candidate(boundaries, leaf, metres.get(leaf, dispute.reach_m)) for leaf in leaves]
        return Finding("disputed", leaves[0], told, dispute)
    if owners is None:
        owners = boundaries.locator.owners_at(lon, lat)
    if accuracy_m is not None:
        doubtful = _doubtful(boundaries, lon, lat, accuracy_m)
        if doubtful is not None:
            return doubtful
    if not owners:
        return _uncovered(boundaries, lon, lat)
    verdict = "certain" if len(owners) == 1 else "boundary"
    return Finding(verdict, owners[0], [candidate(boundaries, leaf, 0.0) for leaf in owners])


def _doubtful(boundaries: Boundaries, lon: float, lat: float, accuracy_m: float) -> Finding | None:
    """Candidates by their share of the disc of error; None where the disc meets no grid."""
    found = [one for one in boundaries.locator.candidates(lon, lat, accuracy_m) if one.share >= LEAST_SHARE]
    if not found:
        return None
    told = [{**candidate(boundaries, one.leaf, one.distance_m), "share": round(one.share, 4)} for one in found]
    return Finding("certain" if found[0].share >= SURE_SHARE else "boundary", found[0].leaf, told)


def _uncovered(boundaries: Boundaries, lon: float, lat: float) -> Finding:
    nearest = boundaries.locator.nearest(lon, lat, CANDIDATES)
    inside = boundaries.in_outline(lon, lat)
    if inside is None:  # without an outline it is not known what belongs to the district
        inside = bool(nearest) and nearest[0].distance_m <= GAP_REACH_M
    told = [candidate(boundaries, near.leaf, near.distance_m) for near in nearest]
    return Finding("gap" if inside else "outside", None, told)


def candidate(boundaries: Boundaries, leaf: int, metres: float) -> dict[str, Any]:
    """A leaf as a candidate, and the metres to it."""
    one = boundaries.leaves[leaf]
    return {"unit": one.unit, "code": one.code, "name": one.name, "distance_m": round(metres, 1)}


def _border(boundaries: Boundaries, streets: Streets, lon: float, lat: float) -> dict[str, Any] | None:
    """How far the next border is, what lies beyond it and along which street it runs."""
    border = boundaries.locator.border(lon, lat)
    if border is None:
        return None
    beyond = None if border.beyond is None else boundaries.leaves[border.beyond].told()
    near = border.distance_m <= STREET_REACH_M
    street = streets.along(lon, lat, STREET_REACH_M) if near else None
    return {"distance_m": round(border.distance_m, 1), "beyond": beyond, "street": street}


def _moved(view: View, at: Position) -> dict[str, Any] | None:
    """Whose land here, or near by, was before the last revision, as long as people may not know of it yet."""
    if view.moved is None:
        return None
    near = view.moved.near(at.lon, at.lat, MOVED_REACH_M)
    if near is None or near[1] not in view.boundaries.at:
        return None
    was, unit, metres = near
    now = view.boundaries.leaves[view.boundaries.at[unit]]
    to = {"unit": now.unit, "code": now.code, "name": now.name}
    return {"from": dict(was), "to": to, "since": view.moved.since.isoformat(), "distance_m": round(metres, 1)}


def _staff(view: View, leaf: int | None, may_call: Callable[[str], bool]) -> dict[str, Any]:
    told: dict[str, Any] = {"primary": None, "backup": None}
    if leaf is None:
        return told
    one = view.boundaries.leaves[leaf]
    for post in view.duty.get(one.unit, ()):
        if stands(post.since, post.until, view.day):
            phone = post.phone if may_call(one.path) else post.shown_phone
            told[post.duty] = {"name": post.name, "role": post.role, "phone": phone}
    return told


def may_call(caller: Caller) -> Callable[[str], bool]:
    """Whether a caller is told duty phones in full, of a path."""
    territories = caller.territories.get(Permission.CALL_STAFF, ())
    return lambda path: any(low <= path < high for low, high in territories)


def find_near(connection: Connection, lon: float, lat: float, as_of: date, near: Sequence[Near]) -> dict[str, Any]:
    """The nearest elements of layers to a point (degrees), as far as the asker may see them."""
    statement, params = queries.near_statement(lon, lat, as_of, near)
    return dict(connection.execute(text(statement), params).scalar_one())


def check_layers(connection: Connection, near: Sequence[Near]) -> None:
    """Refuse to look near in layers that do not exist.

    Raises:
        NotFoundError: one does not.
    """
    if not near:
        return
    known = set(connection.execute(text(queries.LAYER_NAMES)).scalars())
    for wanted in near:
        if wanted.layer not in known:
            missing, there_are = repr(wanted.layer), ", ".join(sorted(known))
            raise NotFoundError(f"there is no layer {missing} to look near in; there are {there_are}", field="near")


def parse_near(text: str) -> list[Near]:
    """What to look for near, from `layer:k` or `layer.category:k`, separated by commas; k is 1 when left out.

    Raises:
        BadInputError: another form, or too much.
    """
    wanted = []
    for part in text.split(","):
        match = re.fullmatch(r"([a-z][a-z0-9_]*)(?:\.([^:,.\0]+))?(?::([0-9]{1,3}))?", part.strip())
        if match is None or not 1 <= (k := int(match[3] or 1)) <= MAX_K:
            raise BadInputError(f"near is layer:k or layer.category:k with k from 1 to {MAX_K}", field="near")
        wanted.append(Near(ALIASES.get(match[1], match[1]), match[2], k))
    if len(wanted) > MAX_NEAR:
        raise BadInputError(f"near takes at most {MAX_NEAR} layers", field="near")
    if len({one.key for one in wanted}) < len(wanted):
        raise BadInputError("near names the same layer and category twice", field="near")
    return wanted


def _why(finding: Finding, border: dict[str, Any] | None, language: Language) -> str:
    """One sentence for the reader: where the point lies and how far the next border or grid is, or who ruled."""
    candidates = finding.candidates
    if not candidates:
        return say("locate.no_grids", language)
    first = candidates[0]
    if finding.leaf is None:
        metres = f"{first['distance_m']:,.1f}"
        return say(f"locate.{finding.verdict}", language, grid=first["name"], metres=metres)
    if finding.ruling is not None:
        return _why_ruled(finding.ruling, candidates, language)
    along = say("locate.along", language, street=border["street"]) if border and border["street"] else ""
    if finding.verdict == "certain":
        metres = f"{border['distance_m']:,.1f}" if border else "0"
        return say("locate.certain", language, grid=first["name"], metres=metres, along=along)
    is_doubtful = "share" in first
    named = [f"{one['name']} {one['share']:.0%}" if is_doubtful else one["name"] for one in candidates]
    names = say("list_separator", language).join(named)
    return say("locate.doubtful" if is_doubtful else "locate.boundary", language, grids=names, along=along)


def _why_moved(moved: dict[str, Any] | None, language: Language) -> str:
    if moved is None:
        return ""
    key = "locate.moved_near" if moved["distance_m"] else "locate.moved"
    values = {"since": moved["since"], "old": moved["from"]["name"], "new": moved["to"]["name"]}
    return say(key, language, **values, metres=f"{moved['distance_m']:,.0f}")


def _why_ruled(ruling: Override | Dispute, candidates: Sequence[dict[str, Any]], language: Language) -> str:
    grid = candidates[0]["name"]
    if isinstance(ruling, Override):
        place = ruling.name or ruling.element_id
        return say("locate.override", language, place=place, grid=grid, reason=ruling.reason)
    names = say("list_separator", language).join(one["name"] for one in candidates)
    return say("locate.disputed", language, grids=names, grid=grid, reason=ruling.reason)
