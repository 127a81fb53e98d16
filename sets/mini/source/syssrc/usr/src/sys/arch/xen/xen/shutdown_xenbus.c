/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * How the toolstack asks a domain to end: `xl shutdown', `xl reboot'.
 */
#include <sys/systm.h>

#include <evtchn.h>
#include <xenbus.h>

#define	INTERVAL	(SECONDS / 4)

/* Wait to be asked.  Without a store nobody can: RB_HALT at once. */
enum reboot
shutdown_xenbus_wait(void)
{
	char how[16] = "";

	while (xb_there()) {
		if (xenbus_read("control", "shutdown", how, sizeof how) &&
		    *how != '\0') {
			xenbus_printf("control", "shutdown", "%s", "");
			printf("xenbus0: %s requested\n", how);
			return memcmp(how, "reboot", 7) == 0 ? RB_AUTOBOOT :
			    RB_POWERDOWN;
		}
		xen_sleep(INTERVAL);
	}
	return RB_HALT;
}
