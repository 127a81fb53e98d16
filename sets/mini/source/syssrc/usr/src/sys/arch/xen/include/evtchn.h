/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _XEN_EVTCHN_H_
#define	_XEN_EVTCHN_H_

#include <sys/types.h>

#define	SECONDS	1000000000UL	/* of Xen's clock */

extern volatile struct shared_info *const HYPERVISOR_shared_info;

/* evtchn.c */
void	evtchn_init(uint64_t);
uint32_t evtchn_alloc(uint16_t);
void	evtchn_notify(uint32_t);
bool	evtchn_wait(uint32_t, uint64_t);

/* xen_clock.c */
uint64_t xen_clock(void);
void	xen_sleep(uint64_t);

#endif
