#!/bin/sh
# Makes a virtual environment of what is locked for a purpose: `install.sh requirements`, `test` or `scan`.
# They are apart from .venv, and from each other: half a gigabyte that nobody needs who does not work on the cloud.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P)
purpose=$1
target=.venv-infra/$purpose

# As `make run` does: who has configured an index for pip means every Python package.
index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
[ -z "${PIP_INDEX_URL:-$index}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}"
export UV_CACHE_DIR="${UV_CACHE_DIR:-$here/.venv/cache}" UV_SYSTEM_CERTS=1 UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never

.venv/bin/uv venv --quiet --clear --python .venv/bin/python "$target"
.venv/bin/uv pip install --quiet --python "$target/bin/python" --require-hashes --requirement "infra/$purpose.txt"
