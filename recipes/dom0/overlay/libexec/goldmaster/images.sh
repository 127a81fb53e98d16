# shellcheck shell=sh
#
# Folders of images.  One is on the CD, and each version in the local store
# is one:
#
#	NAME.ffs	root images
#	XEN3_DOMU_RO	kernels, by the names of their configurations
#	KERNELS		lines "NAME.ffs KERNEL": what each image is started with
#	SHA256		digests of all of these, in the form of cksum(1)
#
# The store, host.conf's image_store:
#
#	VERSION/	a folder of images
#	current		name of the version that domUs get, in its first line
#	pins/DOMU	likewise, the version that this domU gets
#
# There "cd" means the folder on the CD.  versions.sh tells the rest.
#
# Needs lib.sh and conf.sh.

# load_host -- settings of this host: sets image_dir and image_store
load_host()
{
	load_conf /config/local/host.conf memory dom0_memory cpus address mac \
	    bridges image_dir image_store image_url image_keep image_max_age ||
	    return 1
	# shellcheck disable=SC2154 # set by load_conf
	image_dir=${conf_image_dir:-/images} image_store=$conf_image_store
}

# image_folder DOMU -- sets folder: where its image is taken from
# shellcheck disable=SC2034 # it is read by those who call this
image_folder()
{
	folder=$image_dir
	[ -n "$image_store" ] || return 0
	for _choice in "$image_store/pins/$1" "$image_store/current"; do
		if [ -f "$_choice" ]; then
			read -r _version <"$_choice"
			[ "$_version" = cd ] || folder=$image_store/$_version
			return 0
		fi
	done
}

# listed_digest FOLDER FILE -- the SHA-256 that the folder's list says;
# fails where the list does not have the file
listed_digest()
{
	while read -r _kind _name _equals _digest; do
		if [ "$_kind $_name $_equals" = "SHA256 ($2) =" ]; then
			echo "$_digest"
			return 0
		fi
	done <"$1/SHA256"
	return 1
}

# digest FILE -- its SHA-256
digest()
{
	cksum -a sha256 <"$1"
}

# is_listed FOLDER FILE -- is the file what the list says?
is_listed()
{
	_wanted=$(listed_digest "$1" "$2") && [ "$(digest "$1/$2")" = "$_wanted" ]
}

# kernel_of FOLDER IMAGE -- the kernel it is started with
kernel_of()
{
	while read -r _image _kernel; do
		if [ "$_image" = "$2" ]; then
			echo "$_kernel"
			return 0
		fi
	done <"$1/KERNELS"
	return 1
}
