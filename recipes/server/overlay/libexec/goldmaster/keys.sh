# shellcheck shell=sh
#
# The server's own keys: made on it, kept in /config/keys beside the
# checkouts, and so in no repository and in no image.  /etc/ssh of the CD has
# links to them.  Needs lib.sh.

# make_keys FOLDER -- the host keys that are not there yet
make_keys()
{
	mkdir -p "$1" && chmod 700 "$1" || return 1
	for _type in rsa ecdsa ed25519; do
		[ -f "$1/ssh_host_${_type}_key" ] ||
		    ssh-keygen -q -t "$_type" -N '' -C "$(hostname)" \
			-f "$1/ssh_host_${_type}_key" || return 1
	done
}
