#!/bin/sh
# Makes .venv and installs into it what is locked for a purpose: `install.sh run` or `install.sh test`.
# Everything stays in the project's folder, downloads included, unless UV_CACHE_DIR names another one.
set -eu
cd "$(dirname "$0")/.."
purpose=$1

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}
recent_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

case $(uname -s) in
Linux | Darwin) ;;
*) fail "The local services run on Linux and macOS. On Windows, use WSL, or follow docs/development.md." ;;
esac

# What is in a .venv names its folder: one that was moved or copied is made anew.
here=$(pwd -P)
[ -w . ] || fail "This user may not write to $here, where .venv is made. Clone into another folder, and start again."
made_for=$(cat .venv/folder 2>/dev/null || printf %s "$here")
if [ "$made_for" != "$here" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=
    for candidate in ${PYTHON:-python3.11 python3 python}; do
        if recent_enough "$candidate"; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "Python 3.11 or newer is needed. Install it, or name it: PYTHON=/path/to/python make run"
    say "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv ||
        fail "Python could not make .venv. On Debian and Ubuntu, install the package python3-venv, and start again."
fi

printf %s "$here" >.venv/folder
# Nothing outside the project's folder is written.
mkdir -p .venv/tmp
export TMPDIR="$here/.venv/tmp"

.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes \
    --requirement requirements/bootstrap.txt ||
    fail "The installer could not be fetched. Check that this machine reaches a package index, and start again."

# Who has configured an index for pip means every Python package.
index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
[ -z "${PIP_INDEX_URL:-$index}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}"
export UV_CACHE_DIR="${UV_CACHE_DIR:-$here/.venv/cache}" UV_SYSTEM_CERTS=1 VIRTUAL_ENV="$here/.venv"
# Only what is locked: no setting of this machine adds to it.
export UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never

say "Installing packages (once, and when requirements/$purpose.txt changes)"
rm -f .venv/failed
{
    .venv/bin/uv pip install --no-build-isolation --require-hashes --requirement "requirements/$purpose.txt" 2>&1 ||
        touch .venv/failed
} | grep --line-buffered -v '^ [-+~] ' || : # without the list of a hundred names
[ ! -e .venv/failed ] ||
    fail "The packages could not be installed; the reason is above. What they need: Linux with glibc, or macOS 14."
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --offline --editable .
