#!/bin/sh
# Copyright (c) The goldmaster authors.
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh -- NetBSD's build.sh in miniature: the options and messages are the
# same, of the operations those that goldmaster needs.
#
# Needs on the host: a POSIX sh, coreutils, a C compiler, binutils.
# Never writes into the source tree.
set -eu

LC_ALL=C
export LC_ALL
progname=${0##*/}
command_line="$0 $*"
nl='
'
results=

statusmsg()
{
	printf '===> %s\n' "$*"
}

# statusmsg2 LABEL VALUE -- in columns, and again in the summary
statusmsg2()
{
	line=$(printf '%-20s %s' "$1" "$2")
	statusmsg "$line"
	results="$results	 $line$nl"
}

bomb()
{
	printf '\nERROR: %s\n\n*** BUILD ABORTED ***\n' "$*" >&2
	exit 1
}

usage()
{
	[ $# -eq 0 ] || printf '\n%s: %s\n' "$progname" "$*"
	cat <<USAGE

Usage: $progname [-hnPUu] [-a arch] [-D dest] [-j njob] [-m mach] [-N noisy]
                [-O obj] [-R release] [-T tools] [-V var=[value]] [-w wrapper]
                operation [...]

 Operations:
    tools               Build and install tools.
    kernel=conf         Build kernel with config file \`conf'; a conf with a
                        slash in it is a path.
    makewrapper         Create the nbmake-MACHINE wrapper.  Always performed.
    help                Show this message and exit.

 Options:
    -a arch        Set MACHINE_ARCH to arch: x86_64.
    -D dest        Set DESTDIR to dest.
    -h             Show this message and exit.
    -j njob        Run up to njob jobs in parallel.
    -m mach        Set MACHINE to mach: amd64.
    -N noisy       Set MAKEVERBOSE: 0 quiet, 1 say what is done, 2 and how.
    -n             Show the commands, run none of them.
    -O obj         Set the object folder.  Must lie outside the source tree.
    -P             Reproducible build: the same as -V MKREPRO=yes.
    -R release     Set RELEASEDIR to release.
    -T tools       Set TOOLDIR to tools.  Must lie outside the source tree.
    -U             Build without privilege: always so here.
    -u             Update build: keep what was built before.
    -V var=[value] Set variable var to value.  Read are MKREPRO (yes: the same
                   kernel wherever it is built), MAKEVERBOSE, COPTS and DEBUG.
    -w wrapper     Create the wrapper as wrapper.
USAGE
	exit 1
}

shell_quote()
{
	printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# setmakeenv NAME VALUE -- for this build and in the wrapper
setmakeenv()
{
	eval "$1=\$2"
	export "${1?}"
	makeenv="$makeenv $1"
}

# runcmd COMMAND ... -- run it, or with -n show it
runcmd()
{
	if $dry; then printf '%s\n' "$*"; else "$@"; fi
}

set_variable()
{
	case $1 in
	*=*)	;;
	*)	usage "-V argument must be of the form 'VAR=[VALUE]'" ;;
	esac
	case ${1%%=*} in
	'' | [0-9]* | *[!A-Za-z0-9_]*)	usage "-V: \`${1%%=*}' is no variable's name" ;;
	esac
	setmakeenv "${1%%=*}" "${1#*=}"
}

# resolvepath NAME -- let the path in variable NAME be absolute
resolvepath()
{
	eval "path=\$$1"
	case $path in
	'')	bomb "No $1: this build needs it, for it never writes into its sources" ;;
	/*)	path=${path%/} ;;
	*)	path=$TOP/${path%/} ;;
	esac
	case $path/ in
	"$TOP"/*)	bomb "$1 $path lies in the source tree $TOP" ;;
	esac
	eval "$1=\$path"
}

parseoptions()
{
	makeenv=
	dry=false
	update=false
	jobs=1
	makewrapper=
	MACHINE=amd64
	MACHINE_ARCH=x86_64
	MAKEOBJDIR=
	TOOLDIR=
	DESTDIR=
	RELEASEDIR=
	while getopts a:D:hj:m:N:nO:PR:T:UuV:w: opt; do
		case $opt in
		a)	MACHINE_ARCH=$OPTARG ;;
		D)	DESTDIR=$OPTARG ;;
		h)	usage ;;
		j)	jobs=$OPTARG ;;
		m)	MACHINE=$OPTARG ;;
		N)	setmakeenv MAKEVERBOSE "$OPTARG" ;;
		n)	dry=true ;;
		O)	MAKEOBJDIR=$OPTARG ;;
		P)	setmakeenv MKREPRO yes ;;
		R)	RELEASEDIR=$OPTARG ;;
		T)	TOOLDIR=$OPTARG ;;
		U)	;;
		u)	update=true ;;
		V)	set_variable "$OPTARG" ;;
		w)	makewrapper=$OPTARG ;;
		*)	usage ;;
		esac
	done
	noptions=$((OPTIND - 1))
	shift "$noptions"

	case ${MAKEVERBOSE:-2} in
	[0-4])	;;
	*)	usage "-N: \`$MAKEVERBOSE' is not between 0 and 4" ;;
	esac
	case $jobs in
	'' | 0* | *[!0-9]*)	usage "-j: \`$jobs' is not a number of jobs" ;;
	esac
	[ "$MACHINE" = amd64 ] || bomb "Unknown target MACHINE: $MACHINE"
	[ "$MACHINE_ARCH" = x86_64 ] ||
	    bomb "MACHINE_ARCH '$MACHINE_ARCH' does not support MACHINE '$MACHINE'"
	[ $# -gt 0 ] || usage "Missing operation to perform"
	for op; do
		case $op in
		help)
			usage ;;
		tools | makewrapper | kernel=?*)
			;;
		kernel=)
			usage "Must supply a kernel name with \`kernel='" ;;
		build | distribution | release | sets | sourcesets | kernels | \
		    modules | install=* | releasekernel=* | iso-image | live-image)
			bomb "\`$op' is an operation of NetBSD's build.sh;" \
			    "this miniature has tools and kernel=CONF" ;;
		*)
			usage "Unknown operation \`$op'" ;;
		esac
	done
}

sanitycheck()
{
	TOP=$(cd "$(dirname "$0")" && pwd -P)
	cd "$TOP"
	resolvepath MAKEOBJDIR
	resolvepath TOOLDIR
	for piece in syssrc:sys/conf/files syssrc:usr.bin/config/main.c \
	    src:usr.bin/make/make.sh sharesrc:share/mk/bsd.own.sh \
	    gnusrc:external/gpl3/gcc/gcc.sh; do
		[ -f "${piece#*:}" ] ||
		    bomb "${piece#*:} is missing: unpack the set ${piece%%:*}, too"
	done
	NETBSDSRCDIR=$TOP
	for var in MACHINE MACHINE_ARCH MAKEOBJDIR TOOLDIR DESTDIR RELEASEDIR \
	    NETBSDSRCDIR; do
		eval "setmakeenv $var \"\$$var\""
	done
	. share/mk/bsd.own.sh
	: "${makewrapper:=$TOOLDIR/bin/nbmake-$MACHINE}"
}

# The wrapper holds this run's settings, as in NetBSD: two builds at once that
# share their tools need a -w each.
createmakewrapper()
{
	runcmd mkdir -p "$MAKEOBJDIR" "$TOOLDIR/bin" "$(dirname "$makewrapper")"
	$dry || {
		printf '#! /bin/sh\n# Makes what the build folder at hand is for; written by build.sh.\n#\n'
		for var in $(printf '%s\n' $makeenv | sort -u); do
			eval "value=\$$var"
			printf '%s=%s; export %s\n' "$var" "$(shell_quote "$value")" "$var"
		done
		printf '\nexec "${TOOLDIR}/bin/nbmake" "$@"\n'
	} >"$makewrapper.tmp"
	runcmd chmod +x "$makewrapper.tmp"
	runcmd mv -f "$makewrapper.tmp" "$makewrapper"
	statusmsg2 "Updated makewrapper:" "$makewrapper"
}

# message WHAT ON -- as make says it
message()
{
	[ "$MAKEVERBOSE" -eq 0 ] || printf '#%10s  %s\n' "$1" "$2"
}

# installtool NAME SOURCE -- a script out of the sources, its @WORDS@ filled in
installtool()
{
	tool=$TOOLDIR/bin/$1
	sed -e "s|@HOST_CC@|$host_cc|" -e "s|@TOOL@|${1##*-}|" "$2" >"$tool.tmp"
	chmod +x "$tool.tmp"
	if cmp -s "$tool.tmp" "$tool"; then
		rm "$tool.tmp"
		return
	fi
	message install "$tool"
	mv -f "$tool.tmp" "$tool"
}

buildconfig()
{
	objects=$MAKEOBJDIR/tools/config
	mkdir -p "$objects"
	set --
	for source in usr.bin/config/*.c; do
		base=${source##*/}
		object=$objects/${base%.c}.lo
		set -- "$@" "$object"
		if [ "$object" -nt "$source" ] &&
		    [ "$object" -nt usr.bin/config/config.h ]; then
			continue
		fi
		message compile "config/${base%.c}.lo"
		# shellcheck disable=SC2086	# `cc -m64' is two words
		$host_cc -std=c99 -D_POSIX_C_SOURCE=200809L -O -c \
		    -o "$object.tmp" "$source"
		mv -f "$object.tmp" "$object"
	done
	tool=$TOOLDIR/bin/nbconfig
	stale=false
	for object; do
		[ "$tool" -nt "$object" ] || stale=true
	done
	if $stale; then
		message link config/config
		# shellcheck disable=SC2086
		$host_cc -o "$tool.tmp" "$@"
		message install "$tool"
		mv -f "$tool.tmp" "$tool"
	fi
}

buildtools()
{
	host_cc=${HOST_CC:-cc}
	if ! $dry; then
		# shellcheck disable=SC2086
		command -v ${host_cc%% *} >/dev/null ||
		    bomb "No C compiler: $host_cc (set HOST_CC)"
		buildconfig
		installtool nbmake usr.bin/make/make.sh
		installtool x86_64--netbsd-gcc external/gpl3/gcc/gcc.sh
		for tool in ar as ld nm objcopy objdump strip; do
			installtool "x86_64--netbsd-$tool" \
			    external/gpl3/binutils/binutils.sh
		done
	fi
	statusmsg "Tools built to $TOOLDIR"
}

make_in_dir()
{
	statusmsg "$2 in $1"
	runcmd cd "$1"
	runcmd "$makewrapper" -j "$jobs" "$2" || bomb "Failed to make $2 in \"$1\""
	runcmd cd "$TOP"
}

buildkernel()
{
	case $1 in
	*/*)	conf=$1 ;;
	*)	conf=$TOP/sys/arch/$MACHINE/conf/$1 ;;
	esac
	builddir=$MAKEOBJDIR/sys/arch/$MACHINE/compile/${1##*/}
	statusmsg2 "Building kernel:" "$1"
	statusmsg2 "Build directory:" "$builddir"
	runcmd mkdir -p "$builddir"
	for tool in nbconfig nbmake; do
		$dry || [ -x "$TOOLDIR/bin/$tool" ] || bomb "$TOOLDIR/bin/$tool" \
		    "does not exist. You need to \"$progname tools\" first."
	done
	$update || make_in_dir "$builddir" cleandir
	runcmd "$TOOLDIR/bin/nbconfig" -b "$builddir" -s "$TOP/sys" "$conf" ||
	    bomb "nbconfig failed for $1"
	make_in_dir "$builddir" depend
	make_in_dir "$builddir" all
	$dry || {
		statusmsg "Kernels built from $1:"
		printf '  %s\n' "$builddir/netbsd"
		results="$results	  $builddir/netbsd$nl"
	}
}

main()
{
	parseoptions "$@"
	shift "$noptions"
	sanitycheck
	statusmsg2 "$progname command:" "$command_line"
	statusmsg2 "$progname started:" "$(date)"
	statusmsg2 "Release version:" "goldmaster mini $(sh sys/conf/osrelease.sh)"
	statusmsg2 "MACHINE:" "$MACHINE"
	statusmsg2 "MACHINE_ARCH:" "$MACHINE_ARCH"
	statusmsg2 "Build platform:" "$(uname -srm)"
	statusmsg2 "TOOLDIR path:" "$TOOLDIR"
	statusmsg2 "DESTDIR path:" "$DESTDIR"
	statusmsg2 "RELEASEDIR path:" "$RELEASEDIR"
	createmakewrapper
	for op; do
		case $op in
		tools)		buildtools ;;
		kernel=*)	buildkernel "${op#*=}" ;;
		esac
	done
	statusmsg2 "$progname ended:" "$(date)"
	statusmsg "Summary of results:"
	printf '%s' "$results"
	statusmsg .
}

main "$@"
