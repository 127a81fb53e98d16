/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <sys/disk.h>
#include <sys/errno.h>
#include <sys/systm.h>

#include <fs.h>

/* To read a disk's file system: 0, or why not. */
int
ffs_mount(struct ufsmount *mp, unsigned disk)
{
	struct fs *fs = &mp->um_fs;

	mp->um_disk = disk;
	if (disk >= ndisks)
		return ENXIO;
	if (!disk_read(disk, SBLOCK_UFS1, fs, sizeof *fs))
		return EIO;
	if (fs->fs_magic != FS_UFS1_MAGIC || fs->fs_bsize < MINBSIZE ||
	    fs->fs_bsize > MAXBSIZE || (fs->fs_bsize & (fs->fs_bsize - 1)) != 0 ||
	    fs->fs_fsize < DEV_BSIZE || fs->fs_fsize > fs->fs_bsize ||
	    (fs->fs_fsize & (fs->fs_fsize - 1)) != 0 ||
	    fs->fs_ncg == 0 || fs->fs_ipg == 0 || fs->fs_fpg == 0)
		return EFTYPE;
	return 0;
}

bool
ffs_getinode(const struct ufsmount *mp, uint32_t number, struct ufs1_dinode *ip)
{
	const struct fs *fs = &mp->um_fs;
	uint32_t group = number / fs->fs_ipg;
	uint64_t start;

	if (number < UFS_ROOTINO || group >= fs->fs_ncg)
		return false;
	/* old file systems stagger what is in their groups */
	start = (uint64_t)fs->fs_fpg * group +
	    fs->fs_old_cgoffset * (group & ~fs->fs_old_cgmask);
	return disk_read(mp->um_disk, (start + fs->fs_iblkno) * fs->fs_fsize +
	    number % fs->fs_ipg * sizeof *ip, ip, sizeof *ip);
}
