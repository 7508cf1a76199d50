#!/bin/bash
# Run once by the database's container: the two roles, the database, and the extensions that only a superuser may add.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
  --set owner_password="$GISMAP_OWNER_PASSWORD" --set service_password="$GISMAP_SERVICE_PASSWORD" <<'SQL'
CREATE ROLE gismap_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE gismap_service LOGIN PASSWORD :'service_password';
ALTER ROLE gismap_service SET track_activities = off;
ALTER ROLE gismap_service SET log_min_error_statement = panic;
ALTER ROLE gismap_service SET log_min_messages = log;
ALTER ROLE gismap_service SET log_statement = none;
ALTER ROLE gismap_service SET log_min_duration_statement = -1;
ALTER ROLE gismap_owner SET log_min_error_statement = panic;
ALTER ROLE gismap_owner SET log_min_messages = log;
CREATE DATABASE gismap OWNER gismap_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
SQL
psql --set ON_ERROR_STOP=1 --username postgres --dbname gismap <<'SQL'
CREATE EXTENSION postgis;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF;
SQL
