# shellcheck shell=sh
#
# Comparing the root with the medium's own list.  On a running server much is
# laid over it: the configuration over /etc, file systems in memory on /dev,
# /tmp, /var.  A second mount of the medium shows it alone.  NetBSD mounts a
# partition once, but whole disks without a label have two names, a and d: the
# root is the one, so the other is free.  Where it is not, as on a stick whose
# GPT has wedges, what lies under other mounts is left out, and that is told.
# (A null mount of / is refused.)
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
	hidden=$(mount_points)
	case " $hidden" in
	*" $point "*)	return 0 ;;
	esac
	_disk=/dev/$(sysctl -n kern.root_device)
	for _try in "cd9660 ${_disk}d" "ffs ${_disk}d" "cd9660 ${_disk}a"; do
		mount -t "${_try% *}" -o ro "${_try#* }" $point 2>/dev/null || continue
		mounted=yes
		if cmp -s "$list" "$point$list"; then
			root=$point hidden=''
			return 0
		fi
		leave_root
	done
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
