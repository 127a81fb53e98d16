# shellcheck shell=sh
#
# What it takes to start one domU: an image and a kernel that are what their
# folder's list says, partitions that are there, a file for xl, and xl.  Needs
# lib.sh, conf.sh, images.sh, domuconf.sh, vnd.sh and xl.sh.
#
#	/var/run/goldmaster/checked/PATH	digest that a file was found to
#						have, with , for its /

# shellcheck disable=SC2154 # load_conf sets conf_*; other files the rest

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
# there for disks that are not.  NetBSD opens a block device once, whoever only
# reads it, so that is tried; the raw one opens always.  Sets disks.
has_disks()
{
	_bad=0 disks=''
	for _disk in $disk_keys; do
		eval "_text=\$conf_$_disk"
		[ -n "$_text" ] || continue
		_path=${_text%,?}
		case " $disks " in
		*" $_path "*)
			say "$1: $_disk: $_path is another of its disks, too."
			_bad=1 ;;
		esac
		if ! is_readable "$(raw_disk "$_path")" "$domus_ask_seconds"; then
			say "$1: $_disk: $_path cannot be read; is there such a partition?"
			_bad=1
		elif owner_of "$_path"; then
			say "$1: $_disk: $_path is a disk of $owner, which runs."
			_bad=1
		elif ! is_readable "$_path" "$domus_ask_seconds"; then
			say "$1: $_disk: $_path is in use on this host already."
			_bad=1
		fi
		disks="${disks:+$disks }$_path"
	done
	[ $_bad = 0 ]
}

# owner_of DISK -- sets owner: the domU that runs and has it
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

# attach_and_note NAME -- its image to a disk; and what xl is told, and what
# its state will be, in files
attach_and_note()
{
	attach_image "$1" "$image" || {
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
	0)	! has_opened_all "$1" || {
			say "$1: started."
			return 0
		} ;;
	124 | 137)
		say "$1: xl create did not end within $domus_start_seconds seconds." ;;
	*)	say "$1: xl create failed." ;;
	esac
	# What was made so far; after a failure xl clears up itself.
	! is_running "$1" || ask destroy "$_domid" >/dev/null 2>&1
	rm -f "$domus_run/$1.state"
	return 1
}

# has_opened_all NAME -- did dom0's kernel open all its disks?  xl does not
# know: xbdback(4) opens them when the domain is made, and never tries again, so
# the domain would wait for the others for ever.
has_opened_all()
{
	_end=$(($(date +%s) + domus_ask_seconds))
	while is_running "$1"; do
		_closed=$(closed_disks "$_domid")
		[ -n "$_closed" ] || return 0
		[ "$(date +%s)" -lt $_end ] || break
		sleep 1
	done
	# shellcheck disable=SC2086 # in one line
	say "$1: dom0 could not open its disks:" $_closed
	return 1
}

# closed_disks DOMID -- those that are not in the state Connected, 4
closed_disks()
{
	_vbds=/local/domain/0/backend/vbd/$1
	_numbers=$(ask_store list "$_vbds") || echo "all of them"
	for _vbd in $_numbers; do
		[ "$(ask_store read "$_vbds/$_vbd/state")" = 4 ] ||
		    ask_store read "$_vbds/$_vbd/params"
	done
}
