"""The SQL of thematic maps: a few statements for a whole map, geometry simplified and turned into JSON where it lies.

Every statement takes `as_of` and a range of paths (`path` '' is the whole district), so that the map of one unit costs
only its part. Staff come masked, through the view `post_shown`; for a file only their posts are counted.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from gismap.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Extent:
    """What part of the district is drawn, and of which day."""

    as_of: date
    path: str = ""

    @property
    def values(self) -> dict[str, object]:
        return {"as_of": self.as_of, "path": self.path}


DISTRICT = text("""
    SELECT d.title_zh, d.title_en, d.synthetic, r.number AS revision
    FROM district d
    LEFT JOIN LATERAL (
        SELECT number FROM revision
        WHERE effective_from <= :as_of AND withdrawn_at IS NULL ORDER BY effective_from DESC LIMIT 1
    ) r ON true
""")

# What a page depends on: the data, and what the asker's session may see at this moment, by the database's own word.
PAGE_VERSION = text("""
    SELECT (SELECT coalesce(max(number), 0) FROM revision WHERE withdrawn_at IS NULL) AS revision,
           (SELECT sum(version) FROM layer) AS layers,
           (SELECT string_agg(permission || ranges::text, ' ' ORDER BY permission) FROM session_scope()) AS scope
""")

FIRST_DAY = text("SELECT min(effective_from) FROM revision WHERE withdrawn_at IS NULL")

BOUNDS = text("""
    SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (
        SELECT ST_Extent(geom) AS box FROM grid
        WHERE is_leaf AND valid @> CAST(:as_of AS date) AND path >= :path AND path < :path || '~'
    ) AS extent
""")

UNIT_PATH = text("""
    SELECT path FROM grid
    WHERE valid @> CAST(:as_of AS date) AND (unit_id = :unit OR code = :unit OR division_code = :unit)
    ORDER BY level LIMIT 1
""")

# `drawn` was simplified at publication with shared borders kept; 5 decimals (1 m) round both sides of a border alike.
UNITS = text("""
    SELECT unit_id, coalesce(code, division_code) AS code, name, level, is_leaf, zone_type, parent, area_m2,
           round(ST_X(anchor)::numeric, 6) AS lon, round(ST_Y(anchor)::numeric, 6) AS lat,
           ST_AsGeoJSON(drawn, 5) AS shape
    FROM grid
    WHERE valid @> CAST(:as_of AS date) AND path >= :path AND path < :path || '~'
    ORDER BY path
""")

# One geometry per class: streets are a backdrop that nobody clicks, so that nothing but their lines has to travel.
STREETS = text("""
    SELECT street_class, count(*) AS streets,
           ST_AsGeoJSON(ST_Simplify(ST_Collect(geom), :tolerance), 5) AS shape
    FROM (
        SELECT street_class, (ST_Dump(geom)).geom
        FROM street
        WHERE street_class = ANY(:classes) AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    ) AS line
    GROUP BY street_class
""")

# Where to write a street's name: the middle of the longest of its parts.
STREET_NAMES = text("""
    SELECT DISTINCT ON (name) name, street_class,
           round(ST_X(ST_LineInterpolatePoint(line, 0.5))::numeric, 5) AS lon,
           round(ST_Y(ST_LineInterpolatePoint(line, 0.5))::numeric, 5) AS lat
    FROM (
        SELECT name, street_class, (ST_Dump(geom)).geom AS line
        FROM street
        WHERE name IS NOT NULL AND street_class = ANY(:classes)
              AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    ) AS part
    ORDER BY name, ST_Length(line) DESC
""")

HOUSING = text("""
    SELECT e.unit_id, count(*) AS buildings, coalesce(sum(b.households), 0) AS households
    FROM element e JOIN building b USING (version_id)
    WHERE e.layer = 'buildings' AND e.valid @> CAST(:as_of AS date) AND e.path >= :path AND e.path < :path || '~'
    GROUP BY e.unit_id
""")

OUTLINES = text("""
    SELECT e.element_id, e.name, b.address, b.floors, b.households, b.use, e.unit_id, ST_AsGeoJSON(e.geom, 6) AS shape
    FROM element e JOIN building b USING (version_id)
    WHERE e.layer = 'buildings' AND e.valid @> CAST(:as_of AS date) AND e.path >= :path AND e.path < :path || '~'
    ORDER BY e.element_id
""")

PLACES = text("""
    SELECT element_id, layer, coalesce(category, '') AS category, name, unit_id,
           round(ST_X(anchor)::numeric, 6) AS lon, round(ST_Y(anchor)::numeric, 6) AS lat
    FROM element
    WHERE layer = ANY(:layers) AND valid @> CAST(:as_of AS date) AND path >= :path AND path < :path || '~'
    ORDER BY layer, category, element_id
""")

TEAMS = text("""
    SELECT a.unit_id, a.role, a.duty, a.name, a.phone
    FROM grid g
    JOIN post_shown a ON a.unit_id = g.unit_id AND a.valid @> CAST(:as_of AS date)
    WHERE g.valid @> CAST(:as_of AS date) AND g.path >= :path AND g.path < :path || '~'
    ORDER BY a.unit_id, a.duty = 'primary' DESC NULLS LAST, a.duty NULLS LAST, a.role, a.staff
""")

POSTS = text("""
    SELECT a.unit_id, a.role, a.duty, count(*) AS persons
    FROM grid g
    JOIN assignment a ON a.unit_id = g.unit_id AND a.valid @> CAST(:as_of AS date)
    WHERE g.valid @> CAST(:as_of AS date) AND g.path >= :path AND g.path < :path || '~'
    GROUP BY a.unit_id, a.role, a.duty
    ORDER BY a.unit_id, a.duty = 'primary' DESC NULLS LAST, a.duty NULLS LAST, a.role
""")

# Everybody once: where his own post is, and only where there is none, where he stands in. The own post is looked for in
# the whole district, so that the map of one unit does not count the neighbour who stands in there.
STAFF = text("""
    SELECT unit_id, count(*) AS persons
    FROM (
        SELECT DISTINCT ON (a.staff) a.unit_id, g.path
        FROM assignment a
        JOIN grid g ON g.unit_id = a.unit_id AND g.valid @> CAST(:as_of AS date)
        WHERE a.valid @> CAST(:as_of AS date)
        ORDER BY a.staff, CASE a.duty WHEN 'primary' THEN 0 WHEN 'backup' THEN 2 ELSE 1 END, g.path
    ) AS own_post
    WHERE path >= :path AND path < :path || '~'
    GROUP BY unit_id
""")

CARE = text("""
    SELECT c.unit_id, c.month, c.category, c.shown
    FROM care_count c
    JOIN grid g ON g.unit_id = c.unit_id AND g.valid @> CAST(:as_of AS date)
    WHERE c.month = (SELECT max(month) FROM care_count WHERE month <= :as_of)
          AND g.path >= :path AND g.path < :path || '~'
          AND c.shown IS DISTINCT FROM 0
    ORDER BY c.unit_id, c.category
""")


def unit_path(connection: Connection, unit: str, as_of: date) -> str:
    """The path of the unit with that identity or code on that day.

    Raises:
        NotFoundError: there is none.
    """
    path = connection.execute(UNIT_PATH, {"unit": unit, "as_of": as_of}).scalar()
    if path is None:
        raise NotFoundError(f"there is no unit {unit} on {as_of}", field="unit")
    return str(path)
