# shellcheck shell=sh
# Storage servers, the initiator's sessions and RAIDframe, for their stand-ins; needs common.sh.
# /sim/storage contains, in addition to the files described in storage.py:
#
#	portals/N	SERVER TARGET, as added by add_target
#	sessions/N	SERVER TARGET DISK NAME
#	ended/N		exists if that session has ended
#	disks/sdN	name of the volume that is attached there, or "gone"
#	raid/0, raid/1	components: NAME STATUS DISK
#	raid/counter, raid/serial, raid/parity	of the configured device
#
# A label's numbers are those of RF_ComponentLabel_s, in its order: version, serial number, counter, row,
# column, rows, columns, clean, status (sys/dev/raidframe/raidframevar.h 1.17 of 2014-12-09).
#
# The data in use is /sim/fs/raid; each volume has a copy from when it was last in sync.

storage=/sim/storage

# take FILE -- its first line
take()
{
	read -r _line <"$1"
	echo "$_line"
}

# names FOLDER -- names of its files
names()
{
	for _file in "$1"/*; do
		[ ! -e "$_file" ] || echo "${_file##*/}"
	done
}

# answers SERVER -- true after as many calls as the server is late
answers()
{
	[ -e "$storage/up/$1" ] || return 1
	[ -s "$storage/late/$1" ] || return 0
	_left=$(take "$storage/late/$1")
	[ "$_left" -gt 0 ] || return 0
	echo $((_left - 1)) >"$storage/late/$1"
	return 1
}

# volume_on DISK -- its folder; fails if it cannot be read
volume_on()
{
	[ -e "$storage/disks/$1" ] || return 1
	_volume=$(take "$storage/disks/$1")
	[ -e "$storage/up/${_volume%%,*}" ] && echo "$storage/volumes/$_volume"
}

# end_session NUMBER -- its disk can no longer be read
end_session()
{
	: >"$storage/ended/$1"
	read -r _ _ _disk _ <"$storage/sessions/$1"
	[ ! -e "$storage/disks/$_disk" ] || echo gone >"$storage/disks/$_disk"
}

# end_sessions VOLUME -- its server has stopped
end_sessions()
{
	for _number in $(names "$storage/sessions"); do
		read -r _server _target _ <"$storage/sessions/$_number"
		[ "$_server,$_target" != "$1" ] || [ -e "$storage/ended/$_number" ] ||
		    end_session "$_number"
	done
}

# is_component DISK -- does RAIDframe have it open?
is_component()
{
	[ -e "$storage/raid/0" ] || return 1
	for _column in 0 1; do
		component $_column
		[ "$c_disk" != "$1" ] || return 0
	done
	return 1
}

# show_disks -- update sysctl hw.disknames; other disks stay unchanged
show_disks()
{
	shown=''
	for name in $(take /sim/sysctl/hw.disknames) $(names "$storage/disks"); do
		case $name in
		sd*)	[ -e "$storage/disks/$name" ] || continue ;;
		esac
		case " $shown " in
		*" $name "*)	;;
		*)	shown="$shown $name" ;;
		esac
	done
	echo "${shown# }" >/sim/sysctl/hw.disknames
}

# next_number FOLDER PREFIX FIRST -- the next free number
next_number()
{
	_free=$3
	while [ -e "$1/$2$_free" ]; do
		_free=$((_free + 1))
	done
	echo "$_free"
}

# component COLUMN -- sets c_name, c_status, c_disk
component()
{
	read -r c_name c_status c_disk <"$storage/raid/$1"
}

# set_component COLUMN STATUS
set_component()
{
	component "$1"
	echo "$c_name $2 $c_disk" >"$storage/raid/$1"
}

# write_labels CLEAN -- on optimal components, with the next counter; also the data
write_labels()
{
	_counter=$(($(take "$storage/raid/counter") + 1))
	echo "$_counter" >"$storage/raid/counter"
	for _column in 0 1; do
		component $_column
		[ "$c_status" = optimal ] || continue
		_folder=$(volume_on "$c_disk") || continue
		echo "2 $(take "$storage/raid/serial") $_counter 0 $_column 1 2 $1 0" \
		    >"$_folder/label"
	done
	write_data
}

# write_data -- copy the data to optimal components.  A second half that is still being
# rebuilt does not have all of it.
write_data()
{
	for _column in 0 1; do
		component $_column
		[ "$c_status" = optimal ] || continue
		_folder=$(volume_on "$c_disk") || continue
		[ "$(take "$storage/raid/parity")" = clean ] || [ $_column = 0 ] || continue
		/host/bin/rm -rf "$_folder/data"
		/host/bin/cp -a /sim/fs/raid "$_folder/data"
		/host/bin/cp /sim/state/raid "$_folder/state"
	done
}
