/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <sys/systm.h>

#include <hypervisor.h>

#define	DEBUGEXIT_PORT	0xf4	/* QEMU's isa-debug-exit: status is value * 2 + 1 */
#define	DEBUGEXIT_VALUE	16

static void
debug_exit(void)
{
	uint32_t iopl = 1;

	/* Xen sends its console's buffer by interrupts: let the last lines out. */
	for (unsigned n = 0; n < 1 << 13; n++)
		hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL, NULL);
	if (!bootinfo.pvh)
		hypercall(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl, NULL);
	__asm volatile("outl %0, %1" : : "a" (DEBUGEXIT_VALUE),
	    "dN" ((uint16_t)DEBUGEXIT_PORT));
}

/*
 * Halting is polling for nothing and for ever: SCHEDOP_block would let events
 * through, for which there is no handler, and hlt with interrupts off is how
 * a PVH domain powers itself off.
 */
void
cpu_reboot(enum reboot how)
{
	struct {
		const uint32_t	*ports;
		uint32_t	 nr_ports;
		uint64_t	 timeout;
	} poll = { NULL, 0, 0 };
	uint32_t reason;

#if NXBD > 0
	if (how == RB_HALT)
		how = shutdown_xenbus_wait();
#endif
	reason = how == RB_AUTOBOOT ? SHUTDOWN_reboot :
	    how == RB_CRASH ? SHUTDOWN_crash : SHUTDOWN_poweroff;
	if (how == RB_DEBUGEXIT)
		debug_exit();		/* back here: nobody listens on the port */
	if (how != RB_HALT)
		hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &reason, NULL);
	for (;;)
		hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll, NULL);
}
