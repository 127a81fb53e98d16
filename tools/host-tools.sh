#!/bin/sh
#
# host-tools.sh python | build [test]: check that the host's tools are there.
#
# Missing packages are installed with apt-get if this runs as root, or if sudo
# needs no password; otherwise the command to run is printed, and the exit
# status is 1.  None of the packages changes how the host boots: GRUB's are its
# modules and grub-mkimage, and Xen is not included.

# shellcheck disable=SC2034 # the lists are read by their names
set -eu

# A required tool or file, and its package; @venv is the module that creates
# virtual environments, for the Python that $PYTHON names.
venv=${PYTHON:-python3}
python="
@venv:${venv##*/}-venv
"
build="
cc:gcc
c++:g++
ld:binutils
make:make
grub-mkimage:grub-common
/usr/lib/grub/i386-pc/kernel.img:grub-pc-bin
/usr/lib/grub/x86_64-efi/kernel.img:grub-efi-amd64-bin
mtools:mtools
openssl:openssl
apt-get:apt
"
test="
qemu-system-x86_64:qemu-system-x86
/usr/share/OVMF/OVMF_CODE.fd|/usr/share/OVMF/OVMF_CODE_4M.fd:ovmf
xorriso:xorriso
bsdtar:libarchive-tools
isoinfo:genisoimage
fls:sleuthkit
makefs:makefs
mtree:mtree-netbsd
grub-fstest:grub-common
faketime:faketime
dash:dash
mksh:mksh
strace:strace
sgdisk:gdisk
sfdisk:fdisk
svnserve:subversion
tnftp:tnftp
rsync:rsync
flock:util-linux
unshare:util-linux
setpriv:util-linux
blkid:util-linux
file:file
mandoc:mandoc
patch:patch
hostname:hostname
gpg:gnupg
"

has_venv() {
	{ [ -z "${PYTHON:-}" ] && .venv/bin/python -c "" 2>/dev/null; } ||
	"${PYTHON:-python3}" -c "import ensurepip, venv" 2>/dev/null
}

is_there() {
	alternatives=$1
	while [ -n "$alternatives" ]; do
		first=${alternatives%%"|"*}
		case $first in
		@venv)	! has_venv || return 0 ;;
		/*)	[ ! -e "$first" ] || return 0 ;;
		*)	! PATH=$PATH:/usr/sbin:/sbin command -v "$first" >/dev/null 2>&1 || return 0 ;;
		esac
		[ "$alternatives" != "$first" ] || return 1
		alternatives=${alternatives#*"|"}
	done
}

wanted() {
	for kind in "$@"; do
		eval "printf '%s\n' \"\$$kind\""
	done
}

missing=
for entry in $(wanted "$@"); do
	is_there "${entry%:*}" || missing="$missing ${entry##*:}"
done

# Runs a command as root, or through a sudo that needs no password.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

may() {
	[ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

# The distribution's package lists name the hypervisor that is downloaded.
names_xen() {
	apt-cache pkgnames xen-hypervisor- 2>/dev/null | grep "^xen-hypervisor-.*-amd64$"
}

# Package lists older than a day may name a hypervisor that the mirrors no
# longer have, so a download is tried, once a day.
is_stale() {
	lists=${APT_LISTS:-/var/lib/apt/lists} asked=.venv/hypervisor-asked
	[ -n "$(find "$lists" -maxdepth 0 -mtime +0 2>/dev/null)" ] || return 1
	[ -z "$(find "$asked" -mtime 0 2>/dev/null)" ] || return 1
	mkdir -p "${asked%/*}" && : >"$asked"
	folder=$(mktemp -d)
	stale=1
	# shellcheck disable=SC2046  # one word a package
	(cd "$folder" && apt-get -q download $(names_xen)) >/dev/null 2>&1 || stale=0
	rm -rf "$folder"
	return "$stale"
}

if [ -n "$missing" ] && ! may; then
	echo "These host packages are needed:$missing" >&2
	echo "As root:" >&2
	echo "    apt-get update && apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
if [ -n "$missing" ]; then
	as_root apt-get -q update
	# shellcheck disable=SC2086  # one word a package
	as_root env DEBIAN_FRONTEND=noninteractive \
	    apt-get -q install -y --no-install-recommends $missing
elif [ "$1" = python ]; then
	:
elif ! names_xen >/dev/null; then
	if ! may; then
		echo "apt knows of no hypervisor. As root:" >&2
		echo "    apt-get update" >&2
		exit 1
	fi
	as_root apt-get -q update
elif is_stale; then  # an earlier download may be sufficient, so this is not an error
	if ! may || ! as_root apt-get -q update; then
		echo "apt's package lists may be out of date. As root:" >&2
		echo "    apt-get update" >&2
	fi
fi
