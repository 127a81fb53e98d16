/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The devices that dom0 has for this domain.
 */
#include <xenbus.h>
#include <xengnt.h>

#define	FOLDER	"device/vbd"

/* The store lists them in the order in which the toolstack made them. */
void
xenbus_attach(void)
{
	char names[256];

	if (!xb_there())
		return;
	printf("xenbus0 at hypervisor0: Xen Virtual Bus Interface\n");
	if (!xenbus_directory(FOLDER, names, sizeof names))
		return;
	xengnt_init();
	for (const char *id = names; *id != '\0'; id += strlen(id) + 1)
		xbd_xenbus_attach(id);
}
