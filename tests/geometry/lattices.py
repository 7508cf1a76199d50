"""Units that share their borders exactly, for the geometry tests."""

from random import Random

import shapely


def lattice(columns: int, rows: int, seed: int = 0, step: float = 0.004) -> list[shapely.Polygon]:
    """Irregular quadrangles near Zoucheng that cover a patch of land once; neighbours share their corners exactly."""
    rng = Random(seed)
    corners = {
        (i, j): (117 + (i + rng.uniform(-0.3, 0.3)) * step, 35.4 + (j + rng.uniform(-0.3, 0.3)) * step)
        for i in range(columns + 1)
        for j in range(rows + 1)
    }
    around = ((0, 0), (1, 0), (1, 1), (0, 1))
    return [
        shapely.Polygon([corners[i + di, j + dj] for di, dj in around]) for j in range(rows) for i in range(columns)
    ]
