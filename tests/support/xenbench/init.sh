#!/xen/busybox sh
#
# init of a dom0 in memory: starts what xl needs, then the test's /job
#
# A job may use the functions here. Its output goes to the console.

export PATH=/xen
consoles=/var/log/xen/console

# say TEXT ... -- print a line on the console
say()
{
	echo "dom0: $*"
}

# fail TEXT ... -- end without the line that a test waits for
fail()
{
	say "failed: $*"
	poweroff -f
}

# until_true SECONDS COMMAND ... -- run a command again and again until it succeeds
until_true()
{
	_tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# attach DEVICE FILE [-r] -- attach a file as a disk with that name; -r: read-only
attach()
{
	_loop=$(losetup -f) || fail "no loop device for $2"
	losetup ${3:+"$3"} "$_loop" "$2" || fail "losetup $_loop $2"
	ln -s "$_loop" "$1"
}

# create FILE ... -- start domUs
create()
{
	for _file; do
		xl create "$_file" </dev/null || fail "xl create $_file"
	done
}

# await TEXT NAME ... -- wait until the consoles of these domUs show it
await()
{
	_text=$1
	shift
	for _name; do
		until_true 40 grep -q "$_text" "$consoles/guest-$_name.log" ||
		    say "$_name did not say $_text"
	done
}

# digest WHEN FILE -- digest of a file's current content
digest()
{
	_sum=$(sha256sum <"$2")
	say "digest $1 ${_sum%% *}"
}

# is_alone -- are there no domUs?
is_alone()
{
	[ "$(xenstore-list /local/domain)" = 0 ]
}

# shut_all -- shut down all domUs with the toolstack.  With -w this xl fails if
# domains disappear while it waits for others.
shut_all()
{
	xl shutdown -a || fail "xl shutdown"
	until_true 20 is_alone || say "not all domUs have ended"
}

# show NAME ... -- the whole output of domUs
show()
{
	for _name; do
		sed "s/^/$_name| /" "$consoles/guest-$_name.log"
	done
}

# start_xen -- file systems, drivers and daemons
start_xen()
{
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	mkdir /dev/pts
	mount -t devpts devpts /dev/pts
	for _module in /modules/*; do
		insmod "$_module" || fail "insmod $_module"
	done
	mount -t xenfs xenfs /proc/xen
	xenstored --pid-file /run/xenstored.pid
	until_true 30 xenstore-read -s / || fail "xenstored does not answer"
	xen-init-dom0 || fail "xen-init-dom0"
	xenconsoled --log=guest --log-dir="$consoles"
}

/xen/busybox --install -s /xen
start_xen
# shellcheck source=/dev/null
. /job
say "the end"
poweroff -f
