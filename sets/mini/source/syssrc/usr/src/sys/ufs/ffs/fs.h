/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What is read of an FFS version 1: superblock, inodes, entries of folders.
 */
#ifndef _UFS_FFS_FS_H_
#define	_UFS_FFS_FS_H_

#include <sys/types.h>

#define	SBLOCK_UFS1	8192
#define	FS_UFS1_MAGIC	0x011954
#define	UFS_ROOTINO	2
#define	UFS_NDADDR	12
#define	UFS_NIADDR	3
#define	UFS_DIRBLKSIZ	512
#define	MINBSIZE	4096
#define	MAXBSIZE	65536

struct fs {
	uint8_t		fs_pad0[16];
	uint32_t	fs_iblkno;		/* inodes, in fragments of a group */
	uint32_t	fs_dblkno;
	uint32_t	fs_old_cgoffset, fs_old_cgmask;
	uint8_t		fs_pad1[12];
	uint32_t	fs_ncg;			/* groups */
	uint32_t	fs_bsize, fs_fsize;	/* bytes of a block, of a fragment */
	uint8_t		fs_pad2[128];
	uint32_t	fs_ipg, fs_fpg;		/* inodes and fragments of a group */
	uint8_t		fs_pad3[1180];
	uint32_t	fs_magic;
};
_Static_assert(sizeof(struct fs) == 1376, "struct fs");

struct ufs1_dinode {
	uint16_t	di_mode, di_nlink;
	uint32_t	di_oldids;
	uint64_t	di_size;
	uint32_t	di_times[6];
	uint32_t	di_db[UFS_NDADDR], di_ib[UFS_NIADDR];	/* fragments */
	uint32_t	di_pad[7];
};
_Static_assert(sizeof(struct ufs1_dinode) == 128, "struct ufs1_dinode");

#define	IFMT	0170000
#define	IFDIR	0040000
#define	IFREG	0100000

struct direct {
	uint32_t	d_fileno;		/* 0: none */
	uint16_t	d_reclen;
	uint8_t		d_type, d_namlen;
	char		d_name[];
};

struct ufsmount {
	unsigned	um_disk;
	struct fs	um_fs;
};

/* ffs_vfsops.c */
int	ffs_mount(struct ufsmount *, unsigned);
bool	ffs_getinode(const struct ufsmount *, uint32_t, struct ufs1_dinode *);

/* ffs_vnops.c */
size_t	ffs_read(const struct ufsmount *, const struct ufs1_dinode *, uint64_t,
	    void *, size_t);

/* ufs_lookup.c */
bool	ufs_lookup(const struct ufsmount *, const char *, struct ufs1_dinode *);

#endif
