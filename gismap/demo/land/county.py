"""A county, laid out: a city and town seats in a country of villages. Who owns which field is decided elsewhere.

The country is a net of cells (`net`); where something is built up, streets replace its cells (`town_streets`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import shapely

from gismap.demo.land.groups import cling, grow
from gismap.demo.land.laid import Ground, Laid, Village
from gismap.demo.land.lines import RANK, Course, bend
from gismap.demo.land.mesh import weave
from gismap.demo.land.names import street_names
from gismap.demo.land.net import (
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
from gismap.demo.land.sheet import Sheet, resize
from gismap.demo.land.sketch import Sketch, TownSketch
from gismap.demo.land.town_streets import Town, lay_streets
from gismap.demo.land.uses import Mix, best_rank, choose_uses, expected_households
from gismap.demo.land.villages import Site, divide_county, village_sites
from gismap.demo.model import BlockUse
from gismap.geometry.ground import Floats, Ints, measure

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
    towns = divide_county(sketch, ground, town_of, area_of >= 0)
    sites = list(village_sites(ground, towns, area_of >= 0, rng))
    return Laid(ground, towns, _found_villages(country, sites, mesh.middle[[site.face for site in sites]], rng))


def _lay_country(sketch: Sketch, sheet: Sheet, rng: Random) -> _Country:
    outline = resize(shapely.Polygon(sheet.points(np.array(sketch.outline))), sheet, sketch.area_km2)
    net = cast_net(outline, _CELL_M2, float(sheet.points(np.array([(sketch.hills_lon, sketch.centre[1])]))[0, 0]), rng)
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


def _found_villages(country: _Country, sites: list[Site], places: Floats, rng: Random) -> list[Village]:
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
    for number, (site, inside) in enumerate(zip(sites, places, strict=True)):
        cell = int(np.argmin(np.hypot(*(net.points - inside).T)))
        around = sorted(set(corners[cell]))
        gate = around[int(np.argmin(far[around]))]
        away = np.hypot(*(net.vertices[around] - net.vertices[gate]).T)
        through = net.vertices[[gate, around[int(np.argmax(away))]]]
        xy = bend(np.vstack([through[:1], net.points[cell], through[1:]]), noise, 90.0, 0.05)
        street = Course("residential", xy, f"village/{number}")
        villages.append(Village(site.face, net.points[cell], site.name, site.households, street))
        for edge in way_back(net, back, gate):
            if net.kind[edge] == "border":
                place = country.course_of_edge[edge]
                country.courses[place] = Course("track", country.courses[place].xy, f"track/{number}")
                net.kind[edge] = "track"
    return villages
