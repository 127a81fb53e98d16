# shellcheck shell=sh
#
# Users: the databases that programs look them up in, /etc/pwd.db and
# /etc/spwd.db, are made of /etc/master.passwd.  Those of the image lag behind
# it where packages have brought users; those on /config where another image
# has, or where an update has brought another list.  Needs lib.sh.

# Users and groups that packages have brought: what, name and line of each.
package_accounts=/usr/share/goldmaster/accounts

# prepare_users FOLDER -- before anything looks up a user.  FOLDER is what will
# lie over /etc, or /etc where nothing will.  It is not laid over it yet: files
# made through a union have brought kernels to panic.
prepare_users()
{
	_etc=$1
	_list=$(uppermost master.passwd)
	[ -f "$_list" ] || return 0
	# It holds passwords, and a checkout knows no modes.
	[ "$_list" = /etc/master.passwd ] || chmod 600 "$_list"
	tell_missing_accounts
	_sum=$(cksum <"$_list")
	! are_users_known "$_sum" || return 0
	is_writable "$_etc" || {
		say "/etc cannot be written: users of packages are not known."
		return 0
	}
	if make_user_databases; then
		echo "$_sum" >"$_etc/.pwd.db.sum"
	else
		say "users may be missing: pwd_mkdb /etc/master.passwd failed."
	fi
}

# uppermost NAME -- the file that /etc/NAME will be
uppermost()
{
	if [ -f "$_etc/$1" ]; then
		echo "$_etc/$1"
	else
		echo "/etc/$1"
	fi
}

# are_users_known SUM -- are the databases made of the list with that sum?
# Where none were made here, the image's are good for its own list, unless that
# is younger.
are_users_known()
{
	_database=$(uppermost pwd.db)
	[ -f "$_database" ] && [ -f "$(uppermost spwd.db)" ] || return 1
	if [ -f "$_etc/.pwd.db.sum" ]; then
		read -r _known <"$_etc/.pwd.db.sum"
		[ "$_known" = "$1" ]
	else
		[ "${_list%/*}" = "${_database%/*}" ] &&
		    [ -z "$(find "$_list" -newer "$_database")" ]
	fi
}

# make_user_databases -- and passwd(5), where it is of another list.  The list
# stays where it is: a copy on /config would hide that of the next image.
make_user_databases()
{
	_new=$_etc/.goldmaster.pwd
	rm -rf "$_new" && mkdir -m 700 "$_new" && mkdir "$_new/etc" &&
	    cp -p "$_list" "$_new/etc" &&
	    pwd_mkdb -p -d "$_new" "$_new/etc/master.passwd" || return 1
	if cmp -s "$_new/etc/passwd" "$(uppermost passwd)"; then
		rm "$_new/etc/passwd"
	fi
	rm "$_new/etc/master.passwd" && mv -f "$_new"/etc/* "$_etc" && rm -rf "$_new"
}

# tell_missing_accounts -- a server's own lists hide those of the image
tell_missing_accounts()
{
	[ -f $package_accounts ] || return 0
	while read -r _what _name _line; do
		case $_what in
		user)	_file=master.passwd ;;
		*)	_file=group ;;
		esac
		is_listed "$_name" "$(uppermost $_file)" ||
		    say "/etc/$_file lacks the $_what $_name of a package: $_line"
	done <$package_accounts
}

# is_listed NAME LIST
is_listed()
{
	[ -f "$2" ] || return 1
	while IFS=: read -r _first _; do
		[ "$_first" != "$1" ] || return 0
	done <"$2"
	return 1
}
