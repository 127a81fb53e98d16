/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <sys/disk.h>
#include <sys/systm.h>

#include <fs.h>

/*
 * Up to `size' bytes of a file; how many there were.  What an inode does not
 * point to itself, the end of a file of more than twelve blocks, is not read.
 */
size_t
ffs_read(const struct ufsmount *mp, const struct ufs1_dinode *ip, uint64_t offset,
    void *to, size_t size)
{
	const struct fs *fs = &mp->um_fs;
	char *p = to;
	size_t within, n;
	uint64_t block;

	if (offset >= ip->di_size)
		return 0;
	if (size > ip->di_size - offset)
		size = ip->di_size - offset;
	for (; size > 0; p += n, offset += n, size -= n) {
		within = offset % fs->fs_bsize;
		n = fs->fs_bsize - within < size ? fs->fs_bsize - within : size;
		block = offset / fs->fs_bsize;
		if (block >= UFS_NDADDR)
			break;
		if (ip->di_db[block] == 0)
			memset(p, 0, n);	/* a hole */
		else if (!disk_read(mp->um_disk,
		    (uint64_t)ip->di_db[block] * fs->fs_fsize + within, p, n))
			break;
	}
	return (size_t)(p - (char *)to);
}
