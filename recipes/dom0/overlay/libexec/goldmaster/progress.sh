# shellcheck shell=sh
#
# What goldmaster-images fetch says of its progress.  With -q, nothing.
#
# Needs lib.sh; quiet and state are set by the command, size_of by fetch.sh.

# shellcheck disable=SC2154 # see above

# Seconds between two lines on one file.
progress_seconds=10

# tell_file FILE -- of those in missing, before it is fetched
tell_file()
{
	[ -z "$quiet" ] || return 0
	_place=0 _all=0
	for _name in $missing; do
		_all=$((_all + 1))
		[ "$_name" != "$1" ] || _place=$_all
	done
	say "fetching $version: $1 ($_place of $_all), $(in_units "$(listed_size "$new" "$1")")."
}

# in_units BYTES -- for people.  A shell may count with 32 bits, so big numbers
# lose their last digits first.
in_units()
{
	if [ ${#1} -le 5 ]; then
		echo "$1 bytes"
	elif [ ${#1} -le 8 ]; then
		echo "$(($1 / 1000)) KB"
	else
		echo "${1%??????} MB"
	fi
}

# watched get PATH FILE BYTES -- that command, with a line every few seconds
watched()
{
	if [ -n "$quiet" ]; then
		"$@"
		return
	fi
	: >"$state/fetching"
	tell_progress "$3" "$4" 9>&- &
	_watcher=$!
	"$@"
	_status=$?
	rm -f "$state/fetching"
	kill $_watcher 2>/dev/null    # some shells miss it while they begin
	wait $_watcher 2>/dev/null
	return $_status
}

# tell_progress FILE BYTES -- until it is killed, or nothing is fetched any more
tell_progress()
{
	trap 'kill $_nap 2>/dev/null; exit 0' TERM
	_seconds=0
	while :; do
		sleep 1 >/dev/null 2>&1 &
		_nap=$!
		wait $_nap
		[ -e "$state/fetching" ] && kill -0 $$ 2>/dev/null || exit 0
		_seconds=$((_seconds + 1))
		[ $((_seconds % progress_seconds)) -ne 0 ] ||
		    say "$(in_units "$(size_of "$1")") of $(in_units "$2") are here."
	done
}
