/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <sys/systm.h>

#include <fs.h>

/* The number of what a folder has under that name; 0: nothing. */
static uint32_t
search(const struct ufsmount *mp, const struct ufs1_dinode *folder,
    const char *name, size_t len)
{
	_Alignas(struct direct) char block[UFS_DIRBLKSIZ];
	const struct direct *d;

	for (uint64_t offset = 0; ffs_read(mp, folder, offset, block, sizeof block) ==
	    sizeof block; offset += sizeof block)
		for (size_t at = 0; at + sizeof *d <= sizeof block;
		    at += d->d_reclen) {
			d = (const void *)(block + at);
			if (d->d_reclen < sizeof *d + d->d_namlen ||
			    d->d_reclen % 4 != 0 || d->d_reclen > sizeof block - at)
				return 0;	/* damaged */
			if (d->d_fileno != 0 && d->d_namlen == len &&
			    memcmp(d->d_name, name, len) == 0)
				return d->d_fileno;
		}
	return 0;
}

/* A path from the root; links are not followed. */
bool
ufs_lookup(const struct ufsmount *mp, const char *path, struct ufs1_dinode *ip)
{
	uint32_t number = UFS_ROOTINO;
	size_t len;

	for (;;) {
		while (*path == '/')
			path++;
		if (!ffs_getinode(mp, number, ip))
			return false;
		if (*path == '\0')
			return true;
		for (len = 0; path[len] != '/' && path[len] != '\0'; len++)
			continue;
		if ((ip->di_mode & IFMT) != IFDIR ||
		    (number = search(mp, ip, path, len)) == 0)
			return false;
		path += len;
	}
}
