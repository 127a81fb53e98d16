#!/bin/sh
# Copyright (c) The goldmaster authors.
# SPDX-License-Identifier: BSD-2-Clause
#
# newvers.sh [-r] -- write vers.c into the current folder, a kernel's build folder
#
# With -r (MKREPRO) the version says what was built and nothing of when, where
# and by whom.  vers.c is touched only where it changes.
set -eu

repro=false
[ "${1-}" != -r ] || repro=true

release=$(sh "$(dirname "$0")/osrelease.sh")
ident=$(cat ident)
version="goldmaster mini $release (${ident:-$(basename "$PWD")})"
$repro || version="$version #0: $(date)\\n\\t${USER-root}@$(uname -n):$PWD"

# Quotes in a path would end the string below; backslashes are our own \n and \t.
version=$(printf '%s' "$version" | sed 's/"/\\"/g')
{
	echo '#include <sys/systm.h>'
	echo
	printf 'const char ostype[] = "goldmaster mini";\n'
	printf 'const char osrelease[] = "%s";\n' "$release"
	printf 'const char version[] = "%s";\n' "$version"
} >vers.c.tmp
if cmp -s vers.c.tmp vers.c; then
	rm vers.c.tmp
else
	mv -f vers.c.tmp vers.c
fi
