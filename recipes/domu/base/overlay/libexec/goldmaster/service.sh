# shellcheck shell=sh
#
# Starting and stopping the watcher of mirror.sh, which this needs, and what a
# person can tell it.

# shellcheck disable=SC2034,SC2154 # one of these files sets what others read

# start_mirror -- and wait a while, so that services find their data in time.
# The console is not held longer than that.
start_mirror()
{
	[ -f /config/local/storage.conf ] || return 0
	load_storage || return 1
	mkdir -p "$run/waits"
	! is_watched || return 0
	start_iscsid
	start_watcher
	wait_for_data || say "going on without $conf_mount; what needs it starts" \
	    "when it is there. Ask goldmaster-mirror status."
}

# start_iscsid -- the initiator, where rc.conf did not
start_iscsid()
{
	[ -f /var/run/iscsid.pid ] || /etc/rc.d/iscsid onestart
}

# start_watcher -- it outlives rc
start_watcher()
{
	rm -f "$run/status"
	export mirror_patience mirror_interval
	/libexec/goldmaster/mirror-watch </dev/null >/dev/null 2>&1 &
	echo $! >"$run/pid"
}

# is_watched -- does the watcher run?
is_watched()
{
	[ -f "$run/pid" ] && read -r _pid <"$run/pid" && kill -0 "$_pid" 2>/dev/null
}

# wait_for_data -- until it is mounted, or a person is needed, or time is up
wait_for_data()
{
	_end=$(($(date +%s) + mirror_wait))
	while [ ! -e "$run/mounted" ]; do
		case $(state_word) in
		refused | split | damaged | failed | empty)	return 1 ;;
		esac
		[ "$(date +%s)" -lt "$_end" ] || return 1
		sleep "$mirror_poll"
	done
}

# state_word -- from the status
state_word()
{
	[ ! -f "$run/status" ] || while IFS='=' read -r _key _value; do
		[ "$_key" != state ] || echo "$_value"
	done <"$run/status"
}

# finish_start -- at the end of rc: what waits for the data is started now, or
# by the watcher when the data comes
finish_start()
{
	[ -f /config/local/storage.conf ] || return 0
	mkdir -p "$run" && : >"$run/booted"
	[ ! -e "$run/mounted" ] || start_waiting
}

# stop_watcher
stop_watcher()
{
	! is_watched || kill -TERM "$_pid"
	rm -f "$run/pid"
}

# stop_mirror -- leaves the labels clean, and notes how they are left
stop_mirror()
{
	[ -f /config/local/storage.conf ] && load_storage || return 0
	stop_watcher
	state=stopping last_told='' disk1='' disk2=''
	if is_configured; then
		look_at_halves
		! is_mounted "$conf_mount" || umount "$conf_mount" || umount -f "$conf_mount"
		rm -f "$run/mounted"
		raidctl -u "$conf_raid" || shout "$conf_raid is in use and cannot be stopped."
		note_final
	fi
	disconnect 1
	disconnect 2
	write_status "stopped"
}

# note_final -- the counter that stopping has left on the labels
note_final()
{
	load_note || return 0
	case $note_half1 in
	good)	_left=1 ;;
	*)	_left=2 ;;
	esac
	read_label "$(disk_of $_left)" &&
	    write_note "$label_counter" "$note_half1" "$note_half2" "$note_lost"
}

# show_status -- for people and for monitoring: status 0 whole, 1 the data is
# there but not whole, 2 the data is not there
show_status()
{
	if [ ! -f "$run/status" ]; then
		say "$conf_raid is not started: /etc/rc.d/mirror start"
		return 2
	fi
	cat "$run/status"
	is_watched || say "NOBODY WATCHES IT: /etc/rc.d/mirror start"
	if [ ! -e "$run/mounted" ]; then
		return 2
	fi
	[ "$(state_word)" = whole ] && is_watched
}

# mount_repaired -- a person has put the file system right
mount_repaired()
{
	state='' last_told=''
	! is_mounted "$conf_mount" || {
		say "$conf_mount is mounted already."
		return 0
	}
	mount_data && say "$conf_mount is mounted."
}

# accept_half NUMBER -- a person has decided that this one is the right one
accept_half()
{
	! is_configured || {
		say "$conf_raid is in use. To stop it: /etc/rc.d/mirror stop"
		return 1
	}
	echo "$1" >"$run/accept" && say "half $1 will be used, and the other made like it."
}

# rebuild NUMBER -- a person has decided that what is on that volume can go:
# it is empty, or was used elsewhere.  The watcher is stopped meanwhile.
rebuild()
{
	state='' last_told=''
	if [ "$(half_status "$1")" != failed ]; then
		say "half $1 is not lost."
		return 1
	fi
	if [ -s "$run/volume$1" ] && read -r _its <"$run/volume$1" &&
	    [ "$_its" = "$(disk_of $((3 - $1)))" ]; then
		say "volume$1 is the half in use: exchange the two in storage.conf."
		return 1
	fi
	stop_watcher
	rebuild_onto "$1"
	_status=$?
	/etc/rc.d/mirror start
	return $_status
}

# rebuild_onto NUMBER -- whatever its volume holds, but for another mirror
rebuild_onto()
{
	disconnect "$1"
	rm -f "$run/volume$1"
	_disk=''
	connect "$1" && read -r _disk <"$run/volume$1"
	if [ -z "$_disk" ]; then
		say "$(volume "$1") does not answer, or its disk is not known."
		return 1
	fi
	if read_label "$_disk" && [ "$label_serial" != "$serial" ]; then
		say "$_disk belongs to another mirror, with the serial number $label_serial."
		return 1
	fi
	note_apart
	rebuild_half "$1" "$_disk"
}

# note_apart -- the lost half may have been used elsewhere: that is settled now
note_apart()
{
	load_note && write_note "$note_counter" "$note_half1" "$note_half2" ''
}

# create_mirror -- out of two empty volumes; the watcher is stopped meanwhile
create_mirror()
{
	! is_configured || {
		say "$conf_raid is there already."
		return 1
	}
	stop_watcher
	mkdir -p "$run"
	start_iscsid
	for _half in 1 2; do
		new_half $_half || return 1
	done
	state='' last_told=''
	write_raid_conf
	raidctl -C "$run/raid.conf" "$conf_raid" &&
	    raidctl -I "$serial" "$conf_raid" && raidctl -i "$conf_raid" &&
	    make_file_system "/dev/r$conf_raid$raw" || return
	look_at_halves
	say "made. /etc/rc.d/mirror start mounts it; half 2 is made like half 1 meanwhile."
}

# make_file_system DEVICE -- it is all of a disk, which has no label to say what
# is on it; newfs wants one that does, but for -I
make_file_system()
{
	case $conf_file_system in
	ffs)	newfs -I "$1" ;;
	*)	"newfs_$conf_file_system" "$1" ;;
	esac
}

# new_half NUMBER -- its disk, which must be empty.  Which disk it is, the login
# has shown; where that is not known, a new one shows it.
new_half()
{
	[ -s "$run/volume$1" ] || disconnect "$1"
	_disk=''
	connect "$1" && [ -s "$run/volume$1" ] && read -r _disk <"$run/volume$1"
	if [ -z "$_disk" ]; then
		say "$(volume "$1") does not answer, or its disk is not known."
		return 1
	fi
	make_nodes "$_disk"
	if ! is_blank "$_disk"; then
		say "$(volume "$1") is not empty. Where what it holds can go:"
		say "dd if=/dev/zero of=/dev/r$_disk$raw bs=64k count=2"
		return 1
	fi
	link_half "$1" "$_disk"
}
