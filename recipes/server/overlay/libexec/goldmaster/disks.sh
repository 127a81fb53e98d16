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

# mount_disks -- /tmp and /var, before NetBSD's rc clears what is in them.  A
# disk may be new: then it gets the folders that rc wants to find.
mount_disks()
{
	! in_fstab /tmp || is_mounted /tmp || { mount /tmp && chmod 1777 /tmp; } ||
	    without_disk /tmp mount_tmpfs -m 1777 -s 64m tmpfs /tmp
	! in_fstab /var || is_mounted /var || over_var mount /var ||
	    without_disk /var var_in_memory
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
# image are left.
mount_packages()
{
	in_fstab /usr/pkg && ! is_mounted /usr/pkg || return 0
	is_mounted /pkg || mount /pkg || {
		say "/pkg cannot be mounted: only the image's packages are here."
		return 1
	}
	_packages=$(packages_sum)
	if is_known_layer "$_packages"; then
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
	for _folder in /usr/pkg/pkgdb/*/; do
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
	rmdir /pkg/pkgdb/*/ 2>/dev/null
	: >$layer_notes/copies
	for _file in /usr/pkg/pkgdb/*/+REQUIRED_BY /usr/pkg/pkgdb/pkgdb.byfile.db; do
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
	rm -f /pkg/pkgdb/pkgdb.byfile.db
}
