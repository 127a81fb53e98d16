/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The root device.
 */
#include <sys/systm.h>

/*
 * What the configuration names cannot be changed at boot; a wild card takes
 * bootdev= from the command line.  With neither, or with -a, NetBSD asks at
 * the console, where nobody sits: so does this, and waits for ever.
 */
const char *
setroot(void)
{
	static char bootdev[32];
	const char *root = rootspec;

	if (*root == '?') {
		if (!bootarg("bootdev", bootdev, sizeof bootdev))
			bootarg("root", bootdev, sizeof bootdev);
		root = bootdev;
	}
	if (*root == '\0' || bootarg("-a", NULL, 0)) {
		printf("root device (default %s): ", *root != '\0' ? root : "wd0a");
		cnflush();
		cpu_reboot(RB_HALT);
	}
	printf("root on %s type %s dumps on %s\n", root, rootfstype, dumpspec);
	return root;
}
