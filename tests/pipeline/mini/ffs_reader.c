/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * ffs_reader IMAGE PATH ... -- the miniature's reader of FFS on a host's file:
 * mode, size and content of each path, or `none'; or exit with the error of mounting.
 */
#include <sys/disk.h>
#include <fs.h>

int open(const char *, int, ...);
long pread(int, void *, size_t, long), write(int, const void *, size_t);
int dprintf(int, const char *, ...);

unsigned ndisks = 1;

static int image;
static char content[1 << 20];

bool
disk_read(unsigned disk, uint64_t offset, void *to, size_t size)
{
	return disk == 0 && offset < 1UL << 40 &&
	    pread(image, to, size, (long)offset) == (long)size;
}

int
main(int argc, char **argv)
{
	struct ufsmount mount;
	struct ufs1_dinode inode;
	int error;

	image = open(argv[1], 0);
	if ((error = ffs_mount(&mount, 0)) != 0)
		return error;
	for (int i = 2; i < argc; i++) {
		if (!ufs_lookup(&mount, argv[i], &inode)) {
			dprintf(1, "none\n");
			continue;
		}
		size_t n = ffs_read(&mount, &inode, 0, content, sizeof content);
		dprintf(1, "%o %lu\n", inode.di_mode, n);
		write(1, content, n);
	}
	return 0;
}
