#!/bin/sh
# Makes the databases of Etherpad and Umami beside the product's. Runs as often as one likes: what is there stays as it
# is, but for the passwords, which become those of the secrets.
set -eu

make() {
    psql "$DB_CONNECTION" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$1" --set password="$2" <<'SQL'
select format('create role %I login', :'name') where not exists (select from pg_roles where rolname = :'name') \gexec
select format('alter role %I password %L', :'name', :'password') \gexec
select format('grant %I to current_user', :'name') \gexec
select format('create database %I owner %I', :'name', :'name')
where not exists (select from pg_database where datname = :'name') \gexec
select format('revoke connect, temporary on database %I from public', :'name') \gexec
SQL
}

make etherpad "$DB_PASS"
make umami "$UMAMI_DB_PASSWORD"
