"""What the geometry tests share: where real files are, and units that share their borders exactly."""

import os
from pathlib import Path
from random import Random

import shapely


def _real_data() -> Path | None:
    """The folder of real test files: GISMAP_TEST_DATA, else ../shared/data beside the repository, else None."""
    named = os.environ.get("GISMAP_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "data"
    return folder if (folder / "boundaries").is_dir() else None


REAL_DATA = _real_data()


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
