# shellcheck shell=sh
#
# Maps of NIS, so that users of roles have the same numbers on every server.
# They are made of two files of the site, in the form of passwd(5) without
# passwords and of group(5):
#
#	/config/global/nis/passwd
#	/config/global/nis/group
#
# NetBSD's ypinit makes maps of all of /etc by make(1), which an image need not
# have; nothing but these is wanted, and no passwords go over the net.  Needs
# lib.sh.

nis_source=/config/global/nis
nis_folder=/var/yp

# make_maps -- where there is a domain; the old maps stay where that fails
make_maps()
{
	[ -s /etc/defaultdomain ] || return 0
	read -r _domain </etc/defaultdomain
	for _file in passwd group; do
		if [ ! -r "$nis_source/$_file" ]; then
			say "NIS: $nis_source/$_file is not there: no maps are made."
			return 1
		fi
		check_numbers "$nis_source/$_file" || return 1
	done
	if ! { mkdir -p "$nis_folder/$_domain" &&
	    make_map passwd.byname passwd 1 && make_map passwd.byuid passwd 3 &&
	    make_map group.byname group 1 && make_map group.bygid group 3; }; then
		say "NIS: maps of $_domain were not made: is /var full?"
		return 1
	fi
}

# make_map NAME FILE FIELD -- keys are that field, values whole lines
make_map()
{
	awk -F : -v "field=$3" '/^[A-Za-z_]/ { print $field "\t" $0 }' \
	    "$nis_source/$2" |
	    makedbm -m "$(hostname)" - "$nis_folder/$_domain/$1.new" &&
	    mv "$nis_folder/$_domain/$1.new.db" "$nis_folder/$_domain/$1.db"
}

# check_numbers FILE -- no name and no number twice: that is what it is for
check_numbers()
{
	_twice=$(awk -F : '/^[A-Za-z_]/ { if (seen[$1]++ || number[$3]++) print $1 }' "$1")
	[ -z "$_twice" ] || {
		say "NIS: $1 has a name or a number twice: $_twice. No maps are made."
		return 1
	}
}
