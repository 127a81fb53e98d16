#!/bin/sh
#
# check-shell.sh PROGRAM: check every shell script of this folder with
# ShellCheck; PROGRAM is its path.
#
# A script ends in .sh, begins with #!/bin/sh, or names its shell in the first
# line (`# shellcheck shell=sh`).

set -eu
cd "$(dirname "$0")/.."

find . \( -path ./.git -o -path ./.venv -o -path ./build -o -path ./dist \) -prune \
    -o -type f -exec awk '
	FNR == 1 && (FILENAME ~ /\.sh$/ || /^#! ?\/bin\/(ba)?sh/ || /^# shellcheck shell=/) {
		print FILENAME
	}
	{ nextfile }' {} + | sort | xargs "$1"
