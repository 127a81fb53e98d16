# shellcheck shell=sh
# Shared code of the stand-ins for NetBSD's programs. /sim contains the machine's state:
#
#	log		a line for each call
#	sysctl/NAME	values
#	partitions/P	name of the file system on /dev/P
#	nodes/DISK	nodes that MAKEDEV makes for it
#	fs/F		content of file system F
#	shadows/NAME	folders that a union over NAME created in its upper layer
#	copies		files below a union, which cannot be written
#	state/F		clean, dirty, hopeless (fsck cannot repair it) or gone (no mount)
#	mounted/P	where it is mounted
#	swap		active swap devices
#	xl/D/vbds	disks of domain D: "NUMBER STATE DEVICE"; 4: its device is open
#	kill		"STEPS FILE": after so many calls, the process whose pid is in
#			the file is killed
#
# /host is the real system's /usr.

program=${0##*/}

# log ARGUMENT... -- one line
log()
{
	echo "$program${*:+ $*}" >>/sim/log
	[ ! -s /sim/kill ] || count_down
}

# count_down -- count a step towards the kill
count_down()
{
	read -r _steps _victim </sim/kill
	echo "$((_steps - 1)) $_victim" >/sim/kill
	if [ "$_steps" -le 1 ] && read -r _number <"$_victim"; then
		: >/sim/kill
		kill -9 "$_number"
	fi
}

# fail MESSAGE -- like err(3)
fail()
{
	echo "$program: $*" >&2
	exit 1
}

# usage FORM -- like usage() of NetBSD's programs: options or operands that they do not take
usage()
{
	echo "usage: $program $*" >&2
	exit 1
}

# lacks WHAT -- the real program has it, this one does not
lacks()
{
	fail "$* is not simulated"
}

# fstab -- its entries: SPEC NODE VFSTYPE OPTIONS TYPE PASS, where the type is the first of the options
# rw, rq, ro, sw, dp and xx.  An entry without one is no entry, and one with xx is left out:
# lib/libc/gen/fstab.c 1.31 of 2012-03-13, fstabscan().
fstab()
{
	_count=0
	while read -r _spec _node _vfstype _options _ _pass _; do
		_count=$((_count + 1))
		case $_spec in
		'' | \#*)	continue ;;
		esac
		case ,$_options, in
		*,xx,*)	continue ;;
		*,sw,* | *,dp,*)	_type=sw ;;
		*,rw,* | *,rq,* | *,ro,*)	_type=rw ;;
		*)	echo "$program: /etc/fstab, $_count: Missing fields" >&2
			continue ;;
		esac
		echo "$_spec $_node $_vfstype $_options $_type ${_pass:-0}"
	done </etc/fstab
}

# state_of FILESYSTEM
state_of()
{
	/host/bin/cat "/sim/state/$1"
}

# is_open DEVICE -- is this block device open?  NetBSD opens each only once, even for reading:
# sys/miscfs/specfs/spec_vnops.c 1.205 of 2022-03-28, spec_open(), case VBLK; so 1.153 of 2015-07-01.
is_open()
{
	[ -e "/sim/mounted/${1#/dev/}" ] ||
	    /host/bin/grep -qsx "$1" /sim/swap ||
	    /host/bin/grep -qs " 4 $1\$" /sim/xl/*/vbds ||
	    /host/bin/grep -qs " ${1#/dev/}\$" /sim/storage/raid/[01]
}

# file_system DEVICE -- the one on it
file_system()
{
	_partition=${1#/dev/}
	case $_partition in
	raid[0-9]* | zvol/dsk/*)	;;
	zvol/rdsk/*)	_partition=zvol/dsk/${_partition#zvol/rdsk/} ;;
	*)	_partition=${_partition#r} ;;
	esac
	[ -e "$1" ] || fail "$1: No such file or directory"
	/host/bin/cat "/sim/partitions/$_partition" 2>/dev/null
}
