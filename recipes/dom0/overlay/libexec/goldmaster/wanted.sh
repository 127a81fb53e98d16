# shellcheck shell=sh
#
# What this host has of a version, and what it needs of it: the images that
# its domUs name, in /config/local/domUs, the kernels of these, and the lists.
# What else the version's signed list names is not fetched.
#
#	VERSION/.installed	a number that counts up, and when it came; below
#				these, the files that were fetched.  None: all
#				of the list, by a goldmaster-images that
#				fetched all
#
# Needs versions.sh, fetch.sh and what these need.

# Where a command follows "&& ... ||", it is for any of them; load_conf sets
# conf_*, images.sh and the command settings.
# shellcheck disable=SC2015,SC2154

# needed_files FOLDER -- of a version with its KERNELS.  A file of a domU that
# has a mistake elsewhere names an image all the same.
needed_files()
{
	echo KERNELS
	for _place in "$domus_folder"/*; do
		[ -f "$_place" ] || continue
		load_domu "${_place##*/}" >/dev/null
		is_file_name "$conf_image" || continue
		echo "$conf_image"
		if is_file_name "$conf_kernel"; then
			echo "$conf_kernel"
		elif [ -f "$1/KERNELS" ]; then
			kernel_of "$1" "$conf_image"
		fi
	done
}

# held_files FOLDER -- what was fetched of a version
held_files()
{
	[ -f "$1/.installed" ] || return 0
	{
		read -r _
		_names=''
		while read -r _name; do
			_names="$_names $_name"
		done
	} <"$1/.installed"
	if [ -n "$_names" ]; then
		echo "$_names"
	else
		while read -r _ _name _; do
			_name=${_name#"("}
			echo "${_name%")"}"
		done <"$1/SHA256"
	fi
}

# choose_files -- sets wanted: of files, what is needed, or what the version
# that is here has.  $new has its KERNELS.
choose_files()
{
	_needed=" $({
		needed_files "$new"
		held_files "$image_store/$version"
	} | tr '\n' ' ') "
	wanted=''
	for _file in $files; do
		case $_needed in
		*" $_file "*)	wanted="$wanted $_file" ;;
		esac
	done
}

# lacking_files VERSION -- sets lacking: what its list has, and domUs of this
# host name, but was not fetched
lacking_files()
{
	lacking='' _folder=$image_store/$1
	[ "$1" != cd ] || return 0
	for _file in $(needed_files "$_folder"); do
		case "$lacking " in
		*" $_file "*)	continue ;;
		esac
		[ -f "$_folder/$_file" ] || ! listed_digest "$_folder" "$_file" >/dev/null ||
		    lacking="$lacking $_file"
	done
}

# complete_version VERSION -- fetch what it lacks; without a server, tell how
complete_version()
{
	lacking_files "$1"
	[ -n "$lacking" ] || return 0
	say "$1 is here without$lacking, which domUs of this host name."
	if [ -z "$image_url" ] || ! (fetch_version "$1"); then
		say "to fetch that: goldmaster-images fetch -n $1"
	fi
}

# complete_chosen -- all versions that domUs get: there may be a new domU
complete_chosen()
{
	read_current
	complete_version "$now"
	for _slot in "$image_store"/pins/*; do
		read_slot "$_slot"
		[ -z "$now" ] || complete_version "$now"
	done
}

# note_held FILE NUMBER WHEN -- write .installed, with what was fetched
note_held()
{
	{
		echo "$2 $3"
		for _file in $wanted; do
			echo "$_file"
		done
	} >"$1"
}

# verify_version VERSION -- fails where a file of it is not what was signed, or
# was fetched and is not there
verify_version()
{
	_place=$image_store/$1
	is_signed "$_place/SHA256" "$_place/SHA256.sig" && read_list "$_place/SHA256" || {
		say "$1: its list is damaged, or not signed by $image_key."
		return 1
	}
	_bad=''
	_held=" VERSION $(held_files "$_place" | tr '\n' ' ') "
	for _file in VERSION $files; do
		[ -e "$_place/$_file" ] || case $_held in
		*" $_file "*)	;;
		*)	continue ;;
		esac
		[ -f "$_place/$_file" ] && is_listed "$_place" "$_file" || _bad="$_bad $_file"
	done
	[ -z "$_bad" ] && return 0
	say "$1: damaged or missing:$_bad. goldmaster-images fetch -n $1 mends it."
	return 1
}
