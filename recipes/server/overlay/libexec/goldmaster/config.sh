# shellcheck shell=sh
#
# Finding the server's configuration: the first partition of a fixed order
# that has the file $marker in its root.  Needs lib.sh.

marker=GOLDMASTER

# Bit of the kernel's boot flag -4, RB_MD4 of <sys/reboot.h>, which means
# nothing to amd64.  Words of the command line cannot be read from here.
flag_4=0x80000000

# booted_without_config -- was the kernel given the flag -4?
booted_without_config()
{
	_flags=$(sysctl -n kern.boothowto) || return 1
	[ $((${_flags:-0} & flag_4)) -ne 0 ]
}

# attach_config -- /config and the server's /etc; gives up where that fails
attach_config()
{
	if [ ! -f "/config/$marker" ]; then
		find_config
		[ -n "$found" ] || no_config
		mount_config
		finish_update
		lay_over_etc
	elif ! is_writable /etc; then
		lay_over_etc
	fi
}

# disks_in_order -- GPT wedges, then disks with a disklabel, each in the order
# in which the kernel found them
disks_in_order()
{
	_disks=$(sysctl -n hw.disknames)
	for _disk in $_disks; do
		case $_disk in
		dk[0-9]*)	echo "$_disk" ;;
		esac
	done
	for _disk in $_disks; do
		case $_disk in
		wd[0-9]* | sd[0-9]* | ld[0-9]* | xbd[0-9]*)
			echo "$_disk" ;;
		esac
	done
}

# partitions_of DISK -- a wedge is a partition itself
partitions_of()
{
	case $1 in
	dk*)	echo "$1" ;;
	*)	for _letter in a b c d e f g h i j k l m n o p; do
			echo "$1$_letter"
		done ;;
	esac
}

# make_nodes DISK -- where /dev has none for its last partition
make_nodes()
{
	for _last in $(partitions_of "$1"); do :; done
	[ -e "/dev/$_last" ] ||
	    (cd /dev && sh ./MAKEDEV "$1") >/dev/null 2>&1 ||
	    say "$1: no device nodes, and MAKEDEV could not make them."
}

# all_wedges -- lines "WEDGE DISK LABEL".  getwedgeinfo's first line is
# "dk0 at wd0: LABEL".
all_wedges()
{
	for _dk in $(sysctl -n hw.disknames); do
		case $_dk in
		dk[0-9]*)	make_nodes "$_dk"
			dkctl "$_dk" getwedgeinfo | {
				read -r _wedge _ _parent _label
				echo "$_wedge ${_parent%:} $_label"
			} ;;
		esac
	done
}

# find_config -- sets
#	looked		disks that were looked at
#	unmarked	partitions that could be mounted and have no marker
#	found		the first partition with one; it stays on /config,
#			read-only
#	others		further ones
#	domus		partitions with the configurations of domUs, on a host
find_config()
{
	looked='' unmarked='' found='' others='' domus=''
	for _name in $(disks_in_order); do
		looked="$looked $_name"
		make_nodes "$_name"
		for _partition in $(partitions_of "$_name"); do
			look_at "$_partition"
		done
	done
	[ -z "$found" ] || say "the configuration is on $found."
	[ -z "$others" ] || say "the marker is on$others too; that is ignored."
}

# look_at PARTITION -- without a word where it holds no file system
look_at()
{
	_point=/config
	[ -z "$found" ] || _point=/mnt
	mount -t ffs -o ro "/dev/$1" $_point 2>/dev/null || return 0
	if [ ! -f "$_point/$marker" ]; then
		unmarked="$unmarked $1"
	elif is_domus $_point; then
		domus="$domus $1"
	elif [ -z "$found" ]; then
		found=$1
		return
	elif ! is_known "$1"; then
		others="$others $1"
	fi
	umount $_point
}

# is_domus FOLDER -- is the configuration there one of a domU, on a host that
# starts domUs?  Their partitions have the marker too, on the host's disks.
is_domus()
{
	[ -e /etc/rc.d/domus ] && [ -f "$1/local/server.conf" ]
}

# is_known PARTITION -- was it found already, by another name?
is_known()
{
	for _other in $found $others; do
		! is_same "$_other" "$1" || return 0
	done
	return 1
}

# is_same PARTITION PARTITION -- one place of one disk by two names?  A disk
# without a label has them: wd0a and wd0d are all of it, and both can be
# mounted, even at once.  Two file systems of newfs differ at their beginning,
# by their random ids.
is_same()
{
	[ "${1%[a-p]}" = "${2%[a-p]}" ] &&
	    [ "$(beginning "/dev/r$1")" = "$(beginning "/dev/r$2")" ]
}

# no_config -- says what was looked at, and gives up
no_config()
{
	say "looked for a file system with /$marker on:${looked:- no disk at all}"
	[ -z "$unmarked" ] || say "file systems without it:$unmarked"
	[ -z "$domus" ] || say "those of domUs, not of this host:$domus"
	give_up "no configuration was found."
}

# mount_config -- the partition found, checked, on /config
mount_config()
{
	umount /config
	fsck_ffs -p "/dev/r$found" ||
	    give_up "the file system on $found is damaged: fsck_ffs /dev/r$found"
	mount -t ffs "/dev/$found" /config ||
	    give_up "$found cannot be mounted on /config."
}

# finish_update -- one that was cut off while files were moved, so that the
# server comes up with one configuration and not with halves of two
finish_update()
{
	[ -e /config/.update/ready ] || return 0
	say "an update of the configuration was cut off; going on with it."
	(. /libexec/goldmaster/update.sh && lay_in_place)
}

# lay_over_etc -- /config/local/etc over /etc, folder by folder.  After that
# /etc takes new files, which the root alone does not.
lay_over_etc()
{
	[ -d /config/local/etc ] ||
	    give_up "the configuration has no folder local/etc."
	prepare_users /config/local/etc
	mount -t union /config/local/etc /etc ||
	    give_up "/config/local/etc cannot be laid over /etc."
}
