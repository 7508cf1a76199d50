"""Reads files of two departments' grids, and of buildings, to be laid over each other; needs no database."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np

from gismap.errors import BadInputError
from gismap.handover.nets import Buildings, Net
from gismap.importing.forms import form_of
from gismap.importing.grid_form import GRIDS
from gismap.importing.preparing import Order, Surroundings, Understood, understand
from gismap.importing.values import Rejection, objects


def read_net(path: Path, crs: str, columns: Mapping[str, str], sheet: str | None) -> tuple[Net, list[Rejection]]:
    """The grids of a file that have a shape, and the rows that cannot be used.

    Raises:
        BadInputError: the file cannot be used at all, or holds no grid.
        CrsError: nobody says in which frame it is.
    """
    read = _understood(Order("grids", path, path.name, crs=crs, columns=columns, sheet=sheet))
    table = read.table.taken(np.array([geom is not None for geom in read.table.geom], dtype=bool))
    if not len(table.rows):
        raise BadInputError(f"{path.name} holds no grid that can be used", field="file")
    codes, names = table.value("code").tolist(), [str(name) for name in table.value("name")]
    return Net(path.stem, codes, names, table.geom), read.rejections


def read_buildings(path: Path, crs: str, columns: Mapping[str, str]) -> tuple[Buildings, list[Rejection]]:
    """The buildings of a file with their households, and the rows that cannot be used.

    Raises:
        BadInputError, CrsError: as for grids.
    """
    read = _understood(Order("buildings", path, path.name, crs=crs, columns=columns))
    points = objects([geom.representative_point() for geom in read.table.geom])
    households = np.array([number or 0 for number in read.table.value("households")], dtype=np.intp)
    return Buildings(points, households), read.rejections


def _understood(order: Order) -> Understood:
    form = GRIDS if order.layer == "grids" else form_of(order.layer, exists=False)
    around = Surroundings(form, None, None, {}, date.max, 0.0)
    return understand(order, around, persons=False)
