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

ACCOUNTS = """
SELECT a.account_id AS account, a.username, a.display_name AS name, a.made_at, a.disabled_at,
       (SELECT json_agg(json_build_object('grant', g.grant_id, 'role', g.role, 'unit', g.unit_id,
                                          'unit_name', u.name, 'ends_at', g.ends_at) ORDER BY g.grant_id)
        FROM access_grant g
        LEFT JOIN grid u ON u.unit_id = g.unit_id AND u.valid @> CAST(:today AS date)
        WHERE g.account_id = a.account_id AND g.ends_at > now()) AS grants
FROM account a ORDER BY a.username;
"""

ADD_GRANT = """
INSERT INTO access_grant (account_id, role, unit_id, granted_by, ends_at)
VALUES (:account_id, :role, :unit_id, :granted_by, :ends_at)
RETURNING grant_id;
"""

ADD_DEMO_GRANT = """
INSERT INTO access_grant (account_id, role, unit_id, granted_by, ends_at)
VALUES (:account_id, :role, :unit_id, :granted_by, now() + make_interval(years => :years));
"""

END_GRANT = """
UPDATE access_grant SET ends_at = now() WHERE grant_id = :grant_id AND ends_at > now()
RETURNING account_id;
"""

OPEN_SESSION = """
INSERT INTO session (digest, session_id, account_id, kind, title, roles, ends_at)
VALUES (:digest, :session_id, :account_id, :kind, :title, :roles, now() + make_interval(secs => :seconds));
"""

# Idle consoles have ended; the scope is the one of the boundaries of `today`, or is made anew.
SESSION = """
SELECT s.session_id, s.account_id, s.kind, s.scoped_on, a.username, a.display_name,
       s.seen_at < now() - interval '1 minute' AS is_stale,
       (SELECT json_object_agg(permission, ranges)
        FROM session_scope() AS t (permission, ranges)) AS territories
FROM session s JOIN account a USING (account_id)
WHERE s.digest = :digest AND s.ends_at > now() AND a.disabled_at IS NULL
  AND (s.kind = 'key' OR s.seen_at > now() - make_interval(secs => :idle_s));
"""

TOUCH = "UPDATE session SET seen_at = now() WHERE digest = :digest;"

REFRESH_SCOPE = "SELECT refresh_scope(:digest, :today);"

REFRESH_ACCOUNT = """
SELECT refresh_scope(digest, :today) FROM session WHERE account_id = :account_id AND ends_at > now();
"""

END_SESSION = "DELETE FROM session WHERE digest = :digest RETURNING session_id;"

END_SESSIONS = "DELETE FROM session WHERE account_id = :account_id RETURNING session_id;"

SESSIONS = """
SELECT session_id AS session, kind, title, roles, made_at, seen_at, ends_at
FROM session WHERE account_id = :account_id AND ends_at > now() ORDER BY made_at DESC;
"""

END_KEY = "DELETE FROM session WHERE session_id = :session_id AND kind = 'key' RETURNING account_id;"

FORGET = """
DELETE FROM session WHERE ends_at < now() - interval '1 day';
DELETE FROM sign_in_failure WHERE at < now() - interval '1 day';
"""

# A district that is made up, or a database into which nothing was ever written.
IS_HARMLESS = """
SELECT coalesce((SELECT synthetic FROM district), (SELECT bool_and(version = 1) FROM layer));
"""

FAILED = "INSERT INTO sign_in_failure (subject) VALUES (:user), (:address);"

FAILURES = """
SELECT count(*) FILTER (WHERE subject = :user) AS of_user, count(*) FILTER (WHERE subject = :address) AS of_address
FROM sign_in_failure
WHERE subject IN (:user, :address) AND at > now() - make_interval(secs => :seconds);
"""

FORGIVE = "DELETE FROM sign_in_failure WHERE subject = :user;"
