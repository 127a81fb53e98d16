# shellcheck shell=sh
#
# Packages from the repository.  Settings, from rc.conf:
#
#	pkgchk		YES or NO
#	pkgchk_url	folder of the packages, http://packages/current/All
#	pkgchk_limit	seconds that it may take; then the boot goes on
#
# Needs lib.sh.

# pkgchk_conf -- the server's own list comes before the fleet's
pkgchk_conf()
{
	for _conf in /config/local/pkgchk.conf /config/global/pkgchk.conf; do
		if [ -r "$_conf" ]; then
			echo "$_conf"
			return 0
		fi
	done
	return 1
}

# check_packages -- adds what is missing and updates the rest.  Nothing here
# stops the boot: without the repository the packages of yesterday are used.
check_packages()
{
	if [ -z "${pkgchk_url:-}" ]; then
		say "pkgchk=YES, but pkgchk_url is not set in rc.conf."
	elif ! _conf=$(pkgchk_conf); then
		say "pkgchk=YES, but neither /config/local nor /config/global has a pkgchk.conf."
	elif [ ! -x /usr/pkg/sbin/pkg_chk ]; then
		say "pkgchk=YES, but the image has no pkg_chk: add pkgtools/pkg_chk to its recipe."
	elif ! is_writable /usr/pkg; then
		say "pkgchk=YES, but /usr/pkg cannot be written: the fstab mounts no disk there."
	else
		run_pkg_chk "$_conf"
	fi
	return 0
}

# run_pkg_chk CONF
run_pkg_chk()
{
	say "packages from $pkgchk_url, as $1 wants them"
	# pkg_chk reads no pkg_install.conf; its own place is that of whoever built it
	PKG_DBDIR=$(pkg_admin config-var PKG_DBDIR) \
	    timeout -k 10 "${pkgchk_limit:=600}" /usr/pkg/sbin/pkg_chk -b -a -u -k \
	    -P "$pkgchk_url" -C "$1"
	case $? in
	0)	say "packages are as they should be." ;;
	124 | 137)	say "PACKAGES: NOT DONE AFTER $pkgchk_limit SECONDS, going on." ;;
	*)	say "PACKAGES ARE NOT AS THEY SHOULD BE: does $pkgchk_url answer?" ;;
	esac
}
