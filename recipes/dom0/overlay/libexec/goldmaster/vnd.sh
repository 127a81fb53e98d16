# shellcheck shell=sh
#
# Root images as disks.  NetBSD opens a block device once, so each domU has a
# disk of its own for its image, read-only, be it the image of another, too;
# /var/run/goldmaster/vnd/N says "IMAGE DOMU" of vndN.  Needs lib.sh.

vnd_records=/var/run/goldmaster/vnd

# Disks beyond the known ones that may turn out to be somebody else's.
vnd_most_busy=8

# write_file FILE -- what comes in, whole or not at all.  cat tells of a full
# file system, which the shell's own echo may not.
write_file()
{
	_new=${1%/*}/.${1##*/}.new
	if cat >"$_new" && mv "$_new" "$1"; then
		return 0
	fi 2>/dev/null
	rm -f "$_new"
	say "$1 cannot be written."
	return 1
}

# attach_image DOMU IMAGE -- sets vnd: the device that it can read it from
# shellcheck disable=SC2034 # it is read by those who call this
attach_image()
{
	detach_image "$1"
	attach_to_next "$1" "$2" || return 1
	vnd=/dev/vnd${_unit}d
}

# detach_image DOMU -- of one that does not run.  The record may be of a disk
# that was never attached.
detach_image()
{
	for _record in "$vnd_records"/*; do
		[ -f "$_record" ] || continue
		read -r _ _owner <"$_record"
		[ "$_owner" = "$1" ] || continue
		vnconfig -u "vnd${_record##*/}" 2>/dev/null
		rm -f "$_record"
	done
}

# attach_to_next DOMU IMAGE -- to the first disk that is free; sets _unit.  A
# record is made first, so that nobody takes an image away that is to be used.
attach_to_next()
{
	mkdir -p "$vnd_records" || return 1
	_unit=-1 _busy=0
	while [ $_busy -lt $vnd_most_busy ]; do
		_unit=$((_unit + 1))
		[ ! -e "$vnd_records/$_unit" ] || continue
		echo "$2 $1" | write_file "$vnd_records/$_unit" || return 1
		make_vnd $_unit && vnconfig -r "vnd$_unit" "$2" && return 0
		rm -f "$vnd_records/$_unit"
		_busy=$((_busy + 1))
	done
	return 1
}

# make_vnd N -- its device nodes, where there are none
make_vnd()
{
	[ -e "/dev/vnd${1}d" ] ||
	    (cd /dev && sh ./MAKEDEV "vnd$1") >/dev/null 2>&1 ||
	    {
		say "vnd$1: no device nodes, and MAKEDEV could not make them."
		return 1
	}
}

# detach_unused -- the disk of every domU that does not run.  One that is in
# use by somebody else stays, and so does its record.
detach_unused()
{
	for _record in "$vnd_records"/*; do
		[ -f "$_record" ] || continue
		read -r _ _owner <"$_record"
		is_running "$_owner" ||
		    ! vnconfig -u "vnd${_record##*/}" 2>/dev/null ||
		    rm -f "$_record"
	done
}
