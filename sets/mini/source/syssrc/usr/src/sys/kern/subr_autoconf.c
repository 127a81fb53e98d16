/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The configuration's tables.
 */
#include <sys/systm.h>

static void
print_table(const char *what, const char *const *table)
{
	while (*table != NULL)
		printf("%s: %s\n", what, *table++);
}

/* Little attaches, since there are few drivers; -v shows what was asked for. */
void
configure(void)
{
	if (boothowto_verbose) {
		print_table("options", cfoptions);
		print_table("device", cfdata);
		print_table("pseudo-device", pdevinit);
	}
#if NXBD > 0
	xenbus_attach();
#endif
}
