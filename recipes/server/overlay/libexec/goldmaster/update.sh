# shellcheck shell=sh
#
# Updating the checkouts on /config.  Subversion works on copies of them, so
# what goes wrong with it (a conflict, a lost server, a full disk, a kill)
# leaves the server's files as they are.  Then what has changed is moved into
# its place file by file; that needs neither the server nor room, and can be
# gone on with at any point.
#
#	/config/.update/local, global	the copies
#	/config/.update/changes		lines of svn diff --summarize
#	/config/.update/stamp		older than all that came after copying
#	/config/.update/before		for /config/before, below
#	/config/.update/ready		files are being moved
#	/config/before			revisions before the last update: LOCAL GLOBAL
#
# Needs lib.sh.  Only output for programs is read: svn info --show-item,
# svnversion, and the columns of svn status and svn diff --summarize.

stage=/config/.update
before=/config/before
lock=/var/run/goldmaster/update.pid
new_local='' new_global=''

# ask_svn WORD... -- what it knows of itself is kept beside the host keys
ask_svn()
{
	svn --non-interactive --config-dir /config/keys/subversion "$@"
}

# nothing_done REASON -- leave; the configuration is as it was
nothing_done()
{
	say "$*"
	say "nothing was changed."
	rm -rf "$stage"
	exit 1
}

# begin -- see that there is something to update, and finish what was begun
begin()
{
	[ -f /config/GOLDMASTER ] || refuse "there is no configuration on /config."
	is_writable /config || refuse "/config cannot be written to: is the disk full?"
	take_lock
	if [ -e "$stage/ready" ]; then
		say "an update was cut off; going on with it."
		lay_in_place
	elif [ -e "$stage" ]; then
		say "an update was cut off before it changed anything."
		rm -rf "$stage"
	fi
}

# refuse REASON -- leave before anything was begun
refuse()
{
	say "$*"
	exit 1
}

# take_lock -- one update at a time
take_lock()
{
	mkdir -p "${lock%/*}"
	if ! (set -C; echo $$ >"$lock") 2>/dev/null; then
		read -r _pid <"$lock"
		! kill -0 "$_pid" 2>/dev/null ||
		    refuse "an update is going on already (process $_pid)."
		echo $$ >"$lock"
	fi
	trap 'rm -f "$lock"' EXIT
	trap 'exit 1' HUP INT TERM
}

# choose_revisions WANTED BACK -- sets old_local, old_global, and the new ones
choose_revisions()
{
	command -v svn >/dev/null || refuse "there is no svn: see the recipe's packages."
	for _name in local global; do
		[ -d "/config/$_name/.svn" ] ||
		    refuse "/config/$_name is no checkout but a plain copy: see docs/config.md."
	done
	old_local=$(revision_of local) old_global=$(revision_of global)
	case /$old_local/$old_global/ in
	*//*)	refuse "a checkout is damaged: svn cleanup /config/local /config/global" ;;
	esac
	if [ -n "$2" ]; then
		[ -f "$before" ] || refuse "nothing is known of an update before."
		read -r new_local new_global <"$before"
	else
		new_local=${1:-$(latest)}
		[ -n "$new_local" ] || refuse "the repository does not answer; nothing was changed."
		new_global=$new_local
	fi
}

# revision_of NAME -- of a checkout; the lowest, where files differ in it
revision_of()
{
	_version=$(svnversion -n "/config/$1")
	echo "${_version%%[!0-9]*}"
}

# latest -- the repository's latest revision
latest()
{
	ask_svn info -r HEAD --show-item revision --no-newline /config/local
}

# is_there -- is what is wanted there already?
is_there()
{
	[ "$old_local $old_global" = "$new_local $new_global" ]
}

# prepare_update -- all that can go wrong
prepare_update()
{
	mkdir -m 700 "$stage" || nothing_done "$stage cannot be made."
	copy_all || nothing_done "there is no room for a copy of the configuration."
	cd "$stage" || nothing_done "$stage is gone."
	ask_svn cleanup local global || nothing_done "svn cleanup has failed."
	for _name in local global; do
		update_copy "$_name" || nothing_done "svn update has failed."
	done
	_conflicts=$(find_conflicts)
	[ -z "$_conflicts" ] ||
	    nothing_done "changed here and in the repository: $_conflicts"
	keep_all_attributes || nothing_done "owners and modes cannot be kept."
}

# copy_all -- into the stage
copy_all()
{
	echo "$old_local $old_global" >"$stage/before" &&
	    : >"$stage/changes" && : >"$stage/stamp" &&
	    cp -RpP /config/local /config/global "$stage"
}

# update_copy NAME -- and add what changes to the list
update_copy()
{
	eval "_old=\$old_$1 _new=\$new_$1"
	[ "$_old" != "$_new" ] || return 0
	drop_shadows "$1"
	ask_svn update -q --accept postpone -r "$_new" "$1" &&
	    ask_svn diff --summarize -r "$_old:$_new" "$1" >>changes
}

# drop_shadows NAME -- remove empty folders that Subversion does not know: the
# union over /etc makes one for each folder of the image that anybody looks up,
# and a new one of the repository would be a conflict
drop_shadows()
{
	ask_svn status "$1" | while IFS= read -r _line; do
		case $_line in
		\?*)	find "${_line#????????}" -depth -type d -exec rmdir {} \; 2>/dev/null ;;
		esac
	done
}

# show_changes -- what was changed on this server; not the union's empty folders,
# of which there are dozens
show_changes()
{
	ask_svn status /config/local /config/global | while IFS= read -r _line; do
		case $_line in
		\?*)	! is_shadow "${_line#????????}" || continue ;;
		esac
		echo "$_line"
	done
}

# is_shadow PATH -- a folder that holds nothing but folders
is_shadow()
{
	is_folder "$1" && [ -z "$(find "$1" ! -type d)" ]
}

# find_conflicts -- files with one, by the first, second and seventh column
find_conflicts()
{
	ask_svn status -q local global | while IFS= read -r _line; do
		case $_line in
		C* | ?C* | ??????C*)
			echo "${_line#????????}" ;;
		esac
	done
}

# find_changed -- files that shall be replaced, and were changed since they
# were copied
find_changed()
{
	while IFS= read -r _line; do
		_live=/config/${_line#????????}
		[ ! -f "$_live" ] || find "$_live" -newer "$stage/stamp"
	done <"$stage/changes"
}

# lay_in_place -- do what the list says, as far as it is not done
lay_in_place()
{
	_failed=''
	[ -e "$stage/taken" ] || take_all_away
	[ -n "$_failed" ] || : >"$stage/taken"
	while IFS= read -r _line; do
		lay "${_line#????????}" || _failed="$_failed ${_line#????????}"
	done <"$stage/changes"
	[ -z "$_failed" ] || half "cannot be replaced:$_failed."
	for _name in local global; do
		swap_database "$_name" ||
		    half "Subversion's own files of $_name cannot be replaced."
	done
	[ ! -e "$stage/before" ] || mv -f "$stage/before" "$before" ||
	    half "$before cannot be written."
	rm -f "$stage/ready"
	rm -rf "$stage"
	sync
}

# half REASON -- leave in the midst of moving files
half()
{
	say "$*"
	say "the configuration is half new. goldmaster-update -c goes on with it,"
	say "without the repository; $stage has what is missing."
	exit 1
}

# take_all_away -- what the repository does not have any more, or as another
# kind of file; before anything is moved, for that looks the same
take_all_away()
{
	while IFS= read -r _line; do
		case $_line in
		D*)	take_away "${_line#????????}" ||
			    _failed="$_failed ${_line#????????}" ;;
		esac
	done <"$stage/changes"
}

# take_away PATH -- and all below it, but for what Subversion does not know:
# that is in the copy too
take_away()
{
	is_there_at "/config/$1" || return 0
	find "/config/$1" -depth | while IFS= read -r _old; do
		_new=$stage/${_old#/config/}
		if ! is_there_at "$_new"; then
			remove "$_old" || exit 1
		elif is_folder "$_old"; then
			is_folder "$_new" || rm -rf "$_old" || exit 1
		else
			! is_folder "$_new" || rm -f "$_old" || exit 1
		fi
	done
}

# is_there_at PATH -- whatever it is, and if it is a link that leads nowhere
is_there_at()
{
	[ -e "$1" ] || [ -L "$1" ]
}

# is_folder PATH -- and no link to one
is_folder()
{
	[ -d "$1" ] && [ ! -L "$1" ]
}

# remove PATH -- a file, or a folder that is empty
remove()
{
	if is_folder "$1"; then
		rmdir "$1"
	else
		rm -f "$1"
	fi
}

# lay PATH -- what is new or changed; gone from the copies when it is done
lay()
{
	_new=$stage/$1 _live=/config/$1
	is_there_at "$_new" || return 0
	if is_folder "$_new"; then
		mkdir -p "$_live"
	else
		# mv would go where a link leads
		[ ! -L "$_live" ] || rm -f "$_live" || return 1
		mkdir -p "${_live%/*}" && mv -f "$_new" "$_live"
	fi
}

# keep_all_attributes -- of files that are replaced
keep_all_attributes()
{
	while IFS= read -r _line; do
		keep_attributes "/config/${_line#????????}" \
		    "$stage/${_line#????????}" || return 1
	done <"$stage/changes"
}

# keep_attributes LIVE NEW -- owner and mode, of which Subversion knows only
# whether a file can be run
keep_attributes()
{
	[ -f "$1" ] && [ ! -L "$1" ] && [ -f "$2" ] && [ ! -L "$2" ] || return 0
	_run=a-x
	[ ! -x "$2" ] || _run=+x
	# shellcheck disable=SC2046 # three words
	set -- "$1" "$2" $(stat -f '%Lp %u %g' "$1")
	chmod "$3" "$2" && chmod "$_run" "$2" && chown "$4:$5" "$2"
}

# swap_database NAME -- Subversion's own folder of a checkout
swap_database()
{
	[ -d "$stage/$1/.svn" ] || return 0
	if [ -d "/config/$1/.svn" ]; then
		rm -rf "$stage/$1.old" && mv "/config/$1/.svn" "$stage/$1.old" || return 1
	fi
	mv "$stage/$1/.svn" "/config/$1/.svn"
}
