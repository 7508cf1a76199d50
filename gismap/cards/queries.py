"""The SQL of a unit's card: its chain, team and numbers on a day, in one statement."""

from gismap.store.area import units_above

# All counts are ranges on the path of that day.
CARD = f"""
WITH unit AS MATERIALIZED (
    SELECT * FROM grid WHERE path = :path AND valid @> CAST(:as_of AS date)
), below AS MATERIALIZED (
    SELECT layer, category, version_id FROM element
    WHERE path >= :path AND path < :path_end AND valid @> CAST(:as_of AS date) AND layer <> 'care_persons'
)
SELECT unit_id AS unit, code, division_code, name, level, is_leaf, kind, zone_type, governance_mode, area_m2,
       json_build_array(ST_X(anchor), ST_Y(anchor)) AS anchor,
       json_build_array(ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom)) AS bbox,
       lower(valid) AS since, published_by AS revision,
       ({units_above(":path")}) AS chain,
       (SELECT count(*) FROM grid g WHERE g.parent = unit.unit_id AND g.valid @> CAST(:as_of AS date)) AS children,
       (SELECT count(*) FROM grid g
        WHERE g.path >= :path AND g.path < :path_end AND g.is_leaf AND g.valid @> CAST(:as_of AS date)) AS leaves,
       (SELECT json_agg(json_build_object('name', t.name, 'role', t.role, 'duty', t.duty, 'phone', t.phone,
                                          'employment', t.employment)
                        ORDER BY t.duty DESC NULLS LAST, t.role, t.staff)
        FROM post_shown t WHERE t.unit_id = unit.unit_id AND t.valid @> CAST(:as_of AS date)) AS team,
       (SELECT json_object_agg(layer, categories ORDER BY layer)
        FROM (
            SELECT layer, json_object_agg(category, number ORDER BY category) AS categories
            FROM (SELECT layer, coalesce(category, '') AS category, count(*) AS number
                  FROM below GROUP BY 1, 2) counted
            GROUP BY layer
        ) per_layer) AS counts,
       (SELECT coalesce(sum(b.households), 0) FROM building b JOIN below USING (version_id)) AS households
FROM unit;
"""
