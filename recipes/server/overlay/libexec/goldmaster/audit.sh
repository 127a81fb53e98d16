# shellcheck shell=sh
#
# Comparing the root with the medium's own list.  On a running server much is
# laid over it: the configuration over /etc, file systems in memory on /dev,
# /tmp, /var.  A null mount of / on /mnt shows the root alone, with none of
# that.  Where it cannot be had, what lies under other mounts is left out, and
# that is told.
#
# Variables of goldmaster-audit: contents, quiet, work.  Needs lib.sh.

# shellcheck disable=SC2154 # see above

list=/usr/share/goldmaster/root.mtree
point=/mnt
root=/ hidden='' mounted=''

# cannot REASON -- leave
cannot()
{
	say "$*"
	say "nothing can be said about this system."
	exit 2
}

# find_root -- sets root: where the medium's files are seen; hidden: folders
# that something else is mounted on, if that matters
find_root()
{
	_nodes=$(mount_points)
	case " $_nodes " in
	*" $point "*)	;;
	*)	if mount -t null -o ro / $point 2>/dev/null; then
			root=$point mounted=yes
			return 0
		fi ;;
	esac
	hidden=$_nodes
}

# leave_root -- as it was
leave_root()
{
	[ -z "$mounted" ] || umount $point
	mounted=''
}

# mount_points -- all but /, in one line.  The form of df -P is POSIX's.
mount_points()
{
	df -P | while read -r _device _ _ _ _ _node; do
		case $_node in
		/?*)	echo "$_node" ;;
		esac
	done | tr '\n' ' '
}

# expressions -- for sed(1): what is left of the list
expressions()
{
	[ -n "$contents" ] || echo 's/ sha256=[0-9a-f]*//'
	for _node in $hidden; do
		_name=$(echo "$_node" | sed 's/[.[\*^$|]/\\&/g')
		echo "\\|^\\.$_name/|d"
		echo "\\|^\\.$_name |s| .*| type=dir ignore|"
	done
}

# compare -- fills $work/found and $work/errors
compare()
{
	expressions >"$work/sed"
	sed -f "$work/sed" "$list" >"$work/list" ||
	    cannot "the list cannot be read."
	mtree -p $root -f "$work/list" >"$work/found" 2>"$work/errors"
	status=$?
}

# tell -- and leave
tell()
{
	if [ -s "$work/errors" ] || [ "$status" -eq 1 ]; then
		cat "$work/errors"
		cannot "mtree could not look at everything."
	fi
	_what='owners, modes, sizes, times and links'
	[ -z "$contents" ] || _what="$_what, and contents"
	[ -z "$hidden" ] ||
	    say "not looked at, for something is mounted there: ${hidden% }"
	if [ -s "$work/found" ] || [ "$status" -ne 0 ]; then
		[ -n "$quiet" ] || cat "$work/found"
		say "this is not what was pressed ($_what)."
		exit 1
	fi
	say "this is what was pressed ($_what)."
	exit 0
}
