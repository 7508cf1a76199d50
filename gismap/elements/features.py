"""The SQL that turns the rows of a page (`shown`: layer, id, ref, distance_m) into GeoJSON features.

JSON is made by PostgreSQL and passed on as text: that is several times cheaper than dictionaries, and the outer object,
whose members need no quoting, is put together as text since building it as JSON costs a third more. What is null is
left out. What is told of staff is decided by `staff_told`, which masks.
"""

from functools import cache

import orjson

from gismap.i18n import CATALOGUE, Language, say


@cache
def role_titles(language: Language) -> str:
    """The titles of roles, as a JSON object."""
    roles = [key for key in CATALOGUE if key.startswith("role.")]
    return orjson.dumps({key.removeprefix("role."): say(key, language) for key in roles}).decode()


# Every join is by a primary key, a path or a staff id, so that a page costs what its rows cost.
ELEMENTS = """
SELECT p.layer, p.id, p.distance_m,
    '{"type":"Feature","id":"' || p.id || '","geometry":' || ST_AsGeoJSON(e.geom, 7, 0)
    || ',"properties":' || json_strip_nulls(json_build_object(
        'layer', p.layer,
        'name', coalesce(e.name, s.name),
        'category', e.category,
        'anchor', json_build_array(round(ST_X(e.anchor)::numeric, 7), round(ST_Y(e.anchor)::numeric, 7)),
        'unit', CASE WHEN g.unit_id IS NOT NULL
            THEN json_build_object('unit', g.unit_id, 'code', g.code, 'name', g.name) END,
        'part_of', e.part_of,
        'attributes', nullif(e.attributes, '{}'),
        'building', CASE WHEN b.version_id IS NOT NULL THEN json_build_object(
            'address', b.address, 'floors', b.floors, 'households', b.households, 'use', b.use) END,
        'phone', s.phone,
        'employment', s.employment,
        'posts', s.posts,
        'distance_m', round(p.distance_m::numeric, 1)
    ))::text || '}' AS json
FROM shown p
JOIN element e ON e.version_id = p.ref
LEFT JOIN grid g ON g.path = e.path AND g.valid @> CAST(:as_of AS date)
LEFT JOIN building b ON b.version_id = e.version_id
LEFT JOIN LATERAL staff_told(
    CASE WHEN p.layer = 'staff' THEN p.id END, CAST(:as_of AS date), CAST(:role_titles AS json)
) s ON true
WHERE p.layer NOT IN ('streets', 'grids')
"""

STREETS = """
SELECT p.layer, p.id, p.distance_m,
    '{"type":"Feature","id":"' || p.id || '","geometry":' || ST_AsGeoJSON(s.geom, 7, 0)
    || ',"properties":' || json_strip_nulls(json_build_object(
        'layer', p.layer, 'name', s.name, 'category', s.street_class))::text || '}' AS json
FROM shown p JOIN street s ON s.street_id = p.ref
WHERE p.layer = 'streets'
"""

GRIDS = """
SELECT p.layer, p.id, p.distance_m,
    '{"type":"Feature","id":"' || p.id || '","geometry":' || ST_AsGeoJSON(g.geom, 7, 0)
    || ',"properties":' || json_strip_nulls(json_build_object(
        'layer', p.layer, 'name', g.name, 'category', g.kind, 'code', g.code, 'level', g.level,
        'zone_type', g.zone_type, 'area_m2', round(g.area_m2)))::text || '}' AS json
FROM shown p JOIN grid g ON g.grid_version = p.ref
WHERE p.layer = 'grids'
"""

FEATURES = {"elements": ELEMENTS, "streets": STREETS, "grids": GRIDS}
