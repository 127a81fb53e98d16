#!/bin/sh
#
# venv.sh [--check] [PYTHON]: see that .venv, the virtual environment of the checkout in
# which this is run, is there and can be used here.
#
# One that was made in another folder, or of a Python that is no longer there
# or not the one asked for, is made anew.  Where it is as it should be, nothing
# is touched: make asks for the time of .venv/made.  With --check only the
# Python is looked at.

set -eu

check=
if [ "${1:-}" = --check ]; then
	check=yes
	shift
fi
wanted=${1:-}
made=.venv/made

# What tells Pythons apart: version, and where its library is.
describe() {
	"$1" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.base_prefix)' 2>/dev/null
}

# Before anything is made.
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

# One that works is kept whichever Python is the host's first; another one has to be named.
here=$(pwd -P)
has=$(describe .venv/bin/python) || has=
if [ -n "$has" ] && [ -z "$wanted" ]; then
	is=$has
fi
if [ "$has" = "$is" ] && [ "$(cat "$made" 2>/dev/null)" = "$here
$is" ]; then
	exit 0
fi
[ ! -d .venv/bin ] || echo "the virtual environment .venv is not of this folder or Python: made anew"
if ! "$python" -m venv --clear .venv; then
	echo "ERROR: the virtual environment cannot be made" >&2
	echo "  do:    as root: apt-get install python3-venv (or python${is%% *}-venv)" >&2
	exit 1
fi
printf '%s\n%s\n' "$here" "$(describe .venv/bin/python)" >"$made"
