#!/bin/sh
# Runs once, when the database's volume is empty: a role and a database for each companion whose password is set.
set -eu

create() {
    [ -n "$2" ] || return 0
    psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set=name="$1" --set=password="$2" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
SQL
}

create etherpad "${ETHERPAD_DATABASE_PASSWORD:-}"
create umami "${UMAMI_DATABASE_PASSWORD:-}"
