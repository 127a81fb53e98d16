# shellcheck shell=sh
#
# The two halves of a mirror: iSCSI volumes, the disks they become, and what
# RAIDframe wrote on them.
#
# Disks get their numbers in the order in which they attach, which another
# dom0 or a lost server changes.  So a half is known by RAIDframe's component
# label alone: serial number (which mirror), column (which half), counter
# (which is newer).  RAIDframe is told fixed names, $run/half1 and half2,
# links that are set anew whenever a half attaches.  Needs lib.sh, conf.sh and
# config.sh.

# shellcheck disable=SC2034,SC2154 # one of these files sets what others read

run=/var/run/goldmaster/mirror

# The partition that is all of a disk, on amd64.
raw=d

# load_storage -- sets conf_* from the server's storage.conf, and serial
load_storage()
{
	load_conf /config/local/storage.conf volume1 volume2 raid mount \
	    file_system serial || return 1
	: "${conf_raid:=raid0}" "${conf_file_system:=ffs}"
	if [ -z "$conf_volume1" ] || [ -z "$conf_volume2" ] || [ -z "$conf_mount" ]; then
		say "/config/local/storage.conf lacks volume1, volume2 or mount."
		return 1
	fi
	is_storage || {
		say "/config/local/storage.conf has a value that cannot be; doit site-check tells which."
		return 1
	}
	serial=${conf_serial:-$(serial_of "$conf_volume1 $conf_volume2")}
}

# is_storage -- are the values those that site-check passes?  The numbers that
# RAIDframe gets must be plain, and what is mounted, too.
is_storage()
{
	case $conf_raid in
	raid[0-9] | raid[1-9][0-9])	;;
	*)	return 1 ;;
	esac
	case $conf_file_system in
	ffs | lfs | ext2fs)	;;
	*)	return 1 ;;
	esac
	case $conf_serial in
	0* | *[!0-9]*)	return 1 ;;
	esac
	case $conf_mount/ in
	*//* | */./* | */../* | *[!A-Za-z0-9._+/-]*)	return 1 ;;
	/?*/)	;;
	*)	return 1 ;;
	esac
	[ ${#conf_serial} -le 9 ]
}

# serial_of TEXT -- a number from 1 to 999999999, the same for the same text;
# by its digits, since not every shell calculates with more than 31 bits
serial_of()
{
	_sum=$(echo "$1" | cksum)
	_sum=${_sum%% *}
	while [ ${#_sum} -gt 9 ]; do
		_sum=${_sum#?}
	done
	_sum=${_sum#"${_sum%%[!0]*}"}
	echo "${_sum:-1}"
}

# volume NUMBER -- as storage.conf has it
volume()
{
	eval "echo \"\$conf_volume$1\""
}

# connect NUMBER -- log in to a volume, where there is no session yet; keeps
# the disk that this made in $run/volumeNUMBER
connect()
{
	# shellcheck disable=SC2046 # words of a line
	set -- "$1" $(volume "$1")
	[ -z "$(session_of "$1")" ] || return 0
	[ -s "$run/portal$1" ] || add_target "$@" || return 1
	read -r _portal <"$run/portal$1"
	find_disks
	count_login
	if iscsictl login -P "$_portal" -N "volume$1.$logins" >/dev/null 2>&1; then
		new_disk "$disks" >"$run/volume$1"
		return 0
	fi
	# It may be that iscsid was started anew and knows nothing of it.
	rm -f "$run/portal$1"
	return 1
}

# count_login -- sets logins: how many there have been since the boot
count_login()
{
	logins=0
	[ ! -s "$run/logins" ] || read -r logins <"$run/logins"
	logins=$((logins + 1))
	echo $logins >"$run/logins"
}

# new_disk BEFORE -- the one that was not among those; it may take seconds to
# attach, and is nothing where there is not just one
new_disk()
{
	for _try in 1 2 3 4 5; do
		_new=''
		find_disks
		for _item in $disks; do
			case $1 in
			*" $_item "*)	;;
			*)	_new="$_new $_item" ;;
			esac
		done
		# shellcheck disable=SC2086 # words
		set -- "$1" $_new
		case $# in
		1)	[ "$_try" -eq 5 ] || sleep 1 ;;
		2)	echo "$2"
			return ;;
		*)	return ;;
		esac
	done
}

# add_target NUMBER SERVER TARGET [DIGEST AUTH USER] -- make the target known,
# and keep the number of its portal: "Added Target 1, Portal 2 "
add_target()
{
	_number=$1 _server=$2 _name=$3 _digest=${4:-} _auth=${5:-} _user=${6:-}
	_port=3260
	case $_server in
	*:*)	_port=${_server##*:} _server=${_server%:*} ;;
	esac
	set -- -n "$_name" -a "$_server" -p "$_port"
	case $_digest in
	*d*)	set -- "$@" -d ;;
	esac
	case $_digest in
	*h*)	set -- "$@" -h ;;
	esac
	[ -z "$_user" ] ||
	    set -- "$@" -t "$_auth" -u "$_user" -s "$(secret_of "$_user")"
	_said=$(iscsictl add_target "$@" 2>/dev/null) || return 1
	_said=${_said% }
	echo "${_said##* }" >"$run/portal$_number"
}

# secret_of USER -- from /etc/iscsi/auths, lines USER:chap:SECRET
secret_of()
{
	while IFS=: read -r _name _ _secret; do
		if [ "$_name" = "$1" ]; then
			echo "$_secret"
			return
		fi
	done </etc/iscsi/auths
}

# session_of NUMBER -- the session of a volume: "Session 1[volume1.7]: Target NAME".
# Targets of two servers can have one name, so sessions get one of their own.
# iscsid goes on to list sessions that are no more, and lets none have their
# name: those in $run/ended are none, and each login has a new name.
session_of()
{
	iscsictl list_sessions 2>/dev/null | while read -r _session _name _; do
		case $_session,$_name in
		"Session,"*"[volume$1."*"]:")
			_name=${_name%%\[*}
			[ -e "$run/ended/$_name" ] || echo "$_name" ;;
		esac
	done
}

# disconnect NUMBER -- end the session of a volume, if only for iscsid: the
# kernel may have given it up already.  Its disk goes a while after that; until
# then it would be taken for that of the next session.  One that RAIDframe has
# open stays, and cannot be read.
disconnect()
{
	_ended=$(session_of "$1") _gone=none
	[ -n "$_ended" ] || return 0
	[ ! -s "$run/volume$1" ] || read -r _gone <"$run/volume$1"
	rm -f "$run/volume$1"
	iscsictl logout -I "$_ended" >/dev/null 2>&1
	mkdir -p "$run/ended" && : >"$run/ended/$_ended"
	for _try in 1 2 3 4 5 6 7 8 9 10; do
		find_disks
		case $disks in
		*" $_gone "*)	sleep 1 ;;
		*)	return 0 ;;
		esac
	done
}

# find_disks -- sets disks: " sd0 sd1 ", in the kernel's order
find_disks()
{
	disks=' '
	for _item in $(sysctl -n hw.disknames); do
		case $_item in
		sd[0-9]*)	disks="$disks$_item " ;;
		esac
	done
}

# read_label DISK -- sets label_serial, label_counter and label_column from
# RAIDframe's component label, 16 KB from the beginning; fails without one
read_label()
{
	make_nodes "$1"
	# shellcheck disable=SC2046 # numbers
	set -- $(dd if="/dev/r$1$raw" bs=16k skip=1 count=1 2>/dev/null |
	    od -An -v -t d4 -N 36)
	# version serial counter row column rows columns clean status
	[ $# -eq 9 ] && [ "$1" -ge 1 ] && [ "$1" -le 9 ] &&
	    [ "$4 $6 $7" = "0 1 2" ] || return 1
	label_serial=$2 label_counter=$3 label_column=$5
}

# find_halves -- sets disk1, disk2 and counter1, counter2: the disks that
# carry this mirror's labels, and how new they are.  A disk that cannot be
# read is none.
find_halves()
{
	disk1='' disk2='' counter1='' counter2=''
	find_disks
	for _found in $disks; do
		read_label "$_found" || continue
		case $label_serial,$label_column in
		"$serial",0)	disk1=$_found counter1=$label_counter ;;
		"$serial",1)	disk2=$_found counter2=$label_counter ;;
		esac
	done
}

# link_half NUMBER DISK -- give the disk the name that RAIDframe knows
link_half()
{
	make_nodes "$2"
	ln -sfn "/dev/$2$raw" "$run/half$1"
}

# link_absent NUMBER -- to a node without a disk behind it: RAIDframe takes
# that for a component that failed, while no node at all is an error
link_absent()
{
	find_disks
	_unit=15
	while [ "$_unit" -gt 0 ]; do
		case $disks in
		*" sd$_unit "*)	_unit=$((_unit - 1)) ;;
		*)	break ;;
		esac
	done
	link_half "$1" "sd$_unit"
}

# write_raid_conf -- for raidctl(8): a mirror of the two names
write_raid_conf()
{
	cat >"$run/raid.conf" <<END
START array
1 2 0
START disks
$run/half1
$run/half2
START layout
128 1 1 1
START queue
fifo 100
END
}

# half_status NUMBER -- as RAIDframe has it, in a line "$run/half1: optimal"
half_status()
{
	raidctl -s "$conf_raid" 2>/dev/null | while read -r _name _status _; do
		if [ "$_name" = "$run/half$1:" ]; then
			echo "$_status"
			break
		fi
	done
}

# is_configured -- does the mirror's device exist?
is_configured()
{
	raidctl -s "$conf_raid" >/dev/null 2>&1
}
