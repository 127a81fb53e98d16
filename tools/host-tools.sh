#!/bin/sh
#
# host-tools.sh build [test]: see that the host's tools are there.
#
# Missing ones are installed with apt-get when this runs as root or sudo asks
# no password; otherwise the command to run is printed, and the exit status
# is 1.  None of the packages changes how the host boots: GRUB comes as
# modules and grub-mkimage, and Xen is not among them.

set -eu

# A tool or file that must be there, and the package that has it.
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
shellcheck:shellcheck
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
hostname:hostname
gpg:gnupg
"

is_there() {
	alternatives=$1
	while [ -n "$alternatives" ]; do
		first=${alternatives%%"|"*}
		case $first in
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

# The distribution's package lists name the hypervisor that is downloaded.
if [ -z "$missing" ] && apt-cache pkgnames xen-hypervisor- 2>/dev/null | grep -q .; then
	exit 0
fi

run=
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		run="sudo"
	else
		echo "These host packages are needed:$missing" >&2
		echo "As root:" >&2
		echo "    apt-get update && apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
fi
$run apt-get -q update
if [ -n "$missing" ]; then
	DEBIAN_FRONTEND=noninteractive $run apt-get -q install -y --no-install-recommends $missing
fi
