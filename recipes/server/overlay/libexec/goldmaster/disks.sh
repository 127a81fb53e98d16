# shellcheck shell=sh
#
# /var, /tmp and packages on a disk of this machine, as its fstab says:
#
#	/dev/wd0f	/var		ffs	rw	1 2
#	/dev/wd0g	/tmp		ffs	rw	1 2
#	/dev/wd0h	/pkg		ffs	rw	1 2
#	/pkg		/usr/pkg	union	rw,noauto 0 0
#
# Needs lib.sh.

# What laying packages over the image's needs to know the next time: the
# image's packages then, and the files that were copied from it.
layer_notes=/pkg/.goldmaster

# Of the disk on /var: names and sum of the image's packages that were copied
# to its database.
var_notes=/var/db/.goldmaster

# leave_out_gone -- adds to fsck_flags, so that rc.d/fsck does not check a file
# system whose disk is gone (died, pulled, with another number) or new.  It would
# end the boot in a shell, and nobody could reach the server.
leave_out_gone()
{
	while read -r _device _node _ _ _ _pass _; do
		case $_device:$_pass in
		\#* | *: | *:0 | *:[!0-9]*)	continue ;;
		esac
		_disk=$(disk_named "$_device")
		case $_disk in
		/dev/*)	_disk=$(raw_disk "$_disk") ;;
		?*)	continue ;;
		esac
		if ! is_readable "$_disk" 20; then
			say "$_device IS GONE: $_node is not checked, and cannot be mounted."
		elif has_zeros "$_disk"; then
			say "$_device IS EMPTY: $_node cannot be mounted before newfs(8)."
		else
			continue
		fi
		fsck_flags="$fsck_flags -x $_node"
	done </etc/fstab
}

# disk_named DEVICE -- of the fstab: NAME=LABEL is a wedge; nothing where there
# is none
disk_named()
{
	case $1 in
	NAME=*)	all_wedges 2>/dev/null | while read -r _dk _ _label; do
			[ "NAME=$_label" != "$1" ] || echo "/dev/$_dk"
		done ;;
	*)	echo "$1" ;;
	esac
}

# mount_disks -- /tmp and /var, before NetBSD's rc clears what is in them.  A
# disk may be new: then it gets the folders that rc wants to find.
mount_disks()
{
	! in_fstab /tmp || is_mounted /tmp || { mount /tmp && chmod 1777 /tmp; } ||
	    without_disk /tmp mount_tmpfs -m 1777 -s 64m tmpfs /tmp
	! in_fstab /var || is_mounted /var || over_var mount /var ||
	    without_disk /var var_in_memory
}

# after_var -- the disk's database of packages, where the release has it in /var
# (9.4: /var/db/pkg), has what was installed here and what this image has, and
# nothing of an earlier image: pkg_info(1) would list both versions of a package,
# and what the image has no more.  The image's own /var is on /mnt.
after_var()
{
	[ -d /mnt/db/pkg ] && [ -d /var/db/pkg ] || return 0
	_sum=$(names_in /mnt/db/pkg | cksum)
	[ "$(read_line $var_notes/sum)" != "$_sum" ] || return 0
	if renew_database; then
		echo "$_sum" >$var_notes/sum
	else
		say "/var/db/pkg was not made to fit the image's packages: is /var full?"
	fi
}

# renew_database -- the notes have the names of both images' packages first, so
# that the next start can go on where this is cut off
renew_database()
{
	mkdir -p $var_notes && rm -f $var_notes/sum && : >>$var_notes/names &&
	    names_in /mnt/db/pkg | cat $var_notes/names - >$var_notes/both &&
	    mv $var_notes/both $var_notes/names || return 1
	while read -r _name; do
		rm -rf "/var/db/pkg/$_name"
	done <$var_notes/names
	(cd /mnt/db/pkg && pax -rw -k -pe . /var/db/pkg) &&
	    pkg_admin rebuild && pkg_admin rebuild-tree &&
	    names_in /mnt/db/pkg >$var_notes/names
}

# names_in FOLDER -- of the folders in it
names_in()
{
	for _folder in "$1"/*/; do
		[ ! -d "$_folder" ] || {
			_folder=${_folder%/}
			echo "${_folder##*/}"
		}
	done
}

# read_line FILE -- its first; nothing where there is no file
read_line()
{
	[ ! -f "$1" ] || { read -r _line <"$1" && echo "$_line"; }
}

# without_disk FOLDER COMMAND... -- when its disk cannot be mounted
without_disk()
{
	say "$1 CANNOT BE MOUNTED: see its line in /etc/fstab, and run fsck on it."
	say "$1 is in memory until the next boot; the disk is left as it is."
	shift
	"$@" || say "nor is there memory for that."
}

# mount_packages -- the disk's over the image's, where the fstab wants it.
# Packages can then be added and deleted; with the disk gone, those of the
# image are left.  The database is where the image's pkg_install.conf says (the
# release's packages.database); outside of /usr/pkg (9.4: /var/db/pkg) the union
# does not lie over it, and after_var looks after it.
mount_packages()
{
	in_fstab /usr/pkg && ! is_mounted /usr/pkg || return 0
	is_mounted /pkg || mount /pkg || {
		say "/pkg cannot be mounted: only the image's packages are here."
		return 1
	}
	database=$(pkg_admin config-var PKG_DBDIR)
	case $database in
	/usr/pkg/*)	_packages=$(packages_sum) ;;
	*)	_packages= ;;
	esac
	if [ -z "$_packages" ] || is_known_layer "$_packages"; then
		mount /usr/pkg
		return
	fi
	if ! { renew_layer && mount /usr/pkg && pkg_admin rebuild &&
	    pkg_admin rebuild-tree && echo "$_packages" >$layer_notes/packages; }
	then
		say "/pkg was not made to fit the image's packages: is it full?"
		say "What pkg_info(1) says of dependencies may be wrong until it is."
		return 1
	fi
}

# packages_sum -- tells one choice of packages in the image from another
packages_sum()
{
	for _folder in "$database"/*/; do
		echo "$_folder"
	done | cksum
}

# is_known_layer SUM -- was /pkg used with these packages before?
is_known_layer()
{
	[ -f $layer_notes/packages ] && read -r _known <$layer_notes/packages &&
	    [ "$_known" = "$1" ]
}

# renew_layer -- what pkg_add changes in the database must lie on the disk:
# the union does not copy it from the image.  What was copied from another
# image goes first, and so do empty folders: the union made one for each of that
# image's packages that anybody looked up, and each counts as a package.
renew_layer()
{
	mkdir -p $layer_notes && rm -f $layer_notes/packages || return 1
	remove_copies
	: >$layer_notes/copies
	_layer=/pkg${database#/usr/pkg}
	rm -f "$_layer/pkgdb.byfile.db"
	rmdir "$_layer"/*/ 2>/dev/null
	for _file in "$database"/*/+REQUIRED_BY "$database/pkgdb.byfile.db"; do
		[ -f "$_file" ] || continue
		_copy=/pkg${_file#/usr/pkg}
		echo "$_copy" >>$layer_notes/copies &&
		    mkdir -p "${_copy%/*}" && cp -p "$_file" "$_copy" || return 1
	done
}

# remove_copies -- of the files of another image
remove_copies()
{
	[ -f $layer_notes/copies ] || return 0
	while read -r _copy; do
		rm -f "$_copy"
	done <$layer_notes/copies
}
