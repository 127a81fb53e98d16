# shellcheck shell=sh
#
# Fetching a version from the authoritative server, host.conf's image_url.
# The server's folder, made by doit image-server on the build host, has
#
#	LATEST		"VERSION NUMBER" in its first line, and below it the
#			signature of that line in base64; NUMBER is the time
#			at which that was signed, in seconds since 1970
#	VERSION/	a folder of images
#
# Nothing of the server is believed but what the signatures vouch for.  What
# is fetched lies in .fetch/VERSION until all of it has been checked; a file
# that is not whole is .NAME.part there, and the next command goes on with it.
# Needs versions.sh, wanted.sh, progress.sh and what these need.

# Where "fail" ends a list of commands, it is for any of them; settings come
# from images.sh and the command.
# shellcheck disable=SC2015,SC2154

image_key=/etc/goldmaster/images.pem

# Bytes that lists and signatures may have.
small=65536

# get PATH FILE BYTES -- fetch PATH of the server; what FILE has is the
# beginning of it.  The system stops what becomes much longer than BYTES.
get()
{
	(
		ulimit -f $((($3 + small) / 512)) || exit 1
		case $image_url in
		rsync://*)
			exec rsync -q --inplace --timeout=60 "$image_url/$1" "$2" ;;
		*)	exec ftp -V -R -q 60 -o "$2" "$image_url/$1" ;;
		esac
	) </dev/null
}

# get_small PATH FILE -- fetch it anew
get_small()
{
	rm -f "$2"
	get "$1" "$2" $small && [ -f "$2" ] ||
	    fail "$image_url/$1 cannot be fetched: see that the server is up, and that image_url in host.conf is its folder."
}

# size_of FILE -- its bytes; 0 where there is none
size_of()
{
	if [ -f "$1" ]; then
		echo $(($(wc -c <"$1")))
	else
		echo 0
	fi
}

# is_signed FILE SIGNATURE -- by the key that this host trusts?
is_signed()
{
	[ -f "$image_key" ] ||
	    fail "there is no $image_key: the key that the server's versions are signed with."
	openssl dgst -sha256 -verify "$image_key" -signature "$2" "$1" >/dev/null 2>&1
}

# can_count WORD -- is it a number that the shell can count with?
can_count()
{
	case $1 in
	'' | *[!0-9]* | 0?*)	return 1 ;;
	esac
	[ ${#1} -le 15 ]
}

# is_less NUMBER NUMBER -- the first than the second?  In two parts, since a
# shell may count with 32 bits; a 1 keeps zeros at the beginning of the second.
is_less()
{
	_one=00000000000000$1 _two=00000000000000$2
	while [ ${#_one} -gt 15 ]; do
		_one=${_one#?}
	done
	while [ ${#_two} -gt 15 ]; do
		_two=${_two#?}
	done
	_low=${_one#???????} _high=${_two#???????}
	_one=1${_one%????????} _two=1${_two%????????}
	[ "$_one" -lt "$_two" ] || { [ "$_one" -eq "$_two" ] && [ "1$_low" -lt "1$_high" ]; }
}

# ask_latest -- sets latest and number: what the server says domUs should get.
# Fails where it is not signed, or is older than what was followed before.
ask_latest()
{
	_text=$image_store/.fetch/LATEST
	get_small LATEST "$_text"
	{
		read -r latest number
		openssl base64 -d >"$_text.sig" 2>/dev/null
	} <"$_text"
	is_version "$latest" && can_count "$number" ||
	    fail "$image_url/LATEST names no version: nothing is done."
	echo "$latest $number" >"$_text.line"
	is_signed "$_text.line" "$_text.sig" ||
	    fail "$image_url/LATEST is not signed by $image_key: nothing is done."
	rm -f "$_text" "$_text.line" "$_text.sig"
	tell_age
	read_current
	! is_less "$number" "$serial" ||
	    fail "$image_url/LATEST names $latest by the number $number, but $serial was followed already: the server has gone back, or somebody stands in its place. To take that version all the same: goldmaster-images fetch $latest"
}

# tell_age -- warn where LATEST was signed longer ago than $image_max_age days:
# a server that keeps newer ones back shows the last that it has for ever.  A
# number of less than ten digits is no time; 0 days: nobody wants to know.
tell_age()
{
	[ "$image_max_age" != 0 ] && [ ${#number} -ge 10 ] || return 0
	_now=$(date -u +%s)
	if is_less $((_now + 86400)) "$number"; then
		warn "$image_url/LATEST was signed at a time that is to come: see that the clocks of this host and of the build host are right."
	elif [ $(((_now - number) / 86400)) -gt "$image_max_age" ]; then
		warn "$image_url/LATEST was signed $(((_now - number) / 86400)) days ago, and image_max_age is $image_max_age: the server keeps newer versions back, or nobody signs any more. On the build host, doit image-server signs it anew."
	fi
}

# warn MESSAGE -- for whoever reads the log, too
warn()
{
	say "$*"
	logger -p daemon.err -t goldmaster "$*" 2>/dev/null || :
}

# is_followed VERSION -- was it the server's last choice, and followed?  Then a
# greater number says only that the choice was signed anew.
is_followed()
{
	[ -f "$image_store/followed" ] || return 1
	{
		read -r _name
		read -r _number
	} <"$image_store/followed"
	[ "$_name" = "$1" ] && can_count "$_number" && ! is_less "$_number" "$serial"
}

# follow VERSION NUMBER -- note what was the server's choice
follow()
{
	write_slot "$image_store/followed" "$1" "$2" ''
}

# is_nothing_new -- is $version what was followed already?  What this host was
# told since, by use or rollback, stays then; a number that is new is noted.
is_nothing_new()
{
	if is_followed "$version"; then
		[ "$number" = "$serial" ] || {
			follow "$version" "$number"
			write_slot "$image_store/current" "$now" "$before" "$number"
		}
	else
		[ "$number" = "$serial" ] || return 1
		follow "$version" "$number"
	fi
}

# fetch_version VERSION -- install it, or mend the one that is here
fetch_version()
{
	version=$1 new=$image_store/.fetch/$1
	clear_fetch "$version"
	mkdir -p "$new" || fail "$new cannot be made."
	fetch_list
	take_local KERNELS || fetch_file KERNELS
	choose_files
	missing=''
	for _file in $wanted; do
		take_local "$_file" || missing="$missing $_file"
	done
	check_space
	for _file in $missing; do
		tell_file "$_file"
		fetch_file "$_file"
	done
	check_names
	if has_version "$version"; then
		mend_version
	else
		install_version
	fi
}

# clear_fetch VERSION -- remove what was begun and is none of that version
clear_fetch()
{
	for _rest in "$image_store"/.fetch/*; do
		[ "${_rest##*/}" = "$1" ] || rm -rf "$_rest"
	done
}

# fetch_list -- the version's signed list, and VERSION; sets files, all others
fetch_list()
{
	for _file in SHA256 SHA256.sig; do
		get_small "$version/$_file" "$new/$_file"
	done
	is_signed "$new/SHA256" "$new/SHA256.sig" ||
	    fail "$image_url/$version/SHA256 is not signed by $image_key: nothing is done."
	read_list "$new/SHA256" ||
	    fail "$image_url/$version/SHA256 is not understood: nothing is done."
	get_small "$version/VERSION" "$new/VERSION"
	is_listed "$new" VERSION && read -r _name <"$new/VERSION" &&
	    [ "$_name" = "$version" ] ||
	    fail "$image_url/$version/VERSION is that of another version: nothing is done."
	for _file in $files; do
		can_count "$(listed_size "$new" "$_file")" ||
		    fail "$image_url/$version/VERSION has no size of $_file: nothing is done."
	done
}

# read_list FILE -- sets files: all it lists but VERSION.  Fails where a line
# is not of the one form, a name not plain or there twice, or one is missing.
read_list()
{
	files=' '
	while read -r _kind _name _equals _digest || [ -n "$_kind" ]; do
		_name=${_name#"("}
		_name=${_name%")"}
		is_plain "$_name" || return 1
		case "$_kind $_equals ${#_digest} $_digest" in
		*[!0-9a-f])	return 1 ;;
		'SHA256 = 64 '*)	;;
		*)	return 1 ;;
		esac
		case "$files" in
		*" $_name "*)	return 1 ;;
		esac
		files="$files$_name "
	done <"$1"
	for _name in VERSION KERNELS; do
		case $files in
		*" $_name "*)	;;
		*)	return 1 ;;
		esac
	done
	case $files in
	*" SHA256 "* | *" SHA256.sig "*)	return 1 ;;
	esac
	files="${files%% VERSION *} ${files#* VERSION }"
}

# listed_size FOLDER FILE -- the bytes that the folder's VERSION says
listed_size()
{
	while read -r _name _bytes; do
		if [ "$_name" = "$2" ]; then
			echo "$_bytes"
			return 0
		fi
	done <"$1/VERSION"
	return 1
}

# take_local FILE -- without the server: it was fetched before, or is in a
# version that is here
take_local()
{
	if [ -f "$new/$1" ]; then
		! is_listed "$new" "$1" || return 0
		rm -f "$new/$1"
	fi
	_wanted=$(listed_digest "$new" "$1")
	for _folder in "$image_store"/*; do
		[ -f "$_folder/.installed" ] && _twin=$(file_with "$_folder" "$_wanted") &&
		    [ "$(digest "$_folder/$_twin")" = "$_wanted" ] &&
		    ln "$_folder/$_twin" "$new/$1" || continue
		rm -f "$new/.$1.part"
		return 0
	done
	return 1
}

# file_with FOLDER DIGEST -- the file that its list says this of
file_with()
{
	while read -r _kind _name _equals _digest; do
		_name=${_name#"("}
		_name=${_name%")"}
		if [ "$_digest" = "$2" ] && [ -f "$1/$_name" ]; then
			echo "$_name"
			return 0
		fi
	done <"$1/SHA256"
	return 1
}

# check_space -- does all that is missing go on the disk?
check_space()
{
	_needed=0
	for _file in $missing; do
		_size=$(listed_size "$new" "$_file")
		_had=$(size_of "$new/.$_file.part")
		[ "$_had" -ge "$_size" ] || _needed=$((_needed + (_size - _had) / 1024 + 1))
	done
	_free=$(df -P -k "$image_store" | {
		read -r _
		read -r _ _ _ _kb _
		echo "$_kb"
	})
	[ "$_needed" -le "$_free" ] ||
	    fail "$version needs $_needed KB, $_free are free in $image_store: a smaller image_keep in host.conf, then goldmaster-images prune"
}

# fetch_file FILE -- gone on with as long as that gets any further, and once
# more
fetch_file()
{
	_part=$new/.$1.part _size=$(listed_size "$new" "$1") _again=yes _idle=0
	for _try in 1 2 3 4 5 6 7 8 9 10; do
		_had=$(size_of "$_part")
		if [ "$_had" -lt "$_size" ]; then
			if [ -n "$http_proxy$https_proxy" ]; then
				rm -f "$_part"    # by way of one, ftp(1) cannot go on
				_had=0
			fi
			watched get "$version/$1" "$_part" "$_size"
			if [ "$(size_of "$_part")" -gt "$_had" ]; then
				_idle=0
			else
				_idle=$((_idle + 1))
				[ $_idle -lt 2 ] || break
			fi
		elif [ "$(digest "$_part")" = "$(listed_digest "$new" "$1")" ]; then
			mv "$_part" "$new/$1" || fail "$new/$1 cannot be written."
			return 0
		else
			rm -f "$_part"
			[ -n "$_again" ] ||
			    fail "$image_url/$version/$1 is not what the signed list says: nothing is done."
			_again=''
		fi
	done
	fail "$image_url/$version/$1 cannot be fetched, $(size_of "$_part") of $_size bytes are here. The next goldmaster-images fetch goes on with them."
}

# check_names -- is all there that is wanted, as plain files, and no more?
check_names()
{
	rm -f "$new"/.*.part
	for _path in "$new"/*; do
		case " SHA256 SHA256.sig VERSION $wanted " in
		*" ${_path##*/} "*)	;;
		*)	rm -rf "$_path"
			continue ;;
		esac
		[ -f "$_path" ] && [ ! -L "$_path" ] ||
		    fail "$_path is no plain file: nothing is done."
	done
}

# install_version -- by one rename
install_version()
{
	_last=$(numbered_versions | {
		read -r _number _
		echo "${_number:-0}"
	})
	note_held "$new/.installed" $((_last + 1)) "$(date '+%Y-%m-%d %H:%M')" && sync &&
	    mv "$new" "$image_store/$version" ||
	    fail "$version cannot be put into $image_store."
	sync
	say "installed $version."
}

# mend_version -- add what was fetched, or put it in place of what is damaged,
# file by file; what is attached stays as it is until it is attached again
mend_version()
{
	sync
	for _path in "$new"/*; do
		_old=$image_store/$version/${_path##*/} _done="added ${_path##*/}"
		[ ! -e "$_old" ] || _done="put ${_path##*/} in place of a damaged one"
		! cmp -s "$_path" "$_old" 2>/dev/null || continue
		# its time says that it is new: rc.d/domus reads it again
		touch "$_path" && mv -f "$_path" "$_old" ||
		    fail "$_old cannot be written."
		say "$version: $_done."
	done
	_old=$image_store/$version/.installed
	read -r _number _when <"$_old"
	note_held "$new/.installed" "$_number" "$_when" && mv -f "$new/.installed" "$_old" ||
	    fail "$_old cannot be written."
	rm -rf "$new"
	sync
}
