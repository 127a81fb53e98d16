# shellcheck shell=sh
#
# Making a new server out of a disk.  Partitions are found by their labels,
# so that a second run knows what a first one has done; the marker comes last,
# so that no server starts with half a configuration.
#
#	goldmaster-config	marker, checkouts, keys: /config
#	goldmaster-swap		swap
#	goldmaster-data		the rest: /var, images of domUs
#
# Variables of goldmaster-init: disk, url, host, config_size, swap_size,
# force, yes.  Needs lib.sh, config.sh, keys.sh.

# shellcheck disable=SC2154 # see above

label=goldmaster
point=/mnt
logins=/var/run/goldmaster/subversion
raw_start=16	# pieces of 64 KB at the disk's start that must be empty
begun=$point/.goldmaster-init	# a folder, while the disk is half made
mounted='' done_so_far=''

# refuse REASON -- leave before anything was done
refuse()
{
	say "$*"
	say "nothing was done."
	exit 1
}

# step WHAT COMMAND... -- do it, or tell how far this has come
step()
{
	_what=$1
	shift
	say "$_what ..."
	if ! "$@"; then
		say "$_what: this has failed; see the message above."
		say "done so far:${done_so_far:- nothing}."
		leave_config
		say "When the cause is removed, the same command goes on from here."
		exit 1
	fi
	done_so_far="$done_so_far${done_so_far:+,} $_what"
}

# see_disk -- is there one, not in use, and empty, or half made by us?
see_disk()
{
	case " $(sysctl -n hw.disknames) " in
	*" $disk "*)	;;
	*)	refuse "there is no disk $disk; there are: $(sysctl -n hw.disknames)" ;;
	esac
	case $disk in
	dk* | cd* | fd*)	refuse "$disk is no whole disk." ;;
	"$(sysctl -n kern.root_device)")
		refuse "$disk is what this system was started from." ;;
	esac
	make_nodes "$disk"
	_mounted=$(find_mounted)
	[ -z "$_mounted" ] || refuse "$disk is in use: $_mounted."
	_config=$(wedge_of config)
	if [ -n "$_config" ] && ! has_marker "$_config"; then
		say "$disk was begun to be made a server's; going on with it."
		force=''
	elif ! is_bare; then
		[ -n "$force" ] || refuse "$disk is not empty: it has a label or" \
		    "a file system. -f takes it nevertheless; all on it is lost."
	fi
	[ -z "$(elsewhere)" ] ||
	    refuse "there are partitions of a server on $(elsewhere) already."
}

# is_bare -- are there only zeros at the start, where labels, partition tables
# and file systems have theirs?
is_bare()
{
	[ "$(dd if="/dev/r${disk}d" bs=64k count=$raw_start 2>/dev/null |
	    tr -d '\0' | wc -c)" -eq 0 ]
}

# has_marker WEDGE -- is it a server's already?
has_marker()
{
	mount -t ffs -o ro "/dev/$1" $point 2>/dev/null || return 1
	[ -f "$point/$marker" ]
	_status=$?
	umount $point
	return $_status
}

# find_mounted -- mount points of the disk's partitions and wedges
find_mounted()
{
	_wedges=" $(wedges) "
	df -P | while read -r _device _ _ _ _ _node; do
		case $_device in
		"/dev/$disk"[a-p])	echo "$_device on $_node" ;;
		/dev/dk*)	case $_wedges in
				*" ${_device#/dev/} "*)
					echo "$_device on $_node" ;;
				esac ;;
		esac
	done
}

# wedges -- of the disk
wedges()
{
	all_wedges | while read -r _wedge _parent _; do
		[ "$_parent" != "$disk" ] || echo "$_wedge"
	done
}

# wedge_of PART -- the disk's wedge for it; nothing where there is none
wedge_of()
{
	all_wedges | while read -r _wedge _parent _label; do
		[ "$_parent $_label" != "$disk $label-$1" ] || echo "$_wedge"
	done
}

# elsewhere -- another disk with a partition for a configuration
elsewhere()
{
	all_wedges | while read -r _wedge _parent _label; do
		[ "$_label" != "$label-config" ] || [ "$_parent" = "$disk" ] ||
		    echo "$_parent"
	done
}

# see_repository -- before the disk is touched
see_repository()
{
	[ -n "$host" ] || refuse "which host shall it be? Name it after the URL."
	command -v svn >/dev/null || refuse "there is no svn: see the recipe's packages."
	for _place in "pservers/$host" global; do
		ask_svn info --show-item revision "$url/$_place" >/dev/null ||
		    refuse "$url/$_place cannot be read."
	done
}

# ask_svn WORD... -- its logins are in memory, until there is a place for them
ask_svn()
{
	mkdir -p "${logins%/*}" &&
	    svn --non-interactive --config-dir "$logins" "$@"
}

# ask_first -- tell what will be done
ask_first()
{
	say "$disk will be the disk of the server $host:"
	echo "	$label-config	$config_size	$url/pservers/$host, $url/global"
	echo "	$label-swap	$swap_size	swap"
	echo "	$label-data	the rest"
	[ -z "$force" ] || echo "	All that is on $disk will be lost."
	[ -z "$yes" ] || return 0
	echo "Go on? (yes or no)"
	_answer=''
	read -r _answer
	[ "$_answer" = yes ] || refuse "the answer was not yes."
}

# make_partitions -- those that are not there yet
make_partitions()
{
	if [ -z "$(wedge_of config)" ] || [ -n "$force" ]; then
		[ -z "$force" ] || wipe || return 1
		gpt create "$disk" || return 1
		add_partition config ffs -s "$config_size" || return 1
	fi
	[ -n "$(wedge_of swap)" ] ||
	    add_partition swap swap -s "$swap_size" || return 1
	[ -n "$(wedge_of data)" ] || add_partition data ffs
}

# wipe -- what others find a file system or a partition table by
wipe()
{
	for _wedge in $(wedges); do
		dkctl "$disk" delwedge "$_wedge" || return 1
	done
	gpt destroy "$disk" 2>/dev/null
	dd if=/dev/zero of="/dev/r${disk}d" bs=64k count=$raw_start 2>/dev/null
}

# add_partition PART TYPE [-s SIZE] -- and its wedge
add_partition()
{
	_part=$1 _type=$2
	shift 2
	gpt add -a 1m -l "$label-$_part" -t "$_type" "$@" "$disk" >/dev/null || return 1
	dkctl "$disk" makewedges >/dev/null || return 1
	_wedge=$(wedge_of "$_part")
	[ -n "$_wedge" ] && make_nodes "$_wedge"
}

# make_config -- a file system, mounted on $point.  One that was there before
# is kept only if it is this command's.
make_config()
{
	_wedge=$(wedge_of config)
	if mount -t ffs "/dev/$_wedge" $point 2>/dev/null; then
		mounted=yes
		[ ! -d $begun ] || return 0
		leave_config || return 1
	fi
	if newfs -O 1 "/dev/r$_wedge" >/dev/null &&
	    mount -t ffs "/dev/$_wedge" $point; then
		mounted=yes
		mkdir $begun
	else
		return 1
	fi
}

# make_data -- a file system, unless this command has made it
make_data()
{
	[ ! -e $begun/data ] || return 0
	newfs -O 2 "/dev/r$(wedge_of data)" >/dev/null && : >$begun/data
}

# check_out NAME PLACE -- goes on with a checkout that was cut off
check_out()
{
	[ ! -d "$point/$1/.svn" ] || ask_svn cleanup "$point/$1" || return 1
	ask_svn checkout -q "$url/$2" "$point/$1"
}

# keep_keys -- host keys, and what svn knows of passwords and certificates
keep_keys()
{
	make_keys "$point/keys/ssh" || return 1
	[ ! -d $logins ] || {
		rm -rf "$point/keys/subversion"
		cp -Rp $logins "$point/keys/subversion" &&
		    chmod 700 "$point/keys/subversion"
	}
}

# make_marker -- by which /etc/rc finds all this
make_marker()
{
	sync
	: >"$point/$marker" && rm -rf $begun && sync
}

# leave_config -- unmount it, if it is mounted
leave_config()
{
	[ -n "$mounted" ] || return 0
	mounted=''
	umount $point
}
