"""Whether a database can carry gismap at all: versions, extensions, and a locale in which Chinese can be searched."""

from sqlalchemy import RowMapping, text

from gismap.errors import EnvironmentProblemError
from gismap.store.installation import EXTENSIONS, OLDEST_POSTGIS, OLDEST_POSTGRESQL
from gismap.store.session import make_engine, reading

_FACTS = text("""
    SELECT current_setting('server_version_num')::int / 10000 AS postgresql,
           (SELECT array_agg(extname) FROM pg_extension)      AS extensions,
           (SELECT extversion FROM pg_extension WHERE extname = 'postgis') AS postgis,
           (SELECT datctype FROM pg_database WHERE datname = current_database()) AS locale,
           (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
               OR EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user)
               AS sees_all,
           current_setting('track_activities') = 'off' AND current_setting('log_min_error_statement') = 'panic'
               AND current_setting('log_min_messages') = 'log' AND current_setting('log_statement') = 'none'
               AND current_setting('log_min_duration_statement') = '-1' AS is_discreet
""")
# Else PostgreSQL would not use a spatial index under row-level security: `&&` could tell of rows that are not shown. It
# does not, it compares boxes. Only a superuser may say so, and dumps do not carry it.
MAKE_LEAKPROOF = "ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF"
_LEAKPROOF = text("""
    SELECT proleakproof FROM pg_proc WHERE oid = to_regprocedure('geometry_overlaps(geometry,geometry)')
""")

# Statements of the service carry the token of a session, and names that were asked for. The log would keep those that
# fail or are slow, messages of errors would quote values in it (`log` lets through less than `error`), and
# pg_stat_activity would show an injected statement the tokens of all who ask at the same time.
BE_DISCREET = (
    "ALTER ROLE gismap_service SET track_activities = off",
    "ALTER ROLE gismap_service SET log_min_error_statement = panic",
    "ALTER ROLE gismap_service SET log_min_messages = log",
    "ALTER ROLE gismap_service SET log_statement = none",
    "ALTER ROLE gismap_service SET log_min_duration_statement = -1",
)

# Under LC_CTYPE=C pg_trgm takes no Chinese character for a letter, so that a Chinese name has no trigrams.
_TRIGRAMS = text("SELECT cardinality(show_trgm('金林小区')) > 0 AND similarity('金林小区', '金林小区2号楼') > 0")


def assert_fit(url: str) -> None:
    """Check the database behind `url`, whichever server it is on.

    Raises:
        EnvironmentProblemError: it lacks something; the text tells what, and the remedy.
        UnavailableError: it does not answer.
    """
    engine = make_engine(url, pool_size=1)
    try:
        with reading(engine) as connection:
            facts = connection.execute(_FACTS).mappings().one()
            _check_versions(facts)
            if not connection.execute(_TRIGRAMS).scalar():
                raise EnvironmentProblemError(
                    f"pg_trgm sees no Chinese under the database's locale {facts['locale']}: "
                    "create the database with LC_CTYPE 'C.UTF-8' (TEMPLATE template0)."
                )
            if facts["sees_all"]:
                raise EnvironmentProblemError(
                    "the service must not connect as a superuser or as the owner of the tables, who see everything: "
                    "name the role gismap_service in GISMAP_DATABASE_URL"
                )
            if not facts["is_discreet"]:
                raise EnvironmentProblemError(
                    f"the server shows or logs the statements of the service; as superuser: {'; '.join(BE_DISCREET)};"
                )
            if not connection.execute(_LEAKPROOF).scalar():
                raise EnvironmentProblemError(
                    f"spatial indexes cannot be used under row-level security; as superuser: {MAKE_LEAKPROOF};"
                )
    finally:
        engine.dispose()


def _check_versions(facts: RowMapping) -> None:
    if facts["postgresql"] < OLDEST_POSTGRESQL:
        raise EnvironmentProblemError(f"PostgreSQL {facts['postgresql']} is too old: 15 or newer is needed.")
    missing = [name for name in EXTENSIONS if name not in facts["extensions"]]
    if missing:
        remedy = " ".join(f"CREATE EXTENSION {name};" for name in missing)
        raise EnvironmentProblemError(f"The database lacks extensions; as its superuser: {remedy}")
    if tuple(map(int, facts["postgis"].split(".")[:2])) < OLDEST_POSTGIS:
        raise EnvironmentProblemError(f"PostGIS {facts['postgis']} is too old: 3.3 or newer is needed.")
