/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <sys/systm.h>

void *
memset(void *to, int c, size_t n)
{
	unsigned char *p = to;

	while (n-- > 0)
		*p++ = (unsigned char)c;
	return to;
}
