/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <sys/systm.h>

#include <hypervisor.h>

static char *
put(char *to, const char *end, const char *from)
{
	while (*from != '\0' && to < end)
		*to++ = *from++;
	*to = '\0';
	return to;
}

/* The hypervisor below: `Xen version 4.17.7, PV' */
void
cpu_identify(char *buf, size_t size)
{
	const char *end = buf + size - 1;
	char extra[16] = "", number[3] = "";
	long v = hypercall(__HYPERVISOR_xen_version, XENVER_version, NULL, NULL);

	hypercall(__HYPERVISOR_xen_version, XENVER_extraversion, extra, NULL);
	buf = put(buf, end, "Xen version ");
	for (int shift = 16; shift >= 0; shift -= 16) {
		long n = (v >> shift) & 0xffff;

		number[0] = (char)('0' + n / 10 % 10);
		number[1] = (char)('0' + n % 10);
		buf = put(buf, end, number + (n < 10));
		buf = put(buf, end, shift > 0 ? "." : "");
	}
	extra[sizeof extra - 1] = '\0';
	buf = put(buf, end, extra);
	put(buf, end, bootinfo.pvh ? ", PVH" : ", PV");
}
