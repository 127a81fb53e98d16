# shellcheck shell=sh
#
# The file of a domU, checked, and what xl is told of it.  docs/site.md has the
# keys; doit site-check asks the same of their values.  Needs lib.sh, conf.sh
# and images.sh.

# shellcheck disable=SC2154 # load_conf sets conf_*

domus_folder=/config/local/domUs

# All keys of such a file, in the order of docs/site.md.
domu_keys="image memory mac vcpus bridge config_disk swap_disk
    disk1 disk2 disk3 disk4 disk5 disk6 disk7 disk8 disk9
    kernel boot_order autostart"

# Those of them that are disks, in the order in which the domU sees them.
disk_keys="config_disk swap_disk
    disk1 disk2 disk3 disk4 disk5 disk6 disk7 disk8 disk9"

# load_domu NAME -- its file as conf_KEY, with what holds where a key is not
# given.  Tells all that is wrong, and fails then.
load_domu()
{
	domu_place=$domus_folder/$1
	[ ! -h "$domu_place" ] || {
		say "$domu_place: is no plain file."
		return 1
	}
	# shellcheck disable=SC2086 # one word for each key
	load_conf "$domu_place" $domu_keys || return 1
	check_domu
}

# check_domu -- the values that load_conf set
check_domu()
{
	_bad=0
	for _key in image memory mac config_disk; do
		eval "_text=\$conf_$_key"
		[ -n "$_text" ] || must "$_key: missing"
	done
	for _key in image kernel; do
		value "$_key" is_file_name "a file name of letters, digits and . _ + -"
	done
	value memory is_count "a whole number from 1 to 999999999"
	value vcpus is_cpus "a whole number from 1 to 32"
	value boot_order is_number "a whole number from 0 to 999999999"
	value mac is_mac "the address of one card, 00:16:3e:00:00:01"
	value bridge is_interface "an interface, bridge0"
	value autostart is_yes_no "yes or no"
	for _key in $disk_keys; do
		value "$_key" is_disk "an absolute path, and ,r where the domU may only read"
		value "$_key" is_block "a block device in /dev, /dev/wd0e or /dev/zvol/dsk/POOL/VOLUME"
	done
	[ $_bad = 0 ] || return 1
	conf_mac=$(echo "$conf_mac" | tr A-F a-f)
	conf_vcpus=${conf_vcpus:-1} conf_boot_order=${conf_boot_order:-50}
	conf_autostart=${conf_autostart:-yes} conf_bridge=${conf_bridge:-$bridge}
}

# must WHAT -- tell of a value
must()
{
	say "$domu_place: $*."
	_bad=1
}

# value KEY TEST WANTED -- where it has a value, is that what the test wants?
value()
{
	eval "_text=\$conf_$1"
	[ -z "$_text" ] || "$2" "$_text" || must "$1: must be $3, is '$_text'"
}

# has_only SET TEXT -- has the text only characters of the set, a-z0-9?
has_only()
{
	case $2 in
	*[!$1]*)	return 1 ;;
	esac
}

# is_label TEXT -- a label of a host name
is_label()
{
	case $1 in
	'' | -* | *-)	return 1 ;;
	esac
	has_only 'a-z0-9-' "$1" && [ ${#1} -le 63 ]
}

# is_file_name TEXT
is_file_name()
{
	case $1 in
	[A-Za-z0-9]*)	has_only 'A-Za-z0-9._+-' "$1" ;;
	*)	return 1 ;;
	esac
}

# is_number TEXT -- from 0 to 999999999, in one way of writing it
is_number()
{
	case $1 in
	0)	return 0 ;;
	[1-9]*)	has_only 0-9 "$1" && [ ${#1} -le 9 ] ;;
	*)	return 1 ;;
	esac
}

# is_count TEXT -- from 1
is_count()
{
	[ "$1" != 0 ] && is_number "$1"
}

# is_cpus TEXT -- as many as a kernel of NetBSD for PV domUs has room for; xl
# itself stops at no number
is_cpus()
{
	is_count "$1" && [ "$1" -le 32 ]
}

# is_mac TEXT -- not that of a group, nor of none
# shellcheck disable=SC2254 # it is a pattern
is_mac()
{
	_two='[0-9A-Fa-f][0-9A-Fa-f]'
	case $1 in
	?[13579bdfBDF]:* | 00:00:00:00:00:00)	return 1 ;;
	$_two:$_two:$_two:$_two:$_two:$_two)	return 0 ;;
	*)	return 1 ;;
	esac
}

# is_interface TEXT -- IFNAMSIZ is 16
is_interface()
{
	case $1 in
	[a-z]*[0-9])	has_only a-z0-9 "$1" && [ ${#1} -le 15 ] ;;
	*)	return 1 ;;
	esac
}

# is_yes_no TEXT
is_yes_no()
{
	[ "$1" = yes ] || [ "$1" = no ]
}

# is_path TEXT -- absolute, and without . and ..
is_path()
{
	case $1/ in
	*//* | */./* | */../*)	return 1 ;;
	/?*/)	has_only 'A-Za-z0-9._+/-' "$1" ;;
	*)	return 1 ;;
	esac
}

# is_disk TEXT
is_disk()
{
	case $1 in
	*,r | *,w)	is_path "${1%,?}" ;;
	*)	is_path "$1" ;;
	esac
}

# is_block TEXT -- a device that a domU can have for a disk, and no raw one
is_block()
{
	case ${1%,[rw]} in
	/dev/zvol/dsk/*/*)	return 0 ;;
	/dev/zvol/*)	return 1 ;;
	/dev/*)	! is_raw "${1%,[rw]}" ;;
	# What is no path was told of already.
	*)	! is_disk "$1" ;;
	esac
}

# is_raw PATH -- the raw device of a disk that is known to have one
is_raw()
{
	for _kind in wd sd ld dk xbd raid cgd ccd vnd cd md ed; do
		case $1 in
		/dev/r"$_kind"[0-9]*)
			_unit=${1#/dev/r"$_kind"}
			! has_only 0-9 "${_unit%[a-p]}" || return 0 ;;
		esac
	done
	return 1
}

# xl_disk PATH[,MODE] MODE -- adds one to xl_disks, by the next name
xl_disk()
{
	case $1 in
	*,r | *,w)	_mode=${1##*,} ;;
	*)	_mode=$2 ;;
	esac
	xl_disks="${xl_disks:+$xl_disks, }\"phy:${1%,?},xvd${_letters%"${_letters#?}"},$_mode\""
	_letters=${_letters#?}
}

# xl_config NAME KERNEL DEVICE -- what xl is to make of the file that was
# loaded; the device is that of the root image.  NetBSD numbers disks in the
# order in which they stand here: the image is xbd0, config_disk xbd1.
xl_config()
{
	xl_disks='' _letters=abcdefghijkl
	xl_disk "$3" r
	for _key in $disk_keys; do
		eval "_text=\$conf_$_key"
		[ -z "$_text" ] || xl_disk "$_text" w
	done
	cat <<-EOF
	name = "$1"
	type = "pv"
	kernel = "$2"
	memory = $conf_memory
	vcpus = $conf_vcpus
	vif = ["mac=$conf_mac,bridge=$conf_bridge"]
	disk = [$xl_disks]
	on_poweroff = "destroy"
	on_reboot = "restart"
	on_crash = "restart"
	EOF
}
