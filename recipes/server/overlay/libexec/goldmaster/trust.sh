# shellcheck shell=sh
#
# The authorities that this server trusts for https.  The image has a folder of
# them, made by certctl(8)'s rules when the image was built.  Where the server's
# own configuration adds or excludes some, certctl makes another, in memory: the
# image's is read-only, and what is written there would go into the checkout.
#
# Needs lib.sh.

anchors=/etc/openssl/certs
own_anchors=/config/local/etc/openssl
new_anchors=/var/run/goldmaster/certs

# holds_files FOLDER -- or links
holds_files()
{
	for _file in "$1"/*; do
		[ ! -e "$_file" ] && [ ! -h "$_file" ] || return 0
	done
	return 1
}

# has_own_anchors -- does the configuration say anything of them?
has_own_anchors()
{
	[ -f $own_anchors/certs.conf ] || holds_files $own_anchors/trusted ||
	    holds_files $own_anchors/untrusted
}

# trust_own -- nothing here stops the boot: what the image trusts stays
trust_own()
{
	if ! has_own_anchors; then
		! is_mounted $anchors || umount $anchors
	elif [ ! -x /usr/sbin/certctl ]; then
		say "this release has no certctl: /etc/openssl/trusted is not looked at."
	elif ! make_anchors; then
		say "THE AUTHORITIES OF /etc/openssl ARE NOT TRUSTED: see above; only the image's are."
	else
		lay_anchors || say "$anchors cannot be made: only the image's authorities are trusted."
	fi
	rm -rf $new_anchors
}

# make_anchors -- by certctl, in a folder of its own: it would remove the other,
# which cannot be done under a mount
make_anchors()
{
	rm -rf $new_anchors
	mkdir -p "${new_anchors%/*}" && certctl -c $new_anchors rehash
}

# lay_anchors -- over those of the image
lay_anchors()
{
	if is_mounted $anchors; then
		umount $anchors || return 1
	fi
	mount_tmpfs -m 755 -s 16m tmpfs $anchors &&
	    (cd $new_anchors && pax -rw -pe . $anchors)
}
