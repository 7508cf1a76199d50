"""Divides faces among towns, communities and grids: connected, of similar weight, along main streets and rivers."""

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gismap.demo.land.lines import Course
from gismap.demo.land.mesh import Links, Mesh, Regions
from gismap.geometry.ground import Floats, Ints

_CLING = {
    "trunk": 0.12,
    "primary": 0.15,
    "secondary": 0.35,
    "tertiary": 0.7,
    "residential": 2.0,
    "lane": 3.0,
    "track": 1.2,
    "river": 0.08,
    "border": 1.5,
}
"""How much land on both sides of a metre of border belongs together: little across a river, much across a lane."""

_RELUCTANCE = 5.0
"""How many times as far it seems to the other side of a river or main street as to the other side of a lane."""


def cling(mesh: Mesh, courses: Sequence[Course]) -> Links:
    """How strongly neighbouring faces belong together."""
    return mesh.links(np.array([_CLING[course.kind] for course in courses] + [_CLING["border"]]))


def grow(mesh: Mesh, links: Links, seeds: Floats, areas: Floats, closed: NDArray[np.bool_] | None = None) -> Ints:
    """A connected region around each seed (metres), together all faces, with areas in about the given proportion.

    Regions grow from their seeds at speeds that are corrected until the areas fit; they cross main roads and rivers
    reluctantly. Faces that are `closed` to a seed, shape (seeds, faces), are left to the others.
    """
    closed = np.zeros((len(seeds), len(mesh.faces)), dtype=bool) if closed is None else closed
    shut = [row.tolist() for row in closed]
    starts = [int(np.argmin(np.hypot(*(mesh.middle - seed).T))) for seed in seeds]
    wanted = areas / areas.sum() * mesh.area.sum()
    steps = _steps(mesh, links)
    slowness = 1 / np.sqrt(areas)
    label = _spread(steps, starts, slowness, shut)
    for _ in range(9):
        slowness *= (np.bincount(label, mesh.area, len(seeds)) / wanted) ** 0.3
        label = _spread(steps, starts, slowness, shut)
    return label


def _steps(mesh: Mesh, links: Links) -> list[list[tuple[int, float]]]:
    """From each face to its neighbours, with a distance that is longer where they hardly belong together."""
    steps: list[list[tuple[int, float]]] = [[] for _ in mesh.faces]
    for face, others in links.items():
        for other, strength in others.items():
            far = float(np.hypot(*(mesh.middle[face] - mesh.middle[other])))
            steps[face].append((other, far * (1 + _RELUCTANCE * far / (far + 3 * strength))))
    return steps


def _spread(steps: list[list[tuple[int, float]]], starts: list[int], slowness: Floats, shut: list[list[bool]]) -> Ints:
    label = np.full(len(steps), -1)
    waiting = [(0.0, number, start) for number, start in enumerate(starts)]
    while waiting:
        time, number, face = heapq.heappop(waiting)
        if label[face] >= 0:
            continue
        label[face] = number
        slow, barred = float(slowness[number]), shut[number]
        for other, far in steps[face]:
            if label[other] < 0 and not barred[other]:
                heapq.heappush(waiting, (time + far * slow, number, other))
    return label


def divide(
    members: Sequence[int], weights: Floats, links: Links, count: int, together: Sequence[Sequence[int]] = ()
) -> list[list[int]]:
    """Exactly `count` connected groups of similar weight; faces that are `together` stay in one group.

    Raises:
        ValueError: the members fall apart into more pieces than that, or are too few.
    """
    regions = Regions(weights, links, members)
    for first, *others in together:
        for other in others:
            regions.join(other, first)
    groups = regions.join_until(count).groups()
    if len(groups) != count:
        raise ValueError(f"{len(members)} faces do not make {count} connected groups, but {len(groups)}")
    return groups


def pieces(faces: Sequence[int], links: Links) -> list[list[int]]:
    """The connected pieces that faces fall into."""
    left, found = set(faces), []
    for start in faces:
        if start not in left:
            continue
        piece, edge = [], [start]
        left.discard(start)
        while edge:
            face = edge.pop()
            piece.append(face)
            for other in links.get(face, {}):
                if other in left:
                    left.discard(other)
                    edge.append(other)
        found.append(sorted(piece))
    return found


def divide_pieces(
    faces: Sequence[int], weights: Floats, links: Links, count: int, together: Sequence[Sequence[int]] = ()
) -> list[list[int]]:
    """Like `divide`, but the faces may fall into pieces, which share the groups by weight."""
    parts = pieces(faces, links)
    whole = [[group for group in together if group[0] in set(part)] for part in parts]
    most = [len(groups) or len(part) for part, groups in zip(parts, whole, strict=True)]
    shares = allot(count, [float(weights[part].sum()) for part in parts], most)
    divided = zip(parts, shares, whole, strict=True)
    return [group for part, share, groups in divided for group in divide(part, weights, links, share, groups)]


def allot(total: int, weights: Sequence[float], most: Sequence[int]) -> list[int]:
    """Share out `total` in proportion to weights, at least 1 and at most `most` to each; large remainders round up."""
    low, high = 0.0, 2.0 * total / max(min(w for w in weights if w > 0), 1e-9)
    bounds = list(zip(weights, most, strict=True))
    for _ in range(100):
        rate = (low + high) / 2
        if sum(min(max(rate * w, 1), limit) for w, limit in bounds) < total:
            low = rate
        else:
            high = rate
    exact = [min(max(high * w, 1), limit) for w, limit in bounds]
    shares = [int(share + 1e-9) for share in exact]
    rest = sorted(range(len(shares)), key=lambda i: (shares[i] - exact[i], i))
    for i in rest[: total - sum(shares)]:
        shares[i] += 1
    return shares


def superblocks(members: Sequence[int], mesh: Mesh, courses: Sequence[Course]) -> list[list[int]]:
    """Members in groups that only side streets and lanes run through."""
    minor = mesh.links(np.array([float(course.kind in {"residential", "lane"}) for course in courses] + [0.0]))
    return pieces(members, {face: {o: s for o, s in others.items() if s > 0} for face, others in minor.items()})
