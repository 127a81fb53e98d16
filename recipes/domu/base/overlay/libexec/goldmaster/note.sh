# shellcheck shell=sh
#
# What is noted on the partition with the configuration, so that half a mirror
# is trusted alone only if it is known to be as new as it can be:
#
#	serial	of the mirror
#	counter	of RAIDframe's labels when they were last looked at
#	half1	good, or lost: the other went on without it
#	half2
#	lost	the lost half's own counter, as far as it was seen
#
# Needs lib.sh, conf.sh and halves.sh.

# shellcheck disable=SC2034,SC2154 # one of these files sets what others read

# load_note -- sets note_*; fails where there is none for this mirror
load_note()
{
	note_counter='' note_half1='' note_half2='' note_lost=''
	_note=/config/mirror/$conf_raid
	[ -f "$_note" ] || return 1
	# load_conf sets conf_*: storage.conf's keys are others.
	load_conf "$_note" noted counter half1 half2 lost || return 1
	# shellcheck disable=SC2154 # set by load_conf
	note_counter=$conf_counter note_half1=$conf_half1 \
	    note_half2=$conf_half2 note_lost=$conf_lost
	[ "$conf_noted" = "$serial" ]
}

# write_note COUNTER HALF1 HALF2 LOST -- whole or not at all; where it says so
# already nothing is written
write_note()
{
	! load_note || [ "$note_counter $note_half1 $note_half2 $note_lost" != \
	    "$1 $2 $3 ${4:-}" ] || return 0
	_note=/config/mirror/$conf_raid
	{ mkdir -p /config/mirror && cat >"$_note.new" <<END && mv "$_note.new" "$_note" && sync
# Written by goldmaster-mirror: which half of $conf_raid can be trusted alone.
noted=$serial
counter=$1
half1=$2
half2=$3
lost=${4:-}
END
	} 2>/dev/null || shout "$_note CANNOT BE WRITTEN: is /config full or read-only?"
}

# may_stand_alone NUMBER COUNTER -- is this half known to be the newest?  Sets
# why where it is not.
may_stand_alone()
{
	if ! load_note; then
		why="nothing is noted of it here"
	elif eval "[ \"\$note_half$1\" != good ]"; then
		why="the other half went on without it"
	elif [ "$2" != "$note_counter" ]; then
		why="its counter is $2, the last seen was $note_counter"
	else
		return 0
	fi
	return 1
}

# was_used_apart NUMBER COUNTER [OTHER] -- did a lost half go on elsewhere?  Its
# counter then is higher than when it was lost.  Where the OTHER half's has gone
# on since it was noted, the mirror was in use elsewhere, and the note is old.
was_used_apart()
{
	load_note && eval "[ \"\$note_half$1\" = lost ]" &&
	    [ -n "$note_lost" ] && [ "$2" -gt "$note_lost" ] &&
	    [ "${3:-$note_counter}" = "$note_counter" ]
}
