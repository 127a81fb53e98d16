/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * options INCLUDE_CONFIG_FILE: the configuration's own text.
 */
#include <sys/systm.h>

#include "config_file.h"

/* The text is in the form of vis(3); \ooo is all that config(1) makes of it. */
void
config_print(void)
{
	const char *p;

	for (p = config; *p != '\0'; p++)
		if (*p == '\\') {
			printf("%c", (p[1] - '0') << 6 | (p[2] - '0') << 3 |
			    (p[3] - '0'));
			p += 3;
		} else
			printf("%c", *p);
}
