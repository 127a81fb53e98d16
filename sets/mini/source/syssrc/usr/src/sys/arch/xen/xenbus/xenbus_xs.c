/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What can be asked of xenstored.  Watches are not, so whatever comes is the
 * answer to the last question.
 */
#include <xenbus.h>

#define	PATHLEN	128

/* The answer, cut to fit, ends with a NUL of its own. */
static bool
xs_talk(enum xsd_sockmsg_type type, const char *path, const char *value,
    char *answer, size_t size)
{
	struct xsd_sockmsg msg = { .type = type };
	size_t path_size = strlen(path) + 1, value_size = strlen(value), n;
	char beyond;

	msg.len = (uint32_t)(path_size + value_size);
	if (!xb_write(&msg, sizeof msg) || !xb_write(path, path_size) ||
	    !xb_write(value, value_size) || !xb_read(&msg, sizeof msg))
		return false;
	n = msg.len < size - 1 ? msg.len : size - 1;
	if (!xb_read(answer, n))
		return false;
	answer[n] = '\0';
	for (; n < msg.len; n++)
		if (!xb_read(&beyond, 1))
			return false;
	return msg.type == type;
}

/* The names in a folder, each with a NUL, and another NUL at the end. */
bool
xenbus_directory(const char *path, char *names, size_t size)
{
	if (!xs_talk(XS_DIRECTORY, path, "", names, size - 1))
		return false;
	names[size - 1] = names[size - 2] = '\0';
	return true;
}

bool
xenbus_read(const char *folder, const char *node, char *value, size_t size)
{
	char path[PATHLEN];

	snprintf(path, sizeof path, "%s/%s", folder, node);
	return xs_talk(XS_READ, path, "", value, size);
}

bool
xenbus_read_ul(const char *folder, const char *node, unsigned long *number)
{
	char value[24];
	const char *p = value;

	if (!xenbus_read(folder, node, value, sizeof value) || *p == '\0')
		return false;
	for (*number = 0; *p >= '0' && *p <= '9'; p++)
		*number = *number * 10 + (unsigned long)(*p - '0');
	return *p == '\0';
}

bool
xenbus_printf(const char *folder, const char *node, const char *fmt, ...)
{
	char path[PATHLEN], value[64], answer[8];
	__builtin_va_list ap;

	snprintf(path, sizeof path, "%s/%s", folder, node);
	__builtin_va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	__builtin_va_end(ap);
	return xs_talk(XS_WRITE, path, value, answer, sizeof answer);
}
