"""Incidents: reports that nobody can change, one table of what may be done with them when, and whoever asked."""

from alembic import op

revision = "2026_11_24_09"
down_revision = "2026_11_24_08"
branch_labels = None
depends_on = None

DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

# What can be reported, with its clocks; whoever runs the district changes both. Minutes pass by the clock on the wall.
CATEGORIES = """
CREATE TABLE incident_category (
    category text COLLATE "C" PRIMARY KEY CHECK (category ~ '^[a-z][a-z0-9_]{1,39}$'),
    title_zh text NOT NULL CHECK (title_zh <> ''),
    title_en text NOT NULL CHECK (title_en <> ''),
    about_staff boolean NOT NULL DEFAULT false,            -- goes past the line of whoever it is about
    acknowledge_minutes integer NOT NULL DEFAULT 120 CHECK (acknowledge_minutes > 0),
    respond_minutes integer NOT NULL DEFAULT 240 CHECK (respond_minutes > 0),
    resolve_days integer NOT NULL DEFAULT 5 CHECK (resolve_days > 0),
    claim_minutes integer NOT NULL DEFAULT 120 CHECK (claim_minutes > 0),
    ended_at timestamptz                                   -- takes no new reports
);
INSERT INTO incident_category (category, title_zh, title_en, about_staff, resolve_days) VALUES
    ('consultation',    '咨询',       'Consultation',               false, 1),
    ('help',            '求助',       'Help',                       false, 5),
    ('complaint',       '投诉',       'Complaint',                  false, 10),
    ('facility',        '公共设施',   'Public facilities',          false, 5),
    ('environment',     '市容环境',   'Streets and environment',    false, 5),
    ('safety',          '安全隐患',   'Hazards',                    false, 5),
    ('noise',           '噪声扰民',   'Noise',                      false, 5),
    ('dispute',         '矛盾纠纷',   'Disputes',                   false, 10),
    ('staff_complaint', '对工作人员的投诉', 'Complaint about staff', true,  10),
    ('other',           '其他',       'Other',                      false, 5);
"""

# What stands above the line in `incident` is the report; below it is where the matter has got to.
TABLES = """
CREATE TABLE incident (
    incident bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reported_at timestamptz NOT NULL DEFAULT now(),
    reported_by text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('console', 'phone', 'integration')),
    category text COLLATE "C" NOT NULL REFERENCES incident_category,
    words text CHECK (words <> ''),
    photos text[] NOT NULL DEFAULT '{}',                   -- references, no pictures
    reported_place geometry(Point, 4490),
    as_reported jsonb,                                     -- the coordinates as they came: x, y, crs, accuracy_m
    verdict text NOT NULL,
    why text NOT NULL,                                     -- of the verdict, in words
    candidates jsonb NOT NULL,
    boundary_revision integer NOT NULL,
    unit_at_report text COLLATE "C" REFERENCES unit,       -- null: nobody's, or in doubt
    about_staff text COLLATE "C" REFERENCES digital_identity,
    about_account text COLLATE "C" REFERENCES account,
    acknowledge_by timestamptz NOT NULL,
    respond_by timestamptz NOT NULL,
    resolve_by timestamptz NOT NULL,
    ----------------------------------------------------------------------
    track text NOT NULL DEFAULT 'duty' CHECK (track IN ('duty', 'service')),
    status text NOT NULL,
    place geometry(Point, 4490),
    placed_unit text COLLATE "C" REFERENCES unit,          -- where it is
    placed_on date NOT NULL DEFAULT session_day(),         -- by the boundaries of that day
    unit_id text COLLATE "C" REFERENCES unit,              -- who answers for it; null: the whole district
    path text COLLATE "C" NOT NULL,                        -- of `unit_id`
    kept_from text[] NOT NULL DEFAULT '{}',                -- paths below which nobody gets it: the line
    parent bigint REFERENCES incident,                     -- the matter that this one was merged into
    handler text,                                          -- the user who took it
    returns integer NOT NULL DEFAULT 0,
    round integer NOT NULL DEFAULT 1,                      -- one more each time that it is opened again
    is_supervised boolean NOT NULL DEFAULT false,
    claim_by timestamptz,
    responded_at timestamptz,
    resolved_at timestamptz,
    closed_at timestamptz,
    CHECK ((status = 'merged') = (parent IS NOT NULL))
);
CREATE INDEX incident_path ON incident (path, incident);
CREATE INDEX incident_parent ON incident (parent) WHERE parent IS NOT NULL;
CREATE INDEX incident_alike ON incident (category, reported_at);
CREATE INDEX incident_claims ON incident (claim_by) WHERE status = 'offered';

CREATE TABLE incident_event (
    event bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident bigint NOT NULL REFERENCES incident,
    round integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    status_before text,
    status_after text NOT NULL,
    why text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX incident_event_of ON incident_event (incident, event);

-- One for every report, with or without a contact; after a merger they are those of the matter that is left.
CREATE TABLE asker (
    asker text COLLATE "C" PRIMARY KEY CHECK (asker ~ '^[0-9a-f]{16}$'),
    incident bigint NOT NULL REFERENCES incident,          -- what they reported
    matter bigint NOT NULL REFERENCES incident,            -- where it is dealt with
    key_number smallint,
    sealed bytea,                                          -- AES-GCM, bound to the asker; null: no contact was left
    digest bytea,                                          -- keyed, of the phone number
    told_at timestamptz,                                   -- when they were answered, in this round
    CHECK ((sealed IS NULL) = (key_number IS NULL) AND (sealed IS NULL) = (digest IS NULL))
);
CREATE INDEX asker_incident ON asker (incident);
CREATE INDEX asker_matter ON asker (matter);
CREATE INDEX asker_digest ON asker (digest) WHERE digest IS NOT NULL;
CREATE INDEX asker_key ON asker (key_number) WHERE sealed IS NOT NULL;
CREATE TRIGGER key_is_kept BEFORE INSERT OR UPDATE OF key_number ON asker
FOR EACH ROW WHEN (NEW.key_number IS NOT NULL) EXECUTE FUNCTION care_key_is_kept();

CREATE TABLE incident_rating (
    incident bigint NOT NULL REFERENCES incident,
    round integer NOT NULL,
    rater text COLLATE "C" NOT NULL,                       -- 'community', or an asker
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (incident, round, rater)                   -- nobody rates twice
);

CREATE TABLE incident_key (
    digest bytea PRIMARY KEY,                              -- of the account and the key that it sent
    body bytea NOT NULL,                                   -- keyed digest of what came with it
    answer text,
    at timestamptz NOT NULL DEFAULT now()
);
"""

# What may be done in which status, by whom, and where that leads. `moves`: to a unit that must (to) or may be named
# (may), or to the unit above (up). `by_handler`: on the service track nobody but who claimed it, or a dispatcher.
RULES = """
CREATE TABLE incident_rule (
    track text NOT NULL,
    status text NOT NULL,
    action text NOT NULL,
    next_status text NOT NULL,
    next_track text NOT NULL,
    permission text NOT NULL,
    needs_reason boolean NOT NULL,
    moves text CHECK (moves IN ('to', 'may', 'up')),
    by_handler boolean NOT NULL DEFAULT false,
    PRIMARY KEY (track, status, action)
);
INSERT INTO incident_rule
SELECT track, unnest(string_to_array(statuses, ' ')), action, next_status, next_track, 'incident.' || permission,
       needs_reason, moves, by_handler
FROM (VALUES
    ('duty', 'to_place',                     'place',       'reported',     'duty', 'dispatch', false, null, false),
    ('duty', 'reported returned',            'place',       'reported',     'duty', 'dispatch', true,  null, false),
    ('duty', 'dispatched acknowledged handling', 'place',   'dispatched',   'duty', 'dispatch', true,  null, false),
    ('duty', 'with_supervisor',              'place',       'with_supervisor', 'duty', 'dispatch', true, null, false),
    ('duty', 'reported returned',            'dispatch',    'dispatched',   'duty', 'dispatch', false, 'may', false),
    ('duty', 'dispatched',                   'acknowledge', 'acknowledged', 'duty', 'handle',   false, null, false),
    ('duty', 'acknowledged',                 'handle',      'handling',     'duty', 'handle',   false, null, false),
    ('duty', 'handling',                     'resolve',     'resolved',     'duty', 'handle',   true,  null, false),
    ('duty', 'dispatched acknowledged handling', 'return',  'returned',     'duty', 'handle',   true,  null, false),
    ('duty', 'dispatched acknowledged handling', 'third_return', 'with_supervisor', 'duty', 'handle', true, 'up',
     false),
    ('duty', 'with_supervisor',              'rule',        'dispatched',   'duty', 'dispatch', true,  'to', false),
    ('duty', 'dispatched acknowledged handling returned', 'transfer', 'dispatched', 'duty', 'dispatch', true, 'to',
     false),
    ('duty', 'dispatched acknowledged handling returned', 'escalate', 'dispatched', 'duty', 'handle', true, 'up',
     false),
    ('duty', 'reported returned',            'offer',       'offered',      'service', 'dispatch', false, null, false),
    ('service', 'offered',                   'place',       'offered',      'service', 'dispatch', true, null, false),
    ('service', 'claimed handling',          'place',       'dispatched',   'duty', 'dispatch', true,  null, false),
    ('service', 'offered',                   'claim',       'claimed',      'service', 'handle', false, null, false),
    ('service', 'claimed',                   'handle',      'handling',     'service', 'handle', false, null, true),
    ('service', 'handling',                  'resolve',     'resolved',     'service', 'handle', true,  null, true),
    ('service', 'offered',                   'fall_back',   'dispatched',   'duty', 'dispatch', true,  null, false),
    ('service', 'claimed handling',          'fall_back',   'dispatched',   'duty', 'handle',   true,  null, true)
) rule (track, statuses, action, next_status, next_track, permission, needs_reason, moves, by_handler);

-- The end is the same on both tracks, and whatever is open can be supervised.
INSERT INTO incident_rule
SELECT track, unnest(string_to_array(statuses, ' ')), action, next_status,
       CASE WHEN action = 'reopen' THEN 'duty' ELSE track END, 'incident.' || permission, needs_reason, null, false
FROM (VALUES ('duty'), ('service')) each (track), (VALUES
    ('resolved',                       'feedback', 'answered',   'handle',   true),
    ('answered',                       'feedback', 'answered',   'handle',   true),
    ('rated',                          'feedback', 'rated',      'handle',   true),
    ('answered rated',                 'rate',     'rated',      'handle',   false),
    ('answered rated',                 'close',    'closed',     'dispatch', false),
    ('resolved answered rated closed', 'reopen',   'dispatched', 'dispatch', true)
) rule (statuses, action, next_status, permission, needs_reason);
INSERT INTO incident_rule
SELECT DISTINCT track, status, 'supervise', status, track, 'incident.dispatch', true, null, false
FROM incident_rule WHERE status <> 'closed';
INSERT INTO incident_rule
SELECT DISTINCT track, status, 'merge', 'merged', track, 'incident.dispatch', true, null, false
FROM incident_rule WHERE status IN ('to_place', 'reported', 'dispatched', 'acknowledged', 'returned', 'offered');
"""

# Nobody gets around them, the owner of the tables neither.
GUARDS = f"""
CREATE FUNCTION incident_guard() RETURNS trigger LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status NOT IN ('to_place', 'reported') OR NEW.track <> 'duty' THEN
            RAISE check_violation USING MESSAGE = 'an incident begins as reported, or waits to be placed';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE check_violation USING MESSAGE = 'incidents are not deleted';
    END IF;
    IF (NEW.incident, NEW.reported_at, NEW.reported_by, NEW.channel, NEW.category, NEW.words, NEW.photos,
        NEW.reported_place::text, NEW.as_reported, NEW.verdict, NEW.why, NEW.candidates, NEW.boundary_revision,
        NEW.unit_at_report, NEW.about_staff, NEW.about_account, NEW.acknowledge_by, NEW.respond_by, NEW.resolve_by)
       IS DISTINCT FROM
       (OLD.incident, OLD.reported_at, OLD.reported_by, OLD.channel, OLD.category, OLD.words, OLD.photos,
        OLD.reported_place::text, OLD.as_reported, OLD.verdict, OLD.why, OLD.candidates, OLD.boundary_revision,
        OLD.unit_at_report, OLD.about_staff, OLD.about_account, OLD.acknowledge_by, OLD.respond_by, OLD.resolve_by)
    THEN
        RAISE check_violation USING MESSAGE = 'a report is not changed afterwards';
    END IF;
    IF (NEW.status, NEW.track) IS DISTINCT FROM (OLD.status, OLD.track) AND NOT EXISTS (
        SELECT FROM incident_rule r WHERE r.track = OLD.track AND r.status = OLD.status
            AND r.next_status = NEW.status AND r.next_track = NEW.track)
    THEN
        RAISE check_violation USING MESSAGE = 'no rule leads from ' || OLD.status || ' to ' || NEW.status;
    END IF;
    IF NEW.status = 'closed' AND OLD.status <> 'closed' AND (
        NOT EXISTS (SELECT FROM incident_event e
                    WHERE e.incident = NEW.incident AND e.round = NEW.round AND e.action = 'feedback')
        OR EXISTS (SELECT FROM asker a WHERE a.matter = NEW.incident AND a.told_at IS NULL))
    THEN
        RAISE check_violation USING MESSAGE = 'nothing is closed before everybody who asked was answered';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE OR DELETE ON incident
FOR EACH ROW EXECUTE FUNCTION incident_guard();

CREATE FUNCTION incident_history_grows() RETURNS trigger LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    RAISE check_violation USING MESSAGE = 'the history of incidents can only grow';
END $$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON incident_event
FOR EACH ROW EXECUTE FUNCTION incident_history_grows();
CREATE TRIGGER stays BEFORE TRUNCATE ON incident_event EXECUTE FUNCTION incident_history_grows();
"""

# Who sees a matter: whoever handles them where it now is, but never whom it is about.
SEEING = f"""
CREATE FUNCTION session_account() RETURNS text LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT account_id FROM session WHERE digest = session_digest()
$$;
CREATE FUNCTION session_username() RETURNS text LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT coalesce((SELECT username FROM account WHERE account_id = session_account()), session_user::text)
$$;
CREATE FUNCTION incident_permitted(i incident, wanted text) RETURNS boolean LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT coalesce(i.path ^@ ANY (scope_of(wanted)), false)
           AND (i.about_account IS NULL OR i.about_account IS DISTINCT FROM session_account())
$$;

ALTER TABLE incident ENABLE ROW LEVEL SECURITY;
CREATE POLICY incident_seen ON incident FOR SELECT TO gismap_service USING (
    CASE WHEN path ^@ ANY ((SELECT scope_of('incident.handle'))::text[]) THEN true ELSE false END
    AND (about_account IS NULL OR about_account IS DISTINCT FROM (SELECT session_account())));
""" + "".join(
    f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY {table}_seen ON {table} FOR SELECT TO gismap_service USING (
    coalesce((SELECT true FROM incident i WHERE i.incident = {table}.{column} LIMIT 1), false));
"""
    for table, column in (("incident_event", "incident"), ("incident_rating", "incident"), ("asker", "matter"))
)

# All that is written goes through these, which ask for themselves what the session may. What is refused comes back as a
# value, with its reason.
WRITING = f"""
CREATE FUNCTION path_above(path text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(path, '[^/]+/$', '')
$$;
CREATE FUNCTION path_of_unit(wanted text) RETURNS text LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT path FROM grid WHERE unit_id = wanted AND valid @> session_day()
$$;
CREATE FUNCTION unit_of_path(wanted text) RETURNS text LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT unit_id FROM grid WHERE path = wanted AND valid @> session_day()
$$;

-- The line of whoever a matter is about: from the unit above their post downwards, but never the whole district.
CREATE FUNCTION line_of(staff_id text, account text, otherwise text) RETURNS text[] LANGUAGE sql STABLE {DEFINER} AS $$
    WITH post AS (
        SELECT g.path FROM assignment a JOIN grid g ON g.unit_id = a.unit_id AND g.valid @> session_day()
        WHERE a.staff = staff_id AND a.valid @> session_day()
        UNION
        SELECT g.path FROM access_grant a JOIN grid g ON g.unit_id = a.unit_id AND g.valid @> session_day()
        WHERE a.account_id = account AND a.ends_at > now()
    ), known AS (
        SELECT path FROM post UNION SELECT otherwise WHERE otherwise <> '' AND NOT EXISTS (SELECT FROM post)
    )
    SELECT coalesce(array_agg(DISTINCT CASE WHEN path_above(path_above(path)) = '' THEN path ELSE path_above(path) END),
                    '{{}}')
    FROM known WHERE path_above(path) <> ''
$$;

CREATE FUNCTION incident_key_taken(key text, sent bytea) RETURNS TABLE (is_same boolean, answer text)
LANGUAGE plpgsql VOLATILE {DEFINER} AS $$
DECLARE named bytea := sha256(convert_to(coalesce(session_account(), '') || E'\\n' || key, 'UTF8'));
BEGIN
    INSERT INTO incident_key (digest, body) VALUES (named, sent) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN   -- whoever had it first has committed by now
        RETURN QUERY SELECT k.body = sent, k.answer FROM incident_key k WHERE k.digest = named;
    END IF;
END $$;
CREATE FUNCTION incident_key_answer(key text, told text) RETURNS void LANGUAGE sql VOLATILE {DEFINER} AS $$
    UPDATE incident_key SET answer = told WHERE answer IS NULL
        AND digest = sha256(convert_to(coalesce(session_account(), '') || E'\\n' || key, 'UTF8'))
$$;

CREATE FUNCTION incident_report(r jsonb, who text, key smallint, contact bytea, phone bytea) RETURNS bigint
LANGUAGE plpgsql VOLATILE {DEFINER} AS $$
DECLARE
    c incident_category;
    number bigint;
    unit text := r ->> 'unit';
    at geometry := ST_SetSRID(ST_MakePoint((r ->> 'lon')::float8, (r ->> 'lat')::float8), 4490);
    here text := coalesce(path_of_unit(r ->> 'unit'), path_of_unit(r ->> 'around'), '');
    line text[] := '{{}}';
BEGIN
    IF coalesce(cardinality(scope_of('incident.report')), 0) = 0 THEN
        RAISE insufficient_privilege USING MESSAGE = 'this needs the permission incident.report';
    END IF;
    SELECT * INTO STRICT c FROM incident_category WHERE category = r ->> 'category' AND ended_at IS NULL;
    IF c.about_staff OR r ->> 'about_staff' IS NOT NULL OR r ->> 'about_account' IS NOT NULL THEN
        line := line_of(r ->> 'about_staff', r ->> 'about_account', here);
        IF here ^@ ANY (line) THEN   -- above all lines that hold it
            SELECT path_above(min(l)) INTO here FROM unnest(line) l WHERE here ^@ l;
        END IF;
    END IF;
    INSERT INTO incident (
        reported_by, channel, category, words, photos, reported_place, as_reported, verdict, why, candidates,
        boundary_revision, unit_at_report, about_staff, about_account, acknowledge_by, respond_by, resolve_by,
        status, place, placed_unit, unit_id, path, kept_from)
    VALUES (
        session_username(), r ->> 'channel', c.category, r ->> 'words',
        ARRAY(SELECT jsonb_array_elements_text(r -> 'photos')), at, nullif(r -> 'as_reported', 'null'), r ->> 'verdict',
        r ->> 'why', r -> 'candidates', (r ->> 'revision')::integer, unit, r ->> 'about_staff', r ->> 'about_account',
        now() + make_interval(mins => c.acknowledge_minutes), now() + make_interval(mins => c.respond_minutes),
        now() + make_interval(days => c.resolve_days),
        CASE WHEN unit IS NULL THEN 'to_place' ELSE 'reported' END, at, unit, unit_of_path(here), here, line)
    RETURNING incident INTO number;
    INSERT INTO asker (asker, incident, matter, key_number, sealed, digest)
    VALUES (who, number, number, key, contact, phone);
    INSERT INTO incident_event (incident, round, actor, action, status_after, detail)
    SELECT number, 1, reported_by, 'report', status,
           jsonb_build_object('unit', unit_id, 'placed_unit', placed_unit, 'verdict', verdict)
    FROM incident WHERE incident = number;
    RETURN number;
END $$;

-- Somebody decided where it is; what was reported stays as it was, and the history has both.
CREATE FUNCTION incident_place(wanted bigint, reason text, p jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE {DEFINER} AS $$
DECLARE
    i incident; r incident_rule; target text := path_of_unit(p ->> 'unit'); next_status text;
    at geometry := ST_SetSRID(ST_MakePoint((p ->> 'lon')::float8, (p ->> 'lat')::float8), 4490);
    is_same boolean; is_kept boolean;
BEGIN
    SELECT * INTO i FROM incident WHERE incident = wanted FOR UPDATE;
    IF NOT FOUND OR NOT incident_permitted(i, 'incident.handle') THEN
        RETURN '{{"refused": "unknown"}}';
    END IF;
    SELECT * INTO r FROM incident_rule
    WHERE track = i.track AND status = i.status AND incident_rule.action = 'place';
    IF NOT FOUND THEN
        RETURN jsonb_build_object('refused', 'rule', 'status', i.status);
    ELSIF NOT incident_permitted(i, r.permission) THEN
        RETURN jsonb_build_object('refused', 'permission', 'permission', r.permission);
    ELSIF r.needs_reason AND char_length(btrim(coalesce(reason, ''))) < 4 THEN
        RETURN '{{"refused": "reason"}}';
    ELSIF target IS NULL THEN
        RETURN '{{"refused": "unit"}}';
    END IF;
    is_same := i.placed_unit IS NOT DISTINCT FROM p ->> 'unit';
    is_kept := cardinality(i.kept_from) > 0;   -- whoever answers for it stays: it went past somebody's line
    next_status := CASE WHEN i.status <> 'to_place' AND (is_same OR is_kept) THEN i.status ELSE r.next_status END;
    UPDATE incident SET
        status = next_status, track = CASE WHEN next_status = i.status THEN track ELSE r.next_track END,
        place = coalesce(at, place), placed_unit = p ->> 'unit', placed_on = session_day(),
        unit_id = CASE WHEN is_same OR is_kept THEN unit_id ELSE p ->> 'unit' END,
        path = CASE WHEN is_same OR is_kept THEN path ELSE target END,
        handler = CASE WHEN next_status = i.status THEN handler END
    WHERE incident = wanted;
    INSERT INTO incident_event (incident, round, actor, action, status_before, status_after, why, detail)
    VALUES (wanted, i.round, session_username(), 'place', i.status, next_status, nullif(btrim(reason), ''),
            jsonb_build_object(
                'from', jsonb_build_object('unit', i.placed_unit, 'lon', ST_X(i.place), 'lat', ST_Y(i.place)),
                'to', jsonb_build_object('unit', p ->> 'unit', 'lon', ST_X(coalesce(at, i.place)),
                                         'lat', ST_Y(coalesce(at, i.place)))) || (p - '{{unit,lon,lat}}'::text[]));
    RETURN jsonb_build_object('status', next_status);
END $$;

CREATE FUNCTION incident_act(wanted bigint, act text, reason text, more jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE {DEFINER} AS $$
DECLARE
    i incident; r incident_rule; into_matter incident;
    actor text := session_username();
    why text := nullif(btrim(reason), '');
    target text; target_path text; next_status text; detail jsonb := '{{}}'; untold integer;
BEGIN
    -- a merger locks two, always in the same order
    PERFORM FROM incident WHERE incident IN (wanted, (more ->> 'parent')::bigint) ORDER BY incident FOR UPDATE;
    SELECT * INTO i FROM incident WHERE incident = wanted;
    IF NOT FOUND OR NOT incident_permitted(i, 'incident.handle') THEN
        RETURN '{{"refused": "unknown"}}';
    END IF;
    SELECT * INTO r FROM incident_rule WHERE track = i.track AND status = i.status AND act <> 'third_return'
        AND action = CASE WHEN act = 'return' AND i.returns >= 2 THEN 'third_return' ELSE act END AND action <> 'place';
    IF NOT FOUND THEN
        RETURN jsonb_build_object('refused', 'rule', 'status', i.status);
    ELSIF NOT incident_permitted(i, r.permission) THEN
        RETURN jsonb_build_object('refused', 'permission', 'permission', r.permission);
    ELSIF r.by_handler AND i.handler IS DISTINCT FROM actor AND NOT incident_permitted(i, 'incident.dispatch') THEN
        RETURN '{{"refused": "handler"}}';
    ELSIF r.needs_reason AND char_length(coalesce(why, '')) < 4 THEN
        RETURN '{{"refused": "reason"}}';
    ELSIF act = 'claim' AND i.claim_by <= now() THEN
        RETURN '{{"refused": "late"}}';
    END IF;
    next_status := r.next_status;

    target := i.unit_id; target_path := i.path;
    IF r.moves = 'up' THEN
        target_path := path_above(i.path);
        target := unit_of_path(target_path);
        IF target IS NULL AND r.action = 'third_return' THEN   -- at the top already
            target := i.unit_id; target_path := i.path;
        ELSIF target IS NULL THEN
            RETURN '{{"refused": "top"}}';
        END IF;
    ELSIF r.moves IS NOT NULL AND more ->> 'unit' IS NOT NULL THEN
        target := more ->> 'unit';
        target_path := path_of_unit(target);
        IF target_path IS NULL THEN
            RETURN '{{"refused": "unit"}}';
        ELSIF target_path ^@ ANY (i.kept_from) THEN
            RETURN '{{"refused": "line"}}';
        END IF;
    ELSIF r.moves = 'to' THEN
        RETURN '{{"refused": "unit"}}';
    END IF;
    IF target_path <> i.path THEN
        detail := jsonb_build_object('from', i.unit_id, 'to', target);
    END IF;

    IF act = 'feedback' THEN
        WITH told AS (
            UPDATE asker SET told_at = now() WHERE matter = wanted AND told_at IS NULL
                AND (more -> 'askers' IS NULL OR more -> 'askers' ? asker) RETURNING asker)
        SELECT jsonb_build_object('askers', coalesce(jsonb_agg(asker), '[]')) INTO detail FROM told;
        IF i.status = 'resolved' AND EXISTS (SELECT FROM asker WHERE matter = wanted AND told_at IS NULL) THEN
            next_status := i.status;
        END IF;
    ELSIF act = 'rate' THEN
        IF more ->> 'by' <> 'community'
           AND NOT EXISTS (SELECT FROM asker WHERE matter = wanted AND asker = more ->> 'by') THEN
            RETURN '{{"refused": "rater"}}';
        END IF;
        INSERT INTO incident_rating (incident, round, rater, stars)
        VALUES (wanted, i.round, more ->> 'by', (more ->> 'stars')::smallint) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN '{{"refused": "rated"}}';
        END IF;
        detail := jsonb_build_object('by', more ->> 'by', 'stars', more -> 'stars');
    ELSIF act = 'close' THEN
        SELECT count(*) INTO untold FROM asker WHERE matter = wanted AND told_at IS NULL;
        IF untold > 0 THEN
            RETURN jsonb_build_object('refused', 'untold', 'askers', untold);
        END IF;
    ELSIF act = 'reopen' THEN
        UPDATE asker SET told_at = NULL WHERE matter = wanted;
    ELSIF act = 'merge' THEN
        SELECT * INTO into_matter FROM incident WHERE incident = (more ->> 'parent')::bigint;
        IF NOT FOUND OR into_matter.incident = wanted OR NOT incident_permitted(into_matter, 'incident.dispatch') THEN
            RETURN '{{"refused": "parent"}}';
        ELSIF into_matter.status IN ('merged', 'closed') THEN
            RETURN jsonb_build_object('refused', 'parent_status', 'status', into_matter.status);
        ELSIF (into_matter.about_account, into_matter.kept_from) IS DISTINCT FROM (i.about_account, i.kept_from) THEN
            RETURN '{{"refused": "line"}}';
        END IF;
        UPDATE incident SET parent = into_matter.incident WHERE parent = wanted;
        UPDATE asker SET matter = into_matter.incident WHERE matter = wanted;
        detail := jsonb_build_object('parent', into_matter.incident);
        INSERT INTO incident_event (incident, round, actor, action, status_before, status_after, why, detail)
        VALUES (into_matter.incident, into_matter.round, actor, 'take in', into_matter.status, into_matter.status, why,
                jsonb_build_object('child', wanted));
    END IF;

    UPDATE incident SET
        status = next_status, track = r.next_track, unit_id = target, path = target_path,
        parent = CASE WHEN act = 'merge' THEN into_matter.incident ELSE parent END,
        handler = CASE WHEN act IN ('acknowledge', 'claim') THEN actor
                       WHEN act <> 'supervise'
                            AND next_status IN ('dispatched', 'returned', 'with_supervisor', 'offered')
                       THEN NULL ELSE handler END,
        returns = returns + (act = 'return')::integer,
        round = round + (act = 'reopen')::integer,
        is_supervised = is_supervised OR act = 'supervise',
        claim_by = CASE WHEN act = 'offer' THEN now() + make_interval(mins => (
                       SELECT claim_minutes FROM incident_category WHERE category = i.category)) ELSE claim_by END,
        responded_at = CASE WHEN act IN ('acknowledge', 'claim') THEN coalesce(responded_at, now())
                            ELSE responded_at END,
        resolved_at = CASE act WHEN 'resolve' THEN now() WHEN 'reopen' THEN NULL ELSE resolved_at END,
        closed_at = CASE act WHEN 'close' THEN now() WHEN 'reopen' THEN NULL ELSE closed_at END
    WHERE incident = wanted;
    INSERT INTO incident_event (incident, round, actor, action, status_before, status_after, why, detail)
    VALUES (wanted, i.round, actor, r.action, i.status, next_status, why, detail);
    RETURN jsonb_build_object('status', next_status);
END $$;

-- What nobody claimed in time goes to whoever is on duty; which ones.
CREATE FUNCTION incident_fall_back() RETURNS SETOF bigint LANGUAGE sql VOLATILE {DEFINER} AS $$
    WITH late AS (
        SELECT incident, round FROM incident WHERE status = 'offered' AND claim_by <= now() FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE incident i SET status = 'dispatched', track = 'duty' FROM late
        WHERE i.incident = late.incident RETURNING i.incident, i.round
    ), told AS (
        INSERT INTO incident_event (incident, round, actor, action, status_before, status_after, why)
        SELECT incident, round, 'gismap', 'fall_back', 'offered', 'dispatched', '限时内无人抢单' FROM moved
    )
    SELECT incident FROM moved
$$;
"""

# Boundaries change under what is open: it goes to whoever has its place from then on, or to the nearest unit above that
# still stands; what is closed stays as it was. What a person or a ruling placed elsewhere than its polygon stays there
# as long as its unit is the same.
FOLLOWING = f"""
CREATE FUNCTION incident_follow(today date) RETURNS integer LANGUAGE plpgsql VOLATILE {DEFINER} AS $$
DECLARE
    i incident; placed text; answers text; new_path text; line text[]; moved integer := 0;
BEGIN
    FOR i IN
        SELECT c.* FROM incident c WHERE c.status NOT IN ('closed', 'merged') AND c.path <> '' AND (
            NOT EXISTS (SELECT FROM grid g WHERE g.unit_id = c.unit_id AND g.valid @> today AND g.path = c.path)
            OR c.placed_unit IS NOT NULL AND NOT EXISTS (
                SELECT FROM grid g WHERE g.unit_id = c.placed_unit AND g.valid @> today AND g.valid @> c.placed_on))
        ORDER BY c.incident FOR UPDATE
    LOOP
        SELECT coalesce(
            (SELECT g.unit_id FROM grid g WHERE g.is_leaf AND g.valid @> today AND g.geom && i.place
                 AND ST_Intersects(g.geom, i.place) ORDER BY g.code NULLS LAST, g.unit_id LIMIT 1),
            (SELECT g.unit_id FROM grid g WHERE g.valid @> today AND g.unit_id = i.placed_unit))
            INTO placed WHERE i.placed_unit IS NOT NULL;
        answers := CASE WHEN i.unit_id = i.placed_unit THEN placed ELSE i.unit_id END;
        SELECT g.unit_id, g.path INTO answers, new_path FROM grid g WHERE g.unit_id = answers AND g.valid @> today;
        IF NOT FOUND THEN
            SELECT g.unit_id, g.path INTO answers, new_path FROM grid g
            WHERE g.valid @> today AND g.unit_id = ANY (string_to_array(i.path, '/'))
            ORDER BY length(g.path) DESC LIMIT 1;
        END IF;
        line := i.kept_from;
        IF cardinality(line) > 0 THEN
            line := ARRAY(SELECT DISTINCT unnest(line || line_of(i.about_staff, i.about_account, new_path)));
            IF new_path ^@ ANY (line) THEN
                SELECT path_above(min(l)) INTO new_path FROM unnest(line) l WHERE new_path ^@ l;
                answers := unit_of_path(new_path);
            END IF;
        END IF;
        UPDATE incident SET unit_id = answers, path = coalesce(new_path, ''), placed_unit = placed, placed_on = today,
            kept_from = line
        WHERE incident = i.incident;
        INSERT INTO incident_event (incident, round, actor, action, status_before, status_after, detail)
        VALUES (i.incident, i.round, 'gismap', 'follow', i.status, i.status, jsonb_build_object(
            'from', jsonb_build_object('unit', i.unit_id, 'placed_unit', i.placed_unit),
            'to', jsonb_build_object('unit', answers, 'placed_unit', placed)));
        moved := moved + 1;
    END LOOP;
    RETURN moved;
END $$;
"""

# Whose contact is told: the one who took the matter, while it is open; a dispatcher, while it has to be asked where it
# is or an answer is due.
ASKERS = f"""
CREATE FUNCTION incident_must_call(i incident) RETURNS boolean LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT incident_permitted(i, 'incident.handle') AND i.status NOT IN ('closed', 'merged') AND (
        coalesce(i.handler = session_username(), false)
        OR i.status IN ('to_place', 'resolved') AND incident_permitted(i, 'incident.dispatch'))
$$;
CREATE FUNCTION incident_contacts(wanted bigint)
RETURNS TABLE (asker text, key_number smallint, sealed bytea) LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT a.asker, a.key_number, a.sealed FROM asker a JOIN incident i ON i.incident = a.matter
    WHERE i.incident = wanted AND a.sealed IS NOT NULL AND incident_must_call(i)
$$;
CREATE FUNCTION incident_may_call(wanted bigint) RETURNS boolean LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT coalesce((SELECT incident_must_call(i) FROM incident i WHERE i.incident = wanted), false)
$$;
CREATE FUNCTION incidents_of_asker(phone bytea) RETURNS SETOF bigint LANGUAGE sql STABLE {DEFINER} AS $$
    SELECT DISTINCT a.matter FROM asker a JOIN incident i ON i.incident = a.matter
    WHERE a.digest = phone AND i.reported_at > now() - interval '48 hours' AND incident_permitted(i, 'incident.handle')
$$;
"""

PERMISSIONS = """
INSERT INTO role_permission (role, permission) VALUES
    ('dispatcher', 'incident.report'), ('dispatcher', 'incident.handle'), ('dispatcher', 'incident.dispatch'),
    ('grid_worker', 'incident.report'), ('grid_worker', 'incident.handle');
"""

OF_THE_SERVICE = (
    "session_account(), session_username(), incident_key_taken(text, bytea), incident_key_answer(text, text),"
    " incident_report(jsonb, text, smallint, bytea, bytea), incident_place(bigint, text, jsonb),"
    " incident_act(bigint, text, text, jsonb), incident_contacts(bigint), incident_may_call(bigint),"
    " incidents_of_asker(bytea)"
)
OF_THE_OWNER = (
    "incident_guard(), incident_history_grows(), incident_permitted(incident, text), path_of_unit(text),"
    " unit_of_path(text), line_of(text, text, text), incident_fall_back(),"
    " incident_follow(date), incident_must_call(incident)"
)
GRANTS = f"""
REVOKE EXECUTE ON FUNCTION {OF_THE_SERVICE}, {OF_THE_OWNER} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {OF_THE_SERVICE} TO gismap_service;
GRANT SELECT ON incident_category, incident_rule, incident, incident_event, incident_rating TO gismap_service;
GRANT SELECT (asker, incident, matter, told_at) ON asker TO gismap_service;
"""


def upgrade() -> None:
    """Create them."""
    for statements in (CATEGORIES, TABLES, RULES, GUARDS, SEEING, WRITING, FOLLOWING, ASKERS, PERMISSIONS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    op.execute("DELETE FROM role_permission WHERE permission LIKE 'incident.%';")
    op.execute("DROP TABLE incident_key, incident_rating, asker, incident_event, incident_rule, incident CASCADE;")
    op.execute("DROP TABLE incident_category CASCADE;")
    op.execute("""
        DROP FUNCTION IF EXISTS session_account(), session_username(), incident_key_taken(text, bytea),
            incident_key_answer(text, text), incident_report(jsonb, text, smallint, bytea, bytea),
            incident_place(bigint, text, jsonb), incident_act(bigint, text, text, jsonb), incident_contacts(bigint),
            incident_may_call(bigint), incidents_of_asker(bytea), incident_guard(), incident_history_grows(),
            path_of_unit(text), unit_of_path(text), path_above(text), line_of(text, text, text), incident_fall_back(),
            incident_follow(date);
    """)
