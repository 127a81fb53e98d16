/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The page shared with xenstored: a ring each way.
 */
#include <evtchn.h>
#include <xenbus.h>

#define	PATIENCE	(30 * SECONDS)

static struct xenstore_domain_interface	*ring;	/* NULL: no store, or none any more */
static uint32_t				 evtchn;

void
xb_init_comms(struct xenstore_domain_interface *page, uint32_t port)
{
	ring = page;
	evtchn = port;
}

bool
xb_there(void)
{
	return ring != NULL;
}

/* Wait while *count stays so.  One that does not answer is not asked again. */
static bool
wait_for(const uint32_t *count, uint32_t so)
{
	uint64_t until = xen_clock() + PATIENCE;

	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) == so)
		if (!evtchn_wait(evtchn, until)) {
			printf("xenbus0: xenstored does not answer\n");
			ring = NULL;
			return false;
		}
	return true;
}

bool
xb_write(const void *data, size_t n)
{
	const char *p = data;
	uint32_t prod;

	while (ring != NULL && n > 0) {
		prod = ring->req_prod;
		if (!wait_for(&ring->req_cons, prod - sizeof ring->req))
			return false;
		ring->req[prod % sizeof ring->req] = *p++;
		__atomic_store_n(&ring->req_prod, prod + 1, __ATOMIC_RELEASE);
		if (--n == 0 || prod + 1 - ring->req_cons == sizeof ring->req)
			evtchn_notify(evtchn);
	}
	return ring != NULL;
}

bool
xb_read(void *data, size_t n)
{
	char *p = data;
	uint32_t cons;

	while (ring != NULL && n > 0) {
		cons = ring->rsp_cons;
		if (!wait_for(&ring->rsp_prod, cons))
			return false;
		*p++ = ring->rsp[cons % sizeof ring->rsp];
		__atomic_store_n(&ring->rsp_cons, cons + 1, __ATOMIC_RELEASE);
		if (--n == 0)
			evtchn_notify(evtchn);
	}
	return ring != NULL;
}
