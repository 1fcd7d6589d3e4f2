#!/bin/sh
# Locks the dependencies of pyproject.toml, with the hashes of every platform's files: `make lock`.
# With arguments, such as `--upgrade` or `--upgrade-package rq`, they go to uv.
set -eu
cd "$(dirname "$0")/.."
export UV_SYSTEM_CERTS=1 UV_NO_CONFIG=1

lock() {
    target=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$target.txt" "$@"
}

lock requirements/test pyproject.toml --extra embedded --extra dev "$@"
# The others are parts of it, so that what runs is what was tested.
lock requirements/run pyproject.toml --extra embedded --constraint requirements/test.txt
lock requirements/production pyproject.toml --extra aws --constraint requirements/test.txt
lock requirements/bootstrap requirements/bootstrap.in --constraint requirements/test.txt "$@"
lock requirements/migrate requirements/migrate.in --constraint requirements/test.txt
lock requirements/docs requirements/docs.in "$@"
lock requirements/operate pyproject.toml --extra aws --constraint requirements/test.txt
# The cloud's, each in an environment of its own.
lock infra/test infra/test.in --constraint requirements/test.txt "$@"
lock infra/requirements infra/requirements.in --constraint infra/test.txt
lock infra/scan infra/scan.in "$@"
