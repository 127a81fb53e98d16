/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The words of the command line.
 */
#include <sys/systm.h>

/*
 * Is NAME, or NAME=VALUE, among the words?  The value goes to buf, cut to
 * fit; where there is none buf is the empty string.
 */
bool
bootarg(const char *name, char *buf, size_t size)
{
	const char *p, *word;
	size_t len = strlen(name), n;

	for (p = bootinfo.cmdline; *p != '\0';) {
		for (word = p; *p != ' ' && *p != '\0'; p++)
			continue;
		n = (size_t)(p - word);
		while (*p == ' ')
			p++;
		if (n < len || memcmp(word, name, len) != 0 ||
		    (n > len && word[len] != '='))
			continue;
		if (size > 0) {
			n = n > len ? n - len - 1 : 0;
			if (n >= size)
				n = size - 1;
			memcpy(buf, word + len + 1, n);
			buf[n] = '\0';
		}
		return true;
	}
	return false;
}
