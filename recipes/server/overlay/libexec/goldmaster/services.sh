# shellcheck shell=sh
#
# Which services a change of the configuration touches.  A file is a
# service's by its name:
#
#	etc/rc.d/NAME, etc/rc.conf.d/NAME, etc/NAME.conf, etc/NAME/...
#
# where there is a script /etc/rc.d/NAME, and by the table in service_of for
# the others.  A file in global is what links in local/etc lead to it from.
# Needs lib.sh and update.sh.

# shellcheck disable=SC2154 # variables of update.sh

# tell_changes -- the list of changes, as svn diff --summarize has it
tell_changes()
{
	say "from revision $old_local to $new_local:"
	cat "$stage/changes"
}

# find_services CHANGES -- lines "SERVICE PATH", a service once
find_services()
{
	_told=' '
	while IFS= read -r _line; do
		_path=${_line#????????}
		case $_path in
		local/*)	services_of "${_path#local/}" "$_path" ;;
		global/*)	linked_services "$_path" ;;
		esac
	done <"$1"
}

# linked_services PATH -- services of all links to a file of global
linked_services()
{
	find /config/local/etc -type l >"$stage/links"
	while IFS= read -r _link; do
		[ "$(readlink "$_link")" != "/config/$1" ] ||
		    services_of "${_link#/config/local/}" "$1"
	done <"$stage/links"
}

# services_of PATH CHANGED -- prints a line where there is one, and it was not
# told yet.  PATH is from the server's own folder.
services_of()
{
	_service=$(service_of "$1")
	case $_service in
	'')	return 0 ;;
	esac
	case $_told in
	*" $_service "*)	return 0 ;;
	esac
	_told="$_told$_service "
	echo "$_service $2"
}

# service_of PATH -- the service whose configuration it is; empty: of none.
# "domus/NAME" is one domU; "-" only a new start takes in.
service_of()
{
	case $1 in
	domUs/*)		echo "domus/${1#domUs/}" ;;
	host.conf)		is_service domus ;;
	storage.conf | server.conf | etc/fstab | etc/rc | etc/rc.conf)
				echo - ;;
	etc/ifconfig.* | etc/mygate | etc/myname)
				is_service network ;;
	etc/exports)		is_service mountd ;;
	etc/master.passwd | etc/passwd | etc/group | etc/hosts)
				;;
	etc/iscsi/targets)	is_service iscsi_target ;;
	etc/iscsi/volumes | etc/iscsi/auths)
				is_service iscsid ;;
	etc/ssh/*)		is_service sshd ;;
	etc/openssl/certs.conf | etc/openssl/trusted/* | etc/openssl/untrusted/*)
				is_service trust ;;
	etc/rc.d/* | etc/rc.conf.d/*)
				is_service "${1##*/}" ;;
	etc/*/*)		_name=${1#etc/}
				is_service "${_name%%/*}" ;;
	etc/*.conf)		_name=${1#etc/}
				_name=${_name%.conf}
				is_service "$_name" || is_service "${_name}d" ;;
	esac
}

# is_service NAME -- prints the name, if there is a script for it
is_service()
{
	case $1 in
	*[!A-Za-z0-9_-]*)	return 1 ;;
	esac
	[ -f "/etc/rc.d/$1" ] && echo "$1"
}

# tell_services [RESTART] -- of lines "SERVICE PATH"; restarts them, if told so
tell_services()
{
	say "what is touched:"
	while read -r _service _path; do
		case $_service in
		-)	echo "	$_path: a new start of the server" ;;
		domus/*)	echo "	$_path: /etc/rc.d/domus restart ${_service#*/}" ;;
		*)	echo "	$_path: /etc/rc.d/$_service restart"
			[ -z "$1" ] || restart "$_service" ;;
		esac
	done
}

# restart SERVICE -- but for what takes the server from its users
restart()
{
	case $1 in
	domus | network)	return 0 ;;
	esac
	sh "/etc/rc.d/$1" restart </dev/null || say "$1 could not be restarted."
}
