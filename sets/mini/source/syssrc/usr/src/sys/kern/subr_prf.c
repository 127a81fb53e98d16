/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * printf and snprintf with %c, %s, %.*s, %u, %lu, %x and %lx.
 */
#include <sys/systm.h>

/* A line is written at once: other domains share Xen's console. */
static char	line[256];
static size_t	fill;
static char	*string;	/* of snprintf; NULL: to the console */
static size_t	room;		/* in the string */

/* For what has no newline: a prompt. */
void
cnflush(void)
{
	cnwrite(line, fill);
	fill = 0;
}

static void
putchar(char c)
{
	if (string != NULL) {
		if (room > 1) {
			*string++ = c;
			room--;
		}
		return;
	}
	line[fill++] = c;
	if (c == '\n' || fill == sizeof line)
		cnflush();
}

static void
putnumber(uint64_t value, unsigned base)
{
	char digits[20];
	unsigned n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while ((value /= base) != 0);
	while (n > 0)
		putchar(digits[--n]);
}

static void
kprintf(const char *fmt, __builtin_va_list ap)
{
	const char *s;
	size_t limit;
	bool wide;

	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			putchar(*fmt);
			continue;
		}
		limit = ~0UL;
		if (fmt[1] == '.' && fmt[2] == '*') {
			limit = (size_t)__builtin_va_arg(ap, int);
			fmt += 2;
		}
		wide = fmt[1] == 'l';
		fmt += wide ? 2 : 1;
		switch (*fmt) {
		case 'c':
			putchar((char)__builtin_va_arg(ap, int));
			break;
		case 's':
			for (s = __builtin_va_arg(ap, char *);
			    limit-- > 0 && *s != '\0'; s++)
				putchar(*s);
			break;
		case 'u':
		case 'x':
			putnumber(wide ? __builtin_va_arg(ap, unsigned long) :
			    __builtin_va_arg(ap, unsigned), *fmt == 'u' ? 10 : 16);
			break;
		default:
			putchar(*fmt);
		}
	}
}

void
printf(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	kprintf(fmt, ap);
	__builtin_va_end(ap);
	/* a prompt has no newline and nothing after it */
	if (fill > 0 && line[fill - 1] == ' ')
		cnflush();
}

/* What does not fit is cut off. */
void
vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
	string = buf;
	room = size;
	kprintf(fmt, ap);
	*string = '\0';
	string = NULL;
}

void
snprintf(char *buf, size_t size, const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vsnprintf(buf, size, fmt, ap);
	__builtin_va_end(ap);
}
