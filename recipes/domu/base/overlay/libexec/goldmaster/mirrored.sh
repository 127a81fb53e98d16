# shellcheck shell=sh
#
# For /etc/rc.conf.d/NAME of a service whose data is on the mirror:
#
#	. /libexec/goldmaster/mirrored.sh
#	needs_data nfsd || nfs_server=NO
#
# Without the data the service is not started, and marked; it is started when
# the data comes.
#
#	lies_with_data /var/db/statd.status
#
# What the service keeps there is about the data, and goes where the data goes.

# needs_data NAME -- is it there, or is there no mirror?  NAME: the script in rc.d
needs_data()
{
	[ -f /config/local/storage.conf ] || return 0
	[ ! -e /var/run/goldmaster/mirror/mounted ] || return 0
	mkdir -p /var/run/goldmaster/mirror/waits &&
	    : >"/var/run/goldmaster/mirror/waits/$1"
	return 1
}

# lies_with_data FILE -- it is a link to MOUNT/.NAME, where the mirror is mounted
lies_with_data()
{
	[ -e /var/run/goldmaster/mirror/mounted ] || return 0
	read -r _mount </var/run/goldmaster/mirror/mounted
	ln -sfn "$_mount/.${1##*/}" "$1" ||
	    echo "goldmaster: $1 cannot be kept on $_mount."
}

# start_waiting -- the services that were marked, in their order.  Each mark is
# taken by whoever gets it: rc at its end, or the watcher.
start_waiting()
{
	for _script in $(rcorder -s nostart /etc/rc.d/* 2>/dev/null); do
		_mark=/var/run/goldmaster/mirror/waits/${_script##*/}
		if mv "$_mark" "$_mark.taken" 2>/dev/null; then
			rm -f "$_mark.taken"
			"$_script" start
		fi
	done
}
