#!/bin/sh
#
# venv.sh [--check] [PYTHON]: check that .venv, the virtual environment of the
# current checkout, exists and can be used.
#
# It is created again if it was made in another folder, or with a Python that
# is gone or not the requested one.  A correct one is not touched, because make
# compares the time of .venv/made.  --check only checks the Python.

set -eu

check=
if [ "${1:-}" = --check ]; then
	check=yes
	shift
fi
wanted=${1:-}
made=.venv/made

# What identifies a Python: its version and the path of its library.
describe() {
	"$1" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.base_prefix)' 2>/dev/null
}

# Checks before anything is made.
python=${wanted:-python3}
if ! is=$(describe "$python"); then
	echo "ERROR: $python cannot be run" >&2
	echo "  do:    install Python 3.11 or newer, or name it: make PYTHON=python3.12" >&2
	exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	echo "ERROR: Python 3.11 or newer is needed, $python is version ${is%% *}" >&2
	echo "  do:    install one, or name it: make PYTHON=python3.12" >&2
	exit 1
fi

[ -z "$check" ] || exit 0

# A working environment is kept whatever the host's default Python is; another has to be named.
here=$(pwd -P)
has=$(describe .venv/bin/python) || has=
if [ -n "$has" ] && [ -z "$wanted" ]; then
	is=$has
fi
if [ "$has" = "$is" ] && [ "$(cat "$made" 2>/dev/null)" = "$here
$is" ]; then
	exit 0
fi
[ ! -d .venv/bin ] || echo "the virtual environment .venv is for another folder or Python: creating it again"
if ! "$python" -m venv --clear .venv; then
	echo "ERROR: the virtual environment cannot be created" >&2
	echo "  do:    as root: apt-get install python3-venv (or python${is%% *}-venv)" >&2
	exit 1
fi
printf '%s\n%s\n' "$here" "$(describe .venv/bin/python)" >"$made"
