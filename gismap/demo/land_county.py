"""A county: a city and town seats in a country of villages; laid out and divided into units.

The country is a net of cells (`land_country`); where something is built up, streets replace its cells (`land_town`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import shapely

from gismap.boundaries.values import ZoneType
from gismap.demo.land_country import (
    Net,
    area_outline,
    cast_net,
    courses_of,
    draw_edges,
    lay_route,
    prune,
    straighten,
    travel,
    way_back,
)
from gismap.demo.land_groups import allot, cling, divide_pieces, grow, pieces
from gismap.demo.land_lines import RANK, Course, Sheet, bend
from gismap.demo.land_mesh import Ints, weave
from gismap.demo.land_names import street_names
from gismap.demo.land_outline import resize
from gismap.demo.land_sketch import Place, Sketch, TownSketch
from gismap.demo.land_town import Town, lay_streets
from gismap.demo.land_units import Community, Leaf, TownUnits
from gismap.demo.land_urban import Ground, Laid, Village, cut_grids, settle_communities
from gismap.demo.land_uses import Mix, best_rank, choose_uses, expected_households
from gismap.demo.model import BlockUse
from gismap.geometry.ground import Floats, measure

_CELL_M2 = (170_000.0, 420_000.0)
_CITY_REACH_M = 4_300.0
_SEAT_REACH_M = (520.0, 750.0)
_IN_COUNTRY = -1


@dataclass(slots=True, eq=False)
class _Country:
    """The net with its lines drawn, and the built-up areas in it; area 0 is the city, others are town seats."""

    net: Net
    lines: Floats
    areas: list[Town]
    area_of_cell: Ints
    courses: list[Course]
    course_of_edge: dict[int, int]


def lay_county(sketch: Sketch, sheet: Sheet, rng: Random) -> Laid:
    """Lay out and divide a county of a city, towns and villages."""
    country = _lay_country(sketch, sheet, rng)
    city = country.areas[0]
    mesh = weave(country.courses, sheet, lambda xy: 1e4 * (0.5 + 0.9 * city.remoteness(xy)))
    area_of = _areas_of(country, mesh.middle)
    far = np.ones(len(mesh.faces))
    for number, area in enumerate(country.areas):
        far[area_of == number] = area.remoteness(mesh.middle[area_of == number])
    uses = choose_uses(mesh, far, best_rank(mesh, country.courses), Mix(old=0.07, fringe=0.8), rng)
    for face in np.flatnonzero(area_of == _IN_COUNTRY):
        uses[face] = BlockUse.OPEN
    expected = expected_households(uses, far, mesh.area, rng)
    ground = Ground(mesh, country.courses, cling(mesh, country.courses), uses, expected, [None] * len(uses))
    seeds = sheet.points(np.array([town.seat for town in sketch.towns]))
    closed = np.array([np.zeros(len(uses), dtype=bool) if _in_city(town) else area_of == 0 for town in sketch.towns])
    town_of = grow(mesh, ground.links, seeds, np.array([town.area_km2 for town in sketch.towns]), closed)
    towns = _divide(sketch, ground, town_of, area_of >= 0)
    return Laid(ground, towns, _found_villages(country, list(_village_sites(ground, towns, area_of >= 0, rng)), rng))


def _lay_country(sketch: Sketch, sheet: Sheet, rng: Random) -> _Country:
    outline = resize(shapely.Polygon(sheet.points(np.array(sketch.outline))), sheet, sketch.area_km2)
    net = cast_net(outline, _CELL_M2, float(sheet.points(np.array([(117.11, 35.4)]))[0, 0]), rng)
    seats = sheet.points(np.array([town.seat for town in sketch.towns]))
    area_of_cell = _choose_cells(net, sketch, seats, rng)
    inside = (area_of_cell[net.left] == 0) & (net.right >= 0) & (area_of_cell[net.right] == 0)
    for line in sketch.lines:
        lay_route(net, [*sheet.points(np.array(line.points))], line.kind, line.name, inside, rng)
    ring = (area_of_cell[net.left] == 0) != ((net.right >= 0) & (area_of_cell[net.right] == 0))
    net.mark(np.flatnonzero(ring).tolist(), "secondary", "外环路", "外环路")
    _link_towns(net, sketch, seats, inside, rng)
    seated = np.zeros(len(net.vertices), dtype=bool)
    seated[net.ends[np.maximum(area_of_cell[net.left], area_of_cell[net.right]) > 0]] = True
    prune(net, seated)
    straighten(net, 4)
    _fit(net, sheet, sketch.area_km2)
    lines = draw_edges(net, rng)
    names = street_names(sketch.street_names, rng)
    areas, dropped, courses = [], [], []
    for number in range(int(area_of_cell.max()) + 1):
        shape, interior = area_outline(net, lines, np.flatnonzero(area_of_cell == number))
        roads = [edge for edge in interior.tolist() if net.kind[edge] != "border"]
        dropped += [edge for edge in interior.tolist() if net.kind[edge] == "border"]
        area = _town_in(shape, number, sketch, seats, names)
        courses += lay_streets(area, rng, tuple(courses_of(net, lines, roads)))
        areas.append(area)
    kept = np.setdiff1d(np.arange(len(net.ends)), dropped).tolist()
    course_of_edge = {edge: len(courses) + place for place, edge in enumerate(kept)}
    return _Country(net, lines, areas, area_of_cell, courses + courses_of(net, lines, kept), course_of_edge)


def _town_in(shape: shapely.Polygon, number: int, sketch: Sketch, seats: Floats, names: Iterator[str]) -> Town:
    if number == 0:
        return Town(sketch.code, shape, (0.0, 0.0), (360.0, 760.0), (1.7, 5.2), 5.0, names=names)
    town = [town for town in sketch.towns if not _in_city(town)][number - 1]
    x, y = seats[sketch.towns.index(town)].tolist()
    return Town(town.code, shape, (x, y), (260.0, 420.0), (1.5, 3.5), 40.0 * np.sin(number), "secondary", names=names)


def _in_city(town: TownSketch) -> bool:
    return int(town.code[6:]) < 100


def _fit(net: Net, sheet: Sheet, area_km2: float) -> None:
    """Scale the net to an area, since whole cells never fill an outline exactly."""
    rim = shapely.linestrings(net.vertices[net.ends[net.right < 0]])
    land = shapely.get_parts(shapely.polygonize(rim))
    area, _ = measure(sheet.to_degrees(land))
    factor = np.sqrt(area_km2 * 1e6 / area.sum())
    net.vertices *= factor
    net.points *= factor


def _choose_cells(net: Net, sketch: Sketch, seats: Floats, rng: Random) -> Ints:
    """Which built-up area each cell belongs to: the city around its centre, and a seat of some cells in every town."""
    area_of_cell = np.full(len(net.points) + 1, _IN_COUNTRY)
    away, towards = np.hypot(*net.points.T), np.arctan2(net.points[:, 1], net.points[:, 0])
    swings = [(k, rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5)]
    reach = _CITY_REACH_M * (1 + 0.09 * sum(np.sin(k * towards + phase) for k, phase in swings))
    area_of_cell[:-1][away < reach] = 0
    for number, index in enumerate([i for i, town in enumerate(sketch.towns) if not _in_city(town)], 1):
        distance = np.hypot(*(net.points - seats[index]).T)
        urban = len(sketch.towns[index].communities)
        near = distance < rng.uniform(*_SEAT_REACH_M) + 260 * urban
        near[np.argsort(distance)[:4]] = True
        area_of_cell[:-1][near & (area_of_cell[:-1] == _IN_COUNTRY)] = number
    return area_of_cell


def _link_towns(net: Net, sketch: Sketch, seats: Floats, closed: np.ndarray, rng: Random) -> None:
    """County roads from every town to the city and to its two nearest neighbours."""
    outer = [index for index, town in enumerate(sketch.towns) if not _in_city(town)]
    done: set[tuple[int, int]] = set()
    for number, index in enumerate(outer, 1):
        name = f"X{20 + number:03d}{sketch.towns[index].name[:1]}{sketch.top[:1]}路"
        towards = seats[index] / np.hypot(*seats[index])
        lay_route(net, [seats[index], 1.02 * _CITY_REACH_M * towards], "secondary", name, closed, rng)
        near = sorted(outer, key=lambda other: float(np.hypot(*(seats[other] - seats[index]))))[1:3]
        for other in near:
            pair = (min(index, other), max(index, other))
            if pair not in done:
                done.add(pair)
                name = f"X{40 + len(done):03d}{sketch.towns[pair[0]].name[:1]}{sketch.towns[pair[1]].name[:1]}线"
                lay_route(net, [seats[pair[0]], seats[pair[1]]], "tertiary", name, closed, rng)


def _areas_of(country: _Country, middle: Floats) -> Ints:
    area_of = np.full(len(middle), _IN_COUNTRY)
    for number, area in enumerate(country.areas):
        shapely.prepare(area.outline)
        area_of[shapely.contains_xy(area.outline, middle)] = number
    return area_of


def _divide(sketch: Sketch, ground: Ground, town_of: Ints, built: np.ndarray) -> list[TownUnits]:
    """Communities in what is built up and villages around them, down to exactly as many grids as there must be."""
    urban: list[list[tuple[Place, list[int]]]] = []
    rural: list[list[int]] = []
    for number, town in enumerate(sketch.towns):
        mine = town_of == number
        core = _core_of(ground, town, np.flatnonzero(mine).tolist(), built)
        rest = np.setdiff1d(np.flatnonzero(mine), core).tolist()
        for piece in pieces(rest, ground.links):
            if core and ground.mesh.area[piece].sum() < 6e5 and len(pieces(core + piece, ground.links)) == 1:
                core, rest = core + piece, sorted(set(rest) - set(piece))
        urban.append(settle_communities(ground, sorted(core), town.communities, (), {}) if core else [])
        rural.append(rest)
    flat = iter(cut_grids(ground, [pair for pairs in urban for pair in pairs], sketch.urban_leaves, (), {}))
    towns = [TownUnits(town, [next(flat) for _ in pairs]) for town, pairs in zip(sketch.towns, urban, strict=True)]
    _divide_country(sketch, ground, towns, rural)
    return towns


def _core_of(ground: Ground, town: TownSketch, faces: list[int], built: np.ndarray) -> list[int]:
    """What the communities of a town share among them: its largest built-up piece, or all where no village is."""
    if not town.villages:
        return faces
    urban = pieces([face for face in faces if built[face]] if town.communities else [], ground.links)
    return max(urban, key=lambda piece: float(ground.mesh.area[piece].sum()), default=[])


def _divide_country(sketch: Sketch, ground: Ground, towns: list[TownUnits], rural: list[list[int]]) -> None:
    weights = np.sqrt(ground.mesh.area)  # hill villages are larger, but not as much as their cells are
    whole = sum(len(town.villages) for town in sketch.towns if town.managed)
    divided: list[tuple[Community, list[int]]] = []
    for units, faces in zip(towns, rural, strict=True):
        town = units.sketch
        if not town.villages:
            continue
        groups = ground.in_order(divide_pieces(faces, weights, ground.links, len(town.villages)))
        if town.managed:
            units.communities += _managed(ground, town, faces, weights, groups)
            continue
        for place, group in zip(town.villages, groups, strict=True):
            divided.append((Community(place.name, place.code), group))
            units.communities.append(divided[-1][0])
    count = sketch.leaves - sketch.urban_leaves - whole
    sizes = [len(group) for _, group in divided]
    shares = allot(count, [float(weights[group].sum()) for _, group in divided], [1] * len(sizes), sizes)
    for (community, group), share in zip(divided, shares, strict=True):
        community.leaves = [Leaf(part, ZoneType.RURAL) for part in divide_pieces(group, weights, ground.links, share)]


def _managed(
    ground: Ground, town: TownSketch, faces: list[int], weights: Floats, groups: list[list[int]]
) -> list[Community]:
    """Management areas of about eight villages, each named after the village in its middle."""
    areas = []
    place_of = dict(zip((group[0] for group in groups), town.villages, strict=True))
    count = max(2, round(len(groups) / 8))
    for area in ground.in_order(divide_pieces(faces, weights, ground.links, count, groups)):
        inside = set(area)
        mine = [group for group in groups if group[0] in inside]
        middle = ground.middle_of(area)
        central = min(mine, key=lambda group: float(np.hypot(*(ground.middle_of(group) - middle))))
        community = Community(place_of[central[0]].name.removesuffix("村") + "管区", None)
        community.leaves = [Leaf(group, ZoneType.RURAL, place_of[group[0]]) for group in mine]
        areas.append(community)
    return areas


def _village_sites(
    ground: Ground, towns: list[TownUnits], built: np.ndarray, rng: Random
) -> Iterator[tuple[int, Floats, str, int]]:
    """For each rural grid the face near its middle, the middle of that, the village's name and its households.

    Grids with a town seat in them have that instead.
    """
    for town in towns:
        for community in town.communities:
            for leaf in community.leaves:
                fields = [face for face in leaf.faces if not built[face]]
                if leaf.zone is not ZoneType.RURAL or not fields:
                    continue
                middle = ground.middle_of(leaf.faces)
                home = min(fields, key=lambda face: float(np.hypot(*(ground.mesh.middle[face] - middle))))
                usual = 175 if leaf.village is not None else 82
                people = round(min(max(usual * rng.lognormvariate(0, 0.42), 0.46 * usual), 450))
                if _settle_seat(ground, leaf, people):
                    continue
                name = leaf.village.name if leaf.village is not None else community.name
                yield home, ground.mesh.middle[home], name, people


def _settle_seat(ground: Ground, leaf: Leaf, people: int) -> bool:
    """Fit the part of a town seat that a village has to the village's size; whether there is such a part."""
    seat = [face for face in leaf.faces if ground.expected[face] > 0]
    here = float(ground.expected[seat].sum())
    if here < 0.3 * people:
        return False
    ground.expected[seat] *= min(1.0, 1.6 * people / here)
    ground.fixed.update(dict.fromkeys(seat, f"seat/{seat[0]}"))
    for face in seat[::2]:
        if ground.uses[face] is BlockUse.COMPOUND:
            ground.uses[face] = BlockUse.BUNGALOWS
    return True


def _found_villages(country: _Country, sites: list[tuple[int, Floats, str, int]], rng: Random) -> list[Village]:
    """Villages on their sites: a street through every one, and tracks that lead from it to the next road."""
    net = country.net
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    usable = np.array([edge in country.course_of_edge for edge in range(len(net.ends))])
    roads = [edge for edge in np.flatnonzero(usable).tolist() if RANK[net.kind[edge]] <= RANK["tertiary"]]
    far, back = travel(net, np.unique(net.ends[roads]).tolist(), np.where(usable, net.lengths(), 1e9))
    corners: list[list[int]] = [[] for _ in net.points]
    for edge in np.flatnonzero(usable).tolist():
        for cell in (int(net.left[edge]), int(net.right[edge])):
            if cell >= 0:
                corners[cell] += net.ends[edge].tolist()
    villages = []
    for number, (face, inside, name, households) in enumerate(sites):
        cell = int(np.argmin(np.hypot(*(net.points - inside).T)))
        around = sorted(set(corners[cell]))
        gate = around[int(np.argmin(far[around]))]
        away = np.hypot(*(net.vertices[around] - net.vertices[gate]).T)
        through = net.vertices[[gate, around[int(np.argmax(away))]]]
        xy = bend(np.vstack([through[:1], net.points[cell], through[1:]]), noise, 90.0, 0.05)
        street = Course("residential", xy, f"village/{number}")
        villages.append(Village(face, net.points[cell], name, households, street))
        for edge in way_back(net, back, gate):
            if net.kind[edge] == "border":
                place = country.course_of_edge[edge]
                country.courses[place] = Course("track", country.courses[place].xy, f"track/{number}")
                net.kind[edge] = "track"
    return villages
