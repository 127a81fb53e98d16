# shellcheck shell=sh
#
# Starting, stopping and listing the domUs of this host: what rc.d/domus does.
# One that cannot be started is told of, with the reason, and keeps no other
# from starting.  Needs lib.sh, conf.sh, images.sh, domuconf.sh, vnd.sh, xl.sh
# and domustart.sh.

# shellcheck disable=SC2154 # load_conf sets conf_*; other files the rest
# shellcheck disable=SC2086 # lists are of words: names of domUs, keys, columns

# Who starts domUs at the moment.
domus_lock=/var/run/goldmaster/domus.pid

# domus_start [NAME...] -- those named, or all that start with the host
domus_start()
{
	domus_settings
	choose autostart "$@"
	_all=$(($(count $chosen) + failed))
	[ $_all -gt 0 ] || return 0
	is_xen_there && take_turn || return 1
	if load_this_host; then
		for _word in $chosen; do
			start_domu "${_word#*:}" || failed=$((failed + 1))
		done
		detach_unused
	else
		failed=$_all
	fi
	rm -f "$domus_lock"
	[ "$failed" = 0 ] || {
		say "domUs that could not be started: $failed of $_all."
		return 1
	}
}

# domus_stop [NAME...] -- those named, or all; clients before their servers,
# which start first
domus_stop()
{
	domus_settings
	choose all "$@"
	is_xen_there || return 1
	_wave='' _order=''
	for _word in $(reversed $chosen); do
		if [ "${_word%%:*}" != "$_order" ]; then
			stop_together $_wave
			_wave='' _order=${_word%%:*}
		fi
		_wave="$_wave ${_word#*:}"
	done
	stop_together $_wave
	is_turn_taken || detach_unused
	[ "$failed" = 0 ]
}

# domus_restart [NAME...] -- without names, what then starts is what starts
# with the host
domus_restart()
{
	domus_stop "$@"
	domus_start "$@"
}

# domus_list [NAME...] -- a table for people
domus_list()
{
	domus_settings
	choose all "$@"
	_format='%-20s %-8s %8s %-12s %-9s %5s\n'
	# shellcheck disable=SC2059 # it is a format
	printf "$_format" NAME STATE MEMORY VERSION AUTOSTART DOMID
	load_this_host >/dev/null || image_dir=''
	for _word in $chosen; do
		list_domu "${_word#*:}"
		# shellcheck disable=SC2059 # it is a format
		printf "$_format" "${_word#*:}" $_columns
	done
	[ "$failed" = 0 ]
}

# domus_settings -- the numbers of rc.conf, in seconds: what xl is given to
# start a domU, what domUs are given to stop, what xl is given to answer
domus_settings()
{
	setting domus_start_seconds 120
	setting domus_stop_seconds 60
	setting domus_ask_seconds 20
}

# setting NAME DEFAULT
setting()
{
	eval "_text=\${$1:=$2}"
	is_count "$_text" || {
		say "rc.conf: $1 must be a whole number, is '$_text'; it is $2."
		eval "$1=$2"
	}
}

# count WORD...
count()
{
	echo $#
}

# reversed WORD...
reversed()
{
	_backwards=''
	for _one; do
		_backwards="$_one $_backwards"
	done
	echo "$_backwards"
}

# choose WHICH [NAME...] -- sets chosen: words ORDER:NAME, sorted, of those
# named; or of all, or all that start with the host (WHICH is autostart); and
# failed: how many cannot be domUs
choose()
{
	_which=$1 chosen='' failed=0
	shift
	if [ $# -eq 0 ]; then
		for _place in "$domus_folder"/* "$domus_run"/*.state; do
			[ -e "$_place" ] || [ -h "$_place" ] || continue
			_one=${_place##*/}
			note_domu "${_one%.state}" "$_which"
		done
	else
		for _one; do
			note_domu "$_one" all
		done
	fi
	chosen=$(for _one in $chosen; do
		echo "$_one"
	done | sort -u -t : -k 1,1n -k 2)
}

# note_domu NAME WHICH -- adds it to chosen.  What is wrong with its file is
# told when it is started.
note_domu()
{
	if ! is_label "$1"; then
		say "$domus_folder/$1: is no name for a domU:" \
		    "small letters, digits and -, at most 63."
		failed=$((failed + 1))
	elif has_file "$1"; then
		load_conf "$domus_folder/$1" $domu_keys >/dev/null
		[ "$2,$conf_autostart" = autostart,no ] ||
		    add_domu "$1" "$conf_boot_order"
	elif ! load_state "$1"; then
		say "$1: there is no domU of this name in $domus_folder."
		failed=$((failed + 1))
	elif [ "$2" != autostart ]; then
		add_domu "$1" "$conf_state_order"
	fi
}

# add_domu NAME ORDER
add_domu()
{
	_order=50
	! is_number "$2" || _order=$2
	chosen="$chosen $_order:$1"
}

# has_file NAME -- whatever it may be
has_file()
{
	[ -e "$domus_folder/$1" ] || [ -h "$domus_folder/$1" ]
}

# load_this_host -- also sets bridges, and bridge: the first of them
load_this_host()
{
	load_host || return 1
	set -- ${conf_bridges:-bridge0}
	# shellcheck disable=SC2034 # both are read by those who call this
	bridges=$* bridge=$1
	if ! is_path "$image_dir" || ! is_path "${image_store:-$image_dir}"; then
		say "host.conf: image_dir and image_store must be absolute paths."
		return 1
	fi
}

# is_turn_taken -- sets _process: by whom
is_turn_taken()
{
	[ -s "$domus_lock" ] && read -r _process <"$domus_lock" &&
	    kill -0 "$_process" 2>/dev/null
}

# take_turn -- one process starts domUs at a time
take_turn()
{
	mkdir -p "$domus_run" "$domus_checked" "$vnd_records"
	if is_turn_taken; then
		say "process $_process starts domUs at the moment; wait for its end."
		return 1
	fi
	# Where that fails each domU is told of, for nothing else can be written.
	echo $$ | write_file "$domus_lock" || return 0
}

# stop_together NAME... -- those that run, all at once; in the end by force
stop_together()
{
	left=''
	for _domu; do
		is_running "$_domu" || continue
		left="$left $_domu"
		say "$_domu: stopping."
		# By number: where it is asked for more than its number, xl takes a
		# name of digits for the number of another.
		ask shutdown "$_domid" >/dev/null &
	done
	wait
	wait_for_end
	for _domu in $left; do
		is_running "$_domu" || continue
		say "$_domu: did not stop within $domus_stop_seconds seconds: destroyed."
		ask destroy "$_domid" || {
			say "$_domu: xl destroy failed."
			failed=$((failed + 1))
		}
	done
	for _domu; do
		is_running "$_domu" || rm -f "$domus_run/$_domu.state"
	done
}

# wait_for_end -- of those in left; leaves those that have not ended in time
wait_for_end()
{
	_end=$(($(date +%s) + domus_stop_seconds))
	while [ -n "$left" ]; do
		_still=''
		for _domu in $left; do
			! is_running "$_domu" || _still="$_still $_domu"
		done
		left=$_still
		[ -n "$left" ] && [ "$(date +%s)" -lt $_end ] || return 0
		sleep 1
	done
}

# list_domu NAME -- sets _columns: state, memory, version, autostart, domid
list_domu()
{
	_running=stopped _version=-
	if is_running "$1"; then
		_running=running
		[ "$_domid" != '?' ] || _running=unknown
		! load_state "$1" || _version=$conf_state_version
	elif [ -n "$image_dir" ]; then
		image_folder "$1"
		_version=${folder##*/}
		[ "$folder" != "$image_dir" ] || _version="cd"
	fi
	if ! load_domu "$1" >/dev/null; then
		[ $_running != stopped ] || _running=bad
		conf_memory='' conf_autostart=''
	fi
	[ $_running = running ] || _domid=''
	_columns="$_running ${conf_memory:--} $_version ${conf_autostart:--} ${_domid:--}"
}
