/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Event channels, asked instead of handled: nothing interrupts this kernel.
 */
#include <hypervisor.h>
#include <evtchn.h>
#include <vmparam.h>

static union {
	struct shared_info	info;
	char			page[PAGE_SIZE];
} shared __attribute__((__aligned__(PAGE_SIZE)));

volatile struct shared_info *const HYPERVISOR_shared_info = &shared.info;

void
evtchn_init(uint64_t frame)
{
	hypervisor_map(&shared, XENMAPSPACE_shared_info, frame);
}

/* A port that the other domain can bind to; 0: there is none. */
uint32_t
evtchn_alloc(uint16_t domid)
{
	struct {
		uint16_t dom, remote_dom;
		uint32_t port;
	} op = { DOMID_SELF, domid, 0 };

	if (hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &op,
	    NULL) != 0)
		return 0;
	return op.port;
}

void
evtchn_notify(uint32_t port)
{
	hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &port, NULL);
}

/*
 * Sleep until there is an event, or until that time: false.  An event that
 * came since the last call counts, so none is missed by looking first.
 */
bool
evtchn_wait(uint32_t port, uint64_t until)
{
	struct {
		const uint32_t	*ports;
		uint32_t	 nr_ports;
		uint64_t	 timeout;
	} poll = { &port, 1, until };

	hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll, NULL);
	__atomic_fetch_and(&shared.info.evtchn_pending[port / 64],
	    ~(1UL << port % 64), __ATOMIC_SEQ_CST);
	return xen_clock() < until;
}
