# shellcheck shell=sh
#
# Which domUs run: what Xen says, and what this host noted when it started them.
# Needs lib.sh, and domus_ask_seconds: how long xl may take to answer.
#
#	/var/run/goldmaster/domUs/NAME.cfg	what xl was told
#	/var/run/goldmaster/domUs/NAME.state	what it was started from

# shellcheck disable=SC2154 # domus.sh sets domus_ask_seconds

domus_run=/var/run/goldmaster/domUs

# ask WORD... -- a question to xl, which must not keep the console for ever
ask()
{
	timeout -k 5 "$domus_ask_seconds" xl "$@" </dev/null
}

# is_xen_there -- can anything be asked of it?
is_xen_there()
{
	ask list >/dev/null 2>&1 || {
		say "xl does not answer: see that Xen was started, and xencommons."
		return 1
	}
}

# is_running NAME -- also where xl does not say
is_running()
{
	_domid=$(ask domid "$1" 2>/dev/null)
	case $? in
	0)	return 0 ;;
	124 | 137)
		_domid='?' ;;
	*)	return 1 ;;
	esac
}

# ask_store read|list PATH -- a question to Xen's store
ask_store()
{
	timeout -k 5 "$domus_ask_seconds" "xenstore-$1" "$2" </dev/null
}

# load_state NAME -- as conf_state_KEY; fails where it has none.  The file is
# of our own making, and asked for often: so it is read in a simpler way.
# shellcheck disable=SC2034 # they are read by those who call this
load_state()
{
	conf_state_image='' conf_state_order='' conf_state_version=''
	conf_state_disks=''
	[ -f "$domus_run/$1.state" ] || return 1
	while IFS='=' read -r _what _is; do
		case $_what in
		state_image)	conf_state_image=$_is ;;
		state_order)	conf_state_order=$_is ;;
		state_version)	conf_state_version=$_is ;;
		state_disks)	conf_state_disks=$_is ;;
		esac
	done <"$domus_run/$1.state"
}
