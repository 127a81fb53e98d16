# shellcheck shell=sh
#
# The server's own keys: made on it, kept in /config/keys beside the
# checkouts, and so in no repository and in no image.  /etc/ssh of the CD has
# links to them.  Needs lib.sh.

# make_keys FOLDER -- the host keys that are not there yet
make_keys()
{
	mkdir -p "$1" && chmod 700 "$1" || return 1
	_made=''
	for _type in rsa ecdsa ed25519; do
		[ ! -f "$1/ssh_host_${_type}_key" ] || continue
		ssh-keygen -q -t "$_type" -N '' -C "$(hostname)" \
		    -f "$1/ssh_host_${_type}_key" || return 1
		_made=yes
	done
	[ -z "$_made" ] || tell_entropy "$1"
}

# tell_entropy FOLDER -- sshd tells it of keys that it makes, and these are made
# before it looks; a release before 10 has no such number
tell_entropy()
{
	case $(sysctl -n kern.entropy.needed 2>/dev/null) in
	'' | 0)	;;
	*)	say "the host keys were made with too little entropy and may be guessed: see"
		say "entropy(7), then remove $1/ssh_host_* and start again." ;;
	esac
}
