/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Xen's console.  The privileged domain writes to the hypervisor's own; the
 * others have a ring which a daemon in that domain reads.  With console=pc the
 * privileged domain writes to the screen instead.
 */
#include <sys/systm.h>

#include <hypervisor.h>

static struct xencons_interface	*ring;		/* NULL: the hypervisor's */
static uint32_t			 evtchn;
static bool			 vga;

void
xencons_attach(struct xencons_interface *page, uint32_t port)
{
	ring = page;
	evtchn = port;
}

void
consinit(void)
{
	char name[4];

	vga = bootinfo.dom0 && bootarg("console", name, sizeof name) &&
	    memcmp(name, "pc", 3) == 0;
#ifdef DOM0OPS
	if (vga)
		vga_cnattach();
#endif
}

static void
ring_putc(char c)
{
	/* A domain whose console nobody reads must come up all the same. */
	unsigned patience = 1 << 16;
	uint32_t prod = ring->out_prod;

	while (prod - *(volatile uint32_t *)&ring->out_cons >= sizeof ring->out)
		if (patience-- == 0)
			return;
		else
			hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL, NULL);
	ring->out[prod % sizeof ring->out] = c;
	/* the reader must not see the count before the character */
	__atomic_store_n(&ring->out_prod, prod + 1, __ATOMIC_RELEASE);
}

void
cnwrite(const char *s, size_t n)
{
#ifdef DOM0OPS
	if (vga) {
		vga_cnwrite(s, n);
		return;
	}
#endif
	if (ring == NULL) {
		hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, (void *)n, s);
		return;
	}
	while (n-- > 0) {
		if (*s == '\n')
			ring_putc('\r');
		ring_putc(*s++);
	}
	hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &evtchn, NULL);
}
