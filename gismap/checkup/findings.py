"""What a checkup can find between files: owners, posts, numbers, places and names; pure, over values of sources."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely

from gismap.care.values import masked_name, masked_phone
from gismap.checkup.sources import GRID_CODE, GRID_NAME, Kind, Source
from gismap.geometry.codes import DEFAULT_SCHEME
from gismap.geometry.covering import area_of
from gismap.geometry.errors import CodeError
from gismap.geometry.ground import Shapes, measure
from gismap.importing.cleaning import clean
from gismap.importing.forms import FORMS
from gismap.importing.values import objects

ASTRIDE_SHARE = 0.99
"""A building with less of itself in one grid lies astride a border."""
_MANY = 10
"""So many things outside, and most of a file, are no single mistakes: the file is of elsewhere or in another frame."""
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}(-\d{1,5})?|400-?\d{3}-?\d{4}|\d{7,8}|1\d{4}")
_TEAM = ("grid_leader", "full_time_grid_worker", "part_time_grid_worker")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the boundary files; `parents` are codes and names of what it lies in, as the file says."""

    code: str
    name: str | None
    shape: shapely.Geometry
    parents: tuple[str, ...]
    source: str
    row: int

    @property
    def titled(self) -> str:
        return f"{self.name} ({self.code})" if self.name and self.name != self.code else self.code


@dataclass(frozen=True, slots=True)
class Post:
    """A row of a roster; `key` tells people apart."""

    key: str
    person: str
    phone: str
    unit: str
    role: str | None
    duty: str | None
    source: str
    row: int

    @property
    def shown(self) -> str:
        """The person as a page may show them."""
        return f"{masked_name(self.person)} {masked_phone(self.phone)}".strip()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: a key of the catalogue with values; `places` are shapes (degrees) worth a picture."""

    key: str
    values: dict[str, object]
    place: shapely.Geometry | None = None
    points: Sequence[shapely.Point] = field(default_factory=tuple)


def units_of(source: Source) -> list[Unit]:
    """The leaves of a boundary file with land: of several levels, the lowest; without codes, names stand for them."""
    codes, names, levels = source.texts("code"), source.texts("name"), source.texts("level")
    above = [source.texts(name) for name in ("parent", "community_code", "community_name")]
    usable = [area_of(shape) for shape in source.shapes]
    numbers = [int(level) for level in levels if level is not None and level.isdigit()]
    lowest = max((n for n, shape in zip(numbers, usable, strict=False) if not shape.is_empty), default=None)
    units = []
    for index, shape in enumerate(usable):
        level = levels[index]
        if shape.is_empty or (lowest is not None and level is not None and level != str(lowest)):
            continue
        row = int(source.table.rows[index])
        code = codes[index] or names[index] or f"#{row}"
        parents = tuple(value for column in above if (value := column[index]) is not None)
        units.append(Unit(code, names[index], shape, parents, source.name, row))
    return units


def posts_of(source: Source) -> list[Post]:
    """The rows of a roster; a person is known by number, else by name and phone."""
    keys, people, phones, units = (source.texts(name) for name in ("key", "person_name", "phone", "unit"))
    roles, duties = (_chosen(source, name) for name in ("role", "duty"))
    posts = []
    for index, row in enumerate(source.table.rows.tolist()):
        person, phone = people[index] or "", _plain(phones[index] or "")
        key = keys[index] or f"{person} {phone}"
        posts.append(
            Post(key, person, phone, _plain(units[index] or ""), roles[index], duties[index], source.name, row)
        )
    return posts


def _chosen(source: Source, name: str) -> list[str | None]:
    """A field with allowed values; None where it holds another one."""
    given = FORMS["staff"].field_named(name)
    if given is None or name not in source.mapping:
        return [None] * len(source.table)
    column = source.mapping[name]
    values, _ = clean(given, column, source.table.columns[column], source.table.rows)
    return list(values)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def vacancies(units: Sequence[Unit], posts: Sequence[Post]) -> dict[str, list[Finding]]:
    """Grids that nobody is posted to, and teams of 1+1+X that are not whole.

    A grid leader may be posted to what the grid lies in: a community has one for all of its grids.
    """
    held: dict[str, list[Post]] = defaultdict(list)
    for post in posts:
        held[post.unit].append(post)
    ownerless, incomplete = [], []
    for unit in units:
        own = [*held.get(unit.code, ()), *(held.get(unit.name, ()) if unit.name and unit.name != unit.code else ())]
        over = [post for parent in unit.parents for post in held.get(parent, ())]
        if not own:
            ownerless.append(Finding("ownerless", {"unit": unit.titled}, unit.shape))
            continue
        roles = {post.role for post in own} | {post.role for post in over if post.role == "grid_leader"}
        missing = [role for role in _TEAM if role not in roles]
        if missing:
            incomplete.append(Finding("vacant", {"unit": unit.titled, "roles": tuple(missing), "have": len(own)}))
    return {"ownerless": ownerless, "vacant": incomplete}


def doubled_posts(posts: Sequence[Post]) -> list[Finding]:
    """People with posts in several units, and units with two people in one duty."""
    found = []
    by_person: dict[str, list[Post]] = defaultdict(list)
    by_duty: dict[tuple[str, str], list[Post]] = defaultdict(list)
    by_phone: dict[str, set[str]] = defaultdict(set)
    for post in posts:
        by_person[post.key].append(post)
        if post.phone:
            by_phone[post.phone].add(post.person)
        if post.duty is not None and post.unit:
            by_duty[post.unit, post.duty].append(post)
    for some in by_person.values():
        units = list(dict.fromkeys(post.unit for post in some))
        if len(units) > 1:
            rows = ", ".join(str(post.row) for post in some)
            values = {"person": some[0].shown, "count": len(units), "units": _some(units), "rows": rows}
            found.append(Finding("two_posts", values))
    for (unit, duty), some in by_duty.items():
        people = list(dict.fromkeys(post.key for post in some))
        if len(people) > 1:
            shown = ", ".join(dict.fromkeys(post.shown for post in some))
            found.append(Finding("two_people", {"unit": unit, "duty": duty, "people": shown}))
    for phone, names in by_phone.items():
        if len(names) > 1:
            shown = ", ".join(sorted(masked_name(name) for name in names))
            found.append(Finding("shared_phone", {"phone": masked_phone(phone), "people": shown, "count": len(names)}))
    return found


def impossible_numbers(units: Sequence[Unit], posts: Sequence[Post]) -> list[Finding]:
    """Phones that no network has, codes that no scheme has, codes of elsewhere, and units that no boundary file has."""
    found = [
        Finding("phone", {"person": masked_name(p.person), "digits": len(re.sub(r"\D", "", p.phone)), "row": p.row})
        for p in posts
        if not _PHONE.fullmatch(re.sub(r"^\+?86[- ]?", "", p.phone).replace(" ", ""))
    ]
    coded = [unit for unit in units if unit.code.isdigit()]
    homes = Counter(unit.code[:6] for unit in coded)
    home = homes.most_common(1)[0][0] if homes else ""
    for unit in coded:
        if not _is_code(unit.code):
            found.append(Finding("code", {"unit": unit.titled, "digits": len(unit.code), "row": unit.row}))
        elif unit.code[:6] != home:
            found.append(Finding("foreign_code", {"unit": unit.titled, "home": home, "row": unit.row}))
    for code, count in Counter(unit.code for unit in units).items():
        if count > 1:
            found.append(Finding("double_code", {"code": code, "count": count}))
    known = {unit.code for unit in units} | {unit.name for unit in units} | {p for unit in units for p in unit.parents}
    strangers: dict[str, list[Post]] = defaultdict(list)
    for post in posts:
        if units and post.unit not in known:
            strangers[post.unit or "–"].append(post)
    for name, some in strangers.items():
        rows = _some([str(post.row) for post in some])
        found.append(Finding("unknown_unit", {"unit": name, "rows": rows, "file": some[0].source}))
    return found


def _is_code(code: str) -> bool:
    if len(code) == 12:  # a village that is itself the grid
        return True
    try:
        DEFAULT_SCHEME.parse(code)
    except CodeError:
        return False
    return True


def misplaced(source: Source, units: Sequence[Unit]) -> list[Finding]:
    """Things outside every grid, astride a border, or in another grid than the file says."""
    if not units:
        return []
    lands: Shapes = objects([unit.shape for unit in units])
    tree = shapely.STRtree(lands)
    names = source.texts("name")
    stated = source.texts_of(GRID_CODE)
    found = []
    for index, shape in enumerate(source.shapes):
        if shape is None or shape.is_empty or not shape.is_valid:
            continue
        label = names[index] or f"#{source.table.rows[index]}"
        values: dict[str, object] = {"name": label, "row": int(source.table.rows[index]), "file": source.name}
        shares = _shares(shape, lands, tree)
        if not shares:
            found.append(Finding("outside", values, shape.centroid, (shape.centroid,)))
            continue
        (share, home), *rest = shares
        if rest and share < ASTRIDE_SHARE and shape.geom_type in {"Polygon", "MultiPolygon"}:
            named = ", ".join(f"{units[unit].titled} {part:.0%}" for part, unit in shares[:3])
            found.append(Finding("astride", {**values, "shares": named}, shape))
        elif not rest and share < ASTRIDE_SHARE and shape.geom_type in {"Polygon", "MultiPolygon"}:
            found.append(Finding("partly_outside", {**values, "share": f"{1 - share:.0%}"}, shape))
        said = stated[index] if stated is not None else None
        own = units[home]
        if said and said not in {own.code, own.name, *own.parents} and share >= 0.5:
            told = {**values, "said": said, "unit": own.titled}
            found.append(Finding("said_elsewhere", told, shape, (shape.centroid,)))
    outside = [finding for finding in found if finding.key == "outside"]
    if len(outside) >= _MANY and len(outside) > len(source.table) / 2:
        told = {"file": source.name, "count": len(outside), "all": len(source.table)}
        found = [finding for finding in found if finding.key != "outside"]
        found.insert(0, Finding("all_outside", told))
    return found


def _shares(shape: shapely.Geometry, lands: Shapes, tree: shapely.STRtree) -> list[tuple[float, int]]:
    """The shares of a thing in units, largest first; of a point 1 in the first that has it."""
    near = tree.query(shape, predicate="intersects")
    if shape.geom_type not in {"Polygon", "MultiPolygon"}:
        return [(1.0, int(min(near)))] if near.size else []
    whole = float(measure(objects([shape]))[0][0])
    common = measure(shapely.intersection(lands[near], shape))[0] / whole
    shares = [(float(part), int(unit)) for part, unit in zip(common, near, strict=True) if part > 0.001]
    return sorted(shares, reverse=True)


def disagreeing_names(units: Sequence[Unit], others: Iterable[Source]) -> list[Finding]:
    """Codes that have one name in the boundary file and another in a further file."""
    names = {unit.code: unit.name for unit in units if unit.name}
    found: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for source in others:
        codes, called = source.texts_of(GRID_CODE), source.texts_of(GRID_NAME)
        if codes is None or called is None:
            continue
        for code, name, row in zip(codes, called, source.table.rows.tolist(), strict=True):
            if code in names and name and _folded(name) != _folded(names[code] or ""):
                found[code, name, source.name].append(row)
    return [
        Finding(
            "names_differ",
            {"code": code, "one": names[code], "other": name, "file": file, "rows": _some(list(map(str, rows)))},
        )
        for (code, name, file), rows in found.items()
    ]


def _folded(text: str) -> str:
    return re.sub(r"[\s第]", "", unicodedata.normalize("NFKC", text)).lower()


def _some(texts: Sequence[str], most: int = 6) -> str:
    return ", ".join(texts[:most]) + (f" +{len(texts) - most}" if len(texts) > most else "")


def kinds(sources: Iterable[Source], kind: Kind) -> list[Source]:
    return [source for source in sources if source.kind is kind]


def land_of(units: Sequence[Unit]) -> Shapes:
    return np.asarray(objects([unit.shape for unit in units]))
