/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Xen's time: nanoseconds since the machine started.
 */
#include <hypervisor.h>
#include <evtchn.h>

static uint64_t
rdtsc(void)
{
	uint32_t low, high;

	__asm volatile("rdtsc" : "=a" (low), "=d" (high));
	return (uint64_t)high << 32 | low;
}

/* Xen tells when it last looked, and how fast the processor has counted since. */
uint64_t
xen_clock(void)
{
	volatile __typeof__(HYPERVISOR_shared_info->time) *t =
	    &HYPERVISOR_shared_info->time;
	uint64_t passed, now;
	uint32_t version;

	do {
		version = t->version;
		passed = rdtsc() - t->tsc_timestamp;
		passed = t->tsc_shift < 0 ? passed >> -t->tsc_shift :
		    passed << t->tsc_shift;
		now = t->system_time + (uint64_t)
		    ((unsigned __int128)passed * t->tsc_to_system_mul >> 32);
	} while ((version & 1) != 0 || version != t->version);
	return now;
}

void
xen_sleep(uint64_t nanoseconds)
{
	struct {
		const uint32_t	*ports;
		uint32_t	 nr_ports;
		uint64_t	 timeout;
	} poll = { NULL, 0, xen_clock() + nanoseconds };

	hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll, NULL);
}
