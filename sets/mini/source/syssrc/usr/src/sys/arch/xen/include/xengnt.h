/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _XEN_XENGNT_H_
#define	_XEN_XENGNT_H_

#include <sys/types.h>

/* xengnt.c */
void	xengnt_init(void);
uint32_t xengnt_grant_access(uint16_t, const void *);

#endif
