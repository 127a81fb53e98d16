# shellcheck shell=sh
#
# Building the fleet's packages by pbulk, in a sandbox, on one disk:
#
#	/packages/sandbox	a system by itself, with comp and /usr/pkgsrc, and
#				pbulk in /usr/pbulk
#	/packages/sandbox/packages	what pbulk made
#	/packages/public/TIME	a set of packages that was whole
#	/packages/public/current	the one that servers take
#
# Needs lib.sh.

sandbox=/packages/sandbox
public=/packages/public
pkgchk_conf=/config/global/pkgchk.conf

# build_all -- what is served changes only after all of it was built
build_all()
{
	[ -x $sandbox/usr/pbulk/bin/bulkbuild ] || {
		say "$sandbox has no pbulk: see docs/roles.md on how to make it."
		return 1
	}
	[ -r $pkgchk_conf ] || {
		say "$pkgchk_conf is not there: nothing says what to build."
		return 1
	}
	list_packages <$pkgchk_conf >$sandbox/limited_list || return 1
	[ -s $sandbox/limited_list ] || {
		say "$pkgchk_conf names no package."
		return 1
	}
	# What is unpacked as root in /usr/pkgsrc is not to write to for pbulk's user.
	chroot $sandbox env PACKAGES=/packages WRKOBJDIR=/tmp \
	    /usr/pbulk/bin/bulkbuild || {
		say "pbulk failed: what it says is in $sandbox/bulklog."
		return 1
	}
	is_whole || return 1
	publish "$(date +%Y%m%dT%H%M%S)"
}

# list_packages -- CATEGORY/NAME of each line, whoever it is for; a line with
# a "=" before its comment says what a tag is, and a tag may be a file's path
list_packages()
{
	while read -r _first _rest || [ -n "$_first" ]; do
		_rest="$_first $_rest" _first=${_first%%#*}
		case ${_rest%%#*} in
		*=*)	continue ;;
		esac
		case $_first in
		*/*)	echo "$_first" ;;
		esac
	done
}

# is_whole -- pbulk succeeds where packages failed; in its lists they differ
is_whole()
{
	_meta=$sandbox/bulklog/meta
	[ -s $_meta/success ] || {
		say "pbulk built nothing: what it says is in $sandbox/bulklog."
		return 1
	}
	_failed=$(awk 'FNR == NR { built[$0] = 1; next }
	    /^PKGNAME=/ && !(substr($0, 9) in built) { print substr($0, 9) }' \
	    $_meta/success $_meta/presolve) || {
		say "the lists that pbulk left in $_meta cannot be read."
		return 1
	}
	[ -z "$_failed" ] || {
		# shellcheck disable=SC2086 # in one line
		say not built: $_failed
		say "What is served stays as it is."
		return 1
	}
}

# publish TIME -- beside the old ones; then the link leads to them
publish()
{
	if ! { mkdir -p $public && cp -Rp $sandbox/packages "$public/$1.new" &&
	    mv "$public/$1.new" "$public/$1" && ln -sfn "$1" $public/current; }; then
		say "the new packages could not be put into $public: is the disk full?"
		return 1
	fi
	say "packages of $1 are served."
}
