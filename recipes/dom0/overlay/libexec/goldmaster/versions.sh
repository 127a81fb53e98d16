# shellcheck shell=sh
#
# The store of images: which versions it holds, which of them domUs get, and
# which of them run.  Beside what images.sh tells, it has
#
#	VERSION/VERSION		its name, then lines "FILE BYTES"
#	VERSION/SHA256.sig	signature of its SHA256
#	VERSION/.installed	what wanted.sh tells
#	followed		the server's last choice that was followed, and
#				its number below it
#	.fetch/VERSION/		one that is being fetched
#	.gone/VERSION/		one that is being removed
#
# A folder is a version when it has the file .installed; it got its name by
# one rename, after all that is in it had been checked.
#
# current and pins/DOMU are slots.  A slot's lines are
#
#	the version now, or "cd"
#	the version before, which rollback goes back to; "-" for none
#	in current alone: number of the server's last choice that was followed
#
# A slot changes by one rename.  Needs lib.sh, conf.sh, images.sh,
# domuconf.sh and xl.sh.

# Where "fail" ends a list of commands, it is for any of them; settings come
# from images.sh and the command, and the command reads what is set here.
# shellcheck disable=SC2015,SC2034,SC2154

state=/var/run/goldmaster

# fail MESSAGE -- end the command
fail()
{
	say "$*" >&2
	exit 1
}

# is_plain NAME -- can it be the name of a version, or of a file in one?
is_plain()
{
	case $1 in
	'' | [!A-Za-z0-9]* | *[!A-Za-z0-9._+-]*)	return 1 ;;
	esac
	[ ${#1} -le 100 ]
}

# is_version NAME -- can it be the name of a version in the store?  What the
# store and the server call otherwise cannot.
is_version()
{
	case $1 in
	cd | current | followed | pins | LATEST*)	return 1 ;;
	esac
	is_plain "$1"
}

# has_version NAME -- can domUs get it?
has_version()
{
	[ "$1" = cd ] || { is_version "$1" && [ -f "$image_store/$1/.installed" ]; }
}

# need_version NAME -- fails where there is no such version
need_version()
{
	has_version "$1" || fail "there is no version $1 here: goldmaster-images list"
}

# numbered_versions -- lines "NUMBER VERSION", the last installed first
numbered_versions()
{
	for _folder in "$image_store"/*; do
		[ -f "$_folder/.installed" ] || continue
		read -r _number _ <"$_folder/.installed"
		echo "$_number ${_folder##*/}"
	done | sort -rn
}

# versions -- their names, the last installed first
versions()
{
	numbered_versions | while read -r _ _name; do
		echo "$_name"
	done
}

# folder_of VERSION -- of its images
folder_of()
{
	if [ "$1" = cd ]; then
		echo "$image_dir"
	else
		echo "$image_store/$1"
	fi
}

# version_of FOLDER -- the version whose images it has; as images.sh names it
version_of()
{
	case $1 in
	"$image_store"/*)	echo "${1##*/}" ;;
	"$image_dir")	echo cd ;;
	*)	echo "$1" ;;
	esac
}

# read_slot FILE -- sets now, before and serial; empty where there is no file
read_slot()
{
	now='' before='' serial=''
	[ -f "$1" ] || return 0
	{
		read -r now
		read -r before
		read -r serial
	} <"$1"
	[ "$before" != - ] || before=''
	return 0
}

# write_slot FILE NOW BEFORE [SERIAL] -- by one rename
write_slot()
{
	{
		echo "$2"
		echo "${3:--}"
		[ -z "$4" ] || echo "$4"
	} >"$image_store/.slot" && sync && mv -f "$image_store/.slot" "$1" ||
	    fail "$1 cannot be written."
	sync
}

# read_current -- sets now, before and serial; without a choice it is the CD
read_current()
{
	read_slot "$image_store/current"
	now=${now:-cd} serial=${serial:-0}
}

# make_current VERSION [SERIAL] -- domUs that are not pinned get it
make_current()
{
	read_current
	if [ "$now" != "$1" ]; then
		before=$now now=$1
		say "domUs get $1 from now on."
	elif [ -z "$2" ]; then
		say "domUs get $1 already."
	fi
	write_slot "$image_store/current" "$now" "$before" "${2:-$serial}"
}

# pin_domu DOMU VERSION
pin_domu()
{
	read_slot "$image_store/pins/$1"
	[ "$now" != "$2" ] || {
		say "$1 gets $2 already."
		return 0
	}
	mkdir -p "$image_store/pins" || fail "$image_store/pins cannot be made."
	write_slot "$image_store/pins/$1" "$2" "$now" ''
	say "$1 gets $2 from now on."
}

# unpin_domu DOMU
unpin_domu()
{
	rm -f "$image_store/pins/$1" || fail "$image_store/pins/$1 cannot be removed."
	sync
	say "$1 gets what others get from now on."
}

# pinned_by VERSION -- names of domUs, blanks between
pinned_by()
{
	_names=''
	for _slot in "$image_store"/pins/*; do
		read_slot "$_slot"
		[ "$now" != "$1" ] || _names="$_names ${_slot##*/}"
	done
	echo "${_names# }"
}

# running -- lines "DOMU FOLDER": what rc.d/domus has started, and from where
running()
{
	for _started in "$domus_run"/*.state; do
		_domu=${_started##*/}
		_domu=${_domu%.state}
		! load_state "$_domu" || echo "$_domu ${conf_state_image%/*}"
	done
}

# used_by VERSION -- names of domUs, blanks between
used_by()
{
	_names='' _wanted=$(folder_of "$1")
	_names=$(running | while read -r _domu _runs; do
		[ "$_runs" != "$_wanted" ] || echo "$_domu"
	done)
	# shellcheck disable=SC2086 # lines become words
	echo $_names
}

# is_attached VERSION -- is any image of it?
is_attached()
{
	for _file in "$state"/vnd/*; do
		[ -f "$_file" ] && read -r _image _ <"$_file" || continue
		[ "${_image%/*}" != "$image_store/$1" ] || return 0
	done
	return 1
}

# is_chosen VERSION -- does a slot name it, be it as the version before?
is_chosen()
{
	for _slot in "$image_store/current" "$image_store"/pins/*; do
		read_slot "$_slot"
		[ "$now" != "$1" ] && [ "$before" != "$1" ] || return 0
	done
	return 1
}

# prune_versions -- remove all but the last $image_keep, those that a slot
# names, and those in use
prune_versions()
{
	_left=$image_keep
	for _version in $(versions); do
		_left=$((_left - 1))
		[ $_left -lt 0 ] && ! is_chosen "$_version" &&
		    ! is_attached "$_version" || continue
		remove_version "$_version"
	done
}

# remove_version VERSION -- one rename, then the files; a remainder of that is
# removed by the next command
remove_version()
{
	mkdir -p "$image_store/.gone" &&
	    mv "$image_store/$1" "$image_store/.gone/$1" ||
	    fail "$1 cannot be removed from $image_store."
	sync
	rm -rf "$image_store/.gone"
	say "removed $1."
}

# tell_domus -- which domUs run something else than they would get, and which
# would get an image or a kernel that is not there
tell_domus()
{
	running | while read -r _domu _runs; do
		image_folder "$_domu"
		[ "$_runs" = "$folder" ] ||
		    say "$_domu runs $(version_of "$_runs") until it is started again, then $(version_of "$folder")."
	done
	for _place in "$domus_folder"/*; do
		_domu=${_place##*/}
		load_domu "$_domu" >/dev/null || continue
		image_folder "$_domu"
		for _file in "$conf_image" "$conf_kernel"; do
			[ -f "$folder/$_file" ] || [ -z "$_file" ] ||
			    say "$_domu will not start: $(version_of "$folder") has no $_file."
		done
	done
}
