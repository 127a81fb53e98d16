# shellcheck shell=sh
#
# Functions that the server's own scripts share.  They use programs of /bin
# and /sbin only, and no text that a program prints for people.

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

# is_blank DISK -- has nothing been written there?
is_blank()
{
	[ "$(beginning "/dev/r${1}d")" = "$(beginning /dev/zero)" ]
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

# prepare_var -- a /var to write to, unless the fstab mounts one later
prepare_var()
{
	in_fstab /var || is_writable /var || var_in_memory
}

# var_in_memory -- a /var that lasts until the next boot
var_in_memory()
{
	over_var mount_tmpfs -m 755 -s 64m tmpfs /var
}

# over_var COMMAND... -- mounts /var by that command.  A file system over /var
# hides what the root has there, and rc wants to find its folders: so what the
# new one lacks goes into it, by way of another on /mnt.
over_var()
{
	mount_tmpfs -m 755 -s 64m tmpfs /mnt || return 1
	(cd /var && pax -rw -pe . /mnt) && "$@" &&
	    (cd /mnt && pax -rw -k -pe . /var)
	_status=$?
	umount /mnt
	return $_status
}
