/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The root, where it is on a virtual disk.
 */
#include <sys/disk.h>
#include <sys/errno.h>
#include <sys/mount.h>
#include <sys/systm.h>

/* xbd0a: 0; not one of these: none there is */
static unsigned
disk_of(const char *root)
{
	unsigned unit = 0;

	if (memcmp(root, "xbd", 3) != 0)
		return ndisks;
	for (root += 3; *root >= '0' && *root <= '9'; root++)
		unit = unit * 10 + (unsigned)(*root - '0');
	return unit;
}

/*
 * A domain that was given no disks is told so and goes on; one whose disk
 * holds no root cannot, and NetBSD would ask for another.
 */
bool
vfs_mountroot(struct ufsmount *mp, const char *root)
{
	int error = ffs_mount(mp, disk_of(root));

	if (error == ENXIO) {
		printf("%s: there is no such disk\n", root);
		return false;
	}
	if (error != 0) {
		printf("cannot mount root, error = %u\n", (unsigned)error);
		printf("root device (default %s): ", root);
		cpu_reboot(RB_HALT);
	}
	return true;
}
