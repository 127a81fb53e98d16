/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _XEN_XENBUS_H_
#define	_XEN_XENBUS_H_

#include <sys/systm.h>

#include <xen.h>

/* xenbus_comms.c */
void	xb_init_comms(struct xenstore_domain_interface *, uint32_t);
bool	xb_there(void);
bool	xb_write(const void *, size_t);
bool	xb_read(void *, size_t);

/* xenbus_xs.c */
bool	xenbus_directory(const char *, char *, size_t);
bool	xenbus_read(const char *, const char *, char *, size_t);
bool	xenbus_read_ul(const char *, const char *, unsigned long *);
bool	xenbus_printf(const char *, const char *, const char *, ...)
	    __printflike(3, 4);

/* xbd_xenbus.c */
void	xbd_xenbus_attach(const char *);

#endif
