# shellcheck shell=sh
#
# The disk that a domU has for swap, as its fstab says:
#
#	/dev/xbd2b	none	swap	sw	0 0
#
# The kernel swaps only to a partition that a label says is for swap, so a disk
# without a label gets one.  The label is safe: the first page is not used.
#
# Needs lib.sh.

# label_swap_disks -- all that are new
label_swap_disks()
{
	while read -r _device _ _type _; do
		case $_type:$_device in
		swap:/dev/xbd*[0-9]b)
			label_swap_disk "${_device#/dev/}" ;;
		swap:/dev/xbd*[0-9]d)
			say "$_device in the fstab is no partition for swap;" \
			    "${_device%d}b is, and gets its label by itself." ;;
		esac
	done </etc/fstab
}

# label_swap_disk PARTITION -- unless its disk has a label
label_swap_disk()
{
	_disk=${1%b}
	! disklabel -r "$_disk" >/dev/null 2>&1 || return 0
	if ! is_blank "$_disk"; then
		say "$_disk has no label and is not empty: no swap. Where what it holds can go:"
		say "dd if=/dev/zero of=/dev/r${_disk}d bs=64k count=2"
		return 0
	fi
	# The label that the kernel has made up is shown with complaints about it.
	_label=$(disklabel "$_disk" 2>/dev/null)
	with_swap "$_label" | disklabel -R -r "$_disk" /dev/stdin ||
	    say "$_disk gets no label: no swap."
}

# with_swap LABEL -- as disklabel(8) prints it; all of the disk is for swap
with_swap()
{
	_sectors=${1#*"total sectors: "}
	_sectors=${_sectors%%[!0-9]*}
	cat <<END
${1%%[0-9] partitions:*}
4 partitions:
 b: $_sectors 0 swap
 d: $_sectors 0 unused 0 0
END
}
