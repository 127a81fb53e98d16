/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <sys/disk.h>
#include <sys/systm.h>

#include <fs.h>

/* The fragment at which a file's block begins; 0: a hole.  False: unreadable. */
static bool
ffs_bmap(const struct ufsmount *mp, const struct ufs1_dinode *ip, uint64_t block,
    uint32_t *fragment)
{
	uint64_t pointers = mp->um_fs.fs_bsize / sizeof *fragment, span = 1;

	if (block < UFS_NDADDR) {
		*fragment = ip->di_db[block];
		return true;
	}
	block -= UFS_NDADDR;
	for (unsigned level = 0; level < UFS_NIADDR; level++) {
		span *= pointers;	/* that many blocks can be had from here */
		if (block >= span) {
			block -= span;
			continue;
		}
		*fragment = ip->di_ib[level];
		while (span > 1 && *fragment != 0) {
			span /= pointers;
			if (!disk_read(mp->um_disk,
			    (uint64_t)*fragment * mp->um_fs.fs_fsize +
			    block / span * sizeof *fragment, fragment,
			    sizeof *fragment))
				return false;
			block %= span;
		}
		return true;
	}
	return false;
}

/* Up to `size' bytes of a file; how many there were. */
size_t
ffs_read(const struct ufsmount *mp, const struct ufs1_dinode *ip, uint64_t offset,
    void *to, size_t size)
{
	const struct fs *fs = &mp->um_fs;
	char *p = to;
	size_t within, n;
	uint32_t fragment;

	if (offset >= ip->di_size)
		return 0;
	if (size > ip->di_size - offset)
		size = ip->di_size - offset;
	for (; size > 0; p += n, offset += n, size -= n) {
		within = offset % fs->fs_bsize;
		n = fs->fs_bsize - within < size ? fs->fs_bsize - within : size;
		if (!ffs_bmap(mp, ip, offset / fs->fs_bsize, &fragment))
			break;
		if (fragment == 0)
			memset(p, 0, n);
		else if (!disk_read(mp->um_disk,
		    (uint64_t)fragment * fs->fs_fsize + within, p, n))
			break;
	}
	return (size_t)(p - (char *)to);
}
