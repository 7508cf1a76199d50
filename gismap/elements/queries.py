"""The SQL of elements in an area: pages of features, counts, nearest; every part is parameterised.

Areas come from `gismap.store.area`. A page is keyed by (layer, identity), which the index element_page holds in order.
"""

from gismap.elements.conditions import (
    Parameters,
    element_conditions,
    grid_conditions,
    in_areas,
    in_ranges,
    joined,
    street_conditions,
    wants_elements,
)
from gismap.elements.features import FEATURES, role_titles
from gismap.elements.questions import GRIDS, STREETS, Question
from gismap.i18n import Language
from gismap.store.area import UnitArea, box_around, covering, members

POINT = "ST_SetSRID(ST_MakePoint(:near_lon, :near_lat), 4490)"


def page_statement(question: Question, language: Language = "zh") -> tuple[str, Parameters]:
    """One statement whose one row holds `features` (JSON text), `more`, `last_layer`, `last_id` and `counts`."""
    params: Parameters = {"as_of": question.as_of, "limit": question.limit, "role_titles": role_titles(language)}
    branches = _page_branches(question, params)
    order = "layer, id" if question.nearest is None else "distance_m, id"
    features = [sql for layer, sql in FEATURES.items() if layer in {name for name, _ in branches}]
    counts = _counts(question, params) if question.counts else "NULL"
    pages = "\nUNION ALL\n".join(f"({sql})" for _, sql in branches)
    return (
        f"""
        WITH {_reach(question, params)} page AS MATERIALIZED (
            SELECT * FROM ({pages}) found ORDER BY {order} LIMIT :limit + 1
        ), shown AS MATERIALIZED (
            SELECT * FROM page ORDER BY {order} LIMIT :limit
        ), feature AS (
            {" UNION ALL ".join(features)}
        )
        SELECT (SELECT string_agg(json, ',' ORDER BY {order}) FROM feature) AS features,
               (SELECT count(*) > :limit FROM page) AS more,
               (SELECT layer FROM shown ORDER BY layer DESC, id DESC LIMIT 1) AS last_layer,
               (SELECT id FROM shown ORDER BY layer DESC, id DESC LIMIT 1) AS last_id,
               {counts} AS counts;
        """,
        params,
    )


def _page_branches(question: Question, params: Parameters) -> list[tuple[str, str]]:
    """The pages of elements, streets and grids, each with the name that its features go by."""
    branches = []
    if question.nearest is not None:
        return [("elements", _nearest_page(question, params))]
    if wants_elements(question.filter):
        branches.append(("elements", _element_page(question, params)))
    for layer, page in ((STREETS, _street_page), (GRIDS, _grid_page)):
        if question.filter.wants(layer) and (question.after is None or question.after.layer <= layer):
            branches.append((layer, page(question, params)))
    return branches or [("elements", NOTHING)]


NOTHING = "SELECT NULL::text AS layer, NULL::text AS id, NULL::bigint AS ref, NULL::float8 AS distance_m WHERE false"


def _element_page(question: Question, params: Parameters) -> str:
    conditions = element_conditions(question, params)
    if question.after is not None:
        conditions.append("(e.layer, e.element_id) > (:after_layer, :after_id)")
        params |= {"after_layer": question.after.layer, "after_id": question.after.id}
    return f"""
        SELECT e.layer, e.element_id AS id, e.version_id AS ref, NULL::float8 AS distance_m
        FROM element e
        WHERE {joined(conditions)}
        ORDER BY e.layer, e.element_id LIMIT :limit + 1
    """


def _street_page(question: Question, params: Parameters) -> str:
    conditions = street_conditions(question, params)
    if question.after is not None and question.after.layer == STREETS:
        conditions.append("s.street_id > :after_street")
        params["after_street"] = int(question.after.id.removeprefix("s"))
    return f"""
        SELECT '{STREETS}' AS layer, 's' || lpad(s.street_id::text, 19, '0') AS id, s.street_id AS ref,
               NULL::float8 AS distance_m
        FROM street s WHERE {joined(conditions)} ORDER BY s.street_id LIMIT :limit + 1
    """


def _grid_page(question: Question, params: Parameters) -> str:
    conditions = grid_conditions(question, params)
    if question.after is not None and question.after.layer == GRIDS:
        conditions.append("g.unit_id > :after_id")
        params["after_id"] = question.after.id
    return f"""
        SELECT '{GRIDS}' AS layer, g.unit_id AS id, g.grid_version AS ref, NULL::float8 AS distance_m
        FROM grid g WHERE {joined(conditions)} ORDER BY g.unit_id LIMIT :limit + 1
    """


def _nearest_page(question: Question, params: Parameters) -> str:
    # The k nearest in degrees bound how far the k nearest in metres can be.
    conditions = element_conditions(question, params)
    return f"""
        SELECT e.layer, e.element_id AS id, e.version_id AS ref,
               ST_Distance(e.anchor::geography, {POINT}::geography) AS distance_m
        FROM element e
        WHERE e.anchor && (SELECT box FROM reach) AND {joined(conditions)}
        ORDER BY distance_m, id LIMIT :limit
    """


def _reach(question: Question, params: Parameters) -> str:
    if question.nearest is None:
        return ""
    params |= {"near_lon": question.nearest.lon, "near_lat": question.nearest.lat, "limit": question.nearest.k}
    return f"""
        reach AS MATERIALIZED (
            SELECT {box_around(POINT, "max(metres)")} AS box
            FROM (
                SELECT ST_Distance(e.anchor::geography, {POINT}::geography) AS metres
                FROM element e
                WHERE {joined(element_conditions(question, params))}
                ORDER BY e.anchor <-> {POINT} LIMIT :limit
            ) first
        ),
    """


def _counts(question: Question, params: Parameters) -> str:
    """SQL of the counts of the whole area, as JSON text: {layer: {category: n}}; no category is counted under ''."""
    parts = []
    if wants_elements(question.filter):
        parts.append(f"""
            SELECT e.layer, coalesce(e.category, '') AS category, count(*) AS number
            FROM element e WHERE {joined(element_conditions(question, params))} GROUP BY 1, 2
        """)
    if question.filter.wants(STREETS):
        parts.append(f"""
            SELECT '{STREETS}' AS layer, s.street_class AS category, count(*) AS number
            FROM street s WHERE {joined(street_conditions(question, params))} GROUP BY 2
        """)
    if question.filter.wants(GRIDS):
        parts.append(f"""
            SELECT '{GRIDS}' AS layer, g.kind AS category, count(*) AS number
            FROM grid g WHERE {joined(grid_conditions(question, params))} GROUP BY 2
        """)
    if not parts:
        return "NULL"
    return f"""(
        SELECT json_object_agg(layer, categories ORDER BY layer)::text
        FROM (
            SELECT layer, json_object_agg(category, number ORDER BY category) AS categories
            FROM ({" UNION ALL ".join(parts)}) counted GROUP BY layer
        ) per_layer
    )"""


def care_statement(question: Question) -> tuple[str, Parameters]:
    """The published counts of persons in care: of one unit, or of the largest whole own units inside the areas.

    Rows: `month`, `category` ('' is the total), `shown` (null: withheld, or nothing that may be added), `units_counted`
    and `units_withheld`. Free shapes add up only what is published, so that their differences tell no more than that.
    """
    params: Parameters = {"as_of": question.as_of, "categories": None}
    if question.filter.categories is not None:
        params["categories"] = ["", *question.filter.categories]
    if len(question.areas) == 1 and isinstance(question.areas[0], UnitArea):
        units = "g.path = :unit_path"
        params["unit_path"] = question.areas[0].path
    elif not question.areas and not question.territories:
        units = "g.parent IS NULL"
    else:
        units = joined(
            in_areas(
                question.areas,
                params,
                lambda area: (
                    members(area, anchor="g.anchor", path="g.path")
                    if isinstance(area, UnitArea)
                    else covering(area, geom="g.geom")
                ),
            )
            + ([in_ranges(question.territories, params, path="g.path")] if question.territories else [])
        )
    return (
        f"""
        WITH whole AS MATERIALIZED (
            SELECT g.unit_id, g.parent FROM grid g WHERE g.valid @> CAST(:as_of AS date) AND {units}
        )
        SELECT c.month, c.category, sum(c.shown)::int AS shown, count(c.shown)::int AS units_counted,
               (count(*) - count(c.shown))::int AS units_withheld
        FROM care_count c
        JOIN whole w USING (unit_id)
        WHERE NOT EXISTS (SELECT FROM whole above WHERE above.unit_id = w.parent)
          AND c.month = (SELECT max(month) FROM care_count WHERE month <= :as_of)
          AND (CAST(:categories AS text[]) IS NULL OR c.category = ANY(:categories))
        GROUP BY c.month, c.category ORDER BY c.category;
        """,
        params,
    )


STREET_LINE = """
SELECT ST_AsBinary(ST_CollectionHomogenize(ST_Collect(geom))) AS line
FROM street WHERE name = :name HAVING count(*) > 0;
"""

STREET_LINES = """
SELECT ST_AsBinary(geom) AS wkb FROM street
WHERE CAST(:source AS text) IS NULL OR source = :source ORDER BY street_id;
"""

SIMILAR_STREETS = """
SELECT name FROM street WHERE name IS NOT NULL GROUP BY name ORDER BY similarity(name, :name) DESC, name LIMIT 3;
"""

STREETS_BY_NAME = """
SELECT name, street_class, count(*) AS parts, round(sum(ST_Length(geom::geography)))::int AS length_m
FROM street WHERE name ILIKE :pattern GROUP BY name, street_class
ORDER BY name = :name DESC, similarity(name, :name) DESC, name LIMIT :limit;
"""

LAYERS = """
SELECT name, title_zh, title_en, geometry_type, sensitivity, style, built_in, version FROM layer ORDER BY name;
"""

ALL_LAYERS = "SELECT name FROM layer ORDER BY name;"

UNKNOWN_LAYERS = """
SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE name NOT IN (SELECT name FROM layer) ORDER BY name;
"""
