/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * In place of init(8) and /etc/rc: a look at the root and for the partition
 * with the configuration, and proof of what can be written.
 */
#include <sys/disk.h>
#include <sys/mount.h>
#include <sys/systm.h>

#define	MARKER		"GOLDMASTER"	/* as the rc script of a server has it */
#define	WRITE_TEST	"WRITE-TEST"
#define	TEST_SECTOR	2		/* nobody's: boot code would be there */

static char	text[4096];

/* The line of a file that begins so, without its end; NULL: there is none. */
static const char *
line_of(const struct ufsmount *mp, const char *path, const char *begin)
{
	struct ufs1_dinode inode;
	size_t n, len = strlen(begin);
	char *line, *p;

	if (!ufs_lookup(mp, path, &inode) || (inode.di_mode & IFMT) != IFREG)
		return NULL;
	n = ffs_read(mp, &inode, 0, text, sizeof text - 1);
	text[n] = '\0';
	for (line = text; *line != '\0'; line = p) {
		for (p = line; *p != '\n' && *p != '\0'; p++)
			continue;
		if (*p == '\n')
			*p++ = '\0';
		if (strlen(line) >= len && memcmp(line, begin, len) == 0)
			return line;
	}
	return NULL;
}

static void
show_line(const struct ufsmount *mp, const char *path, const char *begin)
{
	const char *line = line_of(mp, path, begin);

	printf("xbd%u: %s: %s\n", mp->um_disk, path,
	    line != NULL ? line : "no such line");
}

static void
write_test(unsigned disk)
{
	static const char mark[DEV_BSIZE] = "goldmaster-mini has been here\n";
	bool done = disk_write(disk, TEST_SECTOR, mark) &&
	    disk_read(disk, TEST_SECTOR * DEV_BSIZE, text, sizeof mark) &&
	    memcmp(text, mark, sizeof mark) == 0;

	printf("xbd%u: write %s\n", disk, done ? "done" : "refused");
}

static void
find_configuration(unsigned root)
{
	struct ufsmount mount;
	struct ufs1_dinode inode;
	bool found = false;

	for (unsigned disk = 0; disk < ndisks; disk++) {
		if (disk == root || ffs_mount(&mount, disk) != 0 ||
		    !ufs_lookup(&mount, MARKER, &inode))
			continue;
		if (found) {
			printf("goldmaster: the marker is on xbd%u too; "
			    "that is ignored.\n", disk);
			continue;
		}
		found = true;
		printf("goldmaster: the configuration is on xbd%u.\n", disk);
		show_line(&mount, "local/server.conf", "hostname=");
		if (ufs_lookup(&mount, WRITE_TEST, &inode))
			write_test(disk);
	}
	if (!found)
		printf("goldmaster: no disk has the file /%s.\n", MARKER);
}

void
start_init(const char *rootdev)
{
	struct ufsmount root;

	if (!vfs_mountroot(&root, rootdev))
		return;
	show_line(&root, "etc/release", "");
	find_configuration(root.um_disk);
	write_test(root.um_disk);
}
