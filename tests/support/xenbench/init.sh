#!/xen/busybox sh
#
# init of a dom0 that lives in memory: what xl needs, then the test's /job
#
# A job may use the functions here. All that it prints is on the console.

export PATH=/xen
consoles=/var/log/xen/console

# say TEXT ... -- a line of the console's
say()
{
	echo "dom0: $*"
}

# fail TEXT ... -- the end, without the line that a test waits for
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

# attach DEVICE FILE [-r] -- let a file be a disk of that name; -r: read-only
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

# await TEXT NAME ... -- until the consoles of these domUs have said it
await()
{
	_text=$1
	shift
	for _name; do
		until_true 40 grep -q "$_text" "$consoles/guest-$_name.log" ||
		    say "$_name did not say $_text"
	done
}

# digest WHEN FILE -- of what is in a file now
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

# shut_all -- have all domUs end as the toolstack asks them to.  With -w this
# xl falls over the domains that go while it waits for others.
shut_all()
{
	xl shutdown -a || fail "xl shutdown"
	until_true 20 is_alone || say "not all domUs have ended"
}

# show NAME ... -- all that domUs have said
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
