# shellcheck shell=sh
# What the stand-ins for NetBSD's programs share. /sim holds the machine's state:
#
#	log		a line for each call
#	sysctl/NAME	values
#	partitions/P	name of the file system on /dev/P
#	nodes/DISK	nodes that MAKEDEV makes for it
#	fs/F		what is in file system F
#	state/F		clean, dirty, hopeless (fsck cannot repair it) or gone (no mount)
#	mounted/P	where it is mounted
#	kill		"STEPS FILE": after so many calls the process is killed that
#			the file has the number of
#
# /host is the real system's /usr.

program=${0##*/}

# log ARGUMENT... -- one line
log()
{
	echo "$program${*:+ $*}" >>/sim/log
	[ ! -s /sim/kill ] || count_down
}

# count_down -- one step nearer to the kill
count_down()
{
	read -r _steps _victim </sim/kill
	echo "$((_steps - 1)) $_victim" >/sim/kill
	if [ "$_steps" -le 1 ] && read -r _number <"$_victim"; then
		: >/sim/kill
		kill -9 "$_number"
	fi
}

# fail MESSAGE -- as err(3) does
fail()
{
	echo "$program: $*" >&2
	exit 1
}

# state_of FILESYSTEM
state_of()
{
	/host/bin/cat "/sim/state/$1"
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
