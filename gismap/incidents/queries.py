"""The SQL of incidents. Everything is written by functions of the database (migration 2026_11_24_09)."""

CATEGORIES = """
SELECT category, title_zh, title_en, about_staff, acknowledge_minutes, respond_minutes, resolve_days, claim_minutes
FROM incident_category WHERE ended_at IS NULL ORDER BY category;
"""

ACCOUNT = "SELECT account_id FROM account WHERE username = :username;"

STAFF = "SELECT 1 FROM staff_shown WHERE element_id = :staff;"

KEY_TAKEN = "SELECT is_same, answer FROM incident_key_taken(:key, :body);"

KEY_ANSWER = "SELECT incident_key_answer(:key, :answer);"

REPORT = """
SELECT incident_report(CAST(:report AS jsonb), :asker, CAST(:key AS smallint), CAST(:sealed AS bytea),
                       CAST(:digest AS bytea));
"""

PLACE = "SELECT incident_place(:incident, :reason, CAST(:placed AS jsonb));"

ACT = "SELECT incident_act(:incident, :action, :reason, CAST(:more AS jsonb));"

CONTACTS = "SELECT asker, key_number, sealed FROM incident_contacts(:incident) ORDER BY asker;"

MAY_CALL = "SELECT incident_may_call(:incident);"

_UNIT = """(
    SELECT json_build_object('unit', g.unit_id, 'code', g.code, 'name', g.name)
    FROM grid g WHERE g.unit_id = i.{column} ORDER BY (g.valid @> CAST(:today AS date)) DESC, lower(g.valid) DESC
    LIMIT 1)"""

_POINT = "CASE WHEN i.{0} IS NOT NULL THEN json_build_array(ST_X(i.{0}), ST_Y(i.{0})) END"

TOLD = f"""
'incident', i.incident, 'reported_at', i.reported_at, 'channel', i.channel, 'category', i.category, 'words', i.words,
'track', i.track, 'status', i.status, 'at', {_POINT.format("place")}, 'verdict', i.verdict,
'unit', {_UNIT.format(column="unit_id")}, 'placed_unit', {_UNIT.format(column="placed_unit")},
'unit_at_report', i.unit_at_report, 'handler', i.handler, 'is_supervised', i.is_supervised, 'returns', i.returns,
'acknowledge_by', i.acknowledge_by, 'respond_by', i.respond_by, 'resolve_by', i.resolve_by, 'claim_by', i.claim_by,
'responded_at', i.responded_at, 'resolved_at', i.resolved_at, 'closed_at', i.closed_at, 'parent', i.parent,
'askers', (SELECT count(*) FROM asker a WHERE a.matter = i.incident)
"""

PAGE = f"""
SELECT json_build_object({TOLD}) AS told, i.incident FROM incident i
WHERE {{conditions}} ORDER BY i.incident DESC LIMIT :limit;
"""

ONE = f"""
SELECT json_build_object({TOLD}) AS told, i.path, i.track, i.status, i.candidates, i.why, i.as_reported, i.photos,
       i.boundary_revision, i.round, {_POINT.format("reported_place")} AS reported_at_place,
       i.about_staff IS NOT NULL OR i.about_account IS NOT NULL OR cardinality(i.kept_from) > 0 AS is_about_staff,
       i.unit_id
FROM incident i WHERE i.incident = :incident;
"""

EVENTS = """
SELECT coalesce(json_agg(json_build_object(
    'at', at, 'actor', actor, 'action', action, 'before', status_before, 'after', status_after, 'why', why,
    'detail', detail, 'round', round) ORDER BY event), '[]')
FROM incident_event WHERE incident = :incident;
"""

RATINGS = """
SELECT coalesce(json_agg(json_build_object('by', rater, 'stars', stars, 'at', at) ORDER BY rater), '[]')
FROM incident_rating WHERE incident = :incident AND round = :round;
"""

ASKERS = """
SELECT coalesce(json_agg(json_build_object('asker', asker, 'incident', incident, 'told_at', told_at)
                         ORDER BY incident, asker), '[]')
FROM asker WHERE matter = :incident;
"""

CHILDREN = "SELECT coalesce(json_agg(incident ORDER BY incident), '[]') FROM incident WHERE parent = :incident;"

RULES = "SELECT action, permission FROM incident_rule WHERE track = :track AND status = :status ORDER BY action;"

# Of the same kind near by, or of the same asker; by `incident_alike`. What is merged is found by its matter.
ALIKE = """
SELECT coalesce(json_agg(json_build_object(
    'incident', incident, 'reported_at', reported_at, 'words', words, 'status', status,
    'distance_m', round(metres::numeric, 1), 'same_asker', same_asker) ORDER BY metres NULLS LAST, incident), '[]')
FROM (
    SELECT i.incident, i.reported_at, i.words, i.status, near.metres, same.asker AS same_asker
    FROM incident i,
         LATERAL (SELECT ST_Distance(i.place::geography, ST_SetSRID(
                      ST_MakePoint(CAST(:lon AS float8), CAST(:lat AS float8)), 4490)::geography) AS metres) near,
         LATERAL (SELECT CAST(:digest AS bytea) IS NOT NULL
                         AND i.incident IN (SELECT incidents_of_asker(CAST(:digest AS bytea))) AS asker) same
    WHERE i.category = :category AND i.reported_at > now() - make_interval(hours => :hours)
      AND i.status NOT IN ('closed', 'merged') AND i.incident <> :incident
      AND (near.metres <= :metres OR same.asker)
    ORDER BY near.metres NULLS LAST LIMIT 10
) alike;
"""

FALL_BACK = "SELECT incident_fall_back();"

FOLLOW = "SELECT incident_follow(:today);"

FORGET_KEYS = "DELETE FROM incident_key WHERE at < now() - make_interval(days => :days);"

FORGET_CONTACTS = """
WITH forgotten AS (
    UPDATE asker a SET sealed = NULL, key_number = NULL, digest = NULL FROM incident i
    WHERE i.incident = a.matter AND i.closed_at < now() - make_interval(days => :days) AND a.sealed IS NOT NULL
    RETURNING a.asker
)
SELECT count(*) FROM forgotten;
"""

SET_CATEGORY = """
INSERT INTO incident_category (category, title_zh, title_en, about_staff, acknowledge_minutes, respond_minutes,
                               resolve_days, claim_minutes)
VALUES (:category, :title_zh, :title_en, :about_staff, :acknowledge_minutes, :respond_minutes, :resolve_days,
        :claim_minutes)
ON CONFLICT (category) DO UPDATE SET title_zh = excluded.title_zh, title_en = excluded.title_en,
    about_staff = excluded.about_staff, acknowledge_minutes = excluded.acknowledge_minutes,
    respond_minutes = excluded.respond_minutes, resolve_days = excluded.resolve_days,
    claim_minutes = excluded.claim_minutes, ended_at = NULL;
"""

END_CATEGORY = """
UPDATE incident_category SET ended_at = now() WHERE category = :category AND ended_at IS NULL RETURNING category;
"""
