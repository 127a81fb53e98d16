#!/bin/sh
# Copyright (c) The goldmaster authors.
# SPDX-License-Identifier: BSD-2-Clause
#
# nbmake [-j N] [TARGET ...] -- in a kernel's build folder: compile and link
# what config(1) listed there.  Runs under the wrapper that build.sh writes,
# which says where the sources and the tools are.
#
#	depend		nothing to do: every object depends on every header
#	all		the kernel
#	cleandir	away with what was made of the configuration
#
# A file appears under its name once it is whole, so an interrupted build goes
# on where it stopped.  With -J READ,WRITE in MAKEFLAGS a job beyond the first
# is begun only with a token from the pipe, which it gets back at its end.
set -eu

: "${TOOLDIR:?}" "${NETBSDSRCDIR:?}"
S=$NETBSDSRCDIR/sys
kernel=${PWD##*/}
jobs=1
pids=
pipe=
case ${MAKEFLAGS:-} in
*'-J '*)	pipe=${MAKEFLAGS#*-J }
		pipe=${pipe%% *} ;;
esac

die()
{
	printf 'nbmake: %s\n\nnbmake: stopped in %s\n' "$*" "$PWD" >&2
	exit 1
}

message()
{
	[ "$MAKEVERBOSE" -eq 0 ] || printf '#%10s  %s\n' "$1" "$kernel/$2"
}

run()
{
	[ "$MAKEVERBOSE" -lt 2 ] || printf '%s\n' "$*"
	"$@"
}

# replace FILE -- let the standard input be FILE, untouched where it is already
replace()
{
	cat >"$1.tmp"
	if cmp -s "$1.tmp" "$1"; then rm "$1.tmp"; else mv -f "$1.tmp" "$1"; fi
}

# The configuration's makeoptions win over bsd.own.sh.
read_makeoptions()
{
	while IFS='=' read -r name value; do
		case $name in
		COPTS)	COPTS=$value ;;
		DEBUG)	DEBUG=$value ;;
		esac
	done <makeoptions
}

# Sets newest to the youngest of what every object depends on.
find_newest()
{
	set -- flags opt_global.h config_file.h "$S"/sys/*.h
	for dir in $KERNEL_INCLUDES; do
		set -- "$@" "$S/$dir"/*.h
	done
	newest=flags
	for file; do
		[ ! "$file" -nt "$newest" ] || newest=$file
	done
}

# compile OBJECT SOURCE
compile()
{
	case $2 in
	./*)	source=$2 ;;
	*)	source=$S/$2 ;;
	esac
	if [ "$1" -nt "$source" ] && [ "$1" -nt "$newest" ]; then
		return
	fi
	message compile "$1"
	set -- "$1" "$source" -imacros opt_global.h -I. -I"$S" \
	    -ffile-prefix-map="$S"=/usr/src/sys -ffile-prefix-map="$PWD"=/usr/obj
	for dir in $KERNEL_INCLUDES; do
		set -- "$@" -I"$S/$dir"
	done
	object=$1
	shift
	# shellcheck disable=SC2086	# flags are words
	run "$TOOLDIR/bin/x86_64--netbsd-gcc" $KERNEL_CFLAGS $COPTS $DEBUG \
	    -c -o "$object.tmp" "$@" && mv -f "$object.tmp" "$object"
}

# A job's place: no token for the first worker, or without a pipe.
take_token()
{
	[ -n "$pipe" ] && [ "$1" -gt 0 ] || return 0
	token=$(dd if="/proc/self/fd/${pipe%,*}" iflag=nonblock bs=1 count=1 2>/dev/null) || :
	[ "$token" = + ]
}

return_token()
{
	[ -n "$pipe" ] && [ "$1" -gt 0 ] || return 0
	printf + >"/proc/self/fd/${pipe#*,}"
}

# claim OBJECT -- true for one worker only
claim()
{
	mkdir ".claims/$1" 2>/dev/null && return
	[ ! -d .claims ] || [ -d ".claims/$1" ] || die "*** [$1] mkdir failed"
	return 1
}

# is_alive PID -- and waits for nobody to ask how it ended
is_alive()
{
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	case $stat in
	*") Z "*)	return 1 ;;
	esac
}

# worker NUMBER -- of what no other worker has begun, one after the other.  When
# the first one is through, or has failed, there is nothing left to wait for;
# nor is there when that one or make itself ($$) has been killed, and nobody
# puts tokens back.
worker()
{
	[ "$1" -gt 0 ] || trap 'mv .claims .claimed' EXIT
	while read -r object source; do
		[ ! -d ".claims/$object" ] || continue
		until take_token "$1"; do
			[ -d .claims ] && [ ! -d ".claims/$object" ] || continue 2
			is_alive "$first" && is_alive $$ || exit 1
			sleep 0.02
		done
		status=0
		if claim "$object"; then
			compile "$object" "$source" </dev/null || status=$?
		fi
		return_token "$1"
		[ "$status" -eq 0 ] || {
			echo "*** [$object] Error code $status" >&2
			exit 1
		}
	done <compile.list
}

link_kernel()
{
	set -- "$S/$KERNEL_LDSCRIPT"
	while read -r object source; do
		set -- "$@" "$object"
	done <compile.list
	stale=false
	for file in compile.list flags "$@"; do
		[ netbsd -nt "$file" ] || stale=true
	done
	$stale || return 0
	message link netbsd
	# shellcheck disable=SC2086	# flags are words
	run "$TOOLDIR/bin/x86_64--netbsd-ld" $KERNEL_LDFLAGS -o netbsd.tmp -T "$@" ||
	    die "*** [netbsd] Error code $?"
	mv -f netbsd.tmp netbsd
}

make_all()
{
	repro=
	[ "$MKREPRO" = no ] || repro=-r
	sh "$S/conf/newvers.sh" $repro
	read_makeoptions
	{
		"$TOOLDIR/bin/x86_64--netbsd-gcc" --version
		echo "$KERNEL_CFLAGS $COPTS $DEBUG $KERNEL_LDFLAGS"
	} | replace flags
	find_newest
	rm -rf .claims .claimed
	mkdir .claims

	# shellcheck disable=SC2086	# pids are words
	trap 'kill $pids 2>/dev/null; exit 130' HUP INT TERM
	i=0 first=
	while [ "$i" -lt "$jobs" ]; do
		worker "$i" &
		pids="$pids $!"
		[ -n "$first" ] || first=$!
		i=$((i + 1))
	done
	failed=false
	for pid in $pids; do
		wait "$pid" || failed=true
	done
	rm -rf .claims .claimed
	$failed && die '1 error'
	link_kernel
}

while getopts j: opt; do
	case $opt in
	j)	jobs=$OPTARG ;;
	*)	die 'usage: nbmake [-j N] [TARGET ...]' ;;
	esac
done
shift $((OPTIND - 1))
. "$NETBSDSRCDIR/share/mk/bsd.own.sh"

for target in "${@:-all}"; do
	case $target in
	depend)		;;
	all)		[ -f compile.list ] || die 'no compile.list: run config first'
			make_all ;;
	cleandir)	rm -f ./*.o ./*.tmp ./*.c ./*.h compile.list flags ident \
			    makeoptions netbsd ;;
	*)		die "don't know how to make $target. Stop" ;;
	esac
done
