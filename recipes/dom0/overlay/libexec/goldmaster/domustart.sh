# shellcheck shell=sh
#
# What it takes to start one domU: an image and a kernel that are what their
# folder's list says, partitions that are there, a file for xl, and xl.  Needs
# lib.sh, conf.sh, images.sh, domuconf.sh, vnd.sh and domus.sh.
#
#	/var/run/goldmaster/domUs/NAME.cfg	what xl was told
#	/var/run/goldmaster/domUs/NAME.state	what it was started from
#	/var/run/goldmaster/checked/PATH	digest that a file was found to
#						have, with , for its /

# shellcheck disable=SC2154 # load_conf sets conf_*; other files the rest

domus_run=/var/run/goldmaster/domUs
domus_checked=/var/run/goldmaster/checked

# start_domu NAME -- fails where it does not run then, and says why
start_domu()
{
	if is_running "$1"; then
		[ "$_domid" != '?' ] || {
			say "$1: not started: xl does not say whether it runs."
			return 1
		}
		say "$1: runs already."
		return 0
	fi
	load_domu "$1" && take_files "$1" && has_disks "$1" &&
	    attach_and_note "$1" && create_domu "$1" && return 0
	say "$1: not started."
	return 1
}

# take_files NAME -- sets image and kernel, checked
take_files()
{
	case " $bridges " in
	*" $conf_bridge "*)	;;
	*)	say "$1: bridge: this host has no $conf_bridge, but $bridges."
		return 1 ;;
	esac
	image_folder "$1"
	if ! is_path "$folder" || [ ! -f "$folder/SHA256" ] || [ ! -f "$folder/KERNELS" ]; then
		say "$1: $folder is no folder of images: it has no SHA256 or no KERNELS."
		return 1
	fi
	is_as_listed "$1" KERNELS && is_as_listed "$1" "$conf_image" || return 1
	kernel=$conf_kernel
	[ -n "$kernel" ] || kernel=$(kernel_of "$folder" "$conf_image")
	is_file_name "$kernel" || {
		say "$1: $folder/KERNELS has no line for $conf_image."
		return 1
	}
	is_as_listed "$1" "$kernel" || return 1
	image=$folder/$conf_image kernel=$folder/$kernel
}

# is_as_listed NAME FILE -- is the file of $folder what the folder's list says?
is_as_listed()
{
	if [ ! -f "$folder/$2" ]; then
		say "$1: there is no $folder/$2."
	elif ! _wanted=$(listed_digest "$folder" "$2"); then
		say "$1: $folder/SHA256 has no line for $2."
	elif ! _found=$(known_digest "$folder/$2"); then
		say "$1: $folder/$2 cannot be read."
	elif [ "$_found" != "$_wanted" ]; then
		say "$1: $folder/$2 is not what $folder/SHA256 says;" \
		    "it is damaged, or was changed."
	else
		return 0
	fi
	return 1
}

# known_digest FILE -- its SHA-256, read once for each start of the machine,
# and again where the file has changed
known_digest()
{
	_mark=$domus_checked/$(echo "$1" | tr / ,)
	if [ -s "$_mark" ] && [ -z "$(find "$1" -cnewer "$_mark")" ]; then
		cat "$_mark"
	else
		_sum=$(digest "$1") && [ -n "$_sum" ] || return 1
		# Where it cannot be noted it is read again the next time.
		echo "$_sum" | write_file "$_mark" >/dev/null
		echo "$_sum"
	fi
}

# has_disks NAME -- can its partitions be read, and are they free?  Nodes are
# there for disks that are not.  Sets disks: those that it may write to.
has_disks()
{
	_bad=0 disks=''
	for _disk in $disk_keys; do
		eval "_text=\$conf_$_disk"
		[ -n "$_text" ] || continue
		_path=${_text%,?}
		if ! is_readable "$(raw_disk "$_path")"; then
			say "$1: $_disk: $_path cannot be read; is there such a partition?"
			_bad=1
		elif [ "$_text" = "$_path,r" ]; then
			continue
		elif owner_of "$_path"; then
			say "$1: $_disk: $_path is a disk of $owner, which runs."
			_bad=1
		fi
		disks="${disks:+$disks }$_path"
	done
	[ $_bad = 0 ]
}

# owner_of DISK -- sets owner: the domU that runs and may write to it
owner_of()
{
	for _state in "$domus_run"/*.state; do
		owner=${_state##*/}
		owner=${owner%.state}
		load_state "$owner" || continue
		case " $conf_state_disks " in
		*" $1 "*)
			! is_running "$owner" || return 0 ;;
		esac
	done
	return 1
}

# is_readable DEVICE -- its nodes are made where there are none
is_readable()
{
	case $1 in
	/dev/r*[a-z][0-9]*)
		_node=${1#/dev/r}
		[ -e "$1" ] ||
		    (cd /dev && sh ./MAKEDEV "${_node%[a-p]}") >/dev/null 2>&1 ;;
	esac
	timeout "$domus_ask_seconds" dd if="$1" of=/dev/null bs=2048 count=1 \
	    >/dev/null 2>&1
}

# attach_and_note NAME -- its image to a disk; and what xl is told, and what
# its state will be, in files
attach_and_note()
{
	attach_image "$image" || {
		say "$1: $image could not be attached as a disk."
		return 1
	}
	_version="cd"
	[ "$folder" = "$image_dir" ] || _version=${folder##*/}
	xl_config "$1" "$kernel" "$vnd" | write_file "$domus_run/$1.cfg" &&
	    write_file "$domus_run/$1.state" <<-EOF
	state_image=$image
	state_order=$conf_boot_order
	state_version=$_version
	state_disks=$disks
	EOF
}

# create_domu NAME
create_domu()
{
	timeout -k 5 "$domus_start_seconds" xl create "$domus_run/$1.cfg" \
	    </dev/null
	case $? in
	0)	say "$1: started."
		return 0 ;;
	124 | 137)
		say "$1: xl create did not end within $domus_start_seconds seconds."
		# What it made so far; after a failure xl clears up itself.
		! is_running "$1" || ask destroy "$_domid" >/dev/null 2>&1 ;;
	*)	say "$1: xl create failed." ;;
	esac
	rm -f "$domus_run/$1.state"
	return 1
}

# load_state NAME -- as conf_state_KEY; fails where it has none.  The file is
# of our own making, and asked for often: so it is read in a simpler way.
# shellcheck disable=SC2034 # they are read by those who call this
load_state()
{
	conf_state_image='' conf_state_order='' conf_state_version=''
	conf_state_disks=''
	[ -f "$domus_run/$1.state" ] || return 1
	while IFS='=' read -r _what _is; do
		case $_what in
		state_image)	conf_state_image=$_is ;;
		state_order)	conf_state_order=$_is ;;
		state_version)	conf_state_version=$_is ;;
		state_disks)	conf_state_disks=$_is ;;
		esac
	done <"$domus_run/$1.state"
}

# is_image_used IMAGE -- does a domU run from it?
is_image_used()
{
	for _state in "$domus_run"/*.state; do
		_owner=${_state##*/}
		_owner=${_owner%.state}
		load_state "$_owner" || continue
		[ "$conf_state_image" != "$1" ] || ! is_running "$_owner" || return 0
	done
	return 1
}
