"""The SQL of accounts, grants and sessions; what a session may see is a policy's business."""

ACCOUNT = """
SELECT account_id, username, display_name, password_hash FROM account
WHERE username = :username AND disabled_at IS NULL;
"""

ADD_ACCOUNT = """
INSERT INTO account (account_id, username, display_name, password_hash, made_by)
VALUES (:account_id, :username, :display_name, :password_hash, :made_by)
ON CONFLICT (username) DO NOTHING
RETURNING account_id;
"""

# With the grants in force and those yet to begin.
ACCOUNTS = """
SELECT a.account_id AS account, a.username, a.display_name AS name, a.made_at, a.disabled_at,
       a.password_hash IS NOT NULL AS has_password,
       (SELECT json_agg(json_build_object('grant', g.grant_id, 'role', g.role, 'unit', g.unit_id, 'unit_name', u.name,
                                          'starts_at', CASE WHEN g.starts_at > now() THEN g.starts_at END,
                                          'ends_at', g.ends_at) ORDER BY g.grant_id)
        FROM access_grant g
        LEFT JOIN LATERAL (SELECT name FROM grid
                           WHERE unit_id = g.unit_id AND (upper_inf(valid) OR upper(valid) > CAST(:today AS date))
                           ORDER BY valid LIMIT 1) u ON true
        WHERE g.account_id = a.account_id AND g.ends_at > greatest(now(), g.starts_at)) AS grants
FROM account a ORDER BY a.username;
"""

ADD_GRANT = """
INSERT INTO access_grant (account_id, role, unit_id, granted_by, starts_at, ends_at)
VALUES (:account_id, :role, :unit_id, :granted_by, coalesce(CAST(:starts_at AS timestamptz), now()), :ends_at)
RETURNING grant_id;
"""

ADD_DEMO_GRANT = """
INSERT INTO access_grant (account_id, role, unit_id, granted_by, ends_at)
VALUES (:account_id, :role, :unit_id, :granted_by, now() + make_interval(years => :years));
"""

# The day on which a unit ends for good; null: it stands as far as is known.
UNIT_ENDS = "SELECT upper(valid) FROM grid WHERE unit_id = :unit_id ORDER BY valid DESC LIMIT 1;"

END_GRANT = """
UPDATE access_grant SET ends_at = now() WHERE grant_id = :grant_id AND ends_at > greatest(now(), starts_at)
RETURNING account_id, role, unit_id;
"""

# Grants in units that end at a moment; whoever else would change them waits.
GRANTS_IN = """
SELECT g.grant_id, g.account_id, a.username, g.role, g.unit_id, g.starts_at, g.ends_at
FROM access_grant g JOIN account a USING (account_id)
WHERE g.unit_id = ANY(:units) AND g.ends_at > greatest(g.starts_at, :moment)
ORDER BY g.grant_id FOR UPDATE OF g;
"""

# What the holders of those are granted besides.
GRANTS_BESIDE = """
SELECT g.account_id, g.role, g.unit_id, g.starts_at, g.ends_at
FROM access_grant g
WHERE (g.unit_id IS NULL OR g.unit_id <> ALL(:units)) AND g.ends_at > greatest(g.starts_at, :moment)
  AND g.account_id IN (SELECT account_id FROM access_grant WHERE unit_id = ANY(:units) AND ends_at > :moment);
"""

END_GRANTS = "UPDATE access_grant SET ends_at = greatest(starts_at, :moment) WHERE grant_id = ANY(:grants);"

OPEN_SESSION = """
INSERT INTO session (digest, session_id, account_id, kind, title, roles, ends_at)
VALUES (:digest, :session_id, :account_id, :kind, :title, :roles, now() + make_interval(secs => :seconds));
"""

# Idle consoles have ended; the scope is the one of the boundaries of `today`, or is made anew.
SESSION = """
SELECT s.session_id, s.account_id, s.kind, s.scoped_on, a.username, a.display_name,
       a.made_by = 'demo' AND a.password_hash IS NULL AND s.kind = 'console' AS is_of_demo,
       s.seen_at < now() - interval '1 minute' AS is_stale,
       (SELECT json_object_agg(permission, ranges)
        FROM session_scope() AS t (permission, ranges)) AS territories
FROM session s JOIN account a USING (account_id)
WHERE s.digest = :digest AND s.ends_at > now() AND a.disabled_at IS NULL
  AND (s.kind = 'key' OR s.seen_at > now() - make_interval(secs => :idle_s));
"""

TOUCH = "UPDATE session SET seen_at = now() WHERE digest = :digest;"

REFRESH_SCOPE = "SELECT refresh_scope(:digest, :today);"

# In one order, since each is locked; null: of all accounts.
REFRESH_ACCOUNTS = """
SELECT refresh_scope(digest, :today)
FROM (SELECT digest FROM session
      WHERE ends_at > now() AND (CAST(:accounts AS text[]) IS NULL OR account_id = ANY(:accounts))
      ORDER BY digest) AS open;
"""

END_SESSION = "DELETE FROM session WHERE digest = :digest AND kind = 'console' RETURNING session_id;"

END_CONSOLES = "DELETE FROM session WHERE account_id = :account_id AND kind = 'console';"

END_SESSIONS = "DELETE FROM session WHERE account_id = :account_id RETURNING session_id;"

SESSIONS = """
SELECT session_id AS session, kind, title, roles, made_at, seen_at, ends_at
FROM session WHERE account_id = :account_id AND ends_at > now() ORDER BY made_at DESC;
"""

END_KEY = "DELETE FROM session WHERE session_id = :session_id AND kind = 'key' RETURNING session_id;"

ROLES_OF_ACCOUNT = """
SELECT DISTINCT role FROM access_grant
WHERE account_id = :account_id AND starts_at <= now() AND ends_at > now() ORDER BY role;
"""

ROLES_OF_SESSION = """
SELECT DISTINCT g.role FROM session s JOIN access_grant g USING (account_id)
WHERE s.digest = :digest AND g.starts_at <= now() AND g.ends_at > now()
  AND (s.roles IS NULL OR g.role = ANY (s.roles)) ORDER BY g.role;
"""

SET_PASSWORD = "UPDATE account SET password_hash = :password_hash WHERE account_id = :account_id;"

ENABLE = """
UPDATE account SET disabled_at = NULL WHERE username = :username AND disabled_at IS NOT NULL RETURNING account_id;
"""

DISABLE = "UPDATE account SET disabled_at = now() WHERE account_id = :account_id;"

# Whether somebody could sign in with a password; and whether somebody could do so and then see or do anything.
HAS_PASSWORDS = "SELECT EXISTS (SELECT FROM account WHERE password_hash IS NOT NULL AND disabled_at IS NULL);"

HAS_USERS = """
SELECT EXISTS (SELECT FROM account a JOIN access_grant g USING (account_id)
               WHERE a.password_hash IS NOT NULL AND a.disabled_at IS NULL
                 AND g.starts_at <= now() AND g.ends_at > now());
"""

FORGET = """
DELETE FROM session WHERE ends_at < now() - interval '1 day';
DELETE FROM sign_in_failure WHERE at < now() - interval '1 day';
"""

# A district that is made up, or a database into which nothing was ever written; and no import brought real persons.
IS_HARMLESS = """
SELECT coalesce((SELECT synthetic FROM district), (SELECT bool_and(version = 1) FROM layer))
   AND NOT holds_real_persons();
"""

# Attempts upon one user or from one address wait for each other, so that none is judged before the others count.
QUEUE = """
SELECT pg_advisory_xact_lock(hashtextextended(:user, 0)), pg_advisory_xact_lock(hashtextextended(:address, 0));
"""

# Seconds until another attempt may be made; null: at once. The n-th failure from the last is what has to grow old.
WAIT = """
SELECT ceil(extract(epoch FROM greatest(
    (SELECT at FROM sign_in_failure WHERE subject = :user ORDER BY at DESC OFFSET :of_user - 1 LIMIT 1),
    (SELECT at FROM sign_in_failure WHERE subject = :address ORDER BY at DESC OFFSET :of_address - 1 LIMIT 1)
) + make_interval(secs => :seconds) - now()))::int;
"""

FAILED = "INSERT INTO sign_in_failure (subject) VALUES (:user), (:address) RETURNING at;"

FORGIVE = "DELETE FROM sign_in_failure WHERE subject = :user OR (subject = :address AND at = :at);"

DECLARE = """
INSERT INTO emergency (document, unit_id, reason, is_drill, ends_at, declared_by, renews)
VALUES (:document, :unit, :reason, :is_drill, now() + :span, :by, :renews) RETURNING emergency, ends_at;
"""

# Whoever works in the area, or in a part of it: where both reach.
GRANT_EMERGENCY = """
INSERT INTO access_grant (account_id, role, unit_id, granted_by, ends_at, emergency)
SELECT DISTINCT g.account_id, CASE WHEN m.is_drill THEN 'drill_responder' ELSE 'emergency_responder' END,
       CASE WHEN u.path ^@ area.path THEN u.unit_id ELSE area.unit_id END, :by, least(m.ends_at, g.ends_at), m.emergency
FROM emergency m
JOIN grid area ON area.unit_id = m.unit_id AND area.valid @> CAST(:today AS date)
JOIN access_grant g ON g.role IN ('dispatcher', 'grid_worker', 'care_worker')
     AND g.starts_at <= now() AND g.ends_at > now()
LEFT JOIN grid u ON u.unit_id = g.unit_id AND u.valid @> CAST(:today AS date)
WHERE m.emergency = :emergency AND (g.unit_id IS NULL OR u.path ^@ area.path OR area.path ^@ u.path)
RETURNING account_id;
"""

EMERGENCY = """
SELECT emergency, document, unit_id, reason, is_drill, ends_at FROM emergency
WHERE emergency = :emergency AND ends_at > now();
"""

EMERGENCIES = """
SELECT emergency, document, unit_id AS unit, reason, is_drill, begins_at, ends_at, renews, declared_by,
       ends_at > now() AS is_in_force
FROM emergency ORDER BY emergency DESC;
"""

END_EMERGENCY_GRANTS = """
UPDATE access_grant SET ends_at = now() WHERE emergency = :emergency AND ends_at > now() RETURNING account_id;
"""

END_EMERGENCY = "UPDATE emergency SET ends_at = now() WHERE emergency = :emergency;"
