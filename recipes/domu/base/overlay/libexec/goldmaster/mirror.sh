# shellcheck shell=sh
#
# Critical data: a mirror of two iSCSI volumes, brought up and looked after by
# one process in the background, the watcher.  rc.d/mirror starts it and waits
# for it a while; goldmaster-mirror shows what it does and tells it what a
# person has decided.  Docs: docs/storage.md.
#
# In $run:	status	state, halves and the last message, for monitoring
#		pid	of the watcher
#		mounted	is there while the data is, and says where
#		booted	is there when rc has started all it would
#		waits/	names of the rc.d scripts that wait for the data
#		accept	number of the half that a person has chosen
#
# Needs lib.sh, conf.sh, config.sh, halves.sh and note.sh.

# shellcheck disable=SC2034,SC2154 # one of these files sets what others read

# Settings, from rc.conf; seconds.
: "${mirror_wait:=60}"		# how long the start waits for the data
: "${mirror_patience:=30}"	# how long for the second half, with one there
: "${mirror_interval:=10}"	# between two looks
: "${mirror_poll:=1}"		# between two looks of the start that waits

# shout MESSAGE -- on the console and to syslog.  The console is opened each
# time, for init takes it away from what rc has started when rc ends.
shout()
{
	say "$*" >>/dev/console
	logger -p daemon.alert -t goldmaster "$*" 2>/dev/null || :
}

# set_state STATE MESSAGE -- told when it changes
set_state()
{
	[ "$*" != "$last_told" ] || return 0
	state=$1 last_told=$*
	shift
	shout "mirror $conf_raid: $*"
	write_status "$*"
}

# write_status MESSAGE
write_status()
{
	cat >"$run/status.new" <<END && mv "$run/status.new" "$run/status"
state=$state
half1=$(half_word 1)
half2=$(half_word 2)
serial=$serial
message='$1'
END
}

# half_word NUMBER -- what is known of it, in one word
half_word()
{
	_word=$(half_status "$1")
	if [ -n "$_word" ]; then
		echo "$_word"
	elif eval "[ -n \"\${disk$1:-}\" ]"; then
		echo found
	else
		echo lost
	fi
}

# watch_mirror -- what the watcher does, until it is stopped
watch_mirror()
{
	state=starting last_told='' disk1='' disk2='' since=''
	write_status "looking for the volumes"
	until bring_up; do
		sleep "$mirror_interval"
	done
	while :; do
		look_after
		sleep "$mirror_interval"
	done
}

# bring_up -- the mirror and its data, as far as it can be had now; fails
# while there is something to wait for
bring_up()
{
	is_configured || assemble || return 1
	is_mounted "$conf_mount" || mount_data
	return 0
}

# assemble -- configure the device with the halves that are there
assemble()
{
	connect 1
	connect 2
	find_halves
	if [ -n "$disk1" ] && [ -n "$disk2" ]; then
		with_both
	elif [ -n "$disk1" ]; then
		with_one 1 "$counter1"
	elif [ -n "$disk2" ]; then
		with_one 2 "$counter2"
	else
		since=''
		with_none
	fi
}

# with_none -- fails, and tells a new mirror from lost servers
with_none()
{
	if [ -s "$run/volume1" ] && [ -s "$run/volume2" ]; then
		set_state empty "BOTH VOLUMES ARE THERE, but hold no mirror with the" \
		    "serial number $serial. To make one, say goldmaster-mirror create."
	else
		set_state waiting "NO STORAGE SERVER ANSWERS, or none has its half." \
		    "Waiting for $conf_volume1 and $conf_volume2."
	fi
	return 1
}

# with_both -- RAIDframe takes the newer one and fails the other, if they differ
with_both()
{
	if is_chosen 1 || is_chosen 2; then
		read -r _chosen <"$run/accept"
		eval "alone $_chosen \$counter$_chosen"
	elif was_used_apart 1 "$counter1" "$counter2" ||
	    was_used_apart 2 "$counter2" "$counter1"; then
		set_state split "BOTH HALVES HAVE BEEN USED APART. Look which one" \
		    "is right, and say goldmaster-mirror accept 1, or 2."
		return 1
	else
		link_half 1 "$disk1"
		link_half 2 "$disk2"
		configure || return 1
		# The one that RAIDframe did not take is as old as its label says.
		[ "$half1" != failed ] || note_lost_half 1 "$counter1"
		[ "$half2" != failed ] || note_lost_half 2 "$counter2"
	fi
}

# with_one NUMBER COUNTER -- the other may be late; if it does not come, this
# half must be known to be the newest
with_one()
{
	: "${since:=$(date +%s)}"
	if is_chosen "$1"; then
		alone "$@"
	elif [ $(($(date +%s) - since)) -lt "$mirror_patience" ]; then
		return 1
	elif may_stand_alone "$@"; then
		alone "$@"
	else
		set_state refused "ONLY HALF $1 IS THERE, and it may be old: $why." \
		    "Waiting for the other; or say goldmaster-mirror accept $1."
		return 1
	fi
}

# is_chosen NUMBER -- has a person said that this half is the right one?
is_chosen()
{
	[ -f "$run/accept" ] && read -r _accepted <"$run/accept" &&
	    [ "$_accepted" = "$1" ]
}

# alone NUMBER COUNTER -- without the other half, which from now on is old
alone()
{
	_other=$((3 - $1))
	eval "_age=\${counter$_other:-}"
	link_half "$1" "$(eval "echo \$disk$1")"
	link_absent "$_other"
	configure || return 1
	note_lost_half "$_other" "$_age"
}

# configure -- never by force: RAIDframe checks that the labels fit
configure()
{
	write_raid_conf
	if ! _said=$(raidctl -c "$run/raid.conf" "$conf_raid" 2>&1); then
		set_state failed "RAIDFRAME REFUSES: raidctl -c $run/raid.conf $conf_raid: $_said"
		return 1
	fi
	rm -f "$run/accept"
	# After a crash the second half is made like the first, in the background:
	# raidctl -P would wait for the end of that, which may take hours.
	[ "$(half_status 1) $(half_status 2)" != "optimal optimal" ] ||
	    raidctl -p "$conf_raid" >/dev/null || raidctl -i "$conf_raid" >/dev/null
	look_at_halves
}

# mount_data -- after a check; services that wait for it are started, if rc has
# come to its end without them
mount_data()
{
	mkdir -p "$conf_mount" 2>/dev/null
	if ! "fsck_$conf_file_system" -p "/dev/r$conf_raid$raw" >"$run/fsck.log" 2>&1; then
		set_state damaged "THE FILE SYSTEM IS DAMAGED and not mounted: see" \
		    "$run/fsck.log. Run fsck_$conf_file_system /dev/r$conf_raid$raw, then" \
		    "goldmaster-mirror mount."
		return 1
	fi
	if ! _said=$(mount -t "$conf_file_system" "/dev/$conf_raid$raw" "$conf_mount" 2>&1); then
		set_state damaged "CANNOT BE MOUNTED: $_said. Put that right, then say" \
		    "goldmaster-mirror mount."
		return 1
	fi
	echo "$conf_mount" >"$run/mounted"
	look_at_halves
	[ ! -e "$run/booted" ] || start_waiting
}

# look_after -- both halves, while the data is in use; one that comes back is
# made like the other
look_after()
{
	is_configured || return 0
	look_at_halves
	case $half1 in
	failed)	take_back 1 ;;
	esac
	case $half2 in
	failed)	take_back 2 ;;
	esac
}

# look_at_halves -- sets half1 and half2, notes what can be trusted, and tells
# what has changed
look_at_halves()
{
	half1=$(half_status 1) half2=$(half_status 2)
	case "$half1 $half2" in
	"optimal optimal")
		if raidctl -p "$conf_raid" >/dev/null; then
			note_counter_of 1 good good
			rebuilds=0
			tell_state whole "both halves are whole."
		else
			# Until the second is like the first it is not to be trusted.
			note_counter_of 1 good lost
			tell_state rebuilding "half 2 is made like half 1."
		fi ;;
	"optimal failed")	note_lost_half 2
		tell_state degraded "HALF 2 IS LOST ($conf_volume2); going on with half 1." ;;
	"failed optimal")	note_lost_half 1
		tell_state degraded "HALF 1 IS LOST ($conf_volume1); going on with half 2." ;;
	"optimal "*)	tell_state rebuilding "half 2 is made like half 1." ;;
	*" optimal")	tell_state rebuilding "half 1 is made like half 2." ;;
	*)	tell_state lost "BOTH HALVES ARE LOST: $half1, $half2." ;;
	esac
}

# tell_state STATE MESSAGE -- unless there is worse to tell
tell_state()
{
	case $state in
	damaged)	[ -e "$run/mounted" ] || return 0 ;;
	split | failed)	[ "$1" != degraded ] || return 0 ;;
	esac
	set_state "$@"
}

# note_counter_of NUMBER HALF1 HALF2 -- with the counter of that half's label
note_counter_of()
{
	read_label "$(disk_of "$1")" || return 0
	write_note "$label_counter" "$2" "$3"
}

# note_lost_half NUMBER [COUNTER] -- and how old it is, as far as that is known
note_lost_half()
{
	_lost=${2:-}
	if load_note; then
		if eval "[ \"\$note_half$1\" = lost ]"; then
			_lost=${_lost:-$note_lost}
		else
			_lost=${_lost:-$note_counter}
		fi
	fi
	read_label "$(disk_of $((3 - $1)))" || return 0
	case $1 in
	1)	write_note "$label_counter" lost good "$_lost" ;;
	2)	write_note "$label_counter" good lost "$_lost" ;;
	esac
}

# take_back NUMBER -- a half that failed: log in anew, and rebuild it when its
# volume is there and carries the label of this half
take_back()
{
	find_halves
	eval "_disk=\$disk$1 _counter=\$counter$1"
	if [ -z "$_disk" ]; then
		reconnect "$(disk_of $((3 - $1)))"
		find_halves
		eval "_disk=\$disk$1 _counter=\$counter$1"
	fi
	[ -n "$_disk" ] || return 0
	if was_used_apart "$1" "$_counter"; then
		set_state split "HALF $1 IS BACK, BUT WAS USED ELSEWHERE. To make it" \
		    "like the other, say goldmaster-mirror rebuild $1."
		return 0
	fi
	rebuild_half "$1" "$_disk"
}

# disk_of NUMBER -- the disk that RAIDframe has for that half
disk_of()
{
	_linked=$(readlink "$run/half$1")
	_linked=${_linked#/dev/}
	echo "${_linked%"$raw"}"
}

# reconnect GOOD -- log in anew to the volume that is not on the disk GOOD: its
# session, if there is one, has no disk that can be read
reconnect()
{
	for _number in 1 2; do
		_its=''
		[ ! -s "$run/volume$_number" ] || read -r _its <"$run/volume$_number"
		[ "$_its" != "$1" ] || _good=$_number
	done
	for _number in 1 2; do
		[ "$_number" != "${_good:-}" ] || continue
		[ -z "${_good:-}" ] || disconnect $_number
		connect $_number
	done
}

# rebuild_half NUMBER DISK -- in place, in the background.  Where that ends too
# soon time and again a person is needed.
rebuild_half()
{
	rebuilds=$((${rebuilds:-0} + 1))
	if [ $rebuilds -gt 3 ]; then
		set_state failed "HALF $1 IS BACK, BUT REBUILDING IT FAILS: see the kernel's" \
		    "messages, then say goldmaster-mirror rebuild $1."
		return 1
	fi
	link_half "$1" "$2"
	if _said=$(raidctl -R "$run/half$1" "$conf_raid" 2>&1); then
		set_state rebuilding "half $1 is back and is made like the other."
	else
		set_state failed "HALF $1 IS BACK, BUT CANNOT BE REBUILT:" \
		    "raidctl -R $run/half$1 $conf_raid: $_said"
	fi
}
