# shellcheck shell=sh
#
# Functions that the server's own scripts share.  They use programs of NetBSD's
# base only, and no text that a program prints for people.

# say MESSAGE -- on the console
say()
{
	echo "goldmaster: $*"
}

# give_up REASON -- leave to init, which starts a shell on the console
give_up()
{
	say "$*"
	prepare_tmp && prepare_var
	say "What follows is a single-user shell. Its end (exit) starts all over."
	say "To come up without a configuration, give the kernel the flag -4."
	exit 1
}

# is_writable FOLDER -- asks the file system; test -w says yes to root always
is_writable()
{
	(: >"$1/.writable") 2>/dev/null && rm -f "$1/.writable"
}

# in_fstab FOLDER -- true where the fstab mounts something there
in_fstab()
{
	while read -r _device _node _; do
		case $_device in
		\#*)	continue ;;
		esac
		[ "$_node" != "$1" ] || return 0
	done </etc/fstab
	return 1
}

# beginning DEVICE -- a sum of its first 128 KB, where labels and the first
# superblock are
beginning()
{
	dd if="$1" bs=64k count=2 2>/dev/null | cksum
}

# raw_disk PATH -- the raw device of a disk.  Its name has an r before the last
# part, as getdiskrawname(3) says; but ZFS has folders (NetBSD's
# external/cddl/osnet/sys/kern/ddi.c, ddi_create_minor_node).
raw_disk()
{
	case $1 in
	/dev/zvol/dsk/*)	echo "/dev/zvol/rdsk/${1#/dev/zvol/dsk/}" ;;
	*)	echo "${1%/*}/r${1##*/}" ;;
	esac
}

# is_readable DEVICE SECONDS -- within that time; nodes are made where there are
# none
is_readable()
{
	case $1 in
	/dev/r*[a-z][0-9]*)
		_name=${1#/dev/r}
		[ -e "$1" ] ||
		    (cd /dev && sh ./MAKEDEV "${_name%[a-p]}") >/dev/null 2>&1 ;;
	esac
	timeout "$2" dd if="$1" of=/dev/null bs=2048 count=1 >/dev/null 2>&1
}

# is_blank DISK -- has nothing been written there?
is_blank()
{
	has_zeros "/dev/r${1}d"
}

# has_zeros DEVICE -- and nothing else, at its beginning?
has_zeros()
{
	[ "$(beginning "$1")" = "$(beginning /dev/zero)" ]
}

# prepare_dev -- a /dev that takes new nodes.  init makes one where the root
# has no console; a root that has nodes gets it here.
prepare_dev()
{
	is_writable /dev || (cd /dev && sh ./MAKEDEV -M init) ||
	    say "/dev cannot be made writable; going on with the nodes it has."
}

# is_mounted FOLDER -- by the form in which rc.subr asks, too
is_mounted()
{
	case "$(mount)" in
	*" on $1 type "*)	return 0 ;;
	esac
	return 1
}

# prepare_tmp -- a /tmp to write to, unless the fstab mounts one later
prepare_tmp()
{
	in_fstab /tmp || is_writable /tmp ||
	    mount_tmpfs -m 1777 -s 64m tmpfs /tmp
}

# after_var -- disks.sh has another
after_var()
{
	:
}

# prepare_var -- a /var to write to, unless the fstab mounts one later
prepare_var()
{
	in_fstab /var || is_writable /var || var_in_memory
}

# var_in_memory -- a /var that lasts until the next boot, but for what must not
# be lost
var_in_memory()
{
	over_var mount_tmpfs -m 755 -s 64m tmpfs /var && link_lasting
}

# What programs keep in /var and call non-volatile, or are known by to others;
# folders end in /.  docs/server.md has the reasons, and what else is in /var.
lasting="db/dhcpcd/ db/statd.status"

# link_lasting -- to /config/state, where there is a configuration
link_lasting()
{
	[ -f /config/GOLDMASTER ] || return 0
	for _path in $lasting; do
		_kept=/config/state/${_path#db/}
		_link=/var/${_path%/}
		if ! { mkdir -p "${_kept%/*}" "${_link%/*}" && rm -rf "$_link" &&
		    ln -s "${_kept%/}" "$_link"; }; then
			say "$_link is lost at the next start: is /config full?"
		fi
	done
}

# over_var COMMAND... -- mounts /var by that command.  A file system over /var
# hides what the root has there, and rc wants to find its folders: so what the
# new one lacks goes into it, by way of another on /mnt.  Where it is a disk, an
# earlier image has filled it, and after_var sees to what that left.
over_var()
{
	mount_tmpfs -m 755 -s 64m tmpfs /mnt || return 1
	(cd /var && pax -rw -pe . /mnt) && "$@" && fill_var
	_status=$?
	umount /mnt
	return $_status
}

# fill_var -- what the image has and the file system over /var has not.  Where
# not even its folders fit, it is unmounted: rc wants to find them all.
fill_var()
{
	if (cd /mnt && pax -rw -k -pe . /var) || has_folders; then
		after_var
	else
		say "/var has no room for the folders that rc needs."
		umount /var
		return 1
	fi
}

# has_folders -- are all folders of the image's /var there?
has_folders()
{
	(cd /mnt && find . -type d) | while read -r _folder; do
		[ -d "/var/$_folder" ] || exit 1
	done
}
