/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Words and messages.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

const char	*cfgfile;
int		 cfgline;

/* All errors of a configuration are shown in one run, so this returns. */
void
cfgerror(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", cfgfile, cfgline);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	errors++;
}

/* The string that begins at the quote *p; returns the place behind it. */
static char *
scan_string(char *p, struct word *w)
{
	char *to;

	w->type = STRING;
	w->text = to = xrealloc(NULL, strlen(p));
	for (p++; *p != '"' && *p != '\n' && *p != '\0'; p++) {
		if (p[0] == '\\' && p[1] == '"')
			p++;
		*to++ = *p;
	}
	*to = '\0';
	if (*p != '"')
		cfgerror("unterminated string");
	else
		p++;
	return p;
}

/* The plain word that begins at p; returns the place behind it. */
static char *
scan_word(char *p, struct word *w)
{
	size_t n = strcspn(p, " \t\r\n\"=,#");

	w->type = WORD;
	w->text = xrealloc(NULL, n + 1);
	memcpy(w->text, p, n);
	w->text[n] = '\0';
	return p + n;
}

/*
 * One statement.  A line that begins with white space continues the one
 * before it, as in config(5), and counts as part of that line.
 * Returns the number of words (0: an empty line), or -1 at the end.
 */
int
scan(struct source *src, struct word **words)
{
	static char *line;
	static size_t size;
	struct word *w;
	char *p;
	int c, n = 0;

	cfgline = src->read;
	do {
		if (getline(&line, &size, src->fp) == -1)
			return n > 0 ? n : -1;
		src->read++;
		if (n == 0)
			cfgline = src->read;
		for (p = line; *p != '\0' && *p != '#';) {
			if (isspace((unsigned char)*p)) {
				p++;
				continue;
			}
			*words = xrealloc(*words, (size_t)(n + 1) * sizeof **words);
			w = &(*words)[n++];
			if (*p == '"') {
				p = scan_string(p, w);
			} else if (*p == '=' || *p == ',') {
				w->type = *p++ == '=' ? EQUALS : COMMA;
				w->text = NULL;
			} else
				p = scan_word(p, w);
		}
		if ((c = getc(src->fp)) != EOF)
			ungetc(c, src->fp);
	} while (c == ' ' || c == '\t');
	return n;
}
