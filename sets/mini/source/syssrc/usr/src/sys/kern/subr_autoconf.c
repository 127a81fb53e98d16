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

/* Nothing attaches, since there are no drivers; -v shows what was asked for. */
void
configure(void)
{
	if (!boothowto_verbose)
		return;
	print_table("options", cfoptions);
	print_table("not configured", cfdata);
	print_table("pseudo-device", pdevinit);
}
