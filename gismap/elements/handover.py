"""What changes hands when grids change: things counted by the grid that has them before and after; nothing is moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import orjson
import shapely
from sqlalchemy import Connection, text

COUNTED = ("buildings", "key_places", "service_stations", "supplies")

# Things are counted, not pieces of overlaid polygons, most of which would be slivers. Where shapes meet the lowest name
# owns, as in publications. Below a policy, the service finds what its caller may see.
HANDOVER = """
WITH shape AS MATERIALIZED (   -- a cast left in a condition bars the index below policies: it may tell what it casts
    SELECT is_new, name, CAST(geom AS geometry) AS geom
    FROM jsonb_to_recordset(CAST(:shapes AS jsonb)) AS s (is_new boolean, name text, geom text)
), owned AS (
    SELECT DISTINCT ON (e.version_id, s.is_new) e.version_id, e.layer, s.is_new, s.name
    FROM shape s JOIN element e ON e.anchor && s.geom AND ST_Intersects(s.geom, e.anchor)
    WHERE e.valid @> CAST(:day AS date) AND e.layer = ANY(:layers)
    ORDER BY e.version_id, s.is_new, s.name
), pair AS (
    SELECT version_id, layer, max(name) FILTER (WHERE NOT is_new) AS before, max(name) FILTER (WHERE is_new) AS after
    FROM owned GROUP BY version_id, layer
)
SELECT p.before, p.after, p.layer, count(*) AS things, coalesce(sum(b.households), 0) AS households
FROM pair p LEFT JOIN building b USING (version_id)
GROUP BY p.before, p.after, p.layer ORDER BY p.before, p.after, p.layer;
"""


@dataclass(frozen=True, slots=True)
class Handed:
    """How many things of a layer (and households in them) go from one grid to another; None: to or from none."""

    before: str | None
    after: str | None
    layer: str
    things: int
    households: int


def handover(
    connection: Connection,
    before: Mapping[str, shapely.Geometry],
    after: Mapping[str, shapely.Geometry],
    day: date,
) -> list[Handed]:
    """Who has what before and after, of all that lies in these shapes (by name) on a day; also what stays."""
    shapes = [
        {
            "is_new": is_new,
            "name": name,
            "geom": shapely.to_wkb(shapely.set_srid(geom, 4490), hex=True, include_srid=True),
        }
        for is_new, side in ((False, before), (True, after))
        for name, geom in side.items()
    ]
    if not shapes:
        return []
    values = {"shapes": orjson.dumps(shapes).decode(), "day": day, "layers": list(COUNTED)}
    return [
        Handed(row.before, row.after, row.layer, row.things, int(row.households))
        for row in connection.execute(text(HANDOVER), values)
    ]
